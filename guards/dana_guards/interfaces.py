"""Interfaces: names and arities of methods that a type must have (7.4).

In: a constant table of signatures and the interfaces that are embedded. Out: a token that ``isinstance`` and fields of
structs understand. A type fulfils an interface by having the methods, it need not say so; nothing is checked unless
somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from dana_guards.methods import method_slot
from dana_guards.spelling import shown_name
from dana_guards.structs import DanaObject, StructType, TypeRegistry
from dana_guards.type_tokens import Immutable, fill, type_of, union_of


class Interface(Immutable):
    """A declared interface as a value."""

    __slots__ = ("_doc", "_name", "_required")
    _dana_type_name_ = "Interface"
    _name: str
    _doc: str | None
    _required: dict[str, int]

    def __init__(self, name: str, required: dict[str, int], doc: str | None = None) -> None:
        """
        Parameters
        ----------
        name : its Dana name.
        required : Python names of all methods, with the number of parameters after the receiver.
        doc : the docstring.
        """
        fill(self, _name=name, _required=required, _doc=doc)

    @property
    def name(self) -> str:
        """The name of the declaration."""
        return self._name

    def missing_methods(self, value: Any) -> list[str]:
        """The methods that ``value``, an instance or a struct class, lacks or has with another number of parameters."""
        return [
            f"{shown_name(method)}/{arity}"
            for method, arity in self._required.items()
            if not _has_method(value, method, arity)
        ]

    def __repr__(self) -> str:
        return self._name

    def __or__(self, other: Any) -> Any:
        return union_of(self, other) or NotImplemented

    __ror__ = __or__

    def _accepts_(self, value: object) -> bool:
        return isinstance(value, DanaObject) and not self.missing_methods(value)


def _has_method(value: Any, name: str, arity: int) -> bool:
    cls: type = value if isinstance(value, StructType) else type(value)
    if not isinstance(cls, StructType):
        return False
    for base in cls.__mro__:
        function = base.__dict__.get(method_slot(cls, name))
        if function is not None:
            return _takes(function, arity + 1)
    if isinstance(value, StructType):
        return False
    delegates = (object.__getattribute__(value, field.slot) for field in cls._dana_delegates_)
    return any(_has_method(delegate, name, arity) for delegate in delegates)


def _takes(function: Any, count: int) -> bool:
    """Can the function be called with that many positions."""
    if type(function) is not FunctionType:
        return callable(function)
    code = function.__code__
    least = code.co_argcount - len(function.__defaults__ or ())
    return least <= count and (count <= code.co_argcount or bool(code.co_flags & 0x04))


def interface_hook(registry: TypeRegistry) -> Callable[..., Interface]:
    """``_interface_`` of a context."""

    def _interface_(
        name: str, signatures: tuple[tuple[str, int], ...], embedded: tuple[Any, ...] = (), doc: str | None = None
    ) -> Interface:
        """Declare an interface.

        Parameters
        ----------
        signatures : Python name and number of parameters of each own method.
        embedded : the interfaces whose methods it has as well.

        Raises
        ------
        TypeError : an embedded value is no interface.
        """
        required: dict[str, int] = {}
        for part in embedded:
            if not isinstance(part, Interface):
                raise TypeError(f"the interface {name} can embed interfaces only, not {type_of(part)}")
            required.update(part._required)
        required.update(signatures)
        interface = registry.types[name] = Interface(name, required, doc)
        return interface

    return _interface_
