"""The command line: what it accepts, what it prints where, its exit codes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dana2py.cli import group
from dana2py.cli_repl import Console
from opendxa.dana import DanaRuntime

Run = Callable[..., Result]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in an empty folder with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DANA_CACHE_DIR", str(tmp_path / ".cache"))

    def run(*arguments: str, text: str | bytes | None = None) -> Result:
        return CliRunner().invoke(group, arguments, input=text)

    return run


def process(*arguments: str, cwd: Path, **more: object) -> subprocess.CompletedProcess[str]:
    """The command line as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "dana2py", *arguments],
        cwd=cwd,
        env={**os.environ, "DANA_CACHE_DIR": str(cwd / ".cache")},
        capture_output=True,
        text=True,
        check=False,
        **more,  # type: ignore[call-overload]
    )


# -- run -----------------------------------------------------------------------------------------


def test_run_prints_and_succeeds(tmp_path: Path) -> None:
    """What the program prints is stdout; nothing else is."""
    (tmp_path / "a.na").write_text('x = 2\nprint("x = " + x)\nx * 21\n')
    done = process("run", "a.na", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "x = 2\n", "")


def test_run_reads_stdin(cli: Run) -> None:
    """``-`` is the program on stdin, and errors in it say so."""
    assert cli("run", "-", text='print("é")').output == "é\n"
    wrong = cli("run", "-", text="x = 1\ny = = 2\n")
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("<stdin>:2:5: error: ")


def test_run_imports_its_neighbours(cli: Run, tmp_path: Path) -> None:
    """Modules beside the program and in its ``dana_modules`` are found from any working folder."""
    folder = tmp_path / "deep"
    (folder / "dana_modules").mkdir(parents=True)
    (folder / "near.na").write_text("x = 1\n")
    (folder / "dana_modules" / "far.na").write_text("y = 2\n")
    (folder / "main.na").write_text("import near\nfrom far import y\nprint(near.x + y)\n")
    assert cli("run", "deep/main.na").output == "3\n"


