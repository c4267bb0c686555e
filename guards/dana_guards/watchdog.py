"""The watchdog: one daemon thread per process that ends what runs past its limits.

In: the meters of running contexts (`ACTIVE`, written by `Meter.enter` and `Meter.leave`), the clock, the
resident size of the process. Out: a stop recorded in the meter, and the thread that runs Dana code brought
to raise `Interrupt`, again and again until it has left. Not done here: sizes of single operations (they are
bounded before they start), hard limits (the process tier).

Two ways to reach a thread, both only inside code objects of Dana, so host code is never hit:

* ``monitoring`` (3.12 and later): `sys.monitoring` events, local to the context's code objects, set only
  when a stop is due. Before that they cost nothing.
* ``flag`` (3.11, and where all six tool ids are taken): the global ``dana_stop`` of the context's modules,
  tested by code that the policy inserts.

`PyThreadState_SetAsyncExc` is not used: handlers keep it away, and a late one would hit the host
(docs/decisions/stopping.md).
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from itertools import count
from math import inf
from threading import get_ident
from time import perf_counter
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

from dana_guards.errors import DanaError, DanaMemoryError, DanaTimeoutError, Interrupt

if TYPE_CHECKING:
    from dana_guards.limits import Meter

ACTIVE: dict[int, Meter | None] = {}
"""Thread id to the innermost running meter, None where nothing runs. Single dict operations, so no lock."""

clock: Final = perf_counter
"""Monotonic, and fine enough on every system that two entries never have the same time."""

PERIOD: Final = 0.02
"""Seconds between two looks at the memory while something runs."""
URGENT: Final = 0.005
"""Seconds between two looks while a stop is being delivered."""
STALE: Final = 0.005
"""Age in seconds at which a memory sample is no longer a baseline: one reading in 5 ms costs a thousandth."""
_IDLE_POLLS: Final = 25
_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident_bytes() -> int:
    """Resident size of this process in bytes; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return _peak_bytes()


def _peak_bytes() -> int:
    """The peak size, where there is no /proc: it never shrinks, so it only errs by letting more pass."""
    try:
        import resource  # not on Windows
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def running(top: Meter) -> list[Meter]:
    """The meters of one thread: `top` and those that wait for it, the outermost last."""
    chain: list[Meter] = []
    meter: Meter | None = top
    while meter is not None and meter not in chain:  # a context may be entered again from another
        chain.append(meter)
        meter = meter.outer
    return chain


def look_for_stop() -> None:
    """Raise the pending stop of the calling thread, if any: for work of ours that has no meter at hand."""
    meter = ACTIVE.get(get_ident())
    if meter is not None:
        meter.check()


class Watchdog:
    """Polls `ACTIVE`; parked while nothing has run for half a second."""

    def __init__(self) -> None:
        self.resident = 0
        self.fresh_until = -inf
        self.parked = True
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()
        self._signal = threading.Lock()
        self._signal.acquire()
        self._idle = 0
        self._stopping: dict[int, Meter] = {}
        self._delivery = Delivery()

    @property
    def mode(self) -> str:
        """``"monitoring"`` or ``"flag"``: what the code of this process needs so that it can be stopped."""
        return self._delivery.mode

    def wake(self) -> int:
        """Have a look soon; start the thread if there is none. Returns the fresh resident size in bytes."""
        self.sample(clock())
        if self._thread is None:
            with self._start:
                if self._thread is None:
                    self._delivery.claim()
                    self._thread = threading.Thread(target=self._run, name="dana-watchdog", daemon=True)
                    self._thread.start()
        self.parked = False
        with contextlib.suppress(RuntimeError):  # already signalled
            self._signal.release()
        return self.resident

    def sample(self, now: float) -> int:
        """Read the resident size; bytes."""
        self.fresh_until = now + STALE
        self.resident = resident = resident_bytes()
        return resident

    def _run(self) -> None:
        while True:
            delay = self.poll()
            if delay is None:
                self.parked = True
                self.fresh_until = -inf
                if any(ACTIVE.values()):  # somebody entered before it could see that we park
                    self.parked = False
                    continue
                self._signal.acquire()
                self._idle = 0
            else:
                self._signal.acquire(timeout=delay)

    def poll(self) -> float | None:
        """Look once at every running meter; seconds to the next look, None to park.

        Deadlines first: reading the memory gives other threads the interpreter, three times, for up to a switch
        interval each.
        """
        now = clock()
        innermost = [meter for meter in ACTIVE.copy().values() if meter is not None]
        self._idle = 0 if innermost or self._stopping else self._idle + 1
        wake_at = now + PERIOD
        for meter in innermost:
            wake_at = min(wake_at, self._stop(meter, partial(_late, now)))
        self._deliver()
        # Where a deadline is near the look at the memory can wait, but not for ever.
        if wake_at >= now + PERIOD or now > self.fresh_until + PERIOD:
            resident = self.sample(now)
            for meter in innermost:
                self._stop(meter, partial(_swollen, resident))
            self._deliver()
        if self._stopping:
            wake_at = min(wake_at, now + URGENT)
        if self._idle > _IDLE_POLLS:
            self._forget_threads()
            return None
        return max(wake_at - clock(), 0.0)

    def _forget_threads(self) -> None:
        """Drop the keys of threads that have ended; a living thread's key is its own to write."""
        living = sys._current_frames()
        for ident in [ident for ident in ACTIVE.copy() if ident not in living]:
            ACTIVE.pop(ident, None)

    def _stop(self, innermost: Meter, excess: Callable[[Meter], DanaError | None]) -> float:
        """Stop what is over its limits in one thread, and what it called; the nearest deadline that is ahead."""
        nearest = inf
        reason: DanaError | None = None
        for meter in reversed(running(innermost)):
            serial = meter.serial
            reason = reason or excess(meter)
            if reason is not None:
                meter.record(serial, reason)
            else:
                nearest = min(nearest, meter.deadline)
            if meter.is_stopping():
                self._stopping[id(meter)] = meter
        return nearest

    def _deliver(self) -> None:
        """Reach the threads of stopping meters; let go of those that have left."""
        self._stopping = {key: meter for key, meter in self._stopping.items() if meter.is_stopping()}
        self._delivery.deliver(self._stopping.values())

    def after_fork(self) -> None:
        """In a child process no thread but the forking one is left."""
        ident = get_ident()
        kept = ACTIVE.get(ident)
        ACTIVE.clear()
        self.parked = True
        self.fresh_until = -inf
        self._thread = None
        self._start = threading.Lock()
        self._signal = threading.Lock()
        self._signal.acquire()
        self._stopping = {}
        if kept is not None:
            ACTIVE[ident] = kept
            self.wake()


