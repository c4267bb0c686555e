"""Limits of a context, and the meter that counts towards them.

In: what the host wrote (``"100MB"``, ``"30s"``), then entries into and exits from Dana code, sizes of what
a builtin is about to make, lengths of what was printed. Out: `Interrupt`, raised in the Dana thread only,
with the first reason. Not done here: looking at the clock and at the memory while Dana code runs, and
stopping a thread that never asks; both are the watchdog's (`dana_guards.watchdog`).

A meter belongs to one context. Entering costs a handful of slot writes and no lock: the watchdog polls.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import get_ident
from types import CodeType, TracebackType
from typing import Final, Protocol

from dana_guards.errors import DanaContextError, DanaError, DanaLimitError, DanaMemoryError, Interrupt
from dana_guards.watchdog import NO_THREAD, WATCH, ThreadSlot, clock, innermost, running, slot_of

UNLIMITED: Final = sys.maxsize
DEFAULT_TIMEOUT: Final = 30.0
DEFAULT_MEMORY: Final = 1_000_000_000
DEFAULT_OUTPUT: Final = 10_000_000
DEFAULT_DEPTH: Final = 1000
DEFAULT_DIGITS: Final = 4300
COMPILE_TIME: Final = 1.0
"""Seconds that all compiling of one outermost call may take in any case, however short the timeout is."""
COMPILE_MEMORY: Final = 100_000_000
"""Bytes by which the process may grow while it compiles, however small the limit is."""

_QUANTITY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?) ?([A-Za-z]+)")
_SIZE_UNITS: Final = {
    "B": 1, "KB": 10**3, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_TIME_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE_HELP = 'a number of bytes, a text such as "100MB" or "64KiB", None for the default, or "unlimited"'
_TIME_HELP = 'seconds, a text such as "30s", "500ms", "0.3s" or "2m", a timedelta, None for the default, or "unlimited"'


def parse_size(value: object, default: int = DEFAULT_MEMORY) -> int:
    """Bytes meant by `value`; `UNLIMITED` for ``"unlimited"``.

    Parameters
    ----------
    value : int of bytes, text with a unit (``KB`` is 1000, ``KiB`` 1024), None, or ``"unlimited"``.
    default : what None means, in bytes.

    Raises ValueError that says what is accepted, for everything else: zero, negative, bool, float, unknown unit.
    """
    if value is None:
        return default
    if value == "unlimited" and type(value) is str:
        return UNLIMITED
    size: float = -1
    if type(value) is int:
        size = value
    elif type(value) is str and (found := _QUANTITY.fullmatch(value)) and found[2] in _SIZE_UNITS:
        size = (float(found[1]) if "." in found[1] else int(found[1])) * _SIZE_UNITS[found[2]]
    if not 1 <= size <= UNLIMITED:
        raise ValueError(f"{_shown(value)} is not a size: give {_SIZE_HELP}")
    return int(size)


def parse_time(value: object, default: float = DEFAULT_TIMEOUT) -> float:
    """Seconds meant by `value`; ``math.inf`` for ``"unlimited"``.

    Parameters
    ----------
    value : int or float seconds, text with a unit (``ms s m h``), timedelta, None, or ``"unlimited"``.
    default : what None means, in seconds.

    Raises ValueError that says what is accepted, for everything else: zero, negative, nan, inf, bool, unknown unit.
    """
    if value is None:
        return default
    if value == "unlimited" and type(value) is str:
        return math.inf
    seconds = -1.0
    if type(value) is int or type(value) is float:
        seconds = float(value) if abs(value) < 1e15 else -1.0
    elif isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif type(value) is str and (found := _QUANTITY.fullmatch(value)) and found[2] in _TIME_UNITS:
        seconds = float(found[1]) * _TIME_UNITS[found[2]]
    if not 0 < seconds < math.inf:
        raise ValueError(f"{_shown(value)} is not a time: give {_TIME_HELP}")
    return seconds


def _shown(value: object) -> str:
    """`value` for an error message, never long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers that a context may not exceed.

    Parameters
    ----------
    timeout : seconds for each outermost call; ``math.inf`` is none.
    memory : bytes that the process may grow since the outermost entry; `UNLIMITED` is none.
    output : bytes of ``print`` and ``log`` in one outermost call.
    depth : levels of nested data that are converted, printed, hashed.
    digits : decimal digits of an integer that is read from or written to text (CVE-2020-10735).
    """

    timeout: float = DEFAULT_TIMEOUT
    memory: int = DEFAULT_MEMORY
    output: int = DEFAULT_OUTPUT
    depth: int = DEFAULT_DEPTH
    digits: int = DEFAULT_DIGITS

    @classmethod
    def parse(cls, timeout: object = None, memory: object = None, output: object = None) -> Limits:
        """Limits from what the host wrote; ValueError as `parse_time` and `parse_size`."""
        return cls(
            timeout=parse_time(timeout), memory=parse_size(memory), output=parse_size(output, DEFAULT_OUTPUT)
        )


NO_LIMITS: Final = Limits(timeout=math.inf, memory=UNLIMITED, output=UNLIMITED)


@contextmanager
def compiling() -> Iterator[None]:
    """`Meter.compiling` of the calling thread's paused call; outside of a call nothing limits the compiler."""
    meter = innermost()
    if meter is None or meter.entered != math.inf:
        yield
    else:
        with meter.compiling():
            yield


