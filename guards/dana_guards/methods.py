"""Receiver methods, and functions that are told apart by their first parameter (7.3).

In: a compiled function and the types that it belongs to. Out: class attributes, so that ``p.m(x)`` is an ordinary
Python method call, and dispatching functions for the call form ``m(p, x)``. Not here: how a method is found on a value
that is not known to be a struct (`access`).
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from dana_guards.spelling import dana_name
from dana_guards.structs import DanaObject, StructType, _missing_
from dana_guards.type_tokens import accepts, is_type, type_of


def method_slot(cls: StructType, name: str) -> str:
    """The class attribute that holds a method: beside a field of the same name it is ``dana_m_<name>``."""
    return f"dana_m_{name}" if name in cls._dana_by_name_ else name


def _receiver_(types: tuple[Any, ...], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Attach a method to struct classes; a second one with the same name replaces the first.

    Parameters
    ----------
    types : struct classes; the instance of an ``agent`` stands for its class.
    name : Python name of the method.
    function : takes the instance first.

    Raises
    ------
    TypeError : a type is not one that the program declared with fields.
    """
    classes = [receiver_class(kind, name) for kind in types]
    for cls in classes:
        type.__setattr__(cls, method_slot(cls, name), function)
    return function


def receiver_class(kind: Any, name: str) -> StructType:
    """The class behind a receiver type; errors as ``_receiver_``."""
    if isinstance(kind, StructType):
        return kind
    if isinstance(kind, DanaObject):
        return type(kind)
    what = str(kind) if is_type(kind) else type_of(kind)
    raise TypeError(
        f"the receiver of {dana_name(name)!r} must be a struct, resource, workflow or agent of the program, not {what}"
    )


class Overloads:
    """The functions of one context that share a name and differ in the type of their first parameter."""

    def __init__(self) -> None:
        self._families: dict[tuple[int, str], _Family] = {}

    def named(self, function: FunctionType, types: tuple[Any, ...]) -> Callable[..., Any]:
        """``_named_``: what the name is bound to after ``def name(p: T)``.

        The function becomes a method of each struct in ``types``. The first definition is bound as it is and costs
        nothing; from the second type on, the name stands for a function that looks at its first argument.
        """
        for kind in types:
            if isinstance(kind, StructType | DanaObject):
                cls = receiver_class(kind, function.__name__)
                type.__setattr__(cls, method_slot(cls, function.__name__), function)
        if "<locals>" in function.__qualname__:
            return function
        # The namespace lives as long as the functions in it, which the family holds.
        key = (id(function.__globals__), function.__qualname__)
        family = self._families.get(key)
        if family is None or not family.belongs_to(function):
            family = self._families[key] = _Family()
        return family.add(function, types)


class _Family:
    """Functions of one name in one module, by the type of the first parameter."""

    def __init__(self) -> None:
        self._entries: list[tuple[Any, FunctionType]] = []

    def belongs_to(self, function: FunctionType) -> bool:
        return self._entries[0][1].__globals__ is function.__globals__

    def add(self, function: FunctionType, types: tuple[Any, ...]) -> Callable[..., Any]:
        kinds = [type(kind) if isinstance(kind, DanaObject) else kind for kind in types]
        kept = [entry for entry in self._entries if not any(entry[0] == kind for kind in kinds)]
        self._entries = [*((kind, function) for kind in kinds), *kept]
        return function if len({id(entry[1]) for entry in self._entries}) == 1 else self._dispatcher()

    def _dispatcher(self) -> Callable[..., Any]:
        entries = tuple(self._entries)
        last = entries[0][1]
        by_class = {kind: function for kind, function in entries if isinstance(kind, StructType)}

        def dispatch(*args: Any, **named: Any) -> Any:
            first = args[0] if args else next(iter(named.values()), _missing_)
            function = by_class.get(type(first))
            if function is None:
                function = next((entry[1] for entry in entries if accepts(entry[0], first)), last)
            return function(*args, **named)

        dispatch.__name__ = dispatch.__qualname__ = last.__name__
        dispatch.__module__, dispatch.__doc__ = last.__module__, last.__doc__
        return dispatch
