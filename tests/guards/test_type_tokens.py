"""Types as values: words, type(x), unions, isinstance (5.5)."""

from __future__ import annotations

from typing import Any

import pytest
from support_structs import declare, function

from dana_guards.exceptions import KINDS
from dana_guards.formatting import text_of
from dana_guards.interfaces import interface_hook
from dana_guards.structs import TypeRegistry
from dana_guards.type_tokens import (
    TYPE_WORDS,
    TypeUnion,
    TypeValue,
    accepts,
    is_type,
    isinstance_with,
    type_of,
    type_word,
    union_of,
    word_of,
)

WORDS: dict[str, Any] = {word: type_word(word, kind) for word, kind in TYPE_WORDS.items() if word != "any"}
WORDS["any"] = type_word("any", any)


@pytest.fixture
def types() -> TypeRegistry:
    """The types of one context."""
    return TypeRegistry()


def test_words_convert() -> None:
    """A word called is its conversion."""
    assert WORDS["int"]("7") == 7
    assert WORDS["int"]("ff", 16) == 255
    assert WORDS["int"]() == 0
    assert WORDS["float"]("1.5") == 1.5
    assert WORDS["list"]((1, 2)) == [1, 2]
    assert WORDS["dict"]([("a", 1)], b=2) == {"a": 1, "b": 2}
    assert WORDS["any"]([0, 1]) is True


def test_words_print_and_compare() -> None:
    """As text a word is its name; it carries the mark and no Python class."""
    assert text_of(WORDS["int"]) == "int"
    assert text_of([WORDS["str"]]) == "[str]"
    assert word_of(WORDS["int"]) == "int"
    assert word_of(len) is None
    assert word_of(function("lambda: 1")) is None
    assert all(type(word) is type(function("lambda: 1")) for word in WORDS.values())


@pytest.mark.parametrize(
    ("value", "name"),
    [(5, "int"), (True, "bool"), (1.5, "float"), ("a", "str"), (None, "NoneType"), ([], "list"), ({}, "dict"),
     ((), "tuple"), ({1}, "set"), (range(3), "range"), (len, "DanaFunction"), ("x".upper, "DanaFunction"),
     (KINDS["ValueError"]("x"), "DanaException")],
)  # fmt: skip
def test_type_of_values(value: Any, name: str) -> None:
    """``type(x)`` prints as its name and equals it as text and as word."""
    found = type_of(value)
    assert str(found) == name
    assert found == name
    assert found == type_of(value)
    assert found != "other"
    assert hash(found) == hash(name)
    if name in WORDS:
        assert found == WORDS[name]
        assert found != WORDS["any"]


def test_type_of_declared(types: TypeRegistry) -> None:
    """Instances of declared types, and constructors, say what they are."""
    struct, resource = declare(types, "P", x=("int", 1)), declare(types, "R", "resource", x=("int", 1))
    agent = declare(types, "A", "agent_blueprint", x=("int", 1))
    workflow = declare(types, "W", "workflow", x=("int", 1))
    names = [str(type_of(kind())) for kind in (struct, resource, agent, workflow)]
    assert names == ["Struct[P]", "Resource[R]", "Agent[A]", "Struct[W]"]
    found = type_of(struct())
    assert found == "P"
    assert found == struct
    assert found != resource
    assert (found.name, found.is_instance, found.is_constructor) == ("Struct[P]", True, False)
    assert (found.instance_type, found.underlying_type_name) == ("P", "P")
    assert str(type_of(struct)) == "Constructor[P]"
    assert str(type_of(WORDS["int"])) == "Constructor[int]"
    assert type_of(WORDS["int"]).is_constructor
    assert type_of(5).instance_type is None


def test_type_value_is_no_class() -> None:
    """What ``type`` gives cannot be changed and leads to no Python class."""
    found = type_of(5)
    assert not isinstance(found, type)
    with pytest.raises(AttributeError, match="cannot be changed"):
        found.name = "x"  # type: ignore[misc]
    assert not any(isinstance(getattr(found, name), type) for name in dir(found) if not name.startswith("_"))


