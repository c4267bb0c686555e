"""Errors: kind, place, call stack, cause, pickling."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dana_guards.errors import InternalError
from opendxa.dana import (
    DanaCapabilityError,
    DanaContext,
    DanaError,
    DanaLimitError,
    DanaRecursionError,
    DanaRuntimeError,
    DanaSecurityError,
    DanaSyntaxError,
    DanaTypeError,
)

Write = Callable[[str, str], Path]
MODULE = """
def inner(x):
    é = "é"; y = 1 / x
    return y

def outer(x):
    return inner(x)
"""


def test_place_and_call_stack(write: Write, context: DanaContext) -> None:
    """File, line, column in characters, source line, and every Dana call; the original is the cause."""
    path = str(write("m.na", MODULE.replace("é", "e", 1)))
    with pytest.raises(DanaRuntimeError) as caught:
        context.import_module("m").outer(0)
    error = caught.value
    assert error.message == "ZeroDivisionError: division by zero"
    assert (error.filename, error.lineno, error.column) == (path, 3, 18)
    assert error.source_line == '    e = "é"; y = 1 / x'
    assert [(entry.function, entry.lineno) for entry in error.stack] == [("outer", 7), ("inner", 3)]  # type: ignore[attr-defined]
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert str(error).startswith(f"{path}:3:18: ")


def test_no_frame_of_ours_in_the_cause(write: Write, context: DanaContext) -> None:
    """The traceback of the original has Dana frames only."""
    path = str(write("m.na", MODULE.replace("é", "e")))
    with pytest.raises(DanaRuntimeError) as caught:
        context.import_module("m").outer(0)
    cause = caught.value.__cause__
    assert cause is not None
    assert {frame.filename for frame in traceback.extract_tb(cause.__traceback__)} == {path}


@pytest.mark.parametrize(
    ("source", "kind", "base"),
    [
        ("raise ValueError('no')", DanaRuntimeError, RuntimeError),
        ("x = (", DanaSyntaxError, SyntaxError),
        ("unknown_name", DanaSyntaxError, SyntaxError),
        ("read_file('x')", DanaCapabilityError, PermissionError),
        ("def f(n):\n    return f(n + 1) + 1\nf(0)", DanaRecursionError, RecursionError),
        ("import nowhere", DanaError, ImportError),
        ("for i in range(1000000):\n    print('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')", DanaLimitError, DanaError),
    ],
)
def test_kinds(make_context: Callable[..., DanaContext], source: str, kind: type, base: type) -> None:
    """Each failure has its class, is a DanaError, and can be caught as Python's kind."""
    context = make_context(on_print=lambda text: None, max_output="10KB")
    with pytest.raises(kind) as caught:
        context.eval_dana(source)
    error: Any = caught.value
    assert isinstance(error, DanaError)
    assert isinstance(error, base)


@pytest.mark.parametrize("source", ["raise ValueError('no')", "x = (", "read_file('x')", "import nowhere"])
def test_errors_survive_pickling(context: DanaContext, source: str) -> None:
    """Class, text and all fields are the same on the other side."""
    with pytest.raises(DanaError) as caught:
        context.eval_dana(source)
    error: Any = caught.value
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    for name in ("message", "filename", "lineno", "column", "source_line", "hint", "stack"):
        assert getattr(again, name, None) == getattr(error, name, None)


def test_a_denial_says_what_would_allow_it(context: DanaContext) -> None:
    """Capability, argument, line, and the grant to give."""
    with pytest.raises(DanaCapabilityError, match="file_read") as caught:
        context.eval_dana("x = 1\nread_file('a.txt')")
    error = caught.value
    assert isinstance(error, DanaSecurityError)
    assert (error.capability, error.lineno) == ("file_read", 2)
    assert "allowed_capabilities" in (error.hint or "")


def test_a_deep_stack_is_cut(context: DanaContext) -> None:
    """A recursion error does not carry a thousand entries."""
    with pytest.raises(DanaRecursionError) as caught:
        context.eval_dana("def f(n):\n    return f(n + 1) + 1\nf(0)")
    assert 10 < len(caught.value.stack) <= 100  # type: ignore[attr-defined]
    assert context.eval_dana("1") == 1


