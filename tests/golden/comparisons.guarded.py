# Made from comparisons.na by: python -m pytest tests/golden --update-golden
def inside(low, x, high):
    return ((low if _type_(low) is _int_ or _type_(low) is _str_ or _type_(low) is _float_ else _room_(None, low, '==')) <= (x if _type_(x) is _int_ or _type_(x) is _str_ or _type_(x) is _float_ else _room_(None, x, '==')) if _type_(low) is _type_(x) else _le_(low, x)) and ((x if _type_(x) is _int_ or _type_(x) is _str_ or _type_(x) is _float_ else _room_(None, x, '==')) < (high if _type_(high) is _int_ or _type_(high) is _str_ or _type_(high) is _float_ else _room_(None, high, '==')) if _type_(x) is _type_(high) else _lt_(x, high))

def same(a, b):
    return ((a if _type_(a) is _int_ or _type_(a) is _str_ or _type_(a) is _float_ else _room_(None, a, '==')) == (b if _type_(b) is _int_ or _type_(b) is _str_ or _type_(b) is _float_ else _room_(None, b, '==')) if _type_(a) is _type_(b) else _eq_(a, b)) and a is not None or (b if _type_(b) is _int_ or _type_(b) is _str_ or _type_(b) is _float_ else _room_(None, b, '==')) in [1, 2, 3]

def dana_g_typed(n):
    return (lambda dana_v1: _lt_(0, dana_v1) and _le_(dana_v1, 10))(n)

def typed(n):
    if _type_(n) is not _int_:
        return dana_g_typed(n)
    return 0 < n <= 10
