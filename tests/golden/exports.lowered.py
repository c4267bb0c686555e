# Made from exports.na by: python -m pytest tests/golden --update-golden
dana_u__exports__ = ['area', 'LIMIT']
LIMIT = 3
dana_u_hidden = 1

def area(x):
    return x * dana_u_hidden

def dana_u_helper():
    return 1
