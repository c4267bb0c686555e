# Made from assertions.na by: python -m pytest tests/golden --update-golden
def check(x):
    if not x:
        raise _assertion_()
    if not (x > 0 if _type_(x) is not _str_ else _gt_(x, 0)):
        raise _assertion_(f"{_text_(x, None, '')} is too small")
    return x
