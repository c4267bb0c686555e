"""What the policy refuses, on Python trees that the lowering would never make."""

from __future__ import annotations

import ast
import sys

import policy_support as support
import pytest

from dana_guards import names
from dana_guards.errors import DanaError, DanaSecurityError, DanaSyntaxError

NODES = {
    "import": "import os",
    "import as": "import os as harmless",
    "from import": "from os import path",
    "star import": "from os import *",
    "future": "from __future__ import annotations",
    "class": "class C: pass",
    "metaclass": "class C(metaclass=M): pass",
    "async def": "async def f(): pass",
    "await": "async def f(): await g()",
    "async for": "async def f():\n async for x in y: pass",
    "async comprehension": "async def f(): return [x async for x in y]",
    "yield": "def f(): yield 1",
    "yield from": "def f(): yield from g()",
    "yield in lambda": "f = lambda: (yield)",
    "generator expression": "x = (y for y in z)",
    "generator argument": "sum(y for y in z)",
    "match": "match x:\n case y: pass",
    "assert": "assert x",
    "annotated assignment": "x: int = 1",
    "declaration": "x: int",
    "except star": "try:\n pass\nexcept* _kinds_(E): pass",
    "matrix product": "x = y @ z",
    "matrix augmented": "x @= y",
    "bytes": "x = b'1'",
    "ellipsis": "x = ...",
    "complex": "x = 1j",
    "slice store in a comprehension": "x = [0 for y[1:2] in z]",
    "augmented attribute": "x.y += 1",
    "augmented item": "x[0] += 1",
    "walrus into a starred display": "x = [*(y for y in z)]",
    "with open": "with open('x') as f: pass",
    "with two": "with _manager_(x) as a, y as b: pass",
    "bare with": "with x: pass",
    "raise a class": "raise ValueError",
    "raise a call": "raise ValueError('x')",
    "raise from": "raise _exception_(x) from y",
    "except a name": "try:\n pass\nexcept ValueError: pass",
    "except a tuple": "try:\n pass\nexcept (_kinds_(x), ValueError): pass",
    "except BaseException": "try:\n pass\nexcept BaseException: pass",
    "except a hook as value": "try:\n pass\nexcept _type_(x): pass",
    "starred loop target": "for x, *y in z: pass",
    "del a tuple": "del (x, y)",
    "annotation of a parameter": "def f(x: g()): pass",
    "annotation of a result": "def f() -> g(): pass",
    "attribute in a comprehension target": "x = [1 for y.z in w]",
}


@pytest.mark.parametrize("text", NODES.values(), ids=NODES)
@pytest.mark.parametrize("policy", support.PROFILES, ids=("limited", "unlimited"))
def test_nodes_that_are_refused(text: str, policy: object) -> None:
    """A node, operator or form that is not on the list is refused in both profiles."""
    with pytest.raises(DanaSecurityError):
        support.guarded(text, policy)  # type: ignore[arg-type]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="new in Python 3.12")
@pytest.mark.parametrize("text", ["type X = int", "def f[T](x): pass", "class C[T]: pass"])
def test_nodes_of_newer_pythons(text: str) -> None:
    """Type aliases and type parameters are refused."""
    with pytest.raises(DanaSecurityError):
        support.guarded(text)


