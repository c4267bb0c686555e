# Made from decorators.na by: python -m pytest tests/golden --update-golden
def logged(f):
    return lambda x: f(x)

def times(n):
    return lambda f: lambda x: f(x) * n

@logged
@times(3)
def inc(x):
    return x + 1
