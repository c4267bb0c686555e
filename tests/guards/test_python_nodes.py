"""Properties over random programs and trees, and the audit of Python's nodes."""

from __future__ import annotations

import ast
import copy
import os
import sys
from typing import Any

import policy_support as support
import pytest
import python_programs as programs
from hypothesis import HealthCheck, assume, example, given, settings

from dana_guards.allowed_nodes import ALLOWED_NODES
from dana_guards.errors import DanaError
from dana_guards.evidence import infer_module
from dana_guards.lattice import (
    BIG,
    BOOL,
    COMPLEX,
    DICT,
    EVERYTHING,
    FLOAT,
    FUNCTION,
    LIST,
    NONE,
    OTHER,
    RANGE,
    SET,
    SMALL,
    STR,
    TUPLE,
    Type,
)
from dana_guards.names import words

QUICK = settings(
    max_examples=int(os.environ.get("DANA_TEST_EXAMPLES", "40")), deadline=None, suppress_health_check=list(HealthCheck)
)

REFUSED = set(
    words(
        """
    AnnAssign Assert AsyncFor AsyncFunctionDef AsyncWith Await ClassDef Expression FunctionType GeneratorExp Import
    ImportFrom Interactive MatMult Match MatchAs MatchClass MatchMapping MatchOr MatchSequence MatchSingleton MatchStar
    MatchValue TryStar TypeIgnore Yield YieldFrom alias match_case ParamSpec TypeAlias TypeVar TypeVarTuple
    """
    )
)
ABSTRACT = set(
    words(
        """
        AST mod stmt expr expr_context boolop operator unaryop
        cmpop excepthandler pattern type_ignore type_param slice
        """
    )
)
OLD = {
    "Num",
    "Str",
    "Bytes",
    "NameConstant",
    "Ellipsis",
    "Index",
    "ExtSlice",
    "Suite",
    "AugLoad",
    "AugStore",
    "Param",
    "_ast_Ellipsis",
}


def test_every_node_of_this_python_is_decided() -> None:
    """A class of node that a new Python adds fails here until it is allowed or refused by name."""
    found = {name for name, kind in vars(ast).items() if isinstance(kind, type) and issubclass(kind, ast.AST)}
    allowed = {kind.__name__ for kind in ALLOWED_NODES}
    assert found - allowed - REFUSED - ABSTRACT - OLD == set()
    assert not allowed & REFUSED


@QUICK
@given(programs.trees)
def test_random_trees_give_safe_code_or_none(tree: ast.Module) -> None:
    """Whatever tree comes in: it is refused, or its code names no underscore, no guarded attribute, stores no hook."""
    for policy in support.PROFILES:
        try:
            guarded = support.restrict(copy.deepcopy(tree), policy, "test.na")
        except DanaError:
            continue
        try:
            support.check_code(guarded)
        except SyntaxError:
            continue  # Python's own refusal, of a name that is both global and a parameter, for example


class _Ticks:
    """Ends every loop after a while."""

    def __init__(self) -> None:
        self.left = 6

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def _outcome(tree: ast.Module, arguments: tuple[Any, Any], hooks: dict[str, Any]) -> object:
    namespace = {"__builtins__": hooks, "tick": _Ticks(), "dana_stop": False}
    exec(compile(tree, "program", "exec"), namespace)
    try:
        return repr(namespace["f"](*copy.deepcopy(arguments))).split(" at 0x")[0]
    except Exception as error:
        return type(error)


@QUICK
@given(programs.programs)
def test_guarded_programs_mean_the_same(text: str) -> None:
    """Plain Python and both profiles give the same result or the same kind of error, with evidence and without."""
    assume(programs.compiles(text))
    plain = ast.parse(text)
    for policy in (support.LIMITED, support.UNLIMITED, support.Policy("limited", stop_flags=True)):
        for closed in (True, False):
            guarded = support.guarded(text, policy, closed=closed)
            for arguments in programs.ARGUMENTS:
                expected = _outcome(plain, arguments, support.hooks())
                assert _outcome(guarded, arguments, support.hooks(policy=policy)) == expected


