# Made from composition_operator.na by: python -m pytest tests/golden --update-golden
def inc(x):
    try:
        return x + 1
    except _type_error_:
        return x + 1 if _type_(x) is not _str_ else _add_(x, 1)
twice = _or_(inc, inc)
bits = _or_(5, 2)
print(twice(bits))
