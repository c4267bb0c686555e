"""The stop: it reaches every form of loop and handler, nothing keeps it, and nobody else is hit."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import repeat
from typing import Any

import pytest
from support_stop import call, load, meter_with

from dana_guards import watchdog
from dana_guards.errors import DanaMemoryError, DanaTimeoutError, Interrupt
from dana_guards.iterators import FlatIterator
from dana_guards.limits import Meter

FORMS = {
    "while on one line": "def f():\n while True: pass",
    "while": "def f():\n i = 0\n while True:\n  i += 1",
    "for": "def f():\n for x in big: pass",
    "for in for": "def f():\n for x in big:\n  for y in (1,): pass",
    "loop with else": "def f():\n while True:\n  for x in (1, 2): pass\n  else: pass",
    "list comprehension": "def f():\n return [0 for x in big if x < 0]",
    "set comprehension": "def f():\n return {0 for x in big}",
    "dict comprehension": "def f():\n return {0: 1 for x in big}",
    "generator expression": "def f():\n return sum(0 for x in big)",
    "recursion": "def g(n):\n if n: g(n - 1); g(n - 1)\ndef f(): g(80)",
    "recursive lambda": "def f():\n y = lambda n: n and (y(n - 1), y(n - 1))\n y(80)",
    "except Exception": "def f():\n while True:\n  try:\n   while True: pass\n  except Exception: pass",
    "finally continue": "def f():\n while True:\n  try:\n   while True: pass\n  finally: continue",
    "loop in finally": "def f():\n try:\n  while True: pass\n finally:\n  while True: pass",
    "return in finally": "def g():\n try:\n  while True: pass\n finally: return 1\ndef f():\n while True: g()",
    "exit that swallows": "def f():\n while True:\n  with swallower:\n   while True: pass",
    "sort key": "def f():\n while True: sorted(range(1000), key=lambda x: 0)",
    "function in C loop": "def f():\n return sum(map(lambda x: 0, big))",
    "call of a short function": "def g(): return 1\ndef f():\n while True: g()",
    "joined branches": "def f():\n while True:\n  x.append([0]) if type(x) is list else len(x)\n  x.clear()",
    "module level": "def f(): run()",
}


class Swallower:
    """What a resource of the host could be: its exit takes every exception."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: Any) -> bool:
        return True


def names() -> dict[str, Any]:
    """What the texts use."""
    return {"big": range(10**12), "swallower": Swallower(), "x": []}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_form_is_stopped(form: str) -> None:
    """The deadline ends it, the reason is a timeout, and the context goes on afterwards."""
    meter = meter_with(timeout=0.05)

    def run() -> None:
        load("while True: pass", meter)

    namespace = load(FORMS[form], meter, run=run, **names())
    assert isinstance(call(meter, namespace["f"]), DanaTimeoutError)
    assert watchdog.innermost() is None
    again = load("def f():\n for x in (1, 2): y = x\n return y", meter)
    assert call(meter, again["f"]) is None


@pytest.mark.parametrize("handler", ["except BaseException: pass", "except: pass"])
def test_even_bare_handlers_do_not_keep_it(handler: str) -> None:
    """Dana has no such handler (the policy refuses it); the stop comes again all the same."""
    meter = meter_with(timeout=0.05)
    namespace = load(f"def f():\n while True:\n  try:\n   while True: pass\n  {handler}\n", meter)
    assert isinstance(call(meter, namespace["f"]), DanaTimeoutError)


def test_a_search_through_an_endless_iterator_is_stopped() -> None:
    """``in`` asks the iterator itself, which looks at the meter of the thread: nobody tests the operand before."""
    meter = meter_with(timeout=0.05)
    namespace = load("def f(items): return 5 in items", meter)
    assert isinstance(call(meter, namespace["f"], FlatIterator(repeat(1))), DanaTimeoutError)
    assert 5 in FlatIterator(iter([4, 5]))
    assert 5 not in FlatIterator(iter([4]))


def test_memory_that_grows_is_stopped() -> None:
    """Many small values: the sample sees the growth, and the process is not much larger than the limit."""
    meter = meter_with(timeout=30.0, memory=50_000_000)
    namespace = load("def f():\n kept = []\n while True: kept.append([0] * 100)", meter)
    assert isinstance(call(meter, namespace["f"]), DanaMemoryError)


def test_memory_of_the_host_before_does_not_count() -> None:
    """Growth is counted from the entry on: what the host has already is no reason to stop."""
    kept = bytearray(80_000_000)
    for place in range(0, len(kept), 4096):
        kept[place] = 1
    meter = meter_with(timeout=30.0, memory=50_000_000)
    namespace = load("def f():\n for x in range(200000): y = x", meter)
    assert call(meter, namespace["f"]) is None


