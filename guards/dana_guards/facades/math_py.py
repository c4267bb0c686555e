"""``import math.py``: numbers. Without effects; what grows with its argument is bounded first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final

from dana_guards.core_library import make_factorial
from dana_guards.facades.members import Member, metered, same
from dana_guards.iterators import paced
from dana_guards.limits import Meter

MAX_BITS: Final = 1 << 20
"""Of a product of many numbers: a third of a million digits, made in a fraction of a second."""

_CONSTANTS = ("pi", "e", "tau", "inf", "nan")
_FLOATS = (
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "copysign", "cos", "cosh", "degrees", "erf",
    "erfc", "exp", "exp2", "expm1", "fabs", "fmod", "frexp", "gamma", "hypot", "isclose", "isfinite", "isinf", "isnan",
    "ldexp", "lgamma", "log", "log10", "log1p", "log2", "modf", "nextafter", "pow", "radians", "remainder", "sin",
    "sinh", "sqrt", "tan", "tanh", "ulp",
)  # fmt: skip
_WHOLE = ("ceil", "floor", "trunc")


def _make_bounded(name: str, bits: Callable[..., float]) -> Callable[[Meter], Any]:
    """A function of whole numbers whose result has about ``bits(...)`` bits."""
    plain: Callable[..., int] = getattr(math, name)

    def make(meter: Meter) -> Any:
        def bounded(*numbers: Any) -> int:
            if any(type(each) not in (int, bool) for each in numbers):
                raise TypeError(f"{name} needs whole numbers")
            if bits(*numbers) > MAX_BITS:
                raise ValueError(f"the result of {name} would have more than {MAX_BITS} bits")
            return plain(*numbers)

        return bounded

    return make


def _choices_bits(n: int, k: int) -> float:
    return min(k, n - k) * n.bit_length() if 0 <= k <= n else 0


def _orders_bits(n: int, k: int | None = None) -> float:
    return (n if k is None else min(k, n)) * n.bit_length() if n > 0 else 0


def _make_over_items(name: str) -> Callable[[Meter], Any]:
    """``fsum``: its input in steps."""
    plain = getattr(math, name)

    def make(meter: Meter) -> Any:
        def over_items(items: Iterable[Any]) -> Any:
            return plain(paced(meter, items))

        return over_items

    return make


def _make_prod(meter: Meter) -> Any:
    """``prod(items, start=1)``: bounded in size at each step of 512 numbers."""

    def prod(items: Iterable[Any], /, *, start: Any = 1) -> Any:
        result: Any = 1
        for item in chain((start,), paced(meter, items)):
            if type(item) not in (int, float, bool):
                raise TypeError(f"prod needs numbers, not {type(item).__name__}")
            result *= item
            if type(result) is int and result.bit_length() > MAX_BITS:
                raise ValueError(f"the result of prod would have more than {MAX_BITS} bits")
        return result

    return prod


def _make_dist(meter: Meter) -> Any:
    def dist(p: Any, q: Any, /) -> float:
        if type(p) not in (list, tuple) or type(q) not in (list, tuple):
            raise TypeError("dist needs two lists or tuples of numbers")
        return math.dist(p, q)

    return dist


MEMBERS: Final[tuple[Member, ...]] = (
    *(same(name, getattr(math, name), "a number") for name in _CONSTANTS),
    *(same(name, getattr(math, name), "constant time on floats") for name in _FLOATS if hasattr(math, name)),
    *(same(name, getattr(math, name), "no larger than its argument") for name in _WHOLE),
    metered("factorial", make_factorial, "measured first, made in steps"),
    metered("comb", _make_bounded("comb", _choices_bits), "bits are estimated first"),
    metered("perm", _make_bounded("perm", _orders_bits), "bits are estimated first"),
    metered("gcd", _make_bounded("gcd", lambda *n: sum(x.bit_length() for x in n)), "bits are counted first"),
    metered("lcm", _make_bounded("lcm", lambda *n: sum(x.bit_length() for x in n)), "bits are counted first"),
    metered("isqrt", _make_bounded("isqrt", lambda n: n.bit_length()), "bits are counted first"),
    metered("fsum", _make_over_items("fsum"), "its input in steps"),
    metered("prod", _make_prod, "bounded at each step"),
    metered("dist", _make_dist, "linear in two lists"),
)
