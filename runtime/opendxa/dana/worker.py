"""The worker of the process tier: a Python process that runs one context for a host in another process.

In: frames on descriptor 0, each a request of the parent. Out: frames, each the answer, or a request of its own: host
functions, capabilities, output and module texts are the parent's. Towards its `DanaContext` the worker is what a host
is in the thread tier, so both tiers have one meaning; it is only that its host functions answer from far away.

Started by `process_pool` with nothing but this file's `main`: no environment, no site packages beyond those named, no
other descriptor. It confines itself before it has seen any Dana code (`dana_guards.confinement`).
"""

from __future__ import annotations

import gc
import linecache
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from dana_guards.confinement import confine_calls, confine_files, limit_memory, limit_processor
from dana_guards.errors import DanaError, DanaLimitError, DanaMemoryError, DanaRecursionError, Interrupt
from opendxa.dana.frames import HEADER, FrameError, Leaves, decode, pack, unpack
from opendxa.dana.process_errors import error_data, error_in_worker
from opendxa.dana.process_remote import WorkerContext, open_context
from opendxa.dana.process_worker_values import PLAIN, WorkerValues, class_description, function_description
from opendxa.dana.texts import lines_of

READY = "ready"
_ANSWERS = frozenset({"ok", "err", "stop"})
_FIRST_CHUNK, _CHUNK = 1 << 14, 1 << 20
"""Bytes of one read: most frames are short, and a large buffer costs more than the call."""


class Channel:
    """Whole frames on a descriptor. The end of the other side is the end of this process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pending = bytearray()

    def send(self, frame: bytes) -> None:
        view = memoryview(frame)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def receive(self) -> bytes:
        self._fill(HEADER)
        size = int.from_bytes(self._pending[:HEADER], "big")
        self._fill(HEADER + size)
        data = bytes(self._pending[HEADER : HEADER + size])
        del self._pending[: HEADER + size]
        return data

    def _fill(self, size: int) -> None:
        while len(self._pending) < size:
            data = os.read(self._descriptor, _CHUNK if self._pending else _FIRST_CHUNK)
            if not data:
                os._exit(0)
            self._pending += data


class Worker:
    """One conversation with the parent."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.values = WorkerValues(self)
        self._leaves = Leaves(self.values.ref, self.values.struct)
        self.context: WorkerContext | None = None
        self._renew = math.inf

    # -- both directions -----------------------------------------------------------------------------

    def serve(self) -> NoReturn:
        """Answer requests for ever."""
        while True:
            self._answer(unpack(self._channel.receive()))

    def ask(self, word: str, plain: list[Any], value: Any = None) -> Any:
        """The parent's answer to a request; meanwhile it may ask something itself.

        Raises what the parent says went wrong there.
        """
        self._channel.send(pack(word, [self.values.take_dropped(), *plain], value, self.values.leaf))
        while True:
            message = unpack(self._channel.receive())
            if message[0] not in _ANSWERS:
                self._answer(message)
                continue
            self.values.release(message[1])
            if message[0] == "ok":
                return decode(message[-1], self._leaves)
            if message[0] == "err":
                raise error_in_worker(message[2])
            self._stop(message[2])

    def ask_paused(self, word: str, plain: list[Any], value: Any = None) -> Any:
        """`ask` for what is the runtime's own work: its time does not count."""
        with self.opened._meter.paused():
            return self.ask(word, plain, value)

    def _stop(self, data: dict[str, Any]) -> NoReturn:
        """The parent wants the running call to end. Nobody may take that for an answer, so it is raised at once."""
        reason = error_in_worker(data)
        assert isinstance(reason, DanaError)
        meter = self.opened._meter
        meter.record(meter.serial, reason)
        raise Interrupt(reason)

    def _answer(self, message: list[Any]) -> None:
        handler = _HANDLERS[message[0]]
        try:
            if time.perf_counter() > self._renew:
                self._renew = limit_processor(self.opened._meter.limits.timeout)
            self.values.release(message[1])
            result = handler(self, *message[2:])
            plain = PLAIN.get(type(result))
            if plain is not None:
                result = plain(result)
            frame = pack("ok", [self.values.take_dropped()], result, self.values.leaf)
        except BaseException as error:
            frame = pack("err", [self.values.take_dropped(), _shown(error)])
        self._channel.send(frame)

    def value(self, form: Any) -> Any:
        """A value that arrived."""
        return decode(form, self._leaves)

    @property
    def opened(self) -> WorkerContext:
        """The context of this process."""
        assert self.context is not None, "not opened yet"
        return self.context

    # -- requests of the parent ------------------------------------------------------------------------

    def open(self, settings: dict[str, Any], lent: Any) -> None:
        """Make the context."""
        functions, objects = self.value(lent)
        self.context = open_context(self, settings, functions, objects)
        limit_memory(settings["memory"])
        self._renew = limit_processor(settings["timeout"])
        meter = self.context._meter
        reason = DanaLimitError("the call was cancelled")

        def cancelled(*_: object) -> None:
            meter.cancel(reason)

        signal.signal(signal.SIGUSR1, cancelled)

    def limited(self, seconds: float | None, call: Callable[[], Any]) -> Any:
        """A call with the time that the parent has left, where that is less than the context's own."""
        if seconds is None:
            return call()
        meter = self.opened._meter
        before, meter.timeout = meter.timeout, seconds
        try:
            return call()
        finally:
            meter.timeout = before

    def eval(self, seconds: float | None, source: str, filename: str | None, program: bool, _: None) -> Any:
        if filename is not None:  # errors show lines, and this process cannot read the file
            linecache.cache[filename] = (len(source), None, lines_of(source), filename)
        run = self.opened.run_dana if program else self.opened.eval_dana
        return self.limited(seconds, partial(run, source, filename))

    def import_module(self, seconds: float | None, name: str, _: None) -> Any:
        return self.limited(seconds, partial(self.opened.import_module, name))

    def reload(self, seconds: float | None, names: Any) -> Any:
        """Load modules again; the parent looks at the files."""
        context = self.opened
        known = [name for name in self.value(names) if name in context._importer.modules]
        modules = self.limited(seconds, lambda: context._renew(known)) if known else []
        done = context._reloader.migration if context._reloader is not None else None
        told = {"migrated": done.migrated, "refused": done.refused} if done else {"migrated": 0, "refused": []}
        return {"modules": modules, **told}

    def attribute(self, seconds: float | None, module: str, name: str, _: None) -> Any:
        return self.limited(seconds, lambda: getattr(self.opened.import_module(module), name))

    def names(self, module: str, _: None) -> Any:
        return dir(self.opened.import_module(module))

    def facts(self, module: str, _: None) -> Any:
        """What the host may ask about a module."""
        view = self.opened.import_module(module)
        return {"file": view.__file__, "doc": view.__doc__, "manifest": view.__manifest__}

    def call(self, seconds: float | None, number: int, given: Any) -> Any:
        args, named = self.value(given)
        function = self.values.lent.get(number)
        if seconds is None:
            return function(*args, **named)
        return self.limited(seconds, lambda: function(*args, **named))

    def call_scalars(self, number: int, args: list[Any], named: dict[str, Any], _: None) -> Any:
        """The short form of `call`: only scalars, and no nearer deadline."""
        return self.values.lent.get(number)(*args, **named)

    def method(self, seconds: float | None, name: str, given: Any) -> Any:
        """A method of a struct that came by value: its result, and the fields as they are then."""
        target, args, named = self.value(given)
        self.opened._own_value(target)  # it may be of a class from before a reload
        result = self.limited(seconds, lambda: getattr(target, name)(*args, **named))
        return [result, target]

    def step(self, seconds: float | None, number: int, _: None) -> Any:
        """The next item of an iterator, in a list; an empty one at its end."""
        items = self.values.lent.get(number)
        return self.limited(seconds, lambda: [*_first(items)])

    def describe(self, number: int, _: None) -> Any:
        return function_description(self.opened, self.values.lent.get(number))

    def describe_class(self, number: int, _: None) -> Any:
        return class_description(self.opened, self.values.class_of(number))

    def expose(self, name: str, attrs: list[str], methods: list[str], target: Any) -> None:
        self.opened.expose(name, self.value(target), attrs, methods)


