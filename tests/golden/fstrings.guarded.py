# Made from fstrings.na by: python -m pytest tests/golden --update-golden
dana_private_rate = 0.5

def line(name, price, width):
    return _glue_(_text_(name, 'r', f">{_text_(width, None, '')}"), ' ', _text_(price, None, '.2f'), ' {} ', f'{dana_private_rate + 1}', ' ', 'name=', _text_(name, 'r', ''))
plain = f"{1 + 1}{'a'}"
