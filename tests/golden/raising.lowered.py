# Made from raising.na by: python -m pytest tests/golden --update-golden
def fail(kind, cause):
    if kind == 1:
        raise _exception_('text')
    if kind == 2:
        raise _exception_(ValueError('bad')) from _exception_(cause)
    try:
        return fail(1, None)
    except _kinds_(RuntimeError) as dana_e1:
        e = _caught_(dana_e1)
        raise _exception_(KeyError('again')) from _exception_(e)
    except _kinds_('Exception'):
        raise
