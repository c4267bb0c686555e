"""Frozen values: what stands for objects of `datetime`, `decimal` and `fractions` in Dana.

In: an object of the standard library. Out: a value of ours that holds it out of reach, shows listed attributes, and
computes. The object itself never becomes a value: its class would lead to Python's own. Not done here: which
attributes there are (`datetime_py` and its like).

At the border a host may give and get the objects themselves: `to_host`, `from_host`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, ClassVar, Final, NoReturn

_KINDS: Final[dict[type, type[FrozenValue]]] = {}


class FrozenValue:
    """An immutable value; subclasses name the Python type that they hold and their attributes.

    Operators go to the object inside, with the objects inside of other frozen values and exact numbers; anything else
    is Python's TypeError.
    """

    __slots__ = ("_value",)
    _value: Any
    _holds: ClassVar[tuple[type, ...]] = ()
    _dana_type_name_: ClassVar[str] = "value"

    def __init_subclass__(cls) -> None:
        _KINDS.update(dict.fromkeys(cls._holds, cls))

    def __new__(cls, value: Any) -> FrozenValue:
        made = object.__new__(cls)
        object.__setattr__(made, "_value", value)
        return made

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a {self._dana_type_name_} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {self._dana_type_name_} cannot be changed")

    def __reduce__(self) -> Any:
        return from_host, (self._value,)

    def __repr__(self) -> str:
        return repr(self._value)

    def __str__(self) -> str:
        return str(self._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return bool(self._value == _held(other)) if _computes(other) else False


def _computes(value: object) -> bool:
    return isinstance(value, FrozenValue) or type(value) in (int, float, bool)


def _inside(value: object) -> Any:
    return value._value if isinstance(value, FrozenValue) else value


MOST_BITS: Final = 1 << 15
"""Of an int beside a frozen value: none of those is as large, and making decimals of larger ones takes seconds."""


def _held(value: object) -> Any:
    """What is inside, for a comparison: an int beyond all frozen values becomes another one."""
    if type(value) is int and value.bit_length() > MOST_BITS:
        return (1 << MOST_BITS) if value > 0 else -(1 << MOST_BITS)
    return _inside(value)


def wrap(value: Any) -> Any:
    """A result of the standard library as a value of Dana: plain ones as they are, known ones frozen.

    Raises TypeError for anything else, so that no object gets in by accident.
    """
    if value is None or value is NotImplemented or type(value) in (int, float, bool, str):
        return value
    if type(value) is tuple:
        return tuple(map(wrap, value))
    kind = _KINDS.get(type(value))
    if kind is None:
        raise TypeError(f"a {type(value).__name__} is no value of Dana")
    return kind(value)


def to_host(value: FrozenValue) -> Any:
    """The object inside, for a host."""
    return value._value


def from_host(value: Any) -> FrozenValue | None:
    """A frozen value for an object of the host, or None where there is none for its exact type."""
    kind = _KINDS.get(type(value))
    return None if kind is None else kind(value)


# -- operators -------------------------------------------------------------------------------------

Check = Callable[[Any], Any]


def _binary(function: Callable[[Any, Any], Any], swapped: bool, check: Check) -> Callable[[Any, Any], Any]:
    def operate(self: FrozenValue, other: object) -> Any:
        if not _computes(other):
            return NotImplemented
        left, right = (_inside(other), self._value) if swapped else (self._value, _inside(other))
        return wrap(check(function(left, right)))

    return operate


def _compare(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compare(self: FrozenValue, other: object) -> Any:
        return bool(function(self._value, _held(other))) if _computes(other) else NotImplemented

    return compare


def _unary(function: Callable[[Any], Any], check: Check) -> Callable[[Any], Any]:
    return lambda self: wrap(check(function(self._value)))


def computing(names: str, check: Check = lambda value: value) -> Callable[[type], type]:
    """Give a class operators.

    Parameters
    ----------
    names : words such as ``add sub neg lt``; binary ones also swapped.
    check : looks at each result, and raises where it is too large.
    """

    def decorate(cls: type) -> type:
        for name in names.split():
            function = getattr(operator, name)
            if name in ("lt", "le", "gt", "ge"):
                setattr(cls, f"__{name}__", _compare(function))
            elif name in ("neg", "pos", "abs"):
                setattr(cls, f"__{name}__", _unary(function, check))
            else:
                setattr(cls, f"__{name}__", _binary(function, False, check))
                setattr(cls, f"__r{name}__", _binary(function, True, check))
        return cls

    return decorate


def reading(names: str) -> Callable[[type], type]:
    """Give a class read-only attributes of the object inside."""

    def decorate(cls: type) -> type:
        for name in names.split():
            setattr(cls, name, _attribute(name))
        return cls

    return decorate


def _attribute(name: str) -> property:
    def read(self: FrozenValue) -> Any:
        return wrap(getattr(self._value, name))

    return property(read)


def calling(names: str) -> Callable[[type], type]:
    """Give a class methods of the object inside; arguments are exact plain values and frozen ones."""

    def decorate(cls: type) -> type:
        for name in names.split():
            setattr(cls, name, _method(name))
        return cls

    return decorate


def _method(name: str) -> Callable[..., Any]:
    def method(self: FrozenValue, *arguments: Any, **named: Any) -> Any:
        plain = [argument(each) for each in arguments]
        options = {key: argument(each) for key, each in named.items()}
        return wrap(getattr(self._value, name)(*plain, **options))

    method.__name__ = method.__qualname__ = name
    return method


def argument(value: Any) -> Any:
    """An argument for the standard library: exact, short, and nothing that could run code."""
    if isinstance(value, FrozenValue):
        return value._value
    if type(value) is str and len(value) > 1000:
        raise ValueError("the text is longer than 1000 characters")
    if value is None or type(value) in (int, float, bool, str):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be used here")
