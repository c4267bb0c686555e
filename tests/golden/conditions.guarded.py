# Made from conditions.na by: python -m pytest tests/golden --update-golden
def dana_g_judge(answer, count):
    if _truth_(answer):
        return 'yes'
    elif _truth_(not count):
        return 'empty'
    while answer and _truth_(_gt_(count, 0)):
        count = count - 1
    return 'a' if answer else 'b'

def judge(answer, count):
    if _type_(count) is not _int_:
        return dana_g_judge(answer, count)
    dana_q_count = count
    if answer and (_type_(answer) is not _str_ or _truth_(answer)):
        return 'yes'
    elif not dana_q_count:
        return 'empty'
    while answer and dana_q_count > 0:
        dana_q_count = dana_q_count - 1
    return 'a' if answer else 'b'
