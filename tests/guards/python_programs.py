"""Random small Python programs and random Python trees, for property tests of the policy and the evidence."""

from __future__ import annotations

import ast
import sys
from typing import Any

from hypothesis import strategies as st

VARIABLES = ("a", "b", "c", "d")
_CONSTANTS = st.sampled_from(
    [
        "0",
        "1",
        "2",
        "3",
        "-1",
        "1.5",
        "0.5",
        "'x'",
        "''",
        "'ab'",
        "None",
        "True",
        "[]",
        "[1]",
        "(1, 2)",
        "{}",
        "['s', 2]",
    ]
)
_BINARY = st.sampled_from(["+", "-", "/", "//", "%", ">>", "&", "^"])
_GROWING = st.sampled_from(["* 2", "* 3", "** 2", "** -1", "** 0.5", "<< 1", "* 1.5", "* True"])
"""Growth by small steps only: plain Python has to finish too."""
_COMPARE = st.sampled_from(["<", "==", "!=", ">=", "is", "is not", "in", "not in"])
_TYPES = st.sampled_from(["_int_", "_float_", "_str_", "_list_", "_bool_"])
_NAMES = st.sampled_from(VARIABLES)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.builds("({} {} {})".format, inner, _BINARY, inner),
        st.builds("({} {})".format, inner, _GROWING),
        st.builds(
            "({} * {})".format, st.sampled_from(["2", "[0]", "'x'", "1.5"]), st.sampled_from(["2", "c", "len(d)"])
        ),
        st.builds("({} {} {})".format, inner, _COMPARE, inner),
        st.builds("({1} if _type_({0}) is {2} else {3})".format, _NAMES, inner, _TYPES, inner),
        st.builds("(_type_({0}) is {1} and {2})".format, _NAMES, _TYPES, inner),
        pair.map(lambda two: f"({two[0]} or {two[1]})"),
        pair.map(lambda two: f"[{two[0]}, {two[1]}]"),
        pair.map(lambda two: f"({two[0]}, {two[1]})"),
        pair.map(lambda two: f"{{'k': {two[0]}, 'l': {two[1]}}}"),
        st.builds("{}[{}]".format, _NAMES, inner),
        st.builds("{}[{}:]".format, _NAMES, inner),
        st.builds("[{0} for {1} in {2}]".format, inner, _NAMES, inner),
        st.builds("[{0} for {1} in range(3) if {2}]".format, inner, _NAMES, inner),
        st.builds("({} := {})".format, _NAMES, inner),
        st.builds("f'{{{}}}-{{{}}}'".format, _NAMES, _NAMES),
        st.builds("f'{{{}!r:>5}}'".format, _NAMES),
        st.builds("len({})".format, inner),
        st.builds("sorted({})".format, inner),
        st.builds("min({}, {})".format, inner, inner),
        st.builds("[*{}, *{}]".format, inner, inner),
        st.builds("{}.upper()".format, inner),
        st.builds("'-'.join({})".format, inner),
        st.builds("{}.split()".format, inner),
        st.builds("{}.count({})".format, inner, inner),
        st.builds("(lambda {}: {})({})".format, _NAMES, inner, inner),
        st.builds("h({})".format, inner),
        st.builds("dana_k_1({}, {})".format, inner, inner),
        st.builds("(not {})".format, inner),
        st.builds("(-{})".format, inner),
    )


expressions = st.recursive(st.one_of(_CONSTANTS, _NAMES), _compound, max_leaves=6)


def _indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines] or ["    pass"]


_simple = st.one_of(
    st.builds(lambda name, value: [f"{name} = {value}"], _NAMES, expressions),
    st.builds(lambda name, value: [f"{name} = {value}"], _NAMES, expressions),
    st.builds(lambda name, op, value: [f"{name} {op}= {value}"], _NAMES, st.sampled_from(["+", "-", "%"]), expressions),
    st.builds(lambda name, op: [f"{name} {op}"], _NAMES, st.sampled_from(["*= 2", "<<= 1", "**= 2", "*= 1.5"])),
    st.builds(lambda one, two, value: [f"{one}, {two} = {value}"], _NAMES, _NAMES, expressions),
    st.builds(lambda one, two, value: [f"{one}, *{two} = {value}"], _NAMES, _NAMES, expressions),
    st.builds(lambda one, two, value: [f"{one} = {two} = {value}"], _NAMES, _NAMES, expressions),
    st.builds(lambda name, key, value: [f"{name}[{key}] = {value}"], _NAMES, expressions, expressions),
    st.builds(lambda name, value: [f"{name}.append({value})"], _NAMES, expressions),
    st.builds(lambda name: [f"del {name}"], _NAMES),
    st.builds(lambda value: [f"return {value}"], expressions),
)


