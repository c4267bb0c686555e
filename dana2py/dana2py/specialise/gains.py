"""Whether knowing the parameters of a function would make it cheaper.

In: a lowered function and the parameters whose type a head would test. Out: yes or no, from the text alone, so
that no second copy has to be made and inferred to find out.

What is known of a parameter reaches the operands that are made of it: by arithmetic, by assignment, and for a
struct by its fields. It does not reach what a list holds or a call gives.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from dana_guards.walking import descendants

MAX_NODES = 1500
"""Size of a body that may stand twice."""
OPERATORS = (ast.Add, ast.Mult, ast.Pow, ast.LShift, ast.Mod)
"""Operators that get a size check in the ``limited`` profile."""
LOOPS = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp)
LOOP = 10
"""How often the body of a loop is taken to run."""


def gains(function: ast.FunctionDef, known: set[str], structs: set[str], sized: bool, guessed: bool) -> bool:
    """Is a test at the head worth its while: does it spare more tests than it makes?

    Parameters
    ----------
    known : the parameters that would be tested; ``structs``, those of them that would be structs.
    sized : the profile adds size checks, which get cheaper with types as well.
    guessed : a guess may be wrong, so it has to spare more than an annotation.
    """
    nodes = list(descendants(function))
    if len(nodes) > MAX_NODES or any(isinstance(n, ast.Global | ast.Nonlocal) for n in nodes):
        return False
    if any(isinstance(node, ast.FunctionDef) and node is not function for node in nodes):
        return False
    reached = _reached(nodes, known, structs)
    looped = {id(part) for node in nodes if isinstance(node, LOOPS) for part in descendants(node)}
    if any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == function.name for n in nodes):
        looped.update(map(id, nodes))  # a recursion is a loop
    spared = sum(
        tests * (LOOP if id(operand) in looped else 1)
        for operand, tests in _operands(nodes, sized)
        if _is_reached(operand, reached, structs)
    )
    return spared > len(known) + 1 if guessed else spared >= len(known)


def _reached(nodes: Sequence[ast.AST], known: set[str], structs: set[str]) -> set[str]:
    """The variables whose type follows from the parameters."""
    reached = set(known)
    assignments = [
        (node.targets[0].id, node.value)
        for node in nodes
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    ]
    for _ in range(3):
        before = len(reached)
        reached.update(name for name, value in assignments if _is_reached(value, reached, structs))
        if len(reached) == before:
            break
    return reached


def _is_reached(node: ast.expr, reached: set[str], structs: set[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in reached
        case ast.BinOp(left=left, right=right):
            return _is_reached(left, reached, structs) or _is_reached(right, reached, structs)
        case ast.UnaryOp(operand=operand):
            return _is_reached(operand, reached, structs)
        case ast.IfExp(body=body, orelse=orelse):
            return _is_reached(body, reached, structs) or _is_reached(orelse, reached, structs)
        case ast.Attribute(value=ast.Name(id=name)):
            return name in structs
        case ast.Call(func=ast.Name(id="_to_int_" | "_to_float_" | "_to_str_"), args=[value]):
            return _is_reached(value, reached, structs)
    return False


def _operands(nodes: Sequence[ast.AST], sized: bool) -> Iterator[tuple[ast.expr, int]]:
    """The operands whose type decides how an operator is spelt out, and how many tests knowing it spares.

    A ``+`` is done again with its helper if it fails, so without size checks it needs no test to begin with.
    """
    for node in nodes:
        match node:
            case ast.BinOp(op=op, left=left, right=right):
                if sized and isinstance(op, OPERATORS):
                    yield left, 1
                    yield right, 1
            case ast.Compare(left=left, comparators=comparators):
                if hasattr(node, "dana_op"):
                    for operand in (left, *comparators):
                        yield operand, 1
            case ast.FormattedValue(value=value):
                yield value, 2
            case ast.Attribute(value=value):
                if hasattr(node, "dana_attr") or isinstance(node.ctx, ast.Store):
                    yield value, 1
            case ast.Call(func=ast.Attribute(value=value)):
                yield value, 1
        if hasattr(node, "dana_truth") and isinstance(node, ast.expr):
            yield node, 1
