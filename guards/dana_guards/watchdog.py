"""The watchdog: one daemon thread per process that ends what runs past its limits.

In: the meters of running contexts (`ThreadSlot.meter`, written by `Meter.enter` and `Meter.leave`), the clock, the
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
from collections.abc import Callable, Iterator
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



class ThreadSlot:
    """One thread as the watchdog sees it: what an entry writes, and what is looked at in each poll.

    A meter keeps the slot of the thread that used it last, so that the next entry compares one number and looks
    nothing up. Entering reads `ident` and writes `meter` without a call in between, and so does `forget_threads` the
    other way round: a slot whose number was taken away is never entered again.
    """

    __slots__ = ("ident", "meter")

    def __init__(self, ident: int) -> None:
        self.ident = ident
        """The thread; 0, which is no thread, once the slot is forgotten."""
        self.meter: Meter | None = None
        """The innermost running meter, None where nothing runs."""


NO_THREAD: Final = ThreadSlot(0)
"""The slot of a meter that was never entered."""

_slots: dict[int, ThreadSlot] = {}
_slots_lock = threading.Lock()


def slot_of(ident: int) -> ThreadSlot:
    """The slot of the calling thread, whose number is `ident`."""
    with _slots_lock:
        slot = _slots.get(ident)
        if slot is None:
            slot = _slots[ident] = ThreadSlot(ident)
        return slot


def innermost() -> Meter | None:
    """The innermost running meter of the calling thread."""
    slot = _slots.get(get_ident())
    return None if slot is None else slot.meter


def forget_threads() -> None:
    """Drop the slots of threads that have ended: a thread that starts later may get the same number."""
    with _slots_lock:
        living = sys._current_frames()
        for ident, slot in list(_slots.items()):
            if ident not in living and slot.meter is None:
                slot.ident = 0
                del _slots[ident]


def _only_this_thread() -> Meter | None:
    """In a child process after a fork: forget all slots but the caller's; the meter that runs in it."""
    global _slots_lock
    _slots_lock = threading.Lock()
    ident = get_ident()
    for other in [slot for slot in _slots.values() if slot.ident != ident]:
        other.ident = 0
    kept = _slots.get(ident)
    _slots.clear()
    if kept is None:
        return None
    _slots[ident] = kept
    return kept.meter


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
        # Not `open`: half of the time, and each system call gives the interpreter away.
        file = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(os.read(file, 256).split()[1]) * _PAGE
        finally:
            os.close(file)
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


_STANDS_FOR: Final[dict[int, int]] = {}
"""Thread that works for another one, which waits for it, to that one."""


def look_for_stop() -> None:
    """Raise the pending stop of the calling thread, if any: for work of ours that has no meter at hand."""
    ident = get_ident()
    if _STANDS_FOR:
        ident = _STANDS_FOR.get(ident, ident)
    slot = _slots.get(ident)
    meter = None if slot is None else slot.meter
    if meter is not None and meter.stopped is not None and (reason := meter.pending(ident)) is not None:
        raise Interrupt(reason)


@contextlib.contextmanager
def standing_for(waiting: int) -> Iterator[None]:
    """A section in a thread that works for thread `waiting`: what stops that one stops `look_for_stop` here."""
    _STANDS_FOR[get_ident()] = waiting
    try:
        yield
    finally:
        _STANDS_FOR.pop(get_ident(), None)


def _running_now() -> list[Meter]:
    """The innermost meter of each thread that runs Dana code."""
    return [meter for slot in list(_slots.values()) if (meter := slot.meter) is not None]


class Watchdog:
    """Polls the slots of the threads; parked while nothing has run for half a second."""

    def __init__(self) -> None:
        self.resident = 0
        self.fresh_until = -inf
        self.parked = True
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()
        self._signal = threading.Lock()
        self._signal.acquire()
        self._idle = 0
        self._looked = -inf
        self._stopping: dict[int, Meter] = {}
        self._delivery = Delivery()

    @property
    def mode(self) -> str:
        """``"monitoring"`` or ``"flag"``: what the code of this process needs so that it can be stopped."""
        return self._delivery.mode

    def wake(self) -> int:
        """Have a look soon; start the thread if there is none. Returns the fresh resident size in bytes."""
        self.sample()
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

    def sample(self) -> int:
        """Read the resident size; bytes."""
        resident = resident_bytes()
        for top in _running_now():
            for meter in running(top):
                meter.settle(self.resident)
        self.fresh_until = clock() + STALE
        self.resident = resident
        return resident

    def _run(self) -> None:
        while True:
            delay = self.poll()
            if delay is None:
                self.parked = True
                self.fresh_until = -inf
                if _running_now():  # somebody entered before it could see that we park
                    self.parked = False
                    continue
                self._signal.acquire()
                self._idle = 0
            else:
                self._signal.acquire(timeout=delay)

    def poll(self) -> float | None:
        """Look once at every running meter; seconds to the next look, None to park.

        Deadlines first: reading the memory gives other threads the interpreter, three times, for up to a switch
        interval each. So where a deadline is near it is read only if the last look is long ago.
        """
        now = clock()
        innermost = _running_now()
        self._idle = 0 if innermost or self._stopping else self._idle + 1
        deadline = min([self._stop(meter, partial(_late, now)) for meter in innermost], default=inf)
        self._deliver()
        if deadline > now + 2 * PERIOD or now > self._looked + 2 * PERIOD:
            self._looked = now
            resident = self.sample()
            for meter in innermost:
                self._stop(meter, partial(_swollen, resident))
            self._deliver()
        if self._idle > _IDLE_POLLS:
            forget_threads()
            return None
        wake_at = now + (URGENT if self._stopping else PERIOD)
        return max(min(wake_at, _next_look(now, deadline)) - clock(), 0.0)

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
        running_here = _only_this_thread()
        self.parked = True
        self.fresh_until = -inf
        self._thread = None
        self._start = threading.Lock()
        self._signal = threading.Lock()
        self._signal.acquire()
        self._stopping = {}
        if running_here is not None:
            self.wake()


def _next_look(now: float, deadline: float) -> float:
    """When to look again for the sake of the nearest deadline.

    A thread that computes gives the interpreter away one switch interval after it was asked, so asking begins that much
    before the deadline, and no look is taken so shortly before that the answer to it would come late.
    """
    lead = min(sys.getswitchinterval(), PERIOD)
    ahead = deadline - lead - now
    if ahead <= 0.0:
        return min(deadline, now + lead / 10)
    return now + (ahead if ahead <= PERIOD else ahead / 2)


def _late(now: float, meter: Meter) -> DanaError | None:
    """Why a meter is to stop at this time, or None."""
    if meter.deadline > now:
        return None
    if meter.allowed is not None:
        return DanaTimeoutError(
            f"the deadline passed: {meter.allowed:g} s for compiling the modules and texts of one call",
            hint="give more time, split the text, or compile ahead of time (dana2py build)",
        )
    return DanaTimeoutError(f"the deadline passed: {meter.timeout:g} s for one call")


def _swollen(resident: int, meter: Meter) -> DanaError | None:
    """Why a meter is to stop at this size of the process, or None; notes the most that it grew by."""
    grown = resident - meter.baseline
    if grown > meter.peak:
        meter.peak = grown
    if grown <= meter.memory:
        return None
    if meter.allowed is not None:
        return DanaMemoryError(
            f"compiling grew the process by more than {meter.allowed_memory} bytes",
            hint="split the text, or compile ahead of time (dana2py build)",
        )
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
    meter = innermost()
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
