# Made from unpacking.na by: python -m pytest tests/golden --update-golden
def split(pairs):
    a, b = pairs[0]
    (c, d), *rest = _room_(None, pairs, 1)
    e = f = a
    [g, h] = b
    for key, (left, right) in rest:
        try:
            e = e + (left if _type_(left) is _int_ or _type_(left) is _float_ or (_type_(left) is _str_ and _len_(left) < 65536) else _room_(e, left, '+'))
        except _type_error_:
            e = e + (left if _type_(left) is _int_ or _type_(left) is _float_ or (_type_(left) is _str_ and _len_(left) < 65536) else _room_(e, left, '+')) if _type_(e) is _type_(left) else _add_(e, left)
    return (a, c, *_room_(None, rest, 1))
