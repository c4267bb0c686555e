"""Deep tuples as keys: hashing one recurses in C without a check and would end the process (CPython #154318)."""

from __future__ import annotations

import contextlib

import pytest

from opendxa.dana import DanaRecursionError, DanaRuntime, DanaRuntimeError

DEEP = "def make():\n    t = (0,)\n    for i in range(3000):\n        t = (t,)\n    return t\n"
SHARED = "def make():\n    t = (0,)\n    for i in range(60):\n        t = (t, t)\n    return t\n"
FLAT = "def make():\n    return (1, 'a', (2, 3))\n"
HASHING = [
    "x = t in d", "x = t in s", "x = 1 in d and t not in s", "d[t] = 1", "x = d[t]", "del d[t]", "x = {t: 1}",
    "x = {t}",
    "x = {1: 1, t: 2, **d}", "s.add(t)", "x = d.get(t)", "x = d.get(t, 1)", "x = d.setdefault(t, 1)",
    "x = d.pop(t, 1)",
    "s.discard(t)", "s.remove(t)", "d.update([(t, 1)])", "s.update([t])", "x = {k: 1 for k in [t]}",
    "x = {k for k in [t]}",
    "x = d.fromkeys([t])", "g = d.get\n    g(t)", "x = list(map(d.get, [t]))", "x = d[(1, t)]", "x = d[1, t]",
    "x = (1, t) in s", "x = dict([(t, 1)])", "x = set([t])", "x = frozenset([t])", "x = s.union([t])", "x = s | {t}",
    "x = (lambda k :: d[k])(t)", "x = [d[k] for k in [t]]", "x = [1 for k in [t] if k in d]",
]  # fmt: skip


def _run(make: str, statement: str) -> None:
    given = "{1: 1, (1, 'a', (2, 3)): 2}, {1, (1, 'a', (2, 3))}, make()"
    program = f"{make}def f(d, s, t):\n    {statement}\nf({given})\n"
    with DanaRuntime().create_context() as context:
        context.run_dana(program)


@pytest.mark.parametrize("statement", HASHING)
def test_a_deep_key_is_refused_before_it_is_hashed(statement: str) -> None:
    """The error is one of the program, which goes on."""
    with pytest.raises(DanaRecursionError, match="nested deeper than 1000"):
        _run(DEEP, statement)


@pytest.mark.parametrize("statement", HASHING)
def test_a_key_that_shares_its_parts_is_refused(statement: str) -> None:
    """Sixty doublings are 2**60 parts to hash: no stop would ever arrive."""
    with pytest.raises(DanaRuntimeError, match="parts to look at"):
        _run(SHARED, statement)


@pytest.mark.parametrize("statement", HASHING)
def test_an_ordinary_key_is_as_good_as_ever(statement: str) -> None:
    """The same statements with a flat tuple: what they do is Python's (some find nothing)."""
    finds_nothing = statement in ("x = d[(1, t)]", "x = d[1, t]")
    with pytest.raises(DanaRuntimeError, match="KeyError") if finds_nothing else contextlib.nullcontext():
        _run(FLAT, statement)


def test_the_program_can_catch_it() -> None:
    """Nothing has been hashed, so nothing is broken."""
    with DanaRuntime().create_context() as context:
        source = f"{DEEP}x = 0\ntry:\n    y = {{make(): 1}}\nexcept RecursionError as e:\n    x = e.message\nx"
        assert "nested deeper" in context.run_dana(source)
        assert "nested deeper" in context.eval_dana(source)


PAIR = "def make():\n    a = [0]\n    for i in range(60):\n        a = [a, a]\n    return a\n"
COMPARING = [
    "x = a == b", "x = a != b", "x = a < b", "x = a >= b > 0", "x = not a == b", "x = a in [b]", "x = [a].index(b)",
    "x = [a].count(b)", "l = [a]\n    l.remove(b)", "x = {1: a} == {1: b}", "x = (a,) == (b,)",
    "x = [a, 1] == [b, 2]",
    "l = [a, b]\n    l.sort()", "x = sorted([a, b])", "x = min(a, b)", "g = [a].index\n    g(b)",
    "x = 1 if a == b else 2",
    "x = (lambda u, v :: u == v)(a, b)", "x = [1 for u in [a] if u == b]", "if a == b:\n        pass", "assert a == b",
]  # fmt: skip


@pytest.mark.parametrize("statement", COMPARING)
def test_a_comparison_without_end_is_refused(statement: str) -> None:
    """Two lists that share their parts sixty times over have 2**60 parts to compare."""
    with DanaRuntime().create_context() as context, pytest.raises(DanaRuntimeError, match="parts to look at"):
        context.run_dana(f"{PAIR}def f(a, b):\n    {statement}\nf(make(), make())\n")


@pytest.mark.parametrize("statement", COMPARING)
def test_an_ordinary_comparison_is_as_good_as_ever(statement: str) -> None:
    """The same statements with small lists."""
    with DanaRuntime().create_context() as context:
        body = statement.replace("b > 0", "b")
        context.run_dana(f"def make():\n    return [0, [1, 'a'], (2,)]\ndef f(a, b):\n    {body}\nf(make(), make())\n")


def test_large_flat_data_compares() -> None:
    """Size alone is no reason to refuse: flat lists and tables go by."""
    with DanaRuntime().create_context() as context:
        source = "a = [i for i in range(300000)]\nb = list(a)\nt = [[i, i] for i in range(1000)]\n"
        source += "[a == b, t == list(t), a in [b]]"
        assert context.run_dana(source) == [True, True, True]


HEAD = "struct S:\n    x: list\ndef make():\n"
STRUCT = HEAD + "    s = [1]\n    for i in range({levels}):\n        s = [s, s]\n    return S(x=s)\n"
CHAIN = HEAD + "    s = S(x=[1])\n    for i in range(60):\n        s = S(x=[s, s])\n    return s\n"


def test_struct_equality_measures_its_fields_first() -> None:
    """``==`` of structs leads into C code that compares lists that share their parts 2**60 times."""
    with DanaRuntime().create_context() as context:
        with pytest.raises(DanaRuntimeError, match="parts to look at"):
            context.run_dana(STRUCT.format(levels=60) + "make() == make()\n")
        assert context.run_dana(STRUCT.format(levels=5) + "make() == make()\n") is True


def test_structs_that_share_structs_are_compared_once() -> None:
    """A pair that was compared is not compared again, also where a list lies between."""
    with DanaRuntime().create_context() as context:
        assert context.run_dana(CHAIN + "make() == make()\n") is True
