"""The meter of a context: it refuses every entry after the end, and counts calls where somebody wants to know.

In: calls into a context. Out: `DanaContextError` once the context has ended, at no cost for the calls before; for a
tenant the number of its calls, their time, and the most memory that one of them added.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from dana_guards.errors import DanaError
from dana_guards.limits import Limits, Meter
from dana_guards.watchdog import clock
from opendxa.dana.host import ended

_CLOSED_THREAD = -1
"""No thread has this number: whoever enters finds the context taken."""
STOP_SECONDS = 5.0
"""How long the end of a context waits for host code that the running call is in."""


class ContextMeter(Meter):
    """A meter that knows when its context has ended, at no cost for calls before."""

    __slots__ = ()

    def _enter_again(self, ident: int, now: float) -> Any:
        if self.thread == _CLOSED_THREAD:
            raise ended()
        return super()._enter_again(ident, now)

    def end(self) -> None:
        """Refuse every entry from now on."""
        self.thread = _CLOSED_THREAD
        self.close()


class Tally:
    """What all contexts of a tenant together did. Written from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls = self.peak = 0
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """A call has ended."""
        with self._lock:
            self.calls += 1
            self.seconds += seconds

    def close(self, peak: int) -> None:
        """A context has ended: the most bytes that a call of it added."""
        with self._lock:
            self.peak = max(self.peak, peak)


class CountedMeter(ContextMeter):
    """A meter that tells its outermost calls to a tally. Closures do not write out its `enter` and `leave`."""

    __slots__ = ("_tally",)

    def __init__(self, limits: Limits, tally: Tally) -> None:
        super().__init__(limits)
        self._tally = tally

    def leave(self, outer: Meter | None) -> DanaError | None:
        """Disarm, and count if this was no call inside of another one."""
        inner, began = bool(self._saved), self.serial  # the serial of an outermost entry is its time
        try:
            return super().leave(outer)
        finally:
            if not inner:
                self._tally.add(clock() - began)

    def end(self) -> None:
        """Refuse every entry from now on, and tell the peak."""
        super().end()
        self._tally.close(self.peak)


def new_meter(limits: Limits, tally: Tally | None) -> ContextMeter:
    """The meter of a new context."""
    return ContextMeter(limits) if tally is None else CountedMeter(limits, tally)


def wait_until(done: Callable[[], bool], seconds: float = STOP_SECONDS) -> None:
    """Wait for another thread to leave; the watchdog stops it within a few switch intervals."""
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.001)
