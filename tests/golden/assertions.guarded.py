# Made from assertions.na by: python -m pytest tests/golden --update-golden
def dana_g_check(x):
    if not x:
        raise _assertion_()
    if not _gt_(x, 0):
        raise _assertion_(f"{_text_(x, None, '')} is too small")
    return x

def check(x):
    if _type_(x) is not _int_ and _type_(x) is not _float_:
        return dana_g_check(x)
    if not x:
        raise _assertion_()
    if not x > 0:
        raise _assertion_(f'{x} is too small')
    return x
