"""Collect the chunks of ``tests/lang`` as tests, each with both kinds of line end.

In: ``*.na`` files below a folder named ``lang``. Out: pytest items; to add a test, add lines to a file there.
The form of a chunk is told in `support.chunks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.chunks import Chunk, ChunkFailure, read_chunks

NEWLINES = {"LF": "\n", "CRLF": "\r\n"}


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Answer for the test files that are written in Dana."""
    if file_path.suffix == ".na" and file_path.parent.name == "lang":
        return DanaFile.from_parent(parent, path=file_path)
    return None


class DanaFile(pytest.File):
    """One file of chunks."""

    def collect(self) -> Iterator[pytest.Item]:
        """Each chunk with each kind of line end."""
        for chunk in read_chunks(self.path):
            for ending, newline in NEWLINES.items():
                name = f"{chunk.slug}[{ending}]"
                yield ChunkItem.from_parent(self, name=name, chunk=chunk.with_newline(newline))


class ChunkItem(pytest.Item):
    """One chunk, run in a fresh context and a folder of its own."""

    def __init__(self, *, chunk: Chunk, **rest: Any) -> None:
        super().__init__(**rest)
        self.chunk = chunk

    def runtest(self) -> None:
        """Run the chunk and compare it with its expectations."""
        # Here, so that the tests of the lower layers can be collected without the runtime.
        from support.expecting import check_chunk

        folders = pytest.TempPathFactory.from_config(self.config, _ispytest=True)
        check_chunk(self.chunk, folders.mktemp("chunk"))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A chunk that does something else is told in one line; anything else with its traceback."""
        if isinstance(excinfo.value, ChunkFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the chunk stands."""
        return self.path, self.chunk.first_line - 1, f"{self.path.name}: {self.chunk.title}"
