"""Each program of the corpus prints and ends as the reference does, or as our table of differences says.

``tests/corpus/outcomes.json`` is what the reference did (`record_reference`); ``differences.json`` names the
programs where we decided otherwise, why, and what they do here. A program that fails is compared by the class of
its error: of the reference's chain of wrappers the first cause counts, since here an error keeps its type.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.running import run

CORPUS = Path(__file__).parent / "corpus"
PROGRAMS = {path.relative_to(CORPUS).with_suffix("").as_posix(): path for path in sorted(CORPUS.rglob("*.na"))}
RECORDED: dict[str, Any] = json.loads((CORPUS / "outcomes.json").read_text(encoding="utf-8"))["programs"]
DIFFERENCES: dict[str, Any] = json.loads((CORPUS / "differences.json").read_text(encoding="utf-8"))


def reference_outcome(name: str) -> tuple[list[str], str | None]:
    """The printed lines and the kind of error that the reference had."""
    recorded = RECORDED[name]
    return recorded["output"], recorded["error"][-1] if recorded["error"] else None


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    """A program prints the same lines and ends with the same kind of error."""
    if name in DIFFERENCES:
        expected = DIFFERENCES[name]["output"], DIFFERENCES[name]["error"]
    else:
        expected = reference_outcome(name)
    outcome = run(PROGRAMS[name].read_text(encoding="utf-8"))
    assert (outcome.lines, outcome.kind) == expected, outcome.error


def test_every_program_is_recorded() -> None:
    """There is an outcome for each program and none without its program."""
    assert set(RECORDED) == set(PROGRAMS)


def test_differences_are_differences() -> None:
    """The table names programs that exist, gives a reason, and lists nothing where we agree."""
    for name, row in DIFFERENCES.items():
        assert name in PROGRAMS
        assert row["reason"].endswith(".")
        assert (row["output"], row["error"]) != reference_outcome(name), name


def test_corpus_is_large_enough() -> None:
    """The corpus has at least 150 programs, most of them where we agree with the reference."""
    assert len(PROGRAMS) >= 150
    assert len(PROGRAMS) - len(DIFFERENCES) >= 120
