# Made from slices.na by: python -m pytest tests/golden --update-golden
def cut(items, n):
    first = items[0]
    items[1:n] = [first]
    dana_t1 = n - 1
    items[dana_t1] = dana_v1 + 2 if _type_((dana_v1 := items[dana_t1])) is not _str_ else _add_(dana_v1, 2)
    del items[::2]
    return (items[-3:], items[n:], items[:])
