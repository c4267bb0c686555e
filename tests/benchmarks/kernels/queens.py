"""Queens on a board: recursion over lists and sets."""


def place(row, n, columns, rising, falling):
    if row == n:
        return 1
    found = 0
    for column in range(n):
        if column in columns or row + column in rising or row - column in falling:
            continue
        columns.add(column)
        rising.add(row + column)
        falling.add(row - column)
        found += place(row + 1, n, columns, rising, falling)
        columns.remove(column)
        rising.remove(row + column)
        falling.remove(row - column)
    return found


def run(n):
    return place(0, n, set(), set(), set())
