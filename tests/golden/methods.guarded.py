# Made from methods.na by: python -m pytest tests/golden --update-golden
def shout(text):
    return dana_v1.strip() if _type_((dana_v1 := (text.upper() if _type_(text) is not _dict_ else _method_(text, 'upper')()))) is not _dict_ else _method_(dana_v1, 'strip')()

def area(shape):
    return (dana_p1 := (shape.width if _type_(shape) is not _dict_ else _getattr_(shape, 'width'))) * (dana_p2 if _type_((dana_p2 := (shape.height if _type_(shape) is not _dict_ else _getattr_(shape, 'height')))) is _int_ and _type_(dana_p1) is _int_ and (-1073741823 < dana_p2 < 1073741823) or _type_(dana_p2) is _float_ or _type_(dana_p1) is _float_ else _room_(dana_p1, dana_p2, '*'))

def total(shapes):
    return sum([_method_(shape, 'area', area)() for shape in shapes])

def dana_g_store(items, x):
    _method_(items, 'append')(x)
    return _method_(items, 'sort')(reverse=True)

def store(items, x):
    if _type_(items) is not _list_:
        return dana_g_store(items, x)
    items.append(x)
    return _room_(None, items, 'sort').sort(reverse=True)
