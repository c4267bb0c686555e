# Made from strict.na by: python -m pytest tests/golden --update-golden
def label(n):
    return 'n=' + n

def same(a, b):
    return a == b
