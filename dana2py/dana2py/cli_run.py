"""``dana2py run``: one program in one context.

In: a source and what the user grants. Out: what the program prints, errors with the Dana call stack, an exit code.
The public API does all of the work.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import linecache
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dana2py.cli_support import FAILED, FINE, STDIN, UsageProblem, as_json, embedding, facts, read_source, tell
from dana2py.source import Source
from dana_guards.errors import DanaError, DanaReplayWarning


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says about a run; None means the default of a context, except for `timeout`."""

    allow: tuple[str, ...] = ()
    timeout: str | None = None
    max_memory: str | None = None
    isolation: str | None = None
    policy: str | None = None
    audit: bool = False
    audit_out: str | None = None
    allow_all: bool = False
    record: str | None = None
    replay: str | None = None
    traceback: bool = False
    json: bool = False


class PipeClosed(BaseException):
    """Nobody reads the output any more. Not an Exception, so that no handler of the program keeps it."""


def run(path: str, arguments: tuple[str, ...], options: RunOptions) -> int:
    """Run the program at `path` (``-``: stdin), then its ``__main__`` with `arguments` if it has one.

    Parameters
    ----------
    arguments : ``name=value`` each; a value is JSON, or else the text itself.
    """
    values = dict(_argument(argument) for argument in arguments)
    output: list[str] = []
    audit = _start_audit(options)
    try:
        source = read_source(path)
        write = output.append if options.json else _write
        with _unused_noted(options), make_context(_folder(source.path), options, write, audit) as context:
            result = execute(context, source, values)
    except DanaError as problem:
        return _failed(problem, output, options, _end_audit(audit, options))
    except PipeClosed:
        return FAILED
    proposal = _end_audit(audit, options)
    if options.json:
        print(as_json({"ok": True, "result": result, "output": "".join(output), **proposal}))
    return FINE


@contextlib.contextmanager
def _unused_noted(options: RunOptions) -> Iterator[None]:
    """Say on stderr what a replay had no use for."""
    if options.replay is None:
        yield
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DanaReplayWarning)
        try:
            yield
        finally:
            for warning in caught:
                print(f"note: {warning.message}", file=sys.stderr)


def _start_audit(options: RunOptions) -> Any:
    """An audit, if one is asked for. UsageProblem for options that make no sense together."""
    if options.audit or options.audit_out is not None:
        return embedding().DanaAudit()
    if options.allow_all:
        raise UsageProblem("--allow-all is for audits of programs that you trust: give --audit as well")
    return None


def _end_audit(audit: Any, options: RunOptions) -> dict[str, str]:
    """Write the least policy where the user wants it; for JSON, what belongs into the result."""
    if audit is None:
        return {}
    target = options.audit_out
    folder = os.path.dirname(os.path.abspath(target)) if target is not None else None
    limits = {"timeout": options.timeout, "max_memory": options.max_memory, "isolation": options.isolation}
    text = audit.to_toml(folder, _granted(options), **limits)
    if target is not None:
        try:
            Path(target).write_text(text, encoding="utf-8")
        except OSError as problem:
            raise UsageProblem(f"{target} cannot be written: {problem.strerror}") from None
    elif not options.json:
        sys.stdout.flush()
        print(text, end="", file=sys.stderr)
    return {"audit": text}


def _granted(options: RunOptions) -> list[str]:
    """What the user has granted, in words of the user."""
    if options.allow or options.policy is None:
        return list(options.allow)
    return list(read_policy(options.policy).allowed_capabilities)


def make_context(folder: Path, options: RunOptions, on_print: Any, audit: Any = None) -> Any:
    """A context that searches `folder` and its ``dana_modules`` first; no deadline unless the user or a policy says so.

    Raises
    ------
    UsageProblem : a capability, time, size or isolation that does not exist, or that is more than the policy allows;
        the message says what is accepted.
    """
    policy = read_policy(options.policy)
    allow = list(options.allow)
    if options.allow_all:
        if allow or policy is not None:
            raise UsageProblem("--allow-all leaves nothing for --allow and --policy to say")
        allow = list(importlib.import_module("opendxa.dana.audit").everything())
    try:
        return embedding().DanaRuntime().create_context(
            policy=policy,
            # No --allow beside a policy: all that the policy allows.
            allowed_capabilities=allow if allow or policy is None else None,
            timeout=options.timeout or (None if policy and policy.timeout else "unlimited"),
            max_memory=options.max_memory,
            max_output=None if policy and policy.max_output else "unlimited",
            search_paths=[str(folder), str(folder / "dana_modules")],
            isolation=options.isolation,
            on_print=on_print,
            audit=audit,
            record=options.record,
            replay=options.replay,
        )
    except ValueError as problem:
        raise UsageProblem(str(problem)) from None
    except OSError as problem:
        raise UsageProblem(f"{problem.filename} cannot be used: {problem.strerror}") from None


def read_policy(path: str | None) -> Any:
    """The policy in a file, None for None. UsageProblem if it cannot be read or is none."""
    if path is None:
        return None
    try:
        return embedding().DanaPolicy.load(path)
    except OSError as problem:
        raise UsageProblem(f"{path} cannot be read: {problem.strerror}") from None
    except ValueError as problem:
        raise UsageProblem(str(problem)) from None


def execute(context: Any, source: Source, values: dict[str, Any]) -> Any:
    """The value of the program: its last expression, or the result of its ``__main__``."""
    if source.path == STDIN:  # no file that a traceback could read a line from
        linecache.cache[STDIN] = (len(source.text), None, [f"{line}\n" for line in source.text.split("\n")], STDIN)
    text = source.text
    if _has_main(text):
        call = ", ".join(f"{name}={_literal(value)}" for name, value in values.items())
        text = f"{text}\n__main__({call})\n"
    elif values:
        raise UsageProblem("arguments need a function __main__ in the program, as in: def __main__(name: str):")
    return context.run_dana(text, filename=source.path)


def _has_main(text: str) -> bool:
    """As the reference does: a line begins with the definition."""
    return any(line.startswith(("def __main__(", "sync def __main__(")) for line in text.split("\n"))


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier() or not name.isascii():
        raise UsageProblem(f"{text!r} is no argument: write name=value, as in limit=10 or name=Ann")
    try:
        return name, json.loads(value, parse_constant=lambda word: word)
    except ValueError:
        return name, value


def _literal(value: Any) -> str:
    """JSON text is Dana text: true, false, null and the escapes mean the same."""
    return json.dumps(value, ensure_ascii=False)


def _folder(path: str) -> Path:
    return Path.cwd() if path == STDIN else Path(path).resolve().parent


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise PipeClosed from None


def _failed(problem: DanaError, output: list[str], options: RunOptions, more: dict[str, str]) -> int:
    if options.json:
        print(as_json({"ok": False, "error": facts(problem), "output": "".join(output), **more}))
    else:
        sys.stdout.flush()
        tell(problem, sys.stderr, options.traceback)
    return FAILED
