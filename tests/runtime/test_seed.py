"""The design card: its programs run as they stand there, its tables hold, and its checklist is answered in the README.

The card is kept as it is in ``data/seed/card.md``; whatever is tested here is read out of it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import opendxa.dana
from opendxa.dana import DanaFunction, DanaObject, DanaRuntime

DATA = Path(__file__).parent / "data"
CARD = (DATA / "seed" / "card.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", CARD, re.DOTALL | re.MULTILINE)
PROJECT = DATA / "project"


def rows_below(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its head, cells without their code marks."""
    lines = CARD.partition(f"\n{heading}\n")[2].lstrip().split("\n\n")[0].splitlines()
    return [[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.fixture
def _project(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with a dana_modules folder is the working folder."""
    monkeypatch.chdir(PROJECT)
    monkeypatch.syspath_prepend(str(PROJECT))


@pytest.mark.usefixtures("_project")
def test_every_block_runs_verbatim() -> None:
    """The blocks run one after the other in a project with a dana_modules folder, and give what they should."""
    names: dict[str, Any] = {"__name__": "seed"}
    seen: list[Any] = []
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"block {number}", "exec", dont_inherit=True), names)
        seen.append(names["result"])
    assert names["area"] == 50.0
    assert type(names["area"]) is float
    assert seen == [50, {"name": "data.csv", "kind": "csv"}, [2, 4, 6]]
    assert names["ctx"].closed


@pytest.mark.usefixtures("_project")
def test_metrics_of_the_explicit_context() -> None:
    """The value that the third block computes before it is overwritten."""
    names: dict[str, Any] = {}
    exec("from opendxa.dana import DanaRuntime\n" + BLOCKS[2].partition("# Context manager pattern")[0], names)
    assert names["result"] == {"rows": 2, "total": 4.0}
    assert names["result"].as_dict() == {"rows": 2, "total": 4.0}


def test_the_same_module_by_import() -> None:
    """``import dana_modules.math_utils`` gives a plain Python function with the same result."""
    program = "import dana_modules.math_utils as m; print(m.calculate_area(10, 5), type(m.calculate_area).__name__)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=PROJECT, check=False)
    assert found.stdout.split() == ["50", "function"], found.stderr


# -- tables -----------------------------------------------------------------------------------------------


def test_components() -> None:
    """Each component is there under its name, and its instances are what the card says."""
    components = {row[0] for row in rows_below("### Core Runtime Components")}
    assert components == {"DanaRuntime", "DanaContext", "DanaModule", "DanaFunction", "DanaObject"}
    runtime = DanaRuntime()
    assert runtime is DanaRuntime()
    with runtime.create_context(search_paths=[PROJECT / "dana_modules"]) as context:
        module = context.import_module("math_utils")
        point = context.eval_dana("struct P:\n    x: int\nP(1)")
        made = {
            "DanaRuntime": runtime,
            "DanaContext": context,
            "DanaModule": module,
            "DanaFunction": module.calculate_area,
            "DanaObject": point,
        }
        for name in components:
            assert isinstance(made[name], getattr(opendxa.dana, name))


TYPES: dict[str, tuple[str, type, Any]] = {
    "int": ("2 + 3", int, 5),
    "float": ("0.5 * 3", float, 1.5),
    "string": ("'a' + 'b'", str, "ab"),
    "bool": ("1 < 2", bool, True),
    "list[T]": ("[1, [2.5, 'x'], {'k': [true]}]", list, [1, [2.5, "x"], {"k": [True]}]),
    "dict[K,V]": ("{'a': {1: [none]}}", dict, {"a": {1: [None]}}),
}
"""Type of the card: a Dana expression, the Python type, the Python value."""


def test_type_mapping() -> None:
    """Each row of the type table, from Dana to Python and back, recursively."""
    rows = {row[0]: row[1] for row in rows_below("### Type Mapping")}
    assert set(rows) == {*TYPES, "struct", "function"}
    with DanaRuntime().create_context() as context:
        same = context.eval_dana("def same(x):\n    return x\nsame")
        kind = context.eval_dana("def kind(x):\n    return str(type(x))\nkind")
        for name, (text, python, value) in TYPES.items():
            found = context.eval_dana(text)
            assert isinstance(found, python)
            assert found == same(found) == same(value) == value
            assert kind(value) == python.__name__
            assert rows[name].partition("[")[0] == python.__name__
        assert found["a"] is not same(found)["a"]
        point = context.eval_dana("struct P:\n    x: int\n    def double(self):\n        return self.x * 2\nP(4)")
        assert isinstance(point, DanaObject)
        assert (point.x, point.double(), same(point) is point) == (4, 8, True)
        assert isinstance(same, DanaFunction)
        assert same(same)(3) == 3
        assert context.eval_dana("def use(f):\n    return f(2)\nuse")(lambda x: x + 1) == 3


# -- the checklist ----------------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ANSWERS = README.partition("<!-- checklist -->\n")[2].partition("<!-- end -->")[0]


def test_every_line_of_the_design_is_answered() -> None:
    """Each box of the checklist, each goal, each rule of security and each enhancement has a row in the README."""
    asked = re.findall(r"^ *- \[ \] (.*?) *$", CARD, re.MULTILINE)
    for heading in ("## Goals", "### Security Model", "### Future Enhancements"):
        part = CARD.partition(f"\n{heading}\n")[2].partition("\n#")[0]
        asked += re.findall(r"^\d\. \*\*(.*?)\*\*", part, re.MULTILINE)
    assert len(asked) == 23
    answered = {cell.strip() for line in ANSWERS.splitlines() for cell in line.split("|")[1:2]}
    assert [line for line in asked if line not in answered] == []


def test_every_named_test_exists() -> None:
    """Pytest finds each test that the README names, and the benchmarks measure each figure."""
    tests = sorted(set(re.findall(r"`(tests/\S+?\.py::\w+)`", ANSWERS)))
    assert len(tests) > 20
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "--no-header", *tests]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert all("tests/" in line for line in ANSWERS.splitlines()[2:])


def test_every_named_figure_is_measured() -> None:
    """The labels of benchmarks that the README names stand in the stored figures."""
    labels = re.findall(r"“(.*?)”", ANSWERS)
    assert labels
    for path in sorted((ROOT / "docs" / "benchmarks").glob("*.json")):
        stored = json.loads(path.read_text(encoding="utf-8"))["border"]
        assert [label for label in labels if label not in stored] == []
