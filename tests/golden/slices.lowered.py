# Made from slices.na by: python -m pytest tests/golden --update-golden
def cut(items, n):
    first = items[0]
    items[1:n] = [first]
    dana_t1 = n - 1
    items[dana_t1] = items[dana_t1] + 2
    del items[::2]
    return (items[-3:], items[n:], items[:])
