"""Run Dana programs through the public door and say how they ended.

In: source text and what its context may do. Out: an `Outcome`: the printed text, and the error as the host gets
it. Nothing is judged here: `support.expecting` compares a chunk with its expectations, `test_corpus` a program
with its recorded outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from opendxa.dana import DanaError, DanaRuntime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run printed and the error that ended it, or None."""

    printed: str
    error: DanaError | None

    @property
    def lines(self) -> list[str]:
        """The printed lines."""
        return self.printed.splitlines()

    @property
    def kind(self) -> str | None:
        """The class name that Dana code would see: that of the original error, where Dana raised one."""
        if self.error is None:
            return None
        if isinstance(self.error, SyntaxError):
            return "SyntaxError"
        return type(self.error.__cause__ or self.error).__name__


def run(source: str, *, search_path: Path | None = None, grants: Sequence[str] = ()) -> Outcome:
    """Run a program in a fresh context. Only errors of the family are caught: any other is a failure of ours."""
    printed: list[str] = []
    paths = [] if search_path is None else [search_path]
    with DanaRuntime().create_context(
        allowed_capabilities=tuple(grants), search_paths=paths, on_print=printed.append
    ) as context:
        try:
            context.eval_dana(source)
        except DanaError as error:
            return Outcome("".join(printed), error)
    return Outcome("".join(printed), None)


def reported_places(error: DanaError) -> list[tuple[int | None, str]]:
    """Line and text of an error, then of the further ones that the same file has."""
    return [(each.lineno, str(each)) for each in (error, *getattr(error, "others", ()))]
