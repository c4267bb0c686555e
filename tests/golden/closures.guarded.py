# Made from closures.na by: python -m pytest tests/golden --update-golden
def counter(start):
    count = start

    def up(by=1):
        nonlocal count
        try:
            count = count + (by if _type_(by) is _int_ or _type_(by) is _float_ or (_type_(by) is _str_ and _len_(by) < 65536) else _room_(count, by, '+'))
        except _type_error_:
            count = count + (by if _type_(by) is _int_ or _type_(by) is _float_ or (_type_(by) is _str_ and _len_(by) < 65536) else _room_(count, by, '+')) if _type_(count) is _type_(by) else _add_(count, by)
        return count
    return (up, lambda x, y=2: dana_v1 + (count if _type_(count) is _int_ or _type_(count) is _float_ or (_type_(count) is _str_ and _len_(count) < 65536) else _room_(dana_v1, count, '+')) if _type_((dana_v1 := (x + (y if _type_(y) is _int_ or _type_(y) is _float_ or (_type_(y) is _str_ and _len_(y) < 65536) else _room_(x, y, '+')) if _type_(x) is _type_(y) else _add_(x, y)))) is _type_(count) else _add_(dana_v1, count))

def outer_read():
    try:
        dana_l_base = base
    except _kinds_('NameError'):
        pass
    n = dana_l_base
    dana_l_base = 1
    return n
base = 5
