"""Comprehensions of lists, sets and dicts with filters."""


def run(n):
    numbers = [i * i % 101 for i in range(n)]
    even = [x for x in numbers if x % 2 == 0]
    kinds = {x % 7 for x in numbers}
    table = {i: x + i for i, x in enumerate(even) if x > 10}
    pairs = [a * b for a in range(60) for b in range(a)]
    return [len(even), len(kinds), sum(table.values()), sum(pairs)]
