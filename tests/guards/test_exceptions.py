"""Raising, matching and recording errors (3.4, 3.5)."""

from __future__ import annotations

import builtins
import json
import pickle
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from support_structs import declare, function

from dana_guards.errors import (
    DanaCapabilityError,
    DanaError,
    DanaImportError,
    DanaSyntaxError,
    InternalError,
    Interrupt,
)
from dana_guards.exceptions import (
    KINDS,
    CaughtError,
    SandboxError,
    _assertion_,
    _exception_,
    _kinds_,
    caught_hook,
    message_of,
)
from dana_guards.namespace import Environment, make_builtins
from dana_guards.structs import TypeRegistry

SOURCE = """
def inner(what):
    raise _exception_(what)

def outer(what):
    inner(what)

def divide():
    return 1 / 0

def call(function, *args):
    return function(*args)
"""


@pytest.fixture
def dana() -> dict[str, Any]:
    """Functions whose frames count as Dana's: their built-ins are a dictionary with the hooks."""
    scope: dict[str, Any] = {
        "__builtins__": {"_exception_": _exception_, **KINDS},
        "__name__": "m",
    }
    exec(compile(SOURCE, "m.na", "exec"), scope)
    return scope


def caught(
    run: Callable[..., Any], *args: Any, trusted: bool = False, types: TypeRegistry | None = None
) -> CaughtError:
    """The record of what ``run`` raises."""
    try:
        run(*args)
    except Exception as error:
        return caught_hook((types or TypeRegistry()).find, trusted)(error)
    raise AssertionError("nothing was raised")


def matches(kinds: Any, run: Callable[..., Any], *args: Any) -> bool:
    """Does ``except kinds`` catch what ``run`` raises."""
    try:
        try:
            run(*args)
        except _kinds_(kinds):
            return True
    except Exception:
        return False
    raise AssertionError("nothing was raised")


def handle(kinds: Any, run: Callable[..., Any], *args: Any) -> None:
    """``try: run() except kinds: pass``."""
    try:
        run(*args)
    except _kinds_(kinds):
        pass


def host_failure(error: BaseException) -> None:
    """A function of a host that fails."""
    raise error


# -- raise -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("boom", RuntimeError, "boom"),
        (42, RuntimeError, "42"),
        (None, RuntimeError, "Unknown error"),
        ([len], RuntimeError, "[<function len>]"),
        (KINDS["ValueError"], ValueError, ""),
        (KINDS["ValueError"]("x"), ValueError, "x"),
        (KINDS["OSError"](2, "no"), FileNotFoundError, "[Errno 2] no"),
        (KeyError("k"), KeyError, "'k'"),
        (ValueError, ValueError, ""),
        (BaseException, RuntimeError, None),
        (SystemExit(), RuntimeError, None),
        (KINDS["SandboxError"]("x"), SandboxError, "x"),
    ],
)
def test_exception_for_any_value(value: Any, kind: type[Exception], message: str | None) -> None:
    """Everything can be raised, and what is raised is always an Exception."""
    error = _exception_(value)
    assert type(error) is kind
    if message is not None:
        assert message_of(error) == message


def test_struct_as_error() -> None:
    """A struct is raised as a RuntimeError with its text."""
    struct = declare(TypeRegistry(), "P", x="int")
    assert str(_exception_(struct(1))) == "P(x=1)"


def test_assertion() -> None:
    """A failed assert carries its message as text."""
    assert str(_assertion_()) == "Assertion failed"
    assert str(_assertion_([1])) == "[1]"


def test_arguments_are_harmless_text() -> None:
    """What a program puts into an error cannot make the host's ``str(error)`` run for ever."""
    bomb: list[Any] = ["x" * 100]
    for _ in range(60):
        bomb = [bomb, bomb]
    for value in (KINDS["ValueError"](bomb), KINDS["OSError"](1, bomb), KINDS["SyntaxError"](bomb), bomb):
        assert len(str(_exception_(value))) < 200
    assert str(_exception_(KINDS["ValueError"]([1, len]))) == "[1, <function len>]"
    assert message_of(_exception_(KINDS["SandboxError"](5))) == "5"


