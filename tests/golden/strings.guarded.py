# Made from strings.na by: python -m pytest tests/golden --update-golden
a = 'tab\tquote" unicode é'
b = 'raw\\n'
c = 'two\nlines'
d = 'joined text'
e = 'its'
f = (dana_p1 := (a[1] + b[-1:])) + (dana_p2 if _len_((dana_p2 := c.upper())) < 65536 else _room_(dana_p1, dana_p2, '+'))
