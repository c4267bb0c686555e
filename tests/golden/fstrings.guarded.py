# Made from fstrings.na by: python -m pytest tests/golden --update-golden
dana_private_rate = 0.5

def dana_g_line(name, price, width):
    return _glue_(_text_(name, 'r', f">{_text_(width, None, '')}"), ' ', _text_(price, None, '.2f'), f' {{}} {_add_(dana_private_rate, 1)} name=', _text_(name, 'r', ''))

def line(name, price, width):
    if _type_(price) is not _float_ or _type_(width) is not _int_:
        return dana_g_line(name, price, width)
    return _glue_(_text_(name, 'r', f'>{width}'), f' {price:.2f} {{}} {dana_private_rate + 1} name=', _text_(name, 'r', ''))
plain = f"{1 + 1}{'a'}"
