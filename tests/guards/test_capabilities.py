"""Grants: what the host may write, and what a denial says."""

from __future__ import annotations

from typing import Any

import pytest
from support_environment import FakeEnvironment, table

from dana_guards import capabilities
from dana_guards.capabilities import Capability, CapabilityUse, Grants, parse_grant, register
from dana_guards.errors import DanaCapabilityError
from dana_guards.safe_builtins import Builtin, make_table

GOOD = [
    "file_read",
    "file_write",
    "network",
    "env",
    "llm",
    "python",
    "file_read:/data",
    "file_read:data/in",
    "file_write:.",
    "network:example.com",
    "network:example.com:8080",
    "network:127.0.0.1",
    "network:[::1]:80",
    "network:::1",
    "env:HOME",
    "python:math",
    "python:math.py",
]


@pytest.mark.parametrize("text", GOOD)
def test_good_grants(text: str) -> None:
    """Every documented form is accepted and kept as it was written."""
    assert list(Grants([text])) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "file_reed",
        "",
        "file_read:",
        "file_read: ",
        "file_read:a\0b",
        "File_read",
        " file_read",
        "network:",
        "network:exa mple",
        "network:host:0",
        "network:host:99999",
        "network:host:port",
        "network:http://x",
        "network:127.1",
        "network:2130706433",
        "env:",
        "env:A=B",
        "llm:gpt",
        "python:os",
        "python:../x",
        "python:",
        "*",
        None,
        5,
        b"file_read",
    ],
)
def test_bad_grants_are_value_errors(text: Any) -> None:
    """Unknown words, empty scopes and impossible scopes are errors of the host (threat model 5.7)."""
    with pytest.raises(ValueError, match=r"."):
        parse_grant(text)


def test_a_near_name_is_suggested() -> None:
    """``file_reed`` asks whether ``file_read`` was meant, and lists what there is."""
    with pytest.raises(ValueError, match="did you mean 'file_read'"):
        Grants(["file_reed"])


def test_one_text_is_no_list() -> None:
    """A single text would be read letter by letter; it is refused."""
    with pytest.raises(ValueError, match=r"\['network'\]"):
        Grants("network")


def test_grants_cannot_be_changed() -> None:
    """No attribute can be set or deleted."""
    grants = Grants(["llm"])
    for attempt in (lambda: setattr(grants, "_by_name", {}), lambda: delattr(grants, "_by_name")):
        with pytest.raises(AttributeError):
            attempt()


CALLS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "read_file": ("file_read", ("a.txt",)),
    "load_csv": ("file_read", ("a.csv",)),
    "load_json": ("file_read", ("a.json",)),
    "list_dir": ("file_read", (".",)),
    "file_exists": ("file_read", ("a.txt",)),
    "write_file": ("file_write", ("a.txt", "x")),
    "append_file": ("file_write", ("a.txt", "x")),
    "save_csv": ("file_write", ("a.csv", [])),
    "save_json": ("file_write", ("a.json", 1)),
    "http_get": ("network", ("http://example.com/",)),
    "http_post": ("network", ("http://example.com/", "x")),
    "get_env": ("env", ("HOME",)),
    "reason": ("llm", ("hello",)),
    "context_aware_reason": ("llm", ("hello",)),
    "llm": ("llm", ("hello",)),
    "set_model": ("llm", ("m",)),
    "use": ("llm", ("mcp",)),
    "get_resource": ("llm", ("mcp",)),
    "feedback": ("llm", (1, 2)),
}


def test_every_capability_row_is_tried() -> None:
    """The list below holds every builtin that needs a capability, and the right one."""
    assert {row.name: row.needs for row in capabilities.rows()} == {name: needs for name, (needs, _) in CALLS.items()}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_denied_by_default(name: str) -> None:
    """Without a grant each raises DanaCapabilityError that names capability, argument and the grant."""
    capability, arguments = CALLS[name]
    with pytest.raises(DanaCapabilityError) as caught:
        table()[name](*arguments)
    assert caught.value.capability == capability
    assert f"{name} needs the capability '{capability}'" in str(caught.value)
    assert f'allowed_capabilities=["{capability}"] would grant it' in str(caught.value)
    assert isinstance(caught.value, PermissionError)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_other_grants_do_not_help(name: str) -> None:
    """A grant opens its own capability only."""
    capability, arguments = CALLS[name]
    others = [each for each in ("file_read", "file_write", "network", "env", "llm", "python") if each != capability]
    with pytest.raises(DanaCapabilityError):
        table(*others)[name](*arguments)


def test_a_denial_names_the_narrow_scope() -> None:
    """Where some scope is granted, the hint is the scope that is missing."""
    with pytest.raises(DanaCapabilityError, match=r'allowed_capabilities=\["env:B"\]'):
        table("env:A")["get_env"]("B")
    with pytest.raises(DanaCapabilityError, match=r'allowed_capabilities=\["network:b.test"\]'):
        table("network:a.test")["http_get"]("http://b.test/")


def test_audit_sees_every_use() -> None:
    """The hook gets capability, argument and answer, for grants and for denials."""
    seen: list[CapabilityUse] = []
    environment = FakeEnvironment()
    environment.grants = Grants(["env:A"], on_capability=seen.append)
    builtins = make_table(environment)
    builtins["get_env"]("A")  # type: ignore[operator]
    with pytest.raises(DanaCapabilityError):
        builtins["get_env"]("B")  # type: ignore[operator]
    assert seen == [
        CapabilityUse("env", "A", True, "get_env", "env:A", "env:A"),
        CapabilityUse("env", "B", False, "get_env", None, "env:B"),
    ]


def test_a_failing_audit_lets_nothing_through() -> None:
    """If the audit raises, the effect does not happen, and the program learns the kind of the exception only."""

    def broken(use: CapabilityUse) -> None:
        raise OSError("audit log is full")

    environment = FakeEnvironment()
    environment.grants = Grants(["env"], on_capability=broken)
    with pytest.raises(DanaCapabilityError, match=r"was not done: on_capability of the host failed \(OSError\)$"):
        make_table(environment)["get_env"]("PATH")  # type: ignore[operator]


def test_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """``get_env`` reads the granted name; an unset one gives the default."""
    monkeypatch.setenv("DANA_TEST_VALUE", "7")
    get = table("env:DANA_TEST_VALUE")["get_env"]
    assert get("DANA_TEST_VALUE") == "7"
    assert table("env")["get_env"]("DANA_TEST_UNSET", "x") == "x"
    for wrong in (None, 5, "", "A=B", "a\0"):
        with pytest.raises(TypeError):
            get(wrong)


def test_a_host_registers_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A capability of the host denies by default and opens by its name, like ours."""
    monkeypatch.setattr(capabilities, "_KNOWN", dict(capabilities.known()))
    monkeypatch.setattr(capabilities, "_HOST_ROWS", [])

    def make_ring(environment: Any) -> Any:
        def ring(door: str) -> str:
            environment.grants.require("doorbell", door, by="ring")
            return f"ding at {door}"

        return ring

    bell = Capability("doorbell", "ringing", parse_scope=str, suggest=str)
    register(bell, [Builtin("ring", make_ring, "doorbell", "rings")])
    with pytest.raises(DanaCapabilityError, match="doorbell"):
        table()["ring"]("front")
    assert table("doorbell:front")["ring"]("front") == "ding at front"
    with pytest.raises(ValueError, match="cannot be the name"):
        register(bell)
