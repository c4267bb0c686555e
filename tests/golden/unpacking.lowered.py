# Made from unpacking.na by: python -m pytest tests/golden --update-golden
def split(pairs):
    a, b = pairs[0]
    (c, d), *rest = pairs
    e = f = a
    [g, h] = b
    for key, (left, right) in rest:
        e = e + left
    return (a, c, *rest)
