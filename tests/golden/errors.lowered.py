# Made from errors.na by: python -m pytest tests/golden --update-golden
def careful(f, x):
    try:
        value = f(x)
    except _kinds_(ZeroDivisionError):
        value = 0
    except _kinds_((KeyError, IndexError)) as dana_e1:
        e = _caught_(dana_e1)
        value = e.message
    except _kinds_('Exception') as dana_e2:
        e = _caught_(dana_e2)
        return e.type
    else:
        value = value + 1
    finally:
        print('done')
    return value
