"""A composition of small functions."""


def clean(x):
    return x % 1000


def scale(x, factor):
    return x * factor


def shift(x):
    return x + 7


def process(x):
    return shift(scale(clean(x), 3))


def run(n):
    total = 0
    for i in range(n):
        total += process(i)
    return total
