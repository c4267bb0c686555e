# Made from overloads.na by: python -m pytest tests/golden --update-golden
def dana_init_A(dana_self, x=1):
    if _type_(x) is not _int_:
        x = _field_('A', 'x', 'int', x)
    dana_self.dana_s_x = x
A = _struct_('A', 'struct', (('x', 'int', None),), dana_init_A, None)

def dana_init_B(dana_self, y=2):
    if _type_(y) is not _int_:
        y = _field_('B', 'y', 'int', y)
    dana_self.dana_s_y = y
B = _struct_('B', 'struct', (('y', 'int', None),), dana_init_B, None)

def size(a):
    return a.x
_receiver_((A,), 'size', size)
dana_o1 = size

def size(b):
    return b.y
_receiver_((B,), 'size', size)
size = _overload_((B,), size, dana_o1)
print(size(A()), size(B()))