def test_run_tells_errors_in_dana_terms(tmp_path: Path) -> None:
    """A place, the line, a caret and the Dana call stack on stderr; no frame of Python; exit code 1."""
    (tmp_path / "a.na").write_text("def half(x):\n    return 1 / x\n\nprint('before')\nhalf(0)\n")
    done = process("run", "a.na", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == "before\n"
    assert done.stderr == (
        "a.na:5:1: in the top level\n"
        " 5 | half(0)\n"
        "   | ^^^^^^^\n"
        "a.na:2:12: error: ZeroDivisionError: division by zero\n"
        " 2 |     return 1 / x\n"
        "   |            ^^^^^\n"
    )
    assert "Traceback" in process("run", "--traceback", "a.na", cwd=tmp_path).stderr


def test_run_calls_main_with_arguments(cli: Run, tmp_path: Path) -> None:
    """Values are JSON, or else text; a program without ``__main__`` takes none."""
    (tmp_path / "a.na").write_text("def __main__(n: int, name = 'x', flag = false):\n    print(n + 1, name, flag)\n")
    assert cli("run", "a.na", "n=41", "name=Ann", "flag=true").output == "42 Ann True\n"
    assert cli("run", "a.na", "n=1", 'name="a\\n\\"b\\u00e9"').output == '2 a\n"bé False\n'
    assert cli("run", "a.na", "n").exit_code == 2
    (tmp_path / "b.na").write_text("x = 1\n")
    assert "__main__" in cli("run", "b.na", "n=1").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "no.na"), "does not exist"),
        (("run", "."), "is a directory"),
        (("run",), "Missing argument"),
        (("run", "--fast", "a.na"), "No such option"),
        (("run", "--timeout", "soon", "a.na"), "soon"),
        (("run", "--max-memory", "-1", "a.na"), "-1"),
        (("run", "--allow", "everything", "a.na"), "everything"),
        (("run", "--isolation", "none", "a.na"), "none"),
        (("show", "--exact", "--guards", "a.na"), "exclude"),
        (("show", "--stage", "bytes", "a.na"), "bytes"),
        (("check", "no"), "does not exist"),
        (("check", "empty"), "no .na file"),
        (("test", "empty"), "no test"),
        (("build", "1st.na"), "module name"),
        (("fly",), "No such command"),
    ],
)
def test_wrong_usage(cli: Run, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, one clear line, never a traceback."""
    (tmp_path / "a.na").write_text("x = 1\n")
    (tmp_path / "1st.na").write_text("x = 1\n")
    (tmp_path / "empty").mkdir()
    result = cli(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_run_grants_only_what_is_allowed(cli: Run, tmp_path: Path) -> None:
    """Without ``--allow`` a file cannot be read, and the error says what would allow it."""
    (tmp_path / "a.na").write_text("print(read_file('a.txt'))\n")
    (tmp_path / "a.txt").write_text("inside")
    refused = cli("run", "a.na")
    assert refused.exit_code == 1
    assert "file_read" in refused.stderr
    assert cli("run", "--allow", "file_read", "a.na").output == "inside\n"


def test_run_stops_at_the_deadline(cli: Run, tmp_path: Path) -> None:
    """``--timeout`` ends an endless loop with the place where it was."""
    (tmp_path / "a.na").write_text("n = 0\nwhile true:\n    n += 1\n")
    result = cli("run", "--timeout", "100ms", "a.na")
    assert result.exit_code == 1
    assert "error:" in result.stderr
    assert "a.na:" in result.stderr


def test_run_json(cli: Run, tmp_path: Path) -> None:
    """One object with result and output, or the error in parts."""
    (tmp_path / "a.na").write_text("struct P:\n    x: int\nprint('hi')\n[P(x=1), {1}, 2.5]\n")
    assert json.loads(cli("run", "--json", "a.na").output) == {
        "ok": True,
        "result": [{"x": 1}, [1], 2.5],
        "output": "hi\n",
    }
    (tmp_path / "b.na").write_text("print('hi')\n[][0]\n")
    told = cli("run", "--json", "b.na")
    assert told.exit_code == 1
    found = json.loads(told.output)
    assert found["output"] == "hi\n"
    assert (found["error"]["line"], found["error"]["kind"]) == (2, "DanaRuntimeError")


def test_run_survives_a_closed_pipe(tmp_path: Path) -> None:
    """``dana2py run … | head``: an endless program ends quietly when nobody reads."""
    (tmp_path / "a.na").write_text("while true:\n    try:\n        print('x' * 1000)\n    except:\n        pass\n")
    with subprocess.Popen(
        [sys.executable, "-m", "dana2py", "run", "a.na"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(30) == 1


def test_files_that_are_no_text(cli: Run, tmp_path: Path) -> None:
    """Bytes that are not UTF-8 and NUL characters are errors with a place."""
    (tmp_path / "a.na").write_bytes(b"x = 1\ny = '\xff'\n")
    result = cli("run", "a.na")
    assert result.exit_code == 1
    assert result.stderr.startswith("a.na:2:6: error:")
    assert cli("check", "a.na").exit_code == 1
    assert cli("run", "-", text=b"\xff").exit_code == 2


# -- check, show, build, stubs, cache -------------------------------------------------------------


def test_check_finds_all_errors(cli: Run, tmp_path: Path) -> None:
    """Errors of all files with places; exit code 1; folders are searched, hidden ones not."""
    (tmp_path / "sub" / ".hidden").mkdir(parents=True)
    (tmp_path / "sub" / ".hidden" / "bad.na").write_text("= =\n")
    (tmp_path / "good.na").write_text("x = 1\n")
    (tmp_path / "sub" / "bad.na").write_text("def f(lenght):\n    return length\nreturn 1\n")
    result = cli("check", ".")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].startswith("2 files, ")
    assert "sub/bad.na:2:12: error:" in result.stderr
    assert "did you mean 'lenght'" in result.stderr
    assert cli("check", "good.na").exit_code == 0


def test_check_and_show_know_what_a_host_lends(cli: Run, tmp_path: Path) -> None:
    """A name that is lent is defined, also as `len`; what no host can lend is wrong usage."""
    (tmp_path / "a.na").write_text("x = price(1) + len\n")
    assert "'price' is not defined" in cli("check", "a.na").stderr
    assert cli("show", "a.na").exit_code == 1
    assert cli("check", "--lend", "price", "--lend", "len", "a.na").exit_code == 0
    assert "price(1)" in cli("show", "--lend", "price", "a.na").stdout
    for wrong in ("_x", "a.b", ""):
        result = cli("check", "--lend", wrong, "a.na")
        assert (result.exit_code, "no name that a host can lend" in result.stderr) == (2, True)


def test_check_warns(cli: Run, tmp_path: Path) -> None:
    """A warning does not fail; ``-2 ** 2`` is 4 here and people should know."""
    (tmp_path / "a.na").write_text("x = -2 ** 2\ny = (-2) ** 2\nz = x is 5\n")
    result = cli("check", "a.na")
    assert result.exit_code == 0
    assert "a.na:1:5: warning:" in result.stderr
    assert "a.na:3:10: warning:" in result.stderr
    assert "1 file, 0 errors, 2 warnings" in result.output


def test_check_finds_a_package_that_hides_ours(cli: Run, tmp_path: Path) -> None:
    """Python takes the user's own dana_modules/__init__.py and never asks us, so ``check`` says it; ours is fine."""
    import dana_modules

    (tmp_path / "dana_modules" / "deep").mkdir(parents=True)
    (tmp_path / "dana_modules" / "deep" / "m.na").write_text("x = 1\n")
    own = tmp_path / "dana_modules" / "__init__.py"
    own.write_text("")
    result = cli("check", "dana_modules/deep")
    assert (result.exit_code, result.stdout) == (0, "1 file, 0 errors, 1 warning\n")
    assert "dana_modules/__init__.py:1:1: warning: this file hides" in result.stderr
    assert "remove it" in result.stderr
    assert json.loads(cli("check", "--json", ".").stdout)[0]["severity"] == "warning"
    own.write_text(Path(str(dana_modules.__file__)).read_text(encoding="utf-8"))
    assert cli("check", "dana_modules").output == "1 file, 0 errors, 0 warnings\n"


def test_check_json(cli: Run, tmp_path: Path) -> None:
    """A list of findings for a machine, also from stdin."""
    found = json.loads(cli("check", "--json", "-", text="x = -2 ** 2\n").output)
    assert [(f["severity"], f["file"], f["line"], f["column"]) for f in found] == [("warning", "<stdin>", 1, 5)]
    (tmp_path / "a.na").write_text("x = (\n")
    result = cli("check", "--json", "a.na")
    assert result.exit_code == 1
    assert json.loads(result.output)[0]["severity"] == "error"


def test_show_views(cli: Run, tmp_path: Path) -> None:
    """Each view prints something of its own; a wrong program is an error with a place."""
    (tmp_path / "a.na").write_text("# c\nx = 1 + 2\n")
    stages = [["--stage", stage] for stage in ("tokens", "tree", "lowered", "guarded")]
    shown = {" ".join(flags): cli("show", *flags, "a.na").output for flags in ([], ["--exact"], ["--guards"], *stages)}
    assert "# a.na:2" in shown[""]
    assert "none needed" in shown["--guards"]
    assert "NAME" in shown["--stage tokens"]
    assert "BinOp" in shown["--stage tree"]
    assert shown["--stage lowered"] == "x = 1 + 2\n"
    wrong = cli("show", "-", text="x = (")
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("<stdin>:1:")


def test_build_is_used_by_a_run(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was built beside a module is found again by the cache, for both profiles."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.na").write_text("x = 1\n")
    (tmp_path / "pack" / "inner.na").write_text("y = 2\n")
    assert "2 modules built" in cli("build", ".").output
    built = sorted(path.name for path in tmp_path.rglob("__dana_cache__/*"))
    assert len(built) == 4
    (tmp_path / "bad.na").write_text("= =\n")
    result = cli("build", ".")
    assert result.exit_code == 1
    assert "bad.na:1:1: error:" in result.stderr
    assert "2 modules built, 1 failed" in result.output


LOADED = """
import sys
from opendxa.dana import DanaRuntime
import dana_modules.pack.inner as plain
with DanaRuntime().create_context(search_paths=["dana_modules"]) as context:
    print(plain.y + context.import_module("pack.inner").y, "dana2py.parser" in sys.modules)
"""


def test_what_was_built_is_not_compiled_again(cli: Run, tmp_path: Path) -> None:
    """With an empty cache, both ways of importing use what lies beside the module."""
    folder = tmp_path / "dana_modules" / "pack"
    folder.mkdir(parents=True)
    (folder / "inner.na").write_text("y = 21\n")
    assert cli("build", "dana_modules").exit_code == 0
    cli("cache", "clear")
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=tmp_path,
        env={**os.environ, "DANA_CACHE_DIR": str(tmp_path / ".cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("42 False\n", "")


def test_a_mistake_of_ours_is_one_line(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback of internals: the kind, a request for a report, exit code 1."""

    def fail(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("dana2py.cli_files.check", fail)
    (tmp_path / "a.na").write_text("x = 1\n")
    result = cli("check", "a.na")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: KeyError: 'oops'\n")
    assert "please report" in result.stderr
    assert "Traceback" not in result.stderr


def test_stubs(cli: Run, tmp_path: Path) -> None:
    """Stubs land below the named folder."""
    (tmp_path / "a.na").write_text("x = 1\n")
    assert cli("stubs", "a.na", "--out", "out").exit_code == 0
    assert "x: int" in (tmp_path / "out" / "dana_modules" / "a.pyi").read_text()


def test_cache_info_and_clear(cli: Run, tmp_path: Path) -> None:
    """A module that was imported is an entry, and can be removed."""
    (tmp_path / "m.na").write_text("x = 1\n")
    process("run", "-", cwd=tmp_path, input="import m\nprint(m.x)\n")
    assert json.loads(cli("cache", "info", "--json").output)["entries"] == 1
    assert str(tmp_path / ".cache") in cli("cache", "info").output
    assert "1 entry removed" in cli("cache", "clear").output
    assert json.loads(cli("cache", "info", "--json").output)["entries"] == 0


def test_version_and_help(cli: Run) -> None:
    """Both succeed and name what a reader needs."""
    assert cli("--version").output.startswith("dana2py ")
    for command in ("run", "show", "check", "build", "stubs", "test", "repl", "cache"):
        assert command in cli("--help").output
        assert cli(command, "--help").exit_code == 0


# -- test -----------------------------------------------------------------------------------------


def test_tests_in_dana(cli: Run, tmp_path: Path) -> None:
    """One result for each function; a failure shows its output, place and line; no state goes on."""
    (tmp_path / "test_a.na").write_text(
        "private:n = 0\n"
        "def test_one():\n    private:n += 1\n    assert private:n == 1\n"
        "def test_two():\n    private:n += 1\n    print('seen')\n    assert private:n == 2\n"
        "def helper():\n    assert false\n"
    )
    (tmp_path / "b_test.na").write_text("def test_three():\n    pass\n")
    (tmp_path / "other.na").write_text("def test_four():\n    assert false\n")
    result = cli("test")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert [line for line in lines if "::" in line and not line.startswith(" ")][:3] == [
        "ok     b_test.na::test_three",
        "ok     test_a.na::test_one",
        "FAILED test_a.na::test_two",
    ]
    assert "seen" in lines
    assert "3 tests, 1 failed" in lines
    assert "test_a.na:8:" in result.stderr
    assert cli("test", "b_test.na").output.endswith("1 test passed\n")
    found = json.loads(cli("test", "--json").output)
    assert [test["ok"] for test in found["tests"]] == [True, True, False]


def test_a_test_file_that_is_no_dana(cli: Run, tmp_path: Path) -> None:
    """A syntax error is a failure of that file and does not hide the others."""
    (tmp_path / "test_a.na").write_text("= =\n")
    (tmp_path / "test_b.na").write_text("def test_x():\n    pass\n")
    result = cli("test")
    assert result.exit_code == 1
    assert "FAILED test_a.na" in result.output
    assert "ok     test_b.na::test_x" in result.output


# -- repl -----------------------------------------------------------------------------------------


def talk(*lines: str) -> list[str]:
    """What a conversation prints."""
    waiting = list(lines)

    def read(prompt: str) -> str:
        if not waiting:
            raise EOFError
        return waiting.pop(0)

    stream = io.StringIO()
    with DanaRuntime().create_context(on_print=stream.write) as context:
        Console(context, read, stream).talk()
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("lines", "printed"),
    [
        (["1 + 1"], ["2"]),
        (["x = 5", "", "x * 2"], ["10"]),
        (["def f(n):", "    y = n + 1", "    return y", "", "f(1)"], ["2"]),
        (["[1,", "2", "]"], ["[1, 2]"]),
        (['"""a', "", 'b"""'], ["'a\\n\\nb'"]),
        (["if true:", "    print(1)", "else:", "    print(2)", ""], ["1"]),
        (["print('x')", "none"], ["x"]),
        (["for i in range(2):", "    print(i)"], ["0", "1"]),
        (["# nothing", "   ", "7"], ["7"]),
    ],
)
def test_repl_runs_what_is_whole(lines: list[str], printed: list[str]) -> None:
    """Statements run at once, blocks at an empty line or at the end; None is not printed."""
    assert talk(*lines) == printed


def test_repl_goes_on_after_errors() -> None:
    """An error is told and its input forgotten; what was defined before stays."""
    lines = talk("x = 1", "y = = 2", "1 / 0", "x + 1")
    assert "error:" in lines[0]
    assert any("ZeroDivisionError" in line for line in lines)
    assert lines[-1] == "2"


def test_repl_tells_an_end_in_the_middle() -> None:
    """The input ends inside a bracket: that is an error, not silence."""
    assert any("error:" in line for line in talk("x = (1,"))
    assert any("error:" in line for line in talk("def f():", "", "1"))


def test_repl_runs_what_is_piped_in(tmp_path: Path) -> None:
    """Without a terminal there are no prompts and no banner; modules of the working folder are found."""
    (tmp_path / "near.na").write_text("x = 41\n")
    done = process("repl", cwd=tmp_path, input="import near\nnear.x + 1\nread_file('near.na')\n")
    assert done.returncode == 0
    assert done.stdout.startswith("42\n")
    assert "file_read" in done.stdout


# -- policies ------------------------------------------------------------------------------------


def test_run_with_a_policy(cli: Run, tmp_path: Path) -> None:
    """A policy grants and limits; options may only say less; a wrong file is wrong usage with its line."""
    (tmp_path / "a.na").write_text("print(get_env('NO_SUCH', 'none'))\n")
    (tmp_path / "p.toml").write_text('allowed_capabilities = ["env:NO_SUCH"]\n[limits]\ntimeout = "20s"\n')
    assert cli("run", "--policy", "p.toml", "a.na").output == "none\n"
    assert cli("run", "--policy", "p.toml", "--allow", "env:NO_SUCH", "--timeout", "10s", "a.na").exit_code == 0
    for wrong in (["--allow", "env"], ["--timeout", "30s"]):
        refused = cli("run", "--policy", "p.toml", *wrong, "a.na")
        assert (refused.exit_code, "the policy" in refused.output) == (2, True), wrong
    (tmp_path / "p.toml").write_text('\nallow = ["env"]\n')
    refused = cli("run", "--policy", "p.toml", "a.na")
    assert (refused.exit_code, "p.toml:2: a policy has no key 'allow'" in refused.output) == (2, True)
    assert cli("run", "--policy", "none.toml", "a.na").exit_code == 2


def test_policies_are_compared(cli: Run, tmp_path: Path) -> None:
    """``policy diff`` says what is widened and fails then; ``policy show`` prints a policy in full."""
    (tmp_path / "a.toml").write_text('allowed_capabilities = ["file_read:data", "env"]\n')
    (tmp_path / "b.toml").write_text('allowed_capabilities = ["file_read:data/in"]\n[limits]\ntimeout = "5s"\n')
    narrower = cli("policy", "diff", "a.toml", "b.toml")
    assert (narrower.exit_code, "widened" in narrower.output) == (0, False)
    assert "- narrowed: timeout is 5s, it was 30s by default\n" in narrower.output
    wider = cli("policy", "diff", "--json", "b.toml", "a.toml")
    assert wider.exit_code == 1
    assert "'env' is granted" in json.loads(wider.output)["widened"]
    assert f'"file_read:{tmp_path}/data"' in cli("policy", "show", "a.toml").output
    assert json.loads(cli("policy", "show", "--json", "b.toml").output)["timeout"] == "5s"
    assert cli("policy", "diff", "a.toml", "none.toml").exit_code == 2


def test_audits(cli: Run, tmp_path: Path) -> None:
    """An audit grants nothing, proposes what was used, also of a failed run; --allow-all needs it."""
    (tmp_path / "x.txt").write_text("x")
    (tmp_path / "a.na").write_text("print(read_file('x.txt'))\nget_env('HOME')\n")
    denied = cli("run", "--audit", "a.na")
    assert (denied.exit_code, denied.stdout) == (1, "")
    assert f'#   "file_read:{tmp_path}/x.txt", a.na:1 in <module>: read_file' in denied.stderr
    failed = cli("run", "--audit-out", "p.toml", "--allow", "file_read", "a.na")
    assert (failed.exit_code, failed.stdout) == (1, "x\n")
    assert '    "file_read:x.txt",\n' in (tmp_path / "p.toml").read_text()
    trusted = cli("run", "--audit", "--allow-all", "--json", "a.na")
    assert trusted.exit_code == 0
    assert '"env:HOME"' in json.loads(trusted.stdout)["audit"]
    (tmp_path / "b.na").write_text("read_file('x.txt')\n")
    assert cli("run", "--policy", "p.toml", "b.na").exit_code == 0
    for wrong in (["--allow-all"], ["--audit", "--allow-all", "--allow", "env"], ["--audit-out", "none/p.toml"]):
        assert cli("run", *wrong, "b.na").exit_code == 2, wrong


def test_record_and_replay(cli: Run, tmp_path: Path) -> None:
    """A run is recorded and replayed without its files; what does not fit, is damaged or was not asked for is told."""
    (tmp_path / "x.txt").write_text("x")
    (tmp_path / "a.na").write_text("import random.py\nprint(read_file('x.txt') + random.randint(0, 10 ** 9))\n")
    first = cli("run", "--record", "r.jsonl", "--allow", "file_read", "a.na")
    (tmp_path / "x.txt").unlink()
    again = cli("run", "--replay", "r.jsonl", "--allow", "file_read", "a.na")
    assert (again.exit_code, again.output) == (0, first.output)
    denied = cli("run", "--replay", "r.jsonl", "a.na")
    assert (denied.exit_code, "needs the capability 'file_read'" in denied.stderr) == (1, True)
    (tmp_path / "b.na").write_text("1\n")
    left = cli("run", "--replay", "r.jsonl", "b.na")
    assert left.exit_code == 0
    assert "note: 2 recorded effects of 'r.jsonl' were not asked for; the first is random" in left.stderr
    (tmp_path / "r.jsonl").write_text("{}\n")
    both = ["--record", "r", "--replay", "r"]
    for wrong in (["--replay", "r.jsonl"], ["--replay", "none"], ["--record", "no/r"], both):
        refused = cli("run", *wrong, "a.na")
        assert (refused.exit_code, refused.stderr.count("\n") < 6) == (2, True), wrong
