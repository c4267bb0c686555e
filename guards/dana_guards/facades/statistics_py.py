"""``import statistics.py``: averages and spread of lists of numbers.

The functions are Python's. Their loops run over a list that looks at the meter, so that a stop reaches them; only
exact numbers come in, so nothing of the program runs inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from dana_guards.bounded import make_sorted
from dana_guards.facades.members import Member, metered
from dana_guards.iterators import paced
from dana_guards.limits import Meter

MAX_BITS: Final = 4096
"""Of a whole number: variances are made of exact fractions of their squares."""
_NUMBERS: Final = frozenset({int, float, bool})
_SORTING: Final = frozenset({"median", "median_low", "median_high", "quantiles"})
_ANY_VALUE: Final = frozenset({"mode", "multimode"})
_PLAIN: Final = frozenset({int, float, bool, str, type(None)})


class _Watched(list[Any]):
    """A list inside our own calls whose loops look at the meter; it never becomes a value of a program."""

    __slots__ = ("meter",)

    meter: Meter

    def __iter__(self) -> Iterator[Any]:
        return paced(self.meter, super().__iter__())


def _watched(meter: Meter, name: str, data: Iterable[Any]) -> _Watched:
    items = _Watched(paced(meter, data))
    items.meter = meter
    allowed = _PLAIN if name in _ANY_VALUE else _NUMBERS
    if not allowed.issuperset(map(type, list.__iter__(items))):
        raise TypeError(f"{name} needs {'plain values' if name in _ANY_VALUE else 'numbers'}")
    if any(type(each) is int and each.bit_length() > MAX_BITS for each in list.__iter__(items)):
        raise ValueError(f"{name} takes whole numbers of at most {MAX_BITS} bits")
    if name in _SORTING:
        items[:] = make_sorted(meter)(list(items))
    return items


def _make(name: str) -> Callable[[Meter], Any]:
    """One function of `statistics` for data in its first argument."""

    def make(meter: Meter) -> Any:
        import statistics  # 20 ms; only a program that imports it pays

        plain = getattr(statistics, name)

        def over_data(data: Iterable[Any], /, *more: Any, **options: Any) -> Any:
            _check_options(name, (*more, *options.values()))
            return plain(_watched(meter, name, data), *more, **options)

        return over_data

    return make


def _check_options(name: str, values: tuple[Any, ...]) -> None:
    """Further arguments are plain: a weight list, a number, a word."""
    for value in values:
        plain = type(value) in _PLAIN and not (type(value) is int and abs(value) > 1_000_000)
        if type(value) is list and any(type(each) is int and each.bit_length() > MAX_BITS for each in value):
            raise ValueError(f"{name} takes whole numbers of at most {MAX_BITS} bits")
        if not plain and not (type(value) is list and _NUMBERS.issuperset(map(type, value))):
            raise TypeError(f"{name}: an option is a small number, a word or a list of numbers")


def _make_pair(name: str) -> Callable[[Meter], Any]:
    """A function of two lists of the same length."""

    def make(meter: Meter) -> Any:
        import statistics

        plain = getattr(statistics, name)

        def over_pair(x: Iterable[Any], y: Iterable[Any], /) -> Any:
            result = plain(_watched(meter, name, x), _watched(meter, name, y))
            return tuple(result) if isinstance(result, tuple) else result

        return over_pair

    return make


_LOOPS = "loops that look at the meter, over exact numbers"
MEMBERS: Final[tuple[Member, ...]] = (
    *(
        metered(name, _make(name), _LOOPS)
        for name in (
            "mean", "fmean", "geometric_mean", "harmonic_mean", "median", "median_low", "median_high", "mode",
            "multimode", "quantiles", "stdev", "pstdev", "variance", "pvariance",
        )
    ),
    *(metered(name, _make_pair(name), _LOOPS) for name in ("covariance", "correlation", "linear_regression")),
)  # fmt: skip
