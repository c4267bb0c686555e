# Made from raising.na by: python -m pytest tests/golden --update-golden
def dana_k_fail(kind, cause):
    if kind == 1:
        raise _exception_('text')
    if kind == 2:
        raise _exception_(ValueError('bad')) from _exception_(cause)
    try:
        return dana_k_fail(1, None)
    except _kinds_(RuntimeError) as dana_e1:
        e = _caught_(dana_e1)
        raise _exception_(KeyError('again')) from _exception_(e)
    except _kinds_('Exception'):
        raise

def dana_g_fail(kind, cause):
    if _truth_(_eq_(kind, 1)):
        raise _exception_('text')
    if _truth_(_eq_(kind, 2)):
        raise _exception_(ValueError('bad')) from _exception_(cause)
    try:
        return fail(1, None)
    except _kinds_(RuntimeError) as dana_e1:
        e = _caught_(dana_e1)
        raise _exception_(KeyError('again')) from _exception_(e)
    except _kinds_('Exception'):
        raise

def fail(kind, cause):
    if _type_(kind) is not _int_ and _type_(kind) is not _float_:
        return dana_g_fail(kind, cause)
    if kind == 1:
        raise _exception_('text')
    if kind == 2:
        raise _exception_(ValueError('bad')) from _exception_(cause)
    try:
        return dana_k_fail(1, None)
    except _kinds_(RuntimeError) as dana_e1:
        e = _caught_(dana_e1)
        raise _exception_(KeyError('again')) from _exception_(e)
    except _kinds_('Exception'):
        raise
