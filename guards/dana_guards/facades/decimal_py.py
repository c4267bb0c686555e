"""``import decimal.py``: decimal numbers of 28 digits, as frozen values.

Each result is rounded by a context of this file, so a number stays short, and turning it into an int does too. The
contexts of the host are not read.
"""

from __future__ import annotations

import decimal
from typing import Any, ClassVar, Final

from dana_guards.facades.datetime_py import ValueType
from dana_guards.facades.members import Member, same
from dana_guards.facades.values import MOST_BITS, FrozenValue, computing, reading, wrap

_CONTEXT: Final = decimal.Context(
    prec=28, Emin=-999, Emax=999, traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow]
)


def _rounded(value: Any) -> Any:
    """A result with at most 28 digits. ValueError where it is too large."""
    if not isinstance(value, decimal.Decimal):
        return value
    try:
        return _CONTEXT.create_decimal(value)
    except decimal.DecimalException:
        raise ValueError("the decimal number is too large or no number") from None


class _Checked:
    """Operators in the context of this file, with Python's own exceptions."""

    @staticmethod
    def of(name: str) -> Any:
        method = getattr(decimal.Context, name)

        def operate(self: FrozenValue, other: object) -> Any:
            return _operate(method, self._value, other, False)

        return operate

    @staticmethod
    def swapped(name: str) -> Any:
        method = getattr(decimal.Context, name)

        def operate(self: FrozenValue, other: object) -> Any:
            return _operate(method, self._value, other, True)

        return operate


def _operate(method: Any, value: Any, other: object, swapped: bool) -> Any:
    right = other._value if isinstance(other, Number) else other
    if type(right) not in (int, decimal.Decimal):
        return NotImplemented
    if type(right) is int and right.bit_length() > MOST_BITS:
        raise ValueError("decimal arithmetic: Overflow")
    try:
        # A context is changed by every operation (flags): each gets its own.
        return wrap(method(_CONTEXT.copy(), *((right, value) if swapped else (value, right))))
    except decimal.DivisionByZero:
        raise ZeroDivisionError("division by zero") from None
    except decimal.DecimalException as error:
        raise ValueError(f"decimal arithmetic: {type(error).__name__}") from None


@computing("neg pos abs lt le gt ge", _rounded)
@reading("real")
class Number(FrozenValue):
    """A ``decimal.Decimal``."""

    __slots__ = ()
    _holds = (decimal.Decimal,)
    _dana_type_name_: ClassVar[str] = "Decimal"

    __add__, __radd__ = _Checked.of("add"), _Checked.swapped("add")
    __sub__, __rsub__ = _Checked.of("subtract"), _Checked.swapped("subtract")
    __mul__, __rmul__ = _Checked.of("multiply"), _Checked.swapped("multiply")
    __truediv__, __rtruediv__ = _Checked.of("divide"), _Checked.swapped("divide")
    __floordiv__, __rfloordiv__ = _Checked.of("divide_int"), _Checked.swapped("divide_int")
    __mod__, __rmod__ = _Checked.of("remainder"), _Checked.swapped("remainder")
    __pow__, __rpow__ = _Checked.of("power"), _Checked.swapped("power")

    def _dana_format_(self, spec: str) -> str:
        with decimal.localcontext(_CONTEXT):
            return format(self._value, spec)

    def __int__(self) -> int:
        return int(self._value)

    def __float__(self) -> float:
        return float(self._value)

    def __round__(self, digits: int | None = None) -> Any:
        if digits is None:
            return round(self._value)
        if type(digits) is not int or abs(digits) > 100:
            raise ValueError("round needs a number of digits from -100 to 100")
        return wrap(_rounded(self._value.quantize(decimal.Decimal(1).scaleb(-digits), context=_CONTEXT.copy())))

    def quantize(self, pattern: Any, rounding: Any = None) -> Any:
        """Rounded to the digits of `pattern`; `rounding` is a word of `decimal`, such as ``ROUND_HALF_UP``."""
        if not isinstance(pattern, Number) or (rounding is not None and rounding not in _ROUNDINGS):
            raise TypeError("quantize needs a Decimal and one of the words ROUND_...")
        try:
            return wrap(self._value.quantize(pattern._value, rounding=rounding, context=_CONTEXT.copy()))
        except decimal.DecimalException:
            raise ValueError("the result of quantize would be too long") from None

    def sqrt(self) -> Any:
        """The square root."""
        return wrap(_rounded(self._value.sqrt(_CONTEXT.copy()) if self._value >= 0 else decimal.Decimal("NaN")))

    def is_zero(self) -> bool:
        """Whether it is 0."""
        return bool(self._value.is_zero())


_ROUNDINGS: Final = tuple(name for name in dir(decimal) if name.startswith("ROUND_"))


def make_decimal(value: Any = "0", /) -> Any:
    """``Decimal(text or number)``: rounded to 28 digits. ValueError for a text that is no number, nan and infinity."""
    if isinstance(value, Number):
        return value
    if type(value) not in (int, float, str) or (type(value) is str and len(value) > 1000):
        raise TypeError("Decimal needs a number, or a text of at most 1000 characters")
    if type(value) is int and value.bit_length() > MOST_BITS:
        raise ValueError("the decimal number is too large or no number")
    try:
        made = _CONTEXT.copy().create_decimal(decimal.Decimal(value) if type(value) is float else value)
    except (decimal.DecimalException, ValueError, OverflowError):
        made = decimal.Decimal("NaN")
    if not made.is_finite():
        raise ValueError(f"{str(value)[:40]!r} is not a decimal number")
    return wrap(made)


MEMBERS: Final[tuple[Member, ...]] = (
    same("Decimal", ValueType("Decimal", Number, {}, make_decimal), "28 digits, its own context"),
    *(same(name, name, "a word for quantize") for name in _ROUNDINGS),
)
