"""Receiver methods, and functions that are told apart by their first parameter (7.3).

In: a compiled function and the types that it belongs to. Out: class attributes, so that ``p.m(x)`` is an ordinary
Python method call, and dispatching functions for the call form ``m(p, x)``. Not here: how a method is found on a value
that is not known to be a struct (`access`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

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


class _Table(NamedTuple):
    """What an overloaded function chooses from."""

    entries: tuple[tuple[Any, Callable[..., Any]], ...]
    otherwise: Callable[..., Any]


Function = Callable[..., Any]


def _overload_(types: tuple[Any, ...], function: Function, previous: Function) -> Function:
    """What a name is bound to after a second ``def name(p: T)`` with another type of the first parameter (7.3).

    Parameters
    ----------
    types : the types of the first parameter of ``function``.
    function : the new definition; it also answers for a first argument of a type that nobody named.
    previous : what the name was bound to, perhaps the result of this hook.
    """
    table = getattr(previous, "_dana_table_", None)
    older = table.entries if table is not None else ((None, previous),)
    kinds = [type(kind) if isinstance(kind, DanaObject) else kind for kind in types]
    kept = [entry for entry in older if entry[0] not in kinds]
    return _dispatcher(_Table((*((kind, function) for kind in kinds), *kept), function))


def _dispatcher(table: _Table) -> Callable[..., Any]:
    entries, otherwise = table
    by_class: dict[type, Callable[..., Any]] = {kind: function for kind, function in entries if isinstance(kind, StructType)}
    first_definition = next((function for kind, function in entries if kind is None), otherwise)

    def overloaded(*args: Any, **named: Any) -> Any:
        first = args[0] if args else next(iter(named.values()), _missing_)
        function = by_class.get(type(first))
        if function is None:
            known = (member for kind, member in entries if kind is not None and accepts(kind, first))
            function = next(known, first_definition)
        return function(*args, **named)

    overloaded.__name__ = overloaded.__qualname__ = getattr(otherwise, "__name__", "overloaded")
    overloaded.__module__, overloaded.__doc__ = otherwise.__module__, otherwise.__doc__
    overloaded._dana_table_ = table  # type: ignore[attr-defined]
    return overloaded
