"""Receiver methods (7.3).

In: a compiled function and the types that it belongs to. Out: class attributes, so that ``p.m(x)`` is an ordinary
Python method call. Not here: how a method is found on a value that is not known to be a struct (`access`), and which
function of one name the call form ``m(p, x)`` means (`calls`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dana_guards.formatting import text_of
from dana_guards.spelling import shown_name
from dana_guards.structs import DanaObject, StructType, check_member
from dana_guards.type_tokens import is_type, type_of


def method_slot(cls: StructType, name: str) -> str:
    """The class attribute that holds a method: beside a field of the same name it is ``dana_m_<name>``."""
    return f"dana_m_{name}" if name in cls._dana_by_name_ else name


def _receiver_(types: tuple[Any, ...], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Attach a method to struct classes; a second one with the same name replaces the first.

    Parameters
    ----------
    types : struct classes; the instance of an ``agent`` stands for its class. An interface is nothing to attach to:
        the function answers ``p.name()`` as any function of that name does.
    name : Python name of the method.
    function : takes the instance first.

    Raises
    ------
    TypeError : a type is not one that the program declared with fields.
    ValueError : the name is not one that a program can give.
    """
    check_member(name)
    classes = [receiver_class(kind, name) for kind in types if not hasattr(kind, "missing_methods")]
    for cls in classes:
        type.__setattr__(cls, method_slot(cls, name), function)
    return function


def receiver_class(kind: Any, name: str) -> StructType:
    """The class behind a receiver type; errors as ``_receiver_``."""
    if isinstance(kind, StructType):
        return kind
    if isinstance(kind, DanaObject):
        return type(kind)
    what = text_of(kind) if is_type(kind) else type_of(kind)
    raise TypeError(
        f"the receiver of {shown_name(name)!r} must be a struct, resource, workflow or agent of the program, not {what}"
    )
