"""Dana's operators on every odd pair of types (4.2, 5.4, 4.8)."""

from __future__ import annotations

import operator
from typing import Any

import pytest

from dana_guards.operators import (
    _FALSE_TEXTS,
    _TRUE_TEXTS,
    _add_,
    _eq_,
    _ge_,
    _gt_,
    _le_,
    _lt_,
    _ne_,
    _or_,
    _truth_,
    operator_hooks,
    substring_truth,
)
from dana_guards.type_tokens import TypeUnion, type_word

INT, STR = type_word("int", int), type_word("str", str)


@pytest.mark.parametrize(
    ("a", "b", "result"),
    [
        ("v=", 5, "v=5"),
        (5, " v", "5 v"),
        ("v=", 1.5, "v=1.5"),
        ("v=", True, "v=true"),
        (False, "!", "false!"),
        (1, 2.5, 3.5),
        (True, 1, 2),
        ([1], [2], [1, 2]),
        ("a", "b", "ab"),
    ],
)
def test_add(a: Any, b: Any, result: Any) -> None:
    """A number beside a text becomes text, everything else is Python's plus."""
    assert _add_(a, b) == result
    assert type(_add_(a, b)) is type(result)


@pytest.mark.parametrize(("a", "b"), [("a", None), ("a", [1]), ([1], "a"), ("a", {}), (1, None), (None, "x")])
def test_add_refuses(a: Any, b: Any) -> None:
    """None, lists and dicts are not converted."""
    with pytest.raises(TypeError):
        _add_(a, b)


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("5", 5, True),
        (5, "5", True),
        (" 5 ", 5, True),
        ("5.0", 5, False),
        ("1.5", 1.5, True),
        ("5", 5.0, True),
        ("yes", True, True),
        ("no", False, True),
        ("5", True, True),
        ("no", True, False),
        (True, "hello", True),
        ("x", 5, False),
        ("x", None, False),
        (None, None, True),
        (1, 1.0, True),
        (True, 1, True),
        ("9" * 5000, 5, False),
    ],
)
def test_equality(a: Any, b: Any, equal: bool) -> None:
    """A text equals a number if it can be read as one of its type."""
    assert _eq_(a, b) is equal
    assert _ne_(a, b) is not equal


def test_containers_never_coerce() -> None:
    """Equality inside lists is Python's (4.2, rule 4)."""
    assert not _eq_(["5"], [5])


def test_order() -> None:
    """The text is compared as a number, in both positions."""
    assert _gt_("10", 9)
    assert _lt_(9, "10")
    assert _le_("1.5", 1.5)
    assert _ge_(2, "2")
    assert _lt_("10", "9")
    assert not _lt_("abc", "ABC")


@pytest.mark.parametrize("hook", [_lt_, _le_, _gt_, _ge_])
def test_order_of_what_is_no_number(hook: Any) -> None:
    """A text that is no number cannot be ordered with one."""
    with pytest.raises(TypeError, match="not supported"):
        hook("abc", 5)


@pytest.mark.parametrize("text", ["", "  ", "no", "NO", " Off\n", "definitely not", "0.00", "0.000", "-0", "f", "nil"])
def test_false_texts(text: str) -> None:
    """What says no, or nothing, is false."""
    assert _truth_(text) is False


@pytest.mark.parametrize("text", ["yes", "hello", "-5", "0.0000", "know", "nothing", "3", "x" * 1000, "not approved"])
def test_true_texts(text: str) -> None:
    """Any other text is true: no search for parts of words."""
    assert _truth_(text) is True


def test_truth_of_other_values() -> None:
    """Python's truth, as a bool."""
    assert [_truth_(value) for value in (0, 0.0, None, [], {}, 5, [0], float("nan"))] == [False] * 5 + [True] * 3


def test_substring_rule() -> None:
    """The compatibility switch brings rule 2 with its order of questions."""
    assert [substring_truth(word) for word in ("know", "north", "not approved", "another", "nothing")] == [False] * 5
    assert substring_truth("token")
    assert substring_truth("an awesome day")
    assert not substring_truth("terrible")
    assert substring_truth("hello")


def test_word_tables_do_not_overlap() -> None:
    """A word is true or false, not both."""
    assert not _FALSE_TEXTS & _TRUE_TEXTS
    assert all(word == word.strip().lower() for word in _FALSE_TEXTS | _TRUE_TEXTS)


def test_bar_composes_callables() -> None:
    """Two callables compose, the left one first, into a plain function."""
    both = _or_(lambda a, b=1: a + b, str)
    assert both(2, b=3) == "5"
    assert type(both) is type(lambda: 0)


def test_bar_of_types_and_of_values() -> None:
    """Types give a union, other values Python's operator."""
    union = _or_(_or_(INT, STR), None)
    assert isinstance(union, TypeUnion)
    assert str(union) == "int | str | None"
    assert _or_(5, 2) == 7
    assert _or_({1}, {2}) == {1, 2}
    with pytest.raises(TypeError):
        _or_(5, str)


def test_switches() -> None:
    """DANA_AUTO_COERCION=0 makes the operators Python's own; a size-checked plus is used for what is left."""
    plain = operator_hooks(coerce=False)
    assert plain["_truth_"]("no") is True
    assert plain["_eq_"]("5", 5) is False
    with pytest.raises(TypeError):
        plain["_add_"]("v", 5)
    joined: list[Any] = []

    def cat(a: Any, b: Any) -> Any:
        joined.append((a, b))
        return operator.add(a, b)

    assert operator_hooks(cat=cat)["_add_"]("v", 5) == "v5"
    assert joined == [("v", "5")]
    assert operator_hooks(substring=True)["_truth_"]("nothing") is False
    assert plain.keys() == operator_hooks().keys()