def test_error_that_contains_itself() -> None:
    """A message that needs itself is cut off, for the program and for the host."""
    error = ValueError()
    error.args = ([CaughtError(error)],)
    assert len(message_of(error)) < 100_000
    assert "cannot be shown" in message_of(error)


def test_made_errors_nest() -> None:
    """An error inside another stays an exception inside, so a host sees both."""
    error = _exception_(KINDS["ValueError"](KINDS["KeyError"]("k")))
    assert isinstance(error.args[0], KeyError)


# -- tokens ----------------------------------------------------------------------------------------


def test_kinds_are_all_of_pythons() -> None:
    """Every exception class of Python below Exception has a token, and nothing above it."""
    wanted = {
        name
        for name, value in vars(builtins).items()
        if isinstance(value, type) and issubclass(value, Exception) and not issubclass(value, BaseExceptionGroup)
    }
    assert wanted <= KINDS.keys()
    for name in ("BaseException", "SystemExit", "KeyboardInterrupt", "GeneratorExit", "ExceptionGroup", "Interrupt"):
        assert name not in KINDS


def test_tokens_are_closed() -> None:
    """A token is no class, has no public attribute, and cannot be changed, pickled or called with names."""
    token = KINDS["ValueError"]
    assert not isinstance(token, type)
    assert [name for name in dir(token) if not name.startswith("_")] == []
    assert str(token) == "ValueError"
    assert token == KINDS["ValueError"]
    assert token != KINDS["TypeError"]
    with pytest.raises(AttributeError):
        token.name = 1
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(token)
    with pytest.raises(TypeError):
        token(obj=1)  # type: ignore[call-arg]


def test_guards_errors_cannot_be_made() -> None:
    """A program cannot pretend that a limit was reached or a capability denied."""
    for name in ("DanaCapabilityError", "DanaLimitError", "DanaSecurityError"):
        with pytest.raises(TypeError, match="can catch"):
            KINDS[name]("x")
        with pytest.raises(TypeError, match="can catch"):
            _exception_(KINDS[name])


# -- except ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "what", "answer"),
    [
        (KINDS["ValueError"], "ValueError", True),
        (KINDS["Exception"], "ValueError", True),
        (KINDS["LookupError"], "KeyError", True),
        (KINDS["ArithmeticError"], "ValueError", False),
        ((KINDS["TypeError"], KINDS["ValueError"]), "ValueError", True),
        ((KINDS["TypeError"], (KINDS["KeyError"], "ValueError")), "ValueError", True),
        ((), "ValueError", False),
        ("ValueError", "ValueError", True),
        ("LookupError", "KeyError", True),
        ("Unknown", "ValueError", False),
        ("BaseException", "ValueError", True),
        (ValueError, "ValueError", True),
    ],
)
def test_matching(dana: dict[str, Any], kinds: Any, what: str, answer: bool) -> None:
    """Kinds match as in Python, names that nobody knows by the class name."""
    assert matches(kinds, dana["inner"], KINDS[what]("x")) is answer


def test_matching_by_class_name() -> None:
    """A host's exception can be named by its class or a base of it."""

    class HostBase(Exception):
        pass

    class HostError(HostBase):
        pass

    def fail() -> None:
        raise HostError("x")

    assert matches("HostError", fail)
    assert matches("HostBase", fail)
    assert not matches("Host", fail)


@pytest.mark.parametrize("kinds", [5, None, [KINDS["ValueError"]], len, KINDS["ValueError"]("x"), int, BaseException])
def test_what_cannot_be_caught(dana: dict[str, Any], kinds: Any) -> None:
    """Anything else after except is a TypeError."""
    with pytest.raises(TypeError, match="except needs kinds"):
        handle(kinds, dana["inner"], "x")


