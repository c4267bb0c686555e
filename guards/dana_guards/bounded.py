"""Python's builtins with their work cut into steps that look at the meter (invariant 5).

In: a meter. Out: functions with the signatures and results of Python's own ``sum sorted min max any all
round list tuple set frozenset dict int str``, which refuse what does not fit the memory before they make
it, and which a stop can end. Not done here: operators and methods of values (`size_checks`).

The pattern is `paced`: the C function stays, its input is handed over in short runs. Data whose elements
are nested are measured first, because hashing and comparing them recurses in C, and takes exponential time
where parts are shared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cmp_to_key, partial
from itertools import chain, islice, zip_longest
from operator import itemgetter
from typing import Any, Final, Protocol

from dana_guards.iterators import STEP, paced, watched
from dana_guards.limits import Limits, Meter

HASH_STEP: Final = 256
"""Items put into a set or dict between two looks: colliding ints cost time that grows with the square."""
SHORT: Final = 100_000
"""Plain items that C code goes through faster than the watchdog looks."""
_BLOCK: Final = 1 << 16
_PART: Final = 1024
"""Characters, or bits, that count as one part."""
_LONG_TEXT: Final = 10_000
_FEW: Final = 8_192
"""Numbers that are added in one go: each may have a million digits."""
_WIDE: Final = 64
_MAX_PARTS: Final = 1_000_000

_FIRST: Final = itemgetter(0)
_NUMBERS: Final = frozenset({int, float, bool})
_LONG_NUMBER: Final = 1 << 8192
_SIMPLE: Final = frozenset({int, float, bool, str, type(None), range})
_SEQUENCES: Final = frozenset({list, tuple})
_NESTED: Final = frozenset({list, tuple, set, frozenset, dict})
_SIZED: Final = frozenset({list, tuple, set, frozenset, dict, str, range})


class Measured(Protocol):
    """The part of a meter that measuring needs."""

    @property
    def limits(self) -> Limits: ...

    def check(self) -> None: ...


def check_nesting(meter: Measured, values: Iterable[object], most: int = _MAX_PARTS) -> None:
    """Refuse to hash or compare data that is nested too deep or shares parts so that they multiply.

    A long text counts as many parts, a long number as more: unlike a text it does not remember its hash.

    Raises RecursionError (deeper than the limit) or ValueError (more than a million parts).
    """
    parts = walks = 0
    for value in values:
        if type(value) not in _NESTED:
            continue
        pending: list[tuple[Iterator[object], int]] = [(_members(value), 1)]
        while pending:
            members, depth = pending[-1]
            for member in members:
                parts += 1
                kind = type(member)
                if kind in _NESTED:
                    pending.append((_members(member), depth + 1))
                    walks += 1
                    if not walks & 1023:
                        meter.check()
                    break
                if kind is str:
                    if len(member) > _PART:  # type: ignore[arg-type]
                        parts += len(member) // _PART  # type: ignore[arg-type]
                elif kind is int and member.bit_length() > 8 * _PART:  # type: ignore[attr-defined]
                    parts += member.bit_length() // _PART  # type: ignore[attr-defined]
            else:
                pending.pop()
            if depth > meter.limits.depth:
                raise RecursionError(f"the data is nested deeper than {meter.limits.depth}")
            if parts > most:
                raise ValueError(f"the data has more than {most} parts to look at")
        meter.check()


def _members(value: Any) -> Iterator[object]:
    return chain.from_iterable(value.items()) if type(value) is dict else iter(value)


def is_flat(values: Collection[Any]) -> bool:
    """Whether nothing in `values` is nested deeper than one sequence of plain values; C speed."""
    return _is_plain(values) or (
        _SEQUENCES.issuperset(map(type, values)) and _is_plain(list(chain.from_iterable(values)))
    )


def _is_plain(values: Collection[Any]) -> bool:
    """Whether all values are plain, and, where they are many, none of them long: one may stand there very often."""
    if len(values) <= _WIDE:
        return _SIMPLE.issuperset(map(type, values))
    kinds = set(map(type, values))
    if not kinds <= _SIMPLE:
        return False
    if str in kinds:
        texts = values if len(kinds) == 1 else [value for value in values if type(value) is str]
        if max(map(len, texts)) > _PART:
            return False
    if int not in kinds:
        return True
    numbers = values if len(kinds) == 1 else [value for value in values if type(value) is int]
    return min(numbers) > -_LONG_NUMBER and max(numbers) < _LONG_NUMBER


def need_items(meter: Meter, iterable: object) -> None:
    """Refuse a copy of `iterable` as a list where it does not fit; a range also makes its numbers."""
    if type(iterable) in _SIZED:
        try:
            length = len(iterable)  # type: ignore[arg-type]
        except OverflowError:
            length = 1 << 62
        meter.need(length * (40 if type(iterable) is range else 8), "the result")


def make_list(meter: Meter) -> Callable[..., list[Any]]:
    """``list(iterable=())``."""

    def dana_list(iterable: Iterable[Any] = (), /) -> list[Any]:
        if type(iterable) in _SIZED and len(iterable) <= SHORT:  # type: ignore[arg-type]
            return list(iterable)
        need_items(meter, iterable)
        return list(iterable if type(iterable) in _SEQUENCES else paced(meter, iterable))

    return dana_list


def make_tuple(meter: Meter) -> Callable[..., tuple[Any, ...]]:
    """``tuple(iterable=())``."""

    def dana_tuple(iterable: Iterable[Any] = (), /) -> tuple[Any, ...]:
        if type(iterable) is tuple:
            return iterable
        if type(iterable) in _SIZED and len(iterable) <= SHORT:  # type: ignore[arg-type]
            return tuple(iterable)
        need_items(meter, iterable)
        return tuple(iterable if type(iterable) is list else paced(meter, iterable))

    return dana_tuple


def _hash_blocks(meter: Meter, items: Iterator[Any]) -> Iterator[list[Any]]:
    """Runs of items that may be hashed; a set takes all of them anyway, so reading ahead is no harm."""
    while block := list(islice(items, HASH_STEP)):
        meter.check()
        if not is_flat(block):
            check_nesting(meter, block)
        yield block


def make_set(meter: Meter, kind: type[Any] = set) -> Callable[..., Any]:
    """``set(iterable=())``, ``frozenset(iterable=())``."""

    def dana_set(iterable: Iterable[Any] = (), /) -> Any:
        source = type(iterable)
        if source is list and len(iterable) <= 8 * HASH_STEP and _SIMPLE.issuperset(map(type, iterable)):  # type: ignore[arg-type]
            return kind(iterable)
        if source is set or source is frozenset or source is str:
            return kind(iterable)
        if isinstance(iterable, (list, tuple)) and len(iterable) <= 8 * HASH_STEP:
            if not _SIMPLE.issuperset(map(type, iterable)):
                check_nesting(meter, iterable)
            return kind(iterable)
        return kind(chain.from_iterable(_hash_blocks(meter, iter(iterable))))

    return dana_set


def _pair_blocks(meter: Meter, items: Iterator[Any]) -> Iterator[list[Any]]:
    """Runs of (key, value) pairs; a pair may be any sequence of two, and is taken apart only once."""
    while block := [tuple(pair) if type(pair) in _SIZED else pair for pair in islice(items, HASH_STEP)]:
        meter.check()
        keys = [pair[0] for pair in block if type(pair) is tuple and pair]
        if not is_flat(keys):
            check_nesting(meter, keys)
        yield block


def make_dict(meter: Meter) -> Callable[..., dict[Any, Any]]:
    """``dict(mapping or pairs, **more)``."""

    def dana_dict(source: Any = (), /, **more: Any) -> dict[Any, Any]:
        if type(source) is dict:
            return {**source, **more}
        if type(source) is list and len(source) <= 8 * HASH_STEP and _has_plain_keys(source):
            return dict(source, **more)
        result: dict[Any, Any] = dict(chain.from_iterable(_pair_blocks(meter, iter(source))))
        result.update(more)
        return result

    return dana_dict


def _has_plain_keys(pairs: list[Any]) -> bool:
    """Whether every pair is a sequence that begins with a plain value; C speed."""
    try:
        return _SEQUENCES.issuperset(map(type, pairs)) and _SIMPLE.issuperset(map(type, map(_FIRST, pairs)))
    except IndexError:  # an empty pair: the slow way says so
        return False


def make_sum(meter: Meter) -> Callable[..., Any]:
    """``sum(iterable, start=0)``; a range by arithmetic, anything but numbers step by step."""

    def dana_sum(iterable: Iterable[Any], /, start: Any = 0) -> Any:
        kind = type(iterable)
        if type(start) not in _NUMBERS:
            return _sum_of_values(meter, iterable, start)
        if kind is range:
            return _sum_of_range(iterable) + start  # type: ignore[arg-type]
        if kind in _SIZED and len(iterable) <= _FEW:  # type: ignore[arg-type]
            return sum(iterable, start)
        return sum(paced(meter, iterable), start)

    return dana_sum


def _sum_of_range(numbers: range) -> int:
    return (numbers[0] + numbers[-1]) * _length(numbers) // 2 if numbers else 0


def _length(numbers: range) -> int:
    """``len`` without its bound of ``sys.maxsize``."""
    return (numbers[-1] - numbers[0]) // numbers.step + 1 if numbers else 0


def _sum_of_values(meter: Meter, iterable: Iterable[Any], start: Any) -> Any:
    """Lists and tuples: each step makes a new one, so each step is measured."""
    if type(start) is str:
        raise TypeError('sum() cannot add text; use "".join(parts)')
    total = start
    for item in iterable:
        if type(total) in _SEQUENCES and type(item) is type(total):
            meter.need(8 * (len(total) + len(item)), "the sum")
        meter.check()
        total = total + item
    return total


_ABSENT: Final = object()


def make_max(meter: Meter) -> Callable[..., Any]:
    """``max``, in Python's two forms, with ``key`` and ``default``."""

    def dana_max(first: Any, second: Any = _ABSENT, /, *more: Any, key: Any = None, default: Any = _ABSENT) -> Any:
        if key is None and default is _ABSENT:
            if second is _ABSENT:
                if type(first) is list and 0 < len(first) <= STEP and type(first[0]) in _SIMPLE:
                    return max(first)
            elif not more and type(first) in _SIMPLE:
                return second if second > first else first
        return _extreme(meter, max, first, second, more, key, default)

    return dana_max


