"""Errors that cross between processes, as data.

In: an exception of one side. Out: a dict of texts and numbers, and from it an exception of the other side: of the
`DanaError` family with all its fields, or of one of Python's own kinds. Only names from a fixed list become classes in
the parent; a name that the worker made up is an error of a known kind. Exceptions of host functions stay with the host
under a number, so that a caller finds the original as ``__cause__``.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final

from dana_guards import errors
from dana_guards.errors import DanaError, DanaLimitError
from dana_guards.exceptions import KINDS, CaughtError, SandboxError, is_foreign, is_marked, made, message_of
from opendxa.dana.copying import SCALARS
from opendxa.dana.frames import FrameError, plain_text
from opendxa.dana.tracebacks import StackEntry

HOST_NUMBER: Final = "dana_host_error"
"""Attribute of an exception in the worker: under which number the host keeps the original."""
_LONGEST: Final = 100_000
_MOST_PARTS: Final = 200
_PLACE: Final = ("filename", "lineno", "column", "source_line", "stack")
_FAMILY: Final[dict[str, type[DanaError]]] = {
    kind.__name__: kind
    for kind in (*vars(errors).values(), SandboxError)
    if isinstance(kind, type) and issubclass(kind, DanaError)
}
_PYTHON: Final[dict[str, type[Exception]]] = {
    name: token._class for name, token in KINDS.items() if not issubclass(token._class, DanaError)
}


# -- to data -------------------------------------------------------------------------------------------


def error_data(error: BaseException, *, hide_foreign: bool = False, number: int | None = None) -> dict[str, Any]:
    """What crosses of an exception.

    Parameters
    ----------
    hide_foreign : keep what a host's own exception says; its kind crosses.
    number : under which the host keeps it.
    """
    data: dict[str, Any] = {"kinds": [kind.__name__ for kind in type(error).__mro__[:_MOST_PARTS]]}
    number = getattr(error, HOST_NUMBER, None) if number is None else number
    if type(number) is int:
        data["host"] = number
    if isinstance(error, DanaError):
        return data | _fields(error, hide_foreign)
    hidden = hide_foreign and (not isinstance(error, Exception) or is_foreign(error))
    if not hidden:
        data["visible"] = is_marked(error) or hide_foreign
        plain = all(_crosses(each) for each in error.args)
        data["args"] = list(error.args) if plain else [_message(error)]
    return data


def _crosses(value: Any) -> bool:
    if type(value) is int:
        return value.bit_length() < 10_000
    return type(value) in SCALARS and (type(value) is not str or len(value) <= _LONGEST)


def _message(error: BaseException) -> str:
    return message_of(error)[:_LONGEST] if isinstance(error, Exception) else type(error).__name__


def _fields(error: DanaError, hide_foreign: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "message": error.message[:_LONGEST],
        "place": [error.filename, error.lineno, error.column, error.source_line],
        "hint": error.hint,
        "capability": getattr(error, "capability", None),
        "name": getattr(error, "name", None),
        "stack": [list(entry) for entry in error.stack] if hasattr(error, "stack") else None,
        "others": [error_data(other) for other in getattr(error, "others", ())[:_MOST_PARTS]],
    }
    cause = error.__cause__
    if isinstance(cause, errors.Interrupt):
        data["stopped"] = True
    elif cause is not None:
        data["cause"] = error_data(cause, hide_foreign=hide_foreign) if not isinstance(cause, DanaError) else None
    return data


def guards_trace(trace: TracebackType | None) -> TracebackType | None:
    """A traceback from the first frame of the guards on: what led there is ours and says nothing of the error."""
    first = trace
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__")).startswith("dana_guards."):
            return trace
        trace = trace.tb_next
    return first


# -- from data -----------------------------------------------------------------------------------------


def error_from(data: Any, kept: dict[int, BaseException]) -> BaseException:
    """The exception in the parent for what a worker sent.

    Parameters
    ----------
    kept : exceptions of host functions by number.

    Raises FrameError for what is no error.
    """
    kinds = _kinds(data)
    original = kept.get(data["host"]) if type(data.get("host")) is int else None
    family = next((_FAMILY[kind] for kind in kinds if kind in _FAMILY), None)
    if family is None:
        return original or python_error(kinds, _args(data))
    error = dana_error(family, data)
    if original is not None:
        if isinstance(original, DanaError) and original.lineno is None:
            for name in _PLACE:
                if hasattr(error, name):
                    setattr(original, name, getattr(error, name))
        return original
    if data.get("stopped") is True:
        error.__cause__ = errors.Interrupt(error)
    cause = data.get("cause")
    if cause is not None:
        names = _kinds(cause)
        number = cause.get("host")
        kept_cause = kept.get(number) if type(number) is int else None
        error.__cause__ = kept_cause or python_error(names, _args(cause))
    return error


def dana_error(family: type[DanaError], data: dict[str, Any]) -> DanaError:
    """An error of the family from its fields."""
    place = data.get("place")
    if type(place) is not list or len(place) != 4:
        raise FrameError("an error has no place")
    file, line, column, source = place
    error = family(plain_text(data.get("message")) or "")
    error.filename, error.source_line = plain_text(file), plain_text(source)
    error.lineno, error.column, error.hint = _number(line), _number(column), plain_text(data.get("hint"))
    for name in ("capability", "name"):
        value = plain_text(data.get(name))
        if value is not None:
            setattr(error, name, value)
    if data.get("stack") is not None:
        error.stack = tuple(_entry(each) for each in _listed(data["stack"]))  # type: ignore[attr-defined]
    if isinstance(error, errors.DanaSyntaxError):
        others = [dana_error(errors.DanaSyntaxError, other) for other in _listed(data.get("others")) if _kinds(other)]
        error.others = tuple(other for other in others if isinstance(other, errors.DanaSyntaxError))
    return error


def python_error(kinds: list[str], args: list[Any], *, named: bool = False) -> Exception:
    """One of Python's own exceptions, the nearest kind that is known.

    Parameters
    ----------
    named : make a class with the first name for it: ``except "TheirError"`` matches by name (3.4).
    """
    kind = next((_PYTHON[name] for name in kinds if name in _PYTHON), RuntimeError)
    if named and kinds[0] != kind.__name__:
        kind = type(kinds[0], (kind,), {"__module__": "host"})
    try:
        return kind(*args)
    except TypeError:  # UnicodeDecodeError and its like want what does not cross
        return RuntimeError(f"{kinds[0]}: {args[0] if args else ''}")


def record_of(kind: str, message: str) -> CaughtError:
    """The record of a caught error of the other side: its kind and what it said, without its place."""
    said: Any = message
    if kind == "KeyError":  # says its key as Dana writes it
        if message[:1] == message[-1:] == "'" and not set(message[1:-1]) & {"'", "\\"}:
            said = message[1:-1]
        elif message.isdecimal() and len(message) < 20:
            said = int(message)
    return CaughtError(made(python_error([kind], [said])))


def error_in_worker(data: dict[str, Any]) -> Exception:
    """The exception in the worker for what the parent sent; a host's own kind keeps its name."""
    kinds: list[str] = data["kinds"]
    family = next((_FAMILY[kind] for kind in kinds if kind in _FAMILY), None)
    error: Exception
    if family is not None:
        error = dana_error(family, data)
    else:
        error = python_error(kinds, data.get("args", []), named=True)
        if data.get("visible"):
            made(error)
    if "host" in data:
        setattr(error, HOST_NUMBER, data["host"])
    return error