class Flags(Protocol):
    """A namespace, or what stands for one: the flag of a stop can be set in it."""

    def __setitem__(self, name: str, value: object, /) -> None: ...


def code_objects(code: CodeType) -> Iterator[CodeType]:
    """A code object and those inside it."""
    pending = [code]
    while pending:
        each = pending.pop()
        yield each
        pending.extend(part for part in each.co_consts if isinstance(part, CodeType))


class HostSection:
    """``with meter.host():`` - nothing is delivered inside; what is pending is delivered on the way out."""

    __slots__ = ("_meter",)

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __enter__(self) -> None:
        self._meter.enter_host()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._meter.leave_host()


class Meter:
    """Counts for one context, and the place where a stop is asked for and delivered.

    Entering writes `thread`, `serial` and, if there is one, `outer`, and computes nothing. `serial` tells the entries
    apart: what is known of an entry (the stop that is meant for it, its baseline, its output) is recorded together with
    its serial, so nothing has to be reset, and a stop that comes too late is never delivered to the next call.

    Parameters
    ----------
    limits : the numbers not to exceed.
    """

    __slots__ = (
        "_base", "_began", "_compiled", "_counted", "_inner", "_namespaces", "_saved", "allowed", "codes", "host_depth",
        "limits", "memory", "outer", "output", "peak", "serial", "slot", "stopped", "thread", "timeout",
    )  # fmt: skip

    def __init__(self, limits: Limits = NO_LIMITS) -> None:
        self.limits = limits
        self.timeout = limits.timeout
        self.memory = limits.memory
        self.serial = self._inner = self._counted = 0.0
        self._base: tuple[float, int] | None = None
        self._began: tuple[float, float] | None = None
        self.thread: int | None = None
        self.slot: ThreadSlot = NO_THREAD
        self.outer: Meter | None = None
        self.output = self.host_depth = self.peak = 0
        self.stopped: tuple[float, DanaError] | None = None
        self.allowed: float | None = None
        self._compiled = (0.0, 0.0)
        self.codes: dict[int, CodeType] = {}
        self._namespaces: list[Flags] = []
        self._saved: list[tuple[float, Meter | None, int]] = []

    # -- entering and leaving Dana code ------------------------------------------------------------

    def enter(self) -> Meter | None:
        """Arm the limits for the calling thread; give the result to `leave`.

        Raises DanaContextError if another thread runs in this context.
        """
        now = clock()
        ident = get_ident()
        if self.slot.ident != ident:
            return self._enter_elsewhere(ident, now)
        # No call stands between these tests and the writes: no other thread runs in between.
        if self.thread is not None:
            return self._enter_again(ident, 0.0)
        self.thread = ident
        self.serial = now
        outer = self.slot.meter
        if outer is not None:
            self.outer = outer
        self.slot.meter = self
        # After the slot is written: the watchdog parks first and looks at the slots afterwards.
        if now > WATCH.fresh_until:
            self._sample(outer)
        return outer

    def _enter_elsewhere(self, ident: int, now: float) -> Meter | None:
        """The first entry from a thread: find its slot, then enter."""
        slot = slot_of(ident)
        if self.thread is not None:
            return self._enter_again(ident, now)
        self.slot = slot
        return self.enter()

    def _sample(self, outer: Meter | None) -> None:
        """A fresh baseline; undo the entry if that fails (a thread or the stack is not to be had)."""
        try:
            self.baseline = WATCH.wake() if WATCH.parked else WATCH.sample()
        except BaseException:
            self.leave(outer)
            raise

    def _enter_again(self, ident: int, now: float) -> Meter | None:
        """Dana calls the host, which calls Dana: the clock runs on."""
        if self.thread != ident:
            raise DanaContextError(
                "another thread runs in this context", hint="use one context for each thread, or the async calls"
            )
        self._saved.append((self.serial, self.outer, self.host_depth))
        self.host_depth = 0
        # Serials of inner entries count down, so they never meet those of outermost ones, which are times.
        self.serial = self._inner = self._inner - 1
        self.outer = outer = self.slot.meter
        self.slot.meter = self
        return outer

    def leave(self, outer: Meter | None) -> DanaError | None:
        """Disarm. The result is the reason if this call was stopped: then its value must not be used.

        Parameters
        ----------
        outer : what `enter` returned.
        """
        assert self.thread is not None, "leave without enter"
        self.slot.meter = outer
        stopped, serial = self.stopped, self.serial
        if self._saved:
            self.serial, self.outer, self.host_depth = self._saved.pop()
        else:
            self.outer = self.thread = None
        return None if stopped is None else self._after_stop(stopped, serial)

    def _after_stop(self, stopped: tuple[float, DanaError], serial: float) -> DanaError | None:
        """Take the flags back and let the watchdog take its events back.

        Where this was an inner entry, the stop is meant for the outer one as well, which shares the clock and the
        memory: the host in between, or Dana code behind it, could catch what it gets for the inner one (invariant 4).
        """
        if self.stopped is stopped and stopped[0] == serial:
            self.stopped = None if self.thread is None else (self.serial, stopped[1])
        self._set_flags(self.stopped is not None)
        WATCH.wake()
        return stopped[1] if stopped[0] == serial else None

    # -- stopping ------------------------------------------------------------------------------------

    def pending(self, thread: int | None = None) -> DanaError | None:
        """The reason, if the calling thread (or the one it stands for) is to leave this context's Dana code now."""
        stopped = self.stopped
        if stopped is None or stopped[0] != self.serial or self.host_depth or self.thread != (thread or get_ident()):
            return None
        return stopped[1]

    def check(self) -> None:
        """Raise the pending `Interrupt`, if any. Builtins that work long call this between steps."""
        if self.stopped is not None and (reason := self.pending()) is not None:
            raise Interrupt(reason)

    def stop_hook(self) -> None:
        """The hook ``_stop_``, called when the flag ``dana_stop`` is up; a stale flag is taken down."""
        reason = self.pending()
        if reason is not None:
            raise Interrupt(reason)
        if self.stopped is None or self.stopped[0] != self.serial:
            self._set_flags(False)

    def stop(self, reason: DanaError) -> None:
        """Stop the running call from its own thread: record the reason and raise."""
        if self.thread is None:
            raise Interrupt(reason)
        self.record(self.serial, reason)
        WATCH.wake()
        if self.host_depth:  # called by the host itself: its own kind of exception
            raise reason
        self.check()

    def cancel(self, reason: DanaError) -> bool:
        """Stop the running call from another thread. False if nothing runs; an earlier reason stays."""
        serial = self.serial
        if self.thread is None:
            return False
        self.record(serial, reason)
        WATCH.wake()
        return True

    def record(self, serial: float, reason: DanaError) -> None:
        """Note that entry `serial` is to stop; the first reason wins."""
        stopped = self.stopped
        if serial == self.serial and (stopped is None or stopped[0] != serial):
            self.stopped = (serial, reason)

    def is_stopping(self) -> bool:
        """Whether a thread is still inside the entry that is to stop (read by the watchdog)."""
        stopped = self.stopped
        return stopped is not None and stopped[0] == self.serial and self.thread is not None

    # -- host code -----------------------------------------------------------------------------------

    def host(self) -> HostSection:
        """A ``with`` section for code of the host: the clock runs, nothing is delivered."""
        return HostSection(self)

    def enter_host(self) -> None:
        """Begin host code; pair with `leave_host`."""
        self.host_depth += 1

    def leave_host(self) -> None:
        """End host code, and deliver what came meanwhile."""
        self.host_depth -= 1
        self.check()

    def remaining(self) -> float:
        """Seconds to the deadline, for waiting calls of the capabilities; 0 at least."""
        if self.thread is None:
            return self.timeout
        return max(min(meter.deadline for meter in running(self)) - clock(), 0.0)

    @property
    def entry(self) -> float:
        """The serial of the outermost entry, which is the time of it."""
        saved = self._saved
        return saved[0][0] if saved else self.serial

    @property
    def entered(self) -> float:
        """When the outermost entry began, on the clock of `watchdog.clock`; time that does not count is added."""
        entry, began = self.entry, self._began
        return began[1] if began is not None and began[0] == entry else entry

    @entered.setter
    def entered(self, time: float) -> None:
        self._began = (self.entry, time)

    @property
    def baseline(self) -> int:
        """The resident size at the outermost entry, in bytes.

        Until the size is read the next time it is the one that was read last: `Watchdog.sample` settles it then.
        """
        entry, base = self.entry, self._base
        return base[1] if base is not None and base[0] == entry else WATCH.resident

    @baseline.setter
    def baseline(self, size: int) -> None:
        self._base = (self.entry, size)

    def settle(self, resident: int) -> None:
        """Keep `resident`, which was read before the entry, as its baseline (the watchdog calls this)."""
        entry, base = self.entry, self._base
        if base is None or base[0] != entry:
            self._base = (entry, resident)

    @property
    def deadline(self) -> float:
        """The end of the running call on the clock of `watchdog.clock`, by this meter's own timeout."""
        return self.entered + self.timeout

    @deadline.setter
    def deadline(self, end: float) -> None:
        self.entered = clock() if self.timeout == math.inf else end - self.timeout

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A section whose time and memory do not count: finding, reading and compiling a module that is imported.

        Only for our own work, which bounds itself; what the compiler does in it has limits of its own (`compiling`).
        Meters outside of this one run on.
        """
        start, entered, used = clock(), self.entered, WATCH.resident - self.baseline
        self.entered, self.baseline = math.inf, sys.maxsize
        try:
            yield
        finally:
            now = clock()
            self.entered, self.baseline = entered + (now - start), WATCH.sample() - used

    @property
    def allowed_memory(self) -> int:
        """Bytes by which the process may grow while the compiler works."""
        return max(self.memory, COMPILE_MEMORY)

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """A section inside of `paused` in which the compiler works, under limits of its own.

        All compiling of one outermost call may take as long as the call itself (`timeout`), and never less than
        `COMPILE_TIME`: a first import shall not fail where the second, from the cache, succeeds. The process may grow
        by `memory`, and never less than `COMPILE_MEMORY`. The compiler asks with `watchdog.look_for_stop`.
        """
        start, entry = clock(), self.entry
        spent = self._compiled[1] if self._compiled[0] == entry else 0.0
        self.allowed = max(self.timeout, COMPILE_TIME)
        self.deadline = start + self.allowed - spent
        self.baseline = WATCH.sample() + self.allowed_memory - self.memory
        try:
            yield
        finally:
            self.entered, self.baseline, self.allowed = math.inf, sys.maxsize, None
            self._compiled = (entry, spent + clock() - start)

    # -- sizes and output ----------------------------------------------------------------------------

    def need(self, size: int, what: str) -> None:
        """Refuse a value of `size` bytes that does not fit what is left of the memory, before it is made."""
        if size > self.memory - max(WATCH.resident - self.baseline, 0):
            self.stop(DanaMemoryError(f"{what} needs {size} bytes; the limit is {self.memory}"))

    def count_output(self, size: int) -> None:
        """Count `size` bytes that ``print`` or ``log`` are about to write."""
        entry = self.entry
        if entry != self._counted:  # the first of this outermost call
            self._counted = entry
            self.output = 0
        self.output += size
        if self.output > self.limits.output:
            self.stop(DanaLimitError(f"the output is longer than {self.limits.output} bytes"))

    # -- what the watchdog acts on -------------------------------------------------------------------

    def register_code(self, code: CodeType) -> None:
        """Make `code` and the code objects inside it reachable for a stop.

        By identity: equal code objects of two modules are two places to stop at.
        """
        self.codes.update((id(each), each) for each in code_objects(code))

    def register_namespace(self, namespace: dict[str, object]) -> None:
        """Give a module's globals the flag ``dana_stop``, which code for Python 3.11 tests."""
        self._namespaces.append(namespace)
        namespace["dana_stop"] = self.is_stopping()

    def forget_code(self, code: CodeType) -> None:
        """Code that runs nowhere any more: the stop need not reach it."""
        gone = {id(each) for each in code_objects(code)}
        self.codes = {ident: each for ident, each in self.codes.items() if ident not in gone}

    def replace_namespace(self, namespace: dict[str, object], flag: Flags) -> None:
        """From now on the flag of a namespace is set by way of ``flag``, which need not keep it alive."""
        self._namespaces = [flag if each is namespace else each for each in self._namespaces]

    def forget_namespace(self, namespace: Flags) -> None:
        """A namespace that no code can run in any more: the stop need not reach it."""
        self._namespaces = [each for each in self._namespaces if each is not namespace]

    def raise_flags(self) -> None:
        """Set the flag in every namespace (the watchdog calls this)."""
        self._set_flags(True)

    def _set_flags(self, value: bool) -> None:
        for namespace in self._namespaces:
            namespace["dana_stop"] = value

    def close(self) -> None:
        """Forget code and namespaces: the context has ended."""
        self.codes = {}
        self._namespaces = []

