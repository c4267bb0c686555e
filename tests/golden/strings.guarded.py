# Made from strings.na by: python -m pytest tests/golden --update-golden
a = 'tab\tquote" unicode é'
b = 'raw\\n'
c = 'two\nlines'
d = 'joined text'
e = 'its'
f = (dana_p3 := ((dana_p1 := a[1]) + (dana_p2 if _len_((dana_p2 := b[-1:])) < 65536 else _room_(dana_p1, dana_p2, '+')))) + (dana_p4 if _len_((dana_p4 := c.upper())) < 65536 else _room_(dana_p3, dana_p4, '+'))
