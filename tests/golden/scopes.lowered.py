# Made from scopes.na by: python -m pytest tests/golden --update-golden
dana_private_count = 0
_public_.limit = _to_int_(3)

def up():
    global dana_private_count
    dana_private_count = dana_private_count + 1
    x = dana_private_count
    _system_.last = x
    return x < _public_.limit

def read():
    return dana_private_count + _public_.limit
