# Made from pipeline.na by: python -m pytest tests/golden --update-golden
def double(x):
    return x * 2

def add(x, y):
    return x + y

def both(p):
    return p[0] + p[1]

def simple(x):
    return double(double(x))

def with_args(x, n):
    dana_t1 = add(x, n)
    return double(add(1, dana_t1))

def named(x):
    d = double(x)
    return add(d)

def parallel(x):
    return both([double(x), add(x, 3)])
