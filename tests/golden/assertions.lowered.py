# Made from assertions.na by: python -m pytest tests/golden --update-golden
def check(x):
    if not x:
        raise _assertion_()
    if not x > 0:
        raise _assertion_(f'{x} is too small')
    return x
