"""Audits: the least policy that a run needed suffices for that run, and proposes nothing that was denied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opendxa.dana import CapabilityUse, DanaAudit, DanaCapabilityError, DanaContext, DanaPolicy, DanaRuntimeError

Make = Callable[..., DanaContext]
Write = Callable[[str, str], Path]

PROGRAM = """
import helper
import hashlib.py
r = [helper.load("data/x.txt"), *list(map(read_file, ["data/y.txt"])), helper.give()("DANA_TEST_WORD")]
try:
    get_env("HOME")
except Exception:
    pass
r
"""


@pytest.fixture
def folder(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with data and a module that hands out one of its built-ins."""
    write("data/x.txt", "x")
    write("data/y.txt", "y")
    write("helper.na", "def load(p):\n    return read_file(p)\ndef give():\n    return get_env\n")
    write("idle.na", "x = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DANA_TEST_WORD", "word")
    return tmp_path


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_the_least_policy_suffices(make_context: Make, folder: Path, isolation: str) -> None:
    """The proposal has the narrowest grants for each module, and the same run works with it."""
    audit = DanaAudit()
    granted = ["file_read", "env:DANA_TEST_WORD", "python", "network"]
    assert make_context(audit=audit, allowed_capabilities=granted, isolation=isolation).eval_dana(PROGRAM) == [
        "x", "y", "word",
    ]  # fmt: skip
    policy = audit.policy()
    x, y = (f"file_read:{folder / 'data' / name}" for name in ("x.txt", "y.txt"))
    assert policy == DanaPolicy(
        ["env:DANA_TEST_WORD", "python:hashlib", x, y],
        modules={"__main__": [y, "python:hashlib"], "helper": [x, "env:DANA_TEST_WORD"], "*": []},
    )
    assert audit.denied == ("env:HOME",)
    assert audit.unneeded(granted) == ["network"]
    assert make_context(policy=policy, isolation=isolation).eval_dana(PROGRAM) == ["x", "y", "word"]
    with pytest.raises(DanaCapabilityError):
        make_context(policy=policy, isolation=isolation).eval_dana("import helper\nhelper.load('data/y.txt')")


def test_the_text_of_an_audit(make_context: Make, folder: Path) -> None:
    """It is a policy, as seen from its folder, and says where each grant was used, what was denied and what was not
    needed.
    """
    audit = DanaAudit()
    granted = ["file_read", "env:DANA_TEST_WORD", "python", "network"]
    make_context(audit=audit, allowed_capabilities=granted).eval_dana(PROGRAM, filename="prog.na")
    text = audit.to_toml(folder, granted, timeout="5s")
    assert DanaPolicy.loads(text, folder) == audit.policy(timeout="5s")
    for line in (
        '# Granted and not needed: "network".',
        '#   "env:HOME", prog.na:6 in <module>: get_env',
        '    # helper.na:2 in load: read_file\n    "file_read:data/x.txt",',
        'timeout = "5s"',
    ):
        assert line in text


def test_an_audit_grants_nothing(make_context: Make, folder: Path) -> None:
    """Without grants nothing is done, and nothing is proposed."""
    audit = DanaAudit()
    with pytest.raises(DanaCapabilityError):
        make_context(audit=audit).eval_dana("read_file('data/x.txt')")
    assert audit.policy() == DanaPolicy(modules={"*": []})
    assert audit.denied == (f"file_read:{folder / 'data/x.txt'}",)


def test_what_a_hook_refuses_is_denied(make_context: Make, folder: Path) -> None:
    """A use that the hook stops is no need."""

    def refuse(use: CapabilityUse) -> None:
        raise DanaCapabilityError("no")

    audit = DanaAudit()
    context = make_context(audit=audit, on_capability=refuse, allowed_capabilities=["file_read"])
    with pytest.raises(DanaCapabilityError, match="no"):
        context.eval_dana("read_file('data/x.txt')")
    assert audit.policy().allowed_capabilities == ()


def test_no_argument_writes_into_the_policy(make_context: Make, folder: Path) -> None:
    """Quotes, line breaks and brackets of a program stay inside of the text that they are."""
    audit = DanaAudit()
    context = make_context(audit=audit, allowed_capabilities=["file_read", "env:A"])
    nasty = ['a"]\nisolation = "thread', "b\n[modules.x]\nallowed_capabilities = ['llm']", "~c", "d # e", "\u2028f"]
    for name in nasty:
        context.eval_dana(f"file_exists({name!r})")
        with pytest.raises((DanaCapabilityError, DanaRuntimeError)):  # no variable has a name with "="
            context.eval_dana(f"get_env({name!r})")
    text = audit.to_toml(folder)
    policy = DanaPolicy.loads(text, folder)
    assert policy == audit.policy()
    assert policy.isolation is None
    assert set(policy.modules) == {"*"}
    assert len(policy.allowed_capabilities) == len(nasty)
    assert all(line[:1] in ("#", "", "a", " ", "[", "]") for line in text.split("\n"))


def test_a_policy_is_audited_too(make_context: Make, folder: Path) -> None:
    """Module tables hold while their use is audited."""
    audit = DanaAudit()
    policy = DanaPolicy(["file_read"], modules={"helper": []})
    context = make_context(audit=audit, policy=policy)
    with pytest.raises(DanaCapabilityError):
        context.eval_dana("import helper\nhelper.load('data/x.txt')")
    context.eval_dana("read_file('data/x.txt')")
    assert dict(audit.policy().modules) == {"*": ()}


def test_what_is_no_audit(make_context: Make) -> None:
    """It is refused when the context is made."""
    wrong: Any = print
    with pytest.raises(ValueError, match="audit is a DanaAudit"):
        make_context(audit=wrong)
