# Made from typed_assignment.na by: python -m pytest tests/golden --update-golden
n = '5' if _type_('5') is _int_ else _to_int_('5')
x = 1 if _type_(1) is _float_ else _to_float_(1)
flag = 'yes' if _type_('yes') is _bool_ else _to_bool_('yes')
rows = '[1, 2]' if _type_('[1, 2]') is _list_ else _to_list_('[1, 2]')
either = n

def dana_g_f(d):
    dana_p1 = _to_str_(5)
    _setattr_(d, 'key', dana_p1)
    dana_p1 = None
    d['k'] = _to_int_(2.7)
    y = _coerce_({1}, 'set')
    return (d, y)

def f(d):
    if _type_(d) is not _dict_:
        return dana_g_f(d)
    dana_p2 = 5 if _type_(5) is _str_ else _to_str_(5)
    _setattr_(d, 'key', dana_p2)
    dana_p2 = None
    d['k'] = 2.7 if _type_(2.7) is _int_ else _to_int_(2.7)
    y = _coerce_({1}, 'set')
    return (d, y)
