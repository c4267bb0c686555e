# Made from arithmetic.na by: python -m pytest tests/golden --update-golden
def dana_g_mixed(a, b):
    return (_add_(a, b * (2 if _type_(b) is _int_ or _type_(b) is _float_ else _room_(b, 2, '*'))) - 1) / _add_(b // 3, 1)

def mixed(a, b):
    if _type_(b) is not _int_ and _type_(b) is not _float_:
        return dana_g_mixed(a, b)
    try:
        return (a + b * 2 - 1) / (b // 3 + 1)
    except _type_error_:
        return ((a + dana_v1 if _type_(a) is _type_((dana_v1 := (b * 2))) else _add_(a, dana_v1)) - 1) / (b // 3 + 1)

def dana_g_known(a, b):
    c = _add_(a, b)
    return (dana_p1 := (c * (2 if _type_(c) is _int_ or _type_(c) is _float_ else _room_(c, 2, '*')))) % (7 if _type_(dana_p1) is not _str_ else _room_(dana_p1, 7, '%'))

def known(a, b):
    if _type_(a) is not _int_ or _type_(b) is not _int_:
        return dana_g_known(a, b)
    c = a + b
    return c * 2 % 7

def dana_g_powers(x):
    return _add_((dana_p2 := (-x)) ** (2 if _type_(dana_p2) is _float_ or (_type_(dana_p2) is _int_ and -1073741823 < dana_p2 < 1073741823) else _room_(dana_p2, 2, '**')), 2 ** -1)

def powers(x):
    if _type_(x) is not _float_:
        return dana_g_powers(x)
    return (-x) ** 2 + 2 ** -1