def make_min(meter: Meter) -> Callable[..., Any]:
    """``min``, as `make_max`."""

    def dana_min(first: Any, second: Any = _ABSENT, /, *more: Any, key: Any = None, default: Any = _ABSENT) -> Any:
        if key is None and default is _ABSENT:
            if second is _ABSENT:
                if type(first) is list and 0 < len(first) <= STEP and type(first[0]) in _SIMPLE:
                    return min(first)
            elif not more and type(first) in _SIMPLE:
                return second if second < first else first
        return _extreme(meter, min, first, second, more, key, default)

    return dana_min


def _extreme(
    meter: Meter, plain: Callable[..., Any], first: Any, second: Any, more: tuple[Any, ...], key: Any, default: Any
) -> Any:
    """Every form but the two plain values.

    Where the first value is plain, comparing it with a nested one is a TypeError, and what compares well is plain
    again: then nothing has to be measured.
    """
    options = {} if default is _ABSENT else {"default": default}
    if second is not _ABSENT:
        return _extreme_of_any(meter, plain, (first, second, *more), key, options)
    if key is not None or type(first) not in _SIZED:
        return _extreme_of_any(meter, plain, first, key, options)
    if type(first) is range and first:
        return plain(first[0], first[-1])
    if type(first) is list and first and type(first[0]) in _SIMPLE:
        return plain(first if len(first) <= STEP else paced(meter, first), **options)
    return _extreme_of_sized(meter, plain, first, options)


