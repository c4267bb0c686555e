"""What the border between Python and Dana costs: calls, contexts, imports, compiling, data.

In: the public API and generated programs that are Dana and Python at once. Out: ``{label: ratio}``, each against
the same work in plain Python, measured side by side.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
import types
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any
from unittest import mock

from .measure import Work, interleaved

CALLS = 50_000
ADD = "def add(a: int, b: int) -> int:\n    return a + b\n\ndef size(values: list) -> int:\n    return len(values)\n"
ADD += "\ndef numbers(n: int) -> list:\n    return list(range(n))\n"
ADD += "\ndef length(values: dict) -> int:\n    return len(values)\n"
ORDER = "struct Customer:\n    name: str\n\nstruct Order:\n    customer: Customer\n    total: float\n"
ORDER += "\ndef order() -> Order:\n    return Order(customer=Customer(name='Ann'), total=1.5)\n"
SPIN = "def spin(n: int) -> int:\n    total = 0\n    while n > 0:\n        total += 1\n    return total\n"


def program(lines: int, seed: str = "") -> str:
    """A program of about `lines` lines that means the same in Dana and in Python."""
    parts, number = [f"# program {seed}\n"], 0
    while sum(part.count("\n") for part in parts) < lines - 9:
        parts.append(
            f"def step{number}(a: int, b: int) -> int:\n"
            f'    """Step {number}."""\n'
            f"    total = a * {number + 2} + b\n"
            f"    for i in range(b):\n"
            f"        if total > 100 and i != a:\n"
            f"            total -= i\n"
            f"        else:\n"
            f"            total += len([i, a, {number}])\n"
            f"    return total\n\n"
        )
        number += 1
    parts.append("\n".join(f"value{n} = {n}" for n in range(max(0, lines - sum(p.count("\n") for p in parts)))) + "\n")
    return "".join(parts)


def ratio(python: Work, dana: Work, repeats: int) -> float:
    """Dana's time ÷ Python's."""
    best = interleaved({"python": python, "dana": dana}, repeats)
    return best["dana"] / best["python"]


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder that both importers search; restored afterwards."""
    with tempfile.TemporaryDirectory() as name:
        before = os.environ.get("DANAPATH", "")
        os.environ["DANAPATH"] = f"{name}{os.pathsep}{before}" if before else name
        sys.path.insert(0, name)
        try:
            yield Path(name)
        finally:
            sys.path.remove(name)
            os.environ["DANAPATH"] = before


def _repeat_add(add: Callable[[int, int], Any], first: int = 1) -> Work:
    def work() -> None:
        for _ in range(CALLS):
            add(first, 2)

    return work


def calls(repeats: int) -> dict[str, float]:
    """``add(1, 2)`` in a loop: through ``dana_modules``, through a context, with ``as_int`` on the result.

    Small results are shared, so the same with a result that has to be made is measured as well.
    """
    from opendxa.dana import DanaRuntime

    space: dict[str, Any] = {}
    exec(ADD, space)
    plain = _repeat_add(space["add"])
    with _folder() as folder:
        (folder / "bench_add.na").write_text(ADD)
        found = {
            "call through dana_modules": ratio(
                plain, _repeat_add(importlib.import_module("dana_modules.bench_add").add), repeats
            )
        }
        with DanaRuntime().create_context(search_paths=[folder]) as context:
            add = context.import_module("bench_add").add

            def converted() -> None:
                for _ in range(CALLS):
                    add(1, 2).as_int()

            found["call through a context"] = ratio(plain, _repeat_add(add), repeats)
            found["call through a context, result above 256"] = ratio(plain, _repeat_add(add, 1000), repeats)
            found["call through a context, as_int"] = ratio(plain, converted, repeats)
    return found


def contexts(repeats: int) -> dict[str, float]:
    """Create and clean up a context ÷ exec of a 10-line module's code in a new module object."""
    from opendxa.dana import DanaRuntime

    runtime, code = DanaRuntime(), compile(program(10), "ten.py", "exec")

    def python() -> None:
        for _ in range(200):
            exec(code, types.ModuleType("ten").__dict__)

    def dana() -> None:
        for _ in range(200):
            runtime.create_context().cleanup()

    return {"context create + cleanup ÷ exec of 10 lines": ratio(python, dana, repeats)}


