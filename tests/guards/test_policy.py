"""What the policy accepts and what it makes of it; the fingerprint."""

from __future__ import annotations

import subprocess
import sys

import policy_support as support
import pytest

from dana_guards import names
from dana_guards.policy import Policy

ACCEPTED = [
    "x = 1",
    "x, y = 1, 2",
    "x = y = 1",
    "x += 1",
    "x = y.append",
    "x = y.z.w",
    "x = y[0]",
    "y[0] = 1",
    "y[1:2] = x",
    "del x",
    "del y[0]",
    "f(1, *x, k=2, **y)",
    "def f(x, y=1, *z, k=2, **w): return x",
    "f = lambda x: x",
    "def f():\n global x\n x = 1",
    "def f():\n x = 1\n def g():\n  nonlocal x\n  x = 2\n return g",
    "for x in y:\n break\nelse:\n pass",
    "while x:\n continue",
    "x = [y for y in z if y]",
    "x = {y: 1 for y in z}",
    "x = {y for y, w in z}",
    "x = y if z else w",
    "x = not y and z or w",
    "x = 1 < y < 2",
    "x = y is None",
    "x = -y + ~z",
    "x = (y := 1)",
    "x = f'{y}'",
    "x = {**y, 'k': 1}",
    "x = [*y, 1]",
    "x, *y = z",
    "try:\n pass\nexcept:\n raise",
    "try:\n pass\nexcept _kinds_(x) as dana_e1:\n y = _caught_(dana_e1)",
    "try:\n pass\nexcept _kinds_(x) as dana_e1:\n raise _exception_(y) from _exception_(dana_e1)",
    "def f():\n try:\n  pass\n finally:\n  return 1",
    "with _manager_(x) as y: pass",
    "raise _exception_(x)",
    "raise _assertion_('m')",
    "raise _missing_field_('P', 'x')",
    "def f(x=_missing_):\n if x is _missing_: pass",
    "x = _type_(y) is _int_",
    "x = _type_(y) is not _type_(z)",
    "x = _type_(y) is P",
    "_public_.x = 1",
    "x = _system_.y",
    "del _public_.x",
    "@f\ndef g(): pass",
    "@f(1)\ndef g(): pass",
    "'doc'",
    "def f(x: 'int') -> 'str': pass",
    "P = _struct_('P', 'struct', (('x', 'int', None),), dana_init_P, 'doc')",
    "def dana_init_P(self): self.dana_s_x = 1",
    "_receiver_((P,), 'area', f)",
    "_import_star_('m', 0, False, 'n')",
    "x = _import_('m', 0, False, 'n')",
    "x = _getattr_(y, 'format')",
    "_setattr_(x, 'y', 1)",
    "_delattr_(x, 'y')",
    "x = _method_(y, 'm', f)(1)",
    "x = ((1, 'a'), 2.5, None, True)",
    "pass",
    "",
]


@pytest.mark.parametrize("text", ACCEPTED)
@pytest.mark.parametrize("rules", support.PROFILES, ids=("limited", "unlimited"))
def test_plain_forms_are_accepted(text: str, rules: Policy) -> None:
    """Every form that the lowering makes passes in both profiles, and gives code that passes the check of byte code."""
    support.check_code(support.guarded(text, rules))


UNCHANGED = [
    "x = y.append(1)",
    "for x in y:\n    z = x.f",
    "x = y[0]",
    "x = [y.z for y in w]",
    "f(*x)",
    "x = y.z",
    "y[0] = x",
    "a, b = c",
    "x = y.f(z)[0].g",
    "del y[0]",
    "x += 1",
    "def f():\n    nonlocal_ = 1",
]


@pytest.mark.parametrize("text", UNCHANGED)
def test_harmless_forms_cost_nothing(text: str) -> None:
    """Attribute reads with harmless names, items, loops, unpacking and calls stay as they are."""
    assert support.shown(text, support.UNLIMITED) == text


