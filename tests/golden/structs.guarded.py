# Made from structs.na by: python -m pytest tests/golden --update-golden
def dana_init_Point(dana_self, x, y=0, tags=_missing_):
    if _type_(x) is not _int_:
        x = _field_('Point', 'x', 'int', x)
    dana_self.dana_s_x = x
    if _type_(y) is not _int_:
        y = _field_('Point', 'y', 'int', y)
    dana_self.dana_s_y = y
    if tags is _missing_:
        tags = []
    if _type_(tags) is not _list_:
        tags = _field_('Point', 'tags', 'list', tags)
    dana_self.dana_s_tags = tags
Point = _struct_('Point', 'struct', (('x', 'int', 'abscissa'), ('y', 'int', 'ordinate'), ('tags', 'list', None)), dana_init_Point, 'A place.')

def dana_k_mirror(p):
    q = Point(x=-p.dana_s_x, y=p.dana_s_y)
    dana_v1 = q.dana_s_y * 2
    q.dana_s_y = dana_v1
    q.dana_s_tags.append('m')
    return q

def dana_g_mirror(p):
    q = Point(x=-_getattr_(p, 'x'), y=_getattr_(p, 'y'))
    dana_p2 = (dana_p1 := _getattr_(q, 'y')) * (2 if _type_(dana_p1) is _int_ or _type_(dana_p1) is _float_ else _room_(dana_p1, 2, '*'))
    _setattr_(q, 'y', dana_p2)
    dana_p2 = None
    _method_(_getattr_(q, 'tags'), 'append')('m')
    return q

def mirror(p):
    if _type_(p) is not Point:
        return dana_g_mirror(p)
    q = Point(x=-p.dana_s_x, y=p.dana_s_y)
    dana_v2 = q.dana_s_y * 2
    q.dana_s_y = dana_v2
    q.dana_s_tags.append('m')
    return q

def dana_k_Point_mirror(p):
    q = Point(x=-p.dana_s_x, y=p.dana_s_y)
    dana_v3 = q.dana_s_y * 2
    q.dana_s_y = dana_v3
    q.dana_s_tags.append('m')
    return q
_receiver_((Point,), 'mirror', dana_k_Point_mirror)
print(dana_k_mirror(Point(x=1)) == Point(1, 2))
