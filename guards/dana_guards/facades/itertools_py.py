"""``import itertools.py``: the same iterators, flat and looking at the meter.

Each is a `FlatIterator` over Python's own, handed out in short runs: C code that reads an endless one, such as
``"".join``, meets the meter. What Python keeps in a buffer is measured first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from dana_guards.bounded import check_nesting
from dana_guards.facades.members import Member, metered
from dana_guards.iterators import FlatIterator, paced, step_of, watched
from dana_guards.limits import Meter

_NUMBERS: Final = frozenset({int, float, bool})
_PLAIN: Final = frozenset({int, float, bool, str, type(None)})


def _flat(
    meter: Meter, kind: str, steps: Iterable[Any], sources: Iterable[object] = (), width: int = 1
) -> FlatIterator:
    """`steps` in short runs: of one item where an item is a tuple of `width` parts and that is many."""
    return FlatIterator(paced(meter, steps, step_of(width)), sources, kind)


def _small(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 1_000_000_000:
        raise ValueError(f"{name} needs a whole number from 0 on")
    return value


def _make_count(meter: Meter) -> Any:
    def count(start: Any = 0, step: Any = 1) -> FlatIterator:
        if type(start) not in _NUMBERS or type(step) not in _NUMBERS:
            raise TypeError("count needs numbers")
        return _flat(meter, "count", itertools.count(start, step))

    return count


def _make_cycle(meter: Meter) -> Any:
    def cycle(items: Iterable[Any]) -> FlatIterator:
        return _flat(meter, "cycle", itertools.cycle(items), (items,))

    return cycle


def _make_repeat(meter: Meter) -> Any:
    def repeat(value: Any, times: Any = None) -> FlatIterator:
        steps = itertools.repeat(value) if times is None else itertools.repeat(value, _small("repeat", times))
        return _flat(meter, "repeat", steps)

    return repeat


def _over_sources(name: str) -> Callable[[Meter], Any]:
    """Iterators over any number of iterables, without functions of the program."""
    plain = getattr(itertools, name)

    def make(meter: Meter) -> Any:
        def over(*sources: Iterable[Any], **options: Any) -> FlatIterator:
            return _flat(meter, name, plain(*sources, **options), sources, len(sources))

        return over

    return make


def _make_from_iterable(meter: Meter) -> Any:
    def chain_from_iterable(sources: Iterable[Iterable[Any]]) -> FlatIterator:
        return _flat(meter, "chain", _joined(meter, sources), (sources,))

    return chain_from_iterable


def _joined(meter: Meter, sources: Iterable[Iterable[Any]]) -> Iterator[Any]:
    """Empty sources give nothing for any number of steps, so each one looks at the meter."""
    for source in sources:
        meter.check()
        yield from source


def _make_islice(meter: Meter) -> Any:
    def islice(items: Iterable[Any], *bounds: Any) -> FlatIterator:
        for bound in bounds:
            if bound is not None:
                _small("islice", bound)
        # The items before the first wanted one are skipped in C: they come paced.
        return FlatIterator(itertools.islice(paced(meter, items), *bounds), (items,), "islice")

    return islice


def _by_test(name: str) -> Callable[[Meter], Any]:
    """Iterators that skip by a function: written out, as Python's may look at any number of items for one."""

    def make(meter: Meter) -> Any:
        def by_test(test: Callable[[Any], object] | None, items: Iterable[Any]) -> FlatIterator:
            return FlatIterator(_LOOPS[name](meter, test, items), (items,), name)

        return by_test

    return make


