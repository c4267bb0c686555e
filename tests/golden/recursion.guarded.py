# Made from recursion.na by: python -m pytest tests/golden --update-golden
def dana_g_fib(n):
    if n < 2 if _type_(n) is not _str_ else _lt_(n, 2):
        return n
    dana_v1 = fib(n - 1)
    dana_v2 = fib(n - 2)
    try:
        return dana_v1 + (dana_v2 if _type_(dana_v2) is _int_ or _type_(dana_v2) is _float_ or (_type_(dana_v2) is _str_ and _len_(dana_v2) < 65536) else _room_(dana_v1, dana_v2, '+'))
    except _type_error_:
        return dana_v1 + (dana_v2 if _type_(dana_v2) is _int_ or _type_(dana_v2) is _float_ or (_type_(dana_v2) is _str_ and _len_(dana_v2) < 65536) else _room_(dana_v1, dana_v2, '+')) if _type_(dana_v1) is _type_(dana_v2) else _add_(dana_v1, dana_v2)

def dana_k_fib(n):
    if n < 2:
        return n
    return dana_k_fib(n - 1) + dana_k_fib(n - 2)

def fib(n):
    if _type_(n) is not _int_:
        return dana_g_fib(n)
    if n < 2:
        return n
    return dana_k_fib(n - 1) + dana_k_fib(n - 2)
print(dana_k_fib(10))