BINDINGS = {
    "assignment": "{} = 1",
    "chained": "x = {} = 1",
    "tuple": "(x, {}) = 1, 2",
    "list": "[{}] = [1]",
    "starred": "x, *{} = y",
    "augmented": "{} += 1",
    "walrus": "x = ({} := 1)",
    "walrus in a comprehension": "x = [({} := y) for y in z]",
    "for": "for {} in x: pass",
    "for tuple": "for x, {} in y: pass",
    "with": "with _manager_(x) as {}: pass",
    "with tuple": "with _manager_(x) as (y, {}): pass",
    "except": "try:\n pass\nexcept _kinds_(x) as {}: pass",
    "def": "def {}(): pass",
    "parameter": "def f({}): pass",
    "positional only": "def f({}, /): pass",
    "keyword only": "def f(*, {}): pass",
    "variable arguments": "def f(*{}): pass",
    "keyword arguments": "def f(**{}): pass",
    "lambda parameter": "f = lambda {}: 1",
    "lambda keyword arguments": "f = lambda **{}: 1",
    "list comprehension": "x = [1 for {} in y]",
    "set comprehension": "x = {{1 for {} in y}}",
    "dict comprehension": "x = {{1: 1 for {} in y}}",
    "nested comprehension": "x = [1 for a in y for b, {} in z]",
    "global": "def f():\n global {}\n {} = 1",
    "global declaration": "def f():\n global {}",
    "nonlocal": "def f():\n {} = 1\n def g():\n  nonlocal {}\n  {} = 2",
    "del": "del {}",
    "import": "import {}",
    "import as": "import x as {}",
    "from import": "from x import {}",
    "from import as": "from x import y as {}",
    "class": "class {}: pass",
    "match": "match x:\n case {}: pass",
    "match as": "match x:\n case 1 as {}: pass",
    "match star": "match x:\n case [*{}]: pass",
    "match mapping": "match x:\n case {{**{}}}: pass",
    "keyword of a call": "f({}=1)",
}


@pytest.mark.parametrize("form", BINDINGS.values(), ids=BINDINGS)
@pytest.mark.parametrize(
    "name", ["_type_", "_getattr_", "_int_", "_stop_", "__builtins__", "__name__", "_x", "_", "dana_stop", "dana_p1"]
)
def test_binding_forms(form: str, name: str) -> None:
    """No binding form binds a hook, another underscore name, the stop flag or a temporary of the policy."""
    if name == "_" and form.startswith("match"):
        return  # a wildcard: it binds nothing
    with pytest.raises(DanaSecurityError):
        support.guarded(form.format(*[name] * 3))


@pytest.mark.parametrize("name", sorted(names.HOOKS))
def test_hooks_are_no_values(name: str) -> None:
    """A hook cannot be stored, passed, returned, put in a container, compared, or have attributes read."""
    forms = [
        "x = {}",
        "f({})",
        "x = [{}]",
        "x = {{1: {}}}",
        "f = lambda: {}",
        "x = {} == 1",
        "x = {}[0]",
        "x = {} + 1",
        "x = ({}, 1)",
        "{}",
        "f(**{})",
        "f(*{})",
        "if {}: pass",
        "for x in {}: pass",
        "x = f'{{{}}}'",
        "@{}\ndef f(): pass",
        "x = {}.attribute.other if 0 else {}",
        "x = {} in y",
    ]
    for form in forms:
        with pytest.raises(DanaError):
            support.guarded(form.format(name, name))


HOOK_PLACES = {
    "type as value": "x = _type_(y)",
    "type passed": "f(_type_(y))",
    "type compared by value": "x = _type_(y) == _int_",
    "type of two": "x = _type_(y, z) is _int_",
    "type with keyword": "x = _type_(y, dict=z) is _int_",
    "type starred": "x = _type_(*y) is _int_",
    "type three arguments": "x = _type_('X', (), {}) is _int_",
    "type attribute": "x = _type_(y).mro",
    "type constant alone": "x = _int_ is y",
    "type constant called": "x = _int_('1')",
    "kinds as value": "x = _kinds_(y)",
    "caught as value": "x = _caught_(y)",
    "caught of an expression": "try:\n pass\nexcept _kinds_(x) as dana_e1:\n y = _caught_(f(dana_e1))",
    "caught outside": "try:\n pass\nexcept _kinds_(x) as dana_e1:\n pass\ny = _caught_(dana_e1)",
    "exception as value": "x = _exception_(y)",
    "manager as value": "x = _manager_(y)",
    "assertion as value": "x = _assertion_()",
    "missing as value": "x = _missing_",
    "missing passed": "f(_missing_)",
    "missing inside a default": "def f(x=[_missing_]): pass",
    "public as value": "x = _public_",
    "public item": "x = _public_['y']",
    "getattr computed": "_getattr_(x, y)",
    "getattr underscore": "_getattr_(x, '__class__')",
    "getattr formatted": "_getattr_(x, f'a')",
    "getattr unicode": "_getattr_(x, 'ｅ')",
    "getattr two names": "_getattr_(x, 'a', 'b')",
    "setattr computed": "_setattr_(x, y, z)",
    "setattr underscore": "_setattr_(x, '__class__', z)",
    "delattr underscore": "_delattr_(x, '_y')",
    "method underscore": "_method_(x, '__init__')()",
    "sized underscore": "_sized_(x, '__init__')",
    "receiver dunder": "_receiver_((P,), '__eq__', f)",
    "receiver computed": "_receiver_((P,), name, f)",
    "struct dunder field": "P = _struct_('P', 'struct', (('__class__', 'int', None),), None, None)",
    "struct slot field": "P = _struct_('P', 'struct', (('dana_s_x', 'int', None),), None, None)",
    "struct computed fields": "P = _struct_('P', 'struct', fields, None, None)",
    "struct computed field": "P = _struct_('P', 'struct', ((name, 'int', None),), None, None)",
    "struct dunder name": "P = _struct_('__x__', 'struct', (), None, None)",
    "coerce computed": "x = _coerce_(y, z)",
    "import computed": "x = _import_(name, 0, False, 'm')",
    "star import in a function": "def f(): _import_star_('m', 0, False, 'n', True)",
    "globals as value": "x = _globals_",
    "globals passed": "f(_globals_)",
    "star import elsewhere": "_import_star_('m', 0, False, 'n', {})",
    "stop": "_stop_()",
    "flag": "x = dana_stop",
    "init called": "dana_init_P(x)",
    "init stored": "x = dana_init_P",
    "error class as value": "x = _error_",
    "error class raised": "raise _error_",
    "error class called": "_error_('x')",
}


