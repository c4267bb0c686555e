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

def dana_g_size(a):
    return _getattr_(a, 'x')

def size(a):
    if _type_(a) is not A:
        return dana_g_size(a)
    return a.dana_s_x

def dana_k_A_size(a):
    return a.dana_s_x
_receiver_((A,), 'size', dana_k_A_size)
dana_o1 = size

def dana_g2_size(b):
    return _getattr_(b, 'y')

def size(b):
    if _type_(b) is not B:
        return dana_g2_size(b)
    return b.dana_s_y

def dana_k_B_size(b):
    return b.dana_s_y
_receiver_((B,), 'size', dana_k_B_size)
size = _overload_((B,), size, dana_o1)
print(size(A()), size(B()))
