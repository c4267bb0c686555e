"""What the evidence proves, and, above all, what it must not: the traps of static reasoning that drops guards."""

from __future__ import annotations

import ast
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from dana_guards.evidence import infer_module
from dana_guards.lattice import (
    ANY,
    BOOL,
    COMPLEX,
    DICT,
    EVERYTHING,
    FLOAT,
    FUNCTION,
    INT,
    LIST,
    NONE,
    SEQUENCE,
    SET,
    SMALL,
    STR,
    STRUCT,
    TUPLE,
    Type,
    container,
    join,
    of,
)


def result(text: str, *, closed: bool = True, names: frozenset[str] = frozenset()) -> Type:
    """Type of the expression in the last ``return`` of a text, or of its last expression statement."""
    tree = ast.parse(text)
    evidence = infer_module(tree, closed=closed, names=names)
    found = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    found = found or [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    return evidence.type_of(max(found, key=lambda node: node.lineno))


def body(*lines: str, parameters: str = "p") -> str:
    """A function with these lines."""
    return f"def f({parameters}):\n" + "\n".join(f"    {line}" for line in lines)


PROVED = {
    "constant": (["x = 1", "return x"], SMALL),
    "big constant": (["x = 10**40 * 0 + 1180591620717411303424", "return 1180591620717411303424"], INT & ~SMALL),
    "float": (["x = 1.5", "y = x * p", "return y * 2"], FLOAT | COMPLEX),
    "text": (["x = 'a'", "return x + x"], STR),
    "text methods": (["x = 'a'.upper()", "return x.replace('a', 'b')"], STR),
    "split": (["for x in 'a b'.split():", "    y = x", "return y"], STR),
    "list": (["x = [p]", "return x"], LIST),
    "comprehension": (["x = [i * 2 for i in range(3)]", "return x"], LIST),
    "items": (["x = [1.5, 2.5]", "return x[0]"], FLOAT),
    "grown items": (["x = []", "x.append(1.5)", "return x[0]"], FLOAT),
    "written items": (["x = [0.0] * 5", "x[p] = 1.5", "return x[1]"], FLOAT),
    "loop": (["for i in range(10):", "    x = i", "return x"], SMALL),
    "range from a parameter": (["for i in range(p):", "    pass", "return i"], SMALL),
    "range with a start": (["for i in range(p, 5):", "    pass", "return i"], INT),
    "enumerate": (["for i, x in enumerate([1.5]):", "    pass", "return x"], FLOAT),
    "zip": (["for x, y in zip('ab', [1.5]):", "    pass", "return y"], FLOAT),
    "counter": (["x = 0", "while p:", "    x += 1", "return x"], SMALL),
    "sum in a loop": (["x = 0", "for i in [1, 2]:", "    x += i", "return x"], INT),
    "swap": (["a, b = 1, 2.5", "a, b = b, a", "return a"], FLOAT),
    "length": (["return len(p)"], SMALL),
    "comparison": (["return p < 5"], BOOL),
    "ordered with a number": (["p < 5", "return p"], EVERYTHING & ~SEQUENCE),
    "ordered with a number on the left": (["2.5 >= p", "return p"], EVERYTHING & ~SEQUENCE),
    "ordered in a condition": (["return p if p < 5 else p"], EVERYTHING & ~SEQUENCE),
    "ordered when bound": (["(x := p[0]) < 0", "return x"], EVERYTHING & ~SEQUENCE),
    "truth": (["return not p"], BOOL),
    "conditional": (["return 1 if p else 2.5"], SMALL | FLOAT),
    "or": (["return p < 1 or 2.5"], BOOL | FLOAT),
    "walrus": (["if (x := 5):", "    pass", "return x"], SMALL),
    "division": (["return 1 / 2"], FLOAT),
    "remainder": (["x = 5", "return (x * x * x) % 7"], SMALL),
    "power": (["x = 2.5", "return x ** 2"], FLOAT),
    "f-string": (["return f'{p}'"], STR),
    "dict": (["return {}"], DICT),
    "set": (["return {1}"], SET),
    "tuple": (["x = (1, 2.5)", "return x[1]"], SMALL | FLOAT),
    "tested": (["if _type_(p) is _int_:", "    return p"], INT),
    "tested away": (["if _type_(p) is not _float_:", "    return_ = 1", "    raise _exception_(p)", "return p"], FLOAT),
    "tested in an expression": (["return p if _type_(p) is _str_ else ''"], STR),
    "tested by and": (["return _type_(p) is _int_ and p * 1.5"], BOOL | FLOAT),
    "not none": (["x = None", "if p:", "    x = 1.5", "if x is not None:", "    return x"], FLOAT),
    "nested function": (["x = 1.5", "g = lambda: x", "return g"], FUNCTION),
    "try": (["try:", "    x = 1", "except _error_:", "    x = 2.5", "return x"], SMALL | FLOAT),
    "mutual": (["a = 1", "b = 2.5", "for i in range(9):", "    a, b = b, a", "return a"], SMALL | FLOAT),
    "struct": (["if _type_(p) is q:", "    return p"], STRUCT),
    "coerced": (["return _to_int_(p)"], INT | BOOL | NONE),
    "divided": (["y = p / 2", "return p"], BOOL | INT | FLOAT | COMPLEX),
    "squared": (["y = p * p", "return y"], INT | FLOAT | COMPLEX),
    "items of a list that grows in a loop": (
        ["x = []", "for i in range(9):", "    x.append(x[0] if x else 1.5)", "return x[0]"], FLOAT,
    ),
    "captured": (["x = 1.5", "def g():", "    return x * 2", "g()"], FLOAT),
}


@pytest.mark.parametrize(("lines", "flags"), PROVED.values(), ids=PROVED)
def test_proved(lines: list[str], flags: int) -> None:
    """Types that follow from literals, operators, known calls and tests are found exactly."""
    assert result(body(*lines)).flags == flags


TRAPS = {
    "order in a try, read behind it": "def f(x):\n try:\n  x < 0\n except _type_error_: pass\n return x",
    "order in a try, read in its handler": "def f(x):\n try:\n  x < 0\n except _type_error_:\n  return x",
    "order that is not always asked for": "def f(x, y):\n y and x < 0\n return x",
    "order in the second part of a chain": "def f(x):\n 5 < 3 < x\n return x",
    "order with what may be no number": "def f(x, y):\n x < y\n return x",
    "order, rebound by the other side": "def f(x):\n x < len(x := 's')\n return x",
    "order of a captured variable": (
        "def f(x):\n def g():\n  nonlocal x\n  x = 's'\n x < 0\n g()\n return x"
    ),
    "equality": "def f(x):\n x == 0\n return x",
    "annotation of a parameter": "def f(x: int):\n return x",
    "annotation of a variable": "def f(p):\n x: int = p\n return x",
    "parameter": "def f(x):\n return x",
    "default": "def f(x=1):\n return x",
    "parameter assigned in a branch": "def f(x):\n if x is y:\n  x = 1\n return x",
    "test, then rebound": "def f(x, y):\n if _type_(x) is _int_:\n  x = y\n  return x",
    "test, then rebound by a loop": "def f(x, y):\n if _type_(x) is _int_:\n  for x in y: pass\n  return x",
    "test before a loop that rebinds": (
        "def f(x, y):\n if _type_(x) is _int_:\n  while y:\n   z = x\n   x = y\n  return z"
    ),
    "test, then rebound by with": ("def f(x, y):\n if _type_(x) is _int_:\n  with _manager_(y) as x: pass\n  return x"),
    "test, then rebound by walrus": "def f(x, y):\n if _type_(x) is _int_:\n  g((x := y))\n  return x",
    "test, then rebound in the same condition": ("def f(x, y):\n if _type_(x) is _int_ and (x := y):\n  return x"),
    "walrus in a comprehension": ("def f(x, y):\n if _type_(x) is _int_:\n  z = [(x := i) for i in y]\n  return x"),
    "test in the other branch": "def f(x):\n if _type_(x) is _int_:\n  pass\n else:\n  return x",
    "test that does not dominate": "def f(x, y):\n if y:\n  if _type_(x) is not _int_:\n   return 1\n return x",
    "test with or": "def f(x, y):\n if _type_(x) is _int_ or y:\n  return x",
    "test negated": "def f(x):\n if not _type_(x) is _int_:\n  return x",
    "test in a loop head": "def f(x, y):\n while _type_(x) is _int_:\n  x = y\n return x",
    "test, then a call that assigns": (
        "def f(x):\n def g():\n  nonlocal x\n  x = 's'\n if _type_(x) is _int_:\n  g()\n  return x"
    ),
    "assigned by nonlocal": "def f():\n x = 1\n def g():\n  nonlocal x\n  x = 's'\n g()\n return x",
    "assigned by nonlocal two levels down": (
        "def f():\n x = 1\n def g():\n  def h():\n   nonlocal x\n   x = 's'\n  h()\n g()\n return x"
    ),
    "nonlocal in a lambda's walrus scope": (
        "def f():\n x = 1\n def g():\n  nonlocal x\n  y = [(x := i) for i in z]\n g()\n return x"
    ),
    "global variable": "x = 1\nx = 's'\ndef f():\n return x",
    "global assigned in a function": "x = 1\ndef g():\n global x\n x = 's'\ndef f():\n return x",
    "global deleted": "x = 1\ndel x\ndef f():\n return x",
    "global loop variable": "for x in range(3): pass\ndef f():\n return x",
    "global bound by with": "with _manager_(y) as x: pass\ndef f():\n return x",
    "global bound by walrus in a comprehension": "y = [(x := i) for i in range(3)]\ndef f():\n return x",
    "global in a function declared": "def f():\n global x\n x = 1\n return x",
    "star import": "x = 1\n_import_star_('m', 0, False, 'n')\ndef f():\n return x",
    "star import hides a builtin": "_import_star_('m', 0, False, 'n')\ndef f(p):\n return len(p)",
    "own range": "def range(n):\n return 's'\ndef f():\n for i in range(3):\n  return i",
    "own range as a parameter": "def f(range):\n for i in range(3):\n  return i",
    "own range as a variable": "def f(p):\n range = p\n for i in range(3):\n  return i",
    "own range later": "def f():\n for i in range(3):\n  return i\nrange = 5",
    "own range by global": "def g():\n global range\n range = 5\ndef f():\n for i in range(3):\n  return i",
    "own len by import": "from x import len\ndef f(p):\n return len(p)",
    "own len by for": "for len in x: pass\ndef f(p):\n return len(p)",
    "own len by with": "with _manager_(x) as len: pass\ndef f(p):\n return len(p)",
    "own len by except": "try:\n pass\nexcept _error_ as len: pass\ndef f(p):\n return len(p)",
    "own len by walrus": "x = (len := 5)\ndef f(p):\n return len(p)",
    "own len by comprehension": "def f(p):\n return [len(p) for len in p][0]",
    "own len by class": "class len: pass\ndef f(p):\n return len(p)",
    "own len by del": "del len\ndef f(p):\n return len(p)",
    "own len in an enclosing function": "def g(len):\n def f(p):\n  return len(p)",
    "own str method": "def f(s):\n return s.upper()",
    "own enumerate": "def enumerate(x):\n return x\ndef f(p):\n for i, x in enumerate(p):\n  return i",
    "decorated function": "@g\ndef x(): pass\ndef f():\n return x",
    "items of a parameter": "def f(x):\n return x[0]",
    "items of an alias": "def f(p):\n a = [1]\n b = a\n b.append('s')\n return a[0]",
    "items passed on": "def f(p):\n a = [1]\n p(a)\n return a[0]",
    "items stored": "def f(p):\n a = [1]\n p.x = a\n return a[0]",
    "items in a container": "def f(p):\n a = [1]\n b = [a]\n b[0].append('s')\n return a[0]",
    "items captured": "def f(p):\n a = [1]\n g = lambda: a.append('s')\n g()\n return a[0]",
    "items chained": "def f(p):\n a = b = [1]\n b.append('s')\n return a[0]",
    "items by walrus": "def f(p):\n b = (a := [1])\n b.append('s')\n return a[0]",
    "items extended": "def f(p):\n a = [1]\n a.extend(p)\n return a[0]",
    "items added": "def f(p):\n a = [1]\n a += p\n return a[0]",
    "items by slice": "def f(p):\n a = [1]\n a[0:1] = p\n return a[0]",
    "items by a bound method": "def f(p):\n a = [1]\n g = a.append\n g('s')\n return a[0]",
    "items by max": "def f(p):\n a = [1]\n b = max(a, [0])\n b.append('s')\n return a[0]",
    "items by sum": "def f(p):\n a = [1]\n b = sum([], a)\n b.append('s')\n return a[0]",
    "items by a conditional": "def f(p):\n a = [1]\n b = a if p else []\n b.append('s')\n return a[0]",
    "items by or": "def f(p):\n a = [1]\n b = a or []\n b.append('s')\n return a[0]",
    "items of a list in a tuple": "def f(p):\n a = [1]\n b = (a,)\n b[0].append('s')\n return a[0]",
    "items of a nested list": "def f(p):\n a = [[1]]\n b = a[0]\n b.append('s')\n return a[0][0]",
    "items shadowed by a comprehension": "def f(p):\n a = [1]\n return [a[0] for a in p][0]",
    "items by iteration of a nested list": "def f(p):\n a = [[1]]\n for b in a:\n  b.append('s')\n return a[0][0]",
    "except handler": "def f(p):\n x = 1\n try:\n  x = p\n  g()\n except _error_:\n  return x",
    "try without exception": "def f(p):\n x = 1\n try:\n  x = p\n finally:\n  y = x\n return y",
    "test inside try": (
        "def f(x, y):\n try:\n  if _type_(x) is not _int_:\n   raise _exception_(1)\n"
        " except _error_:\n  pass\n return x"
    ),
    "loop variable after test": "def f(y):\n for x in y:\n  if _type_(x) is not _int_:\n   continue\n return x",
    "break before the test": (
        "def f(x, y):\n while True:\n  if y:\n   break\n  if _type_(x) is not _int_:\n   return 1\n return x"
    ),
    "del and bind": "def f(p):\n x = 1\n del x\n x = p\n return x",
    "conditional binding": "def f(p):\n x = 1\n if p:\n  x = p\n return x",
    "match": "def f(p):\n x = 1\n match p:\n  case x: pass\n return x",
    "import": "def f(p):\n x = 1\n import x\n return x",
    "host function of the same name": "",
    "unknown method": "def f(p):\n return p.upper()",
    "operator on unknown": "def f(p, q):\n return p + q",
    "divided, then rebound": "def f(x, y):\n z = x / 2\n x = y\n return x",
    "divided by what rebinds": "def f(x, y):\n z = x / (1 if (x := y) else 2)\n return x",
    "divided in a branch": "def f(x, y):\n if y:\n  z = x / 2\n return x",
    "division that failed": "def f(x):\n try:\n  z = x / 2\n except _error_:\n  return x",
    "product of two variables": "def f(x, y):\n z = x * y\n return x",
    "list shared after it was read": (
        "def f(y):\n x = [1]\n for i in range(3):\n  z = x[0]\n  g = x\n  g[0] = y\n return z"
    ),
    "used before it moves": "def f(y):\n x = 1\n z = 1\n for i in range(3):\n  z = x\n  x = y\n return z",
    "moves through two variables": (
        "def f(p):\n a = b = c = 1\n for i in range(9):\n  c = b\n  b = a\n  a = p\n return c"
    ),
    "bit or composes": "def f(p):\n return p | 1.5",
    "type test on an attribute": "def f(p):\n if _type_(p.x) is _int_:\n  return p.x",
    "type test on an item": "def f(p):\n if _type_(p[0]) is _int_:\n  return p[0]",
}


@pytest.mark.parametrize(
    "text", [text for text in TRAPS.values() if text], ids=[name for name, text in TRAPS.items() if text]
)
def test_traps(text: str) -> None:
    """Nothing is proved: text can stand where the last ``return`` is."""
    assert result(text).may_be(STR)


def test_a_session_proves_little_by_names() -> None:
    """A later piece of a session may bind any global name but a built-in's, so no constant is known."""
    assert result("def f(p):\n return len(p)", closed=False).flags == SMALL
    assert result("N = 5\ndef f():\n return N", closed=False) == ANY
    assert result("N = 5\ndef f():\n return N").flags == SMALL
    assert result("def f():\n x = 5\n return x", closed=False).flags == SMALL


def test_names_of_the_host_hide_builtins() -> None:
    """Nothing is known about a function that the host put in place of a built-in."""
    assert result("def f(p):\n return len(p)", names=frozenset({"len"})) == ANY


def test_two_entries() -> None:
    """The head test of the two-entry form is evidence for the whole rest of the body."""
    text = body(
        "if _type_(a) is not _int_ or _type_(b) is not _float_: return g(a, b)",
        "c = a * b",
        "return c",
        parameters="a, b",
    )
    assert result(text).flags == FLOAT
    branches = body("if _type_(a) is _int_:", "    return a % 10", "else:", "    return g(a)", parameters="a")
    tree = ast.parse(branches)
    evidence = infer_module(tree, closed=True)
    first = next(node for node in ast.walk(tree) if isinstance(node, ast.BinOp))
    assert evidence.type_of(first).flags == SMALL


def test_small_does_not_survive_products() -> None:
    """Products, sums of variables and powers of small ints are ints without bound."""
    for step in ("x = x * x", "x = x + x", "x = x * 2", "x = x ** 2", "x = x << 1", "x *= x", "x += x", "x = -x - x"):
        assert result(body("x = 3", "while p:", f"    {step}", "return x")).flags & (INT & ~SMALL), step


def test_a_struct_class_that_is_rebound_is_no_struct_class() -> None:
    """A constructor is known only if the module makes the class once and nothing rebinds it."""
    make = "P = _struct_('P', 'struct', (), None, None)\n"
    assert result(make + "def f():\n return P()").struct == "P"
    assert result(make + "P = g\ndef f():\n return P()") == ANY
    assert result(make + "def g():\n global P\n P = 1\ndef f():\n return P()") == ANY
    assert result(make + "def f(P):\n return P()") == ANY
    assert result(make + "def f():\n return P()", closed=False) == ANY


def test_answers_belong_to_nodes() -> None:
    """A node that is not of the tree, even at the address of a dead one, is unknown."""
    tree = ast.parse("x = 1")
    evidence = infer_module(tree, closed=True)
    value = tree.body[0].value  # type: ignore[attr-defined]
    assert evidence.type_of(value).flags == SMALL
    for _ in range(1000):
        assert evidence.type_of(ast.Constant("s")) == ANY


def test_types_settle() -> None:
    """A chain of variables that each wait for the next is given up on, not walked for ever."""
    names = [f"v{n}" for n in range(60)]
    lines = [f"{one} = {two}" for one, two in pairwise(names)]
    text = body(
        "v59 = 1",
        *[f"{name} = None" for name in names[:-1]],
        "while p:",
        *[f"    {each}" for each in lines],
        "    v59 = 's'",
        "return v0",
    )
    assert result(text).may_be(STR)


@pytest.mark.parametrize("make", [lambda: of(INT), lambda: container(LIST, of(FLOAT)), lambda: Type(STRUCT, None, "P")])
def test_join(make: Callable[[], Any]) -> None:
    """The join holds both, is the same in either order, and forgets what differs."""
    one = make()
    for two in (
        of(STR),
        of(NONE),
        container(LIST, of(STR)),
        Type(STRUCT, None, "Q"),
        of(LIST),
        ANY,
        container(TUPLE, ANY),
    ):
        both = join(one, two)
        assert both == join(two, one)
        assert both.flags == one.flags | two.flags
        if one.struct and two.struct:
            assert both.struct is None
        assert join(both, one) == both
