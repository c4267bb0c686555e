# Made from defaults.na by: python -m pytest tests/golden --update-golden
def call(a, b=1, c=[], *rest, **more):
    return (a, b, c, rest, more)
call(1, *[3, 4], b=2, **{'x': 5})
