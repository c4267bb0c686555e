"""Settings of limits, and the meter: entries, stops, sizes, output."""

from __future__ import annotations

import math
import threading
from datetime import timedelta
from typing import Any

import pytest
from support_stop import call, meter_with

from dana_guards import watchdog
from dana_guards.errors import DanaContextError, DanaError, DanaLimitError, DanaMemoryError, DanaTimeoutError, Interrupt
from dana_guards.limits import UNLIMITED, Limits, Meter, parse_size, parse_time


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("100MB", 100_000_000), ("64KiB", 65_536), ("1GB", 10**9), ("1.5MB", 1_500_000), ("10 MB", 10_000_000),
        ("5B", 5), ("1TiB", 2**40), (4096, 4096), (None, 10**9), ("unlimited", UNLIMITED),
    ],
)  # fmt: skip
def test_sizes(value: Any, size: int) -> None:
    """KB is 1000, KiB 1024; None is the default; no limit must be written out."""
    assert parse_size(value) == size


@pytest.mark.parametrize(
    "value",
    [
        0, -1, "-1MB", "MB", "100", "100mb", "100Mb", "1e3MB", "", " ", "nan", "inf", "1,5MB", "0MB", "0.1B", True,
        False, 1.5, math.nan, "Unlimited", "none", b"1MB", [], "１MB", "1MB\n", "9" * 30 + "MB",
    ],
)  # fmt: skip
def test_bad_sizes(value: Any) -> None:
    """Everything else is a ValueError that says what is accepted (threat model 5.7, "Settings")."""
    with pytest.raises(ValueError, match='"100MB" or "64KiB"'):
        parse_size(value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30s", 30.0), ("500ms", 0.5), ("0.3s", 0.3), ("2m", 120.0), ("1h", 3600.0), ("1 s", 1.0), (5, 5.0),
        (0.25, 0.25), (timedelta(minutes=1), 60.0), (None, 30.0), ("unlimited", math.inf),
    ],
)  # fmt: skip
def test_times(value: Any, seconds: float) -> None:
    """Text with a unit, numbers of seconds, timedelta; None is the default; no limit must be written out."""
    assert parse_time(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [
        0, -1, "-1s", "1", "s", "1sec", "1S", "1M", "nan", "inf", "1e3s", "", math.nan, math.inf, -0.5, 10**400, True,
        False, timedelta(0), timedelta(seconds=-1), b"1s", [], "1s ", "Unlimited",
    ],
)  # fmt: skip
def test_bad_times(value: Any) -> None:
    """Everything else is a ValueError that says what is accepted."""
    with pytest.raises(ValueError, match='"30s", "500ms"'):
        parse_time(value)


def test_limits_are_frozen() -> None:
    """`Limits` has the defaults of the design and cannot be changed."""
    limits = Limits.parse()
    assert limits == Limits(30.0, 10**9, 10**7, 1000, 4300)
    assert Limits.parse("1s", "5MB", "1KB") == Limits(1.0, 5_000_000, 1000)
    with pytest.raises(AttributeError):
        limits.timeout = 5  # type: ignore[misc]


def test_enter_and_leave_pair_up() -> None:
    """After leaving, nothing is left in the table of running meters."""
    meter = meter_with(timeout=5.0)
    outer = meter.enter()
    assert watchdog.innermost() is meter
    assert 0 < meter.remaining() <= 5.0
    assert meter.leave(outer) is None
    assert watchdog.innermost() is None


def test_each_outermost_call_has_the_whole_time() -> None:
    """A second call starts its own clock and its own output."""
    meter = meter_with(timeout=5.0, output=10)
    for _ in range(3):
        outer = meter.enter()
        meter.count_output(8)
        assert meter.remaining() > 4
        assert meter.leave(outer) is None


def test_nested_calls_take_the_nearer_deadline() -> None:
    """An inner context cannot outlive the outer one, nor give it more time."""
    long, short = meter_with(timeout=100.0), meter_with(timeout=5.0)
    outer = short.enter()
    inner = long.enter()
    assert long.remaining() <= 5.0
    again = short.enter()
    assert short.remaining() <= 5.0
    for meter, entry in ((short, again), (long, inner), (short, outer)):
        assert meter.leave(entry) is None
    assert watchdog.innermost() is None
    outer = long.enter()
    assert long.remaining() > 50.0
    long.leave(outer)


