"""The hard limits of the process tier: what ends a worker, what that means for its context, and what stays behind."""

from __future__ import annotations

import gc
import os
import signal
import struct
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dana_guards import confinement
from opendxa.dana import (
    DanaContext,
    DanaContextError,
    DanaError,
    DanaLimitError,
    DanaMemoryError,
    DanaRecursionError,
    DanaRuntime,
    DanaTimeoutError,
)
from opendxa.dana.process_pool import POOL, WorkerProcess

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")

Make = Callable[..., DanaContext]


@pytest.fixture
def make(make_context: Make) -> Make:
    """Make contexts whose code runs in a worker."""
    return lambda **settings: make_context(isolation="process", **settings)


def worker_of(context: DanaContext) -> WorkerProcess:
    """The worker of a context that has run something."""
    found: WorkerProcess = context._link.process  # type: ignore[attr-defined]
    return found


def inject(context: DanaContext, body: str) -> Any:
    """Run Python in the worker, as an attacker would who has got through the policy; the value of ``result``.

    The code travels the way that the parent's own cached code takes.
    """
    code = compile(textwrap.dedent(body), "<injected>", "exec")
    import marshal

    from opendxa.dana import process_services

    original = process_services.SERVICES["find"]
    parts = (code, "injected", "injected.na", None, {}, context._policy.fingerprint(), "limited", False, None, {}, ())
    sent = {"file": "injected.na", "folder": None, "package": False, "text": "", "shown": "injected.na"}
    sent["code"] = marshal.dumps(parts).decode("latin-1")
    process_services.SERVICES["find"] = lambda *_: sent
    try:
        return context.import_module("injected").result
    finally:
        process_services.SERVICES["find"] = original




# -- time -------------------------------------------------------------------------------------------------


def test_a_loop_is_stopped_and_the_state_stays(make: Make) -> None:
    """Dana code that runs too long is stopped softly; the worker and its variables live on."""
    context = make(timeout="300ms")
    context.eval_dana("x = 41")
    before = worker_of(context).pid
    with pytest.raises(DanaTimeoutError, match="deadline"):
        context.eval_dana("while true:\n    try:\n        pass\n    except Exception:\n        pass\n")
    assert context.eval_dana("x + 1") == 42
    assert worker_of(context).pid == before


def test_what_cannot_be_stopped_is_killed(make: Make) -> None:
    """A C call without end is ended from outside; the next call has a fresh worker, and the error says so."""
    context = make(timeout="500ms")
    context.eval_dana("x = 1")
    before = worker_of(context).pid
    with pytest.raises(DanaTimeoutError, match="is lost") as error:
        inject(context, "result = __builtins__['_type_'](0).__pow__(10, 10 ** 9)")
    assert error.value.lineno is None
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)
    assert context.eval_dana("1 + 1") == 2
    with pytest.raises(SyntaxError, match="'x' is not defined"):
        context.eval_dana("x")
    assert worker_of(context).pid != before


@pytest.mark.parametrize("body", ["slow()", "print(1)", "read_file('x')", "import hashlib.py"])
def test_a_program_that_only_asks(make: Make, body: str) -> None:
    """Whoever asks this process for something after the deadline is stopped, softly, and gets nothing."""
    context = make(timeout="300ms", functions={"slow": lambda: 1}, on_print=lambda text: None)
    context.eval_dana("x = 5")
    with pytest.raises(DanaTimeoutError):
        context.eval_dana(f"while true:\n    try:\n        {body}\n    except Exception:\n        pass\n")
    assert context.eval_dana("x") == 5


def test_the_clock_runs_in_host_functions(make: Make) -> None:
    """A host function is never cut, but the call that it took too long for is."""
    import time

    finished: list[bool] = []

    def slow() -> None:
        time.sleep(0.5)
        finished.append(True)

    context = make(timeout="200ms", functions={"slow": slow})
    with pytest.raises(DanaTimeoutError):
        context.eval_dana("slow()\nwhile true:\n    pass\n")
    assert finished == [True]
    assert context.eval_dana("1") == 1


# -- memory, depth, crashes ---------------------------------------------------------------------------------


