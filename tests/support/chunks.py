"""Read test files written in Dana: chunks, what they declare and what they expect.

In: the text of a file such as ``tests/lang/scopes.na``. Out: one `Chunk` per program in it. Nothing is run here;
`support.running` does that.

A line ``---`` ends a chunk. Inside a chunk::

    #@ test: one sentence that says what holds            (first, it names the test)
    #@ rows: 12, 13                                       (rows of the feature table that are covered)
    #@ allow: file_read, llm                              (granted capabilities)
    #@ env: NAME=value                                    (set while the chunk runs)
    #@ file: pkg/name.na                                  (a helper file, up to #@ end)
    ...
    #@ end
    x = undefined_name  ### "undefined_name"              (an error with this text is reported at this line)
    #> text                                               (the next line that is printed; if any, all must match)

Helper files become blank lines of the program, so that its line numbers are those of the chunk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

SEPARATOR = "---"
_DIRECTIVE = re.compile(r"#@ (\w+)(?:: ?(.*))?$")
_EXPECTED_ERROR = re.compile(r'###\s*"([^"]*)"\s*$')


class ChunkFailure(Exception):
    """A chunk did not do what it says; the text tells how."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """An error is reported at ``line`` of the chunk, and its message contains ``text``."""

    line: int
    text: str


@dataclass(slots=True)
class Chunk:
    """One program of a test file and everything that it declares."""

    path: Path
    first_line: int
    source: str
    title: str = ""
    rows: list[int] = field(default_factory=list)
    grants: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    errors: list[Expectation] = field(default_factory=list)
    output: list[str] = field(default_factory=list)

    @property
    def slug(self) -> str:
        """The title as a short name for the test."""
        return re.sub(r"\W+", "_", self.title).strip("_").lower() or f"line_{self.first_line}"

    def with_newline(self, newline: str) -> Chunk:
        """The same chunk with other line ends, in the program and in the Dana files beside it."""
        files = {
            name: text.replace("\n", newline) if name.endswith(".na") else text for name, text in self.files.items()
        }
        return Chunk(
            self.path, self.first_line, self.source.replace("\n", newline), self.title, self.rows, self.grants,
            self.environment, files, self.errors, self.output,
        )


def read_chunks(path: Path) -> list[Chunk]:
    """All chunks of a file. Raises ValueError where a chunk is not well formed, with file and line."""
    chunks: list[Chunk] = []
    start = 0
    lines = path.read_text(encoding="utf-8").split("\n")
    for at, line in enumerate([*lines, SEPARATOR]):
        if line.rstrip() == SEPARATOR:
            if any(text.strip() for text in lines[start:at]):
                chunks.append(_read_chunk(path, start + 1, lines[start:at]))
            start = at + 1
    return chunks


def _read_chunk(path: Path, first_line: int, lines: list[str]) -> Chunk:
    chunk = Chunk(path, first_line, "")
    program: list[str] = []
    helper: str | None = None
    for number, line in enumerate(lines, start=1):
        directive = _DIRECTIVE.match(line)
        if helper is not None and not (directive and directive[1] == "end"):
            chunk.files[helper] += line + "\n"
            program.append("")
            continue
        program.append("" if helper is not None else line)
        if directive:
            helper = _declare(chunk, directive[1], (directive[2] or "").strip(), number)
        elif line.startswith("#>"):
            chunk.output.append(line[3:])
        elif expected := _EXPECTED_ERROR.search(line):
            chunk.errors.append(Expectation(number, expected[1]))
    if helper is not None:
        raise ValueError(f"{path}:{first_line}: the helper file {helper} has no '#@ end'")
    chunk.source = "\n".join(program).rstrip("\n") + "\n"
    return chunk


def _declare(chunk: Chunk, word: str, text: str, number: int) -> str | None:
    """Take in one ``#@`` line; the answer is the helper file that begins with it, if one does."""
    match word:
        case "test":
            chunk.title = text
        case "rows":
            chunk.rows += [int(row) for row in text.split(",")]
        case "allow":
            chunk.grants += [grant.strip() for grant in text.split(",")]
        case "env":
            name, _, value = text.partition("=")
            chunk.environment[name] = value
        case "file":
            chunk.files[text] = ""
            return text
        case "end":
            pass
        case _:
            raise ValueError(f"{chunk.path}:{chunk.first_line + number - 1}: unknown directive {word!r}")
    return None
