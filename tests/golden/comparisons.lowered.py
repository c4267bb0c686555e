# Made from comparisons.na by: python -m pytest tests/golden --update-golden
def inside(low, x, high):
    return low <= x < high

def same(a, b):
    return a == b and a is not None or b in [1, 2, 3]

def typed(n):
    return 0 < n <= 10