def test_a_baseline_is_what_was_read_before_the_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry writes no baseline; the next reading of the size leaves it the one that was read before."""
    meter = meter_with(memory=1000)
    meter.leave(meter.enter())  # the size is read, and the watchdog runs
    monkeypatch.setattr(watchdog.WATCH, "fresh_until", math.inf)
    monkeypatch.setattr(watchdog.WATCH, "resident", 5_000)
    sizes = iter([9_000, 12_000])
    monkeypatch.setattr(watchdog, "resident_bytes", lambda: next(sizes, 12_000))
    outer = meter.enter()
    inner = meter.enter()
    assert watchdog.WATCH.sample() - meter.baseline == 4_000
    assert watchdog.WATCH.sample() - meter.baseline == 7_000
    with pytest.raises(Interrupt):
        meter.need(1, "a value")
    meter.leave(inner)
    meter.leave(outer)
    outer = meter.enter()
    assert meter.baseline == 12_000
    meter.leave(outer)


def test_a_slot_of_an_ended_thread_is_never_used_again() -> None:
    """Its number may belong to another thread by now: the meter that kept the slot looks for a new one."""
    meter = meter_with()
    thread = threading.Thread(target=lambda: meter.leave(meter.enter()))
    thread.start()
    thread.join()
    old = meter.slot
    assert old.ident == thread.ident
    watchdog.forget_threads()
    assert old.ident == 0
    outer = meter.enter()
    assert meter.slot is not old
    assert watchdog.innermost() is meter
    watchdog.forget_threads()  # the caller lives, so its slot stays
    assert watchdog.innermost() is meter
    meter.leave(outer)


def test_a_running_context_keeps_its_thread() -> None:
    """A second thread is refused, and what it tried does not move the meter to its own slot."""
    meter, refused = meter_with(), []
    outer = meter.enter()
    slot = meter.slot

    def other() -> None:
        try:
            meter.enter()
        except DanaContextError as error:
            refused.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert len(refused) == 1
    assert meter.slot is slot
    assert slot.meter is meter
    meter.leave(outer)
    assert slot.meter is None


def test_a_pause_counts_neither_time_nor_memory() -> None:
    """After the pause the same time is left as before, and what grew meanwhile is no growth."""
    meter = meter_with(timeout=100.0, memory=50_000_000)
    outer = meter.enter()
    meter.entered -= 40.0
    with meter.paused():
        assert meter.deadline == math.inf
        kept = bytearray(b"x") * 80_000_000
        watchdog.WATCH.poll()
        meter.check()
    assert meter.remaining() == pytest.approx(60.0, abs=5.0)
    assert watchdog.WATCH.resident - meter.baseline < 50_000_000
    assert len(kept) == 80_000_000
    meter.deadline = watchdog.clock() + 10.0
    assert meter.remaining() == pytest.approx(10.0, abs=5.0)
    assert meter.leave(outer) is None


def test_a_second_thread_is_refused() -> None:
    """One running call for each context; the other thread gets an error and changes nothing."""
    meter, errors = meter_with(timeout=5.0), []
    outer = meter.enter()

    def other() -> None:
        try:
            meter.enter()
        except DanaContextError as error:
            errors.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert len(errors) == 1
    assert meter.leave(outer) is None


def test_the_first_reason_wins() -> None:
    """Later reasons are dropped; the reason comes out of `leave` and out of every `check`."""
    meter = meter_with()
    outer = meter.enter()
    first, second = DanaTimeoutError("first"), DanaMemoryError("second")
    assert meter.cancel(first)
    assert meter.cancel(second)
    for _ in range(2):
        with pytest.raises(Interrupt) as caught:
            meter.check()
        assert caught.value.reason is first
    assert meter.leave(outer) is first
    assert meter.pending() is None


def test_a_late_stop_does_not_hit_the_next_call() -> None:
    """A reason recorded for a call that has ended stays without effect."""
    meter = meter_with()
    outer = meter.enter()
    old = meter.serial
    meter.leave(outer)
    outer = meter.enter()
    meter.record(old, DanaTimeoutError("late"))
    meter.check()
    assert meter.leave(outer) is None
    assert not meter.cancel(DanaTimeoutError("nothing runs"))
    outer = meter.enter()
    meter.check()
    assert meter.leave(outer) is None


def test_a_stale_flag_is_taken_down() -> None:
    """A flag that was raised too late calls the hook once, which lowers it and lets the program go on."""
    meter = meter_with()
    namespace: dict[str, object] = {}
    meter.register_namespace(namespace)
    assert namespace == {"dana_stop": False}
    outer = meter.enter()
    meter.raise_flags()
    meter.stop_hook()
    assert namespace == {"dana_stop": False}
    meter.cancel(DanaTimeoutError("now"))
    meter.raise_flags()
    with pytest.raises(Interrupt):
        meter.stop_hook()
    assert namespace == {"dana_stop": True}
    meter.leave(outer)
    assert namespace == {"dana_stop": False}


def test_nothing_is_delivered_inside_host_code() -> None:
    """Inside a host section `check` is silent; what came meanwhile is delivered on the way out."""
    meter = meter_with()
    reached: list[str] = []

    def program() -> None:
        with meter.host():
            meter.cancel(DanaTimeoutError("now"))
            meter.check()
            meter.stop_hook()
            reached.append("host")
        reached.append("after")

    assert isinstance(call(meter, program), DanaTimeoutError)
    assert reached == ["host"]


def test_dana_inside_host_code_is_stopped_all_the_same() -> None:
    """Dana called from host code is Dana code; a stop there does not reach the host section outside."""
    meter, other = meter_with(), meter_with()
    reached: list[object] = []

    def inner() -> None:
        other.cancel(DanaTimeoutError("inner"))
        other.check()

    def program() -> None:
        with meter.host():
            reached.append(type(call(other, inner)))
            reached.append(call(meter, lambda: meter.check()))
        meter.check()
        reached.append("on")

    assert call(meter, program) is None
    assert reached == [DanaTimeoutError, None, "on"]


def test_stops_from_other_threads_do_not_hit_this_one() -> None:
    """A meter that runs in another thread is never delivered here."""
    meter, go, done = meter_with(), threading.Event(), threading.Event()

    def run() -> None:
        outer = meter.enter()
        go.set()
        done.wait()
        meter.leave(outer)

    thread = threading.Thread(target=run)
    thread.start()
    go.wait()
    meter.cancel(DanaTimeoutError("theirs"))
    meter.check()
    done.set()
    thread.join()


def test_sizes_are_held_against_the_memory() -> None:
    """What fits is let through; what does not is a stop with the name of the thing."""
    meter = meter_with(memory=10_000_000)
    assert call(meter, lambda: meter.need(1000, "a list")) is None
    reason = call(meter, lambda: meter.need(10**12, "a list"))
    assert isinstance(reason, DanaMemoryError)
    assert "a list needs 1000000000000 bytes" in str(reason)
    Meter().need(10**15, "anything, without limits")


def test_output_is_counted() -> None:
    """Small pieces add up; the stop is a DanaLimitError."""
    meter = meter_with(output=100)

    def program() -> None:
        for _ in range(50):
            meter.count_output(3)

    assert type(call(meter, program)) is DanaLimitError
    assert meter.output == 102


def test_a_stop_without_a_run_is_an_interrupt() -> None:
    """Sizes are checked outside of a run too, for values that the border makes."""
    with pytest.raises(Interrupt):
        meter_with(memory=10).need(10**9, "a value")


def test_a_failed_start_of_the_watchdog_undoes_the_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no thread can be started the context stays usable."""
    meter = meter_with()
    monkeypatch.setattr(watchdog.WATCH, "parked", True)
    monkeypatch.setattr(watchdog.WATCH, "fresh_until", -math.inf)

    def broken() -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(watchdog.WATCH, "wake", broken)
    with pytest.raises(RuntimeError, match="new thread"):
        meter.enter()
    assert meter.thread is None
    assert watchdog.innermost() is None


def test_code_objects_are_registered_by_identity() -> None:
    """Equal code objects of two modules are two places to stop at; inner ones count."""
    text = "def f():\n    return [lambda: 0 for x in ()]\n"
    first, second = compile(text, "x", "exec"), compile(text, "x", "exec")
    assert first == second
    meter = Meter()
    meter.register_code(first)
    once = len(meter.codes)
    assert once >= 3
    meter.register_code(second)
    assert len(meter.codes) == 2 * once
    meter.close()
    assert meter.codes == {}


def test_reasons_are_dana_errors() -> None:
    """What the host gets is of the family, and of Python's own kinds."""
    for reason, kind in ((DanaTimeoutError("x"), TimeoutError), (DanaMemoryError("x"), MemoryError)):
        assert isinstance(reason, DanaError)
        assert isinstance(reason, kind)