def _take(meter: Meter, test: Any, items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        meter.check()
        if not test(item):
            return
        yield item


def _drop(meter: Meter, test: Any, items: Iterable[Any]) -> Iterator[Any]:
    dropping = True
    for item in items:
        meter.check()
        if dropping and test(item):
            continue
        dropping = False
        yield item


def _without(meter: Meter, test: Any, items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        meter.check()
        if not (item if test is None else test(item)):
            yield item


_LOOPS: Final = {"takewhile": _take, "dropwhile": _drop, "filterfalse": _without}


def _make_compress(meter: Meter) -> Any:
    def compress(items: Iterable[Any], selectors: Iterable[Any]) -> FlatIterator:
        def steps() -> Iterator[Any]:
            for item, selected in zip(items, selectors, strict=False):
                meter.check()
                if selected:
                    yield item

        return FlatIterator(steps(), (items, selectors), "compress")

    return compress


def _make_accumulate(meter: Meter) -> Any:
    def accumulate(items: Iterable[Any], func: Any = None, *, initial: Any = None) -> FlatIterator:
        if func is not None:
            steps = itertools.accumulate(items, watched(meter, func), initial=initial)
            return _flat(meter, "accumulate", steps, (items,))

        def numbers() -> Iterator[Any]:
            for item in items:
                if type(item) not in _NUMBERS:
                    raise TypeError("accumulate adds numbers; give a function for other values")
                yield item

        return _flat(meter, "accumulate", itertools.accumulate(numbers(), initial=initial), (items,))

    return accumulate


def _make_starmap(meter: Meter) -> Any:
    def starmap(function: Callable[..., Any], items: Iterable[Iterable[Any]]) -> FlatIterator:
        return _flat(meter, "starmap", itertools.starmap(watched(meter, function), items), (items,))

    return starmap


def _make_groupby(meter: Meter) -> Any:
    def groupby(items: Iterable[Any], key: Callable[[Any], Any] | None = None) -> FlatIterator:
        """Pairs of key and list: Python's inner iterators would share state with the outer one."""

        def measured(item: Any) -> Any:
            value = item if key is None else key(item)
            if type(value) not in _PLAIN:
                check_nesting(meter, (value,))
            return value

        def steps() -> Iterator[tuple[Any, list[Any]]]:
            for value, group in itertools.groupby(paced(meter, items), measured):
                yield value, list(paced(meter, group))

        return FlatIterator(steps(), (items,), "groupby")

    return groupby


def _selecting(name: str) -> Callable[[Meter], Any]:
    """Permutations and combinations: the pool is a list, and each result is short."""
    plain = getattr(itertools, name)

    def make(meter: Meter) -> Any:
        def select(items: Iterable[Any], r: Any = None) -> FlatIterator:
            pool = list(paced(meter, items))
            length = len(pool) if r is None else _small(name, r)
            meter.need(8 * (len(pool) + length), name)
            return _flat(meter, name, plain(pool, length), width=length)

        return select

    return make


def _make_product(meter: Meter) -> Any:
    def product(*sources: Iterable[Any], repeat: Any = 1) -> FlatIterator:
        pools = [list(paced(meter, source)) for source in sources]
        meter.need(8 * len(pools) * _small("product", repeat) + 8 * sum(map(len, pools)), "product")
        return _flat(meter, "product", itertools.product(*pools, repeat=repeat), width=len(pools) * repeat)

    return product


def _make_batched(meter: Meter) -> Any:
    def batched(items: Iterable[Any], n: Any) -> FlatIterator:
        size = max(_small("batched", n), 1)

        def steps() -> Iterator[tuple[Any, ...]]:
            source = paced(meter, items)
            while batch := tuple(itertools.islice(source, size)):
                yield batch
                meter.check()

        return FlatIterator(steps(), (items,), "batched")

    return batched


_WHY = "flat, in short runs that look at the meter"
MEMBERS: Final[tuple[Member, ...]] = (
    metered("count", _make_count, _WHY),
    metered("cycle", _make_cycle, _WHY),
    metered("repeat", _make_repeat, _WHY),
    *(metered(name, _over_sources(name), _WHY) for name in ("chain", "zip_longest", "pairwise")),
    metered("chain_from_iterable", _make_from_iterable, _WHY),
    metered("islice", _make_islice, _WHY),
    *(metered(name, _by_test(name), _WHY) for name in _LOOPS),
    metered("compress", _make_compress, _WHY),
    metered("accumulate", _make_accumulate, _WHY),
    metered("starmap", _make_starmap, _WHY),
    metered("groupby", _make_groupby, _WHY + "; groups are lists"),
    *(
        metered(name, _selecting(name), _WHY + "; pools are measured")
        for name in ("permutations", "combinations", "combinations_with_replacement")
    ),
    metered("product", _make_product, _WHY + "; pools are measured, not the results"),
    metered("batched", _make_batched, _WHY),
)
