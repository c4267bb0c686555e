"""f-strings with and without a format."""


def line(number, price, name):
    return f"{number:4d} {name} {price:.2f} {price * number} {name!r}"


def run(n):
    size = 0
    for i in range(n):
        size += len(line(i, i * 0.5, f"item {i}"))
    return size