def test_memory(make: Make) -> None:
    """What a program may not hold is an error of one call, whichever wall it met."""
    context = make(max_memory="100MB", timeout="20s")
    bombs = [
        "a = []\nwhile true:\n    a.append('x' * 1000000 + str(len(a)))\n",
        "'x' * 10 ** 10",
        "[0] * 10 ** 9",
        "10 ** 10 ** 8",
    ]
    for bomb in bombs:
        with pytest.raises(DanaMemoryError):
            context.eval_dana(bomb)
        assert context.eval_dana("1 + 1") == 2


def test_memory_behind_the_policy(make: Make) -> None:
    """A worker that takes memory behind the meter's back meets the limit of the system, or is killed by the parent."""
    context = make(max_memory="100MB", timeout="20s")
    taken = "try:\n    held = python.bytearray(600_000_000)\nexcept python.MemoryError:\n    result = 'refused'\n"
    assert inject(context, ASK + taken) == "refused"
    assert context.eval_dana("1") == 1
    with pytest.raises(DanaMemoryError, match="is lost"):
        # Between the two limits: the address space is there, so the parent's look at what is held decides.
        inject(make(max_memory="100MB", timeout="20s"), ASK + "held = b'x' * 210_000_000\nwhile 1: pass\n")


def test_a_crash_is_an_error_of_one_call(make: Make) -> None:
    """Hashing a tuple nested 300,000 deep ends an interpreter; here that is an error of one call, whoever does it."""
    context = make(timeout="20s")
    function = context.eval_dana("def f():\n    return 1\n\nf")
    with pytest.raises(DanaError):
        context.eval_dana("t = ()\nfor i in range(300000):\n    t = (t,)\n\nd = {}\nd[t] = 1\n")
    with pytest.raises(DanaLimitError, match=r"crashed \(SIGSEGV\).*is lost"):
        inject(context, ASK + "t = ()\nfor i in python.range(300000):\n    t = (t,)\nresult = python.hash(t)\n")
    assert not context.closed
    assert context.eval_dana("1 + 1") == 2
    with pytest.raises(DanaContextError, match="lost"):
        function()


def test_modules_are_found_again(make: Make, write: Callable[[str, str], Path]) -> None:
    """After a crash a module, and a function that the host holds of it, are loaded again where they are used."""
    write("counter.na", "public:n = 0\n\ndef up() -> int:\n    public:n += 1\n    return public:n\n")
    context = make()
    counter = context.import_module("counter")
    up = counter.up
    assert (up(), up()) == (1, 2)
    os.kill(worker_of(context).pid, signal.SIGKILL)
    with pytest.raises(DanaMemoryError, match="killed"):
        up()
    assert up() == 1
    assert counter.up() == 2


def test_recursion(make: Make) -> None:
    """Endless recursion is an error, in the program and across the border."""
    context = make()
    with pytest.raises(DanaRecursionError):
        context.eval_dana("def f(n):\n    return f(n + 1)\n\nf(0)")

    def again() -> Any:
        return context.eval_dana("again()")

    context = make(functions={"again": again})
    context.eval_dana("1")
    worker = worker_of(context)
    with pytest.raises((DanaRecursionError, RecursionError)):
        context.eval_dana("again()")
    assert context.eval_dana("1") == 1
    assert context._link.process is worker or not os.path.exists(worker.folder)  # type: ignore[attr-defined]


@pytest.mark.parametrize("offset", range(12))
def test_recursion_is_not_the_workers_fault(make: Make, offset: int) -> None:
    """Wherever in the parent the stack ends, the error says so; a protocol error would blame the worker."""

    def deeper(levels: int) -> Any:
        return context.eval_dana("again()") if not levels else deeper(levels - 1)

    context = make(functions={"again": lambda: context.eval_dana("again()")})
    context.eval_dana("1")
    with pytest.raises(DanaRecursionError):
        deeper(offset)
    assert context.eval_dana("1") == 1


def test_output_is_limited(make: Make) -> None:
    """A program that prints without end is stopped."""
    context = make(max_output="10KB", on_print=lambda text: None)
    with pytest.raises(DanaLimitError, match="output"):
        context.eval_dana("while true:\n    print('x' * 100)\n")
    assert context.eval_dana("1") == 1


