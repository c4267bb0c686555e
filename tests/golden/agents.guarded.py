# Made from agents.na by: python -m pytest tests/golden --update-golden
def dana_init_Helper(dana_self, domain='general', level=1):
    if _type_(domain) is not _str_:
        domain = _field_('Helper', 'domain', 'str', domain)
    dana_self.dana_s_domain = domain
    if _type_(level) is not _int_:
        level = _field_('Helper', 'level', 'int', level)
    dana_self.dana_s_level = level
Helper = _struct_('Helper', 'agent_blueprint', (('domain', 'str', None), ('level', 'int', None)), dana_init_Helper, None)
Planner = _agent_('Planner', Helper, {'level': 5})

def dana_g_greet(h, name):
    return _add_(_add_(_getattr_(h, 'domain'), ': '), name)

def greet(h, name):
    if _type_(name) is not _str_:
        return dana_g_greet(h, name)
    return (dana_p1 := (dana_v1 + ': ' if _type_((dana_v1 := (h.domain if _type_(h) is not _dict_ else _getattr_(h, 'domain')))) is _str_ else _add_(dana_v1, ': '))) + (name if _len_(name) < 65536 else _room_(dana_p1, name, '+'))
_receiver_((Helper,), 'greet', greet)
print(_method_(Planner, 'greet', greet)('Ann'))
