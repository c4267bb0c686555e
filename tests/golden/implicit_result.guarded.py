# Made from implicit_result.na by: python -m pytest tests/golden --update-golden
def dana_g_last(x):
    """Not this."""
    if _truth_(_gt_(x, 1)):
        return x * (2 if _type_(x) is _int_ or _type_(x) is _float_ else _room_(x, 2, '*'))
    else:
        y = _add_(x, 1)
        return y

def last(x):
    """Not this."""
    if _type_(x) is not _int_ and _type_(x) is not _float_:
        return dana_g_last(x)
    if x > 1:
        return x * 2
    else:
        y = x + 1
        return y

def loop(items):
    for i in items:
        print(i)

def caught(f):
    try:
        return f()
    except _kinds_('Exception'):
        return 'failed'
