# Made from delegation.na by: python -m pytest tests/golden --update-golden
def dana_init_Engine(dana_self, power=1):
    if _type_(power) is not _int_:
        power = _field_('Engine', 'power', 'int', power)
    dana_self.dana_s_power = power
Engine = _struct_('Engine', 'struct', (('power', 'int', None),), dana_init_Engine, None)

def dana_m_Engine_start(self):
    return 'on'
_receiver_((Engine,), 'start', dana_m_Engine_start)

def dana_init_Car(dana_self, dana_u_engine, name='car'):
    dana_u_engine = _field_('Car', '_engine', 'Engine', dana_u_engine)
    dana_self.dana_s_dana_u_engine = dana_u_engine
    if _type_(name) is not _str_:
        name = _field_('Car', 'name', 'str', name)
    dana_self.dana_s_name = name
Car = _struct_('Car', 'struct', (('dana_u_engine', 'Engine', None), ('name', 'str', None)), dana_init_Car, None)

def dana_g_drive(car):
    _setattr_(car, 'power', 3)
    return _add_(_method_(car, 'start')(), _getattr_(car, 'name'))

def drive(car):
    if _type_(car) is not Car:
        return dana_g_drive(car)
    _setattr_(car, 'power', 3)
    dana_v1 = car.start()
    try:
        return dana_v1 + (dana_p1 if _len_((dana_p1 := car.dana_s_name)) < 65536 else _room_(dana_v1, dana_p1, '+'))
    except _type_error_:
        return dana_v2 + (dana_v3 if _len_(dana_v3) < 65536 else _room_(dana_v2, dana_v3, '+')) if _type_((dana_v2 := dana_v1)) is _type_((dana_v3 := car.dana_s_name)) else _add_(dana_v2, dana_v3)

def dana_k_Car_drive(car):
    _setattr_(car, 'power', 3)
    dana_v4 = car.start()
    try:
        return dana_v4 + (dana_p2 if _len_((dana_p2 := car.dana_s_name)) < 65536 else _room_(dana_v4, dana_p2, '+'))
    except _type_error_:
        return dana_v5 + (dana_v6 if _len_(dana_v6) < 65536 else _room_(dana_v5, dana_v6, '+')) if _type_((dana_v5 := dana_v4)) is _type_((dana_v6 := car.dana_s_name)) else _add_(dana_v5, dana_v6)
_receiver_((Car,), 'drive', dana_k_Car_drive)