@pytest.mark.parametrize(
    "kinds",
    [KINDS["Exception"], "Interrupt", "BaseException", "KeyboardInterrupt", ("Interrupt",), 5, None, Exception],
)
@pytest.mark.parametrize("stop", [Interrupt(InternalError("stop")), KeyboardInterrupt(), SystemExit(), GeneratorExit()])
def test_a_stop_is_never_caught(kinds: Any, stop: BaseException) -> None:
    """Whatever stands after except, a stop passes, and nothing takes its place (invariant 4)."""
    with pytest.raises(type(stop)) as passed:
        handle(kinds, host_failure, stop)
    assert passed.value is stop
    assert passed.value.__context__ is None


def test_sandbox_error(dana: dict[str, Any]) -> None:
    """SandboxError also catches what left a call, or an operator, but not what was raised right here."""
    sandbox = KINDS["SandboxError"]
    assert matches(sandbox, dana["outer"], "boom")
    assert matches("SandboxError", dana["divide"])

    def here(text: str) -> bool:
        scope: dict[str, Any] = {"_kinds_": _kinds_, "_exception_": _exception_, "sandbox": sandbox, **KINDS}
        body = f"try:\n    try:\n        {text}\n    except _kinds_(sandbox):\n        answer = True\n"
        exec(body + "except _kinds_('Exception'):\n    answer = False\n", scope)
        return bool(scope["answer"])

    assert here("1 + None")
    assert here("raise _exception_(SandboxError('x'))")
    assert not here("1 / 0")
    assert not here("raise _exception_('boom')")
    assert not here("raise _exception_(ValueError('x'))")


def test_capability_errors_can_be_caught() -> None:
    """A denial is an error like others for the program."""

    def denied() -> None:
        raise DanaCapabilityError("no", capability="llm", hint="ask")

    for name in ("DanaCapabilityError", "DanaSecurityError", "DanaError", "PermissionError", "Exception"):
        assert matches(KINDS[name], denied)
    assert caught(denied, trusted=True).message == "no (ask)"
    assert caught(denied, trusted=True).type == "DanaCapabilityError"


def test_import_errors() -> None:
    """A module that is no Dana text failed to be imported; other errors of modules keep their kind."""

    def fail(error: Exception) -> None:
        raise error

    assert matches(KINDS["ImportError"], fail, DanaSyntaxError("'=' is unexpected here"))
    assert matches("ImportError", fail, DanaImportError("no module"))
    assert matches(KINDS["SyntaxError"], fail, DanaSyntaxError("x"))
    assert not matches(KINDS["ImportError"], fail, ValueError("x"))


# -- records ---------------------------------------------------------------------------------------


def test_record(dana: dict[str, Any]) -> None:
    """Type, message, and places in the Dana frames only."""
    record = caught(dana["outer"], "boom")
    assert (record.type, record.message) == ("RuntimeError", "boom")
    assert record.traceback == ['File "m.na", line 6, in outer', 'File "m.na", line 3, in inner']
    assert (record.filename, record.line, record.column) == ("m.na", 3, 5)
    assert str(record) == 'RuntimeError: boom (File "m.na", line 3)'
    assert record.original is record
    assert record.to_dict()["message"] == "boom"
    assert set(record.to_dict()) == {"type", "message", "traceback", "filename", "line", "column", "source_line"}


def test_record_stays_as_caught(dana: dict[str, Any]) -> None:
    """Raising the error again further out does not change what the record tells."""
    record = caught(dana["inner"], "boom")
    again = caught(dana["call"], dana["inner"], record)
    assert again._exception is record._exception
    assert len(record.traceback) == 1
    assert len(again.traceback) == 3


