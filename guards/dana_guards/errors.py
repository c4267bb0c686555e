"""The errors that a host sees, as one family.

In: what went wrong and where. Out: exceptions that carry file, line, column, source line and a hint,
print them the same way everywhere, and survive pickling. Nothing is drawn here beyond ``str``: the
carets of the command line are made by `dana2py.diagnostics`.

`Interrupt` is apart: it is the stop inside a run, a ``BaseException`` that no Dana handler can name
(invariant 4), and it never reaches a host as such.
"""

from __future__ import annotations

from typing import Any


class DanaError(Exception):
    """Base of every error that this project raises.

    Parameters
    ----------
    message : what is wrong, one sentence without a final newline.
    filename : the ``.na`` file, or None.
    lineno : line, from 1, or None.
    column : column in characters, from 1, or None.
    source_line : the text of that line, or None.
    hint : what to do about it, or None.
    """

    def __init__(
        self,
        message: str = "",
        *,
        filename: str | None = None,
        lineno: int | None = None,
        column: int | None = None,
        source_line: str | None = None,
        hint: str | None = None,
    ) -> None:
        # Only Exception.__init__: the second bases (SyntaxError, PermissionError) would read
        # meanings of their own into the arguments.
        Exception.__init__(self, message)
        self.message = message
        self.filename = filename
        self.lineno = lineno
        self.column = column
        self.source_line = source_line
        self.hint = hint

    @property
    def location(self) -> str:
        """``file.na:LINE:COL`` as far as it is known, or an empty string."""
        if self.lineno is None:
            return self.filename or ""
        place = f"{self.filename or '<dana>'}:{self.lineno}"
        return place if self.column is None else f"{place}:{self.column}"

    def __str__(self) -> str:
        text = f"{self.location}: {self.message}" if self.location else self.message
        return f"{text} ({self.hint})" if self.hint else text

    def _state(self) -> dict[str, Any]:
        # Some second bases keep these outside of __dict__, under the same names.
        state = {name: getattr(self, name) for name in _PLACE}
        return state | {key: value for key, value in self.__dict__.items() if key != "__notes__"}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._state())


_PLACE = ("message", "filename", "lineno", "column", "source_line", "hint")


def _rebuild(kind: type[DanaError], state: dict[str, Any]) -> DanaError:
    """Make an error again from its fields; the counterpart of ``DanaError.__reduce__``."""
    error = kind(state["message"])
    for name, value in state.items():
        setattr(error, name, value)
    return error


class DanaSyntaxError(DanaError, SyntaxError):
    """The text is not a Dana program, or names something that cannot exist.

    ``others`` holds further independent errors of the same file, in source order.
    """

    def __init__(self, message: str = "", *, others: tuple[DanaSyntaxError, ...] = (), **place: Any) -> None:
        super().__init__(message, **place)
        self.others = others
        # What Python shows of an uncaught SyntaxError.
        self.msg = f"{message} ({self.hint})" if self.hint else message
        self.text = self.source_line
        self.offset = self.column


class IncompleteInput(DanaSyntaxError):
    """The text ends in the middle of something: a prompt may ask for more lines."""


class DanaImportError(DanaError, ImportError):
    """A module was not found, or failed while it was loaded."""


class DanaTypeError(DanaError, TypeError):
    """A value does not fit where it crosses the border, or a conversion would lose something."""


class DanaRuntimeError(DanaError, RuntimeError):
    """An exception that Dana code raised and nobody caught; the original is ``__cause__``."""


class DanaContextError(DanaError, RuntimeError):
    """A context is used after its end, or from two threads at once."""


class DanaSecurityError(DanaError, PermissionError):
    """The policy refuses this."""


class DanaCapabilityError(DanaSecurityError):
    """A capability that was not granted is needed.

    Parameters
    ----------
    capability : the grant that would allow it, as written in ``allowed_capabilities``.
    """

    def __init__(self, message: str = "", *, capability: str = "", **place: Any) -> None:
        super().__init__(message, **place)
        self.capability = capability


class DanaLimitError(DanaError):
    """A limit of the context was reached."""


class DanaTimeoutError(DanaLimitError, TimeoutError):
    """The deadline passed."""


class DanaMemoryError(DanaLimitError, MemoryError):
    """The context may not have that much memory."""


class DanaRecursionError(DanaLimitError, RecursionError):
    """Dana functions call each other too deep."""


class DanaReplayError(DanaError, RuntimeError):
    """A program asks for other effects than the recording has that it is replayed with, or one cannot be recorded."""


class DanaReplayWarning(UserWarning):
    """A recording has effects that the replayed program did not ask for."""


class InternalError(DanaError):
    """A mistake of ours, never of the program. Please report it."""


class Interrupt(BaseException):
    """The stop of a run; carries the first reason (invariant 4). Dana code cannot name or catch it.

    Parameters
    ----------
    reason : the error that the host gets in its place.
    """

    def __init__(self, reason: DanaError) -> None:
        super().__init__(reason.message)
        self.reason = reason
