"""Numbers for what cannot cross: functions, iterators and objects stay where they are, and their number crosses.

In: a value that is lent to the other process, or a number that came from there. Out: a number, or what stands for the
value here. Who lends keeps the value until the other side says that it has dropped it as often as it got it; that
message travels with the next frame, so nothing here needs a thread or a lock.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from opendxa.dana.frames import FrameError


class Lent:
    """What this process has lent, by number."""

    def __init__(self) -> None:
        self._next = 0
        self._values: dict[int, list[Any]] = {}
        self._numbers: dict[Any, int] = {}

    def number(self, value: Any, key: Any = None) -> int:
        """The number of a value, counted once more.

        Parameters
        ----------
        key : values with the same key are the same; None for a value that gets a number of its own.
        """
        number = None if key is None else self._numbers.get(key)
        if number is None:
            self._next = number = self._next + 1
            self._values[number] = [value, 0, key]
            if key is not None:
                self._numbers[key] = number
        self._values[number][1] += 1
        return number

    def get(self, number: Any) -> Any:
        """The value. FrameError for a number that was not lent, or was given back."""
        entry = self._values.get(number) if type(number) is int else None
        if entry is None:
            raise FrameError("a number stands for nothing")
        return entry[0]

    def release(self, dropped: Any) -> None:
        """Take pairs of number and count back. Numbers that mean nothing are ignored: they keep nothing."""
        for pair in dropped if type(dropped) is list else ():
            if type(pair) is not list or len(pair) != 2 or type(pair[1]) is not int or pair[1] < 1:
                raise FrameError("what was dropped is no pair of numbers")
            entry = self._values.get(pair[0]) if type(pair[0]) is int else None
            if entry is not None:
                entry[1] -= pair[1]
                if entry[1] <= 0:
                    del self._values[pair[0]]
                    self._numbers.pop(entry[2], None)

    def __len__(self) -> int:
        return len(self._values)


class Borrowed:
    """What stands here for values of the other process; held weakly."""

    def __init__(self) -> None:
        self._refs: dict[int, weakref.ref[Any]] = {}
        self._counts: dict[int, int] = {}
        self._dropped: list[list[int]] = []

    def get(self, number: int, make: Callable[[], Any]) -> Any:
        """What stands for a number that has just arrived; ``make()`` if nothing does yet."""
        ref = self._refs.get(number)
        value = None if ref is None else ref()
        if value is None:
            value = make()
            self._refs[number] = weakref.ref(value, partial(self._gone, number))
        self._counts[number] = self._counts.get(number, 0) + 1
        return value

    def _gone(self, number: int, ref: weakref.ref[Any]) -> None:
        if self._refs.get(number) is ref:  # else another stands for it now, with the whole count
            del self._refs[number]
            self._dropped.append([number, self._counts.pop(number, 1)])

    def take_dropped(self) -> list[list[int]]:
        """Pairs of number and count that the other side may forget; each is given once."""
        if not self._dropped:
            return []
        dropped, self._dropped = self._dropped, []
        return dropped

    def put_back(self, dropped: list[list[int]]) -> None:
        """Take pairs back that could not be sent."""
        self._dropped += dropped
