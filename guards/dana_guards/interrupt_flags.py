"""Tests of the stop flag, for Pythons without `sys.monitoring` or without a free tool id.

In: guarded statements. Out: the same with ``if dana_stop: _stop_()`` at the head of every function and loop body, and
``_stop_() if dana_stop else ...`` in comprehensions and lambdas. Not done here: setting the flag (the watchdog sets
the global ``dana_stop`` of every module namespace) and stopping (``_stop_`` raises the `Interrupt` of the run if due).

A global is read in one step of byte code, which Python keeps for as long as nobody sets it: 3 to 7 % on the kernels
(docs/decisions/policy.md). A test at the head of a loop body is enough: a loop that never reaches its body again ends,
and a ``while`` whose condition never ends calls a function or runs a comprehension, which test.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final

from dana_guards.names import STOP_FLAG
from dana_guards.positions import LOAD, at, call, constant, name, placed
from dana_guards.walking import listed, statements


def insert_stop_flags(body: Sequence[ast.stmt], has_inner: bool) -> None:
    """Insert tests of the stop flag into guarded statements, which are changed.

    Parameters
    ----------
    has_inner : there is a lambda or a comprehension somewhere inside; if not, no expression has to be looked at.
    """
    # The places first, the tests afterwards: a walk over what is changed would meet the tests as well.
    nodes = listed(body) if has_inner else statements(body)
    for each, insert in [(each, insert) for each in nodes if (insert := _INSERT.get(type(each))) is not None]:
        insert(each)


def _statement(place: ast.AST) -> ast.stmt:
    test = placed(ast.Name, place, id=STOP_FLAG, ctx=LOAD)
    function = placed(ast.Name, place, id="_stop_", ctx=LOAD)
    stop = placed(ast.Call, place, func=function, args=[], keywords=[])
    return placed(ast.If, place, test=test, body=[placed(ast.Expr, place, value=stop)], orelse=[])


def _test(place: ast.AST) -> ast.expr:
    """An expression that is true, or raises."""
    stop = ast.UnaryOp(ast.Not(), call("_stop_"))
    return at(place, ast.BoolOp(ast.Or(), [ast.UnaryOp(ast.Not(), name(STOP_FLAG)), stop]))


def _function(node: ast.FunctionDef) -> None:
    position = 1 if ast.get_docstring(node, clean=False) is not None else 0
    # After the declarations: ``global`` and ``nonlocal`` may follow other statements, but need not.
    node.body.insert(position, _statement(node.body[min(position, len(node.body) - 1)]))


def _loop(node: ast.For | ast.While) -> None:
    node.body.insert(0, _statement(node.body[0]))


def _lambda(node: ast.Lambda) -> None:
    body = node.body
    node.body = at(body, ast.IfExp(_test(body), body, constant(None)))


def _comprehension(node: ast.comprehension) -> None:
    node.ifs.insert(0, _test(node.iter))


_INSERT: Final[dict[type[ast.AST], Callable[[Any], None]]] = {
    ast.FunctionDef: _function,
    ast.For: _loop,
    ast.While: _loop,
    ast.Lambda: _lambda,
    ast.comprehension: _comprehension,
}
