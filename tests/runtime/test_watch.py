"""`DanaRuntime.watch`: what Python imported from ``dana_modules`` follows its files. Each test runs a process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opendxa.dana import DanaRuntime

Write = Callable[[str, str], Path]
HEAD = """
import os, sys, threading, time
from pathlib import Path
from opendxa.dana import DanaRuntime
runtime = DanaRuntime()
here = Path("dana_modules").resolve()
events, errors = [], []

def until(done, seconds=20):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, (events, errors)
        time.sleep(0.01)

def write(name, text):
    (here / name).write_text(text)

def watching():
    return any(thread.name == "dana-reload" for thread in threading.enumerate())
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], str]:
    """Run a program in the folder of the project; its output."""

    def run_program(program: str) -> str:
        command = [sys.executable, "-W", "error", "-c", HEAD + textwrap.dedent(program)]
        found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=os.environ, check=False)
        assert found.returncode == 0, found.stdout + found.stderr
        return found.stdout.strip()

    return run_program


def test_modules_follow(write: Write, run: Callable[[str], str]) -> None:
    """Modules, what imports from them, functions imported by name and struct instances follow; the thread ends."""
    write("dana_modules/c.na", "from b import g\nfrom a import k\ndef h():\n    return [g(), k]\n")
    write("dana_modules/b.na", "from a import f\ndef g():\n    return f()\n")
    write("dana_modules/a.na", "k = 1\n\nstruct P:\n    x: int\n\ndef f():\n    return k\n")
    out = run("""
        with runtime.watch(on_reload=events.append, on_error=errors.append) as watch:
            assert watching() and not watch.closed
            import dana_modules.c, dana_modules.a as a
            from dana_modules.a import f, P
            from dana_modules.c import h
            p = P(x=1)
            assert h() == [1, 1]
            until(lambda: watch.folders())
            write("a.na", "k = 2\\nstruct P:\\n    x: float\\n    y: list = [0]\\ndef f(n=5):\\n    return n * k\\n")
            until(lambda: events)
            assert h() == [10, 2] and f(n=1) == a.f(1) == 2
            assert p.to_dict() == {"x": 1.0, "y": [0]} and type(p) is a.P
            print(events[0].modules, [os.path.basename(file) for file in events[0].files], events[0].context)
            print(events[0].error, events[0].migrated, events[0].refused, errors)
        assert watch.closed and not watching()
        watch.close()
        write("a.na", "k = 3\\n")
        time.sleep(0.3)
        print(a.k)
    """)
    assert out.splitlines() == ["('a', 'b', 'c') ['a.na', 'b.na', 'c.na'] None", "None 1 () []", "2"]


def test_an_error_keeps_the_old_code(write: Write, run: Callable[[str], str]) -> None:
    """If one of several changed modules is wrong, all are as they were; the next good text is taken with the rest."""
    write("dana_modules/a.na", "k = 1\n\ndef f():\n    return k\n")
    write("dana_modules/b.na", "from a import f\n\ndef g():\n    return f()\n")
    out = run("""
        import dana_modules.a as a, dana_modules.b as b
        watch = runtime.watch(here, on_reload=events.append, on_error=errors.append)
        write("a.na", "k = 2\\nadded = 1\\n\\ndef f():\\n    return k\\n")
        write("b.na", "from a import f\\nx = 1 / 0\\n")
        until(lambda: errors)
        until(lambda: any(len(event.modules) == 2 for event in errors) or events)
        if not events:
            assert (a.k, a.f(), b.g(), hasattr(a, "added")) == (1, 1, 1, False)
        told = len(errors)
        for _ in range(3):
            watch.notice()
        assert len(errors) == told or events  # the same error of the same text is told once
        print(type(errors[-1].error).__name__, "division by zero" in str(errors[-1].error))
        write("b.na", "from a import f\\n\\ndef g():\\n    return f() * 100\\n")
        until(lambda: b.g() == 200)
        watch.close()
    """)
    assert out == "DanaRuntimeError True"


def test_paths_and_contexts(write: Write, run: Callable[[str], str]) -> None:
    """A watch reloads and tells what lies below its paths; contexts that reload are told of, too."""
    write("dana_modules/a.na", "k = 1\n")
    write("dana_modules/b.na", "k = 1\n")
    out = run("""
        import dana_modules.a as a, dana_modules.b as b
        fails = []
        def told(event):
            events.append(event)
            fails.append(1 / 0)   # what a callback raises ends nothing
        watch = runtime.watch("dana_modules/a.na", on_reload=told, on_error=errors.append)
        with runtime.create_context(search_paths=[here], reload="manual", name="mine") as context:
            modules = [context.import_module(name) for name in "ab"]
            for value in ("2", "3"):
                for name in "ba":
                    write(f"{name}.na", f"k = {value}\\n")
                until(lambda: a.k == int(value))
            context._reloader.look(context)
            assert [module.k for module in modules] == [3, 3]
            write("a.na", "k = (")
            context._reloader.look(context)
        until(lambda: len(errors) == 2)
        watch.close()
        print(b.k, {event.context for event in events}, {event.context for event in errors})
    """)
    assert out.startswith("1 {")
    assert "'mine'" in out
    assert "None" in out


def test_a_child_process_watches_on(write: Write, run: Callable[[str], str]) -> None:
    """After a fork the child has a thread of its own."""
    write("dana_modules/a.na", "k = 1\n")
    out = run("""
        import warnings
        warnings.simplefilter("ignore")
        import dana_modules.a as a
        watch = runtime.watch(here, on_reload=events.append)
        child = os.fork()
        if child == 0:
            try:
                write("a.na", "k = 2\\n")
                until(lambda: a.k == 2)
                watch.close()
                os._exit(0 if not watching() else 3)
            except BaseException:
                os._exit(4)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        until(lambda: a.k == 2)
        watch.close()
    """)
    assert out == "0"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"paths": [1]}, ValueError, "is no path"),
        ({"paths": [["a", "b"]]}, ValueError, "each as an argument of its own"),
        ({"paths": ["/nowhere/at/all"]}, FileNotFoundError, "/nowhere/at/all"),
        ({"on_reload": "print"}, ValueError, "on_reload='print': give a function"),
        ({"on_error": 1}, ValueError, "on_error=1"),
    ],
)
def test_what_is_accepted(given: dict[str, Any], error: type[Exception], message: str) -> None:
    """A wrong argument is refused with what is accepted, and nothing is watched then."""
    from opendxa.dana import watching

    before = watching.WATCHER.everybody()
    with pytest.raises(error, match=message):
        DanaRuntime().watch(*given.pop("paths", ()), **given)
    assert watching.WATCHER.everybody() == before
