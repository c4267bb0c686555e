"""Dates, times, decimals and fractions as text, for the way to another process.

In: exact values of those types, which both ends of a conversation know. Out: `Ref` with a word and texts, and the value
again. What arrives is parsed by Python's own parsers for such texts, within a bound on their length.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from opendxa.dana.frames import FrameError, Ref

_LONGEST: Final = 10_000
WORD: Final = "q"


def plain_ref(value: Any) -> Ref | None:
    """The reference for a date, time, duration, decimal or fraction, None for anything else. Nothing is imported."""
    kind = type(value)
    form = _WRITE.get((kind.__module__, kind.__name__))
    if form is None or sys.modules[kind.__module__].__dict__.get(kind.__name__) is not kind:
        return None
    zone = getattr(value, "tzinfo", None)
    # A zone that is a class of the host's own would run its code here, and has no text that says it all.
    return form(value) if zone is None or type(zone).__module__ == "datetime" else None


def plain_value(data: list[Any]) -> Any:
    """The value for the content of such a reference. FrameError for one that `plain_ref` does not make."""
    if len(data) < 3 or any(type(each) is not str or len(each) > _LONGEST for each in data):
        raise FrameError("a date or a number is no short text")
    read = _READ.get(data[1])
    if read is None:
        raise FrameError("a date or a number is of no known kind")
    try:
        return read(*data[2:])
    except (ValueError, TypeError, ArithmeticError):
        raise FrameError("a date or a number is impossible") from None


def _iso(kind: str) -> Callable[[Any], Ref]:
    return lambda value: Ref([WORD, kind, value.isoformat()])


_WRITE: Final[dict[tuple[str, str], Callable[[Any], Ref]]] = {
    ("datetime", "date"): _iso("date"),
    ("datetime", "time"): _iso("time"),
    ("datetime", "datetime"): _iso("datetime"),
    ("datetime", "timedelta"): lambda value: Ref(
        [WORD, "timedelta", *map(str, (value.days, value.seconds, value.microseconds))]
    ),
    ("decimal", "Decimal"): lambda value: Ref([WORD, "decimal", str(value)]),
    ("fractions", "Fraction"): lambda value: Ref([WORD, "fraction", hex(value.numerator), hex(value.denominator)]),
}


def _dated(kind: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        import datetime

        return getattr(datetime, kind).fromisoformat(text)

    return read


def _duration(days: str, seconds: str, microseconds: str) -> Any:
    import datetime

    return datetime.timedelta(int(days), int(seconds), int(microseconds))


def _decimal(text: str) -> Any:
    import decimal

    return decimal.Decimal(text)


def _fraction(numerator: str, denominator: str) -> Any:
    import fractions

    return fractions.Fraction(int(numerator, 16), int(denominator, 16))


_READ: Final[dict[str, Callable[..., Any]]] = {
    **{kind: _dated(kind) for kind in ("date", "time", "datetime")},
    "timedelta": _duration,
    "decimal": _decimal,
    "fraction": _fraction,
}
