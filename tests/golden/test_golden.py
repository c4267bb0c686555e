"""Golden files: what lowering and the policy make of small programs, one for each feature.

``NAME.na`` becomes ``NAME.lowered.py`` and ``NAME.guarded.py``. A change of the compiler shows here as a change of
text that a person can read. Rewritten by ``python -m pytest tests/golden --update-golden``.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dana2py.compiler import lowered_ast
from dana2py.show import unparse
from dana_guards.policy import Policy

FOLDER = Path(__file__).parent
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.na"))
HEAD = "# Made from {name}.na by: python -m pytest tests/golden --update-golden\n"
# Stop flags stand in code for 3.11 only; the golden files hold what all Pythons have in common.
POLICY = Policy(profile="limited", stop_flags=False)


def test_there_are_programs() -> None:
    """An empty folder would pass everything."""
    assert len(PROGRAMS) >= 30


@pytest.mark.parametrize("stage", ["lowered", "guarded"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_golden(name: str, stage: str, request: pytest.FixtureRequest) -> None:
    """The stage gives the stored Python, and the same bytes twice."""
    source = (FOLDER / f"{name}.na").read_text(encoding="utf-8")
    made = unparse(lowered_ast(source, f"{name}.na", POLICY, stage)) + "\n"
    assert made == unparse(lowered_ast(source, f"{name}.na", POLICY, stage)) + "\n"
    golden = FOLDER / f"{name}.{stage}.py"
    if request.config.getoption("--update-golden", default=False):
        golden.write_text(HEAD.format(name=name) + made, encoding="utf-8")
    stored = golden.read_text(encoding="utf-8")
    assert stored.startswith(HEAD.format(name=name))
    # Pythons differ in how they write f-strings, so trees are compared; the texts make the message readable.
    if ast.dump(ast.parse(stored)) != ast.dump(ast.parse(made)):
        assert made == stored.removeprefix(HEAD.format(name=name))


@pytest.mark.parametrize("name", PROGRAMS)
def test_positions(name: str) -> None:
    """Every node that Python asks a position of has one, inside the Dana text."""
    text = (FOLDER / f"{name}.na").read_text(encoding="utf-8")
    lines = text.split("\n")
    for node in ast.walk(lowered_ast(text, f"{name}.na", POLICY, "guarded")):
        if isinstance(node, ast.stmt | ast.expr | ast.ExceptHandler | ast.arg | ast.keyword):
            assert 1 <= node.lineno <= len(lines)
            assert 0 <= node.col_offset <= len(lines[node.lineno - 1].encode())
