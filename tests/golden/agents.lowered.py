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

def greet(h, name):
    return h.domain + ': ' + name
_receiver_((Helper,), 'greet', greet)
print(Planner.greet('Ann'))
