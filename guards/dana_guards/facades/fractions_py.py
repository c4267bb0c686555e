"""``import fractions.py``: exact fractions, as frozen values of bounded size."""

from __future__ import annotations

import fractions
from typing import Any, ClassVar, Final

from dana_guards.facades.datetime_py import ValueType
from dana_guards.facades.members import Member, same
from dana_guards.facades.values import FrozenValue, calling, computing, reading, wrap

MAX_BITS: Final = 1 << 14


def _small(value: Any) -> Any:
    """A result whose numbers have at most `MAX_BITS` bits: each operation can double them."""
    if (
        isinstance(value, fractions.Fraction)
        and (value.numerator.bit_length() + value.denominator.bit_length()) > MAX_BITS
    ):
        raise ValueError(f"the fraction would have more than {MAX_BITS} bits")
    return value


@computing("add sub mul truediv floordiv mod neg pos abs lt le gt ge", _small)
@reading("numerator denominator")
@calling("limit_denominator is_integer as_integer_ratio")
class Ratio(FrozenValue):
    """A ``fractions.Fraction``."""

    __slots__ = ()
    _holds = (fractions.Fraction,)
    _dana_type_name_: ClassVar[str] = "Fraction"

    def __pow__(self, power: object) -> Any:
        if type(power) is not int:
            return NotImplemented
        if abs(power) * (self._value.numerator.bit_length() + self._value.denominator.bit_length()) > MAX_BITS:
            raise ValueError(f"the fraction would have more than {MAX_BITS} bits")
        return wrap(_small(self._value**power))

    def __int__(self) -> int:
        return int(self._value)

    def __float__(self) -> float:
        return float(self._value)

    def __round__(self, digits: int | None = None) -> Any:
        if digits is not None and (type(digits) is not int or abs(digits) > 1000):
            raise ValueError("round needs a number of digits from -1000 to 1000")
        return wrap(round(self._value, digits))


def make_fraction(numerator: Any = 0, denominator: Any = None, /) -> Any:
    """``Fraction(numerator, denominator)`` or ``Fraction("1/3")``."""
    values = [each._value if isinstance(each, Ratio) else each for each in (numerator, denominator)]
    for each in values:
        if type(each) not in (int, float, str, fractions.Fraction, type(None)):
            raise TypeError(f"Fraction needs numbers or text, not {type(each).__name__}")
        # A text such as 1e999999999 is a number with a billion digits.
        if type(each) is str and (len(each) > 1000 or "e" in each.lower()):
            raise ValueError("Fraction needs a text of at most 1000 characters without exponent")
        if type(each) is int and each.bit_length() > MAX_BITS:
            raise ValueError(f"the fraction would have more than {MAX_BITS} bits")
    return wrap(_small(fractions.Fraction(*values)))


MEMBERS: Final[tuple[Member, ...]] = (
    same("Fraction", ValueType("Fraction", Ratio, {}, make_fraction), "bits are counted at each operation"),
)
