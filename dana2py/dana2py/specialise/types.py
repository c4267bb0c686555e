"""The questions that the specialiser asks about a type, over the lattice of `dana_guards.lattice`.

In: an inferred type, or None where nothing is known. Out: yes or no; "no" whenever in doubt.
"""

from __future__ import annotations

import ast

NUMBER = frozenset(("int", "float", "bool"))
ALL = frozenset(("any",))
Kinds = frozenset[str]
"""Names of the types a value can have: ``int float bool str none list dict tuple set range function``,
``struct:P``, or ``any``."""


def kinds_of_constant(node: ast.Constant) -> Kinds:
    """The type of a constant."""
    name = type(node.value).__name__
    return frozenset(("none" if node.value is None else name,))


def is_known(kinds: Kinds) -> bool:
    """Is every possible type named?"""
    return "any" not in kinds


def never_text(kinds: Kinds) -> bool:
    """Can the value not be text?"""
    return is_known(kinds) and "str" not in kinds


def never_number(kinds: Kinds) -> bool:
    """Can the value not be a number or a truth value?"""
    return is_known(kinds) and not kinds & NUMBER


def coerces(left: Kinds, right: Kinds) -> bool:
    """Can the pair be text on one side and a number on the other, so that Dana coerces (4.2)?"""
    mixed = (not never_text(left) and not never_number(right)) or (not never_text(right) and not never_number(left))
    return mixed
