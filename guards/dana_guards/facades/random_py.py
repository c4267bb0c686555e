"""``import random.py``: random numbers, from a generator of the context's own.

The host's generator is neither read nor changed (RestrictedPython hands it out; threat model section 4). ``seed``
makes a program repeatable. Not for secrets.
"""

from __future__ import annotations

import random
import weakref
from collections.abc import Callable, MutableMapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from dana_guards.effects import source
from dana_guards.facades.members import Member
from dana_guards.limits import Meter

_STEP: Final = 4096
_SEQUENCES: Final = frozenset({list, tuple, str, range})
_NUMBERS: Final = frozenset({int, float, bool})
_DRAWS: Final[MutableMapping[Any, _Draw]] = WeakKeyDictionary()


class _Draw:
    """The generator of one context and its functions; never a value of a program itself."""

    def __init__(self, environment: Any) -> None:
        self.meter: Meter = environment.meter
        self._environment = weakref.ref(environment)
        self.source = random.Random(source(environment, "random"))

    def seed(self, value: Any = None) -> None:
        """Start again; the same seed gives the same numbers."""
        if type(value) not in (int, float, str, bool, type(None)):
            raise TypeError("a seed is a number or a text")
        environment = self._environment()
        self.source.seed(source(environment, "random") if value is None and environment is not None else value)

    def choice(self, items: Any) -> Any:
        """One of the items. IndexError if there are none."""
        return self.source.choice(_sequence("choice", items))

    def choices(self, items: Any, weights: Any = None, *, k: Any = 1) -> list[Any]:
        """`k` items, drawn with replacement."""
        population, count = _sequence("choices", items), _count("choices", k)
        self.meter.need(8 * count, "the result")
        sums = None
        if weights is not None:
            # Sums are made once: 512 draws in the C code of bisect are short.
            if type(weights) not in (list, tuple) or not _NUMBERS.issuperset(map(type, weights)):
                raise TypeError("weights are a list of numbers")
            sums, total = [], 0.0
            for weight in weights:
                total += weight
                sums.append(total)
        result: list[Any] = []
        for start in range(0, count, _STEP):
            self.meter.check()
            result += self.source.choices(population, cum_weights=sums, k=min(_STEP, count - start))
        return result

    def sample(self, items: Any, k: Any) -> list[Any]:
        """`k` different items. ValueError if there are not so many."""
        population, count = _sequence("sample", items), _count("sample", k)
        if type(population) is range and count <= _STEP:
            return self.source.sample(population, count)
        if count > len(population):
            raise ValueError("sample larger than the population")
        self.meter.need(40 * len(population), "the sample")
        pool = list(population)
        self._mix(pool, count)
        return pool[:count]

    def shuffle(self, items: Any) -> None:
        """Mix a list in place."""
        if type(items) is not list:
            raise TypeError(f"shuffle mixes a list, not {type(items).__name__}")
        self._mix(items, len(items))

    def _mix(self, items: list[Any], count: int) -> None:
        """Put a random item at each of the first `count` places."""
        below = self.source.randrange
        length = len(items)
        for place in range(count):
            if not place & (_STEP - 1):
                self.meter.check()
            other = below(place, length)
            items[place], items[other] = items[other], items[place]


def _sequence(name: str, items: Any) -> Any:
    if type(items) not in _SEQUENCES:
        raise TypeError(f"{name} needs a list, tuple, text or range, not {type(items).__name__}")
    return items


def _count(name: str, k: Any) -> int:
    if type(k) is not int or k < 0:
        raise ValueError(f"{name} needs a number of items")
    return k


def _drawing(name: str) -> Callable[[Any], Any]:
    """A function of the context's generator over exact numbers."""

    def make(environment: Any) -> Any:
        plain = getattr(draw_of(environment).source, name)

        def draw(*numbers: Any) -> Any:
            for number in numbers:
                if type(number) not in _NUMBERS:
                    raise TypeError(f"{name} needs numbers, not {type(number).__name__}")
                if type(number) is int and number.bit_length() > 4096:
                    raise ValueError(f"{name}: the number has more than 4096 bits")
            return plain(*numbers)

        return draw

    return make


def _method(name: str) -> Callable[[Any], Any]:
    def make(environment: Any) -> Any:
        bound = getattr(draw_of(environment), name)

        # A closure, so that no value of the program is bound to the generator.
        def draw(*arguments: Any, **named: Any) -> Any:
            return bound(*arguments, **named)

        return draw

    return make


def draw_of(environment: Any) -> _Draw:
    """The generator of a context; made at its first use."""
    found = _DRAWS.get(environment)
    if found is None:
        found = _DRAWS[environment] = _Draw(environment)
    return found


_OWN = "the context's own generator"
MEMBERS: Final[tuple[Member, ...]] = (
    *(Member(name, _method(name), _OWN) for name in ("seed", "choice", "choices", "sample", "shuffle")),
    *(
        Member(name, _drawing(name), _OWN + "; exact numbers")
        for name in (
            "random", "randint", "randrange", "uniform", "triangular", "gauss", "normalvariate", "expovariate",
            "lognormvariate", "paretovariate", "weibullvariate",
        )
    ),
)  # fmt: skip
"""Not gammavariate, betavariate, vonmisesvariate: for nan and for huge numbers Python's loops in them never end."""
