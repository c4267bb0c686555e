"""Taking calls out of a statement, so that the rest of it may be repeated.

In: the value of a statement. Out: statements that evaluate its parts with effects, in Python's order, into
temporaries, and a value made of names, constants and operators. `total = total + f(x)` becomes
``t = f(x)`` and ``total = total + t``: the second may stand in a ``try`` and be done again.

A part is taken out if it has an effect, or if it could be changed by an effect that comes after it. An operation is
such a part: ``items * 2 + f(items)`` reads what is in the list before `f` is called, and ``x / y + f(x)`` may fail
before it. Only arithmetic on what is known to be numbers, which neither fails nor can be changed, may wait.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from dana2py.specialise.forms import load, place, repeatable


def hoist(
    value: ast.expr,
    stable: Callable[[ast.expr], bool],
    waits: Callable[[ast.expr], bool],
    temporary: Callable[[], str],
) -> tuple[list[ast.Assign], ast.expr]:
    """Statements to be done first, and the value that is left. ``value`` is changed in place.

    Parameters
    ----------
    stable : does a name keep its value while anything is called?
    waits : does an operation give the same, and not fail, after anything was called?
    temporary : makes fresh names.
    """
    leaves = [leaf for leaf, _ in _leaves(value, lambda new: None, lambda node: True)]
    last = max((number for number, leaf in enumerate(leaves) if not repeatable(leaf)), default=-1)
    effect = leaves[last]
    late = {id(leaf) for leaf in leaves[max(last, 0) :]}

    def stays(node: ast.expr) -> bool:
        """Whether an operation is done after the last effect: its last operand comes then, or it may wait."""
        return id(_last_operand(node)) in late or waits(node)

    holder = ast.Expr(value=value)

    def replace_value(new: ast.expr) -> None:
        holder.value = new

    setup: list[ast.Assign] = []
    before = last >= 0
    for leaf, replace in _leaves(value, replace_value, stays):
        is_before, before = before, before and leaf is not effect
        if not is_before or isinstance(leaf, ast.Constant) or (isinstance(leaf, ast.Name) and stable(leaf)):
            continue
        name = temporary()
        target = ast.Name(id=name, ctx=ast.Store(), **place(leaf))
        setup.append(ast.Assign(targets=[target], value=leaf, **place(leaf)))
        new = load(leaf, name)
        new.dana_origin = getattr(leaf, "dana_origin", leaf)  # type: ignore[attr-defined]
        replace(new)
    return setup, holder.value


def _last_operand(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.BinOp | ast.UnaryOp):
        node = node.right if isinstance(node, ast.BinOp) else node.operand
    return node


Leaf = tuple[ast.expr, Callable[[ast.expr], None]]


def _leaves(node: ast.expr, replace: Callable[[ast.expr], None], stays: Callable[[ast.expr], bool]) -> list[Leaf]:
    """The operands below operators that stay, in the order in which Python evaluates them, and how to replace each."""
    if isinstance(node, ast.BinOp) and stays(node):
        return [
            *_leaves(node.left, lambda new: setattr(node, "left", new), stays),
            *_leaves(node.right, lambda new: setattr(node, "right", new), stays),
        ]
    if isinstance(node, ast.UnaryOp) and stays(node):
        return _leaves(node.operand, lambda new: setattr(node, "operand", new), stays)
    return [(node, replace)]