REWRITTEN = {
    "format": ("x = y.format", "x = _getattr_(y, 'format')"),
    "format of a literal": ("x = ''.format(1)", "x = _getattr_('', 'format')(1)"),
    "a proved text too": ("def f():\n    x = ''\n    return x.format", "_getattr_(x, 'format')"),
    "inspection prefix": ("x = y.f_back", "x = _getattr_(y, 'f_back')"),
    "compiler's name": ("x = y.dana_private_z", "x = _getattr_(y, 'dana_private_z')"),
    "store": ("x.y = 1", "_setattr_(x, 'y', 1)"),
    "slot of anything": ("x.dana_s_y = 1", "_setattr_(x, 'y', 1)"),
    "delete": ("del x.y, z", "_delattr_(x, 'y')\ndel z"),
    "store after the value": ("x.y = f()", "dana_p1 = f()\n_setattr_(x, 'y', dana_p1)\ndana_p1 = None"),
    "tuple": (
        "x, x.y = z",
        "dana_p1, dana_p2 = z\nx = dana_p1\n_setattr_(x, 'y', dana_p2)\ndana_p1 = dana_p2 = None",
    ),
    "loop": ("for x.y in z:\n    pass", "for dana_p1 in z:\n    _setattr_(x, 'y', dana_p1)\n    pass"),
    "with": (
        "with _manager_(x) as y.z:\n    pass",
        "with _manager_(x) as dana_p1:\n    _setattr_(y, 'z', dana_p1)\n    pass",
    ),
    "bare except": ("try:\n    pass\nexcept:\n    pass", "except _error_:"),
    "composition": ("x = y | z", "x = _or_(y, z)"),
    "field": ("x = f'{y!r:>5}'", "x = f\"{_text_(y, 'r', '>5')}\""),
    "field with a field": ("x = f'{y:{z}}'", "_text_(y, None, f\"{_text_(z, None, '')}\")"),
}


@pytest.mark.parametrize(("text", "expected"), REWRITTEN.values(), ids=REWRITTEN)
def test_guards_are_put_in(text: str, expected: str) -> None:
    """What is not harmless goes through a guard, whatever is known about the receiver."""
    # Quotes inside f-strings differ between Python versions.
    assert expected.replace('"', "'") in support.shown(text, support.UNLIMITED, closed=True).replace('"', "'")


DECLARED = (
    "def dana_init_P(self):\n    pass\nP = _struct_('P', 'struct', (('y', 'int', None),), dana_init_P, None)\n"
)
SLOTS = {
    "test": (DECLARED + "def f(x):\n    if _type_(x) is P:\n        x.dana_s_y = 1", True),
    "class of another module": ("def f(x):\n    if _type_(x) is P:\n        x.dana_s_y = 1", False),
    "init": ("def dana_init_P(self):\n    self.dana_s_y = 1", True),
    "no test": ("def f(x):\n    x.dana_s_y = 1", False),
    "rebound": ("def f(x, z):\n    if _type_(x) is P:\n        x = z\n        x.dana_s_y = 1", False),
    "other receiver": ("def f(x, z):\n    if _type_(x) is P:\n        z.dana_s_y = 1", False),
    "test of a built-in type": ("def f(x):\n    if _type_(x) is _list_:\n        x.dana_s_y = 1", False),
    "assigned by another function": (
        "def f(x):\n    def g():\n        nonlocal x\n        x = 1\n    if _type_(x) is P:\n        g()\n"
        "        x.dana_s_y = 1",
        False,
    ),
    "global": ("if _type_(x) is P:\n    x.dana_s_y = 1", False),
    "init, other receiver": ("def dana_init_P(self, x):\n    x.dana_s_y = 1", False),
    "init, self rebound": ("def dana_init_P(self, x):\n    self = x\n    self.dana_s_y = 1", False),
    "init, self captured": (
        "def dana_init_P(self, x):\n    def g():\n        nonlocal self\n        self = x\n    g()\n"
        "    self.dana_s_y = 1",
        False,
    ),
    "nested in init": ("def dana_init_P(self):\n    def g(x):\n        x.dana_s_y = 1", False),
    "not a slot": ("def f(x):\n    if _type_(x) is P:\n        x.y = 1", False),
    "deletion": ("def f(x):\n    if _type_(x) is P:\n        del x.dana_s_y", False),
}


@pytest.mark.parametrize(("text", "plain"), SLOTS.values(), ids=SLOTS)
def test_slots_of_structs(text: str, plain: bool) -> None:
    """A slot is written directly only where the ast shows that the receiver is a struct."""
    assert (".dana_s_y = 1" in support.shown(text, closed=True)) is plain


def test_fields_of_numbers_and_texts_stay() -> None:
    """Format fields are plain where the value is shown to be a number or text and the spec is small."""
    function = "def f(p):\n    x = 2.5\n    s = 'a'\n    return "
    assert "f'{x:.2f} {s}'" in support.shown(function + "f'{x:.2f} {s}'")
    for field in ("{p}", "{p!r}", "{s!r}", "{x:1000f}", "{x:.{p}}", "{s!a}"):
        assert "_text_(" in support.shown(function + f"f'{field}'"), field


def test_one_text_may_join_a_text_but_several_are_measured() -> None:
    """Two texts in one f-string could double a text at each step, so the parts are measured."""
    assert "_glue_(" in support.shown("x = f'{y}{z}'")
    assert "_glue_(" not in support.shown("x = f'{y} is it'")
    assert "_glue_(" not in support.shown("x = f'{y}{z}'", support.UNLIMITED)


