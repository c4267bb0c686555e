# Made from methods.na by: python -m pytest tests/golden --update-golden
def shout(text):
    return text.upper().strip()

def area(shape):
    return shape.width * shape.height

def total(shapes):
    return sum([shape.area() for shape in shapes])

def store(items, x):
    items.append(x)
    return items.sort(reverse=True)
