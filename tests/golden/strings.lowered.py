# Made from strings.na by: python -m pytest tests/golden --update-golden
a = 'tab\tquote" unicode é'
b = 'raw\\n'
c = 'two\nlines'
d = 'joined text'
e = 'its'
f = a[1] + b[-1:] + c.upper()
