"""The questions that the specialiser asks about a type, over the lattice of `dana_guards.lattice`.

In: an inferred type. Out: yes or no; "no" whenever in doubt.
"""

from __future__ import annotations

from dana_guards.lattice import BOOL, DICT, FLOAT, INT, LIST, NONE, STR, Type

NUMBERS = BOOL | INT | FLOAT
DECLARED = {"int": INT | BOOL, "float": FLOAT, "str": STR, "bool": BOOL, "list": LIST, "dict": DICT, "None": NONE}
"""Types that a struct field can declare, and what then stands in it (7.2)."""


def coerces(left: Type, right: Type) -> bool:
    """Can the pair be text on one side and a number on the other, so that Dana coerces (4.2)?"""
    return (left.may_be(STR) and right.may_be(NUMBERS)) or (right.may_be(STR) and left.may_be(NUMBERS))
