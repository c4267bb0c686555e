"""Many threads, each with contexts of its own, and everything that can go wrong in one of them at the same time.

In: seconds, threads, a seed. Out: how often each job ran, and what crossed over: an answer, a printed text, a grant or
a module's state that belonged to another context, an end of the wrong kind, a thread or memory that stayed. Every
context has an identity that all its values carry, so a value of another one is seen at once.

    python -m tests.attacks.load --seconds 600 --threads 64
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dana_guards.errors import (
    DanaCapabilityError,
    DanaError,
    DanaMemoryError,
    DanaRecursionError,
    DanaRuntimeError,
    DanaTimeoutError,
)
from opendxa.dana import DanaContext, DanaRuntime

FOLDERS = 8
MODULE = """\
private:count = 0
struct Item:
    owner: str
def grow(by: int) -> int:
    private:count = private:count + by
    return private:count
def item(owner: str) -> Item:
    return Item(owner=owner)
def spin():
    while true:
        pass
"""


class Crossed(AssertionError):
    """Something of one context was seen in another, or an end was of the wrong kind."""


@dataclass
class Guest:
    """One context under load, and what only it may see."""

    folder: Path
    name: str
    number: int
    context: DanaContext
    printed: list[str]

    @property
    def own(self) -> str:
        """The one folder that this context may read."""
        return str(self.folder / f"own{self.number % FOLDERS}" / "text")

    def expect(self, found: object, wanted: object) -> None:
        """What must be equal."""
        if found != wanted:
            raise Crossed(f"{self.name}: {found!r} instead of {wanted!r}")

    def ends(self, kind: type[DanaError], program: str) -> None:
        """The program ends with this kind of error and no other, and the context goes on."""
        try:
            self.context.eval_dana(program)
        except kind as error:
            if type(error) is not kind:
                raise Crossed(f"{self.name}: {error!r} instead of {kind.__name__}") from error
        else:
            raise Crossed(f"{self.name}: no {kind.__name__}")
        self.expect(self.context.eval_dana(f"'after ' + '{self.name}'"), f"after {self.name}")


def values(guest: Guest) -> None:
    """Scopes, output, host functions."""
    guest.context.eval_dana(f"public:me = '{guest.name}'\nprivate:l = [public:me] * 50\nprint(public:me)")
    guest.expect(guest.context.eval_dana("host(private:l)"), [guest.name, [guest.name] * 50])
    guest.expect(set("".join(guest.printed).split()), {guest.name})


def modules(guest: Guest) -> None:
    """The state of a module, and the class of its structs, belong to the context."""
    module = guest.context.import_module("shared")
    guest.expect([module.grow(2), module.grow(3)], [2, 5])
    one = module.item(guest.name)
    guest.expect((one.owner, type(one).__name__), (guest.name, "Item"))


def grants(guest: Guest) -> None:
    """Its own folder can be read, the next one cannot."""
    other = str(guest.folder / f"own{(guest.number + 1) % FOLDERS}" / "text")
    guest.expect(guest.context.eval_dana(f"read_file('{guest.own}')"), f"text {guest.number % FOLDERS}")
    guest.ends(DanaCapabilityError, f"read_file('{other}')")


def late(guest: Guest) -> None:
    """A deadline."""
    guest.ends(DanaTimeoutError, "n = 0\nwhile true:\n    n = n + 1")


def large(guest: Guest) -> None:
    """One operation that asks for too much."""
    guest.ends(DanaMemoryError, "x = [0] * 10 ** 10")


def deep(guest: Guest) -> None:
    """Recursion without end."""
    guest.ends(DanaRecursionError, "def f(x):\n    return f(x + 1)\nf(0)")


def wrong(guest: Guest) -> None:
    """An error of the host, and one of the program."""
    guest.ends(DanaRuntimeError, "fail()")
    caught = "try:\n    fail()\nexcept ValueError as e:\n    x = e.type\nx"
    guest.expect(guest.context.eval_dana(caught), "ValueError")


def cancelled(guest: Guest) -> None:
    """A task that is cancelled takes its Dana code with it."""

    async def main() -> None:
        task = asyncio.create_task(guest.context.eval_dana_async("while true:\n    pass"))
        await asyncio.sleep(0.01)
        task.cancel()
        try:
            await task
        except (asyncio.CancelledError, DanaTimeoutError):  # both may come first
            pass
        else:
            raise Crossed(f"{guest.name}: a cancelled task has a result")
        guest.expect(await guest.context.eval_dana_async(f"'{guest.name}'"), guest.name)

    asyncio.run(main())


JOBS: tuple[Callable[[Guest], None], ...] = (values, modules, grants, late, large, deep, wrong, cancelled)


@dataclass
class Report:
    """What a run found."""

    done: Counter[str] = field(default_factory=Counter)
    crossed: list[str] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)
    """Bytes that the process held, about a hundred times over the run."""
    threads: list[str] = field(default_factory=list)
    """Threads that are there after the run and were not before, beside the watchdog and the pool."""

    @property
    def growth(self) -> int:
        """Bytes that the second half of the run added."""
        half = len(self.resident) // 2
        return max(self.resident[-max(1, half // 4) :]) - max(self.resident[: max(1, half)]) if self.resident else 0


def guest_of(folder: Path, number: int) -> Guest:
    """A new context with the grants and limits of its number."""
    name, printed = f"guest{number}", list[str]()

    def fail() -> None:
        raise ValueError(name)

    context = DanaRuntime().create_context(
        allowed_capabilities=[f"file_read:{folder / f'own{number % FOLDERS}'}"], timeout=0.2 + number % 3 * 0.1,
        max_memory="4GB", search_paths=[folder], on_print=printed.append,
        functions={"host": lambda value: [name, value], "fail": fail},
    )  # fmt: skip
    return Guest(folder, name, number, context, printed)


def run(folder: Path, number: int, source: random.Random, report: Report) -> None:
    """Some jobs in one context. What the deadline cuts off under load is no fault, anything else is."""
    guest = guest_of(folder, number)
    with guest.context:
        for job in source.choices(JOBS, k=source.randrange(1, 4)):
            try:
                job(guest)
            except DanaTimeoutError:
                report.done["cut off"] += 1
            except Exception as error:
                report.crossed.append(f"{job.__name__}: {type(error).__name__}: {error}")
            report.done[job.__name__] += 1
            if job is modules:
                break  # its figures hold for the first time only


def load(seconds: float, threads: int, seed: int, most: int = 10**9) -> Report:
    """Run jobs in threads until the time is over or `most` contexts were made."""
    report, before = Report(), set(threading.enumerate())
    numbers, end, lock = iter(range(most)), time.monotonic() + seconds, threading.Lock()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "shared.na").write_text(MODULE)
        for number in range(FOLDERS):
            (folder / f"own{number}").mkdir()
            (folder / f"own{number}" / "text").write_text(f"text {number}")

        def work(source: random.Random) -> None:
            while time.monotonic() < end and not report.crossed:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                run(folder, number, source, report)

        workers = [threading.Thread(target=work, args=(random.Random(seed + i),)) for i in range(threads)]
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            report.resident.append(resident())
            for worker in workers:
                worker.join(seconds / 100 / threads)
    gc.collect()
    report.threads = [
        thread.name for thread in set(threading.enumerate()) - before if not thread.name.startswith("dana-")
    ]
    return report


def resident() -> int:
    """Bytes of memory that the process holds now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmRSS in /proc/self/status")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Run many contexts in many threads and look for what crosses over.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    report = load(options.seconds, options.threads, options.seed)
    print(f"seed {options.seed}: {sum(report.done.values())} jobs, {dict(report.done)}")
    print(f"memory {report.resident[0]:,} to {report.resident[-1]:,} bytes, second half {report.growth:+,}")
    print(*report.crossed[:5], *report.threads, sep="\n")
    return bool(report.crossed or report.threads)


if __name__ == "__main__":
    raise SystemExit(main())