@pytest.mark.parametrize(
    ("value", "kind", "answer"),
    [
        (5, "int", True),
        (True, "int", False),
        (True, "bool", True),
        (None, "None", True),
        (None, "NoneType", True),
        (5, "any", True),
        (len, "function", True),
        (5, "int | str", True),
        ("x", "int|str", True),
        (1.5, "int | str", False),
        (5, "list", False),
        (5, "Unknown", False),
        (5, ("str", "int"), True),
        (5, ("str", ("list", "int")), True),
        (5, (), False),
        (None, None, True),
        (5, None, False),
        (5, type_of(6), True),
        (True, type_of(6), False),
    ],
)
def test_isinstance_by_name(value: Any, kind: Any, answer: bool) -> None:
    """Names, tuples of them and what type gives."""
    assert accepts(kind, value) is answer


def test_isinstance_by_word() -> None:
    """Words follow Python, so a bool is an int."""
    assert accepts(WORDS["int"], True)
    assert accepts(WORDS["any"], None)
    assert not accepts(WORDS["float"], 1)
    assert accepts((WORDS["str"], WORDS["int"]), 1)
    assert accepts(union_of(WORDS["int"], None), None)


def test_isinstance_of_declared(types: TypeRegistry) -> None:
    """Struct classes, their names, interfaces and their names."""
    struct, other = declare(types, "P", x=("int", 1)), declare(types, "Q", x=("int", 1))
    shape = interface_hook(types)("Shape", ())
    ask = isinstance_with(types.find)
    assert ask(struct(), struct)
    assert not ask(other(), struct)
    for name in ("P", "Struct[P]", "Shape", "Q | P"):
        assert ask(struct(), name)
    assert not ask(struct(), "Q")
    assert ask(struct(), shape)
    assert not ask(5, "Shape")
    assert ask.__name__ == "isinstance"


def test_isinstance_of_errors() -> None:
    """Records match the kinds that except would match, as tokens and as names."""
    record = KINDS["ZeroDivisionError"]("x")
    for kind in (KINDS["ZeroDivisionError"], KINDS["ArithmeticError"], KINDS["Exception"], "ArithmeticError"):
        assert accepts(kind, record)
    assert not accepts(KINDS["ValueError"], record)
    assert not accepts(KINDS["ValueError"], 5)


@pytest.mark.parametrize("kind", [5, 1.5, [1], {}, len])
def test_isinstance_refuses(kind: Any) -> None:
    """Anything else as a type is an error."""
    with pytest.raises(TypeError, match="isinstance needs a type"):
        accepts(kind, 5)


def test_unions(types: TypeRegistry) -> None:
    """Unions flatten, drop doubles, compare without order, and work with Python's own bar on classes."""
    struct = declare(types, "P", x=("int", 1))
    union = union_of(union_of(WORDS["int"], None), struct)
    assert str(union) == "int | None | P"
    assert union == union_of(struct, union_of(None, WORDS["int"]))
    assert str(union_of(union, WORDS["int"])) == "int | None | P"
    assert isinstance(struct | None, TypeUnion)
    assert isinstance(None | struct, TypeUnion)
    assert union_of(None, None) is None
    assert union_of(WORDS["int"], 5) is None
    assert union_of(5, WORDS["int"]) is None
    with pytest.raises(AttributeError, match="cannot be changed"):
        union._members = ()  # type: ignore[union-attr]


def test_is_type(types: TypeRegistry) -> None:
    """What counts as a type beside values."""
    assert all(map(is_type, (WORDS["int"], declare(types, "P", x="int"), KINDS["ValueError"], TypeValue("int"))))
    assert not any(map(is_type, (5, "int", len, None, int)))


def test_type_of_a_plain_value_is_made_once() -> None:
    """What ``type(1)`` gives cannot be changed, so every call may give the same one; other names stay apart."""
    assert type_of(1) is type_of(2)
    assert type_of(1) is not type_of(True)
    assert [type_of(each) for each in (True, None, frozenset())] == ["bool", "NoneType", "frozenset"]
