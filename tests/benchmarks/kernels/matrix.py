"""Nested lists: a product of matrices by indices."""


def multiply(a, b, n):
    result = []
    for i in range(n):
        row = [0] * n
        for j in range(n):
            total = 0
            for k in range(n):
                total += a[i][k] * b[k][j]
            row[j] = total
        result.append(row)
    return result


def run(n):
    a = [[i + j for j in range(n)] for i in range(n)]
    b = [[i - j for j in range(n)] for i in range(n)]
    c = multiply(a, b, n)
    return c[n - 1][0] + c[0][n - 1]
