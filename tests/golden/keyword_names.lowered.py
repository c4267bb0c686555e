# Made from keyword_names.na by: python -m pytest tests/golden --update-golden
class_ = 1
async_ = class_ + 1
dana_u_private = 2
dana_n_dana_x = 3

def match(type, await_=1):
    return type.class_ + await_ + dana_u_private + dana_n_dana_x
print(match({'class': 1}))
