"""Struct classes: fields, checks, equality, printing, copying, what they hide (7.1 to 7.3)."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from support_structs import declare, function

from dana_guards.methods import _receiver_
from dana_guards.structs import DanaObject, StructType, TypeRegistry, _missing_


@pytest.fixture
def types() -> TypeRegistry:
    """The types of one context."""
    return TypeRegistry()


@pytest.fixture
def point(types: TypeRegistry) -> StructType:
    """``struct P: x: int, y: float = 1, name: str = "n"``."""
    return declare(types, "P", x="int", y=("float", 1), name=("str", "n"))


def test_construction(point: StructType) -> None:
    """Keywords, positions and defaults; a float field holds a float."""
    assert repr(point(x=1)) == "P(x=1, y=1.0, name='n')"
    assert repr(point(1, 2, name="q")) == "P(x=1, y=2.0, name='q')"
    assert isinstance(point(1), DanaObject)
    assert type(point(1)) is point


def test_writes_are_checked(point: StructType) -> None:
    """A write by the host is checked and converted like one by Dana."""
    p = point(1)
    p.y = 3
    assert type(p.y) is float
    p.y = True
    assert p.y == 1.0
    p.x = True
    assert p.x is True
    with pytest.raises(TypeError, match=r"P\.x must be int, not str \(fields: x: int, y: float, name: str\)"):
        p.x = "5"
    with pytest.raises(TypeError, match=r"P\.name must be str, not NoneType"):
        p.name = None
    with pytest.raises(AttributeError):
        p.z = 1
    assert p.x is True


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", [1, True], ["5", 1.5, None, [1]]),
        ("float", [1.5, 1, True], ["1.5", None]),
        ("str", ["a"], [1, None, ["a"]]),
        ("bool", [True], [1, "true", None]),
        ("list", [[1]], [(1,), "[1]", None]),
        ("list[int]", [["not an int"]], [(1,)]),
        ("dict", [{}], [[], None]),
        ("any", [None, 1, "a", []], []),
        ("tuple", [(1,), [1], 5], [None]),
        ("set", [{1}, 5], [None]),
        ("tuple | None", [None, (1,)], []),
        ("Unknown", [1, None], []),
        ("int | str", [1, "a"], [1.5, None, []]),
        ("int | None", [1, None, "anything"], []),
        ("list | Unknown", [1, []], []),
    ],
)
def test_field_types(types: TypeRegistry, kind: str, good: list[Any], bad: list[Any]) -> None:
    """The table of 7.2, at construction and at later writes alike."""
    struct = declare(types, "S", f=kind)
    for value in good:
        assert struct(value).f == value
        instance = struct(good[0])
        instance.f = value
        assert instance.f == value
    for value in bad:
        with pytest.raises(TypeError, match=r"S\.f must be"):
            struct(value)
        with pytest.raises(TypeError, match=r"S\.f must be"):
            struct(good[0]).f = value


def test_fields_of_struct_type(types: TypeRegistry) -> None:
    """A struct name accepts instances of that type only, also of a class that replaced it."""
    old = declare(types, "P", x="int")
    line = declare(types, "Line", a="P", b=("P | None", None))
    other = declare(types, "Q", x="int")
    assert line(old(1)).a.x == 1
    new = declare(types, "P", x="int")
    assert line(new(1)) == line(old(1))
    for bad in (other(1), 5, None, "P"):
        with pytest.raises(TypeError, match=r"Line\.a must be P"):
            line(bad)


def test_missing_field(types: TypeRegistry, point: StructType) -> None:
    """The error of a missing field names the struct and its fields; that of a parameter the function."""
    assert str(types.missing_field("P", "x")) == (
        "P needs a value for the field 'x' (fields: x: int, y: float, name: str)"
    )
    assert str(types.missing_field("f()", "x")) == "f() needs the argument 'x'"


def test_python_errors_name_the_struct(point: StructType) -> None:
    """What Python itself says about a wrong call speaks of the struct, not of our function."""
    for call in (lambda: point(), lambda: point(1, z=2), lambda: point(1, 2, "a", 4)):
        with pytest.raises(TypeError, match=r"^P\(\) "):
            call()


def test_equality(types: TypeRegistry, point: StructType) -> None:
    """By type name and fields; not hashable, not ordered, truthy, not iterable."""
    twin = declare(types, "Q", x="int", y=("float", 1), name=("str", "n"))
    assert point(1) == point(1)
    assert point(1) != point(2)
    assert point(1) != twin(1)
    assert point(1) != 1
    assert [point(1)] == [point(1)]
    assert bool(point(0))
    with pytest.raises(TypeError, match="unhashable"):
        hash(point(1))
    with pytest.raises(TypeError, match="not supported"):
        assert point(1) < point(2)
    with pytest.raises(TypeError, match="iterable"):
        iter(point(1))


def test_equality_of_cycles(types: TypeRegistry) -> None:
    """Cycles through fields and through lists end, equal or not."""
    node = declare(types, "Node", value="int", next=("any", None))
    a, b, c = node(1), node(1), node(1)
    a.next, b.next, c.next = a, b, [c]
    assert a == b
    assert a != c
    d, e, f = node(1), node(1), node(2)
    d.next, e.next, f.next = [d], [e], [f]
    assert d == e
    assert d != f
    assert repr(a) == "Node(value=1, next=Node(...))"
    assert repr(d) == "Node(value=1, next=[Node(...)])"


def test_long_chains(types: TypeRegistry) -> None:
    """Comparing, printing and counting long chains does not recurse."""
    node = declare(types, "Node", value="int", next=("any", None))

    def chain(last: int) -> DanaObject:
        head = node(last)
        for value in range(5000):
            head = node(value, head)
        return head

    assert chain(1) == chain(1)
    assert chain(1) != chain(2)
    assert repr(chain(1)).count("Node") == 5001


def test_comparison_leaves_nothing_behind(types: TypeRegistry) -> None:
    """After a comparison that failed with an error the next one starts afresh."""
    node = declare(types, "Node", value="any")

    class Broken:
        def __eq__(self, other: object) -> bool:
            raise ValueError("broken")

        __hash__ = None  # type: ignore[assignment]

    a, b = node(Broken()), node(Broken())
    with pytest.raises(ValueError, match="broken"):
        assert a == b
    a.value, b.value = 1, 2
    assert a != b


def test_helpers(types: TypeRegistry) -> None:
    """to_dict, get_field_names, get_field_value, set_field_value use Dana's names."""
    struct = declare(types, "S", class_="int", dana_u_hidden=("int", 2))
    s = struct(1)
    assert repr(s) == "S(class=1, _hidden=2)"
    assert s.to_dict() == {"class": 1, "_hidden": 2}
    assert s.get_field_names() == ["class", "_hidden"]
    assert s.get_field_value("class") == 1
    s.set_field_value("_hidden", 5)
    assert s.dana_u_hidden == 5
    with pytest.raises(TypeError, match=r"S\._hidden must be int"):
        s.set_field_value("_hidden", "x")
    with pytest.raises(AttributeError, match="no field 'clas'; did you mean 'class'"):
        s.get_field_value("clas")


