# Made from decorators.na by: python -m pytest tests/golden --update-golden
def logged(f):
    return lambda x: f(x)

def times(n):
    return lambda f: lambda x: (dana_p1 := f(x)) * (n if _type_(n) is _int_ and _type_(dana_p1) is _int_ and (-1073741823 < n < 1073741823) or _type_(n) is _float_ or _type_(dana_p1) is _float_ else _room_(dana_p1, n, '*'))

@logged
@times(3)
def inc(x):
    try:
        return x + 1
    except _type_error_:
        return x + 1 if _type_(x) is not _str_ else _add_(x, 1)
