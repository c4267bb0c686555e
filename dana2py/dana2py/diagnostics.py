"""Errors as a person reads them: place, source line, caret, hint, and the Dana call stack.

In: a `DanaError`, or any exception that passed through Dana code. Out: text without a final newline.
Nothing is written anywhere from here, and nothing is decided about exit codes: the command line does that.

Program text reaches a terminal through here, so control characters are always shown as escapes.
"""

from __future__ import annotations

import linecache
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from types import CodeType, FrameType, TracebackType
from typing import Any

from dana2py.bindings import dana_name
from dana_guards.errors import DanaError, DanaSyntaxError, InternalError

__all__ = ["describe", "display_width", "is_dana_frame", "place_of", "render", "render_traceback"]

TAB_WIDTH = 8  # as Dana counts a tab (1.1)
MAX_SOURCE_WIDTH = 140
MAX_FRAMES_HEAD, MAX_FRAMES_TAIL = 8, 16
MAX_CHAIN = 10
REPORT = "this is a mistake of dana2py, not of the program: please report it with the program that shows it"

_STYLES = {"bold": "\033[1m", "red": "\033[1;31m", "blue": "\033[34m", "cyan": "\033[36m"}


# -- one error ---------------------------------------------------------------------------------


def render(error: DanaError, color: bool = False) -> str:
    """``file.na:LINE:COL: error: message``, the source line with a caret, the hint, then all `others`.

    Parameters
    ----------
    error : any `DanaError`; what it does not know (file, line, column, source line) is left out.
    color : whether to use ANSI colours.
    """
    blocks = [_block(error, color)]
    if isinstance(error, DanaSyntaxError):
        blocks.extend(_block(other, color) for other in error.others)
    return "\n\n".join(blocks)


def describe(error: DanaError) -> dict[str, Any]:
    """The same facts for a machine: file, line, column, kind, message and hint."""
    return {
        "file": error.filename,
        "line": error.lineno,
        "column": error.column,
        "kind": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
    }