def test_two_contexts_one_code() -> None:
    """Code objects are shared: only the thread whose meter is over is stopped, the other runs to its end."""
    slow, fast = meter_with(timeout=0.05), meter_with(timeout=60.0)
    text = "def f(stop):\n n = 0\n while not stop():\n  n += 1\n return n"
    namespace = load(text, slow)
    fast.register_code(namespace["f"].__code__)
    over = threading.Event()
    results: list[Any] = []

    def other() -> None:
        outer = fast.enter()
        results.append(namespace["f"](over.is_set) > 0)
        results.append(fast.leave(outer))

    # In the flag mode each context has its own namespace, as in a program.
    if watchdog.stop_mode() == "flag":
        namespace = load(text, fast)
        stopped = load(text, slow)
    else:
        stopped = namespace
    thread = threading.Thread(target=other)
    thread.start()
    assert isinstance(call(slow, stopped["f"], lambda: False), DanaTimeoutError)
    over.set()
    thread.join()
    assert results == [True, None]


def test_host_code_is_never_hit() -> None:
    """Past the deadline, host code called by Dana finishes; Dana goes no further."""
    meter = meter_with(timeout=0.05)
    finished: list[str] = []

    def host() -> None:
        with meter.host():
            while not meter.is_stopping():
                pass
            for _ in range(100_000):
                pass
            finished.append("host")

    def dana_again() -> None:
        finished.append("dana")

    namespace = load("def f():\n host()\n dana_again()", meter, host=host, dana_again=dana_again)
    assert isinstance(call(meter, namespace["f"]), DanaTimeoutError)
    assert finished == ["host"]


def test_an_inner_context_ends_with_the_outer_deadline() -> None:
    """The nearer deadline holds inside, and both are stopped."""
    outer_meter, inner_meter = meter_with(timeout=0.05), meter_with(timeout=60.0)
    inner = load("def f():\n while True: pass", inner_meter)
    reasons: list[Any] = []
    outer = load(
        "def f():\n host()\n while True: pass", outer_meter, host=lambda: reasons.append(call(inner_meter, inner["f"]))
    )
    reasons.append(call(outer_meter, outer["f"]))
    assert [type(reason) for reason in reasons] == [DanaTimeoutError, DanaTimeoutError]


def test_cancel_from_another_thread() -> None:
    """`cancel` ends a run without a deadline, with the reason that was given."""
    meter, running = Meter(), threading.Event()
    namespace = load("def f():\n running()\n while True: pass", meter, running=running.set)
    reason = DanaTimeoutError("stopped by the host")

    def cancel() -> None:
        running.wait()
        meter.cancel(reason)

    thread = threading.Thread(target=cancel)
    thread.start()
    assert call(meter, namespace["f"]) is reason
    thread.join()


def test_short_calls_near_the_limit_leave_nothing_behind() -> None:
    """Many calls that end about when their deadline does: no stop hits the host or the next call."""
    meter = meter_with(timeout=0.01)
    namespace = load("def f(n):\n for x in range(n): y = x", meter)
    hits = 0
    for turn in range(60):
        hits += call(meter, namespace["f"], 100_000 + 10_000 * (turn % 20)) is not None
        for _ in range(2000):  # the host: an Interrupt here would end the test
            pass
    calm = meter_with(timeout=60.0)
    calm_space = load("def f(n):\n for x in range(n): y = x", calm)
    assert call(calm, calm_space["f"], 100_000) is None
    assert hits <= 60


def test_many_threads_at_once() -> None:
    """Eight contexts in eight threads, each stopped by its own deadline."""
    results: list[Any] = []

    def one() -> None:
        meter = meter_with(timeout=0.1)
        namespace = load("def f():\n while True: pass", meter)
        results.append(type(call(meter, namespace["f"])))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [DanaTimeoutError] * 8


def test_one_thread_stays_and_parks() -> None:
    """There is one watchdog, and when nothing runs it goes to sleep until it is called."""
    call(meter_with(), lambda: None)
    dogs = [thread for thread in threading.enumerate() if thread.name == "dana-watchdog"]
    assert len(dogs) == 1
    assert dogs[0].daemon
    watch = watchdog.Watchdog()
    delays: list[float | None] = [watch.poll() for _ in range(40)]
    assert delays[0] is not None
    assert delays[-1] is None


