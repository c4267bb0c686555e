"""From an exception of a run to the error that the host gets.

In: whatever left Dana code. Out: a `DanaError` with place and Dana call stack, the original as ``__cause__``; or the
exception itself where it is the host's own affair (``KeyboardInterrupt``, ``SystemExit``). Tracebacks lose the frames
of this project, so that what is left is Dana and the host. Nothing is printed here.

Loaded only when something went wrong.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator
from itertools import islice
from types import FrameType, TracebackType
from typing import NamedTuple

from dana_guards.errors import (
    DanaError,
    DanaImportError,
    DanaLimitError,
    DanaMemoryError,
    DanaRecursionError,
    DanaRuntimeError,
    DanaSecurityError,
    DanaSyntaxError,
    InternalError,
    Interrupt,
)

INIT_PREFIX = "dana_init_"
_OURS = ("opendxa.dana", "dana_guards", "dana2py", "dana_modules")
_MAX_STACK_HEAD, _MAX_STACK_TAIL = 20, 80


class StackEntry(NamedTuple):
    """One Dana call: line and column count from 1, the column in characters."""

    filename: str
    lineno: int
    column: int | None
    function: str
    source_line: str | None


def translate(error: BaseException, importing: str | None = None) -> BaseException:
    """The error that the host gets for an exception that left Dana code.

    Parameters
    ----------
    importing : the module whose top level ran; what it raised is then a `DanaImportError`.
    """
    steps = list(_steps(error.__traceback__))
    result = _kind_of(error, importing, steps)
    if isinstance(result, DanaError):
        # A constructor is written by the compiler: its errors belong to the call.
        stack = [
            _entry(step)
            for step in steps
            if is_dana_frame(step.tb_frame) and not step.tb_frame.f_code.co_name.startswith(INIT_PREFIX)
        ]
        _place(result, stack)
    error.__traceback__ = _without_ours(steps)
    if result is not error:
        # Set directly: `raise ... from` in the caller would show the caller's frames as well.
        result.__cause__ = error
    return result


def _kind_of(error: BaseException, importing: str | None, steps: list[TracebackType]) -> BaseException:
    if isinstance(error, Interrupt):
        return error.reason
    if not isinstance(error, Exception) or isinstance(error, _AS_THEY_ARE):
        return error
    if importing is None and isinstance(error, DanaError):
        return error
    if isinstance(error, RecursionError) and not str(error).startswith("maximum recursion depth"):
        return DanaRecursionError(str(error), hint="make the data flatter")
    if isinstance(error, RecursionError):
        return DanaRecursionError("Dana functions call each other too deep", hint="bound the recursion, or use a loop")
    if isinstance(error, MemoryError):
        return DanaMemoryError("there is not enough memory for a value")
    from dana_guards.exceptions import message_of

    message = message_of(error, _names_of(steps))
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if importing is None:
        return DanaRuntimeError(text)
    failed = DanaImportError(f"module '{importing}' failed while it was loaded: {text}")
    failed.name = importing
    return failed


def _names_of(steps: list[TracebackType]) -> Callable[[str], object]:
    """Gives what a name means where the error happened."""
    frames = [step.tb_frame for step in steps if is_dana_frame(step.tb_frame)]
    names = frames[-1].f_globals if frames else {}
    return lambda name: names.get(name)


_AS_THEY_ARE = (DanaImportError, DanaSyntaxError, DanaSecurityError, DanaLimitError, InternalError)
"""Errors that mean the same while a module is loaded."""


def _place(error: DanaError, stack: list[StackEntry]) -> None:
    """Tell the error where it happened, unless it knows."""
    cut = len(stack) - _MAX_STACK_HEAD - _MAX_STACK_TAIL
    kept = stack if cut <= 0 else stack[:_MAX_STACK_HEAD] + stack[-_MAX_STACK_TAIL:]
    if not getattr(error, "stack", None):
        error.stack = tuple(kept)  # type: ignore[attr-defined]
    if stack and error.lineno is None and not isinstance(error, DanaSyntaxError):
        last = stack[-1]
        error.filename, error.lineno, error.column, error.source_line = (
            last.filename,
            last.lineno,
            last.column,
            last.source_line,
        )


def hide_our_frames(error: BaseException) -> BaseException:
    """The same error, with Dana's and the host's frames in its traceback only."""
    return error.with_traceback(_without_ours(list(_steps(error.__traceback__))))


def _steps(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _without_ours(steps: list[TracebackType]) -> TracebackType | None:
    """The traceback of the frames that are not ours."""
    rebuilt: TracebackType | None = None
    for step in reversed(steps):
        if not _is_ours(step.tb_frame):
            rebuilt = TracebackType(rebuilt, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return rebuilt


def _is_ours(frame: FrameType) -> bool:
    if is_dana_frame(frame):
        return False
    name = frame.f_globals.get("__name__")
    return isinstance(name, str) and (name in _OURS or name.startswith(tuple(f"{ours}." for ours in _OURS)))


def is_dana_frame(frame: FrameType) -> bool:
    """Whether a frame runs code that came from Dana: its built-ins hold our hooks."""
    return "_exception_" in frame.f_builtins


def _entry(step: TracebackType) -> StackEntry:
    code = step.tb_frame.f_code
    # A stop at the very entry of a module has line 0.
    filename, line = code.co_filename, max(step.tb_lineno, 1)
    text = linecache.getline(filename, line).rstrip("\r\n")
    position = next(islice(code.co_positions(), step.tb_lasti // 2, None), None)
    column = None
    if position is not None and position[0] == line and position[2] is not None:
        # ast counts UTF-8 bytes, people count characters
        column = len(text.encode("utf-8", "surrogatepass")[: position[2]].decode("utf-8", "replace")) + 1
    return StackEntry(filename, line, column, _function_name(code.co_name), text or None)


def _function_name(name: str) -> str:
    if name == "<module>":
        return "the top level"
    if name.startswith("<"):
        return "a lambda" if name == "<lambda>" else "a comprehension"
    from dana_guards.spelling import dana_name

    return dana_name(name) or "an inner function"
