# Made from attributes.na by: python -m pytest tests/golden --update-golden
def city(person):
    return dana_v1.city if _type_((dana_v1 := (person.address if _type_(person) is not _dict_ else _getattr_(person, 'address')))) is not _dict_ else _getattr_(dana_v1, 'city')

def move(person, to):
    _setattr_(person.address if _type_(person) is not _dict_ else _getattr_(person, 'address'), 'city', to)
    dana_p1 = dana_v2 + 1 if _type_((dana_v2 := (person.visits if _type_(person) is not _dict_ else _getattr_(person, 'visits')))) is not _str_ else _add_(dana_v2, 1)
    _setattr_(person, 'visits', dana_p1)
    dana_p1 = None
    _delattr_(person, 'old')
