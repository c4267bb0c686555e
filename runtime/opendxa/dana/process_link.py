"""The parent's end of a conversation with a worker: requests, what the worker asks meanwhile, and the clock.

In: requests of a `ProcessContext`, frames of the worker, which may be hostile. Out: values, errors, calls of host
functions in the caller's thread. While it waits it looks at the deadline, at the worker's memory and at whether the
call was cancelled, and ends the worker where it must; a worker that ended is a `DanaLimitError` of that one call.

The worker stops itself at the deadline, and then its context lives on; the kill comes `GRACE` later, for what could not
be stopped (docs/decisions/process-tier.md).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any, Final, NoReturn

from dana_guards.errors import DanaError, DanaLimitError, DanaMemoryError, DanaTimeoutError, Interrupt
from dana_guards.limits import UNLIMITED
from dana_guards.watchdog import clock
from opendxa.dana.frames import FrameError, Leaves, decode, pack, unpack
from opendxa.dana.process_errors import error_data, error_from, guards_trace, lost
from opendxa.dana.process_services import SERVICES
from opendxa.dana.process_values import ParentValues
from opendxa.dana.tracebacks import _steps, _without_ours

if TYPE_CHECKING:
    from opendxa.dana.process_context import ProcessContext
    from opendxa.dana.process_pool import WorkerProcess

GRACE: Final = 0.1
"""Seconds between the deadline and the kill: twenty switch intervals, enough to stop Dana code softly."""
TICK: Final = 0.02
"""Seconds between two looks at memory and cancellation."""
SLACK: Final = 64 * 1024 * 1024
"""Bytes beyond ``max_memory`` before the kill: room for the compiler and for what Python keeps."""
_ABORT_SECONDS: Final = 1.0
_KEPT: Final = 1000
"""Exceptions of host functions that are kept for ``__cause__``; a program may raise and catch any number."""
_LENGTHS: Final = {"ok": 3, "err": 4}
"""The answers to a request, and how many parts each has."""


class Link:
    """One worker and what is known of it.

    Parameters
    ----------
    context : whose worker it is.
    process : a worker that is ready.
    """

    def __init__(self, context: ProcessContext, process: WorkerProcess) -> None:
        self.context = context
        self.process = process
        self.values = ParentValues(context, self)
        self._leaves = Leaves(self.values.ref, self.values.struct)
        self.kept: dict[int, BaseException] = {}
        """Exceptions of host functions during the running call, by number."""
        self._kept_count = 0
        self._abort: BaseException | None = None
        self._nudged: float | None = None
        self._depth = 0
        self._peak = min(process.baseline + context._meter.limits.memory + SLACK, UNLIMITED)
        self.alive = True
        self.reason: DanaLimitError | None = None

    # -- requests --------------------------------------------------------------------------------------

    def request(self, word: str, plain: list[Any], value: Any = None) -> Any:
        """The worker's answer.

        Raises the error that the worker answers with, `DanaLimitError` if it ended, and what a host function raised
        beyond `Exception`.
        """
        dropped = self.values.take_dropped()
        try:
            frame = pack(word, [dropped, *plain], value, self.values.leaf)
        except BaseException:
            self.values.drop(dropped)
            raise
        return self.exchange(frame)

    def exchange(self, frame: bytes) -> Any:
        """The answer to a request that is written already."""
        self._depth += 1
        answered = False
        try:
            self._send(frame)
            while not answered:
                message = self._receive()
                answered = _LENGTHS.get(message[0]) == len(message)
                if not answered:
                    self._serve(message)
            self.values.lent.release(message[1])
            if self._abort is not None:
                self._raise_abort()
            if message[0] == "err":
                raise error_from(message[2], self.kept)
            return self.value(message[2])
        except FrameError as error:
            self._end(DanaLimitError(f"the worker process broke the protocol: {error}"))
        finally:
            self._depth -= 1
            if not self._depth:
                self.kept.clear()
                self._abort = self._nudged = None
            if not answered and self.alive:
                self.close()  # the call was cut where it waited: there is no way back into the conversation

    def _raise_abort(self) -> NoReturn:
        error = self._abort
        assert error is not None
        if self._depth == 1:
            self._abort = None
        raise error

    # -- what the worker asks ----------------------------------------------------------------------------

    def _serve(self, message: list[Any]) -> None:
        service = SERVICES.get(message[0])
        if service is None or len(message) < 3:
            raise FrameError(f"{message[0][:40]!r} is no request")
        if self.context._meter.remaining() <= 0:
            if self._overdue(clock()) > GRACE:
                self._late()
            self._send(self._stop(self._timeout()))  # softly: nothing is done for it any more
            return
        self.values.lent.release(message[1])
        context = self.context
        try:
            frame = self._ok(service(context, self, message[2:]))
        except FrameError:
            raise
        except Interrupt as stop:
            frame = self._stop(stop.reason)
        except Exception as error:
            if not self.alive:
                raise
            if message[0] == "capability":
                error.__traceback__ = guards_trace(error.__traceback__)
            data = error_data(error, hide_foreign=True, number=self._kept_count + 1)
            error.__traceback__ = _without_ours(list(_steps(error.__traceback__)))
            self._kept_count += 1
            self.kept[self._kept_count] = error
            if len(self.kept) > _KEPT:
                del self.kept[min(self.kept)]
            frame = pack("err", [self._dropped(), data])
        except BaseException as error:
            if not self.alive:
                raise
            self._abort = error
            frame = self._stop(DanaLimitError("the host ended the call"))
        self._send(frame)

    def _ok(self, value: Any) -> bytes:
        return pack("ok", [self._dropped()], value, self.values.leaf)

    def _stop(self, reason: DanaError) -> bytes:
        return pack("stop", [self._dropped(), error_data(reason)])

    def _dropped(self) -> list[list[int]]:
        return self.values.take_dropped()

    def value(self, form: Any) -> Any:
        """A value that arrived."""
        try:
            return decode(form, self._leaves)
        except RecursionError:
            self.close()  # of the references in it nobody knows which ones were taken over
            raise

    # -- bytes and clock ---------------------------------------------------------------------------------

    def _send(self, frame: bytes) -> None:
        left = memoryview(frame)
        process = self.process
        try:
            left = left[process.socket.send(left) :]
        except BlockingIOError:
            pass
        except OSError:
            self._crashed()
        while left:
            try:
                left = left[process.write(left, TICK) :]
            except OSError:
                self._crashed()
            self._watch()

    def _receive(self) -> list[Any]:
        process = self.process
        look = clock() + TICK
        while True:
            data = process.frame()
            if data is not None:
                return unpack(data, self.context._meter.limits.memory)
            if process.readable(TICK):
                if not process.read():
                    self._crashed()
                if clock() < look:
                    continue
            self._watch()
            look = clock() + TICK

    def _watch(self) -> None:
        """Look at everything that ends a call."""
        context = self.context
        meter = context._meter
        if context._closing and meter.thread is not None and self._cancelled() is not None:
            self._end(DanaLimitError("the context was closed during the call"))
        now = clock()
        remaining = meter.remaining()
        if remaining <= 0 and self._overdue(now) > GRACE:
            self._late()
        if self._abort is not None or self._cancelled() is not None:
            if self._nudged is None:
                self._nudged = now
                self.process.nudge()
            elif now - self._nudged > _ABORT_SECONDS:
                self._end(DanaLimitError("the call was cancelled and did not stop"))
        resident = self.process.resident()
        meter.peak = max(meter.peak, resident - self.process.baseline)
        if resident > self._peak:
            self._end(DanaMemoryError(f"the worker process grew beyond the {meter.limits.memory} bytes of its context"))

    def _overdue(self, now: float) -> float:
        """Seconds since the nearest deadline; the time that is paused has none."""
        from dana_guards.watchdog import running

        return now - min((meter.deadline for meter in running(self.context._meter)), default=inf)

    def _cancelled(self) -> DanaError | None:
        """Why the running call is to end, unless it is the deadline, which the worker knows by itself."""
        reason = self.context._meter.pending()
        return None if reason is None or isinstance(reason, DanaTimeoutError) else reason

    def _timeout(self) -> DanaTimeoutError:
        return DanaTimeoutError(f"the deadline passed: {self.context._meter.timeout:g} s for one call")

    def _late(self) -> NoReturn:
        self._end(self._timeout())

    def _crashed(self) -> NoReturn:
        self._end(self.reason or self.process.reason_of_death())

    def _end(self, reason: DanaLimitError) -> NoReturn:
        """End the worker for a reason; an abort of the host goes before it."""
        abort = self._abort
        self.reason = reason
        self.close()
        if abort is not None:
            raise abort
        raise lost(reason)

    def close(self) -> None:
        """End the worker."""
        self.alive = False
        self.process.kill()
        self.values.forget()


Service = Callable[["ProcessContext", Link, list[Any]], Any]
