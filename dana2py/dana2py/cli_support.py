"""What the commands share: exit codes, reading sources, finding files, telling errors.

In: paths and exceptions. Out: text on the streams that were given, and exit codes. Nothing is parsed from the
command line here (`dana2py.cli`), and nothing is compiled.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from dana2py.diagnostics import describe, place_of, render_traceback
from dana2py.source import Source
from dana_guards.errors import DanaError

FINE, FAILED = 0, 1  # 2, wrong usage, comes from click
STDIN = "<stdin>"


class UsageProblem(Exception):
    """What was asked for cannot be done as asked: exit code 2, one line, no traceback."""


def embedding() -> Any:
    """The public API, `opendxa.dana`.

    Looked up when a command needs it: the compiler must not depend on what embeds it (docs/architecture.md), the
    command line is a program on top of both and only happens to live in this package.
    """
    return importlib.import_module("opendxa.dana")


def read_source(path: str) -> Source:
    """The source at `path`, or from stdin for ``-``.

    UsageProblem if it cannot be read, DanaSyntaxError if it is not UTF-8.
    """
    if path == "-":
        return _decoded(sys.stdin, STDIN)
    try:
        return Source.read(path)
    except IsADirectoryError:
        raise UsageProblem(f"{path} is a folder, a file is needed") from None
    except OSError as problem:
        raise UsageProblem(f"{path} cannot be read: {problem.strerror or problem}") from None


def _decoded(stream: IO[str], name: str) -> Source:
    raw = getattr(stream, "buffer", None)
    try:
        text = stream.read() if raw is None else raw.read().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise UsageProblem(f"{name} is not UTF-8 text: {problem.reason} at byte {problem.start}") from None
    return Source(text, name)


def dana_files(paths: Iterable[str], pattern: str = "*.na") -> Iterator[Path]:
    """The files named by `paths`, and all that match `pattern` in folders, sorted, each once.

    Hidden folders and those of tools (``__pycache__``) are passed over. UsageProblem for a path that is not there.
    """
    seen: set[Path] = set()
    for name in paths:
        path = Path(name)
        if path.is_dir():
            found = [file for file in sorted(path.rglob(pattern)) if file.is_file() and not _hidden(file, path)]
        elif path.exists():
            found = [path]
        else:
            raise UsageProblem(f"{name} does not exist")
        for file in found:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _hidden(file: Path, root: Path) -> bool:
    return any(part.startswith((".", "__pycache__", "__dana_cache__")) for part in file.relative_to(root).parts[:-1])


def wants_color(stream: IO[str]) -> bool:
    """Whether to colour: a terminal, and nobody said NO_COLOR (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def tell(problem: BaseException, stream: IO[str], with_python: bool = False) -> None:
    """Print an error for a person; `with_python` adds Python's own traceback, with the frames of this project."""
    if with_python:
        print("".join(traceback.format_exception(problem)), file=stream, end="")
    print(render_traceback(problem, wants_color(stream)), file=stream)


def facts(problem: BaseException) -> dict[str, Any]:
    """The same for a machine."""
    if isinstance(problem, DanaError):
        found = describe(problem)
    else:
        found = {"kind": type(problem).__name__, "message": str(problem), "hint": None}
        found["file"], found["line"], found["column"] = None, None, None
    if found["line"] is None:
        found["file"], found["line"], found["column"] = place_of(problem)
    return found


def as_json(value: Any) -> str:
    """JSON text of a result; what JSON does not know becomes its fields (structs) or its text."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    to_dict = getattr(value, "to_dict", None)
    return to_dict() if callable(to_dict) else str(value)
