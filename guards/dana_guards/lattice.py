"""Types as the evidence knows them: sets of the closed world's types, as bit flags.

In: flags and operators. Out: `Type` values, their join, and the type of an operator's result. Nothing is known here
about programs (`dana_guards.evidence`).

A type is a promise: the value's exact class is one of the flags. ``SMALL`` and ``BIG`` split ``int``: a small int stays
below some 2,000 bits whatever the program does, because it is a literal, a length, a step of a loop, or comes from
small ints by operators that add at most a constant at each step. A product of small ints is no longer small.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Final

NONE: Final = 1
BOOL: Final = 2
SMALL: Final = 4
BIG: Final = 8
INT: Final = SMALL | BIG
FLOAT: Final = 16
COMPLEX: Final = 32
STR: Final = 64
LIST: Final = 128
DICT: Final = 256
TUPLE: Final = 512
SET: Final = 1024
RANGE: Final = 2048
FUNCTION: Final = 4096
STRUCT: Final = 8192
OTHER: Final = 16384
EVERYTHING: Final = 32767

NUMBER: Final = BOOL | INT | FLOAT | COMPLEX
LITTLE: Final = BOOL | SMALL
SEQUENCE: Final = STR | LIST | TUPLE
MUTABLE: Final = LIST | DICT | SET
CONTAINER: Final = MUTABLE | TUPLE | RANGE
ITERABLE: Final = CONTAINER | STR | OTHER


@dataclass(frozen=True, slots=True, eq=False)
class Type:
    """A set of types; ``item`` is what iterating gives (None: unknown), ``struct`` the one struct class's name."""

    flags: int
    item: Type | None = None
    struct: str | None = None

    def __eq__(self, other: object) -> bool:
        # Written out: that of a dataclass makes two tuples, and most types differ in their flags.
        if self is other:
            return True
        if type(other) is not Type:
            return NotImplemented
        return self.flags == other.flags and self.struct == other.struct and self.item == other.item

    def __hash__(self) -> int:
        return hash((self.flags, self.item, self.struct))

    def is_only(self, flags: int) -> bool:
        """Whether the value is shown to have one of these types."""
        return self.flags != 0 and not self.flags & ~flags

    def may_be(self, flags: int) -> bool:
        """Whether the value can have one of these types."""
        return self.flags & flags != 0

    def plain(self) -> Type:
        """The same without what another name for a mutable container could change."""
        if self.item is None or not self.flags & MUTABLE:
            return self
        return Type(self.flags, None, self.struct)


NOTHING: Final = Type(0)
"""Of a variable that no assignment has reached yet."""
ANY: Final = Type(EVERYTHING)
TYPES: Final[dict[int, Type]] = {1 << n: Type(1 << n) for n in range(15)} | {
    flags: Type(flags) for flags in (INT, NUMBER, FLOAT | COMPLEX)
}


def of(flags: int) -> Type:
    """The type with these flags and no more."""
    return TYPES.get(flags) or Type(flags)


def container(flags: int, item: Type | None) -> Type:
    """A container of `item`; what lies deeper is forgotten, so that types stay finite."""
    if item is None or item.flags == EVERYTHING:
        return Type(flags)
    if item.item is not None:
        item = item.plain() if item.item.item is None else Type(item.flags)
    return Type(flags, item)


def join(left: Type, right: Type) -> Type:
    """What is either `left` or `right`."""
    if left is right or left == right or not right.flags:
        return left
    if not left.flags:
        return right
    flags = left.flags | right.flags
    if flags == EVERYTHING:
        return ANY
    item = _part(left.item, right.item, left.flags & CONTAINER, right.flags & CONTAINER)
    struct = left.struct if left.flags & STRUCT else right.struct
    if left.flags & STRUCT and right.flags & STRUCT and left.struct != right.struct:
        struct = None
    return Type(flags, item, struct)


def _part(left: Type | None, right: Type | None, has_left: int, has_right: int) -> Type | None:
    if not has_left:
        return right
    if not has_right:
        return left
    return None if left is None or right is None else join(left, right)


