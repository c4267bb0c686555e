"""What methods, built-ins and hooks give back, as types.

In: a method, built-in or hook by name, and the types of its arguments. Out: the type of the result, `ANY` if nothing
is known. The built-ins of Dana keep these promises (`dana_guards.builtins`); whether a name still means the built-in is
decided in `dana_guards.evidence`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Final

from dana_guards.lattice import (
    ANY,
    BOOL,
    COMPLEX,
    CONTAINER,
    DICT,
    FLOAT,
    INT,
    LIST,
    NONE,
    NUMBER,
    RANGE,
    SET,
    SMALL,
    STR,
    TUPLE,
    Type,
    binary,
    container,
    join,
    of,
)
from dana_guards.names import words

_STR_METHODS: Final[dict[str, int]] = {
    **dict.fromkeys(
        words(
            """
            capitalize casefold center expandtabs join ljust lower lstrip removeprefix removesuffix replace
            rjust rstrip strip swapcase title translate upper zfill
            """
        ),
        STR,
    ),
    **dict.fromkeys(["count", "find", "index", "rfind", "rindex"], SMALL),
    **dict.fromkeys(
        words(
            """
            endswith isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable
            isspace istitle isupper startswith
            """
        ),
        BOOL,
    ),
}
_STR_LISTS: Final[dict[str, int]] = {
    **dict.fromkeys(["split", "rsplit", "splitlines"], LIST),
    **dict.fromkeys(["partition", "rpartition"], TUPLE),
}
_LIST_METHODS: Final[dict[str, int]] = {
    **dict.fromkeys(["append", "clear", "extend", "insert", "remove", "reverse", "sort"], NONE),
    **dict.fromkeys(["count", "index"], SMALL),
}
_HOOKS: Final[dict[str, int]] = {
    **dict.fromkeys(["_eq_", "_ne_", "_lt_", "_le_", "_gt_", "_ge_", "_truth_"], BOOL),
    **dict.fromkeys(["_text_", "_glue_"], STR),
    "_len_": SMALL,
    "_int_": INT,
    "_float_": FLOAT,
}
_COERCIONS: Final[dict[str, int]] = {
    "_to_int_": INT | BOOL,
    "_to_float_": FLOAT,
    "_to_str_": STR,
    "_to_bool_": BOOL,
    "_to_list_": LIST,
    "_to_dict_": DICT,
}
_BINARY_HOOKS: Final[dict[str, type[ast.operator]]] = {
    "_mul_": ast.Mult,
    "_pow_": ast.Pow,
    "_lshift_": ast.LShift,
    "_mod_": ast.Mod,
    "_cat_": ast.Add,
}


def of_method(receiver: Type, name: str) -> Type:
    """Type of ``receiver.name(...)``."""
    if receiver.is_only(STR):
        if name in _STR_LISTS:
            return container(_STR_LISTS[name], of(STR))
        return of(_STR_METHODS[name]) if name in _STR_METHODS else ANY
    if receiver.is_only(LIST):
        if name in ("pop", "copy"):
            return (receiver.item or ANY) if name == "pop" else receiver
        return of(_LIST_METHODS[name]) if name in _LIST_METHODS else ANY
    if receiver.is_only(NUMBER):
        return of({"bit_length": SMALL, "bit_count": SMALL, "is_integer": BOOL}.get(name, ANY.flags))
    return ANY


_FIELDS: Final[dict[str, int]] = {
    "int": BOOL | INT, "float": FLOAT, "str": STR, "bool": BOOL, "list": LIST, "dict": DICT,
}  # fmt: skip


def of_field(declared: str) -> Type:
    """Type of what stands in a struct field that is declared so (language 7.2; every write is checked)."""
    # A union is not followed: the test that an initialiser makes for it proves no single type.
    return of(_FIELDS[declared]) if declared in _FIELDS else ANY


def _coerced(wanted: int, value: Type) -> Type:
    """Type of a typed assignment (language 5.2): None passes, what fits stays, the rest becomes the one type."""
    if value.is_only(wanted):
        return value
    if wanted & BOOL and wanted & INT and not value.may_be(BOOL):
        wanted = INT
    return of(wanted | (value.flags & NONE))


def of_hook(name: str, arguments: Sequence[Type]) -> Type:
    """Type of what a hook gives back."""
    if name in _HOOKS:
        return of(_HOOKS[name])
    if name in _COERCIONS and len(arguments) == 1:
        return _coerced(_COERCIONS[name], arguments[0])
    if name == "_range_":
        return _range(arguments)
    if len(arguments) != 2:
        return ANY
    left, right = arguments
    if name == "_add_":
        # A number becomes text beside text (language 4.2); everything else is Python's ``+``.
        if left.is_only(NUMBER) and right.is_only(NUMBER):
            return binary(ast.Add, left, right)
        # Text takes text and numbers only, and nothing else of the closed world can be added to it.
        if left.is_only(STR) or right.is_only(STR):
            return of(STR)
        return ANY
    if name in _BINARY_HOOKS:
        return binary(_BINARY_HOOKS[name], left, right)
    return ANY


def _int(arguments: Sequence[Type]) -> Type:
    # int(float) has at most 1,024 bits; a text may have 4,300 digits.
    return of(SMALL if not arguments or arguments[0].is_only(FLOAT | BOOL | SMALL) else INT)


def _abs(arguments: Sequence[Type]) -> Type:
    if not arguments or not arguments[0].is_only(NUMBER):
        return ANY
    flags = arguments[0].flags
    result = flags & (INT | FLOAT)
    if flags & BOOL:
        result |= SMALL
    return of(result | (FLOAT if flags & COMPLEX else 0))


def _round(arguments: Sequence[Type]) -> Type:
    if not arguments or not arguments[0].is_only(BOOL | INT | FLOAT):
        return ANY
    if len(arguments) == 1:
        return of(INT if arguments[0].may_be(INT & ~SMALL) else SMALL)
    # round(x, None) is an int for a float too.
    return of(INT | FLOAT)


def item_at_once(kind: Type) -> Type:
    """Type of an item that is reached without those before it: the last number of a range may be of any size."""
    if kind.may_be(RANGE) and kind.item is not None and kind.item.may_be(SMALL):
        return join(kind.item, of(INT))
    return kind.item or ANY


def _extreme(arguments: Sequence[Type]) -> Type:
    if len(arguments) < 2:
        return item_at_once(arguments[0]) if arguments and arguments[0].is_only(CONTAINER) else ANY
    result = arguments[0]
    for each in arguments[1:]:
        result = join(result, each)
    return result.plain()


def _sum(arguments: Sequence[Type]) -> Type:
    if not arguments or arguments[0].item is None or not arguments[0].item.is_only(BOOL | INT | FLOAT):
        return ANY
    start = arguments[1] if len(arguments) > 1 else of(SMALL)
    return join(binary(ast.Add, arguments[0].item, start), start) if start.is_only(NUMBER) else ANY


def _range(arguments: Sequence[Type]) -> Type:
    if not arguments:
        return ANY  # an error at run time
    # Steps are few, so all numbers stay small if the first and the step are.
    small = len(arguments) == 1 or all(each.is_only(BOOL | SMALL) for each in (arguments[0], *arguments[2:]))
    return container(RANGE, of(SMALL if small else INT))


def _list_of(flags: int) -> Callable[[Sequence[Type]], Type]:
    def made(arguments: Sequence[Type]) -> Type:
        if not arguments:
            return of(flags)
        given = arguments[0]
        if given.is_only(STR):
            return container(flags, of(STR))
        return container(flags, given.item if given.is_only(LIST | TUPLE | SET | RANGE) else None)

    return made


def _always(flags: int) -> Callable[[Sequence[Type]], Type]:
    return lambda arguments: of(flags)


BUILTINS: Final[dict[str, Callable[[Sequence[Type]], Type]]] = {
    "len": _always(SMALL),
    "ord": _always(SMALL),
    "int": _int,
    "float": _always(FLOAT),
    "str": _always(STR),
    "bool": _always(BOOL),
    "chr": _always(STR),
    "isinstance": _always(BOOL),
    "all": _always(BOOL),
    "any": _always(BOOL),
    "print": _always(NONE),
    "dict": _always(DICT),
    "abs": _abs,
    "round": _round,
    "min": _extreme,
    "max": _extreme,
    "sum": _sum,
    "range": _range,
    "list": _list_of(LIST),
    "sorted": _list_of(LIST),
    "tuple": _list_of(TUPLE),
    "set": _list_of(SET),
}
"""Result of each built-in for positional arguments of these types."""

READ_ONLY: Final = frozenset(words("len min max sum abs sorted list tuple set any all print str enumerate zip"))
"""Built-ins that keep no reference to a list they are given and change nothing in it."""

LIST_METHODS_KEPT: Final = frozenset(words("append insert pop sort reverse clear index count copy"))
"""Methods after which the items of a list are still known (``append`` and ``insert`` add their argument)."""

