"""Results of context calls: plain values that also answer ``as_int()`` and its sisters.

In: a value that has already left the context. Out: the same value as a subclass of ``int``, ``float``, ``str``,
``list`` or ``dict``; members stay plain, ``bool`` and ``None`` stay Python's own. Nothing is converted between Dana
and Python here (`convert`), and a result that goes back in is unwrapped there.

A conversion that would lose something is a `DanaTypeError`: a result is data, and data that does not fit is a bug that
should show where it is.
"""

from __future__ import annotations

import math
from typing import Any, NoReturn

from dana_guards.errors import DanaTypeError

_TRUE, _FALSE = "true", "false"


def _refuse(value: object, kind: str, why: str = "") -> NoReturn:
    plain = _plain(value)
    try:
        shown = repr(plain)
    except ValueError:
        shown = f"a number of {plain.bit_length()} bits"
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    name = next(base.__name__ for base in type(value).__mro__ if base.__module__ == "builtins")
    raise DanaTypeError(f"{shown} ({name}) cannot be read as {kind}{why}")


def _plain(value: Any) -> Any:
    """The value without its additions."""
    base = next((base for base in (int, float, str, list, dict) if isinstance(value, base)), None)
    return value if base is None else base(value)


class Result:
    """What all results answer. Each method returns a plain Python value.

    Raises `DanaTypeError` if the value is of another nature or would lose something.
    """

    __slots__ = ()

    def as_int(self) -> int:
        """A whole number: an int, a float without fraction, or a text that spells an int."""
        _refuse(self, "int")

    def as_float(self) -> float:
        """A number that a float holds exactly, or the float that is nearest to what a text spells."""
        _refuse(self, "float")

    def as_str(self) -> str:
        """The text, or the number as text."""
        _refuse(self, "str")

    def as_bool(self) -> bool:
        """0 and 1, and the texts ``true`` and ``false`` in any case."""
        _refuse(self, "bool")

    def as_list(self) -> list[Any]:
        """A list."""
        _refuse(self, "list")

    def as_dict(self) -> dict[Any, Any]:
        """A dict."""
        _refuse(self, "dict")

    def as_object(self) -> Any:
        """A struct instance; structs come back as themselves, so no other result has one."""
        _refuse(self, "an object", ": it is no struct instance")

    def __reduce__(self) -> tuple[Any, ...]:
        value = _plain(self)
        return type(value), (value,)


class IntResult(Result, int):
    """An int that is the result of a call."""

    __slots__ = ()

    def as_int(self) -> int:
        return +self  # a plain int, in C: a third of what `int(self)` takes

    def as_float(self) -> float:
        try:
            value = float(self)
        except OverflowError:
            _refuse(self, "float", ": it is too large")
        if value != self:
            _refuse(self, "float", " without losing digits")
        return value

    def as_str(self) -> str:
        try:
            return str(int(self))
        except ValueError:
            _refuse(self, "str", ": Python writes no more digits than sys.get_int_max_str_digits()")

    def as_bool(self) -> bool:
        if self not in (0, 1):
            _refuse(self, "bool", ": only 0 and 1 are")
        return self == 1


class FloatResult(Result, float):
    """A float that is the result of a call."""

    __slots__ = ()

    def as_int(self) -> int:
        if not self.is_integer():  # also for nan and the infinities
            _refuse(self, "int", " without losing its fraction")
        return int(self)

    def as_float(self) -> float:
        return +self

    def as_str(self) -> str:
        return str(float(self))

    def as_bool(self) -> bool:
        if self not in (0.0, 1.0):
            _refuse(self, "bool", ": only 0 and 1 are")
        return self == 1.0


class StrResult(Result, str):
    """A str that is the result of a call."""

    __slots__ = ()

    def as_int(self) -> int:
        try:
            return int(str(self))
        except ValueError:
            _refuse(self, "int")

    def as_float(self) -> float:
        try:
            value = float(str(self))
        except ValueError:
            _refuse(self, "float")
        if math.isinf(value) and "inf" not in self.lower():
            _refuse(self, "float", ": it is too large")
        return value

    def as_str(self) -> str:
        return str(self)

    def as_bool(self) -> bool:
        word = self.strip().lower()
        if word not in (_TRUE, _FALSE):
            _refuse(self, "bool", ": only 'true' and 'false' are")
        return word == _TRUE


class ListResult(Result, list[Any]):
    """A list that is the result of a call."""

    __slots__ = ()

    def as_list(self) -> list[Any]:
        return list(self)


class DictResult(Result, dict[Any, Any]):
    """A dict that is the result of a call."""

    __slots__ = ()

    def as_dict(self) -> dict[Any, Any]:
        return dict(self)


SCALAR_RESULTS: dict[type, type] = {int: IntResult, float: FloatResult, str: StrResult}
RESULT_TYPES: dict[type, type] = {**SCALAR_RESULTS, list: ListResult, dict: DictResult}
"""Exact type of a value to the type of the result."""

SMALL_RESULTS = tuple(map(IntResult, range(257)))
"""The results that are made once, as Python makes these ints once: making one takes as long as two calls."""


def as_result(value: Any) -> Any:
    """The value as a result, if it is of a kind that has one."""
    kind = RESULT_TYPES.get(type(value))
    return value if kind is None else kind(value)
