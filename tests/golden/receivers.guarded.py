# Made from receivers.na by: python -m pytest tests/golden --update-golden
def dana_init_Square(dana_self, side):
    if _type_(side) is not _float_:
        side = _field_('Square', 'side', 'float', side)
    dana_self.dana_s_side = side
Square = _struct_('Square', 'struct', (('side', 'float', None),), dana_init_Square, None)

def dana_g_dana_m_Square_area(self):
    return (dana_p1 := _getattr_(self, 'side')) ** (2 if _type_(dana_p1) is _float_ or (_type_(dana_p1) is _int_ and -1073741823 < dana_p1 < 1073741823) else _room_(dana_p1, 2, '**'))

def dana_m_Square_area(self):
    if _type_(self) is not Square:
        return dana_g_dana_m_Square_area(self)
    return self.dana_s_side ** 2

def dana_k_Square_dana_m_Square_area(self):
    return self.dana_s_side ** 2
_receiver_((Square,), 'area', dana_k_Square_dana_m_Square_area)

def dana_init_Circle(dana_self, radius):
    if _type_(radius) is not _float_:
        radius = _field_('Circle', 'radius', 'float', radius)
    dana_self.dana_s_radius = radius
Circle = _struct_('Circle', 'struct', (('radius', 'float', None),), dana_init_Circle, None)

def dana_g_area(c):
    return 3 * (dana_p2 := _getattr_(c, 'radius')) ** (2 if _type_(dana_p2) is _float_ or (_type_(dana_p2) is _int_ and -1073741823 < dana_p2 < 1073741823) else _room_(dana_p2, 2, '**'))

def area(c):
    if _type_(c) is not Circle:
        return dana_g_area(c)
    return 3 * c.dana_s_radius ** 2

def dana_k_Circle_area(c):
    return 3 * c.dana_s_radius ** 2
_receiver_((Circle,), 'area', dana_k_Circle_area)

def dana_g_twice(s, times):
    return (dana_p3 := _method_(s, 'area', area)()) * (times if _type_(times) is _int_ and _type_(dana_p3) is _int_ and (-1073741823 < times < 1073741823) or _type_(times) is _float_ or _type_(dana_p3) is _float_ else _room_(dana_p3, times, '*'))

def twice(s, times=2):
    if _type_(times) is not _int_:
        return dana_g_twice(s, times)
    return (dana_p4 := (s.area() if _type_(s) is Square or _type_(s) is Circle else _method_(s, 'area', area)())) * (times if _type_(dana_p4) is _float_ or (_type_(dana_p4) is _int_ and _type_(times) is _int_ and (-1073741823 < times < 1073741823)) else _room_(dana_p4, times, '*'))
_receiver_((Square, Circle), 'twice', twice)

def name_of(s):
    return 'square'
_receiver_((Square,), 'name_of', name_of)
print(Square(side=2).twice(), Circle(radius=1).area(), Square(side=1).name_of())