def _first(items: Any) -> Any:
    for item in items:
        yield item
        return


_HANDLERS: dict[str, Callable[..., Any]] = {
    "open": Worker.open,
    "eval": Worker.eval,
    "import": Worker.import_module,
    "reload": Worker.reload,
    "attribute": Worker.attribute,
    "names": Worker.names,
    "facts": Worker.facts,
    "call": Worker.call,
    "calls": Worker.call_scalars,
    "method": Worker.method,
    "step": Worker.step,
    "describe": Worker.describe,
    "class": Worker.describe_class,
    "expose": Worker.expose,
}


def _shown(error: BaseException) -> dict[str, Any]:
    if isinstance(error, FrameError):
        return error_data(DanaLimitError(f"the worker process was sent what is no message: {error}"))
    if isinstance(error, (DanaError, AttributeError, TypeError, ValueError)):
        return error_data(error)
    if isinstance(error, MemoryError):
        return error_data(DanaMemoryError("there is not enough memory in the worker process"))
    if isinstance(error, RecursionError):
        return error_data(DanaRecursionError("the data or the calls are nested too deep for the worker process"))
    return error_data(error)


def warm_up() -> None:
    """Load what a program needs and start the watchdog, before there is a program."""
    from opendxa.dana.process_remote import warm_context

    warm_context()
    gc.collect()
    gc.freeze()


def main() -> NoReturn:
    """Confine this process, say that it is ready, and serve."""
    protocol = os.dup(0)
    os.set_inheritable(protocol, False)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    channel = Channel(protocol)
    try:
        time.localtime()  # reads the zone
        report = confine_files(readable=sys.path)
        warm_up()
        report |= confine_calls()
    except BaseException as error:
        channel.send(pack("err", [[], error_data(error)]))
        raise
    worker = Worker(channel)
    channel.send(pack(READY, [[], report]))
    worker.serve()
