"""The optimisations change nothing but the speed: every program gives the same with all of them and with none.

The language tests run pieces of text, where little is known of names; here each chunk and each program of the corpus is
a module of its own, imported by a context, so that every pass has its full say: types, entries, guesses, narrowing.
"""

from __future__ import annotations

import ast
import decimal
from pathlib import Path

import pytest

from dana2py.compiler import lowered_ast
from dana2py.options import Options
from dana_guards.errors import DanaError
from dana_guards.policy import Policy
from opendxa.dana import DanaRuntime
from support.chunks import Chunk, read_chunks

HERE = Path(__file__).parent
CHUNKS = [chunk for path in sorted((HERE / "lang").glob("*.na")) for chunk in read_chunks(path)]
PROGRAMS = sorted((HERE / "corpus").rglob("*.na"))
KERNELS = sorted((HERE / "benchmarks" / "kernels").rglob("*.na"))


def _outcome(source: str, folder: Path, grants: tuple[str, ...]) -> tuple[str, str | None, int | None]:
    """What a module prints when it is imported, and the kind and line of the error that ends it."""
    printed: list[str] = []
    (folder / "chunk_module.na").write_text(source, encoding="utf-8")
    with DanaRuntime().create_context(
        allowed_capabilities=grants, search_paths=[folder], on_print=printed.append
    ) as context:
        try:
            context.import_module("chunk_module")
        except DanaError as error:
            return "".join(printed), type(error.__cause__ or error).__name__, error.lineno
    return "".join(printed), None, None


def _both(source: str, folder: Path, grants: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> list[object]:
    monkeypatch.setenv("DANA_CACHE", "off")
    monkeypatch.chdir(folder)
    found: list[object] = []
    for setting in ("on", "off"):
        monkeypatch.setenv("DANA2PY_OPTIMISE", setting)
        found.append(_outcome(source, folder, grants))
    return found


@pytest.mark.parametrize("chunk", CHUNKS, ids=lambda chunk: f"{chunk.path.stem}-{chunk.slug}")
def test_chunk(chunk: Chunk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of the language tests ends in the same way with and without optimisations."""
    for name, text in chunk.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name, value in chunk.environment.items():
        monkeypatch.setenv(name, value)
    fast, plain = _both(chunk.source, tmp_path, tuple(chunk.grants), monkeypatch)
    assert fast == plain


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of the corpus ends in the same way with and without optimisations."""
    fast, plain = _both(path.read_text(encoding="utf-8"), tmp_path, (), monkeypatch)
    assert fast == plain


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: f"{path.parent.name}-{path.stem}")
@pytest.mark.parametrize("profile", ["limited", "unlimited"])
def test_compiling_twice_gives_the_same(path: Path, profile: str) -> None:
    """Two compilations give the same tree, positions included: the cache and golden files rest on it."""
    text = path.read_text(encoding="utf-8")
    policy = Policy(profile=profile)  # type: ignore[arg-type]
    first, second = (ast.dump(lowered_ast(text, path.name, policy, "guarded"), include_attributes=True) for _ in "ab")
    assert first == second


def test_every_switch_is_part_of_the_key() -> None:
    """Code that was made under other options is never served from the cache."""
    assert len(Options.plain().key()) == len(set(Options.plain().key())) == len(Options.__dataclass_fields__)
    assert Options().key() != Options.plain().key()
    assert Options.current({"DANA_AUTO_COERCION": "0"}).key() != Options.current({}).key()


SUMS = """
from decimal.py import Decimal
def add_all(items):
    total = 0
    for item in items:
        total = total + item
    return total
def lengths(rows):
    total = 0
    for row in rows:
        total += row[0]
    return total
exact = "0.12345678901234567890123456785"
print(add_all([1, -2, 2.5, true]), add_all(["a", 1, "b"]), lengths([[1], ["x"], [2]]))
print(add_all([Decimal(exact), 1]), add_all([1, Decimal(exact)]))
for wrong in [[none], [[1]], [{}], [(1, 2)]]:
    try:
        add_all(wrong)
    except TypeError as error:
        print(error.message)
"""


def test_sums_of_anything_mean_what_they_mean_without_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum that starts at a number expects numbers: texts, exact decimals and errors come out the same."""
    fast, plain = _both(SUMS, tmp_path, ("python:decimal",), monkeypatch)
    assert fast == plain
    assert fast[1] is None  # type: ignore[index]


def test_a_sum_with_a_decimal_that_has_no_order() -> None:
    """A host's NaN cannot be compared; the sum that expects numbers is done again without comparing."""
    with DanaRuntime().create_context() as context:
        add_all = context.run_dana(SUMS.partition("Decimal\n")[2].partition("def lengths")[0] + "add_all")
        assert str(add_all([decimal.Decimal("NaN"), 1])) == "NaN"


ORDER = """
def unknown(l, add):
    l.append(add)
    return [add] if add else 0
def items(l):
    total = (l * 2) + unknown(l, 9)
    return total
def items_of_call(l):
    total = (l * 2) + (lambda q :: l.append(q) or [7])(9)
    return total
def part(l):
    return (l[0:1] + l) + unknown(l, 9)
def negative(l):
    return -l + (lambda q :: l.append(q) or 1)(9)
def divided(l, a, b):
    total = (a / b) + (lambda q :: l.append(q) or 1)(9)
    return total
def text(l, a):
    total = (a + l[0]) + (lambda q :: l.append(q) or "t")(9) + 1
    return total
def numbers(l, a: int, b: float):
    total = a * b + (lambda q :: l.append(q) or 1)(9)
    return total
for f in [items, items_of_call, part, negative]:
    l = [1]
    try:
        print(f(l), l)
    except Exception as e:
        print(e.message, l)
for f, a, b in [(divided, [1], 2), (divided, 1, 0), (divided, 1, 2), (numbers, 2, 1.5), (numbers, "a", 1.5)]:
    l = [1]
    try:
        print(f(l, a, b), l)
    except Exception as e:
        print(e.message, l)
for a in ["a", 1, []]:
    l = [1]
    try:
        print(text(l, a), l)
    except Exception as e:
        print(e.message, l)
"""


def test_operations_come_before_the_calls_behind_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``items * 2 + f(items)`` reads the list before `f` changes it, and what fails fails before `f` is called."""
    optimised, plain = _both(ORDER, tmp_path, (), monkeypatch)
    assert optimised == plain
    assert "[1, 1, 9]" in str(plain)