def test_order_of_evaluation() -> None:
    """The value comes first, then the receiver; targets are stored from left to right."""
    text = """
log = []
class_ = None
def note(name, value):
    log.append(name)
    return value
def test(target):
    note("receiver", target).x = note("value", 1)
    a = b = note("both", 2)
    return a + note("left", 1) * note("right", 2) + (note("l", 3) ** note("r", 2)) + b
"""
    for rules in support.PROFILES:
        found = support.run(text, rules)
        target = type("Target", (), {})()
        assert found["test"](target) == 2 + 2 + 9 + 2
        assert found["log"] == ["value", "receiver", "both", "left", "right", "l", "r"]
        assert target.x == 1


def test_temporaries_do_not_keep_values() -> None:
    """A store through a guard leaves nothing behind in the module."""
    tree = support.guarded("x.y = f()\n(a, x.z) = f()")
    namespace = {"__builtins__": support.hooks(), "f": lambda: (1, 2), "x": type("X", (), {})()}
    exec(compile(tree, "test.na", "exec"), namespace)
    assert [value for key, value in namespace.items() if key.startswith("dana_p")] == [None] * 3


# -- stop flags --------------------------------------------------------------------------------------------


def test_stop_flags() -> None:
    """Functions, loops, lambdas and comprehensions test the flag, on 3.11 by default; docstrings stay first."""
    text = "def f():\n    'doc'\n    while x:\n        pass\n    for y in z:\n        pass\ng = lambda: [y for y in z]"
    shown = support.shown(text, Policy(stop_flags=True))
    assert shown.count("if dana_stop:") == 3
    assert shown.count("if not dana_stop or not _stop_()") == 2
    assert shown.startswith('def f():\n    """doc"""\n    if dana_stop:')
    assert ("dana_stop" in support.shown(text, Policy())) is (sys.version_info < (3, 12))
    assert "dana_stop" not in support.shown(text, Policy(stop_flags=False))
    assert "dana_stop" not in support.shown(text, Policy("unlimited"))


LOOPS = [
    "while True: pass",
    "while True:\n  try:\n   pass\n  except: pass",
    "for x in range(10**9): pass",
    "x = [y for y in range(10**9)]",
    "def g(): return g() if len('') else g2()\ndef g2():\n  for x in range(10**9): g3()\ndef g3(): pass\ng()",
    "f2 = lambda: f3()\nf3 = lambda: [1 for x in range(10**9) if f4()]\nf4 = lambda: 0\nf2()",
    "while True:\n  try:\n   x = 1\n  finally:\n   continue",
]


@pytest.mark.parametrize("text", LOOPS)
def test_stop_flags_end_every_loop(text: str) -> None:
    """A stop that is asked for by the flag leaves every form of loop, and no handler keeps it."""

    class Stop(BaseException):
        pass

    def stop() -> None:
        raise Stop

    tree = support.guarded(
        "def f():\n" + "\n".join("  " + line for line in text.splitlines()) + "\nf()", Policy(stop_flags=True)
    )
    namespace = {"__builtins__": support.hooks() | {"_stop_": stop}, "dana_stop": True}
    with pytest.raises(Stop):
        exec(compile(tree, "test.na", "exec"), namespace)


# -- the policy itself -------------------------------------------------------------------------------------


def test_fingerprint() -> None:
    """Equal policies have equal fingerprints, also in another process; every setting changes it."""
    policies = [
        Policy(),
        Policy("unlimited"),
        Policy(stop_flags=True),
        Policy(stop_flags=False),
        Policy(names=frozenset({"f"})),
    ]
    assert len({each.fingerprint() for each in policies}) == len({(p.profile, p.stop_flags, p.names) for p in policies})
    code = "from dana_guards.policy import Policy; print(Policy(names=frozenset('abc')).fingerprint())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == Policy(names=frozenset("cba")).fingerprint()


def test_the_policy_is_cheap_to_import() -> None:
    """A warm import reads the policy but neither RestrictedPython nor what restricts."""
    code = (
        "import sys; before = set(sys.modules); import dana_guards.policy as p; p.Policy().fingerprint();"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"RestrictedPython", "dana_guards.transform", "dana_guards.evidence"} & set(loaded)


def test_names_of_built_ins() -> None:
    """Built-ins of Dana and what the host adds; nothing of Python's that leads out."""
    assert Policy().has_name("len")
    assert Policy(names=frozenset({"mine"})).has_name("mine")
    for name in (
        "open",
        "eval",
        "exec",
        "getattr",
        "globals",
        "object",
        "super",
        "BaseException",
        "SystemExit",
        "KeyboardInterrupt",
        "GeneratorExit",
        "id",
        "hash",
        "repr",
        "vars",
        "dir",
        "_type_",
    ):
        assert not Policy().has_name(name), name
    assert all(map(names.is_identifier, names.BUILTIN_NAMES))


def test_a_profile_that_does_not_exist() -> None:
    """A wrong setting is an error."""
    with pytest.raises(ValueError, match="limited"):
        Policy("unlimted")  # type: ignore[arg-type]
