# Made from arithmetic.na by: python -m pytest tests/golden --update-golden
def mixed(a, b):
    return (a + b * 2 - 1) / (b // 3 + 1)

def known(a, b):
    c = a + b
    return c * 2 % 7

def powers(x):
    return (-x) ** 2 + 2 ** -1
