# Made from attributes.na by: python -m pytest tests/golden --update-golden
def city(person):
    return person.address.city

def move(person, to):
    person.address.city = to
    person.visits = person.visits + 1
    del person.old
