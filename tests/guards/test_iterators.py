"""Flat iterators: values without attributes, with bounded nesting, that read nothing ahead."""

from __future__ import annotations

import copy
import pickle

import pytest
from support_environment import table

from dana_guards.iterators import MAX_NESTING, FlatIterator, paced
from dana_guards.limits import Meter

MAKERS = {
    "enumerate": lambda b, source: b["enumerate"](source),
    "zip": lambda b, source: b["zip"](source),
    "map": lambda b, source: b["map"](b["noop"], source),
    "filter": lambda b, source: b["filter"](None, source),
}


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_nesting_is_bounded(name: str) -> None:
    """A chain of half a million C iterators ends the process; ours is a RecursionError long before (#154318)."""
    builtins, chain = table(), [1]
    for _ in range(MAX_NESTING):
        chain = MAKERS[name](builtins, chain)
    with pytest.raises(RecursionError, match="nested deeper"):
        MAKERS[name](builtins, chain)


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_allowed_nesting_works(name: str) -> None:
    """Within the bound the chain can be read and released."""
    builtins, chain = table(), [1, 2]
    for _ in range(MAX_NESTING):
        chain = MAKERS[name](builtins, chain)
    assert len(list(chain)) == 2


@pytest.mark.parametrize("name", [*sorted(MAKERS), "reversed"])
def test_no_attributes_and_no_address(name: str) -> None:
    """A flat iterator shows neither generator, frame nor function, and its text has no address."""
    builtins = table()
    value = builtins["reversed"]([1]) if name == "reversed" else MAKERS[name](builtins, [1])
    assert type(value) is FlatIterator
    assert [each for each in dir(value) if not each.startswith("_")] == []
    assert repr(value) == f"<{name}>"
    assert not hasattr(value, "__dict__")


def test_an_iterator_is_used_up_once() -> None:
    """Two loops over one iterator share its place, as in Python."""
    pairs = table()["enumerate"]("abc")
    for first in pairs:
        assert first == (0, "a")
        break
    assert list(pairs) == [(1, "b"), (2, "c")]


def test_pickle_and_copy_are_refused() -> None:
    """An iterator has no copy."""
    value = table()["zip"]([1])
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(value)


def test_nothing_is_read_ahead() -> None:
    """``any`` takes exactly the items that Python's takes."""
    builtins, seen = table(), []

    def note(x: int) -> bool:
        seen.append(x)
        return x == 3

    assert builtins["any"](builtins["map"](note, range(10_000)))
    assert seen == [0, 1, 2, 3]
    items = iter(range(10_000))
    assert next(paced(Meter(), items)) == 0
    assert next(items) == 1


def test_paced_keeps_order_and_ends() -> None:
    """Every item comes once, in order, whatever the step."""
    for length in (0, 1, 511, 512, 513, 2000):
        assert list(paced(Meter(), range(length))) == list(range(length))


def test_filter_with_none_and_errors_of_the_test() -> None:
    """``filter(None, ...)`` keeps what is true; an error of the function comes through."""
    builtins = table()
    assert list(builtins["filter"](None, [0, 1, "", "a"])) == [1, "a"]
    with pytest.raises(ZeroDivisionError):
        list(builtins["filter"](lambda x: 1 // x, [0]))


def test_reversed_of_every_sequence() -> None:
    """Lists, tuples, text, ranges and dictionaries; an iterator cannot be reversed."""
    reverse = table()["reversed"]
    for value in ([1, 2], (1, 2), "ab", range(3), {"a": 1, "b": 2}):
        assert list(reverse(value)) == list(reversed(value))
    with pytest.raises(TypeError):
        reverse(table()["zip"]([1]))
