"""The programs of the design card, run as they stand there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent / "data"
BLOCKS = sorted((DATA / "seed").glob("*.txt"))


def test_every_block_runs_verbatim(monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks run one after the other in a project with a dana_modules folder, and give what they should."""
    monkeypatch.chdir(DATA / "project")
    monkeypatch.syspath_prepend(str(DATA / "project"))
    names: dict[str, Any] = {"__name__": "seed"}
    seen: list[Any] = []
    for block in BLOCKS:
        exec(compile(block.read_text(encoding="utf-8"), str(block), "exec", dont_inherit=True), names)
        seen.append(names["result"])
    assert names["area"] == 50.0
    assert type(names["area"]) is float
    assert seen == [50, {"name": "data.csv", "kind": "csv"}, [2, 4, 6]]
    assert names["ctx"].closed


def test_metrics_of_the_explicit_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """The value that the third block computes before it is overwritten."""
    monkeypatch.chdir(DATA / "project")
    monkeypatch.syspath_prepend(str(DATA / "project"))
    text = (DATA / "seed" / "3_context.txt").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec("from opendxa.dana import DanaRuntime\n" + text.partition("# Context manager pattern")[0], names)
    assert names["result"] == {"rows": 2, "total": 4.0}
    assert names["result"].as_dict() == {"rows": 2, "total": 4.0}


def test_the_same_module_by_import() -> None:
    """``import dana_modules.math_utils`` gives a plain Python function with the same result."""
    import subprocess
    import sys

    program = "import dana_modules.math_utils as m; print(m.calculate_area(10, 5), type(m.calculate_area).__name__)"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=DATA / "project", check=False
    )
    assert found.stdout.split() == ["50", "function"], found.stderr
