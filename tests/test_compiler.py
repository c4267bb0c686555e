"""The whole pipeline: what comes out is the same everywhere, and what cannot come out is a clear error."""

from __future__ import annotations

import ast
import marshal
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dana2py.bindings import dana_name, python_name
from dana2py.compiler import STAGES, compile_source, lowered_ast
from dana_guards.errors import DanaSyntaxError
from dana_guards.policy import Policy
from opendxa.dana import DanaRuntime

HERE = Path(__file__).parent
PROGRAMS = sorted((HERE / "corpus" / "programs").glob("*.na")) + sorted((HERE / "corpus" / "large").glob("*.na"))
SAMPLE = PROGRAMS[:: max(1, len(PROGRAMS) // 12)] + PROGRAMS[-1:]
MANGLED = st.from_regex(r"(dana_|_|)(u_|n_|)(class|async|x|private)_{0,3}", fullmatch=True)


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.stem)
@pytest.mark.parametrize("profile", ["limited", "unlimited"])
def test_hash_seed_does_not_show(path: Path, profile: str) -> None:
    """Two processes with different hash seeds produce the same bytes of code."""
    script = (
        "import marshal, sys; from dana2py.compiler import compile_source; from dana_guards.policy import Policy;"
        "code = compile_source(open(sys.argv[1], encoding='utf-8').read(), 'x.na',"
        " policy=Policy(profile=sys.argv[2])).code; sys.stdout.buffer.write(marshal.dumps(code))"
    )
    dumps = [
        subprocess.run(
            [sys.executable, "-c", script, str(path), profile],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    # A dump notes which objects are shared, which is no part of the code: compare what is read back.
    assert marshal.loads(dumps[0]) == marshal.loads(dumps[1])


def test_threads_get_the_same_trees() -> None:
    """Four threads that compile at once, with forced switching, give the same trees as one."""
    texts = [path.read_text(encoding="utf-8") for path in SAMPLE[:6]]

    def dumps() -> list[str]:
        return [ast.dump(lowered_ast(text, "x.na", stage="guarded"), include_attributes=True) for text in texts]

    alone = dumps()
    found: list[list[str]] = []
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda: found.append(dumps())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert found == [alone] * 4


@given(MANGLED)
def test_names_come_back(name: str) -> None:
    """The Python name of a Dana name leads back to it, so no two names meet."""
    if name:
        assert dana_name(python_name(name)) == name


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_every_text_survives(text: str) -> None:
    """A text literal arrives at run time as it was written, whatever it holds."""
    literal = "".join(c if c.isascii() and c.isalnum() else f"\\U{ord(c):08x}" for c in text)
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    with DanaRuntime().create_context() as context:
        assert context.eval_dana(f'"{literal}"') == text


@pytest.mark.parametrize(
    "source",
    [
        "x = " + " + ".join(["1"] * 400),
        "def f(a):\n    return " + " + ".join(["a"] * 400) + "\nf(1)",
        "x = " + " and ".join(["1"] * 3000),
        "x = " + " < ".join(["1"] * 3000),
        "x = 5\nif x == 0:\n    y = 0\n" + "".join(f"elif x == {i}:\n    y = {i}\n" for i in range(1, 900)),
        "x = " + "(" * 90 + "1" + ")" * 90,
        "x = " + "[" * 90 + "]" * 90,
        "x = " + "".join(f"lambda a{i} :: " for i in range(60)) + "1",
        'x = f"' + "{1}" * 2000 + '"',
        "".join(f"x{i} = {i}\n" for i in range(3000)),
        "def g(x):\n    return x\ndef f(x) = " + " | ".join(["g"] * 1000),
    ],
    ids=[
        "chain", "unknown chain", "and", "compare", "elif", "parentheses", "lists", "lambdas", "fields", "lines",
        "stages",
    ],
)  # fmt: skip
def test_long_and_deep_programs_compile(source: str) -> None:
    """What a generator of programs writes is no limit as long as it is within reason."""
    assert compile_source(source, "long.na").code.co_filename == "long.na"


def test_too_many_blocks_are_a_syntax_error() -> None:
    """Python nests twenty blocks at most; more is an error of the program, with its line."""
    lines = [f"{' ' * depth}for i{depth} in [1]:" for depth in range(30)]
    with pytest.raises(DanaSyntaxError, match="nested") as caught:
        compile_source("\n".join([*lines, " " * 30 + "x = 1"]), "deep.na")
    assert caught.value.filename == "deep.na"


def test_a_host_deep_in_its_own_stack_can_compile() -> None:
    """The recursion of the caller does not count against the program."""

    def deep(levels: int) -> object:
        return deep(levels - 1) if levels else compile_source(f"x = {'(' * 60}1{')' * 60}", "deep.na").name

    assert deep(sys.getrecursionlimit() - 150 - len(_stack())) == "__main__"


def _stack() -> list[object]:
    frames: list[object] = []
    frame = sys._getframe()
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back  # type: ignore[assignment]
    return frames


def test_an_unknown_stage_is_told() -> None:
    """A misspelt stage names those that exist."""
    with pytest.raises(ValueError, match="lowered, specialised, guarded"):
        lowered_ast("x = 1", "x.na", Policy(), "guarderd")
    assert [type(lowered_ast("x = 1", "x.na", Policy(), stage)) for stage in STAGES] == [ast.Module] * 3


def test_positions_are_those_of_the_text() -> None:
    """Every node carries a place inside the Dana text, in UTF-8 bytes."""
    text = 'é = 1\n'.replace("é", "e") + 's = "ä" + missing(1)\ndef missing(x):\n    return [x, "ö", x / 0]\n'
    lines = text.encode().split(b"\n")
    for node in ast.walk(lowered_ast(text, "x.na", stage="guarded")):
        if isinstance(node, ast.expr | ast.stmt):
            assert 1 <= node.lineno <= (node.end_lineno or 0) <= len(lines)
            assert 0 <= node.col_offset <= len(lines[node.lineno - 1])


def test_a_piece_of_a_session_hides_a_builtin_from_later_pieces_only() -> None:
    """What was compiled with the built-in keeps it; what comes after sees the new meaning."""
    with DanaRuntime().create_context() as context:
        context.eval_dana("def count(l):\n    return len(l)")
        assert context.eval_dana("def len(x):\n    return 42\nlen([])") == 42
        assert context.eval_dana("len([1])") == 42
        assert context.eval_dana("count([1, 2])") == 2
        context.eval_dana("sum = 3\ndef get():\n    return sum")
        assert context.eval_dana("get() + sum") == 6


def test_a_star_import_leaves_builtins_of_a_session_alone(tmp_path: Path) -> None:
    """In a session the star brings everything but names of built-ins; a module of its own gets them all."""
    (tmp_path / "tools.na").write_text("def len(x):\n    return 42\ndef other():\n    return 1\n")
    (tmp_path / "user.na").write_text("from tools import *\nfound = [len([]), other()]\n")
    with DanaRuntime().create_context(search_paths=[tmp_path]) as context:
        context.eval_dana("from tools import *")
        assert context.eval_dana("[len([]), other()]") == [0, 1]
        assert context.import_module("user").found == [42, 1]


@pytest.mark.parametrize(
    "source",
    [
        "x = (none)(1)", "x = 1 is 1", 'x = "a"["b"]', "x = true(1)", "x = none[0]", 'x = [1]["a"]', 'x = f"a"("b")',
        "x = {1: 2}(3)", "x = (1,)[1.5]", 'x = "a" is not 1', "x = (lambda :: 1)[0]", 'assert (1, "x")', "x = 1.5(2)",
        "def f():\n    try:\n        return 1\n    finally:\n        return 2", "(1 + 1)()", "def f(x) = 1(x)",
        "x = 1\nx is 'a' + 'b'", "x = 1\nx is not -(2 ** 3)",
        "def k():\n    return 1\nx = 1\nx is k()\nk()()\nk()['a']", "x = 1\nx is (1, 2)[0]", "(1, 2)[0]()",
        "k = 1\nk()\nk is k\nk['a']", "'a'[0]()", "x = 1\nx is 'ab'[0]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("closed", [True, False])
def test_odd_programs_print_no_warning(source: str, closed: bool) -> None:
    """Python's own compiler warns about such literals on the host's stderr; in Dana they are programs like others."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compile_source(source, "odd.na", closed=closed).name == "__main__"


def test_a_builtin_of_a_session_can_be_read_before_a_later_line_hides_it() -> None:
    """In one text the built-in is meant up to the assignment, as in a module."""
    with DanaRuntime().create_context() as context:
        assert context.eval_dana("n = len([1])\nlen = 5\nn") == 1
        assert context.eval_dana("len") == 5
    with DanaRuntime().create_context() as context:
        assert context.eval_dana("if false:\n    sum = 5\nsum([1, 2])") == 3
        assert context.eval_dana("def f():\n    return max([1])\na = f()\nmax = lambda x :: 9\n[a, f()]") == [1, 9]
