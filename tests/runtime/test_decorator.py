"""``@dana_function``: typed stubs in front of Dana functions."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from opendxa.dana import DanaContext, DanaImportError, DanaRuntime, DanaTypeError, dana_function
from opendxa.dana.hints import fits_hint

Write = Callable[[str, str], Path]
MODULE = """
calls = []
def process(path, limit = 10, tags = []):
    calls.append(path)
    return {"path": path, "limit": limit, "tags": tags, "calls": len(calls)}

def wrong():
    return "text"

def add(a, b):
    return a + b
"""


@pytest.fixture(autouse=True)
def module(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module `stubs` on DANAPATH."""
    write("stubs.na", MODULE)
    monkeypatch.setenv("DANAPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_a_stub_calls_dana() -> None:
    """Signature and documentation are the stub's; defaults of the stub are passed, `...` leaves them to Dana."""

    @dana_function("stubs.process")
    def process(path: str, limit: int = 3, tags: list[str] = ...) -> dict[str, Any]:  # type: ignore[assignment, empty-body]
        """Do it."""

    assert process.__doc__ == "Do it."
    assert list(inspect.signature(process).parameters) == ["path", "limit", "tags"]
    assert process("a") == {"path": "a", "limit": 3, "tags": [], "calls": 1}
    assert process(path="b", tags=["x"])["calls"] == 2


def test_arguments_and_results_are_checked() -> None:
    """Against the stub's annotations, before and after the call."""

    @dana_function("stubs.add")
    def add(a: int, b: list[int] | int) -> int: ...  # type: ignore[empty-body]

    @dana_function("stubs.wrong")
    def wrong() -> dict[str, int]: ...  # type: ignore[empty-body]

    assert add(1, 2) == 3
    with pytest.raises(DanaTypeError, match="argument 'a' must be int, not str"):
        add("1", 2)  # type: ignore[arg-type]
    with pytest.raises(DanaTypeError, match="argument 'b'"):
        add(1, ["x"])  # type: ignore[list-item]
    with pytest.raises(DanaTypeError, match=r"stubs\.wrong gave str"):
        wrong()
    with pytest.raises(TypeError, match="missing"):
        add(1)  # type: ignore[call-arg]


def test_async_stubs() -> None:
    """An async stub is awaited."""

    @dana_function("stubs.add")
    async def add(a: int, b: int) -> int: ...  # type: ignore[empty-body]

    async def main() -> list[int]:
        return list(await asyncio.gather(add(1, 2), add(3, 4)))

    assert inspect.iscoroutinefunction(add)
    assert asyncio.run(main()) == [3, 7]


def test_async_stubs_of_one_context_wait_for_each_other(write: Write, tmp_path: Path) -> None:
    """A stub whose module is not loaded yet may be awaited while another one's call runs."""
    write("slow.na", "def slow(wait):\n    wait()\n    return 1\n")
    release = threading.Event()

    @dana_function("slow.slow")
    async def slow(wait: Any) -> int: ...  # type: ignore[empty-body]

    @dana_function("stubs.add")
    async def add(a: int, b: int) -> int: ...  # type: ignore[empty-body]

    async def main() -> list[int]:
        async with DanaRuntime().create_context(search_paths=[tmp_path]) as context:
            first = asyncio.create_task(slow(release.wait))
            while context._meter.thread is None or not context._meter.host_depth:
                await asyncio.sleep(0.001)
            second = asyncio.create_task(add(1, 2))
            asyncio.get_running_loop().call_later(0.02, release.set)
            return await asyncio.gather(first, second)

    assert asyncio.run(main()) == [1, 3]


def test_methods() -> None:
    """In a class the instance is not passed on; static and class methods work."""

    class Maths:
        @dana_function("stubs.add")
        def add(self, a: int, b: int) -> int: ...  # type: ignore[empty-body]

        @staticmethod
        @dana_function("stubs.add")
        def static(a: int, b: int) -> int: ...  # type: ignore[empty-body]

        @classmethod
        @dana_function("stubs.add")
        def of_class(cls, a: int, b: int) -> int: ...  # type: ignore[empty-body]

    assert [Maths().add(1, 2), Maths.static(3, 4), Maths.of_class(5, 6)] == [3, 7, 11]


def test_self_may_be_annotated() -> None:
    """In a class the first parameter named self is the instance, whatever its annotation says."""

    class Shop:
        @dana_function("stubs.add")
        def add(self: Any, a: int, b: int) -> int: ...  # type: ignore[empty-body]

    assert Shop().add(1, b=2) == 3


def test_only_functions_stand_for_functions(write: Write) -> None:
    """A stub that yields, and a target that is a value, are told so."""
    folder = write("m.na", "value = 3\n").parent

    def yielding() -> Any:
        yield 1

    async def streaming() -> Any:
        yield 1

    for stub in (yielding, streaming):
        with pytest.raises(TypeError, match="without yield"):
            dana_function("m.value")(stub)

    @dana_function("m.value", search_paths=[folder])
    def value() -> int: ...  # type: ignore[empty-body]

    with pytest.raises(DanaTypeError, match=r"m\.value is int, no function"):
        value()


def test_one_context_for_each_thread(context: DanaContext) -> None:
    """Without a current context each thread has its own; inside `with` it is that one."""

    @dana_function("stubs.process")
    def process(path: str) -> dict[str, Any]: ...  # type: ignore[empty-body]

    counts: list[int] = [process("a")["calls"], process("a")["calls"]]
    thread = threading.Thread(target=lambda: counts.append(process("a")["calls"]))
    thread.start()
    thread.join()
    with context:
        counts.append(process("a")["calls"])
    counts.append(process("a")["calls"])
    assert counts == [1, 2, 1, 1, 3]


def test_capabilities_come_from_the_decorator_or_the_project(write: Write) -> None:
    """Nothing is granted unless one of them says so."""
    write("files.na", "def read():\n    return read_file('note.txt')\n")
    write("note.txt", "hello")

    @dana_function("files.read")
    def denied() -> str: ...  # type: ignore[empty-body]

    @dana_function("files.read", allowed_capabilities=["file_read"])
    def allowed() -> str: ...  # type: ignore[empty-body]

    assert allowed() == "hello"
    with pytest.raises(PermissionError):
        denied()
    write("pyproject.toml", "[tool.dana2py]\nallowed_capabilities = ['file_read']\n")

    @dana_function("files.read")
    def by_project() -> str: ...  # type: ignore[empty-body]

    assert by_project() == "hello"


def test_mistakes_show_where_they_are_written() -> None:
    """A wrong target or setting is a ValueError of the decorator; a missing function an ImportError of the call."""
    for target in ("alone", "", "a..b", "a/b.c", 3):
        with pytest.raises(ValueError, match="@dana_function"):
            dana_function(target)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="file_reed"):
        dana_function("m.f", allowed_capabilities=["file_reed"])

    @dana_function("stubs.proces")
    def missing() -> None: ...

    with pytest.raises(DanaImportError, match="did you mean 'process'"):
        missing()
    with pytest.raises(TypeError, match="stands on a def"):
        dana_function("a.b")(3)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, int, True),
        (1, float, True),
        (1.5, int, False),
        (None, None, True),
        (None, int | None, True),
        ([1], list[int], True),
        (["a"], list[int], False),
        ({"a": [1]}, dict[str, list[int]], True),
        ({"a": 1}, dict[str, str], False),
        ((1, "a"), tuple[int, str], True),
        ((1, 2, 3), tuple[int, ...], True),
        ((1,), tuple[int, str], False),
        ({1}, set[int], True),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (True, Literal[1], False),
        (object(), Any, True),
    ],
)
def test_hints(value: Any, hint: Any, expected: bool) -> None:
    """The constructions of `typing` that say something about plain data."""
    assert fits_hint(value, hint) is expected
