"""`on_capability` and the log: no effect without a record, in both tiers."""

from __future__ import annotations

import logging
import pickle
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dana_guards import capabilities, facades
from dana_guards.capabilities import Capability
from dana_guards.safe_builtins import Builtin
from opendxa.dana import CapabilityUse, DanaCapabilityError, DanaContext, DanaSecurityError

Make = Callable[..., DanaContext]
Write = Callable[[str, str], Path]

CALLS: dict[str, str] = {
    "read_file": "read_file('a.txt')",
    "load_csv": "load_csv('a.txt')",
    "load_json": "load_json('a.txt')",
    "list_dir": "list_dir('.')",
    "file_exists": "file_exists('a.txt')",
    "write_file": "write_file('b.txt', 'x')",
    "append_file": "append_file('b.txt', 'x')",
    "save_csv": "save_csv('b.csv', [])",
    "save_json": "save_json('b.json', 1)",
    "http_get": "http_get('http://nowhere.invalid/', timeout=0.1)",
    "http_post": "http_post('http://nowhere.invalid/', 'x', timeout=0.1)",
    "get_env": "get_env('DANA_TEST')",
    "reason": "reason('hello')",
    "context_aware_reason": "context_aware_reason('hello')",
    "llm": "llm('hello')",
    "set_model": "set_model('m')",
    "use": "use('mcp')",
    "get_resource": "get_resource('mcp')",
    "feedback": "feedback(1, 2)",
    "ring": "ring('front')",
    **{f"import {name}.py": f"import {name}.py" for name in facades.GRANTED},
}
ALL = ["file_read", "file_write", "network", "env", "llm", "python", "doorbell"]


@pytest.fixture(autouse=True)
def _doorbell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A capability that a host registers, a working folder, and no name server."""
    monkeypatch.setattr(capabilities, "_KNOWN", dict(capabilities.known()))
    monkeypatch.setattr(capabilities, "_HOST_ROWS", [])

    def make_ring(environment: Any) -> Any:
        def ring(door: str) -> str:
            environment.grants.require("doorbell", door, by="ring")
            return f"ding at {door}"

        return ring

    bell = Capability("doorbell", "ringing", parse_scope=str, suggest=str)
    capabilities.register(bell, [Builtin("ring", make_ring, "doorbell", "rings")])
    (tmp_path / "a.txt").write_text("1", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def nobody(*_: object, **__: object) -> Any:
        raise OSError("there is no name server")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)


@pytest.fixture(params=["thread", "process"])
def make(request: pytest.FixtureRequest, make_context: Make) -> Make:
    """Contexts of each tier."""
    return lambda **settings: make_context(isolation=request.param, **settings)


def test_every_capability_is_called_below() -> None:
    """The table has every built-in that needs a capability, and every façade that needs a grant."""
    rows = {row.name for row in capabilities.rows()}
    assert rows | {f"import {name}.py" for name in facades.GRANTED} == set(CALLS)


def test_no_use_without_a_record(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Each built-in and import tells the hook and the log of a use that is granted, with its place."""
    seen: list[CapabilityUse] = []
    context = make(allowed_capabilities=ALL, on_capability=seen.append, llm=lambda prompt, options: "fine")
    for name, call in CALLS.items():
        seen.clear()
        caplog.clear()
        with caplog.at_level(logging.INFO, "dana_guards.capability"):
            text = f"def go():\n    try:\n        {call}\n    except Exception as e:\n        e.message\ngo()"
            context.eval_dana(text)
        assert [(use.by, use.allowed) for use in seen] == [(name, True)], name
        use = seen[0]
        assert (use.module, use.function, use.line) == ("__main__", "go", 3), name
        assert use.file.startswith("<eval "), name
        assert use.grant == use.capability, name
        records = [record for record in caplog.records if record.name == "dana_guards.capability"]
        assert [(record.levelname, vars(record)["dana_by"]) for record in records] == [("INFO", name)], name
        assert vars(records[0])["dana_line"] == 3, name


