"""Permutations of a list of int: item reads, writes and slices."""


def run(n):
    current = list(range(n))
    counts = [0] * n
    most = 0
    checksum = 0
    sign = 1
    rest = n
    while True:
        while rest != 1:
            counts[rest - 1] = rest
            rest -= 1
        first = current[0]
        if first != 0:
            work = current[:]
            flips = 0
            while first != 0:
                work[0 : first + 1] = work[0 : first + 1][::-1]
                flips += 1
                first = work[0]
            if flips > most:
                most = flips
            checksum += sign * flips
        sign = -sign
        while True:
            if rest == n:
                return [checksum, most]
            moved = current[0]
            for i in range(rest):
                current[i] = current[i + 1]
            current[rest] = moved
            counts[rest] -= 1
            if counts[rest] > 0:
                break
            rest += 1