def _block(error: DanaError, color: bool) -> str:
    hint = error.hint or (REPORT if isinstance(error, InternalError) else None)
    place = _Place(error.filename, error.lineno, error.column, None, error.source_line)
    return _layout(place, error.message, hint, color)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something is; columns are characters from 1, the end is exclusive."""

    filename: str | None
    line: int | None
    column: int | None = None
    end_column: int | None = None
    text: str | None = None

    def __str__(self) -> str:
        parts = [_visible(self.filename or "<dana>")] if self.filename or self.line is not None else []
        parts += [str(number) for number in (self.line, self.column) if number is not None]
        return ":".join(parts)

    def source_text(self) -> str:
        """The line of the source, from the error itself or from the file, without its end."""
        text = self.text
        if text is None and self.filename and self.line is not None:
            text = linecache.getline(self.filename, self.line)
        return (text or "").replace("\r", "\n").split("\n", 1)[0].rstrip()


def _layout(place: _Place, message: str, hint: str | None, color: bool, label: str = "error: ") -> str:
    """The lines of one block; `label` stands between the place and the message."""
    paint = _painter(color)
    head = f"{place}: " if str(place) else ""
    lines = [paint("bold", head) + paint("red", label) + _visible(message, keep="\n").replace("\n", "\n    ")]
    gutter = " " * (len(str(place.line)) + 1) if place.line is not None else "  "
    text = place.source_text()
    if place.line is not None and text:
        shown, start, width = _window(text, place.column, place.end_column)
        lines.append(paint("blue", f" {place.line} | ") + shown)
        if place.column is not None:
            lines.append(paint("blue", f"{gutter} | ") + " " * start + paint("red", "^" * width))
    if hint:
        lines.append(paint("blue", f"{gutter} = ") + paint("cyan", "hint: ") + _visible(hint))
    return "\n".join(lines)


def _painter(color: bool) -> Any:
    return (lambda style, text: f"{_STYLES[style]}{text}\033[0m") if color else (lambda style, text: text)


# -- columns and characters --------------------------------------------------------------------


def display_width(text: str) -> int:
    """How many terminal cells `text` takes; it holds no tabs and no control characters."""
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _visible(text: str, keep: str = "") -> str:
    """`text` with control characters, lone surrogates and direction marks spelt as escapes."""
    return "".join(c if c in keep or c.isprintable() or unicodedata.category(c) == "Zs" else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _cells_shown(text: str) -> list[str]:
    """What is shown for each character of a source line: tabs become blanks up to the next stop."""
    shown: list[str] = []
    at = 0
    for character in text:
        piece = " " * (TAB_WIDTH - at % TAB_WIDTH) if character == "\t" else _visible(character)
        at += display_width(piece)
        shown.append(piece)
    return shown


def _window(text: str, column: int | None, end_column: int | None) -> tuple[str, int, int]:
    """The part of a source line that is shown, the cells before the caret and the carets' number."""
    # Of a very long line only the neighbourhood is looked at.
    far = max(0, (column or 1) - 2 * MAX_SOURCE_WIDTH) if len(text) > 4 * MAX_SOURCE_WIDTH else 0
    more = len(text) > far + 4 * MAX_SOURCE_WIDTH
    text = text[far : far + 4 * MAX_SOURCE_WIDTH]
    column = None if column is None else column - far
    end_column = None if end_column is None else end_column - far
    pieces = _cells_shown(text)
    begin = 0 if column is None else min(max(column - 1, 0), len(pieces))
    end = begin + 1 if end_column is None else max(min(end_column - 1, len(pieces)), begin + 1)
    first, last, prefix, suffix = 0, len(pieces), "…" if far else "", "…" if more else ""
    if display_width("".join(pieces)) > MAX_SOURCE_WIDTH:
        first = max(0, min(begin - MAX_SOURCE_WIDTH // 2, len(pieces) - MAX_SOURCE_WIDTH))
        last = min(len(pieces), first + MAX_SOURCE_WIDTH)
        end = max(min(end, last), begin + 1)
        prefix = prefix or ("…" if first else "")
        suffix = suffix or ("…" if last < len(pieces) else "")
    shown = prefix + "".join(pieces[first:last]) + suffix
    start = display_width(prefix + "".join(pieces[first:begin]))
    return shown, start, max(1, display_width("".join(pieces[begin:end])))


# -- the Dana call stack -----------------------------------------------------------------------


def render_traceback(exc: BaseException, color: bool = False) -> str:
    """The Dana call stack of `exc`, outermost call first, and what went wrong at its end.

    Only frames of Dana code are shown: no frame of Python, of the host or of this project. Without any
    such frame this is `render`, or ``error: kind: message`` for exceptions of Python. Errors that Dana
    code names as a cause come first, as in Python.

    Parameters
    ----------
    exc : a `DanaError` from the border, or an exception that came through ``dana_modules`` as itself.
    color : whether to use ANSI colours.
    """
    stories = [_story(link, color) for link in _chain(exc)]
    joint = "\n\nthat was the cause of:\n\n"
    return joint.join(reversed(stories))


def place_of(exc: BaseException) -> tuple[str | None, int | None, int | None]:
    """File, line and column (from 1) of the innermost Dana frame, each None if there is none."""
    places = [place for place, _ in _frames(_border_links(exc))]
    return (places[-1].filename, places[-1].line, places[-1].column) if places else (None, None, None)


def is_dana_frame(frame: FrameType) -> bool:
    """Whether `frame` runs code that came from Dana: a ``.na`` file, or text whose globals hold our hooks."""
    return frame.f_code.co_filename.endswith(".na") or "_exception_" in frame.f_builtins


def _chain(exc: BaseException) -> list[BaseException]:
    """`exc` and the causes that Dana code named; a border's translation is no cause of its own."""
    links: list[BaseException] = []
    link: BaseException | None = exc
    while link is not None and link not in links and len(links) < MAX_CHAIN:
        links.append(link)
        link = _border_links(link)[-1].__cause__
    return links


def _border_links(exc: BaseException) -> list[BaseException]:
    """`exc` and what it was translated from at borders: ``DanaRuntimeError`` from ``ZeroDivisionError``."""
    links = [exc]
    while isinstance(links[-1], DanaError) and links[-1].__cause__ is not None and len(links) < MAX_CHAIN:
        links.append(links[-1].__cause__)
    return links


def _story(exc: BaseException, color: bool) -> str:
    links = _border_links(exc)
    frames = list(_frames(links)) or _recorded(exc)
    message, hint = _message(exc, links[-1])
    own = _Place(exc.filename, exc.lineno, exc.column, None, exc.source_line) if isinstance(exc, DanaError) else None
    if isinstance(exc, DanaSyntaxError):
        frames, own = [], own
    if own is None or own.line is None:
        if not frames:
            if isinstance(exc, DanaError):
                return render(exc, color)
            return _layout(_Place(None, None), message, hint, color)
        own = frames.pop()[0]
    elif frames and (frames[-1][0].filename, frames[-1][0].line) == (own.filename, own.line):
        own = frames.pop()[0]  # the same place, and the frame knows where the expression ends
    blocks = list(_stack(frames, color))
    blocks.append(render(exc, color) if isinstance(exc, DanaSyntaxError) else _layout(own, message, hint, color))
    return "\n".join(blocks)


def _message(exc: BaseException, origin: BaseException) -> tuple[str, str | None]:
    """What to say of an error: kind and text for Python's kinds, the plain text for ours."""
    if isinstance(exc, DanaError):
        return exc.message, exc.hint or (REPORT if isinstance(exc, InternalError) else None)
    try:
        text = str(origin)
    except Exception:  # a host's exception may fail to describe itself; its kind is still known
        text = ""
    return f"{type(origin).__name__}: {text}" if text else type(origin).__name__, None


def _stack(frames: list[tuple[_Place, str]], color: bool) -> Iterator[str]:
    """The calls that led to an error; runs of one repeated call and very long stacks are cut."""
    runs = _runs(frames)
    cut = len(runs) - MAX_FRAMES_HEAD - MAX_FRAMES_TAIL
    for number, (place, name, count) in enumerate(runs):
        if cut > 0 and number == MAX_FRAMES_HEAD:
            yield f"… {cut} calls are left out …"
        if cut > 0 and MAX_FRAMES_HEAD <= number < MAX_FRAMES_HEAD + cut:
            continue
        yield _layout(place, f"in {name}", None, color, label="")
        if count > 1:
            yield f"… {count - 1} more of this call …"


def _runs(frames: list[tuple[_Place, str]]) -> list[tuple[_Place, str, int]]:
    runs: list[tuple[_Place, str, int]] = []
    for place, name in frames:
        if runs and runs[-1][:2] == (place, name):
            runs[-1] = (place, name, runs[-1][2] + 1)
        else:
            runs.append((place, name, 1))
    return runs


def _frames(links: list[BaseException]) -> Iterator[tuple[_Place, str]]:
    """Place and function name of each Dana frame, outermost first; outer links hold the outer frames."""
    for link in links:
        step = link.__traceback__
        while step is not None:
            if is_dana_frame(step.tb_frame):
                yield _frame_place(step), _function_name(step.tb_frame.f_code)
            step = step.tb_next


def _recorded(exc: BaseException) -> list[tuple[_Place, str]]:
    """The calls that the border noted down: what is left of a stack that crossed a process."""
    stack = getattr(exc, "stack", None) or ()
    return [(_Place(call.filename, call.lineno, call.column, None, call.source_line), call.function) for call in stack]


def _frame_place(step: TracebackType) -> _Place:
    code = step.tb_frame.f_code
    filename, line = code.co_filename, step.tb_lineno
    position = next(islice(code.co_positions(), step.tb_lasti // 2, None), None)
    if position is None or position[0] != line or position[2] is None:
        return _Place(filename, line)
    _, end_line, column, end_column = position
    raw = linecache.getline(filename, line).encode()
    start = len(raw[:column].decode(errors="replace")) + 1
    if end_line != line or end_column is None:
        return _Place(filename, line, start)
    return _Place(filename, line, start, len(raw[:end_column].decode(errors="replace")) + 1)


def _function_name(code: CodeType) -> str:
    """The Dana name of a function from its Python name (docs/architecture.md, section 1)."""
    name = code.co_name
    if name == "<module>":
        return "the top level"
    if name.startswith("<"):
        return {"<lambda>": "a lambda"}.get(name, "a comprehension")
    return dana_name(name) or "an inner function"
