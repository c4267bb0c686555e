"""Spectral norm: nested loops over lists of float."""


def element(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)


def times(v):
    result = []
    for i in range(len(v)):
        total = 0.0
        for j in range(len(v)):
            total += element(i, j) * v[j]
        result.append(total)
    return result


def transposed_times(v):
    result = []
    for i in range(len(v)):
        total = 0.0
        for j in range(len(v)):
            total += element(j, i) * v[j]
        result.append(total)
    return result


def run(n):
    u = [1.0] * n
    v = u
    for _ in range(3):
        v = transposed_times(times(u))
        u = transposed_times(times(v))
    vbv = 0.0
    vv = 0.0
    for i in range(n):
        vbv += u[i] * v[i]
        vv += v[i] * v[i]
    return (vbv / vv) ** 0.5
