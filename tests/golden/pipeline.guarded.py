# Made from pipeline.na by: python -m pytest tests/golden --update-golden
def double(x):
    return x * (2 if _type_(x) is _int_ or _type_(x) is _float_ else _room_(x, 2, '*'))

def add(x, y):
    try:
        return x + (y if _type_(y) is _int_ or _type_(y) is _float_ or (_type_(y) is _str_ and _len_(y) < 65536) else _room_(x, y, '+'))
    except _type_error_:
        return x + (y if _type_(y) is _int_ or _type_(y) is _float_ or (_type_(y) is _str_ and _len_(y) < 65536) else _room_(x, y, '+')) if _type_(x) is _type_(y) else _add_(x, y)

def both(p):
    try:
        return (dana_p1 := p[0]) + (dana_p2 if _type_((dana_p2 := p[1])) is _int_ or _type_(dana_p2) is _float_ or (_type_(dana_p2) is _str_ and _len_(dana_p2) < 65536) else _room_(dana_p1, dana_p2, '+'))
    except _type_error_:
        return dana_v1 + (dana_v2 if _type_(dana_v2) is _int_ or _type_(dana_v2) is _float_ or (_type_(dana_v2) is _str_ and _len_(dana_v2) < 65536) else _room_(dana_v1, dana_v2, '+')) if _type_((dana_v1 := p[0])) is _type_((dana_v2 := p[1])) else _add_(dana_v1, dana_v2)

def simple(x):
    return double(double(x))

def with_args(x, n):
    dana_t1 = add(x, n)
    return double(add(1, dana_t1))

def named(x):
    d = double(x)
    return add(d)

def parallel(x):
    return both([double(x), add(x, 3)])
