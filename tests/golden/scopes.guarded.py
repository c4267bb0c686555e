# Made from scopes.na by: python -m pytest tests/golden --update-golden
dana_private_count = 0
_public_.limit = 3

def up():
    global dana_private_count
    try:
        dana_private_count = dana_private_count + 1
    except _type_error_:
        dana_private_count = dana_private_count + 1 if _type_(dana_private_count) is not _str_ else _add_(dana_private_count, 1)
    x = dana_private_count
    _system_.last = x
    return (x if _type_(x) is _int_ or _type_(x) is _str_ or _type_(x) is _float_ else _room_(None, x, '==')) < (dana_v1 if _type_(dana_v1) is _int_ or _type_(dana_v1) is _str_ or _type_(dana_v1) is _float_ else _room_(None, dana_v1, '==')) if _type_(x) is _type_((dana_v1 := _public_.limit)) else _lt_(x, dana_v1)

def read():
    try:
        return (dana_p1 := dana_private_count) + (dana_p2 if _type_((dana_p2 := _public_.limit)) is _int_ or _type_(dana_p2) is _float_ or (_type_(dana_p2) is _str_ and _len_(dana_p2) < 65536) else _room_(dana_p1, dana_p2, '+'))
    except _type_error_:
        return dana_v2 + (dana_v3 if _type_(dana_v3) is _int_ or _type_(dana_v3) is _float_ or (_type_(dana_v3) is _str_ and _len_(dana_v3) < 65536) else _room_(dana_v2, dana_v3, '+')) if _type_((dana_v2 := dana_private_count)) is _type_((dana_v3 := _public_.limit)) else _add_(dana_v2, dana_v3)
