# Made from coercion.na by: python -m pytest tests/golden --update-golden
def label(n):
    return 'n=' + n

def total(a, b):
    s = a + b
    s = s + 1
    return s

def is_five(x):
    return x == '5' or x == 5
