# Made from composition_operator.na by: python -m pytest tests/golden --update-golden
def inc(x):
    return x + 1
twice = _or_(inc, inc)
bits = _or_(5, 2)
print(twice(bits))
