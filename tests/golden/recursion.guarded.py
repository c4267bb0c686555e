# Made from recursion.na by: python -m pytest tests/golden --update-golden
def dana_g_fib(n):
    if n < 2 if _type_(n) is not _str_ else _lt_(n, 2):
        return n
    return dana_v1 + (dana_v2 if _type_(dana_v2) is _int_ or _type_(dana_v2) is _float_ or (_type_(dana_v2) is _str_ and _len_(dana_v2) < 65536) else _room_(dana_v1, dana_v2, '+')) if _type_(dana_v1 := fib(n - 1)) is _type_(dana_v2 := fib(n - 2)) else _add_(dana_v1, dana_v2)

def fib(n):
    if _type_(n) is not _int_:
        return dana_g_fib(n)
    if n < 2:
        return n
    return dana_v3 + (dana_v4 if _type_(dana_v4) is _int_ or _type_(dana_v4) is _float_ or (_type_(dana_v4) is _str_ and _len_(dana_v4) < 65536) else _room_(dana_v3, dana_v4, '+')) if _type_(dana_v3 := fib(n - 1)) is _type_(dana_v4 := fib(n - 2)) else _add_(dana_v3, dana_v4)
print(fib(10))
