# Made from strict.na by: python -m pytest tests/golden --update-golden
def label(n):
    return 'n=' + n

def same(a, b):
    return (a if _type_(a) is _int_ or _type_(a) is _str_ or _type_(a) is _float_ else _room_(None, a, '==')) == (b if _type_(b) is _int_ or _type_(b) is _str_ or _type_(b) is _float_ else _room_(None, b, '=='))
