# Made from literals.na by: python -m pytest tests/golden --update-golden
flags = [True, True, True, False, None, None]
numbers = [7, 1.5, 0.5, 1000.0, 255, 1000]
nested = {'a': [1, (2, 3)], 'b': {1, 2}, 'c': {}}
one = (1,)
nothing = ()