def _blocks(inner: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    block = st.lists(inner, min_size=1, max_size=3).map(
        lambda parts: _indented([line for part in parts for line in part])
    )
    return st.one_of(
        st.builds(lambda test, one, two: [f"if {test}:", *one, "else:", *two], expressions, block, block),
        st.builds(
            lambda name, kind, one: [f"if _type_({name}) is not {kind}:", *one, "    return 0"], _NAMES, _TYPES, block
        ),
        st.builds(
            lambda name, value, one: [f"for {name} in {value}:", *one, "    if tick(): break"],
            _NAMES,
            expressions,
            block,
        ),
        st.builds(lambda name, one: [f"for {name} in range(3):", *one, "    if tick(): break"], _NAMES, block),
        st.builds(lambda value, one: [f"while {value}:", *one, "    if tick(): break"], expressions, block),
        st.builds(lambda one, two: ["try:", *one, "except _error_:", *two], block, block),
        st.builds(lambda one, two: ["try:", *one, "finally:", *two], block, block),
        st.builds(lambda name, one: [f"def g({name}):", *one, f"{name} = g"], _NAMES, block),
        st.builds(lambda name, one: ["def g():", f"    nonlocal {name}", *one, "g()"], _NAMES, block),
        st.builds(lambda name, one: ["def g():", *one, f"{name} = g()"], _NAMES, block),
    )


_statements = st.one_of(_simple, _simple, _blocks(st.one_of(_simple, _blocks(_simple))))
_HEADS = st.sampled_from(
    [
        "if tick(): return 0",
        "if _type_(a) is not _int_ or tick(): return 0",
        "if _type_(a) is not _float_: return 'text' if tick() else a",
        "if _type_(b) is not _str_ or _type_(a) is not _int_: return [a, b]",
    ]
)


def _function_text(name: str, head: str, parts: list[list[str]], result: str) -> list[str]:
    tick = [] if "tick" in head else ["    if tick(): return 1"]
    lines = [line for part in parts for line in part]
    return [f"def {name}:", f"    {head}", *tick, "    c = 1", "    d = 'd'", *_indented(lines), f"    return {result}"]


_helpers = st.tuples(
    st.builds(_function_text, st.just("h(a, b='b')"), _HEADS, st.lists(_simple, max_size=2), expressions),
    st.builds(_function_text, st.just("dana_k_1(a, b)"), _HEADS, st.lists(_simple, max_size=2), expressions),
)
programs = st.tuples(_helpers, st.lists(_statements, min_size=2, max_size=7), st.integers(0, 2)).map(
    lambda drawn: "\n".join(
        [
            *[line for helper in drawn[0] for line in helper],
            "def f(a, b):",
            "    c = 1",
            "    d = 'd'",
            *_indented([line for part in drawn[1] for line in part]),
            "    return [a, b, c, d]",
        ]
    )
)
"""A function ``f(a, b)`` that uses ``tick()`` to end its loops."""

ARGUMENTS: tuple[tuple[Any, Any], ...] = ((1, 2.5), ("s", [1, "x"]), ([1.5, 2.5], {"k": 1}), (7, 3))


def compiles(text: str) -> bool:
    """Whether Python accepts the text (a generated name may be declared badly)."""
    try:
        compile(text, "program", "exec")
    except SyntaxError:
        return False
    return True


# -- random trees ------------------------------------------------------------------------------------------

NAMES = (
    "x",
    "y",
    "_x",
    "_type_",
    "_int_",
    "_getattr_",
    "_public_",
    "_missing_",
    "__class__",
    "dana_stop",
    "dana_e1",
    "dana_p1",
    "f",
)
ATTRIBUTES = ("x", "append", "format", "__class__", "gi_frame", "mro", "dana_s_x", "dana_q", "join", "_y", "encode")
_name = st.sampled_from(NAMES)
_attribute = st.sampled_from(ATTRIBUTES)
_load, _store = st.just(ast.Load()), st.just(ast.Store())


def _targets(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    simple = st.one_of(
        st.builds(ast.Name, _name, _store),
        st.builds(ast.Attribute, inner, _attribute, _store),
        st.builds(ast.Subscript, inner, inner, _store),
    )
    return st.one_of(simple, st.builds(ast.Tuple, st.lists(simple, min_size=1, max_size=2), _store))


def _arguments(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda name, default: ast.arguments([], [ast.arg(name)], None, [], [], None, [default]), _name, inner
    )


def _tree_expressions(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    comprehension = st.builds(
        lambda target, iterable, test: ast.comprehension(target, iterable, [test], 0), _targets(inner), inner, inner
    )
    generators = st.lists(comprehension, min_size=1, max_size=2)
    lists = st.lists(st.one_of(inner, st.builds(ast.Starred, inner, _load)), max_size=2)
    keywords = st.lists(st.builds(ast.keyword, st.one_of(_name, st.none()), inner), max_size=1)
    fields = st.builds(ast.FormattedValue, inner, st.sampled_from([-1, 114]), st.none())
    return st.one_of(
        st.builds(ast.Attribute, inner, _attribute, _load),
        st.builds(ast.Attribute, inner, _attribute, _load),
        st.builds(ast.Call, inner, lists, keywords),
        st.builds(
            lambda hook, arguments: ast.Call(ast.Name(hook, ast.Load()), arguments, []),
            _name,
            st.lists(inner, max_size=3),
        ),
        st.builds(
            ast.BinOp,
            inner,
            st.sampled_from([ast.Add(), ast.Mult(), ast.Mod(), ast.Pow(), ast.BitOr(), ast.MatMult()]),
            inner,
        ),
        st.builds(
            lambda left, op, right: ast.Compare(left, [op], [right]),
            inner,
            st.sampled_from([ast.Is(), ast.In(), ast.Lt()]),
            inner,
        ),
        st.builds(ast.IfExp, inner, inner, inner),
        st.builds(ast.Subscript, inner, inner, _load),
        st.builds(ast.List, lists, _load),
        st.builds(ast.Dict, st.lists(st.none(), min_size=1, max_size=1), st.lists(inner, min_size=1, max_size=1)),
        st.builds(ast.ListComp, inner, generators),
        st.builds(ast.GeneratorExp, inner, generators),
        st.builds(ast.DictComp, inner, inner, generators),
        st.builds(ast.Lambda, _arguments(inner), inner),
        st.builds(lambda name, value: ast.NamedExpr(ast.Name(name, ast.Store()), value), _name, inner),
        st.builds(ast.JoinedStr, st.lists(fields, min_size=1, max_size=3)),
        st.builds(ast.Yield, inner),
    )


tree_expressions = st.recursive(
    st.one_of(st.builds(ast.Name, _name, _load), st.sampled_from([1, "s", 2.5, None]).map(ast.Constant)),
    _tree_expressions,
    max_leaves=8,
)


def _function(name: str, arguments: ast.arguments, body: list[ast.stmt], decorators: list[ast.expr]) -> ast.stmt:
    node = ast.FunctionDef(name, arguments, body, decorators, None)
    if sys.version_info >= (3, 12):
        node.type_params = []
    return node


def _tree_statements(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=2)
    handler = st.builds(ast.ExceptHandler, st.one_of(st.none(), tree_expressions), st.one_of(st.none(), _name), some)
    item = st.builds(ast.withitem, tree_expressions, st.one_of(st.none(), _targets(tree_expressions)))
    return st.one_of(
        st.builds(_function, _name, _arguments(tree_expressions), some, st.lists(tree_expressions, max_size=1)),
        st.builds(ast.If, tree_expressions, some, st.just([])),
        st.builds(ast.For, _targets(tree_expressions), tree_expressions, some, st.just([])),
        st.builds(lambda one, two: ast.Try(one, [two], [], []), some, handler),
        st.builds(lambda one, two: ast.With([one], two), item, some),
    )


_tree_simple = st.one_of(
    st.builds(ast.Expr, tree_expressions),
    st.builds(lambda target, value: ast.Assign([target], value), _targets(tree_expressions), tree_expressions),
    st.builds(
        lambda name, value: ast.AugAssign(ast.Name(name, ast.Store()), ast.Add(), value), _name, tree_expressions
    ),
    st.builds(ast.Raise, tree_expressions, st.none()),
    st.builds(lambda value, name: ast.Delete([ast.Attribute(value, name, ast.Del())]), tree_expressions, _attribute),
    st.builds(lambda name: ast.Global([name]), _name),
    st.builds(lambda name: ast.Import([ast.alias(name, None)]), _name),
)
trees = st.lists(st.one_of(_tree_simple, _tree_statements(_tree_simple)), min_size=1, max_size=4).map(
    lambda body: ast.fix_missing_locations(ast.Module(body, []))
)
"""Modules of every kind of node, most of which the policy must refuse."""
