"""Exceptions as Dana sees them: kinds, values that ``raise`` accepts, records of caught errors (3.4, 3.5).

In: what a program raises or names after ``except``, and Python exceptions on their way. Out: Python exceptions and
classes for the generated ``raise`` and ``except``; for the program only records and tokens, never an exception, a class
or a traceback (threat model 5.1). Not here: the errors that a host gets (`errors`).
"""

from __future__ import annotations

import builtins
import linecache
import os
import sys
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from dana_guards import errors
from dana_guards.formatting import SCALARS, repr_of, scrub, text_of
from dana_guards.spelling import did_you_mean, shown_name
from dana_guards.type_tokens import Immutable, fill, flat_kinds, known_names, type_of

Lookup = Callable[[str], Any]
_LONGEST_ARGUMENT = 10_000


class SandboxError(errors.DanaError):
    """The error of the language with no Python counterpart; programs may raise it by name."""


# -- records ---------------------------------------------------------------------------------------


FOREIGN = "error in a host function"
"""What a program reads in place of the text of a host's own exception."""


class CaughtError:
    """A caught error, or one that was made to be raised: what ``e`` is after ``except … as e``.

    The attributes are those of section 3.5. The Python exception stays in a slot whose name Dana cannot write;
    ``original`` is the record itself, so that ``raise x from e.original`` works.
    """

    __slots__ = ("__weakref__", "_details", "_exception", "_foreign", "_lookup", "_trace")
    _dana_type_name_ = "DanaException"

    def __init__(self, exception: Exception, foreign: bool = False, lookup: Lookup | None = None) -> None:
        """
        Parameters
        ----------
        exception : what was raised, or is to be.
        foreign : its message is not the program's to read.
        lookup : finds the declared types of the context, for better messages.
        """
        self._exception = exception
        self._foreign = foreign
        self._lookup = lookup
        # The traceback grows at the outer end when the error is raised again; this end stays as it was caught.
        self._trace = exception.__traceback__
        self._details: list[_Place] | None = None

    @property
    def type(self) -> str:
        """Name of the exception's class."""
        return type(self._exception).__name__

    @property
    def message(self) -> str:
        """What went wrong; of a host's own exception only the kind is told."""
        return FOREIGN if self._foreign else message_of(self._exception, self._lookup)

    @property
    def original(self) -> CaughtError:
        """The record itself."""
        return self

    @property
    def traceback(self) -> list[str]:
        """One text for each Dana frame, outermost first."""
        return [str(place) for place in self._places()]

    @property
    def filename(self) -> str | None:
        """The file of the innermost Dana frame."""
        return self._innermost().filename

    @property
    def line(self) -> int | None:
        """The line, from 1."""
        return self._innermost().line

    @property
    def column(self) -> int | None:
        """The column in characters, from 1."""
        return self._innermost().column

    @property
    def source_line(self) -> str | None:
        """The text of the line."""
        return self._innermost().source_line

    def to_dict(self) -> dict[str, Any]:
        """All of it as a dict."""
        names = ("type", "message", "traceback", "filename", "line", "column", "source_line")
        return {name: getattr(self, name) for name in names}

    def _places(self) -> list[_Place]:
        if self._details is None:
            self._details = [_Place(step) for step in _steps(self._trace) if _is_shown(step.tb_frame)]
        return self._details

    def _innermost(self) -> _Place:
        places = self._places()
        return places[-1] if places else _NOWHERE

    def __repr__(self) -> str:
        place = self._innermost()
        at = f' (File "{place.filename}", line {place.line})' if place.line else ""
        return f"{self.type}: {self.message}{at}"

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle a caught error; to_dict() gives its content")


