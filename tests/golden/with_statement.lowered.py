# Made from with_statement.na by: python -m pytest tests/golden --update-golden
def dana_init_File(dana_self, path):
    if _type_(path) is not _str_:
        path = _field_('File', 'path', 'str', path)
    dana_self.dana_s_path = path
File = _struct_('File', 'resource', (('path', 'str', None),), dana_init_File, None)

def use_both(a, b):
    with _manager_(File(path=a)) as f, _manager_(File(path=b)):
        return f.path