FLAGS = {
    type(None): NONE,
    bool: BOOL,
    float: FLOAT,
    complex: COMPLEX,
    str: STR,
    list: LIST,
    dict: DICT,
    tuple: TUPLE,
    set: SET,
    range: RANGE,
    type(lambda: 0): FUNCTION,
}


def holds(kind: Type, value: object) -> bool:
    """Whether `value` is what `kind` promises, items included."""
    if kind.flags == EVERYTHING:
        return True
    if type(value) is int:
        if not kind.may_be(SMALL if abs(value) < 2**2000 else BIG):
            return False
    elif not kind.may_be(FLAGS.get(type(value), OTHER)):
        return False
    if kind.item is not None and isinstance(value, list | tuple | set):
        return all(holds(kind.item, each) for each in value)
    return True


class _Watch(ast.NodeTransformer):
    """Wraps every read expression into a call that compares its value with its type."""

    def __init__(self, evidence: Any) -> None:
        self.evidence = evidence
        self.types: list[Type] = []

    def visit(self, node: ast.AST) -> Any:
        kind = self.evidence.type_of(node) if isinstance(node, ast.expr) else None
        is_type_test = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_type_"
        if not is_type_test:
            node = self.generic_visit(node)
        if (
            kind is None
            or is_type_test
            or isinstance(node, ast.Slice | ast.Starred | ast.FormattedValue | ast.JoinedStr)
        ):
            return node
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return node
        if isinstance(node, ast.Name) and node.id.startswith("_"):
            return node
        self.types.append(kind)
        watch = ast.Call(ast.Name("watch", ast.Load()), [node, ast.Constant(len(self.types) - 1)], [])
        return ast.copy_location(watch, node)


@QUICK
@given(programs.programs)
@example("def f(a, b):\n    a = 0\n    return a.append((a := 'x'))")
@example("def h(a):\n    return a\ndef f(a, b):\n    a = h\n    return a((a := 'x'))")
def test_evidence_holds_at_run_time(text: str) -> None:
    """Every value that a random program computes has the type that was promised for its expression."""
    assume(programs.compiles(text))
    tree = ast.parse(text)
    watcher = _Watch(infer_module(tree, closed=True))
    watched = ast.fix_missing_locations(watcher.visit(tree))

    broken: list[tuple[Type, object]] = []

    def watch(value: object, index: int) -> object:
        if not holds(watcher.types[index], value):
            broken.append((watcher.types[index], value))
        return value

    for arguments in programs.ARGUMENTS:
        _outcome(watched, arguments, support.hooks() | {"watch": watch})
        assert broken == []


@QUICK
@given(programs.programs)
def test_positions_are_kept(text: str) -> None:
    """Every node of the guarded tree has a position of the source; those of the source's statements do not move."""
    assume(programs.compiles(text))
    before = {
        (node.lineno, node.col_offset) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt | ast.expr)
    }
    for policy in (support.LIMITED, support.UNLIMITED, support.Policy("limited", stop_flags=True)):
        for node in ast.walk(support.guarded(text, policy)):
            if isinstance(node, ast.stmt | ast.expr | ast.arg | ast.keyword | ast.excepthandler):
                assert (node.lineno, node.col_offset) in before or isinstance(
                    node, ast.arg | ast.keyword | ast.excepthandler
                )
                assert (node.end_lineno, node.end_col_offset) >= (node.lineno, node.col_offset)


@pytest.mark.parametrize("line", [1, 2, 3])
def test_errors_point_at_the_source(line: int) -> None:
    """A traceback through guarded code shows the line of the source, not of what the policy wrote."""
    lines = ["x = [1]", "y = x * 2", "z = x + x"]
    lines[line - 1] = f"w = {{}}['k{line}']"
    with pytest.raises(KeyError) as caught:
        support.run("\n".join(lines))
    assert caught.traceback[-1].lineno + 1 == line
    assert sys.exc_info()[0] is None
