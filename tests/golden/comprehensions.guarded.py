# Made from comprehensions.na by: python -m pytest tests/golden --update-golden
def build(rows, n):
    squares = [x * x for x in _range_(n) if x % 2 == 0]
    pairs = {(a if _type_(a) is not _tuple_ else _room_(None, a, 'key'), b if _type_(b) is not _tuple_ else _room_(None, b, 'key')) for a in rows for b in rows if ((a if _type_(a) is _int_ or _type_(a) is _str_ or _type_(a) is _float_ else _room_(None, a, '==')) != (b if _type_(b) is _int_ or _type_(b) is _str_ or _type_(b) is _float_ else _room_(None, b, '==')) if _type_(a) is _type_(b) else _ne_(a, b))}
    table = {k: v for k, v in enumerate(squares)}
    old = {k if _type_(k) is not _tuple_ else _room_(None, k, 'key'): k + 1 if _type_(k) is not _str_ else _add_(k, 1) for k in rows}
    return (squares, pairs, table, old, sum([x for x in squares]))