def _extreme_of_sized(meter: Meter, plain: Callable[..., Any], items: Any, options: dict[str, Any]) -> Any:
    """Values in a container that is no list."""
    for first in items:
        if type(first) not in _SIMPLE:
            check_nesting(meter, items)
        break
    return plain(items if len(items) <= STEP else paced(meter, items), **options)


def _extreme_of_any(
    meter: Meter, plain: Callable[..., Any], source: Iterable[Any], key: Any, options: dict[str, Any]
) -> Any:
    """Iterators, several values, and keys, which are made first so that they can be measured."""
    items = source if isinstance(source, (list, tuple)) else list(paced(meter, source))
    keys = items if key is None else list(paced(meter, map(watched(meter, key), items)))
    if not is_flat(keys):
        check_nesting(meter, keys)
    if key is not None:
        options["key"] = _dealer(keys)
    return plain(paced(meter, items), **options)


def _dealer(keys: Iterable[Any]) -> Callable[[Any], Any]:
    """A key function in C that deals out keys made before: ``sort``, ``min`` and ``max`` ask once each, in order.

    The item that they pass becomes the default of ``next``, which is never used.
    """
    return partial(next, iter(keys))


def make_any(meter: Meter) -> Callable[..., bool]:
    """``any(iterable)``."""

    def dana_any(iterable: Iterable[Any], /) -> bool:
        if type(iterable) is range:
            return iterable[0] != 0 or _length(iterable) > 1 if iterable else False
        if type(iterable) in _SIZED and len(iterable) <= SHORT:  # type: ignore[arg-type]
            return any(iterable)
        return any(paced(meter, iterable))

    return dana_any


