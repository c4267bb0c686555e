"""Compare what a chunk did with what it expects.

In: a `Chunk` and a folder of its own. Out: nothing, or a `ChunkFailure` whose text is ready to be read: what
was expected, what came, and the line in the file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from support.chunks import Chunk, ChunkFailure, Expectation
from support.running import Outcome, reported_places, run


def check_chunk(chunk: Chunk, folder: Path) -> None:
    """Run a chunk in ``folder`` and compare. Raises ChunkFailure."""
    for name, text in chunk.files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    with _surroundings(chunk, folder):
        outcome = run(chunk.source, search_path=folder, grants=chunk.grants)
    _compare_errors(chunk, outcome)
    if chunk.output and outcome.lines != chunk.output:
        raise ChunkFailure(_at(chunk, 1) + f": printed {outcome.lines!r}, expected {chunk.output!r}")


@contextlib.contextmanager
def _surroundings(chunk: Chunk, folder: Path) -> Iterator[None]:
    """The working folder and the environment variables that a chunk asks for, put back at the end."""
    before = {name: os.environ.get(name) for name in chunk.environment}
    os.environ.update(chunk.environment)
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _compare_errors(chunk: Chunk, outcome: Outcome) -> None:
    if outcome.error is None:
        if chunk.errors:
            raise ChunkFailure(_at(chunk, chunk.errors[0].line) + ": an error was expected, the chunk ended well")
        return
    found = reported_places(outcome.error)
    if not chunk.errors:
        raise ChunkFailure(_at(chunk, outcome.error.lineno) + f": unexpected {outcome.kind}: {outcome.error}")
    for expected in chunk.errors:
        if not any(_fits(expected, line, text) for line, text in found):
            raise ChunkFailure(_at(chunk, expected.line) + f": expected {expected.text!r} here, reported were {found}")


def _fits(expected: Expectation, line: int | None, text: str) -> bool:
    return line == expected.line and expected.text in text


def _at(chunk: Chunk, line: int | None) -> str:
    """The place of a line of the chunk in its file."""
    return f"{chunk.path.name}:{chunk.first_line + (line or 1) - 1}"
