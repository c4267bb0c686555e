# Made from implicit_result.na by: python -m pytest tests/golden --update-golden
def last(x):
    """Not this."""
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