class _Place:
    """One Dana frame of a traceback; the source line is read only when it is asked for."""

    __slots__ = ("_byte_column", "filename", "function", "line")

    def __init__(self, step: TracebackType | None) -> None:
        self.filename: str | None = None
        self.function: str = ""
        self.line: int | None = None
        self._byte_column: int | None = None
        if step is not None:
            code = step.tb_frame.f_code
            self.filename, self.line = code.co_filename, step.tb_lineno
            self.function = shown_name(code.co_name)
            position = list(code.co_positions())[step.tb_lasti // 2] if step.tb_lasti >= 0 else (None,) * 4
            self._byte_column = position[2]

    @property
    def source_line(self) -> str | None:
        if self.filename is None or self.line is None:
            return None
        return linecache.getline(self.filename, self.line).rstrip("\r\n") or None

    @property
    def column(self) -> int | None:
        if self._byte_column is None:
            return None
        before = (self.source_line or "").encode()[: self._byte_column]
        return len(before.decode(errors="replace")) + 1 if before or self._byte_column == 0 else self._byte_column + 1

    def __str__(self) -> str:
        return f'File "{self.filename}", line {self.line}, in {self.function}'


_NOWHERE = _Place(None)


def _steps(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def is_dana_frame(frame: FrameType) -> bool:
    """Does the frame run generated code: its built-ins are a dictionary of ours."""
    return "_exception_" in frame.f_builtins


def _is_shown(frame: FrameType) -> bool:
    """Does the program know the frame: constructors are made by the compiler, their errors belong to the call."""
    return is_dana_frame(frame) and not frame.f_code.co_name.startswith("dana_init_")


def message_of(error: BaseException, lookup: Lookup | None = None) -> str:
    """The message of an exception as Dana text: no addresses, no positions of ours, near names where Python has none.

    Parameters
    ----------
    lookup : gives the struct class of a name, so that a wrong constructor call can tell the fields.
    """
    try:
        return _message_of(error, lookup)
    except Exception:
        # An error about an error would hide the first one: its text may be too long, or contain the error itself.
        return "the message cannot be shown"


def _message_of(error: BaseException, lookup: Lookup | None) -> str:
    args = error.args
    if isinstance(error, errors.DanaError):
        text = text_of(error.message)
        return f"{text} ({error.hint})" if error.hint else text
    if isinstance(error, KeyError) and len(args) == 1:
        return repr_of(args[0])
    if isinstance(error, OSError | UnicodeError | SyntaxError) and _PLAIN.issuperset(map(type, args)):
        return scrub(str(error))
    text = text_of(args[0]) if len(args) == 1 else repr_of(args) if args else ""
    if is_marked(error):
        return text
    if isinstance(error, AttributeError) and error.name and text.endswith(f"has no attribute {error.name!r}"):
        return no_attribute_text(error.obj, error.name)
    # Python quotes whatever it was given: a log has to bear it.
    text = scrub(text if len(text) <= _LONGEST_ARGUMENT else f"{text[:_LONGEST_ARGUMENT]}…")
    if not isinstance(error, TypeError | NameError | AttributeError) and "sys.set_int_max_str_digits()" not in text:
        return text
    from dana_guards.wording import in_dana  # only a program with a mistake needs it

    return in_dana(text, lookup)


def no_attribute_text(value: Any, name: str) -> str:
    """What is said about a name that a value does not have."""
    name = shown_name(name)
    if name in ("length", "size") and hasattr(type(value), "__len__"):
        return f"{type_of(value)} has no attribute {name!r}; len(x) tells how many"
    return f"{type_of(value)} has no attribute {name!r}{did_you_mean(name, known_names(value))}"


_PLAIN = SCALARS | {bytes}


def is_marked(error: BaseException) -> bool:
    """Was the exception made by Dana, or did the host mark its class with ``dana_visible = True``."""
    return getattr(error, "dana_visible", False) is True


def is_foreign(error: BaseException) -> bool:
    """Does the exception come out of a host's function: a frame after the last Dana frame is none of ours.

    A host's function in C has no frame, but the wrapper that called it has.
    """
    if is_marked(error):
        return False
    outside = False
    for step in _steps(error.__traceback__):
        frame = step.tb_frame
        outside = not is_dana_frame(frame) and (outside or not _is_ours(frame, error))
    return outside


_STDLIB = os.path.dirname(os.__file__) + os.sep


def _is_ours(frame: FrameType, error: BaseException) -> bool:
    """Is what this frame raises for the program: the guards, what they call, the runtime's own errors."""
    package = str(frame.f_globals.get("__name__")).partition(".")[0]
    if package == "dana_guards":
        return True
    if package in ("opendxa", "dana2py", "dana_modules"):
        return isinstance(error, errors.DanaError)
    file = frame.f_code.co_filename
    return file.startswith(_STDLIB) and "site-packages" not in file


def caught_hook(lookup: Lookup, trusted: bool = False) -> Callable[[Exception], CaughtError]:
    """``_caught_`` of a context.

    Parameters
    ----------
    lookup : finds the declared types of the context.
    trusted : the host trusts the module (``unlimited``), so messages of the host's exceptions are not kept from it.
    """

    def _caught_(error: Exception) -> CaughtError:
        """The record for ``except … as e``."""
        return CaughtError(error, not trusted and is_foreign(error), lookup)

    return _caught_


# -- raise -----------------------------------------------------------------------------------------


def made(error: Exception) -> Exception:
    """Mark an exception as made by the program, so that its message is shown as it is."""
    error.dana_visible = True  # type: ignore[attr-defined]
    return error


def _exception_(value: Any) -> Exception:
    """The Python exception for ``raise value`` and ``from value`` (3.4)."""
    if isinstance(value, CaughtError):
        return value._exception
    if isinstance(value, ExceptionToken):
        return value()._exception
    if isinstance(value, Exception):
        return value
    if isinstance(value, type) and issubclass(value, Exception):
        return value()
    return made(RuntimeError("Unknown error" if value is None else _argument(value)))


def _argument(value: Any) -> Any:
    """What stands in ``args`` of an exception that a program makes: nothing that a host's ``str(error)`` chokes on."""
    if isinstance(value, CaughtError):
        return value._exception
    if type(value) in SCALARS:
        return value
    try:
        return text_of(value, _LONGEST_ARGUMENT)
    except ValueError:
        return f"<{type_of(value)}>"


def _assertion_(message: Any = None) -> AssertionError:
    """The exception of a failed ``assert`` (3.4)."""
    error = AssertionError("Assertion failed" if message is None else text_of(message))
    made(error)
    return error


# -- kinds -----------------------------------------------------------------------------------------


class ExceptionToken(Immutable):
    """An exception kind by name: ``ValueError``. Called it gives a value for ``raise``; it has no attributes."""

    __slots__ = ("_class", "_raisable")
    _dana_type_name_ = "ExceptionKind"
    _class: type[Exception]
    _raisable: bool

    def __init__(self, kind: type[Exception], raisable: bool = True) -> None:
        fill(self, _class=kind, _raisable=raisable)

    def __call__(self, *args: Any) -> CaughtError:
        """
        Raises
        ------
        TypeError : only the guards raise this kind, or it takes other arguments.
        """
        if not self._raisable:
            raise TypeError(f"a program can catch {self!r}, but not make one")
        return CaughtError(made(self._class(*map(_argument, args))))

    def __repr__(self) -> str:
        return self._class.__name__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExceptionToken) and other._class is self._class

    def __hash__(self) -> int:
        return hash(self._class)

    def _accepts_(self, value: object) -> bool:
        return isinstance(value._exception if isinstance(value, CaughtError) else value, self._class)


def _python_kinds() -> dict[str, type[Exception]]:
    """Python's own exception classes below Exception; a group would run the matching rules of ``except*``."""
    found = {name: value for name, value in vars(builtins).items() if isinstance(value, type)}
    return {
        name: value
        for name, value in found.items()
        if issubclass(value, Exception) and not issubclass(value, BaseExceptionGroup)
    }


_CATCH_ONLY: tuple[type[Exception], ...] = (
    errors.DanaImportError,
    errors.DanaTypeError,
    errors.DanaRuntimeError,
    errors.DanaSecurityError,
    errors.DanaCapabilityError,
    errors.DanaLimitError,
    errors.DanaSyntaxError,
)

#: The tokens by name. They are immutable, so every context shares them.
KINDS: dict[str, ExceptionToken] = {
    **{name: ExceptionToken(kind) for name, kind in _python_kinds().items()},
    "SandboxError": ExceptionToken(SandboxError),
    "DanaError": ExceptionToken(errors.DanaError),
    **{kind.__name__: ExceptionToken(kind, raisable=False) for kind in _CATCH_ONLY},
}


def _kinds_(value: Any) -> Any:
    """What stands after ``except``: a class or a tuple of them for Python to match.

    While a stop is in flight nothing matches and nothing is raised, whatever the value is: a new exception here would
    take the place of the stop (invariant 4).

    Raises
    ------
    TypeError : the value does not name a kind of error.
    """
    error = sys.exception()
    if not isinstance(error, Exception):
        return ()
    return tuple(_classes(value, error))


def _classes(value: Any, error: Exception) -> Iterator[type[Exception]]:
    if isinstance(value, ExceptionToken):
        yield value._class
        if value._class is SandboxError and _left_a_call(error):
            yield type(error)
        elif value._class is ImportError and isinstance(error, errors.DanaSyntaxError):
            # A program meets a text that is no Dana only where it imports it (9.1).
            yield type(error)
    elif type(value) is tuple:
        for part in flat_kinds(value):
            yield from _classes(part, error)
    elif type(value) is str:
        known = KINDS.get(value)
        if known is not None:
            yield from _classes(known, error)
        elif any(base.__name__ == value for base in type(error).__mro__):
            yield type(error)
    elif isinstance(value, type) and issubclass(value, Exception):
        yield value
    else:
        raise TypeError(f"except needs kinds of errors, not {repr_of(value)[:60]}")


def _left_a_call(error: Exception) -> bool:
    """Would the reference interpreter have wrapped this error in a SandboxError (3.5): it left a call, or an operator.

    Errors of attribute access keep their kind there, so frames of the access guards do not count as a call.
    """
    trace = error.__traceback__
    inner = [step for step in _steps(trace.tb_next if trace else None) if not _is_access(step.tb_frame)]
    return bool(inner) or (type(error) in (TypeError, ValueError) and not is_marked(error))


def _is_access(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__") == "dana_guards.access"
