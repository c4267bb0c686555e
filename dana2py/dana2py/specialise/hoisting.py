"""Taking calls out of a statement, so that the rest of it may be repeated.

In: the value of a statement. Out: statements that evaluate its parts with effects, in Python's order, into
temporaries, and a value made of names, constants and operators. `total = total + f(x)` becomes
``t = f(x)`` and ``total = total + t``: the second may stand in a ``try`` and be done again.

A part is taken out if it has an effect, or if it could be changed by an effect that comes after it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from dana2py.specialise.forms import load, place, repeatable


def hoist(
    value: ast.expr, stable: Callable[[ast.expr], bool], temporary: Callable[[], str]
) -> tuple[list[ast.Assign], ast.expr]:
    """Statements to be done first, and the value that is left. ``value`` is changed in place.

    Parameters
    ----------
    stable : does a name keep its value while anything is called?
    temporary : makes fresh names.
    """
    leaves = list(_leaves(value, lambda new: None))
    last = max((number for number, (leaf, _) in enumerate(leaves) if not repeatable(leaf)), default=-1)
    holder = ast.Expr(value=value)

    def replace_value(new: ast.expr) -> None:
        holder.value = new

    setup: list[ast.Assign] = []
    for number, (leaf, replace) in enumerate(list(_leaves(value, replace_value))):
        if number > last or isinstance(leaf, ast.Constant) or (isinstance(leaf, ast.Name) and stable(leaf)):
            continue
        name = temporary()
        target = ast.Name(id=name, ctx=ast.Store(), **place(leaf))
        setup.append(ast.Assign(targets=[target], value=leaf, **place(leaf)))
        new = load(leaf, name)
        new.dana_origin = getattr(leaf, "dana_origin", leaf)  # type: ignore[attr-defined]
        replace(new)
    return setup, holder.value


Leaf = tuple[ast.expr, Callable[[ast.expr], None]]


def _leaves(node: ast.expr, replace: Callable[[ast.expr], None]) -> list[Leaf]:
    """The operands below operators, in the order in which Python evaluates them, and how to replace each."""
    if isinstance(node, ast.BinOp):
        return [
            *_leaves(node.left, lambda new: setattr(node, "left", new)),
            *_leaves(node.right, lambda new: setattr(node, "right", new)),
        ]
    if isinstance(node, ast.UnaryOp):
        return _leaves(node.operand, lambda new: setattr(node, "operand", new))
    return [(node, replace)]
