"""try and except in a loop, one in ten raising."""


def parse(text):
    try:
        return int(text)
    except ValueError:
        return -1


def run(n):
    texts = ["1", "22", "333", "4444", "5", "66", "777", "8", "99", "x"]
    total = 0
    failed = 0
    for i in range(n):
        value = parse(texts[i % 10])
        if value < 0:
            failed += 1
        else:
            total += value
        try:
            total += 100 // (i % 50)
        except ZeroDivisionError:
            failed += 1
    return [total, failed]
