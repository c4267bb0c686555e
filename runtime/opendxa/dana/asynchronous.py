"""Dana calls as awaitables.

In: a Dana function and its arguments, inside a running event loop. Out: an awaitable; the call itself runs in a thread
of the loop's own executor, which is bounded and belongs to the host, with a copy of the caller's context variables.

Calls of one context queue: each context runs one at a time, and a waiting call holds no thread. Cancelling a call that
waits removes it; cancelling one that runs stops the Dana code. Nothing here outlives the loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import threading
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextvars import ContextVar
from types import FunctionType
from typing import TYPE_CHECKING, Any

from dana_guards.errors import DanaContextError, DanaError, DanaLimitError, DanaTypeError
from opendxa.dana.ending import STOP_SECONDS
from opendxa.dana.function import context_of

if TYPE_CHECKING:
    from dana_guards.limits import Meter
    from opendxa.dana.context import DanaContext


_loop: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("dana_loop", default=None)
"""The loop whose task waits for the call that runs in this thread."""
_around: ContextVar[tuple[concurrent.futures.Future[Any], ...]] = ContextVar("dana_calls", default=())
"""The calls that run around this one, and this one."""
_AGAIN = 0.002
"""Seconds between two looks at a thread that is about to enter or to leave a context."""

_LOOK = 0.05
"""Seconds between two looks whether a call that waits for a coroutine is to stop."""


class _Job:
    """One call that waits or runs."""

    __slots__ = ("call", "future", "variables")

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self.variables = contextvars.copy_context()


class CallQueue:
    """The async calls of one context, first come, first served."""

    def __init__(self, cancel: Callable[[DanaError], object]) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Job] = deque()
        self._running: _Job | None = None
        self._busy = False
        self._cancel = cancel

    async def run(self, call: Callable[[], Any]) -> Any:
        """The result of ``call()``, made in a thread when its turn has come."""
        job = _Job(call)
        job.variables.run(_loop.set, asyncio.get_running_loop())
        around = _around.get()
        job.variables.run(_around.set, (*around, job.future))
        with self._lock:
            if self._running is not None and self._running.future in around:
                raise DanaContextError(
                    "a host function awaits a call of the context that waits for it",
                    hint="use another context there, or call Dana when the function has returned",
                )
            self._waiting.append(job)
            start, self._busy = not self._busy, True
        if start:
            self._start(job)
        try:
            return await asyncio.wrap_future(job.future)
        except asyncio.CancelledError:
            self._drop(job)
            raise

    def _start(self, job: _Job) -> None:
        """Ask the loop for a thread that runs what waits."""
        try:
            asyncio.get_running_loop().run_in_executor(None, self._drain)
        except BaseException:  # the executor is shut down: the next call may come from another loop
            with self._lock:
                self._busy = False
                self._waiting.remove(job)
            raise

    def _drop(self, job: _Job) -> None:
        """Take a call back that nobody waits for any more."""
        with self._lock:
            if job in self._waiting:
                self._waiting.remove(job)
                return
            if self._running is not job or self._cancel(DanaLimitError("the call was cancelled")):
                return
        # Its thread has not entered the context yet, or has just left it: look again.
        asyncio.get_running_loop().call_later(_AGAIN, self._drop, job)

    def _drain(self) -> None:
        """Run what waits, one after the other, in the thread that was asked first."""
        while True:
            with self._lock:
                job = self._running = self._waiting.popleft() if self._waiting else None
                if job is None:
                    self._busy = False
                    return
            self._finish(job)

    def _finish(self, job: _Job) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        try:
            result = job.variables.run(job.call)
        except BaseException as error:  # it belongs to the task that waits
            self._settle(job, functools.partial(job.future.set_exception, error))
        else:
            self._settle(job, functools.partial(job.future.set_result, result))

    def _settle(self, job: _Job, settle: Callable[[], None]) -> None:
        with self._lock:
            self._running = None
        settle()


async def call_async(function: FunctionType, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Await a Dana function."""
    call = functools.partial(function, *args, **named)
    context = context_of(function)
    if context is None:
        return await asyncio.to_thread(call)
    return await run_in(context, call)


async def run_in(context: DanaContext, call: Callable[[], Any]) -> Any:
    """Await a call into a context."""
    return await context._queue().run(call)


def awaited(function: Callable[..., Any], meter: Meter) -> Callable[..., Any]:
    """A plain function in place of a coroutine function of the host.

    The coroutine runs in the loop whose task waits for the Dana call, as a task of its own with the variables of that
    task; the thread of the call waits for it. It is cancelled when the call is, or runs into its deadline.
    """

    def wait(*args: Any, **named: Any) -> Any:
        loop = _loop.get()
        if loop is None or asyncio._get_running_loop() is not None:
            raise DanaTypeError(
                f"the host function {getattr(function, '__name__', 'called')!r} is async, and this call is not",
                hint="await the call: function.call_async(...), context.eval_dana_async(...)",
            )
        future = asyncio.run_coroutine_threadsafe(function(*args, **named), loop)
        while not concurrent.futures.wait([future], _LOOK).done:
            if meter.is_stopping():
                future.cancel()
                break
        return future.result()

    return wait


async def close(context: DanaContext) -> None:
    """`DanaContext.cleanup` without holding up the loop: the task waits while the call that runs is stopped."""
    patience = time.monotonic() + STOP_SECONDS
    try:
        while context._begin_end() and time.monotonic() < patience:
            if context._meter.thread == threading.get_ident():
                return  # called from inside of the call: the end comes when that returns
            await asyncio.sleep(_AGAIN)
    except asyncio.CancelledError:
        context._end_if_due()
        raise
    if context._has_worker():
        with contextlib.suppress(RuntimeError):  # the loop's executor is shut down
            await asyncio.to_thread(context._end)  # the end of a process takes a moment
    context._end()
    if context._reloader is not None:
        with contextlib.suppress(RuntimeError):
            await asyncio.to_thread(context._reloader.settle)


async def stream(function: FunctionType, items: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    """``function(item)`` for each item; the next one is taken when the last result was."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield await call_async(function, (item,), {})
        return
    for item in items:
        yield await call_async(function, (item,), {})
