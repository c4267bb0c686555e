"""``import collections.py``: counting and grouping with plain dicts.

Classes of Python's `collections` are no values of the closed world, so these are functions that give dicts and
lists: ``Counter(items)`` a dict of numbers, largest first by ``most_common(counts, n)``; ``group(items, key)`` a dict
of lists, which is what ``defaultdict(list)`` is used for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from dana_guards.bounded import check_nesting, make_sorted
from dana_guards.facades.members import Member, metered
from dana_guards.iterators import paced, watched
from dana_guards.limits import Meter

_PLAIN: Final = frozenset({int, float, bool, str, type(None)})


def _key(meter: Meter, value: Any) -> Any:
    """A value that is about to be hashed."""
    if type(value) not in _PLAIN:
        check_nesting(meter, (value,))
    return value


def _make_counter(meter: Meter) -> Any:
    def counter(items: Iterable[Any] = (), /) -> dict[Any, int]:
        counts: dict[Any, int] = {}
        for item in paced(meter, items):
            key = _key(meter, item)
            counts[key] = counts.get(key, 0) + 1
        return counts

    return counter


def _make_most_common(meter: Meter) -> Any:
    order = make_sorted(meter)

    def most_common(counts: Any, n: Any = None) -> list[tuple[Any, Any]]:
        if type(counts) is not dict:
            raise TypeError("most_common needs the dict that Counter gave")
        pairs = order(list(counts.items()), key=lambda pair: pair[1], reverse=True)
        return pairs if n is None else pairs[: max(int(n), 0)]

    return most_common


def _make_group(meter: Meter) -> Any:
    def group(items: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
        groups: dict[Any, list[Any]] = {}
        key = watched(meter, key)
        for item in paced(meter, items):
            groups.setdefault(_key(meter, key(item)), []).append(item)
        return groups

    return group


_WHY = "makes a plain dict or list, in steps that look at the meter"
MEMBERS: Final[tuple[Member, ...]] = (
    metered("Counter", _make_counter, _WHY),
    metered("most_common", _make_most_common, _WHY),
    metered("group", _make_group, _WHY),
)