def test_match(point: StructType) -> None:
    """The match statement of the host takes fields by position and by name."""
    match point(1, 2.5):
        case point(x, y, name="n"):  # type: ignore[misc]
            assert (x, y) == (1, 2.5)
        case _:
            pytest.fail("no match")


def test_copies(types: TypeRegistry) -> None:
    """copy copies fields, deepcopy everything, cycles included; pickle is refused."""
    struct = declare(types, "S", items="list", me=("any", None))
    a = struct([1])
    a.me = a
    shallow, deep = copy.copy(a), copy.deepcopy(a)
    assert shallow.items is a.items
    assert deep.items == [1]
    assert deep.items is not a.items
    assert deep.me is deep
    with pytest.raises(TypeError, match="cannot pickle S"):
        pickle.dumps(a)


def test_class_cannot_be_changed(point: StructType) -> None:
    """Nobody writes to the class, and it shows neither fields nor methods of the program nor mro."""
    for name in ("x", "__eq__", "new"):
        with pytest.raises(AttributeError, match="cannot be changed"):
            setattr(point, name, 1)
        with pytest.raises(AttributeError, match="cannot be changed"):
            delattr(point, name)
    _receiver_((point,), "area", function("lambda self: 1"))
    for name in ("x", "dana_s_x", "mro", "area"):
        with pytest.raises(AttributeError, match="P has no attribute"):
            getattr(point, name)
    assert point.to_dict(point(1))["x"] == 1
    assert repr(point) == "<struct P>"


def test_special_methods_are_final(types: TypeRegistry) -> None:
    """A method that a program attaches never takes part in comparing or printing."""
    struct = declare(types, "S", eq=("int", 1), to_dict=("int", 2), get_field_names=("int", 3))
    for name in ("repr", "to_dict", "copy"):
        _receiver_((struct,), name, function("lambda self: 1 / 0"))
    assert struct() == struct()
    assert repr(struct()) == "S(eq=1, to_dict=2, get_field_names=3)"
    with pytest.raises(AttributeError, match="S has no attribute"):
        assert struct.to_dict
    assert copy.copy(struct()) == struct()


@pytest.mark.parametrize("name", ["__eq__", "_x", "dana_s_x", "dana_h_memory", "dana_m_x", "not a name", ""])
def test_members_that_no_program_can_name(types: TypeRegistry, point: StructType, name: str) -> None:
    """Even an ast from elsewhere cannot replace a special method or a slot."""
    with pytest.raises(ValueError, match="cannot be the name"):
        _receiver_((point,), name, function("lambda self: 1"))
    with pytest.raises(ValueError, match="cannot be the name"):
        types.struct("Q", "struct", ((name, "int", None),), function("lambda self: None"), None)  # type: ignore[arg-type]


def test_missing_marker() -> None:
    """The marker for absent arguments has a text without an address."""
    assert repr(_missing_) == "..."


def test_contexts_share_nothing() -> None:
    """Two registries with one name keep two classes."""
    one, two = TypeRegistry(), TypeRegistry()
    a, b = declare(one, "P", x="int"), declare(two, "P", x="str")
    _receiver_((a,), "m", function("lambda self: 1"))
    assert not hasattr(b("x"), "m")
    assert one.find("P") is a
    assert two.find("P") is b
