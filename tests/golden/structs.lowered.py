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

def mirror(p):
    q = Point(x=-p.x, y=p.y)
    q.y = q.y * 2
    q.tags.append('m')
    return q
_receiver_((Point,), 'mirror', mirror)
print(mirror(Point(x=1)) == Point(1, 2))