def test_host_control_exceptions_pass(make_context: Callable[..., DanaContext]) -> None:
    """KeyboardInterrupt and SystemExit of a host function are the host's own affair, also through Dana handlers."""
    for kind in (KeyboardInterrupt, SystemExit):

        def stop(kind: type[BaseException] = kind) -> None:
            raise kind

        context = make_context(functions={"stop": stop})
        with pytest.raises(kind):
            context.eval_dana("try:\n    stop()\nexcept:\n    1\n")
        assert context.eval_dana("2") == 2


def test_exceptions_of_host_functions(make_context: Callable[..., DanaContext]) -> None:
    """Dana can catch them by kind and reads no host details; uncaught they are the cause."""

    class Secret(ValueError):
        """Says too much."""

    class Told(ValueError):
        """May be read by Dana."""

        dana_visible = True

    def fail() -> None:
        raise Secret("password 1234")

    def tell() -> None:
        raise Told("try again")

    context = make_context(functions={"fail": fail, "tell": tell})
    caught = context.eval_dana("m = ''\ntry:\n    fail()\nexcept ValueError as e:\n    m = f'{e.type}: {e.message}'\nm")
    assert "1234" not in caught
    assert "Secret" in caught
    told = context.eval_dana("m = ''\ntry:\n    tell()\nexcept ValueError as e:\n    m = e.message\nm")
    assert told == "try again"
    with pytest.raises(DanaRuntimeError) as uncaught:
        context.eval_dana("fail()")
    assert isinstance(uncaught.value.__cause__, Secret)


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_records_come_back(make_context: Callable[..., DanaContext], isolation: str) -> None:
    """A caught error that the host got, as a result or an argument, goes back in; another context's does not."""
    context = make_context(functions={"give": lambda error: error}, isolation=isolation)
    caught = "r = none\ntry:\n    {}\nexcept Exception as e:\n    r = {}\nr"
    for text, kind, message in (("1 / 0", "ZeroDivisionError", "division by zero"), ("{}['k']", "KeyError", "'k'")):
        record = context.eval_dana(caught.format(text, "e"))
        assert (record.type, record.message) == (kind, message)
        assert context.eval_dana(caught.format(text, "[give(e).type, give(e).message]")) == [kind, message]
        look = context.eval_dana("def look(e):\n    return [e.type, e.message]\nlook")
        assert look(record) == [kind, message]
        again = context.eval_dana("def again(e):\n    raise e\nagain")
        with pytest.raises(DanaRuntimeError, match=kind) as error:
            again(record)
        assert type(error.value.__cause__).__name__ == kind
        other = make_context(isolation=isolation).eval_dana("def look(e):\n    return e.message\nlook")
        with pytest.raises(DanaTypeError, match="that another context caught cannot enter") as refused:
            other(record)
        assert "to_dict()" in (refused.value.hint or "")
        assert other(record.to_dict()) == message


def test_a_host_function_with_a_wrong_call(make_context: Callable[..., DanaContext]) -> None:
    """A missing argument is a TypeError in Dana."""
    context = make_context(functions={"f": lambda a: a})
    source = "r = 0\ntry:\n    f()\nexcept TypeError:\n    r = 1\nr"
    assert context.eval_dana(source) == 1


def test_several_syntax_errors_at_once(context: DanaContext) -> None:
    """The first is raised, the others travel with it."""
    with pytest.raises(DanaSyntaxError) as caught:
        context.eval_dana("a = unknown_one\nb = unknown_two\n")
    assert [error.lineno for error in (caught.value, *caught.value.others)] == [1, 2]


def test_a_mistake_of_the_compiler_is_no_mistake_of_the_program(
    write: Write, context: DanaContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It arrives as an InternalError that asks for a report, by import and by eval."""

    def broken(*args: Any, **named: Any) -> Any:
        raise AttributeError("no attribute of ours")

    import dana2py.compiler

    monkeypatch.setattr(dana2py.compiler, "compile_source", broken)
    # Texts that no other test has: what was compiled once is remembered.
    write("m.na", "never_compiled_before = 1\n")
    for use in (
        lambda: context.import_module("m"),
        lambda: context.eval_dana("import m  # first time"),
        lambda: context.eval_dana("1  # first time"),
    ):
        with pytest.raises(InternalError, match="please report it"):
            use()
