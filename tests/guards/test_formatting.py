"""Text of values: no addresses, no endless text, no foreign code."""

from __future__ import annotations

from typing import Any

import pytest

from dana_guards.formatting import WIDTH_LIMIT, _text_, repr_of, safe_format, safe_format_map, text_of


def named() -> None:
    """A function to be printed."""


@pytest.mark.parametrize(
    "value",
    [1, 1.5, True, None, "a", [1, "a", [2]], (1,), (), {"a": (1, 2)}, {1}, set(), frozenset({1}), frozenset(),
     range(3), {"k": 1}.keys(), {"k": [1]}.values(), {"k": 1}.items(), "a\nb'", [None, True], {1: {2: {}}}],
)  # fmt: skip
def test_as_python(value: Any) -> None:
    """Plain values print as in Python."""
    assert text_of(value) == str(value)
    assert repr_of(value) == repr(value)


def test_functions_have_no_address() -> None:
    """Functions and methods print with their name, wherever they stand."""
    assert text_of([named, len, "x".upper, {"f": named}]) == (
        "[<function named>, <function len>, <function upper>, {'f': <function named>}]"
    )
    assert "0x" not in text_of({named: 1}.keys()) + text_of(object()) + repr_of(iter([1]))


def test_cycles() -> None:
    """A container inside itself prints as in Python; shared parts print each time."""
    values: list[Any] = [1]
    values.append(values)
    table: dict[str, Any] = {"a": values}
    table["self"] = table
    shared = [2]
    assert text_of(values) == "[1, [...]]"
    assert text_of(table) == "{'a': [1, [...]], 'self': {...}}"
    assert text_of([shared, shared]) == "[[2], [2]]"


def test_deep_data() -> None:
    """Depth is no danger: nothing recurses."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert len(text_of(value)) == 200_002
    while value:
        value = value[0]


def test_text_that_doubles() -> None:
    """Shared parts cannot make a text without end."""
    value: list[Any] = ["x" * 1000]
    for _ in range(60):
        value = [value, value]
    with pytest.raises(ValueError, match="longer than 100000 characters"):
        text_of(value, 100_000)
    with pytest.raises(ValueError, match="longer than"):
        repr_of("x" * 101, 100)


@pytest.mark.parametrize(
    ("value", "conversion", "spec", "text"),
    [
        (3.14159, None, ".2f", "3.14"),
        (5, "", "05d", "00005"),
        (1234567, None, ",", "1,234,567"),
        ("a", "r", "", "'a'"),
        ("ä", "a", ">8", "  '\\xe4'"),
        (True, None, "", "True"),
        (None, None, "", "None"),
        (None, None, ">6", "  None"),
        ([1], None, ">5", "  [1]"),
        (5, "s", ">3", "  5"),
        ("x", None, "*^5", "**x**"),
    ],
)
def test_fields(value: Any, conversion: str | None, spec: str, text: str) -> None:
    """Specs and conversions as in Python; containers are padded as text."""
    assert _text_(value, conversion, spec) == text


def test_field_limits() -> None:
    """A huge width or precision is refused before anything is made."""
    assert len(_text_("x", None, f">{WIDTH_LIMIT}")) == WIDTH_LIMIT
    for spec in (f">{WIDTH_LIMIT + 1}", ".999999999f", "9" * 5000):
        with pytest.raises(ValueError, match="greater than"):
            _text_(1.5, None, spec)


def test_foreign_format_is_not_called() -> None:
    """Only exact built-in types are asked to format themselves."""

    class Spy:
        def __format__(self, spec: str) -> str:
            raise AssertionError("called")

        def __str__(self) -> str:
            return "spy"

    assert _text_(Spy(), None, ">5") == "  spy"


def test_safe_format() -> None:
    """Positions, names, specs with fields, conversions, doubled braces."""
    assert safe_format("{} {}", 1, "a") == "1 a"
    assert safe_format("{1} {0} {x!r:>5} {{}}", 1, 2, x="q") == "2 1   'q' {}"
    assert safe_format("{:{w}.{p}f}", 3.14159, w=7, p=2) == "   3.14"
    assert safe_format_map("{a}-{b}", {"a": 1, "b": [2]}) == "1-[2]"


@pytest.mark.parametrize(
    "template",
    ["{0.__class__}", "{0[0]}", "{x.y}", "{x[k]}", "{0.real}", "{:{0.real}}", "{!x}", "{", "}", "{0!r.x}", "{-1}",
     "{ 0}"],
)  # fmt: skip
def test_safe_format_looks_into_nothing(template: str) -> None:
    """No dot, no bracket, at no depth (CVE-2016-10745 and its successors)."""
    with pytest.raises(ValueError, match=r"."):
        safe_format(template, [1], x={"k": 1})


def test_safe_format_limits() -> None:
    """Widths and the whole length are bounded, missing arguments are told."""
    with pytest.raises(ValueError, match="greater than"):
        safe_format("{:999999999}", 1)
    with pytest.raises(ValueError, match="longer than"):
        safe_format("{0}" * 20_000, "x" * 1000)
    with pytest.raises(IndexError, match="no argument for field 1"):
        safe_format("{} {}", 1)
    with pytest.raises(KeyError):
        safe_format("{a}")
    with pytest.raises(TypeError, match="needs a dict"):
        safe_format_map("{a}", [("a", 1)])  # type: ignore[arg-type]


def test_safe_format_numbering() -> None:
    """Fields are numbered by hand or in order, not both."""
    for template in ("{} {0}", "{0} {}"):
        with pytest.raises(ValueError, match="cannot mix"):
            safe_format(template, 1, 2)