def _integer(op: type[ast.operator], left: int, right: int, constant: bool) -> int:
    """Small or any, of an operation on ints. `constant`: one operand is a small literal."""
    left_little, right_little = not left & BIG, not right & BIG
    if op in (ast.Add, ast.Sub):
        small = constant and left_little and right_little
    elif op is ast.Mod:
        small = right_little  # the sign and the bound are the divisor's
    elif op in (ast.FloorDiv, ast.RShift):
        small = left_little
    elif op in (ast.BitAnd, ast.BitOr, ast.BitXor):
        small = left_little and right_little
    else:
        small = False
    return SMALL if small else INT


def _arithmetic(op: type[ast.operator], left: int, right: int, constant: bool) -> int:
    """Flags of a numeric result; 0 if an operand is never a number."""
    left, right = left & NUMBER, right & NUMBER
    if not left or not right:
        return 0
    result = 0
    whole = BOOL | INT
    if left & whole and right & whole:
        if op is ast.Div:
            result |= FLOAT
        elif op in (ast.BitAnd, ast.BitOr, ast.BitXor) and not (left | right) & INT:
            result |= BOOL
        else:
            result |= _integer(op, left, right, constant)
        if op in (ast.BitAnd, ast.BitOr, ast.BitXor) and left & BOOL and right & BOOL:
            result |= BOOL
        if op is ast.Pow and not constant:
            result |= FLOAT
    if (left | right) & FLOAT:
        result |= FLOAT
        if op is ast.Pow and not (constant and not right & (FLOAT | COMPLEX)):
            result |= COMPLEX  # a negative base
    if (left | right) & COMPLEX:
        result |= COMPLEX
    return result


def binary(op: type[ast.operator], left: Type, right: Type, constant: bool = False) -> Type:
    """Type of ``left op right``.

    Parameters
    ----------
    constant : one operand is a literal int below 2**64; for ``**`` the right one, and it is not negative.

    No type of the closed world but numbers, texts, lists, tuples and sets has arithmetic, so ``1 + x`` is a number
    or an error. ``|`` also composes functions.
    """
    one, two = left.flags, right.flags
    flags = _arithmetic(op, one, two, constant)
    item: Type | None = None
    if op is ast.Add:
        flags |= one & two & SEQUENCE
        item = _part(left.item, right.item, 1, 1)
    elif op is ast.Mult:
        whole = BOOL | INT
        flags |= (one & SEQUENCE if two & whole else 0) | (two & SEQUENCE if one & whole else 0)
        item = left.item if one & CONTAINER else right.item
        if one & CONTAINER and two & CONTAINER:
            item = None
    elif op is ast.Mod:
        flags |= one & STR
    elif op in (ast.Sub, ast.BitAnd, ast.BitXor, ast.BitOr):
        # A view of a dict combines with anything that can be iterated.
        if (one & SET and two & SET) or (one & OTHER and two & ITERABLE) or (two & OTHER and one & ITERABLE):
            flags |= SET | OTHER
        if op is ast.BitOr and (one & ~(NUMBER | STR) or two & ~(NUMBER | STR)):
            return of(SET) if one == two == SET else ANY
    if not flags:
        return ANY  # an error at run time; nothing is promised
    if op in (ast.Add, ast.Mult) and flags & (LIST | TUPLE):
        return container(flags, item)
    return of(flags)


def unary(op: ast.unaryop, operand: Type) -> Type:
    """Type of ``op operand``."""
    if isinstance(op, ast.Not):
        return of(BOOL)
    flags = operand.flags & NUMBER
    if not flags:
        return ANY
    if flags & BOOL:
        flags = flags & ~BOOL | SMALL
    return of(flags)


def of_constant(value: object) -> Type:
    """Type of a literal."""
    if type(value) is int:
        return of(SMALL) if -(2**64) < value < 2**64 else of(BIG)
    return of(_CONSTANTS.get(type(value), EVERYTHING))


_CONSTANTS: Final[dict[type, int]] = {
    type(None): NONE, bool: BOOL, float: FLOAT, str: STR, complex: COMPLEX, tuple: TUPLE,
}  # fmt: skip
