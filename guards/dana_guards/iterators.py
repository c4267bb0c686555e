"""Flat iterators: what ``enumerate zip map filter reversed`` give, and what a host iterator becomes.

In: iterables of the closed world. Out: `FlatIterator`, a value without attributes whose nesting is bounded,
because ``next()`` and the release of a long chain of C iterators recurse in C without a check and crash the
process (cpython #154318, #149146). Not done here: conversion of what a host iterator yields (the border).

``for`` over a flat iterator runs at C speed: ``__iter__`` hands the loop the iterator inside, which no
Dana program can get hold of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final, NoReturn

from dana_guards.limits import Meter
from dana_guards.names import STOP_FLAG
from dana_guards.watchdog import innermost

MAX_NESTING: Final = 200
"""Flat iterators over flat iterators; far below what the C stack holds, above what programs do."""

STEP: Final = 512
"""Items that C code takes between two looks at the meter."""


class FlatIterator:
    """An iterator as a Dana value: it can be looped over, passed on, and nothing else.

    Parameters
    ----------
    steps : the iterator inside; it must yield values of the closed world only.
    sources : what it reads from, for the bound on nesting.
    kind : the word in its text, for example ``"map"``.

    Raises RecursionError where iterators are nested deeper than `MAX_NESTING`.
    """

    __slots__ = ("_kind", "_nesting", "_steps")

    _dana_type_name_ = "iterator"
    _nesting: int

    def __init__(self, steps: Iterator[Any], sources: Iterable[object] = (), kind: str = "iterator") -> None:
        nesting = 1
        for source in sources:
            if type(source) is FlatIterator and source._nesting >= nesting:
                nesting = source._nesting + 1
                if nesting > MAX_NESTING:
                    raise RecursionError(f"iterators are nested deeper than {MAX_NESTING}")
        self._steps = steps
        self._nesting = nesting
        self._kind = kind

    def __iter__(self) -> Iterator[Any]:
        return self._steps

    def __next__(self) -> Any:
        return next(self._steps)

    def __contains__(self, wanted: object) -> bool:
        """``wanted in self``, step by step: an iterator may never end, and a stop has to arrive between two items."""
        meter = innermost()
        for index, each in enumerate(self._steps):
            if meter is not None and not index % STEP:
                meter.check()
            if each is wanted or each == wanted:
                return True
        return False

    def __repr__(self) -> str:
        return f"<{self._kind}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an iterator cannot be pickled or copied")


def paced(meter: Meter, iterable: Iterable[Any], step: int = STEP) -> Iterator[Any]:
    """`iterable` for a consumer written in C, with a look at the meter every `step` items.

    Nothing is read ahead, so ``any`` and ``next`` stop where they would without it.
    """
    return chain.from_iterable(_paces(meter, iter(iterable), step))


def _paces(meter: Meter, items: Iterator[Any], step: int) -> Iterator[Iterable[Any]]:
    for first in items:
        meter.check()
        yield (first,)
        yield islice(items, step - 1)


def step_of(width: int) -> int:
    """Items of one run where each is a tuple of `width` parts, for `paced`."""
    return max(1, min(STEP, (STEP << 6) // max(width, 1)))


_QUICK: Final = frozenset({len, abs, ord, chr})
_QUICK_WORDS: Final = frozenset({"int", "str"})


def is_stoppable(function: Callable[..., Any]) -> bool:
    """Whether it is a function of a program, or a method that is one."""
    inner = function.__func__ if type(function) is MethodType else function
    return type(inner) is FunctionType and STOP_FLAG in inner.__globals__


def watched(meter: Meter, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` for C code that calls it again and again: a stop arrives between two calls.

    A function of the program has places of its own to stop at. A built-in or a method of a value may take milliseconds
    for one call, so it looks at the meter each time; what is quick with any argument is left as it is.
    """
    if is_stoppable(function):
        return function
    if type(function) is FunctionType:
        if function.__dict__.get("_dana_word_") in _QUICK_WORDS:
            return function
    elif type(function) is BuiltinFunctionType and function in _QUICK:
        return function
    check = meter.check

    def call(*arguments: Any) -> Any:
        check()
        return function(*arguments)

    return call


def _filtered(meter: Meter, test: Callable[[Any], object] | None, items: Iterable[Any]) -> Iterator[Any]:
    """``filter`` as a Python loop: the C one may look at any number of items before it gives one."""
    if test is not None:
        test = watched(meter, test)
    for count, item in enumerate(items):
        if item if test is None else test(item):
            yield item
        if not count & 255:
            meter.check()


def make_enumerate(meter: Meter) -> Callable[..., FlatIterator]:
    """``enumerate(iterable, start=0)``."""

    def dana_enumerate(iterable: Iterable[Any], start: int = 0) -> FlatIterator:
        return FlatIterator(enumerate(iterable, start), (iterable,), "enumerate")

    return dana_enumerate


def make_zip(meter: Meter) -> Callable[..., FlatIterator]:
    """``zip(*iterables, strict=False)``."""

    def dana_zip(*iterables: Iterable[Any], strict: bool = False) -> FlatIterator:
        steps: Iterator[Any] = zip(*iterables, strict=strict)
        if len(iterables) > 64 or any(type(each) is FlatIterator for each in iterables):
            # Pairs of pairs of pairs: one step of the outermost is a step of the innermost times two, sixty times over.
            steps = paced(meter, steps, step_of(len(iterables)))
        return FlatIterator(steps, iterables, "zip")

    return dana_zip


def make_map(meter: Meter) -> Callable[..., FlatIterator]:
    """``map(function, iterable, *iterables)``."""

    def dana_map(function: Callable[..., Any], iterable: Iterable[Any], /, *more: Iterable[Any]) -> FlatIterator:
        return FlatIterator(map(watched(meter, function), iterable, *more), (iterable, *more), "map")

    return dana_map


def make_filter(meter: Meter) -> Callable[..., FlatIterator]:
    """``filter(function or None, iterable)``."""

    def dana_filter(function: Callable[[Any], object] | None, iterable: Iterable[Any], /) -> FlatIterator:
        return FlatIterator(_filtered(meter, function, iter(iterable)), (iterable,), "filter")

    return dana_filter


def make_reversed(meter: Meter) -> Callable[..., FlatIterator]:
    """``reversed(sequence)`` for lists, tuples, text, ranges and dictionaries."""

    def dana_reversed(sequence: Any, /) -> FlatIterator:
        return FlatIterator(iter(reversed(sequence)), (), "reversed")

    return dana_reversed
