"""Assignment targets that have to become calls of a guard.

In: the targets of an assignment, a loop or a ``with``. Out: None if all of them may stay, else the same targets with a
temporary in every place, and what is to be stored from each. Every place gets one, not only the attributes: a later
target may read what an earlier one binds, so the stores happen afterwards, in order.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import NamedTuple

from dana_guards.positions import at, name


class Split(NamedTuple):
    """Targets that bind temporaries, and pairs of the real target and the temporary's value."""

    targets: list[ast.expr]
    stores: list[tuple[ast.expr, ast.Name]]


def split_targets(
    targets: Sequence[ast.expr], is_guarded: Callable[[ast.Attribute], bool], temporary: Callable[[], str]
) -> Split | None:
    """Split `targets` if one of their attributes is guarded.

    Parameters
    ----------
    targets : of one statement.
    is_guarded : whether a store to an attribute has to go through a guard.
    temporary : makes fresh names.
    """
    if len(targets) == 1 and type(targets[0]) is ast.Name:
        return None
    leaves = [leaf for target in targets for leaf in _leaves(target)]
    if not any(isinstance(leaf, ast.Attribute) and is_guarded(leaf) for leaf in leaves):
        return None
    split = Split([], [])
    for target in targets:
        split.targets.append(_replaced(target, split.stores, temporary))
    return split


def _leaves(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        return [leaf for each in target.elts for leaf in _leaves(each)]
    return _leaves(target.value) if isinstance(target, ast.Starred) else [target]


def _replaced(
    target: ast.expr, stores: list[tuple[ast.expr, ast.Name]], temporary: Callable[[], str]
) -> ast.expr:
    if isinstance(target, ast.Tuple | ast.List):
        parts = [_replaced(each, stores, temporary) for each in target.elts]
        return ast.copy_location(type(target)(parts, ast.Store()), target)
    if isinstance(target, ast.Starred):
        return ast.copy_location(ast.Starred(_replaced(target.value, stores, temporary), ast.Store()), target)
    fresh = temporary()
    stores.append((target, at(target, name(fresh))))
    return at(target, ast.Name(fresh, ast.Store()))
