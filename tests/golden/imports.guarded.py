# Made from imports.na by: python -m pytest tests/golden --update-golden
r = _import_('shapes.round', 0, False, '__main__')
m = _import_('math', 0, True, '__main__')
area = _import_from_('shapes', 0, False, '__main__', 'area')
C = _import_from_('shapes', 0, False, '__main__', 'Circle')
helper = _import_from_('sibling', 1, False, '__main__', 'helper')

def late():
    dumps = _import_from_('json', 0, True, '__main__', 'dumps')
    return dumps([r.x, m.pi, area(1), C, helper])
