# Made from loops.na by: python -m pytest tests/golden --update-golden
def search(items, wanted):
    for i, item in enumerate(items):
        if (item if _type_(item) is _int_ or _type_(item) is _str_ or _type_(item) is _float_ else _room_(None, item, '==')) == (wanted if _type_(wanted) is _int_ or _type_(wanted) is _str_ or _type_(wanted) is _float_ else _room_(None, wanted, '==')) if _type_(item) is _type_(wanted) else _eq_(item, wanted):
            break
        if not item:
            continue
    else:
        i = -1
    n = 0
    while n < 10:
        n = n + 1
    else:
        n = 0
    return (i, n)
