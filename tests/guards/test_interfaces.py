"""Interfaces: names and arities, found on the type or behind a _field (7.4)."""

from __future__ import annotations

import pytest
from support_structs import declare, function

from dana_guards.interfaces import Interface, interface_hook
from dana_guards.methods import _receiver_
from dana_guards.structs import StructType, TypeRegistry
from dana_guards.type_tokens import type_word


@pytest.fixture
def types() -> TypeRegistry:
    """The types of one context."""
    return TypeRegistry()


@pytest.fixture
def square(types: TypeRegistry) -> StructType:
    """A struct with ``area()`` and ``scale(k, by=1)``."""
    struct = declare(types, "Square", side=("float", 1), size=("int", 0))
    _receiver_((struct,), "area", function("lambda self: self.side ** 2"))
    _receiver_((struct,), "scale", function("lambda self, k, by=1: self"))
    _receiver_((struct,), "size", function("lambda self: 1"))
    return struct


@pytest.mark.parametrize(
    ("signatures", "missing"),
    [
        ((("area", 0),), []),
        ((("area", 1),), ["area/1"]),
        ((("scale", 1),), []),
        ((("scale", 2),), []),
        ((("scale", 0), ("scale_", 0)), ["scale/0", "scale_/0"]),
        ((("area", 0), ("move", 2)), ["move/2"]),
        ((("size", 0),), []),
    ],
)
def test_names_and_arities(
    types: TypeRegistry, square: StructType, signatures: tuple[tuple[str, int], ...], missing: list[str]
) -> None:
    """A type fulfils an interface by having the methods with a fitting number of parameters."""
    shape = interface_hook(types)("Shape", signatures)
    assert shape.missing_methods(square()) == missing
    assert shape.missing_methods(square) == missing
    assert shape._accepts_(square()) is (not missing)
    assert not shape._accepts_(5)


def test_embedding(types: TypeRegistry, square: StructType) -> None:
    """Embedded interfaces bring their methods; anything else cannot be embedded."""
    declare_interface = interface_hook(types)
    area = declare_interface("Area", (("area", 0),))
    both = declare_interface("Both", (("move", 1),), (area,), "doc")
    assert both.missing_methods(square()) == ["move/1"]
    assert types.find("Both") is both
    with pytest.raises(TypeError, match="can embed interfaces only, not Constructor"):
        declare_interface("Bad", (), (square,))


def test_methods_behind_a_field(types: TypeRegistry, square: StructType) -> None:
    """Delegated methods count for an instance."""
    holder = declare(types, "Holder", dana_u_shape="Square")
    shape = interface_hook(types)("Shape", (("area", 0),))
    assert shape.missing_methods(holder(square())) == []
    assert shape.missing_methods(holder) == ["area/0"]


def test_fields_of_interface_type(types: TypeRegistry, square: StructType) -> None:
    """A field may have an interface as its type."""
    interface_hook(types)("Shape", (("area", 0),))
    holder = declare(types, "Holder", shape="Shape")
    assert holder(square()).shape == square()
    for bad in (5, None, holder(square())):
        with pytest.raises(TypeError, match=r"Holder\.shape must be Shape"):
            holder(bad)


def test_token(types: TypeRegistry) -> None:
    """The token prints as its name, cannot be changed, and joins unions."""
    shape = interface_hook(types)("Shape", (("area", 0),))
    assert isinstance(shape, Interface)
    assert (str(shape), shape.name) == ("Shape", "Shape")
    assert str(shape | type_word("int", int)) == "Shape | int"
    with pytest.raises(AttributeError, match="cannot be changed"):
        shape.name = "x"  # type: ignore[misc]


def test_receivers(types: TypeRegistry, square: StructType) -> None:
    """Several types share a method, a second definition replaces, other receivers are refused."""
    other = declare(types, "Other", x=("int", 1))
    _receiver_((square, other), "name", function("lambda self: 1"))
    assert (square().name(), other().name()) == (1, 1)
    _receiver_((other,), "name", function("lambda self: 2"))
    assert (square().name(), other().name()) == (1, 2)
    shape = interface_hook(types)("Shape", ())
    _receiver_((other, shape), "name", function("lambda self: 4"))
    assert (square().name(), other().name()) == (1, 4), "an interface is no class to attach to, and no mistake"
    for bad, told in ((type_word("str", str), "not str"), (5, "not int"), (None, "NoneType")):
        with pytest.raises(TypeError, match=f"the receiver of 'name' must be a struct.*{told}"):
            _receiver_((bad,), "name", function("lambda self: 3"))