def _kinds(data: Any) -> list[str]:
    if type(data) is not dict or type(data.get("kinds")) is not list:
        raise FrameError("an error has no kind")
    kinds: list[Any] = data["kinds"]
    if not 0 < len(kinds) <= _MOST_PARTS or any(type(kind) is not str or len(kind) > 1000 for kind in kinds):
        raise FrameError("an error has an impossible kind")
    return kinds


def _args(data: dict[str, Any]) -> list[Any]:
    args = _listed(data.get("args"))
    if any(type(each) not in SCALARS for each in args):
        raise FrameError("an error has arguments that are no scalars")
    return args


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    if type(value) is not list or len(value) > _MOST_PARTS:
        raise FrameError("a part of an error is no short list")
    return value


def _number(value: Any) -> int | None:
    if value is not None and (type(value) is not int or not 0 <= value < 1 << 31):
        raise FrameError("a line of an error is no number")
    return value


def _entry(data: Any) -> StackEntry:
    if type(data) is not list or len(data) != 5:
        raise FrameError("an entry of a call stack has the wrong length")
    file, line, column, function, source = data
    texts = plain_text(file) or "", plain_text(function) or ""
    return StackEntry(texts[0], _number(line) or 0, _number(column), texts[1], plain_text(source))


def lost(reason: DanaLimitError) -> DanaLimitError:
    """Say what the end of a worker means for its context."""
    reason.hint = "the worker process has ended: what the context held is lost, and the next call starts a new one"
    return reason
