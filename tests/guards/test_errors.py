"""The error family: what it carries, how it prints, and that pickling keeps it."""

from __future__ import annotations

import pickle
import traceback

import pytest

from dana_guards import errors

KINDS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.DanaError)
]
PLACE = {"filename": "a.na", "lineno": 3, "column": 2, "source_line": "x = y", "hint": "bind it"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_pickling_keeps_everything(kind: type[errors.DanaError]) -> None:
    """An error that crosses a process says the same there, whatever its second base keeps elsewhere."""
    error = kind("name 'y' is not defined", **PLACE)
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert str(back) == str(error) == "a.na:3:2: name 'y' is not defined (bind it)"
    assert {name: getattr(back, name) for name in PLACE} == PLACE


def test_second_bases_are_python_kinds() -> None:
    """A host can catch our errors by the kinds that it knows."""
    pairs = {
        errors.DanaSyntaxError: SyntaxError, errors.DanaImportError: ImportError, errors.DanaTypeError: TypeError,
        errors.DanaSecurityError: PermissionError, errors.DanaTimeoutError: TimeoutError,
        errors.DanaMemoryError: MemoryError, errors.DanaRecursionError: RecursionError,
    }  # fmt: skip
    assert all(issubclass(kind, base) for kind, base in pairs.items())
    assert not issubclass(errors.Interrupt, Exception)


def test_an_uncaught_syntax_error_shows_its_line() -> None:
    """Python's own traceback of a syntax error has the Dana line, the caret and the hint."""
    error = errors.DanaSyntaxError("name 'y' is not defined", **PLACE)
    shown = "".join(traceback.format_exception_only(error))
    assert 'File "a.na", line 3' in shown
    assert "x = y" in shown
    assert "name 'y' is not defined (bind it)" in shown


def test_a_capability_survives_pickling() -> None:
    """The grant that would help is part of the error."""
    error = errors.DanaCapabilityError("denied", capability="file_read:/data")
    assert pickle.loads(pickle.dumps(error)).capability == "file_read:/data"
