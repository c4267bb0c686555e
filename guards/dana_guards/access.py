"""Attributes whose name or receiver is not known to be harmless when the program is compiled (4.4, 4.5).

In: a value and a name in its Python spelling. Out: the attribute, the dict key of that name, or an AttributeError with
the near name. The name is asked about first and the attribute fetched only then, so nothing runs before it is allowed.
A guarded name (`names.is_guarded_attribute`) is answered only from what a program declared: fields of structs, keys of
dicts, exports of modules; and ``format`` of a text, which is ours and looks into nothing.

An object of the runtime that has members of its own (a module, an exposed object) answers guarded names through a
method ``_dana_member_(name)`` of its class, which returns the member or raises AttributeError.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import FunctionType, MethodType, TracebackType
from typing import Any

from dana_guards.formatting import safe_format, safe_format_map
from dana_guards.names import SIZED, is_guarded_attribute
from dana_guards.spelling import shown_name
from dana_guards.structs import DanaObject, _missing_
from dana_guards.type_tokens import type_of

Sized = Callable[[Any, str], Any]
SIZED_TYPES: frozenset[type] = frozenset(
    {str, list, tuple, dict, set, frozenset, range, type({}.keys()), type({}.items())}
)
"""Types with methods of `names.SIZED`."""

_OURS: dict[tuple[type, str], Callable[..., Any]] = {
    (str, "format"): safe_format,
    (str, "format_map"): safe_format_map,
}


# -- reading, where single operations are bounded ---------------------------------------------------


def bounded_reads(sized: Sized) -> dict[str, Callable[..., Any]]:
    """``_getattr_`` and ``_method_`` of the ``limited`` profile (invariant 5).

    Parameters
    ----------
    sized : gives the bounded version of a method in `names.SIZED` for a value of a built-in type.
    """

    def _bounded_getattr_(value: Any, name: str) -> Any:
        return sized(value, name) if name in SIZED and type(value) in SIZED_TYPES else _getattr_(value, name)

    def _bounded_method_(value: Any, name: str, fallback: Any = None) -> Any:
        if name in SIZED and type(value) in SIZED_TYPES and hasattr(value, name):
            return sized(value, name)
        return _method_(value, name, fallback)

    return {"_getattr_": _bounded_getattr_, "_method_": _bounded_method_}


# -- reading ---------------------------------------------------------------------------------------


def _getattr_(value: Any, name: str) -> Any:
    """``value.name``: attribute, else dict key.

    Raises
    ------
    AttributeError : neither exists, or the name may not be read.
    """
    found = _declared(value, name) if _is_guarded(name) else getattr(value, name, _missing_)
    if found is _missing_ and type(value) is dict:
        found = value.get(_key(name), _missing_)
    if found is _missing_:
        raise no_attribute(value, name)
    return found


# The names are constants of programs, so few are asked about again and again.
_is_guarded = lru_cache(maxsize=4096)(is_guarded_attribute)
_key = lru_cache(maxsize=4096)(shown_name)


def _attribute(value: Any, name: str) -> Any:
    """The attribute, or ``_missing_``."""
    return _declared(value, name) if _is_guarded(name) else getattr(value, name, _missing_)


def _declared(value: Any, name: str) -> Any:
    """A guarded name: what the program declared under it, or ``_missing_``."""
    ours = _OURS.get((type(value), name))
    if ours is not None:
        return MethodType(ours, value)
    if isinstance(value, DanaObject):
        return _declared_field(value, name)
    member = getattr(type(value), "_dana_member_", None)
    if member is None or name.startswith("_"):
        return _missing_
    try:
        return member(value, name)
    except AttributeError:
        return _missing_


def _declared_field(value: DanaObject, name: str) -> Any:
    field = value._dana_by_name_.get(name)
    if field is not None:
        return object.__getattribute__(value, field.slot)
    if not name.startswith("_"):
        method = _declared_method(value, name)
        if method is not _missing_:
            return method
    for delegate in value._dana_delegates_:
        found = _declared(object.__getattribute__(value, delegate.slot), name)
        if found is not _missing_:
            return found
    return _missing_


def _declared_method(value: DanaObject, name: str) -> Any:
    """A receiver method whose name is guarded, such as ``format``: it stands in the dict of a struct class."""
    for cls in type(value).__mro__:
        found = cls.__dict__.get(name)
        if type(found) is FunctionType and "_dana_fields_" in cls.__dict__:
            return MethodType(found, value)
    return _missing_


def delegated_read(value: DanaObject, name: str) -> Any:
    """An attribute that a struct does not have itself, from its ``_fields`` in declaration order (7.3).

    Raises
    ------
    AttributeError : none of them has it.
    """
    if not name.startswith(("_", "dana_s_")):
        sized = type(value)._dana_sized_ if name in SIZED else None
        for delegate in value._dana_delegates_:
            target = object.__getattribute__(value, delegate.slot)
            found = _attribute(target, name)
            if found is not _missing_:
                return sized(target, name) if sized is not None and type(target) in SIZED_TYPES else found
    raise no_attribute(value, name)


def no_attribute(value: Any, name: str) -> AttributeError:
    """The error for a name that a value does not have, or does not show.

    The near name is looked for only when somebody reads the message (`exceptions.message_of`): programs ask for keys
    that may be absent in loops.
    """
    shown = shown_name(name)
    return AttributeError(f"{type_of(value)} has no attribute {shown!r}", name=shown, obj=value)


# -- calling ---------------------------------------------------------------------------------------


def _method_(value: Any, name: str, fallback: Any = None) -> Any:
    """What ``value.name(…)`` calls (4.5).

    Parameters
    ----------
    fallback : the function of that name in the caller's scope, or None; it gets ``value`` first.

    Raises
    ------
    AttributeError : there is nothing to call.
    """
    if isinstance(value, DanaObject) and name in value._dana_by_name_:
        # A method beside a field of the same name.
        method = _attribute(value, f"dana_m_{name}")
        if method is not _missing_:
            return method
    found = _attribute(value, name)
    if found is _missing_ and type(value) is dict:
        found = value.get(_key(name), _missing_)
    if found is not _missing_:
        return found
    if fallback is None or value is None:
        raise no_attribute(value, name)
    return MethodType(fallback, value)


# -- writing ---------------------------------------------------------------------------------------


def _setattr_(value: Any, name: str, content: Any) -> None:
    """``value.name = content``: a field of a struct with its type check, a field of its delegates, a dict key.

    Raises
    ------
    AttributeError : the value has no such field, or is nothing that a program may change.
    TypeError : the content does not fit the field.
    """
    if type(value) is dict:
        value[_key(name)] = content
    elif not isinstance(value, DanaObject):
        raise AttributeError(f"attributes of {type_of(value)} cannot be set")
    elif name in value._dana_by_name_:
        setattr(value, name, content)
    else:
        owner = _owner(value, name)
        if owner is None:
            raise no_attribute(value, name)
        if type(owner) is dict:
            owner[_key(name)] = content
        else:
            setattr(owner, name, content)


def _owner(value: Any, name: str) -> Any:
    """The struct or dict that holds the field ``name`` of ``value``, or None."""
    if not isinstance(value, DanaObject):
        return value if type(value) is dict and _key(name) in value else None
    if name in value._dana_by_name_:
        return value
    for delegate in value._dana_delegates_:
        owner = _owner(object.__getattribute__(value, delegate.slot), name)
        if owner is not None:
            return owner
    return None


def _delattr_(value: Any, name: str) -> None:
    """``del value.name``: removes a dict key.

    Raises
    ------
    AttributeError : there is no such key, or the value is no dict.
    """
    if type(value) is not dict:
        raise AttributeError(f"attributes of {type_of(value)} cannot be deleted")
    if value.pop(_key(name), _missing_) is _missing_:
        raise no_attribute(value, name)


# -- with ------------------------------------------------------------------------------------------


class _Manager:
    """A context manager over a value of Dana; ``__exit__`` of the value sees no exception, class or traceback."""

    __slots__ = ("_enter", "_exit")

    def __init__(self, enter: Callable[[], Any], leave: Callable[[BaseException | None], Any]) -> None:
        self._enter = enter
        self._exit = leave

    def __enter__(self) -> Any:
        return self._enter()

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> bool:
        suppress = self._exit(error)
        # A stop is never suppressed (invariant 4).
        return bool(suppress) and isinstance(error, Exception)


def _manager_(value: Any) -> _Manager:
    """What ``with value as t`` enters (3.6): a struct gives itself and is cleaned up, other managers are called.

    Raises
    ------
    TypeError : the value cannot stand after ``with``.
    """
    if isinstance(value, DanaObject):
        return _Manager(lambda: value, lambda error: _cleanup(value))
    kind = type(value)
    enter, leave = getattr(kind, "__enter__", None), getattr(kind, "__exit__", None)
    if enter is None or leave is None:
        raise TypeError(f"with needs a struct, a resource or a context manager, not {type_of(value)}")
    return _Manager(lambda: enter(value), lambda error: leave(value, *_plain(error)))


def _plain(error: BaseException | None) -> tuple[Any, Any, None]:
    return (None, None, None) if error is None else (type(error), error, None)


def _cleanup(value: DanaObject) -> None:
    method = _attribute(value, "cleanup")
    if callable(method):
        method()
