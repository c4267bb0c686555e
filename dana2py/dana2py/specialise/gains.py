"""Whether knowing the parameters of a function would make it cheaper.

In: a lowered function and the parameters whose type a head would test. Out: yes or no, from the text alone, so
that no second copy has to be made and inferred to find out.

What is known of a parameter reaches the operands that are made of it: by arithmetic, by assignment, and for a
struct by its fields. A function that has a tested entry itself is called past its tests with what is known, and gives
something known. What a list holds or another call gives is not reached.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

from dana_guards.walking import listed

MAX_NODES = 1500
"""Size of a body that may stand twice."""
OPERATORS = (ast.Add, ast.Mult, ast.Pow, ast.LShift, ast.Mod)
"""Operators that get a size check in the ``limited`` profile."""
LOOPS = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp)
LOOP = 10
"""How often the body of a loop is taken to run."""


def gains(
    function: ast.FunctionDef,
    inside: Sequence[ast.AST],
    known: set[str],
    structs: set[str],
    sized: bool,
    guessed: bool,
    entered: Collection[str] = (),
) -> bool:
    """Is a test at the head worth its while: does it spare more tests than it makes?

    Parameters
    ----------
    inside : the nodes of the function's body.
    known : the parameters that would be tested; ``structs``, those of them that would be structs.
    sized : the profile adds size checks, which get cheaper with types as well.
    guessed : a guess may be wrong, so it has to spare more than an annotation.
    entered : the functions of the module, so far, that have a test at their head.
    """
    nodes = [*inside, *listed([function.args, *function.decorator_list])]
    kinds = {type(node) for node in nodes}
    if len(nodes) >= MAX_NODES or not kinds.isdisjoint((ast.Global, ast.Nonlocal, ast.FunctionDef)):
        return False
    reach = _Reach(known, structs, entered)
    reach.follow(nodes)
    looped: set[int] = set()
    if not kinds.isdisjoint(LOOPS):
        looped = {id(part) for part in listed([node for node in nodes if type(node) in LOOPS])}
    name = function.name
    if any(type(n) is ast.Call and type(n.func) is ast.Name and n.func.id == name for n in nodes):
        looped.update(map(id, nodes))  # a recursion is a loop
    spared = sum(
        tests * (LOOP if id(operand) in looped else 1)
        for operand, tests in _operands(nodes, sized, entered)
        if reach.has(operand)
    )
    return spared > len(known) + 1 if guessed else spared >= len(known)


class _Reach:
    """The expressions whose type follows from what is known of the parameters."""

    def __init__(self, known: set[str], structs: set[str], entered: Collection[str]) -> None:
        self._variables = set(known)
        self._structs = structs
        self._entered = entered

    def follow(self, nodes: Sequence[ast.AST]) -> None:
        """Let it reach variables by assignment."""
        assignments = [
            (node.targets[0].id, node.value)
            for node in nodes
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        ]
        for _ in range(3):
            before = len(self._variables)
            self._variables.update(name for name, value in assignments if self.has(value))
            if len(self._variables) == before:
                break

    def has(self, node: ast.expr) -> bool:
        """Whether the type of an expression follows."""
        kind = type(node)
        if kind is ast.Name:
            return node.id in self._variables  # type: ignore[attr-defined]
        if kind is ast.Constant:
            return False
        match node:
            case ast.BinOp(left=left, right=right):
                return self.has(left) or self.has(right)
            case ast.UnaryOp(operand=operand):
                return self.has(operand)
            case ast.IfExp(body=body, orelse=orelse):
                return self.has(body) or self.has(orelse)
            case ast.Attribute(value=ast.Name(id=name)):
                return name in self._structs
            case ast.Call(func=ast.Name(id="_to_int_" | "_to_float_" | "_to_str_"), args=[value]):
                return self.has(value)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in self._entered:
                return all(isinstance(arg, ast.Constant) or self.has(arg) for arg in args)
        return False


def _operands(
    nodes: Sequence[ast.AST], sized: bool, entered: Collection[str]
) -> Iterator[tuple[ast.expr, int]]:
    """The operands whose type decides how an operator is spelt out, and how many tests knowing it spares.

    A ``+`` is done again with its helper if it fails, so without size checks it needs no test to begin with.
    """
    for node in nodes:
        made = _OPERANDS.get(type(node))
        if made is not None:
            yield from made(node, sized)
        if type(node) is ast.Call and type(node.func) is ast.Name and node.func.id in entered:
            for each in node.args:
                yield each, 1
        if hasattr(node, "dana_truth") and isinstance(node, ast.expr):
            yield node, 1


def _of_operator(node: ast.BinOp, sized: bool) -> Sequence[tuple[ast.expr, int]]:
    return ((node.left, 1), (node.right, 1)) if sized and isinstance(node.op, OPERATORS) else ()


def _of_comparison(node: ast.Compare, sized: bool) -> Sequence[tuple[ast.expr, int]]:
    return [(each, 1) for each in (node.left, *node.comparators)] if hasattr(node, "dana_op") else ()


def _of_field(node: ast.FormattedValue, sized: bool) -> Sequence[tuple[ast.expr, int]]:
    return ((node.value, 2),)


def _of_attribute(node: ast.Attribute, sized: bool) -> Sequence[tuple[ast.expr, int]]:
    return ((node.value, 1),) if hasattr(node, "dana_attr") or isinstance(node.ctx, ast.Store) else ()


def _of_call(node: ast.Call, sized: bool) -> Sequence[tuple[ast.expr, int]]:
    return ((node.func.value, 1),) if isinstance(node.func, ast.Attribute) else ()


_OPERANDS: Final[dict[type[ast.AST], Callable[[Any, bool], Sequence[tuple[ast.expr, int]]]]] = {
    ast.BinOp: _of_operator,
    ast.Compare: _of_comparison,
    ast.FormattedValue: _of_field,
    ast.Attribute: _of_attribute,
    ast.Call: _of_call,
}
