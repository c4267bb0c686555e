# Made from receivers.na by: python -m pytest tests/golden --update-golden
def dana_init_Square(dana_self, side):
    if _type_(side) is not _float_:
        side = _field_('Square', 'side', 'float', side)
    dana_self.dana_s_side = side
Square = _struct_('Square', 'struct', (('side', 'float', None),), dana_init_Square, None)

def dana_m_Square_area(self):
    return self.side ** 2
_receiver_((Square,), 'area', dana_m_Square_area)

def dana_init_Circle(dana_self, radius):
    if _type_(radius) is not _float_:
        radius = _field_('Circle', 'radius', 'float', radius)
    dana_self.dana_s_radius = radius
Circle = _struct_('Circle', 'struct', (('radius', 'float', None),), dana_init_Circle, None)

def area(c):
    return 3 * c.radius ** 2
_receiver_((Circle,), 'area', area)

def twice(s, times=2):
    return s.area() * times
_receiver_((Square, Circle), 'twice', twice)

def name_of(s):
    return 'square'
_receiver_((Square,), 'name_of', name_of)
print(Square(side=2).twice(), Circle(radius=1).area(), Square(side=1).name_of())