def test_output_behind_the_meter(make: Make) -> None:
    """The parent counts too."""
    context = make(max_output="10KB", on_print=lambda text: None)
    context.eval_dana("1")
    with pytest.raises(DanaLimitError, match="output"):
        inject(context, ASK + "while 1: ask('print', ['x' * 1000])")


ASK = """
modules = __builtins__['_exception_'].__globals__['sys'].modules
python, os = modules['builtins'], modules['os']
ask = [each for each in modules['gc'].get_objects() if each.__class__.__name__ == 'Worker'][0].ask
"""


# -- what a worker has given up --------------------------------------------------------------------------------


ATTACKS = {
    "fork": "os.fork()",
    "exec": "os.execv('/bin/true', ['true'])",
    "thread": "modules['_thread'].start_new_thread(os.getpid, ())",
    "socket": "python.__import__('_socket').socket()",
    "read": "os.open('/etc/passwd', os.O_RDONLY)",
    "write": "os.open('/tmp/dana-worker-was-here', os.O_WRONLY | os.O_CREAT)",
    "unlink": "os.unlink('stderr')",
    "kill": "os.kill(os.getppid(), 0)",
    "limits": "modules['resource'].setrlimit(modules['resource'].RLIMIT_NPROC, (100, 100))",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_confinement(make: Make, attack: str) -> None:
    """Code that got past the policy can start nothing, open nothing and reach nobody."""
    context = make()
    context.eval_dana("1")
    report = worker_of(context).confinement
    if not (report["seccomp"] and report["landlock"]):
        pytest.skip(f"this system cannot confine: {report}")
    attempt = f"try:\n    {ATTACKS[attack]}\n    result = 'done'\nexcept python.BaseException as e:\n"
    refused = inject(context, f"{ASK}{attempt}    result = e.__class__.__name__\n")
    assert refused in ("PermissionError", "RuntimeError", "OSError", "error", "ValueError")


def test_nothing_is_inherited(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker has no environment, an own session and folder, and no descriptor but its socket and what it opened."""
    monkeypatch.setenv("DANA_TEST_SECRET", "secret-4711")
    with open(tmp_path / "held", "w", encoding="utf-8") as held:
        os.set_inheritable(held.fileno(), True)
        POOL.close()
        context = make()
        context.eval_dana("1")
    worker = worker_of(context)
    assert Path(f"/proc/{worker.pid}/environ").read_bytes() == b""
    assert os.getsid(worker.pid) == worker.pid
    assert os.readlink(f"/proc/{worker.pid}/cwd") == worker.folder
    targets = {os.readlink(f"/proc/{worker.pid}/fd/{name}") for name in os.listdir(f"/proc/{worker.pid}/fd")}
    # Its watchdog looks at its own memory now and then.
    own = {"socket", "/dev/null", f"{worker.folder}/stderr", f"/proc/{worker.pid}/statm"}
    assert {target.partition(":")[0] for target in targets} <= own
    limits = Path(f"/proc/{worker.pid}/limits").read_text(encoding="utf-8")
    bounds = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()[1:]}
    assert (bounds["Max processes"], bounds["Max core file size"], bounds["Max open files"]) == ("0", "0", "64")
    assert bounds["Max address space"].isdigit()
    assert bounds["Max cpu time"].isdigit()
    status = Path(f"/proc/{worker.pid}/status").read_text(encoding="utf-8")
    if worker.confinement["no_new_privileges"]:
        assert "NoNewPrivs:\t1" in status


def filtered(machine: str, number: int, arguments: tuple[int, ...] = (), architecture: int | None = None) -> str:
    """What the seccomp filter says to a system call, by running its few instructions here."""
    audit = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine] if architecture is None else architecture
    data = struct.pack("=IIQ6Q", number, audit, 0, *(arguments + (0,) * 6)[:6])
    program = list(struct.iter_unpack("=HBBI", confinement.seccomp_program(machine)))
    at, value = 0, 0
    while True:
        code, yes, no, operand = program[at]
        at += 1
        if code == 0x20:
            value = int.from_bytes(data[operand : operand + 4], sys.byteorder)
        elif code == 0x15:
            at += yes if value == operand else no
        elif code == 0x45:
            at += yes if value & operand else no
        else:
            assert code == 0x06
            return {0x7FFF0000: "allow", 0x80000000: "kill"}.get(operand, "refuse")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter(machine: str) -> None:
    """The calls of the list pass, opening to read and own limits too; everything else is refused."""
    column = 0 if machine == "x86_64" else 1
    allowed = {row[column] for row in confinement._CALLS.values() if row[column] >= 0}
    openat, prlimit = (257, 302) if column == 0 else (56, 261)
    for number in range(600):
        expected = "allow" if number in allowed or number in (openat, prlimit) else "refuse"
        assert filtered(machine, number) == expected, number
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC, os.O_APPEND):
        assert filtered(machine, openat, (0, 0, flags)) == "refuse"
    assert filtered(machine, openat, (0, 0, os.O_CLOEXEC)) == "allow"
    assert filtered(machine, prlimit, (4711,)) == "refuse"
    assert filtered(machine, 0, architecture=0x40000003) == "kill"
    assert filtered(machine, 0x40000000) == "refuse"


# -- nothing lingers -----------------------------------------------------------------------------------------------


def children() -> set[int]:
    """The living and dead children of this process."""
    found = set()
    for task in os.listdir("/proc/self/task"):
        found |= {int(pid) for pid in Path(f"/proc/self/task/{task}/children").read_text(encoding="ascii").split()}
    return found


def descriptors() -> int:
    """How many descriptors are open."""
    return len(os.listdir("/proc/self/fd"))


def test_nothing_lingers(make: Make) -> None:
    """Ten contexts later there are as many children, descriptors and folders as before: one warm spare worker."""
    make().eval_dana("1")
    gc.collect()
    before, open_before = len(children()), descriptors()
    folders = []
    for _ in range(10):
        with DanaRuntime().create_context(isolation="process") as context:
            assert context.eval_dana("1 + 1") == 2
            folders.append(worker_of(context).folder)
    assert len(children()) == before
    assert descriptors() == open_before
    assert not any(os.path.exists(folder) for folder in folders)


def test_a_worker_serves_one_context(make: Make) -> None:
    """Each context has a worker of its own, and a dead one is not used again."""
    contexts = [make() for _ in range(3)]
    pids = []
    for context in contexts:
        context.eval_dana("1")
        pids.append(worker_of(context).pid)
        context.cleanup()
    assert len(set(pids)) == 3


def test_a_forgotten_context_ends_its_worker() -> None:
    """Garbage collection is the safety net."""
    context = DanaRuntime().create_context(isolation="process")
    context.eval_dana("1")
    pid = worker_of(context).pid
    del context
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_cleanup_during_a_call(make: Make) -> None:
    """Cleanup from another thread ends the call that runs."""
    import threading

    context = make(timeout="20s")
    context.eval_dana("1")
    started = threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        started.set()
        try:
            context.eval_dana("while true:\n    pass\n")
        except DanaContextError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(20)
    while context._meter.thread is None and thread.is_alive():
        threading.Event().wait(0.001)
    context.cleanup()
    thread.join(20)
    assert not thread.is_alive()
    assert [str(error) for error in errors] == ["the context was closed during the call"]


def test_the_end_of_the_interpreter(tmp_path: Path) -> None:
    """A program that forgets its contexts leaves no process behind."""
    import subprocess

    program = (
        "from opendxa.dana import DanaRuntime\n"
        "context = DanaRuntime().create_context(isolation='process')\n"
        "context.eval_dana('1')\n"
        "from opendxa.dana.process_pool import POOL\n"
        "print(*[worker.pid for worker in POOL._all], flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    pids = [int(word) for word in done.stdout.split()]
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert done.stderr == ""


def test_a_forked_process_leaves_the_workers_alone(make: Make) -> None:
    """In a child of ``os.fork`` the context refuses, and its end does not touch the parent's worker."""
    context = make()
    context.eval_dana("x = 5")
    child = os.fork()
    if not child:
        status = 1
        try:
            context.eval_dana("x")
        except DanaContextError:
            context.cleanup()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert context.eval_dana("x") == 5


@pytest.fixture(scope="module", autouse=True)
def _no_spare_stays() -> Iterator[None]:
    """The spare worker of these tests ends with them."""
    yield
    POOL.close()
