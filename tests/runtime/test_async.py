"""Dana in an event loop: awaited calls, cancelling, streams, and host functions that are coroutines themselves."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import tracemalloc
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from dana_guards.watchdog import _running_now
from opendxa.dana import DanaContext, DanaContextError, DanaRuntimeError, DanaTimeoutError, DanaTypeError

Make = Callable[..., DanaContext]
Write = Callable[[str, str], Path]

SPIN = "while true:\n    pass\n"
DOUBLE = "def double(x):\n    return x * 2\ndouble"
user: ContextVar[str] = ContextVar("user", default="nobody")


def is_running() -> bool:
    """Whether Dana code runs in any thread."""
    return bool(_running_now())


class Waiting:
    """A host function that waits until it is let go."""

    def __init__(self) -> None:
        self.begun, self.release = threading.Event(), threading.Event()

    def wait(self) -> None:
        """Wait."""
        self.begun.set()
        self.release.wait()


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until something is so."""
    while not condition():
        await asyncio.sleep(0.001)


# -- calls ------------------------------------------------------------------------------------------------


def test_modules_and_programs_are_awaited(write: Write, make_context: Make) -> None:
    """Importing and running have awaitable twins with the same errors."""
    write("m.na", "x = 5\n")
    write("broken.na", "x = = 5\n")

    async def main() -> None:
        async with make_context() as context:
            assert (await context.import_module_async("m")).x == 5
            assert await context.run_dana_async("y = 2\ny + 1") == 3
            with pytest.raises(SyntaxError):
                await context.import_module_async("broken")
            with pytest.raises(DanaTypeError):
                await context.import_module_async(5)  # type: ignore[arg-type]
            with pytest.raises(SyntaxError, match="'y' is not defined"):
                await context.run_dana_async("y")
        with pytest.raises(DanaContextError):
            await context.run_dana_async("1")

    asyncio.run(main())


def test_many_calls_share_few_threads(make_context: Make) -> None:
    """A thousand concurrent calls of fifty contexts run in the threads of the loop's executor and no others."""
    seen: set[str] = set()
    contexts = [make_context(functions={"note": lambda: seen.add(threading.current_thread().name)}) for _ in range(50)]

    async def main() -> list[Any]:
        with ThreadPoolExecutor(3, thread_name_prefix="few") as threads:
            asyncio.get_running_loop().set_default_executor(threads)
            calls = [contexts[number % 50].eval_dana_async(f"note()\n{number}") for number in range(1000)]
            return await asyncio.gather(*calls)

    assert asyncio.run(main()) == list(range(1000))
    assert seen <= {"few_0", "few_1", "few_2"}


def test_the_loop_turns_while_dana_computes(make_context: Make) -> None:
    """Endless code in two contexts does not stand in the way of the loop."""

    async def main() -> int:
        calls = [asyncio.create_task(make_context(timeout="500ms").run_dana_async(SPIN)) for _ in range(2)]
        turns = 0
        while not all(call.done() for call in calls):
            await asyncio.sleep(0.001)
            turns += 1
        for call in calls:
            assert isinstance(call.exception(), DanaTimeoutError)
        return turns

    assert asyncio.run(main()) > 2


def test_timeouts_and_groups_stop_dana(make_context: Make) -> None:
    """``asyncio.timeout`` and a failing task of a group end the Dana code that is awaited; the context stays open."""
    context = make_context(timeout="1h")

    async def fail() -> None:
        await until(is_running)
        raise LookupError

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await context.run_dana_async(SPIN)
        await until(lambda: not is_running())
        with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012
            async with asyncio.TaskGroup() as group:
                group.create_task(context.run_dana_async(SPIN))
                group.create_task(fail())
        assert caught.group_contains(LookupError)
        assert await context.run_dana_async("3") == 3

    asyncio.run(main())


def test_cancelling_in_a_host_function(make_context: Make) -> None:
    """The host's function ends in peace; the Dana code around it does not go on."""
    waiting, reached = Waiting(), []
    context = make_context(functions={"wait": waiting.wait, "reach": lambda: reached.append(1)}, timeout="1h")

    async def main() -> None:
        call = asyncio.create_task(context.run_dana_async("try:\n    wait()\nexcept:\n    reach()\nreach()"))
        await until(waiting.begun.is_set)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        waiting.release.set()
        await until(lambda: not is_running())

    asyncio.run(main())
    assert not reached