def warm_imports(repeats: int) -> dict[str, float]:
    """Import from the cache on the disk ÷ import of the same text from a ``.pyc``.

    Code that this process has loaded before is remembered; a first import does not have that, so it is left out here.
    """
    from opendxa.dana.library import Library

    found = {}
    # Where the environment forbids to write a .pyc, Python would compile at each import.
    writing = mock.patch.object(sys, "dont_write_bytecode", False)
    with _folder() as folder, mock.patch.object(Library, "_recall", return_value=None), writing:
        for lines in (200, 1000):
            name = f"bench_lines{lines}"
            for suffix in (".py", ".na"):
                (folder / f"{name}{suffix}").write_text(program(lines))
            importlib.invalidate_caches()

            def again(module: str) -> Work:
                def work() -> None:
                    sys.modules.pop(module, None)
                    importlib.import_module(module)

                work()
                return work

            python, dana = again(name), again(f"dana_modules.{name}")
            found[f"warm import ÷ .pyc, {lines} lines"] = ratio(python, dana, repeats * 5)
    return found


def context_imports(repeats: int) -> dict[str, float]:
    """The import of a module of 200 lines in a new context ÷ that from a ``.pyc``: from the disk, and once more.

    The second is the usual case of a server: another context of the process has had the module.
    """
    from opendxa.dana import DanaRuntime
    from opendxa.dana.library import Library

    runtime, name = DanaRuntime(), "bench_context"
    with _folder() as folder, mock.patch.object(sys, "dont_write_bytecode", False):
        for suffix in (".py", ".na"):
            (folder / f"{name}{suffix}").write_text(program(200))
        importlib.invalidate_caches()

        def python() -> None:
            sys.modules.pop(name, None)
            importlib.import_module(name)

        def dana() -> None:
            with runtime.create_context(search_paths=[folder]) as context:
                context.import_module(name)

        python()
        dana()
        known = ratio(python, dana, repeats * 5)
        with mock.patch.object(Library, "_recall", return_value=None):
            read = ratio(python, dana, repeats * 5)
    return {
        "first import of 200 lines in a new context ÷ .pyc": read,
        "next import of 200 lines in a new context ÷ .pyc": known,
    }