def test_no_denial_without_a_record(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Each built-in and import tells of a denial, with the grant that would allow it."""
    seen: list[CapabilityUse] = []
    context = make(on_capability=seen.append)
    for name, call in CALLS.items():
        seen.clear()
        caplog.clear()
        with caplog.at_level(logging.INFO, "dana_guards.capability"), pytest.raises(DanaCapabilityError):
            context.eval_dana(call)
        assert [(use.by, use.allowed, use.grant) for use in seen] == [(name, False, None)], name
        assert capabilities.parse_grant(seen[0].needs).capability.name == seen[0].capability, name
        records = [record for record in caplog.records if record.name == "dana_guards.capability"]
        assert [(record.levelname, vars(record)["dana_allowed"]) for record in records] == [("WARNING", False)], name


def test_the_narrowest_grant_is_named(make: Make, tmp_path: Path) -> None:
    """A record names the file, the address or the variable alone, which suffices as a grant."""
    seen: list[CapabilityUse] = []
    context = make(allowed_capabilities=ALL, on_capability=seen.append)
    context.eval_dana("read_file('a.txt')\nget_env('HOME')\ntry:\n    http_get('http://x.test:81/')\nexcept: pass\n")
    needed = [use.needs for use in seen]
    assert needed == [f"file_read:{tmp_path / 'a.txt'}", "env:HOME", "network:x.test:81"]
    assert make(allowed_capabilities=needed).eval_dana("read_file('a.txt')") == "1"


def test_a_refusal_after_the_grant_is_on_record(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Links that lead out, addresses that are not public and names that could be loaded are denials too."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", 80))])
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "out").symlink_to(tmp_path / "a.txt")
    seen: list[CapabilityUse] = []
    context = make(
        allowed_capabilities=["network", "file_write", f"file_read:{tmp_path / 'in'}"], on_capability=seen.append
    )
    for call in ("http_get('http://inner.test/')", "write_file('x.na', '')", "read_file('in/out')"):
        seen.clear()
        with pytest.raises(DanaSecurityError):
            context.eval_dana(call)
        assert [use.allowed for use in seen] == [True, False], call
    assert seen[1].needs == f"file_read:{tmp_path / 'a.txt'}"


def test_what_a_broken_hook_stops(make: Make, tmp_path: Path) -> None:
    """If the hook raises, nothing is done, and the program learns the kind of the exception only."""

    def broken(use: CapabilityUse) -> None:
        raise OSError("the secret path of the log")

    context = make(allowed_capabilities=["file_write"], on_capability=broken)
    text = "try:\n    write_file('b.txt', 'x')\nexcept Exception as e:\n    r = [e.type, e.message]\nr"
    kind, message = context.eval_dana(text)
    assert (str(kind), str(message)) == (
        "DanaCapabilityError",
        "write_file was not done: on_capability of the host failed (OSError)",
    )
    assert not (tmp_path / "b.txt").exists()


def test_a_hook_may_refuse(make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A DanaCapabilityError of the hook reaches the program as it is, and the log says that nothing was done."""

    def refuse(use: CapabilityUse) -> None:
        raise DanaCapabilityError("not on Sundays", capability=use.capability)

    with caplog.at_level(logging.INFO), pytest.raises(DanaCapabilityError, match="not on Sundays"):
        make(allowed_capabilities=["file_write"], on_capability=refuse).eval_dana("write_file('b.txt', 'x')")
    assert [vars(record)["dana_allowed"] for record in caplog.records if "dana_by" in vars(record)] == [False]
    assert not (tmp_path / "b.txt").exists()


def test_a_hook_that_uses_its_own_context(make_context: Make) -> None:
    """Its uses are refused, else it would be called for ever; another context works."""
    seen: list[CapabilityUse] = []
    other = make_context(allowed_capabilities=["file_read"])

    def hook(use: CapabilityUse) -> None:
        seen.append(use)
        assert other.eval_dana("read_file('a.txt')") == "1"
        with pytest.raises(DanaCapabilityError, match="refused while on_capability runs"):
            context.eval_dana("read_file('a.txt')")

    context = make_context(allowed_capabilities=["file_read"], on_capability=hook)
    assert context.eval_dana("read_file('a.txt')") == "1"
    assert len(seen) == 1


def test_no_argument_forges_a_record(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Line breaks and escapes of the program are escaped in every field of the log, and long texts are cut."""
    nasty = "a\\n2026 INFO all is well\\x1b[2J\\u2028"
    context = make()
    with caplog.at_level(logging.INFO):
        for call in (f'read_file("{nasty}")', 'read_file("/" + "x" * 3000)'):
            with pytest.raises(DanaCapabilityError):
                context.eval_dana(call)
    for record in caplog.records:
        texts = [record.getMessage(), *map(str, vars(record).values())]
        assert not any(each in text for text in texts for each in "\n\x1b\u2028")
        assert all(len(text) <= 500 for name, text in vars(record).items() if name.startswith("dana_a") and text)
    assert "all is well" in caplog.text


def test_a_call_of_the_host_has_no_place(make_context: Make) -> None:
    """A built-in that the host calls itself is told without a place, also inside another context's call."""
    seen: list[CapabilityUse] = []
    context = make_context(allowed_capabilities=["file_read"], on_capability=seen.append)
    read = context.eval_dana("read_file")
    read("a.txt")
    make_context(functions={"go": lambda: str(read("a.txt"))}).eval_dana("def outer():\n    return go()\nouter()")
    assert [(use.module, use.file, use.line) for use in seen] == [("", "", 0)] * 2


def test_places_in_modules_and_comprehensions(make: Make, write: Write) -> None:
    """The module, its file and the function around a comprehension or a method are told."""
    write("readers.na", "struct R:\n    path: str\n\ndef (r: R) load():\n    return [read_file(p) for p in [r.path]]\n")
    seen: list[CapabilityUse] = []
    context = make(allowed_capabilities=["file_read"], on_capability=seen.append)
    context.eval_dana("import readers\nreaders.R(path='a.txt').load()")
    assert (seen[0].module, seen[0].function, seen[0].line) == ("readers", "load", 5)
    assert seen[0].file.endswith("readers.na")


def test_a_record_is_data() -> None:
    """It is frozen, can be pickled, and prints on one line."""
    use = CapabilityUse("env", "A\nB", False, "get_env", None, "env:A")
    assert pickle.loads(pickle.dumps(use)) == use
    assert str(use) == "get_env uses env 'A\\nB': denied, needs 'env:A'"
    with pytest.raises(AttributeError):
        use.allowed = True  # type: ignore[misc]


def test_a_hook_that_is_none(make_context: Make) -> None:
    """What cannot be called is refused when the context is made."""
    with pytest.raises(ValueError, match="on_capability is a function"):
        make_context(on_capability="print")


def test_the_host_learns_why_its_hook_failed(make: Make) -> None:
    """The exception of the hook is the cause of the error that the host gets, in each tier."""

    def broken(use: CapabilityUse) -> None:
        raise OSError("the disk is full")

    with pytest.raises(DanaCapabilityError) as caught:
        make(allowed_capabilities=["env"], on_capability=broken).eval_dana("get_env('HOME')")
    assert isinstance(caught.value.__cause__, OSError)


def test_the_text_of_a_hooks_exception_stays_with_the_host() -> None:
    """A worker is sent its kind only."""
    from opendxa.dana.process_errors import error_data

    def broken(use: CapabilityUse) -> None:
        raise OSError("the secret path of the log")

    with pytest.raises(DanaCapabilityError) as caught:
        capabilities.Grants(["env"], broken).require("env", "HOME")
    sent = error_data(caught.value, hide_foreign=True)
    assert "secret" not in repr(sent)
    assert sent["cause"]["kinds"][0] == "OSError"
