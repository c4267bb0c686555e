"""Compiling inside a context: it has a deadline and a memory limit of its own, and leaves nothing half done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from dana2py import compiler, fresh_stack
from dana_guards import limits, watchdog
from dana_guards.errors import DanaContextError, DanaMemoryError, DanaTimeoutError
from opendxa.dana import DanaContext

Make = Callable[..., DanaContext]
Write = Callable[[str, str], Path]
LINES = "".join(f"def step{n}(a: int, b: int) -> int:\n    return a * {n} + b\n\n" for n in range(300))
"""Takes many times 20 ms to compile."""


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch, make_context: Make) -> DanaContext:
    """A context in which the compiler has 20 ms; `patient` gives it more."""
    monkeypatch.setattr(limits, "COMPILE_TIME", 0.02)
    return make_context(timeout="20ms")


def patient(context: DanaContext) -> DanaContext:
    """The same context with enough time from the next call on."""
    context._meter.timeout = 120.0
    return context


@pytest.mark.parametrize(
    "text",
    [LINES, "x = [" + "1, " * 200_000 + "]\n", "print(" + "sum([1, 2]), " * 50_000 + "1)\n", "f = $\n" * 200_000],
    ids=["functions", "list", "calls", "garbage"],
)
def test_a_text_that_takes_long_to_compile_is_stopped(hurried: DanaContext, text: str) -> None:
    """Whatever shape the text has, the error is that of the deadline, and the context goes on."""
    with pytest.raises(DanaTimeoutError, match="deadline passed"):
        hurried.eval_dana(text)
    assert patient(hurried).eval_dana("1 + 1") == 2


def test_the_same_text_compiles_with_more_time(hurried: DanaContext) -> None:
    """What was stopped is not remembered as a failure, nor as half a module."""
    with pytest.raises(DanaTimeoutError):
        hurried.eval_dana(LINES)
    with pytest.raises(DanaTimeoutError):
        hurried.run_dana(LINES)
    patient(hurried).eval_dana(LINES)
    assert hurried.eval_dana("step7(2, 3)") == 17


def test_an_import_inside_a_call_counts(hurried: DanaContext, write: Write) -> None:
    """A module that a running function imports has the same limit; no handler of the program keeps it away."""
    write("long.na", LINES)
    text = "def f() -> int:\n    try:\n        import long\n        return long.step2(3, 4)\n"
    text += "    except:\n        return 0\n"
    meter = patient(hurried)._meter
    hurried.eval_dana(text)
    meter.timeout = 0.02
    with pytest.raises(DanaTimeoutError, match="compiling"):
        hurried.eval_dana("f()")
    assert patient(hurried).eval_dana("f()") == 10


def test_a_short_timeout_is_enough_for_a_first_import(make_context: Make) -> None:
    """The compiler has a second in any case: a module need not be in the cache to be imported."""
    meter = make_context(timeout="1ms")._meter
    outer = meter.enter()
    try:
        with meter.paused():
            with limits.compiling():
                assert 0.9 < meter.remaining() <= limits.COMPILE_TIME or meter.stopped
            assert meter.deadline == float("inf")
    finally:
        meter.leave(outer)


def test_all_compiling_of_a_call_counts_together(monkeypatch: pytest.MonkeyPatch, make_context: Make) -> None:
    """Many modules share what one may take; the next call begins anew."""
    meter = make_context(timeout="10s")._meter
    for _ in range(2):
        outer = meter.enter()
        try:
            with meter.paused():
                for left in (10.0, 7.0, 4.0):
                    now = 1000.0 + 10.0 - left
                    monkeypatch.setattr(limits, "clock", lambda now=now: now)
                    with limits.compiling():
                        assert meter.deadline == pytest.approx(now + left)
                        monkeypatch.setattr(limits, "clock", lambda now=now: now + 3.0)
        finally:
            monkeypatch.undo()
            meter.leave(outer)


def test_memory_holds_while_compiling(monkeypatch: pytest.MonkeyPatch, make_context: Make) -> None:
    """A text whose tree does not fit is stopped by the memory watch."""
    monkeypatch.setattr(limits, "COMPILE_MEMORY", 30_000_000)
    context = make_context(max_memory="30MB", timeout="120s")
    with pytest.raises(DanaMemoryError, match="compiling grew"):
        context.eval_dana(LINES * 50)
    assert context.eval_dana("1 + 1") == 2


def test_cleanup_stops_the_compiler(make_context: Make) -> None:
    """A context that ends does not wait for a long text."""
    context = make_context(timeout="120s")

    def end() -> None:
        while context._meter.allowed is None:
            threading.Event().wait(0.001)
        context.cleanup()

    other = threading.Thread(target=end)
    other.start()
    with pytest.raises(DanaContextError, match="closed"):
        context.eval_dana(LINES * 30)
    other.join()
    assert context.closed


def test_the_compiler_on_a_stack_of_its_own_is_stopped(hurried: DanaContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host deep in its own recursion gets the same error: the thread that helps out looks at the caller's limits."""
    helped: list[int] = []

    def noted(waiting: int) -> AbstractContextManager[None]:
        helped.append(waiting)
        return watchdog.standing_for(waiting)

    monkeypatch.setattr(fresh_stack, "standing_for", noted)
    with pytest.raises(DanaTimeoutError):
        on_fresh_stack_of(hurried)
    assert helped == [threading.get_ident()]
    assert not watchdog._STANDS_FOR


def on_fresh_stack_of(context: DanaContext) -> None:
    """Compile as `compile_source` does when its own stack is not enough."""
    meter = context._meter

    def work() -> None:
        compiler.compile_source(LINES, "long.na")

    outer = meter.enter()
    try:
        with meter.paused(), limits.compiling():
            fresh_stack.on_fresh_stack(work)
    except watchdog.Interrupt as stop:
        raise stop.reason from None
    finally:
        meter.leave(outer)


def test_without_a_context_nothing_limits_the_compiler() -> None:
    """Outside of a call the section does nothing."""
    with limits.compiling():
        watchdog.look_for_stop()