@pytest.mark.parametrize("text", HOOK_PLACES.values(), ids=HOOK_PLACES)
def test_hooks_out_of_place(text: str) -> None:
    """A hook stands in its own place, with arguments of the right kind, or the tree is refused."""
    with pytest.raises(DanaSecurityError):
        support.guarded(text)


CAUGHT = {
    "user name": "try:\n pass\nexcept _kinds_(x) as e: pass",
    "returned": "def f():\n try:\n  pass\n except _kinds_(x) as dana_e1:\n  return dana_e1",
    "attribute": "try:\n pass\nexcept _kinds_(x) as dana_e1: y = dana_e1.args",
    "passed": "try:\n pass\nexcept _kinds_(x) as dana_e1: f(dana_e1)",
    "aliased": "try:\n pass\nexcept _kinds_(x) as dana_e1: y = dana_e1",
    "formatted": "try:\n pass\nexcept _kinds_(x) as dana_e1: y = f'{dana_e1}'",
    "captured": "try:\n pass\nexcept _kinds_(x) as dana_e1: y = lambda: dana_e1",
    "default": "try:\n pass\nexcept _kinds_(x) as dana_e1: y = lambda z=dana_e1: z",
    "comprehension": "try:\n pass\nexcept _kinds_(x) as dana_e1: y = [dana_e1 for z in w]",
    "rebound": "try:\n pass\nexcept _kinds_(x) as dana_e1: dana_e1 = 1",
    "rebound outside": "dana_e1 = 1\ntry:\n pass\nexcept _kinds_(x) as dana_e1: pass",
    "also a parameter": "def f(dana_e1):\n try:\n  pass\n except _kinds_(x) as dana_e1: pass",
    "also a loop variable": "for dana_e1 in y:\n try:\n  pass\n except _kinds_(x) as dana_e1: pass",
    "also a function": "def dana_e1(): pass\ntry:\n pass\nexcept _kinds_(x) as dana_e1: pass",
    "declared global": "def f():\n global dana_e1\n try:\n  pass\n except _kinds_(x) as dana_e1: pass",
    "global of the module read in a function": "def f(): return dana_e1",
    "module handler read in a function": ("def f(): return dana_t1\ntry:\n pass\nexcept _kinds_(x) as dana_t1: f()"),
    "unbound": "x = dana_t7",
    "nonlocal": (
        "def f():\n try:\n  pass\n except _kinds_(x) as dana_e1:\n  def g():\n   nonlocal dana_e1\n   dana_e1 = 1"
    ),
}


