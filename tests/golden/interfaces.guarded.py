# Made from interfaces.na by: python -m pytest tests/golden --update-golden
Named = _interface_('Named', (('name', 0),), (), None)
Shape = _interface_('Shape', (('area', 1),), (Named,), 'Something with an area.')

def show(s):
    return isinstance(s, Shape)
