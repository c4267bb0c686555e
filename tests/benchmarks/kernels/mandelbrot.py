"""Floating point in nested loops: the Mandelbrot set."""


def escape(cr, ci, limit):
    zr = 0.0
    zi = 0.0
    for step in range(limit):
        r2 = zr * zr
        i2 = zi * zi
        if r2 + i2 > 4.0:
            return step
        zi = 2.0 * zr * zi + ci
        zr = r2 - i2 + cr
    return limit


def run(n):
    total = 0
    for row in range(n):
        for column in range(n):
            total += escape(3.0 * column / n - 2.0, 2.0 * row / n - 1.0, 50)
    return total
