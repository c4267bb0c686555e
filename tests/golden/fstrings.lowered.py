# Made from fstrings.na by: python -m pytest tests/golden --update-golden
dana_private_rate = 0.5

def line(name, price, width):
    return f'{name!r:>{width}} {price:.2f} {{}} {dana_private_rate + 1} name={name!r}'
plain = f"{1 + 1}{'a'}"