def cold_compiles(repeats: int, sizes: tuple[int, ...] = (10, 100, 1000, 10_000)) -> dict[str, float]:
    """``compile_source`` (no cache) ÷ ``compile()`` of the same text, which is Dana and Python at once."""
    from dana2py.compiler import compile_source
    from dana_guards.policy import Policy

    found, policy = {}, Policy(profile="limited")
    compile_source("x = 1\n", "first.na", name="first", policy=policy)  # loads the parser
    for lines in sizes:
        text = program(lines)

        def python(text: str = text) -> None:
            compile(text, "cold.py", "exec", dont_inherit=True)

        def dana(text: str = text) -> None:
            compile_source(text, "cold.na", name="cold", policy=policy)

        found[f"cold compile ÷ compile(), {lines} lines"] = ratio(python, dana, max(1, min(repeats, 10_000 // lines)))
    return found


def data(repeats: int) -> dict[str, float]:
    """A list of 100,000 ints into a context, and out of it, ÷ ``list(values)``."""
    from opendxa.dana import DanaRuntime

    values = list(range(100_000))
    with _folder() as folder:
        (folder / "bench_data.na").write_text(ADD)
        with DanaRuntime().create_context(search_paths=[folder]) as context:
            module = context.import_module("bench_data")
            best = interleaved(
                {
                    "copy": lambda: [list(values) for _ in range(10)],
                    "in": lambda: [module.size(values) for _ in range(10)],
                    "made": lambda: [list(range(100_000)) for _ in range(10)],
                    "out": lambda: [module.numbers(100_000) for _ in range(10)],
                },
                repeats,
            )
    return {
        "100,000 ints into a context ÷ list(v)": best["in"] / best["copy"],
        "100,000 ints out of a context ÷ list(v)": (best["out"] - best["made"]) / best["copy"],
    }


def nested_data(repeats: int) -> dict[str, float]:
    """A dict of 10,000 and nested records into a context ÷ copying them by hand; a field of a nested struct."""
    from opendxa.dana import DanaRuntime

    table = {f"k{n}": n for n in range(10_000)}
    rows = [{"id": n, "name": f"n{n}", "tags": ["a", "b"]} for n in range(5_000)]

    read, space = attrgetter("customer.name"), types.SimpleNamespace

    def reading(order: Any) -> Work:
        def work() -> None:
            for _ in range(CALLS):
                read(order)

        return work

    with _folder() as folder:
        (folder / "bench_nested.na").write_text(ADD + ORDER)
        with DanaRuntime().create_context(search_paths=[folder]) as context:
            module = context.import_module("bench_nested")
            return {
                "a dict of 10,000 into a context ÷ dict(v)": ratio(
                    lambda: [dict(table) for _ in range(20)], lambda: [module.length(table) for _ in range(20)], repeats
                ),
                "5,000 nested records into a context ÷ a copy by hand": ratio(
                    lambda: [{**row, "tags": list(row["tags"])} for row in rows], lambda: module.size(rows), repeats
                ),
                "a field of a nested struct ÷ of a Python object": ratio(
                    reading(space(customer=space(name="Ann"), total=1.5)), reading(module.order()), repeats
                ),
            }


def first_import(repeats: int) -> dict[str, float]:
    """A new Python that imports `opendxa.dana` ÷ one that imports nothing."""

    def new_python(text: str) -> Work:
        command = [sys.executable, "-c", text]
        return lambda: subprocess.run(command, check=True)

    found = ratio(new_python("pass"), new_python("import opendxa.dana"), repeats)
    return {"a new Python with import opendxa.dana ÷ without": found}


def _held(make: Callable[[], Any]) -> float:
    """The bytes of what `make` gives."""
    gc.collect()
    tracemalloc.start()
    try:
        made = make()
        gc.collect()
        return float(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
        del made


def memory(_repeats: int) -> dict[str, float]:
    """What a module holds ÷ the same in Python, and what a context holds, in kB.

    The contexts are a thousand, all alive, each with a module of 200 lines that was called.
    """
    from opendxa.dana import DanaRuntime

    runtime, count = DanaRuntime(), 1000
    with _folder() as folder, mock.patch.object(sys, "dont_write_bytecode", False):
        (folder / "bench_alive.na").write_text(program(200))
        for suffix in (".py", ".na"):
            (folder / f"bench_held{suffix}").write_text(program(1000))
        importlib.invalidate_caches()
        modules = []
        for name in ("bench_held", "dana_modules.bench_held"):
            importlib.import_module(name)  # compiled once, so that what is measured comes from the disk
            del sys.modules[name]
            modules.append(_held(lambda name=name: importlib.import_module(name)))  # type: ignore[misc]

        def used() -> Any:
            context = runtime.create_context(search_paths=[folder])
            context.import_module("bench_alive").step0(1, 2)
            return context

        used().cleanup()
        alive: list[Any] = []
        size = _held(lambda: alive.extend(used() for _ in range(count)))
        for context in alive:
            context.cleanup()
    return {
        "memory of a module of 1000 lines ÷ in Python": modules[1] / modules[0],
        "memory of a context with a module of 200 lines, kB": size / count / 1000,
    }


def lateness(rounds: int) -> dict[str, float]:
    """How late a deadline of 100 ms stops a loop, in switch intervals: median and worst of `rounds`."""
    from opendxa.dana import DanaRuntime, DanaTimeoutError

    late = []
    with _folder() as folder:
        (folder / "bench_spin.na").write_text(SPIN)
        with DanaRuntime().create_context(search_paths=[folder], timeout="100ms") as context:
            spin = context.import_module("bench_spin").spin
            for _ in range(rounds):
                start = time.perf_counter()
                try:
                    spin(1)
                except DanaTimeoutError:
                    late.append((time.perf_counter() - start - 0.1) / sys.getswitchinterval())
    return {
        "deadline: median lateness, switch intervals": statistics.median(late),
        "deadline: worst lateness, switch intervals": max(late),
    }


ALL: tuple[Callable[[int], dict[str, float]], ...] = (
    calls, contexts, warm_imports, context_imports, cold_compiles, data, nested_data, first_import, memory,
    lateness,
)  # fmt: skip
