"""Lambdas with captured variables, mapped over numbers."""


def adder(step):
    return lambda x: x + step


def compose(f, g):
    return lambda x: g(f(x))


def run(n):
    add = adder(3)
    double = lambda x: x * 2  # noqa: E731 - as in the Dana program
    both = compose(add, double)
    total = 0
    for i in range(n):
        total += both(i) - add(i)
    return total + sum([double(i) for i in range(n)])
