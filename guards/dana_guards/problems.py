"""What a restriction refuses, and the error that the caller gets for it.

In: problems with their nodes. Out: `DanaSecurityError` or `DanaSyntaxError` with file, line, column, source line and
hint: the first in source order.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from dana_guards.errors import DanaError, DanaSyntaxError
from dana_guards.positions import character_column, line_of


class Problem(NamedTuple):
    """One thing that is refused."""

    node: ast.AST
    message: str
    hint: str | None
    kind: type[DanaError]


class Report:
    """Turns problems into the error that is raised."""

    def __init__(self, filename: str, source_lines: Sequence[str] | None) -> None:
        self.filename = filename
        self.source_lines = source_lines

    def error(self, problem: Problem) -> DanaError:
        line = line_of(problem.node, self.source_lines)
        return problem.kind(
            problem.message,
            filename=self.filename,
            lineno=getattr(problem.node, "lineno", None),
            column=character_column(problem.node, self.source_lines),
            source_line=line,
            hint=problem.hint,
        )

    def fail(self, problems: list[Problem]) -> NoReturn:
        ordered = sorted(
            problems, key=lambda each: (getattr(each.node, "lineno", 0), getattr(each.node, "col_offset", 0))
        )
        first, *rest = [self.error(each) for each in ordered]
        if isinstance(first, DanaSyntaxError):
            first.others = tuple(each for each in rest if isinstance(each, DanaSyntaxError))
        raise first