def make_all(meter: Meter) -> Callable[..., bool]:
    """``all(iterable)``."""

    def dana_all(iterable: Iterable[Any], /) -> bool:
        if type(iterable) is range:
            return 0 not in iterable
        if type(iterable) in _SIZED and len(iterable) <= SHORT:  # type: ignore[arg-type]
            return all(iterable)
        return all(paced(meter, iterable))

    return dana_all


def make_sorted(meter: Meter) -> Callable[..., list[Any]]:
    """``sorted(iterable, *, key=None, reverse=False)``; stable, as Python's."""
    to_list = make_list(meter)

    def dana_sorted(
        iterable: Iterable[Any], /, *, key: Callable[[Any], Any] | None = None, reverse: bool = False
    ) -> list[Any]:
        items = to_list(iterable)
        keys = items if key is None else list(paced(meter, map(watched(meter, key), items)))
        if is_light(keys):
            if len(items) <= _BLOCK:
                items.sort(key=None if key is None else _dealer(keys), reverse=bool(reverse))
                return items
            if key is None:
                return _merge_sort(meter, items, None, bool(reverse))
            order = _merge_sort(meter, list(range(len(items))), keys.__getitem__, bool(reverse))
            return [items[place] for place in order]
        check_nesting(meter, keys)
        compare = _comparison(meter)
        items.sort(key=_dealer([compare(each) for each in keys]), reverse=bool(reverse))
        return items

    return dana_sorted


def is_light(keys: list[Any]) -> bool:
    """Whether one comparison of `keys` is cheap: no nested data, no long text."""
    if keys and type(keys[0]) in _NUMBERS:
        # Three times as fast as looking at the types; only numbers can be added to a number.
        try:
            sum(keys)
            return True
        except (TypeError, OverflowError):
            pass
    kinds = set(map(type, keys))
    if kinds <= _SEQUENCES:
        return max(map(len, keys), default=0) <= _WIDE and all(map(_is_light_column, zip_longest(*keys)))
    return kinds <= _SIMPLE and _is_light_column(keys)


def _is_light_column(values: Sequence[Any]) -> bool:
    """Whether values are plain and no text among them is long; C speed where all are of one type."""
    kinds = set(map(type, values))
    if str not in kinds:
        return kinds <= _SIMPLE
    texts = values if len(kinds) == 1 else [value for value in values if type(value) is str]
    return kinds <= _SIMPLE and max(map(len, texts)) < _LONG_TEXT


def _comparison(meter: Meter) -> Callable[[Any], Any]:
    """A key whose comparisons look at the meter, for values that are heavy to compare."""

    def compare(left: Any, right: Any) -> int:
        meter.check()
        return -1 if left < right else 0

    return cmp_to_key(compare)


def _merge_sort(meter: Meter, items: list[Any], key: Callable[[Any], Any] | None, reverse: bool) -> list[Any]:
    """Sort a long list in blocks, then merge two and two: ``list.sort`` finds both runs and merges them."""
    runs = []
    for start in range(0, len(items), _BLOCK):
        block = items[start : start + _BLOCK]
        block.sort(key=key, reverse=reverse)
        meter.check()
        runs.append(block)
    while len(runs) > 1:
        merged = []
        for place in range(0, len(runs) - 1, 2):
            both = runs[place] + runs[place + 1]
            both.sort(key=key, reverse=reverse)
            meter.check()
            merged.append(both)
        runs = merged + runs[len(merged) * 2 :]
    return runs[0]


def make_round(meter: Meter) -> Callable[..., Any]:
    """``round(number, ndigits=None)``; ``round(5, -10**9)`` is 0 and not a power with a billion digits."""

    def dana_round(number: Any, ndigits: int | None = None) -> Any:
        if type(number) is int and type(ndigits) is int and ndigits < -(number.bit_length() * 0.302 + 2):
            return 0
        return round(number, ndigits)

    return dana_round


def make_int(meter: Meter) -> Callable[..., int]:
    """``int(x=0, base=10)``; text of at most ``limits.digits`` digits (CVE-2020-10735)."""

    most = meter.limits.digits

    def dana_int(value: Any = 0, /, base: Any = None) -> int:
        if type(value) is str and len(value) > most:
            digits = len(value.strip().replace("_", "").lstrip("+-"))
            if digits > most:
                raise ValueError(f"the text has {digits} digits; the limit is {most}")
        return int(value) if base is None else int(value, base)

    return dana_int


def check_digits(meter: Meter, value: int) -> None:
    """Refuse to write an int with more than ``limits.digits`` digits as text."""
    if value.bit_length() > 64 and value.bit_length() * 0.30103 > meter.limits.digits:
        raise ValueError(f"the number has more than {meter.limits.digits} digits, too many to write as text")
