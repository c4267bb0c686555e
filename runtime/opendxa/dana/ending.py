"""The end of a context: a meter that refuses every entry after it, and waiting for a thread to leave.

In: calls into a context. Out: `DanaContextError` once the context has ended, at no cost for the calls before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from dana_guards.limits import Meter
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


def wait_until(done: Callable[[], bool], seconds: float = STOP_SECONDS) -> None:
    """Wait for another thread to leave; the watchdog stops it within a few switch intervals."""
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.001)
