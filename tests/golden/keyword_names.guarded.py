# Made from keyword_names.na by: python -m pytest tests/golden --update-golden
class_ = 1
async_ = class_ + 1
dana_u_private = 2
dana_n_dana_x = 3

def match(type, await_=1):
    try:
        return (dana_p1 := (type.class_ if _type_(type) is not _dict_ else _getattr_(type, 'class_'))) + (await_ if _type_(await_) is _int_ or _type_(await_) is _float_ or (_type_(await_) is _str_ and _len_(await_) < 65536) else _room_(dana_p1, await_, '+')) + dana_u_private + dana_n_dana_x
    except _type_error_:
        return dana_v3 + dana_n_dana_x if _type_((dana_v3 := (dana_v2 + dana_u_private if _type_((dana_v2 := (dana_v1 + (await_ if _type_(await_) is _int_ or _type_(await_) is _float_ or (_type_(await_) is _str_ and _len_(await_) < 65536) else _room_(dana_v1, await_, '+')) if _type_((dana_v1 := (type.class_ if _type_(type) is not _dict_ else _getattr_(type, 'class_')))) is _type_(await_) else _add_(dana_v1, await_)))) is not _str_ else _add_(dana_v2, dana_u_private)))) is not _str_ else _add_(dana_v3, dana_n_dana_x)
print(match({'class': 1}))
