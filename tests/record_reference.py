"""Record what the reference interpreter does with each program of the corpus.

In: ``tests/corpus/**/*.na``. Out: ``tests/corpus/outcomes.json``, which `test_corpus` compares with ours:
for each program the printed lines, and the error it ends with, as the chain of class names from the outermost
wrapper to the first cause (``null`` when it ends well). Only observed behaviour is recorded, no text of the
reference's messages.

This runs apart from the project, in an environment of its own, and never as part of the tests::

    python3.12 -m venv reference
    reference/bin/pip install --no-deps dana==0.6.0.3.post3
    reference/bin/pip install lark pyyaml pydantic python-dotenv mcp httpx fastapi broadcaster sqlalchemy numpy \\
        loguru openai beautifulsoup4 pypdf llama-search aisuite llama-index aicapture alembic pandas structlog \\
        llama-index-vector-stores-duckdb llama-index-vector-stores-postgres
    reference/bin/python tests/record_reference.py [--check] [NAME]...

The import takes about ten seconds and the reference keeps its registries per process, so the import is done once
and each program runs in a fork of its own, with a deadline: a plain ``def`` can wait for itself for ever there.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import io
import json
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
DEADLINE_SECONDS = 60.0
SYNTAX_ERRORS = {
    "UnexpectedCharacters", "UnexpectedToken", "UnexpectedEOF", "UnexpectedInput", "DedentError", "VisitError",
}

Outcome = dict[str, Any]


def error_chain(error: BaseException | None) -> list[str] | None:
    """The class names from the error down to its first cause, repetitions once; syntax errors are ``SyntaxError``."""
    if error is None:
        return None
    names: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        names.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    if SYNTAX_ERRORS & set(names):
        return ["SyntaxError"]
    kept = [name for name in names if name != "EnhancedDanaError"] or names
    return [name for at, name in enumerate(kept) if at == 0 or kept[at - 1] != name]


def run_program(path: Path) -> Outcome:
    """Run one program in this process and collect what it printed and how it ended."""
    sandbox = importlib.import_module("dana.core.lang.dana_sandbox").DanaSandbox
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result = sandbox().execute_string(path.read_text(encoding="utf-8"))
    return {"output": printed.getvalue().splitlines(), "error": error_chain(result.error)}


def _answer(path: Path, connection: Any) -> None:
    """The body of the fork: send the outcome, leave without running anyone's exit handlers."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            connection.send(run_program(path))
        except BaseException as error:  # whatever the reference does, the recorder goes on
            connection.send({"output": [], "error": ["Recorder", type(error).__name__]})
        os._exit(0)


def record(path: Path) -> Outcome:
    """The outcome of one program, run in a fork with a deadline."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(path, sender))
    child.start()
    sender.close()
    answered = receiver.poll(DEADLINE_SECONDS)
    try:
        outcome: Outcome = receiver.recv() if answered else {"output": [], "error": ["Timeout"]}
    except EOFError:
        outcome = {"output": [], "error": ["Crash"]}
    child.kill()
    child.join()
    return outcome


def main() -> int:
    """Record all programs, or those named; with ``--check`` only say which outcomes would change."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("names", nargs="*", help="programs, as paths below tests/corpus without .na")
    arguments.add_argument("--check", action="store_true", help="write nothing, fail if an outcome differs")
    options = arguments.parse_args()
    target = CORPUS / "outcomes.json"
    book: dict[str, Any] = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {"programs": {}}
    programs = {path.relative_to(CORPUS).with_suffix("").as_posix(): path for path in sorted(CORPUS.rglob("*.na"))}
    importlib.import_module("dana.core.lang.dana_sandbox")
    recorded = {name: record(path) for name, path in programs.items() if not options.names or name in options.names}
    kept = {name: outcome for name, outcome in book["programs"].items() if name in programs}
    changed = sorted(name for name, outcome in recorded.items() if kept.get(name) != outcome)
    print(f"{len(recorded)} recorded, {len(changed)} changed: {' '.join(changed)}")
    if options.check:
        return 1 if changed else 0
    version = importlib.metadata.version("dana")
    result = {"reference": f"dana=={version}", "programs": dict(sorted({**kept, **recorded}.items()))}
    target.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
