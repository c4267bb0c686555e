"""``dana2py test``: functions called ``test_…`` in ``test_*.na`` and ``*_test.na``.

In: paths. Out: one result for each function, errors with the Dana call stack, a count, an exit code. Each function
runs in a context of its own, so none sees what another one left behind.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dana2py.cli_run import RunOptions, make_context
from dana2py.cli_support import FAILED, FINE, UsageProblem, as_json, dana_files, facts, read_source, tell
from dana2py.nodes import FunctionDef
from dana_guards.errors import DanaError


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one test; `function` is None if the file cannot even be read as Dana."""

    file: Path
    function: str | None
    problem: DanaError | None
    output: str
    seconds: float

    @property
    def name(self) -> str:
        """``file.na::test_x``."""
        return str(self.file) if self.function is None else f"{self.file}::{self.function}"


def run_tests(paths: tuple[str, ...], options: RunOptions) -> int:
    """Run all tests below `paths` (default: the current folder); exit code 1 if one fails or there is none."""
    results: list[Result] = []
    for result in _results(paths or (".",), options):
        results.append(result)
        if not options.json:
            _report(result, options)
    failed = sum(result.problem is not None for result in results)
    if options.json:
        print(as_json({"ok": not failed, "tests": [_as_dict(result) for result in results]}))
    elif results:
        count = f"{len(results)} test{'' if len(results) == 1 else 's'}"
        print(f"{count}, {failed} failed" if failed else f"{count} passed")
    if not results:
        raise UsageProblem("no test was found: tests are functions test_… without parameters in test_*.na or *_test.na")
    return FAILED if failed else FINE


def _results(paths: tuple[str, ...], options: RunOptions) -> Iterator[Result]:
    for file in dana_files(paths):
        named = any(Path(path).is_file() and Path(path) == file for path in paths)
        if not named and not file.match("test_*.na") and not file.match("*_test.na"):
            continue
        try:
            functions = list(_functions(file))
        except DanaError as problem:
            yield Result(file, None, problem, "", 0.0)
            continue
        for function in functions:
            yield _run_one(file, function, options)


def _functions(file: Path) -> Iterator[str]:
    from dana2py.parser import parse  # lark is loaded only by what needs it

    for statement in parse(read_source(str(file))).body:
        if isinstance(statement, FunctionDef) and statement.name.startswith("test_") and statement.receiver is None:
            yield statement.name


def _run_one(file: Path, function: str, options: RunOptions) -> Result:
    output: list[str] = []
    start = time.perf_counter()
    problem: DanaError | None = None
    try:
        with make_context(file.resolve().parent, options, output.append) as context:
            getattr(context.import_module(file.stem), function)()
    except DanaError as error:
        problem = error
    return Result(file, function, problem, "".join(output), time.perf_counter() - start)


def _report(result: Result, options: RunOptions) -> None:
    print(f"{'ok    ' if result.problem is None else 'FAILED'} {result.name}", flush=True)
    if result.problem is not None:
        if result.output:
            print(result.output, end="" if result.output.endswith("\n") else "\n", flush=True)
        tell(result.problem, sys.stderr, options.traceback)


def _as_dict(result: Result) -> dict[str, Any]:
    return {
        "file": str(result.file),
        "function": result.function,
        "ok": result.problem is None,
        "seconds": round(result.seconds, 6),
        "output": result.output,
        "error": facts(result.problem) if result.problem is not None else None,
    }
