"""The examples run, the README says what is true, the benchmark kernels agree with Python.

``UPDATE_README=1 python -m pytest tests/test_examples.py`` writes the generated blocks of the README anew.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.programs import VARIANTS
from opendxa.dana import DanaPolicy

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
README = ROOT / "README.md"


def run(*arguments: str, cwd: Path = EXAMPLES) -> subprocess.CompletedProcess[str]:
    """A process with the Python of the tests."""
    return subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


EXPECTED = {
    "area.py": "area: 50.0\ncircle: Circle(radius=2.0) has 12.57, both: 25.13\n",
    "orders.py": "Dear Ann, that makes 117.81 for 2 items.\n99.0\n",
    "limits.py": "refused, needs file_read\n"
    "{{'count': 3, 'total': 200.0, 'mean': 66.66666666666667}}\nstopped\n",
    "typed.py": "3 66.66666666666667\n",
    "offline.py": "asked:    3 cheers!\nreplayed: 3 cheers!\nneeded:   ['file_read:./data.csv', 'llm']\n",
}


def test_every_example_is_run() -> None:
    """An example without an expectation would rot."""
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_example(name: str) -> None:
    """A Python example prints what it should, and nothing on stderr."""
    done = run(name)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == EXPECTED[name].format(examples=EXAMPLES)


def test_dana_program() -> None:
    """The Dana example runs from any folder."""
    done = run("-m", "dana2py", "run", "examples/report.na", cwd=ROOT)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == (
        "kitchen      14.00\nhall         12.00\nbath          5.00\nall          31.00\n"
        "a round table takes 1.13 of it\n"
    )


def test_dana_tests() -> None:
    """The tests that are written in Dana pass."""
    done = run("-m", "dana2py", "test", ".")
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.endswith("3 tests passed\n")


# -- README ---------------------------------------------------------------------------------------


def readme() -> str:
    return README.read_text(encoding="utf-8")


def test_the_policy_of_the_readme_is_one() -> None:
    """It is read, and its comments are true."""
    text = re.search(r"```toml\n(allowed_capabilities.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert text is not None
    policy = DanaPolicy.loads(text[1], ROOT)
    assert f"file_read:{ROOT / 'data'}" in policy.allowed_capabilities
    assert set(policy.modules) == {"analytics", "*"}


def test_readme_program_runs() -> None:
    """The first program of the README is the example with a line that prints, word for word."""
    found = re.search(r"<!-- run: area -->\n```python\n(.*?)```", readme(), re.DOTALL)
    assert found
    done = run("-c", found[1] + "print(area)")
    assert (done.stdout, done.stderr) == ("50.0\n", "")


def benchmarks() -> str:
    """The stored ratios as tables: kernels by Python and variant, then the border."""
    files = sorted((ROOT / "docs" / "benchmarks").glob("*.json"))
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    heads = [f"{kind}, {way}" for kind in ("typed", "untyped") for way in ("`dana_modules`", "context")]
    rows = [f"| kernels | {' | '.join(heads)} |", "|---|--:|--:|--:|--:|"]
    for report in reports:
        for kind in ("geo-mean", "worst"):
            cells = [f"{report['summary'][variant][kind]:.2f}" for variant in VARIANTS]
            rows.append(f"| Python {report['python']}, {kind} | {' | '.join(cells)} |")
    rows += ["", "| border | " + " | ".join(report["python"] for report in reports) + " |"]
    rows.append("|---|" + "--:|" * len(reports))
    for label in reports[0]["border"]:
        rows.append(f"| {label} | " + " | ".join(f"{report['border'][label]:.2f}" for report in reports) + " |")
    return "\n".join(rows) + "\n"


def block(kind: str, file: str) -> str:
    """What a generated block of the README should hold."""
    if kind == "bench":
        return benchmarks()
    text = (ROOT / file).read_text(encoding="utf-8")
    if kind == "show":
        shown = run("-m", "dana2py", "show", file, cwd=ROOT)
        assert shown.returncode == 0, shown.stderr
        return f"```python\n{text}```\n\nbecomes\n\n```python\n{shown.stdout}```\n"
    failed = run("-m", "dana2py", "run", file, cwd=ROOT)
    assert failed.returncode == 1
    return f"```\n$ dana2py run {file}\n{failed.stderr}```\n"


@pytest.mark.parametrize("head", re.findall(r"<!-- (?:show|error|bench): \S+ -->", readme()))
def test_readme_shows_real_output(head: str) -> None:
    """What the README shows as output is the output."""
    _, kind, file, _ = re.split(r"<!-- |: | -->", head)
    text, made = readme(), block(kind, file)
    old = re.search(re.escape(head) + r"\n(.*?)<!-- end -->\n", text, re.DOTALL)
    assert old, f"no <!-- end --> after {head}"
    if os.environ.get("UPDATE_README"):
        README.write_text(text[: old.start(1)] + made + text[old.end(1) :], encoding="utf-8")
    else:
        assert old[1] == made


def test_readme_links_exist() -> None:
    """Every file that the README links to is there."""
    for target in re.findall(r"\]\(([^)#]+)\)", readme()):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_readme_names_every_command() -> None:
    """Each command of the command line stands in the README's table."""
    from dana2py.cli import group

    for name in group.commands:
        assert f"dana2py {name}" in readme()


# -- benchmarks -----------------------------------------------------------------------------------


def test_kernels_agree_with_python() -> None:
    """All variants of all benchmark kernels give the results of plain Python."""
    done = run("-m", "tests.benchmarks", "--check", cwd=ROOT)
    assert done.returncode == 0, done.stderr


# -- getting started --------------------------------------------------------------------------------

GUIDE = ROOT / "docs" / "getting-started.md"
TOOLS = {"python": (), "dana2py": ("-m", "dana2py"), "mypy": ("-m", "mypy")}


def test_getting_started(tmp_path: Path) -> None:
    """The page, from its first file to its last command: each answer is the one that is printed there."""
    blocks = re.findall(r"<!-- (file: \S+|run) -->\n```\w+\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) > 10
    for kind, text in blocks:
        if kind == "run":
            for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                tool, *arguments = command.split()
                done = run(*TOOLS[tool], *arguments, cwd=tmp_path)
                pattern = re.escape(expected).replace(re.escape("  ...\n"), r"(?s:  File .*\n)")
                assert re.fullmatch(pattern, done.stdout + done.stderr), done.stdout + done.stderr
        else:
            path = tmp_path / kind.removeprefix("file: ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def test_getting_started_links_exist() -> None:
    """The page and the README know each other."""
    assert "(docs/getting-started.md)" in readme()
    assert "(../README.md#dana-from-python)" in GUIDE.read_text(encoding="utf-8")
    assert "\n## Dana from Python\n" in readme()
