"""Struct instances in the hands of the host.

In: the class of an instance that leaves its context for the first time. Out: the same class, opened: what the host
calls on an instance enters the context like a function, what it writes is converted and checked, what it reads is
released. Dana code inside goes on as before; only the members of classes that a host has seen pay for the question
"who asks", and fields of scalar type are still read in C.

The layout of structs is `dana_guards.structs`; nothing of it is changed but the functions behind its attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from types import FunctionType
from typing import TYPE_CHECKING, Any

from dana_guards.structs import DanaObject, Field, StructType
from opendxa.dana.function import context_function, is_plain

if TYPE_CHECKING:
    from opendxa.dana.context import DanaContext

_SCALAR_FIELDS = frozenset({"int", "float", "str", "bool"})
_READERS = ("to_dict", "get_field_value")


def open_class(context: DanaContext, cls: StructType) -> None:
    """Open a struct class and its bases of this program for the host."""
    for base in cls.__mro__:
        if isinstance(base, StructType) and base.__dict__.get("_dana_fields_") and base not in context._opened:
            context._opened.add(base)
            _open(context, base)


def _open(context: DanaContext, cls: StructType) -> None:
    for field in cls.__dict__["_dana_fields_"]:
        member = cls.__dict__.get(field.python)
        if isinstance(member, property):
            _set(cls, field.python, _open_field(context, field, member))
    for name, member in list(cls.__dict__.items()):
        if type(member) is FunctionType and not name.startswith("__"):
            open_method(context, cls, name, member)
    for name in _READERS:
        _set(cls, name, _open_reader(context, getattr(cls, name)))


def open_method(context: DanaContext, cls: StructType, name: str, member: FunctionType) -> None:
    """Let a method of an opened class enter the context when the host calls it."""
    if is_plain(member):
        _set(cls, name, context_function(context, member, member, context._describe(member), method=True))


def _open_field(context: DanaContext, field: Field, member: property) -> property:
    inside, border, read, write = _is_inside(context), context._border, member.fget, member.fset
    assert read is not None
    assert write is not None

    def shown(self: DanaObject) -> Any:
        value = read(self)
        return value if inside() else border.release(value)

    def changed(self: DanaObject, value: Any) -> None:
        if not inside():
            context._require_open()
            value = border.admit(value)
        write(self, value)

    return property(read if field.type_text in _SCALAR_FIELDS else shown, changed, doc=member.__doc__)


def _open_reader(context: DanaContext, member: Callable[..., Any]) -> Callable[..., Any]:
    inside, border = _is_inside(context), context._border

    def shown(self: DanaObject, *args: Any) -> Any:
        value = member(self, *args)
        return value if inside() else border.release(value)

    shown.__name__, shown.__doc__ = member.__name__, member.__doc__
    return shown


def _is_inside(context: DanaContext) -> Callable[[], bool]:
    """Tells whether the calling thread runs Dana code of the context right now."""
    meter = context._meter

    def inside() -> bool:
        return meter.thread == get_ident() and not meter.host_depth

    return inside


def _set(cls: StructType, name: str, member: object) -> None:
    # The metaclass refuses changes from everybody else.
    type.__setattr__(cls, name, member)
