"""Dana calls as awaitables.

In: a Dana function and its arguments, inside a running event loop. Out: an awaitable; the call itself runs in a thread
of the loop's own executor, which is bounded and belongs to the host, with a copy of the caller's context variables.

Calls of one context queue: each context runs one at a time, and a waiting call holds no thread. Cancelling a call that
waits removes it; cancelling one that runs stops the Dana code. Nothing here outlives the loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import functools
import threading
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from types import FunctionType
from typing import TYPE_CHECKING, Any

from dana_guards.errors import DanaError, DanaLimitError
from opendxa.dana.function import context_of

if TYPE_CHECKING:
    from opendxa.dana.context import DanaContext


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
        with self._lock:
            self._waiting.append(job)
            start, self._busy = not self._busy, True
        loop = asyncio.get_running_loop()
        if start:
            loop.run_in_executor(None, self._drain)
        try:
            return await asyncio.wrap_future(job.future)
        except asyncio.CancelledError:
            self._drop(job)
            raise

    def _drop(self, job: _Job) -> None:
        with self._lock:
            if job in self._waiting:
                self._waiting.remove(job)
            elif self._running is job:
                self._cancel(DanaLimitError("the call was cancelled"))

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


async def stream(function: FunctionType, items: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    """``function(item)`` for each item; the next one is taken when the last result was."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield await call_async(function, (item,), {})
        return
    for item in items:
        yield await call_async(function, (item,), {})
