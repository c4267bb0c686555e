# Made from coercion.na by: python -m pytest tests/golden --update-golden
def label(n):
    return 'n=' + n if _type_(n) is _str_ else _add_('n=', n)

def total(a, b):
    try:
        s = a + (b if _type_(b) is _int_ or _type_(b) is _float_ or (_type_(b) is _str_ and _len_(b) < 65536) else _room_(a, b, '+'))
    except _type_error_:
        s = a + (b if _type_(b) is _int_ or _type_(b) is _float_ or (_type_(b) is _str_ and _len_(b) < 65536) else _room_(a, b, '+')) if _type_(a) is _type_(b) else _add_(a, b)
    try:
        s = s + 1
    except _type_error_:
        s = s + 1 if _type_(s) is not _str_ else _add_(s, 1)
    return s

def is_five(x):
    return (x == '5' if _type_(x) is _str_ else _eq_(x, '5')) or (x == 5 if _type_(x) is not _str_ else _eq_(x, 5))