def _late(now: float, meter: Meter) -> DanaError | None:
    """Why a meter is to stop at this time, or None."""
    if meter.deadline > now:
        return None
    return DanaTimeoutError(f"the deadline passed: {meter.timeout:g} s for one call")


def _swollen(resident: int, meter: Meter) -> DanaError | None:
    """Why a meter is to stop at this size of the process, or None."""
    if resident - meter.baseline <= meter.memory:
        return None
    return DanaMemoryError(f"the call grew the process by more than {meter.memory} bytes")


class Delivery:
    """Makes the code objects of stopping meters raise `Interrupt`."""

    def __init__(self) -> None:
        self._tool: int | None = None
        self._claimed = False
        self._armed: dict[int, CodeType] = {}

    @property
    def mode(self) -> str:
        """``"flag"`` or ``"monitoring"``."""
        self.claim()
        return "flag" if self._tool is None else "monitoring"

    def claim(self) -> None:
        """Take a free tool id, once; ids that tools use by convention come last."""
        if self._claimed:
            return
        self._claimed = True
        if sys.version_info >= (3, 12):
            for tool in (3, 4, 5, 2, 1, 0):
                try:
                    sys.monitoring.use_tool_id(tool, "dana")
                except ValueError:
                    continue
                self._tool = tool
                self._register()
                return

    def _register(self) -> None:
        if sys.version_info >= (3, 12) and self._tool is not None:
            for event in _event_set():
                sys.monitoring.register_callback(self._tool, event, _interrupt_here)

    def deliver(self, meters: Any) -> None:
        """Reach every thread inside one of `meters`; let go of code that no longer has to stop."""
        wanted: dict[int, CodeType] = {}
        for meter in meters:
            wanted.update(meter.codes)
            meter.raise_flags()
        if sys.version_info >= (3, 12) and self._tool is not None and (wanted or self._armed):
            self._switch(wanted)

    def _switch(self, wanted: dict[int, CodeType]) -> None:
        """Set local events on `wanted`, clear them elsewhere."""
        if sys.version_info >= (3, 12) and self._tool is not None:
            if sys.monitoring.get_tool(self._tool) != "dana":  # somebody freed our id
                self._claimed, self._tool, self._armed = False, None, {}
                self.claim()
                if self._tool is None:
                    return
            every = 0
            for event in _event_set():
                every |= event
            for key, code in wanted.items():
                if key not in self._armed:
                    sys.monitoring.set_local_events(self._tool, code, every)
            for key, code in self._armed.items():
                if key not in wanted:
                    sys.monitoring.set_local_events(self._tool, code, 0)
            self._armed = wanted


def _event_set() -> tuple[int, ...]:
    """Events that between them hit every loop, entry, resumption and line."""
    if sys.version_info >= (3, 12):
        events = sys.monitoring.events
        return (events.LINE, events.PY_START, events.PY_RESUME, events.JUMP, events.BRANCH)
    return ()


_WITHOUT_LINE = count(1)


def _interrupt_here(code: CodeType, *_details: object) -> None:
    """The monitoring callback: raise in the thread whose innermost meter is to stop, in no other.

    An instruction that the compiler added has no line, and an error there would show none. The next event comes at
    once; should all of them be like that, every 64th one counts.
    """
    meter = ACTIVE.get(get_ident())
    if meter is not None and (reason := meter.pending()) is not None:
        if sys._getframe(1).f_lineno is None and next(_WITHOUT_LINE) % 64:
            return
        raise Interrupt(reason)


WATCH: Final = Watchdog()


def stop_mode() -> str:
    """``"monitoring"``, or ``"flag"`` where generated code has to test ``dana_stop`` itself."""
    return WATCH.mode


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=WATCH.after_fork)
