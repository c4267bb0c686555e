# Made from conditions.na by: python -m pytest tests/golden --update-golden
def judge(answer, count):
    if answer:
        return 'yes'
    elif not count:
        return 'empty'
    while answer and count > 0:
        count = count - 1
    return 'a' if answer else 'b'