def test_cancelling_before_the_context_is_entered(make_context: Make) -> None:
    """A call whose thread has begun, but is not inside yet, is stopped as soon as it is."""
    context = make_context(timeout="1h")
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def call() -> Any:
        begun.set()
        go.wait()
        try:
            return context.run_dana(SPIN)
        finally:
            ended.set()

    async def main() -> None:
        task = asyncio.create_task(context._queue().run(call))
        await until(begun.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()
        await until(ended.is_set)

    asyncio.run(main())
    assert not is_running()


def test_async_with_waits_without_holding_the_loop(make_context: Make) -> None:
    """Leaving the block while a call is in a host function: the loop turns until that has returned."""
    waiting = Waiting()

    async def main() -> None:
        async with make_context(functions={"wait": waiting.wait}, timeout="1h") as context:
            call = asyncio.create_task(context.run_dana_async("wait()"))
            await until(waiting.begun.is_set)
            asyncio.get_running_loop().call_later(0.02, waiting.release.set)
        assert waiting.release.is_set()  # nobody else could have set it
        assert context.closed
        with pytest.raises(DanaContextError):
            await call

    asyncio.run(main())


def test_an_executor_that_is_gone(make_context: Make) -> None:
    """The call fails, and the next one finds another executor: nothing waits for ever."""
    context = make_context()

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        gone = ThreadPoolExecutor(1)
        loop.set_default_executor(gone)
        gone.shutdown()
        with pytest.raises(RuntimeError, match="shutdown"):
            await context.run_dana_async("1")
        with ThreadPoolExecutor(1) as fresh:
            loop.set_default_executor(fresh)
            return await context.run_dana_async("2")

    assert asyncio.run(main()) == 2


def test_a_worker_ends_without_an_executor(make_context: Make) -> None:
    """Leaving the block ends the worker process, also when the loop has no threads any more."""

    async def main() -> Any:
        async with make_context(isolation="process") as context:
            assert await context.run_dana_async("1 + 1") == 2
            worker = context._link.process  # type: ignore[attr-defined]
            gone = ThreadPoolExecutor(1)
            asyncio.get_running_loop().set_default_executor(gone)
            gone.shutdown()
        return context, worker

    context, worker = asyncio.run(main())
    assert context.closed
    assert not worker.is_running()


# -- coroutine functions of the host ----------------------------------------------------------------------


async def fetch(number: int) -> list[Any]:
    """Work that only an event loop can do, and where it is done."""
    await asyncio.sleep(0.001)
    return [number, user.get(), threading.current_thread() is threading.main_thread()]


async def missing() -> None:
    raise KeyError("a secret of the host")


class Store:
    """Coroutine functions that are methods."""

    async def __call__(self) -> str:
        return "called"

    async def load(self, number: int) -> int:
        return number + 1


@pytest.fixture(params=["thread", "process"])
def make_either(request: pytest.FixtureRequest, make_context: Make) -> Make:
    """Contexts of both tiers."""
    return lambda **settings: make_context(isolation=request.param, **settings)


def test_coroutines_of_the_host_are_awaited(make_either: Make) -> None:
    """They run in the loop that waits for Dana, with the variables of the task; what they raise can be caught."""

    async def main() -> None:
        user.set("ann")
        async with make_either(functions={"fetch": fetch, "store": Store(), "missing": missing}) as context:
            assert await context.eval_dana_async("[fetch(n)[0] for n in range(3)]") == [0, 1, 2]
            assert await context.eval_dana_async("fetch(7)") == [7, "ann", True]
            assert await context.eval_dana_async("store()") == "called"
            context.expose("shelf", Store(), methods=["load"])
            assert await context.eval_dana_async("shelf.load(1)") == 2
            caught = "r = ''\ntry:\n    missing()\nexcept KeyError as e:\n    r = e.message\nr"
            assert await context.eval_dana_async(caught) == "error in a host function"
            call = await context.eval_dana_async("def call(f):\n    return f(8)[0]\ncall")
            assert [result async for result in call.stream([fetch, fetch])] == [8, 8]

    asyncio.run(main())


def test_a_coroutine_ends_with_its_call(make_either: Make) -> None:
    """Cancelled with the task that waits for Dana, or at the deadline; Dana code cannot catch that."""
    ended: list[str] = []
    begun = asyncio.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("wait")

    text = "try:\n    wait()\nexcept:\n    1\nwait()"

    async def main() -> None:
        async with make_either(functions={"wait": wait}, timeout="1h") as context:
            call = asyncio.create_task(context.run_dana_async(text))
            await begun.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        async with make_either(functions={"wait": wait}, timeout="300ms") as context:
            with pytest.raises(DanaTimeoutError):
                await context.run_dana_async(text)
        await until(lambda: len(ended) == 2)

    asyncio.run(main())


def test_coroutines_need_an_awaited_call(make_either: Make) -> None:
    """A call that is not awaited says so, in a loop and without one, and no coroutine is left behind."""
    context = make_either(functions={"fetch": fetch})
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with pytest.raises(DanaTypeError, match="'fetch' is async, and this call is not"):
            context.eval_dana("fetch(1)")

        async def main() -> None:
            with pytest.raises(DanaTypeError, match="'fetch' is async, and this call is not"):
                context.eval_dana("fetch(1)")

        asyncio.run(main())
        with pytest.raises(DanaTypeError, match="coroutine cannot enter"):
            context.eval_dana("def call(f):\n    return f()\ncall")(lambda: fetch(1))
        gc.collect()
    assert not heard


def test_a_context_that_waits_for_itself(make_either: Make) -> None:
    """A coroutine of the host that awaits the context whose call awaits it is told so; another context is fine."""

    async def main() -> None:
        async with make_either() as context, make_either() as other:
            call = await context.run_dana_async("def call(f):\n    return f()\ncall")

            async def same() -> Any:
                return await context.run_dana_async("1")

            async def another() -> Any:
                return await other.run_dana_async("2")

            with pytest.raises(DanaContextError, match="awaits a call of the context that waits for it"):
                await call.call_async(same)
            assert await call.call_async(another) == 2

    asyncio.run(main())


# -- streams ----------------------------------------------------------------------------------------------


def test_streams_take_async_iterators(context: DanaContext) -> None:
    """Items come from an async generator, one when the last result was taken; leaving early takes no more."""
    double, taken = context.eval_dana(DOUBLE), []

    async def numbers() -> AsyncIterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    async def main() -> list[Any]:
        seen = []
        stream = double.stream(numbers())
        async for result in stream:
            seen.append(result)
            if len(seen) == 3:
                break
        await stream.aclose()
        return seen

    assert asyncio.run(main()) == [0, 2, 4]
    assert taken == [0, 1, 2]


def test_an_error_ends_a_stream(context: DanaContext) -> None:
    """What came before it was given out; after it a stream is over, as with every Python generator."""
    half = context.eval_dana("def half(x):\n    return 12 / x\nhalf")
    results = half.map([2, 3, 0, 4])
    assert [next(results), next(results)] == [6.0, 4.0]
    with pytest.raises(DanaRuntimeError, match="ZeroDivisionError"):
        next(results)
    assert list(results) == []
    assert list(half.map([])) == []

    async def main() -> list[Any]:
        seen: list[Any] = []
        with pytest.raises(DanaRuntimeError, match="ZeroDivisionError"):  # noqa: PT012
            async for result in half.stream([2, 0, 4]):
                seen.append(result)
        return seen

    assert asyncio.run(main()) == [6.0]


def test_a_stream_of_a_closed_context(make_context: Make) -> None:
    """The end of the context is an error of the next item, and the rest of the source is not touched."""
    context, source = make_context(), iter(range(10))
    double = context.eval_dana(DOUBLE)
    results = double.map(source)
    generated = context.eval_dana("map(lambda x :: x + 1, range(3))")
    assert (next(results), next(generated)) == (0, 1)
    context.cleanup()
    for each in (results, generated):
        with pytest.raises(DanaContextError):
            next(each)
    assert next(source) == 2


def _peak(items: Iterator[Any], count: int) -> int:
    tracemalloc.start()
    try:
        for _ in itertools.islice(items, count):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "make",
    [
        lambda context: context.eval_dana(DOUBLE).map(itertools.count()),
        lambda context: context.eval_dana("def f(xs):\n    return map(lambda x :: x + 1, xs)\nf")(itertools.count()),
        lambda context: context.eval_dana("def f(xs):\n    return filter(lambda x :: x > 0, xs)\nf")(itertools.count()),
    ],
    ids=["map", "inside", "filter"],
)
def test_streams_need_constant_memory(context: DanaContext, make: Callable[[DanaContext], Iterator[Any]]) -> None:
    """An endless source: twenty thousand items need no more memory than two hundred."""
    items = make(context)
    _peak(items, 200)
    small, large = _peak(items, 200), _peak(items, 20_000)
    assert large < small + 50_000