@pytest.mark.parametrize(
    ("ahead", "sleep"),
    [(60.0, 0.02), (0.046, 0.02), (0.035, 0.015), (0.02, 0.015), (0.006, 0.001), (0.003, 0.0005), (0.0002, 0.0002)],
)
def test_the_look_at_a_deadline_begins_early(monkeypatch: pytest.MonkeyPatch, ahead: float, sleep: float) -> None:
    """One switch interval earlier, because that is what a computing thread takes to answer; in seconds."""
    monkeypatch.setattr(watchdog.sys, "getswitchinterval", lambda: 0.005)
    now = watchdog.clock()
    found = min(watchdog.PERIOD, watchdog._next_look(now, now + ahead) - now)
    assert found == pytest.approx(sleep, abs=1e-6)
    assert watchdog._next_look(now, math.inf) == math.inf


def test_a_near_deadline_does_not_hide_the_memory_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is read although a deadline is near and entries of other threads have just read it."""
    greedy, short = meter_with(memory=1000), meter_with(timeout=0.001)
    monkeypatch.setattr(watchdog, "resident_bytes", lambda: 50_000)
    watch = watchdog.Watchdog()
    watch.resident, watch.fresh_until = 50_000, math.inf
    outer = greedy.enter()
    greedy.baseline = 0
    inner = short.enter()
    short.deadline = watchdog.clock() + 0.001
    watch.poll()
    stopped = greedy.stopped
    short.leave(inner)
    greedy.leave(outer)
    assert stopped is not None
    assert isinstance(stopped[1], DanaMemoryError)


def run_python(text: str) -> str:
    """Run `text` in a fresh interpreter; what it printed."""
    here = os.path.dirname(__file__)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {here!r})\n{text}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_has_its_own_watchdog() -> None:
    """Threads do not survive a fork; the child starts its own at its first entry."""
    text = """
import os, warnings
warnings.simplefilter("ignore")
from support_stop import call, load, meter_with
def stopped():
    meter = meter_with(timeout=0.05)
    return type(call(meter, load("def f():\\n while True: pass", meter)["f"])).__name__
first = stopped()
child = os.fork()
if child == 0:
    os._exit(0 if stopped() == first == "DanaTimeoutError" else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), stopped())
"""
    assert run_python(text) == "0 DanaTimeoutError"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no sys.monitoring")
def test_without_a_free_tool_id_the_mode_is_flag() -> None:
    """Where debuggers and profilers have taken all ids, code needs flags, and `stop_mode` says so."""
    text = """
import sys
for tool in range(6):
    sys.monitoring.use_tool_id(tool, "other")
from support_stop import call, load, meter_with
from dana_guards.watchdog import stop_mode
meter = meter_with(timeout=0.05)
print(stop_mode(), type(call(meter, load("def f():\\n while True: pass", meter)["f"])).__name__)
"""
    assert run_python(text) == "flag DanaTimeoutError"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no sys.monitoring")
def test_a_tool_id_that_was_taken_away_is_taken_again() -> None:
    """Somebody frees every id: the next stop claims one again."""
    text = """
import sys
from support_stop import call, load, meter_with
def stopped():
    meter = meter_with(timeout=0.05)
    return type(call(meter, load("def f():\\n while True: pass", meter)["f"])).__name__
first = stopped()
for tool in range(6):
    sys.monitoring.free_tool_id(tool)
print(first, stopped())
"""
    assert run_python(text) == "DanaTimeoutError DanaTimeoutError"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no sys.monitoring")
def test_no_events_stay_on_code_that_ended() -> None:
    """After a stop the events are taken back, so shared code runs at full speed again."""
    meter = meter_with(timeout=0.05)
    namespace = load("def f():\n while True: pass", meter)
    assert isinstance(call(meter, namespace["f"]), DanaTimeoutError)
    wait_until(lambda: not watchdog.WATCH._delivery._armed)
    tool = watchdog.WATCH._delivery._tool
    assert sys.monitoring.get_local_events(tool, namespace["f"].__code__) == 0


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for another thread; the test run's own time limit is the end of it."""
    pause = threading.Event()
    while not condition():
        pause.wait(0.005)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_stop_has_a_line(form: str) -> None:
    """The traceback of a stop names a line of the program in every frame of it."""
    meter = meter_with(timeout=0.05)
    namespace = load(FORMS[form], meter, run=lambda: load("while True: pass", meter), **names())
    outer = meter.enter()
    with pytest.raises(Interrupt) as caught:
        namespace["f"]()
    meter.leave(outer)
    lines = [frame.tb_lineno for frame in frames_of(caught.value) if frame.tb_frame.f_code.co_filename == "<test>"]
    assert lines
    assert None not in lines


def frames_of(error: BaseException) -> list[Any]:
    """The traceback's entries, outermost first."""
    found, step = [], error.__traceback__
    while step is not None:
        found.append(step)
        step = step.tb_next
    return found