def test_constructors_are_no_place(dana: dict[str, Any]) -> None:
    """An error inside a compiled constructor belongs to the line of the call."""
    exec(compile("def dana_init_P():\n    1 / 0\ndef build():\n    dana_init_P()", "m.na", "exec"), dana)
    assert caught(dana["build"]).traceback == ['File "m.na", line 4, in build']


def test_column_counts_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python counts bytes, the record characters."""
    text = "x = 'äöü' + (1 / 0)\n"
    monkeypatch.setattr("linecache.getline", lambda filename, line: text)
    scope: dict[str, Any] = {"__builtins__": {"_exception_": _exception_}}
    record = caught(exec, compile(text, "m.na", "exec"), scope)
    assert record.column == 14
    assert record.source_line == text.strip()


def test_record_without_place() -> None:
    """An error that was made and not raised has no place."""
    record = KINDS["ValueError"]("x")
    assert (record.line, record.column, record.filename, record.source_line, record.traceback) == (None,) * 4 + ([],)
    assert str(record) == "ValueError: x"


def test_nothing_of_python_is_reachable(dana: dict[str, Any]) -> None:
    """Public attributes of a record are text, numbers, lists of text, and the record itself."""
    record = caught(dana["outer"], "boom")
    for name in dir(record):
        if not name.startswith("_") and name != "to_dict":
            value = getattr(record, name)
            assert value is record or type(value) in (str, int, list, type(None))
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(record)


def test_messages_have_no_addresses(dana: dict[str, Any]) -> None:
    """Python's own messages quote values; addresses and keys are written our way."""
    f = function("lambda: 1")
    assert caught(lambda: {}[f], trusted=True).message == "<function <lambda>>"
    assert "is not in list" in caught(lambda: [1].index(f), trusted=True).message
    assert "0x" not in caught(lambda: [1].index(f), trusted=True).message
    assert caught(lambda: {}["k"], trusted=True).message == "'k'"
    assert caught(dana["inner"], "at 0x12").message == "at 0x12"


def test_near_names_in_messages() -> None:
    """Where Python itself complains about a name, the record tells the near one."""
    types = TypeRegistry()
    struct = declare(types, "P", total=("int", 1), name=("str", "n"))
    fields = " (fields: total: int, name: str)"
    record = caught(lambda: struct().totl, trusted=True)
    assert record.message == "Struct[P] has no attribute 'totl'; did you mean 'total'?"
    for call, message in (
        (lambda: struct(totl=1), "P has no field 'totl'; did you mean 'total'?"),
        (lambda: struct(1, "a", 3), "P takes at most 2 values"),
    ):
        assert caught(call, types=types, trusted=True).message == message + fields


class MarkedError(Exception):
    """An exception whose message its author shows to programs."""

    dana_visible = True


def test_host_messages_are_kept(dana: dict[str, Any]) -> None:
    """What a host's function says in its error is not for the program, unless it is marked or the module trusted."""
    secret = ValueError("password 123")
    record = caught(dana["call"], host_failure, secret)
    assert (record.type, record.message) == ("ValueError", "error in a host function")
    assert "123" not in str(record) + str(record.to_dict())
    assert caught(dana["call"], host_failure, secret, trusted=True).message == "password 123"
    assert caught(dana["call"], host_failure, MarkedError("shown")).message == "shown"
    # Behind a built-in of ours, too.
    behind = make_builtins(Environment())["sorted"]
    for key in (host_failure, lambda item: host_failure(secret)):
        assert caught(dana["call"], partial(behind, [secret, secret], key=key)).message == "error in a host function"
    # A callback of Dana that fails inside a host's function tells its own message.
    assert caught(dana["call"], lambda: dana["inner"]("own")).message == "own"
    # What the standard library says to our guards is no secret.
    assert caught(dana["call"], json.loads, "{").message.startswith("Expecting")


def test_dana_errors_by_name() -> None:
    """SandboxError belongs to the family of our errors."""
    assert issubclass(SandboxError, DanaError)
    assert str(SandboxError("x")) == "x"
    assert sys.exception() is None
