"""Methods of structs, two kinds behind one name."""

from dataclasses import dataclass


@dataclass(slots=True)
class Square:
    side: int

    def area(self):
        return self.side * self.side

    def grow(self, by):
        self.side += by


@dataclass(slots=True)
class Box:
    width: int
    height: int

    def area(self):
        return self.width * self.height

    def grow(self, by):
        self.width += by
        self.height += by


def run(n):
    shapes = [Square(side=2), Box(width=3, height=4), Square(side=5), Box(width=1, height=1)]
    total = 0
    for i in range(n):
        for shape in shapes:
            total += shape.area()
        if i % 100 == 0:
            shapes[0].grow(1)
            shapes[1].grow(2)
    return total
