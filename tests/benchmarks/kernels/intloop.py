"""Integer arithmetic in a while loop: the Collatz sequence."""


def steps(start):
    count = 0
    value = start
    while value != 1:
        if value % 2 == 0:
            value = value // 2
        else:
            value = value * 3 + 1
        count += 1
    return count


def run(n):
    longest = 0
    for start in range(1, n):
        count = steps(start)
        if count > longest:
            longest = count
    return longest
