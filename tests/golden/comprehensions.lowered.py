# Made from comprehensions.na by: python -m pytest tests/golden --update-golden
def build(rows, n):
    squares = [x * x for x in range(n) if x % 2 == 0]
    pairs = {(a, b) for a in rows for b in rows if a != b}
    table = {k: v for k, v in enumerate(squares)}
    old = {k: k + 1 for k in rows}
    return (squares, pairs, table, old, sum([x for x in squares]))
