# Made from closures.na by: python -m pytest tests/golden --update-golden
def counter(start):
    count = start

    def up(by=1):
        nonlocal count
        count = count + by
        return count
    return (up, lambda x, y=2: x + y + count)

def outer_read():
    try:
        dana_l_base = base
    except _kinds_('NameError'):
        pass
    n = dana_l_base
    dana_l_base = 1
    return n
base = 5