@pytest.mark.parametrize("text", CAUGHT.values(), ids=CAUGHT)
def test_python_exceptions_are_no_values(text: str) -> None:
    """The name after ``except ... as`` is used by ``_caught_`` and ``_exception_`` only, and bound nowhere else."""
    with pytest.raises(DanaSecurityError):
        support.guarded(text)


UNDERSCORES = [
    "x = y.{0}",
    "y.{0} = 1",
    "del y.{0}",
    "y.{0}()",
    "y.{0} += 1",
    "for y.{0} in z: pass",
    "(y.{0}, x) = z",
    "with _manager_(z) as y.{0}: pass",
    "x = y[z.{0}]",
    "x = y[z.{0}:1]",
    "x = f'{{y.{0}}}'",
    "x = f'{{y:{{z.{0}}}}}'",
    "x = f'{{y!r:{{z.{0}}}}}'",
    "def f(x=y.{0}): pass",
    "@y.{0}\ndef f(): pass",
    "f = lambda: y.{0}",
    "x = [y.{0} for z in w]",
    "x = [z for z in y.{0}]",
    "x = [z for z in w if y.{0}]",
    "x = y.{0}.z",
    "x = y.z.{0}",
    "x = ''.{0}",
    "x = (1).{0}",
    "x = [].{0}",
    "x = y if z.{0} else w",
    "x = -y.{0}",
    "x = (z := y.{0})",
    "raise _exception_(y.{0})",
    "f(x=y.{0})",
    "f(*y.{0})",
    "f(**y.{0})",
    "x = {{**y.{0}}}",
    "x = [*y.{0}]",
    "y.{0}[0] = 1",
    "_public_.{0} = 1",
    "x = _system_.{0}",
    "del _public_.{0}",
    "while y.{0}: pass",
    "x = y < z.{0}",
]


@pytest.mark.parametrize("form", UNDERSCORES)
@pytest.mark.parametrize("attribute", ["__class__", "_x", "__globals__", "_"])
def test_underscore_attributes(form: str, attribute: str) -> None:
    """An attribute with a leading underscore is refused in every syntactic position."""
    with pytest.raises(DanaSecurityError):
        support.guarded(form.format(attribute))


@pytest.mark.parametrize(
    "name", ["ｅｖａｌ", "ﾅ", "naïve", "ｇi_frame", "x‿y", "︳x", "class", "None", "a b", "1x", "", "x\n"]
)
def test_names_are_ascii_identifiers(name: str) -> None:
    """Variables, attributes, parameters, keywords and functions are ASCII identifiers and no keywords of Python."""
    load, store = ast.Load(), ast.Store()
    one = ast.Constant(1)
    arguments = ast.arguments([], [ast.arg(name)], None, [], [], None, [])
    empty = ast.arguments([], [], None, [], [], None, [])
    trees: list[ast.stmt] = [
        ast.Expr(ast.Name(name, load)),
        ast.Assign([ast.Name(name, store)], one),
        ast.Expr(ast.Attribute(one, name, load)),
        ast.Assign([ast.Attribute(one, name, store)], one),
        ast.Delete([ast.Attribute(one, name, ast.Del())]),
        ast.Expr(ast.Call(ast.Name("f", load), [], [ast.keyword(name, one)])),
        ast.FunctionDef(name, empty, [ast.Pass()], [], None),
        ast.FunctionDef("f", arguments, [ast.Pass()], [], None),
        ast.FunctionDef("f", empty, [ast.Global([name])], [], None),
        ast.Expr(ast.Lambda(arguments, one)),
        ast.Assign([ast.Attribute(ast.Name("_public_", load), name, store)], one),
    ]
    for tree in trees:
        if isinstance(tree, ast.FunctionDef) and sys.version_info >= (3, 12):
            tree.type_params = []
        module = ast.fix_missing_locations(ast.Module([tree], []))
        with pytest.raises(DanaError):
            support.restrict(module, support.LIMITED, "test.na")


