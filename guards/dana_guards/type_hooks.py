"""Hooks that a type test may name, and what the test proves.

In: nothing. Out: one table, shared by the walk and by the results of functions.
"""

from __future__ import annotations

from typing import Final

from dana_guards.lattice import BOOL, DICT, FLOAT, INT, LIST, RANGE, SET, STR, TUPLE

TYPE_HOOKS: Final[dict[str, int]] = {
    "_int_": INT, "_float_": FLOAT, "_str_": STR, "_bool_": BOOL, "_list_": LIST, "_dict_": DICT, "_set_": SET,
    "_tuple_": TUPLE, "_range_": RANGE,
}  # fmt: skip
