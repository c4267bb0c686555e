# Made from typed_assignment.na by: python -m pytest tests/golden --update-golden
n = _to_int_('5')
x = _to_float_(1)
flag = _to_bool_('yes')
rows = _to_list_('[1, 2]')
either = n

def f(d):
    d.key = _to_str_(5)
    d['k'] = _to_int_(2.7)
    y = _coerce_({1}, 'set')
    return (d, y)