def test_a_slice_is_no_value() -> None:
    """A slice outside brackets, which Python's compiler would accept, is refused."""
    for build in (
        lambda one: ast.Slice(one, None, None),
        lambda one: ast.Tuple([ast.Slice(one, None, None)], ast.Load()),
    ):
        value = build(ast.Constant(1))
        module = ast.fix_missing_locations(ast.Module([ast.Assign([ast.Name("x", ast.Store())], value)], []))
        with pytest.raises(DanaSecurityError):
            support.restrict(module, support.LIMITED, "test.na")


def test_unknown_and_malformed_nodes() -> None:
    """A class of node that nobody has looked at is refused, a subclass of a known one too, and a broken tree."""

    class Harmless(ast.Name):
        pass

    for node in (Harmless("x", ast.Load()), ast.Name(5, ast.Load()), ast.Name("x", None), ast.Constant(object())):
        module = ast.fix_missing_locations(ast.Module([ast.Expr(node)], []))
        with pytest.raises(DanaError):
            support.restrict(module, support.LIMITED, "test.na")
    with pytest.raises(DanaSecurityError):
        support.restrict(ast.Expression(ast.Constant(1)), support.LIMITED, "test.na")  # type: ignore[arg-type]


def test_a_python_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a minor version that nobody has audited, everything is refused."""
    monkeypatch.setattr("dana_guards.transform.AUDITED_PYTHONS", ())
    with pytest.raises(DanaSecurityError, match="is not known"):
        support.guarded("x = 1")


def test_marks_and_annotations_are_no_reason() -> None:
    """Neither an attribute set on a node nor an annotation makes the policy leave out a guard."""
    tree = ast.parse("def f(x: 'P'):\n x.dana_s_a = 1\n return x.format")
    for node in ast.walk(tree):
        node.safe = node.trusted = node.dana_proved = True  # type: ignore[attr-defined]
    shown = ast.unparse(support.restrict(tree, support.LIMITED, "test.na"))
    assert "_setattr_(x, 'a', 1)" in shown
    assert "_getattr_(x, 'format')" in shown


def test_the_first_error_is_raised_with_its_place() -> None:
    """Line, column in characters, source line and hint; nothing is returned when anything is refused."""
    text = "ä = 'ö'\nx = 'äöü' + y._z\nimport os\n"
    with pytest.raises(DanaSyntaxError) as caught:
        support.guarded(text)
    assert (caught.value.lineno, caught.value.column, caught.value.source_line) == (1, 1, "ä = 'ö'")
    with pytest.raises(DanaSecurityError) as second:
        support.guarded("x = 1\nx = 'äöü' + y._z\nimport os\n")
    assert (second.value.lineno, second.value.column) == (2, 13)
    assert second.value.source_line == "x = 'äöü' + y._z"
    assert second.value.filename == "test.na"
    assert second.value.hint


def test_several_names_are_reported_at_once() -> None:
    """Errors of syntax carry the further ones in source order."""
    with pytest.raises(DanaSyntaxError) as caught:
        support.guarded("ä = 1\nö = 2\nü = 3\n")
    assert [each.lineno for each in caught.value.others] == [2, 3]


def test_too_deep() -> None:
    """Nesting beyond what can be walked is a clear error, not a crash."""
    node: ast.expr = ast.Constant(1)
    for _ in range(5000):
        node = ast.UnaryOp(ast.USub(), node)
    module = ast.Module([ast.Expr(node, lineno=1, col_offset=0, end_lineno=1, end_col_offset=0)], [])
    with pytest.raises(DanaSyntaxError, match="nested too deeply"):
        support.restrict(module, support.LIMITED, "test.na")
    while isinstance(node, ast.UnaryOp):  # taken apart from outside: its release would recurse in C
        node = node.operand


@pytest.mark.parametrize(
    "text",
    [
        "len = 1",
        "def range(n): return n",
        "def f():\n global sum\n sum = 1",
        "for str in [1]: pass",
        "with _manager_(1) as list: pass",
        "x = [(int := 1)]",
        "_import_star_('m', 0, False, 'n', True)",
    ],
)
def test_a_session_binds_no_builtin(text: str) -> None:
    """Pieces of a session were compiled with the meaning of the built-ins; a module of its own may hide them."""
    with pytest.raises(DanaSecurityError, match="built-in"):
        support.guarded(text, closed=False)
    assert support.guarded(text, closed=True).body
