"""Python type hints at the border: whether a value fits the annotation of a stub.

In: a plain value and an annotation. Out: yes or no. Hints that say nothing about plain data (protocols, type variables)
accept everything: a stub is a promise about data, not a proof. Nothing is converted.
"""

from __future__ import annotations

import types
import typing
from collections import abc
from typing import Any

_SEQUENCES = (list, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection)
_SETS = (set, frozenset, abc.Set, abc.MutableSet)
_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)


def fits_hint(value: Any, hint: Any) -> bool:
    """Whether a value fits a hint; an int fits where a float is annotated, as everywhere in Dana."""
    if hint is Any or isinstance(hint, (str, typing.TypeVar)):
        return True
    if hint is None or hint is type(None):
        return value is None
    if typing.is_typeddict(hint):
        return isinstance(value, dict)
    origin = typing.get_origin(hint)
    if origin is not None:
        return _fits_generic(value, origin, typing.get_args(hint), hint)
    if hint is float:
        return isinstance(value, (float, int))
    if hint is object or not isinstance(hint, type):
        return True
    try:
        return isinstance(value, hint)
    except TypeError:  # a protocol that is not checked at run time
        return True


def _fits_generic(value: Any, origin: Any, args: tuple[Any, ...], hint: Any) -> bool:
    if origin in (typing.Union, types.UnionType):
        return any(fits_hint(value, arg) for arg in args)
    if origin is typing.Literal:
        return any(type(value) is type(arg) and value == arg for arg in args)
    if origin is typing.Annotated:
        return fits_hint(value, args[0])
    if origin in _MAPPINGS:
        return isinstance(value, dict) and all(
            fits_hint(key, args[0]) and fits_hint(item, args[1]) for key, item in value.items()
        )
    if origin is tuple:
        return isinstance(value, tuple) and _fits_tuple(value, args)
    if origin in _SEQUENCES or origin in _SETS:
        kinds = (set, frozenset) if origin in _SETS else (list, tuple) if origin is not list else (list,)
        if isinstance(value, kinds):
            return all(fits_hint(item, args[0]) for item in value)
        return origin is abc.Iterable and isinstance(value, abc.Iterable)
    return not isinstance(origin, type) or isinstance(value, origin)


def _fits_tuple(value: tuple[Any, ...], args: tuple[Any, ...]) -> bool:
    if len(args) == 2 and args[1] is Ellipsis:
        return all(fits_hint(item, args[0]) for item in value)
    return len(value) == len(args) and all(fits_hint(item, arg) for item, arg in zip(value, args, strict=True))


def spell(hint: Any) -> str:
    """A hint as a message names it."""
    return hint.__name__ if isinstance(hint, type) and typing.get_origin(hint) is None else str(hint)
