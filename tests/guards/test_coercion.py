"""The table of typed assignment, cell by cell (5.2), and cast (5.5)."""

from __future__ import annotations

from typing import Any

import pytest

from dana_guards.coercion import _coerce_, cast, split_type
from dana_guards.type_tokens import type_word

INT = type_word("int", int)


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        ("int", 3.9, 3),
        ("int", -3.9, -3),
        ("int", " 42 ", 42),
        ("int", True, True),
        ("float", 3, 3.0),
        ("float", True, 1.0),
        ("float", " 1e3 ", 1000.0),
        ("str", 5, "5"),
        ("str", 1.5, "1.5"),
        ("str", True, "true"),
        ("str", [1, "a"], "[1, 'a']"),
        ("str", {"a": 1}, "{'a': 1}"),
        ("bool", 0, False),
        ("bool", 2.5, True),
        ("bool", "no", False),
        ("bool", "I thought: no. FINAL_ANSWER: yes", True),
        ("bool", "yes but FINAL_ANSWER: no", False),
        ("list", "[1, 2]", [1, 2]),
        ("list", '```json\n["a"]\n```', ["a"]),
        ("list", "```[1]```", [1]),
        ("dict", 'FINAL_ANSWER: {"a": 1}', {"a": 1}),
        ("dict", "```\n{}\n```", {}),
        ("tuple", (1,), (1,)),
        ("set", {1}, {1}),
        ("INT", "7", 7),
        ("list[int]", "[1]", [1]),
    ],
)
def test_converted(kind: str, value: Any, result: Any) -> None:
    """What the table converts, with the exact type of the result."""
    found = _coerce_(value, kind)
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize("kind", ["int", "float", "str", "bool", "list", "dict", "tuple", "set", "Point"])
def test_none_passes(kind: str) -> None:
    """None passes every type."""
    assert _coerce_(None, kind) is None


@pytest.mark.parametrize("kind", ["any", "int | str", "Point", "Optional[int]", "function", "list[int] | None"])
def test_stored_unchanged(kind: str) -> None:
    """Unions and names outside the table store the value as it is."""
    value = object()
    assert _coerce_(value, kind) is value


@pytest.mark.parametrize(
    ("kind", "value", "error", "message"),
    [
        ("int", "3.7", ValueError, "cannot coerce '3.7' to int"),
        ("int", [1], TypeError, "cannot coerce list to int"),
        ("int", float("inf"), ValueError, "cannot coerce inf to int"),
        ("int", float("nan"), ValueError, "to int"),
        ("int", "FINAL_ANSWER: 5", ValueError, "to int"),
        ("int", "9" * 5000, ValueError, "to int"),
        ("float", "x", ValueError, "to float"),
        ("float", 10**400, ValueError, "too large"),
        ("float", [], TypeError, "cannot coerce list to float"),
        ("str", (1,), TypeError, "cannot coerce tuple to str"),
        ("str", {1}, TypeError, "set to str"),
        ("bool", [], TypeError, "list to bool"),
        ("list", "(1)", ValueError, "to list"),
        ("list", '{"a": 1}', ValueError, "to list"),
        ("list", (1,), TypeError, "tuple to list"),
        ("list", "[" * 100_000, ValueError, "to list"),
        ("dict", "[]", ValueError, "to dict"),
        ("dict", [], TypeError, "list to dict"),
        ("tuple", [1], TypeError, "list to tuple"),
        ("set", [1], TypeError, "list to set"),
    ],
)
def test_refused(kind: str, value: Any, error: type[Exception], message: str) -> None:
    """What the table refuses, with a short message that names both types."""
    with pytest.raises(error, match=message) as caught:
        _coerce_(value, kind)
    assert len(str(caught.value)) < 120


def test_fresh_objects() -> None:
    """Two assignments of one text do not share a list."""
    assert _coerce_("[1]", "list") is not _coerce_("[1]", "list")


def test_cast_in_both_orders() -> None:
    """The type may come first or last, as a word or as text."""
    assert cast(INT, "5") == cast("5", INT) == cast("int", "5") == cast("5", "int") == 5
    with pytest.raises(TypeError, match="cast needs a type"):
        cast(5, 6)
    with pytest.raises(ValueError, match="to int"):
        cast(INT, "x")


def test_split_type() -> None:
    """Generic arguments are dropped, only bars outside of them separate."""
    assert split_type("dict[str, int | None] | list[ int ] |None") == ("dict", "list", "None")
