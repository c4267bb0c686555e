# Made from recursion.na by: python -m pytest tests/golden --update-golden
def dana_k_fib(n):
    if n < 2:
        return n
    return dana_k_fib(n - 1) + dana_k_fib(n - 2)

def dana_g_fib(n):
    if _truth_(_lt_(n, 2)):
        return n
    return _add_(fib(n - 1), fib(n - 2))

def fib(n):
    if _type_(n) is not _int_:
        return dana_g_fib(n)
    if n < 2:
        return n
    return dana_k_fib(n - 1) + dana_k_fib(n - 2)
print(dana_k_fib(10))
