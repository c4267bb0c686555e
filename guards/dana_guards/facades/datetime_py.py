"""``import datetime.py``: dates, times and their differences, as frozen values.

The clock can be read; it is the system's, in microseconds as Python gives it. Time zones are fixed offsets and UTC:
names of zones would read files.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, ClassVar, Final

from dana_guards.effects import source
from dana_guards.facades.members import Facade, Member, members_of, same
from dana_guards.facades.values import FrozenValue, argument, calling, computing, reading, wrap


@computing("add sub mul truediv floordiv mod neg pos abs lt le gt ge")
@reading("days seconds microseconds")
@calling("total_seconds")
class Duration(FrozenValue):
    """A ``datetime.timedelta``."""

    __slots__ = ()
    _holds = (datetime.timedelta,)
    _dana_type_name_: ClassVar[str] = "timedelta"


def _format(value: Any, spec: str) -> Any:
    """``f"{day:%d.%m.%Y}"``: as `strftime`, with its checks; without a percent sign, the text in a width."""
    return value.strftime(spec) if "%" in spec else format(str(value), spec)


@computing("add sub lt le gt ge")
@reading("year month day")
@calling("isoformat strftime weekday isoweekday isocalendar toordinal ctime replace")
class Day(FrozenValue):
    """A ``datetime.date``."""

    __slots__ = ()
    _holds = (datetime.date,)
    _dana_type_name_: ClassVar[str] = "date"
    _dana_format_ = _format

    def isocalendar(self) -> tuple[int, int, int]:
        """Year, week and day of the week, as a plain tuple."""
        year, week, day = self._value.isocalendar()
        return year, week, day


@computing("lt le gt ge")
@reading("hour minute second microsecond tzinfo fold")
@calling("isoformat strftime replace utcoffset tzname")
class Clock(FrozenValue):
    """A ``datetime.time``."""

    __slots__ = ()
    _holds = (datetime.time,)
    _dana_type_name_: ClassVar[str] = "time"
    _dana_format_ = _format


@computing("add sub lt le gt ge")
@reading("year month day hour minute second microsecond tzinfo fold")
@calling(
    "isoformat strftime weekday isoweekday toordinal ctime replace date time timetz timestamp astimezone utcoffset "
    "tzname"
)
class Moment(FrozenValue):
    """A ``datetime.datetime``."""

    __slots__ = ()
    _holds = (datetime.datetime,)
    _dana_type_name_: ClassVar[str] = "datetime"
    _dana_format_ = _format

    def isocalendar(self) -> tuple[int, int, int]:
        """Year, week and day of the week, as a plain tuple."""
        year, week, day = self._value.isocalendar()
        return year, week, day


@calling("utcoffset tzname")
class Zone(FrozenValue):
    """A ``datetime.timezone``."""

    __slots__ = ()
    _holds = (datetime.timezone,)
    _dana_type_name_: ClassVar[str] = "timezone"


class ValueType(Facade):
    """A type of frozen values: called it makes one, its members are Python's class methods, ``isinstance`` knows it."""

    __slots__ = ("_kind",)
    _dana_type_name_ = "type"

    def __init__(self, name: str, kind: type[FrozenValue], members: dict[str, Any], call: Any) -> None:
        super().__init__(name, members, call)
        object.__setattr__(self, "_kind", kind)

    _kind: type[FrozenValue]

    def _accepts_(self, value: object) -> bool:
        return isinstance(value, self._kind)


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of `datetime` with arguments checked and the result frozen."""

    def call(*arguments: Any, **named: Any) -> Any:
        plain = [argument(each) for each in arguments]
        return wrap(function(*plain, **{key: argument(each) for key, each in named.items()}))

    return call


def _type(name: str, kind: type[FrozenValue], methods: str, constants: str) -> ValueType:
    python: Any = kind._holds[0]
    members = {each: _plain(getattr(python, each)) for each in methods.split()}
    members |= {each: wrap(getattr(python, each)) for each in constants.split()}
    return ValueType(name, kind, members, _plain(python))


def _recorded(environment: Any) -> dict[str, Callable[..., Any]]:
    """``now`` and the two ``today`` over the recorded clock, which tells the local time and its offset."""

    def clock() -> datetime.datetime:
        return datetime.datetime.fromisoformat(source(environment, "clock"))

    def now(tz: datetime.tzinfo | None = None) -> datetime.datetime:
        told = clock()
        return told.replace(tzinfo=None) if tz is None else told.astimezone(tz)

    def today() -> datetime.date:
        return clock().date()

    return {"now": _plain(now), "datetime": _plain(lambda: now()), "date": _plain(today)}


def _clocked(shared: ValueType) -> Callable[[Any], ValueType]:
    """A type whose members read the clock: the same in every context, but for one that is recorded or replayed."""

    def make(environment: Any) -> ValueType:
        if getattr(environment, "tape", None) is None:
            return shared
        told = _recorded(environment)
        members = dict(members_of(shared)) | {"today": told[shared._name]}
        if "now" in members:
            members["now"] = told["now"]
        return ValueType(shared._name, shared._kind, members, shared._call)

    return make


_NOW = "reads the clock, changes nothing"
_DATETIME = _type(
    "datetime", Moment, "now today fromisoformat strptime fromtimestamp combine fromordinal", "min max resolution"
)
_DATE = _type("date", Day, "today fromisoformat fromtimestamp fromordinal fromisocalendar", "min max")
MEMBERS: Final[tuple[Member, ...]] = (
    Member("datetime", _clocked(_DATETIME), _NOW),
    Member("date", _clocked(_DATE), _NOW),
    same("time", _type("time", Clock, "fromisoformat", "min max"), "constant time"),
    same("timedelta", _type("timedelta", Duration, "", "min max resolution"), "constant time"),
    same("timezone", _type("timezone", Zone, "", "utc"), "fixed offsets only"),
    same("UTC", wrap(datetime.UTC), "a constant"),
    same("MINYEAR", datetime.MINYEAR, "a number"),
    same("MAXYEAR", datetime.MAXYEAR, "a number"),
)
