"""Recordings: a replay answers as the world did, without it; what does not fit ends the run; nothing planted runs."""

from __future__ import annotations

import json
import os
import socket
import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dana_guards import capabilities
from dana_guards.capabilities import Capability
from dana_guards.effect_values import decode, encode
from dana_guards.safe_builtins import Builtin
from opendxa.dana import (
    DanaCapabilityError,
    DanaContext,
    DanaPolicy,
    DanaReplayError,
    DanaReplayWarning,
    DanaRuntime,
    DanaRuntimeError,
)

Make = Callable[..., DanaContext]
CAPS = ["file_read", "file_write", "network", "llm", "python"]

PROGRAM = """
import random.py
import datetime.py
import uuid.py
out = [random.random(), uuid.uuid4(), str(datetime.datetime.now()), str(datetime.date.today())]
out.append(str(datetime.datetime.now(datetime.UTC) - datetime.datetime.now(datetime.UTC))[:8])
out.append(read_file("x.txt"))
for call in [lambda :: read_file("none"), lambda :: get_env("HOME"), lambda :: http_get("http://a.test/")]:
    try:
        call()
    except Exception as e:
        out.append([str(e.type), e.message])
out.append([llm("hello"), reason("how many?", temperature=0.5)])
write_file("out.txt", "o")
save_csv("out.csv", [{"a": 1}])
out.append(load_csv("out.csv"))
out.append(list_dir("."))
random.seed()
out.append(random.randint(1, 10 ** 9))
out
"""


@pytest.fixture(autouse=True)
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to work in, with one file, and no name server."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "x.txt").write_text("x", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "work")

    def nobody(*_: object, **__: object) -> Any:
        raise OSError("there is no name server")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)


@pytest.fixture
def run(make_context: Make, tmp_path: Path) -> Callable[..., Any]:
    """Run a text in a context that is closed afterwards."""

    def run_text(text: str, **more: Any) -> Any:
        with make_context(**{"allowed_capabilities": CAPS, "llm": lambda prompt, options: "42", **more}) as context:
            result = context.eval_dana(text)
            return list(result) if isinstance(result, list) else result

    return run_text


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """The path of a recording."""
    return tmp_path / "run.jsonl"


@pytest.mark.parametrize(("first", "second"), [("thread", "thread"), ("thread", "process"), ("process", "thread")])
def test_a_replay_is_the_run(
    run: Callable[..., Any], tape: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    """All answers and errors are those of the run, in each tier, elsewhere, and without files, network and model."""
    recorded = run(PROGRAM, record=tape, isolation=first)
    assert stat.S_IMODE(tape.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run(PROGRAM, replay=tape, isolation=second, llm=None) == recorded
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert recorded[5:9] == [
        "x",
        ["FileNotFoundError", "no such file or directory: 'none'"],
        recorded[7],
        ["ConnectionError", "the host 'a.test' is not known"],
    ]
    assert recorded[7][0] == "DanaCapabilityError"


def test_every_capability_is_recorded(run: Callable[..., Any], tape: Path) -> None:
    """No built-in that needs a capability reaches the world in a replay: a recording without effects stops each."""
    from test_capability_uses import CALLS

    run("1", record=tape)
    for name, call in CALLS.items():
        if not name.startswith("import ") and name != "ring":
            with pytest.raises(DanaReplayError, match=f"no more effects, and the program asks for {name}"):
                run(call, replay=tape, allowed_capabilities=[*CAPS, "env"])


MISMATCHES = {
    "read_file('y.txt')": r'line 2 is read_file\("x.txt"\), and the program asks for read_file\("y.txt"\)',
    "file_exists('x.txt')": r'line 2 is read_file\("x.txt"\), and the program asks for file_exists\("x.txt"\)',
    "read_file(path='x.txt')": r'the program asks for read_file\(path="x.txt"\)',
    "import random.py\nrandom.random()": "and the program asks for random",
    "read_file('x.txt')\nread_file('x.txt')": "it has no more effects, and the program asks for read_file",
}


@pytest.mark.parametrize("text", MISMATCHES)
def test_what_does_not_fit_ends_the_run(run: Callable[..., Any], tape: Path, text: str) -> None:
    """The error says what was recorded and what was asked for, and no handler of the program keeps it."""
    run("read_file('x.txt')", record=tape)
    body = "".join(f"    {line}\n" for line in text.split("\n") if not line.startswith("import"))
    imports = "".join(f"{line}\n" for line in text.split("\n") if line.startswith("import"))
    caught = f"{imports}try:\n{body}except Exception:\n    pass\nfinally:\n    1\n'went on'"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DanaReplayWarning)  # what was recorded is left where something else was asked
        with pytest.raises(DanaReplayError, match=MISMATCHES[text]):
            run(caught, replay=tape)


def test_what_is_left_is_told(run: Callable[..., Any], tape: Path) -> None:
    """Effects that the program did not ask for are a warning when the context ends."""
    run("read_file('x.txt')\nread_file('x.txt')\nfile_exists('q')", record=tape)
    with pytest.warns(DanaReplayWarning, match=r'2 recorded effects of .* the first is read_file\("x.txt"\)'):
        assert run("read_file('x.txt')", replay=tape) == "x"


def test_grants_count_in_a_replay(run: Callable[..., Any], tape: Path, tmp_path: Path) -> None:
    """A replay needs the grants of the run, asked of the module that holds them; other denials fit no more."""
    (tmp_path / "guest.na").write_text("def load():\n    return read_file('x.txt')\n", encoding="utf-8")
    text = "import guest\nguest.load()"
    run(text, record=tape, allowed_capabilities=["file_read:."])
    assert run(text, replay=tape, allowed_capabilities=["file_read:x.txt"]) == "x"
    for narrow in (["file_read:y.txt"], ["file_write"], []):
        with pytest.raises(DanaCapabilityError, match=r"read_file needs the capability 'file_read' for 'x\.txt'"):
            run(text, replay=tape, allowed_capabilities=narrow)
    policy = DanaPolicy(["file_read"], modules={"guest": []})
    for isolation in ("thread", "process"):
        with pytest.raises(DanaCapabilityError):
            run(text, replay=tape, policy=policy, allowed_capabilities=None, isolation=isolation)
    run("try:\n    get_env('A')\nexcept Exception:\n    pass", record=tape)
    with pytest.raises(DanaReplayError, match="get_env was denied 'env:A' when it was recorded, and is granted it now"):
        run("get_env('A')", replay=tape, allowed_capabilities=["env"])


def test_uses_are_told_in_a_replay(run: Callable[..., Any], tape: Path) -> None:
    """Hook and audit hear of a replay what they heard of the run."""
    heard: list[list[Any]] = [[], []]
    for number, how in enumerate(("record", "replay")):
        hook = heard[number].append
        run(
            "try:\n    get_env('A')\nexcept Exception:\n    read_file('x.txt')",
            on_capability=lambda use, hook=hook: hook((use.by, use.argument, use.allowed, use.line)),
            **{how: tape},
        )
    assert heard[0] == heard[1] == [("get_env", "A", False, 2), ("read_file", "x.txt", True, 4)]


def test_a_capability_of_the_host(run: Callable[..., Any], tape: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a host registers is recorded; an answer that is no data ends the run; its exceptions keep their text."""
    monkeypatch.setattr(capabilities, "_KNOWN", dict(capabilities.known()))
    monkeypatch.setattr(capabilities, "_HOST_ROWS", [])
    rings: list[str] = []

    def make_ring(environment: Any) -> Any:
        def ring(door: str) -> Any:
            environment.grants.require("doorbell", door, by="ring")
            rings.append(door)
            if door == "wrong":
                raise ValueError("the host's secret")
            return print if door == "odd" else {"door": door, 1: (2, {3})}

        return ring

    bell = Capability("doorbell", "ringing", parse_scope=str, suggest=str)
    capabilities.register(bell, [Builtin("ring", make_ring, "doorbell", "rings")])
    text = "r = str(ring('front'))\ntry:\n    ring('wrong')\nexcept ValueError as e:\n    r += e.message\nr"
    first = run(text, record=tape, allowed_capabilities=["doorbell:front", "doorbell:wrong"])
    assert run(text, replay=tape, allowed_capabilities=["doorbell"]) == first
    assert rings == ["front", "wrong"]
    assert "secret" not in tape.read_text()
    with pytest.warns(DanaReplayWarning, match='ring."wrong"'), pytest.raises(DanaCapabilityError):
        run(text, replay=tape, allowed_capabilities=["doorbell:back"])
    with pytest.raises(DanaReplayError, match="what ring gave cannot be recorded: it has a value of type"):
        run("ring('odd')", record=tape, allowed_capabilities=["doorbell"])


def test_what_a_provider_does_is_its_own_affair(make_context: Make, tape: Path) -> None:
    """Effects of Dana code that a model's provider runs meanwhile are part of the model's answer."""
    context = make_context(
        record=tape, allowed_capabilities=CAPS, llm=lambda prompt, options: str(context.eval_dana("read_file('x.txt')"))
    )
    assert context.eval_dana("llm('hello')") == "x"
    context.cleanup()
    with make_context(replay=tape, allowed_capabilities=CAPS) as again:
        assert again.eval_dana("llm('hello')") == "x"


# -- damage ------------------------------------------------------------------------------------------------------

_USE = ["file_read", "x.txt", "file_read:x.txt", "read_file", True]
_CALL = {"call": "read_file", "arguments": ["x.txt"], "named": {}, "uses": [_USE], "result": "planted"}
PLANTED: dict[str, Any] = {
    "no object": 3,
    "no call": {"eval": "1"},
    "no arguments": {**_CALL, "arguments": "x.txt"},
    "an unknown tag": {**_CALL, "result": {"$python": "os.system"}},
    "a tag with more": {**_CALL, "result": {"$int": "1", "x": 1}},
    "a struct as a result": {**_CALL, "result": {"$struct": ["P", {}]}},
    "a huge number": {**_CALL, "result": {"$int": "f" * 1_000_001}},
    "a float that is none": {**_CALL, "result": {"$float": "1e999"}},
    "pairs that are none": {**_CALL, "result": {"$dict": [1]}},
    "keys that no dict has": {**_CALL, "result": {"$dict": [[[], 1]]}},
    "result and error": {**_CALL, "error": {"kind": "ValueError"}},
    "a key that no call has": {**_CALL, "extra": 1},
    "an exception that Dana has not": {**_CALL, "result": None, "error": {"kind": "SystemExit"}},
    "a use that is none": {**_CALL, "uses": [["file_read"]]},
    "an unknown capability": {**_CALL, "uses": [["root", "x", "root", "read_file", True]]},
    "a grant of another": {**_CALL, "uses": [["file_read", "x", "env:A", "read_file", True]]},
    "a use without a grant": {**_CALL, "uses": [["file_read", "x", "", "read_file", True]]},
    "an unknown source": {"source": "dice", "value": 4},
    "a clock that is none": {"source": "clock", "value": "now"},
    "chance that is no number": {"source": "random", "value": "4"},
    "an identifier that is none": {"source": "uuid4", "value": "x" * 36},
}


def _plant(tape: Path, *lines: Any) -> None:
    texts = [json.dumps(line, separators=(",", ":")) for line in lines]
    ends = json.dumps({"end": len(lines)}, separators=(",", ":"))
    tape.write_text("\n".join(['{"dana2py":"effects","version":1}', *texts, ends, ""]))


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_recording(run: Callable[..., Any], tape: Path, what: str) -> None:
    """A line that no recording has is an error with its number before anything runs."""
    _plant(tape, _CALL, PLANTED[what])
    with pytest.raises(ValueError, match=r"run\.jsonl:3: this is no line of a recording"):
        run("1", replay=tape)


def test_a_recording_cannot_grant(run: Callable[..., Any], tape: Path) -> None:
    """The harmless twin is an answer; without the use that it needs, or for others, it is refused."""
    _plant(tape, _CALL)
    assert run("read_file('x.txt')", replay=tape) == "planted"
    _plant(tape, {**_CALL, "uses": []})
    with pytest.raises(DanaReplayError, match="gives read_file an answer without its capability"):
        run("read_file('x.txt')", replay=tape)
    _plant(tape, {**_CALL, "uses": [["env", "A", "env:A", "read_file", True], _USE]})
    with pytest.raises(DanaCapabilityError, match="capability 'env'"):
        run("read_file('x.txt')", replay=tape)


def test_damaged_files(run: Callable[..., Any], tape: Path, tmp_path: Path) -> None:
    """What is cut, lengthened, empty, no text, no file or of another version is an error that says so."""
    run("read_file('x.txt')\nread_file('x.txt')", record=tape)
    whole = tape.read_bytes()
    lines = whole.splitlines(keepends=True)
    for damaged in (
        b"", b"\xff", b"{}", whole[:-1], whole[:-20], b"".join(lines[:2] + lines[3:]), whole + lines[1],
        whole.replace(b'"version":1', b'"version":2'), b"[" * 100_000, b"".join(lines[:-1]),
    ):  # fmt: skip
        tape.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"run\.jsonl"):
            run("1", replay=tape)
    tape.write_bytes(lines[0] + b'{"call":"read_file","arguments":[' + b"[" * 100_000 + b'\n{"end":1}\n')
    with pytest.raises(ValueError, match="no line of a recording"):
        run("1", replay=tape)
    os.mkfifo(tmp_path / "pipe")
    for missing, kind in ((tmp_path / "none", OSError), (tmp_path, OSError), (tmp_path / "pipe", ValueError)):
        with pytest.raises(kind):
            run("1", replay=missing)
    for wrong in ({"record": tmp_path / "no" / "folder"}, {"record": tmp_path}):
        with pytest.raises(OSError, match=r"."):
            run("1", **wrong)
    for unclear in ({"record": tape, "replay": tape}, {"record": 3}):
        with pytest.raises(ValueError, match=r"exclude|path of a file"):
            run("1", **unclear)


def test_recordings_appear_at_the_end(make_context: Make, tape: Path, tmp_path: Path) -> None:
    """Until then an older one stays, and links at its name are replaced, not written through; failed runs count."""
    victim = tmp_path / "victim"
    victim.write_text("v")
    tape.symlink_to(victim)
    context = make_context(record=tape, allowed_capabilities=CAPS)
    with pytest.raises(DanaRuntimeError):
        context.eval_dana("read_file('x.txt')\n1 / 0")
    assert tape.is_symlink()
    context.cleanup()
    context.cleanup()
    assert not tape.is_symlink()
    assert victim.read_text() == "v"
    assert len(tape.read_text().splitlines()) == 3
    make_context(record=tape).cleanup()  # one that was never used
    assert len(tape.read_text().splitlines()) == 2
    with pytest.raises(ValueError, match="functions"):
        make_context(record=tmp_path / "other", functions={"1": print})
    assert [path.name for path in tmp_path.iterdir() if "other" in path.name] == []


def test_tenants_record_single_contexts(tape: Path) -> None:
    """One recording is of one context."""
    with pytest.raises(ValueError, match="record= is for one context"):
        DanaRuntime().tenant("ann", record=tape)
    with DanaRuntime().tenant("ann", allowed_capabilities=["file_read"]) as tenant:
        with tenant.create_context(record=tape) as context:
            context.eval_dana("read_file('x.txt')")
        with tenant.create_context(replay=tape) as context:
            assert context.eval_dana("read_file('x.txt')") == "x"


_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**1300, 10**1301) | st.floats(allow_nan=False)
    | st.text() | st.text(st.characters(categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.lists(inner).map(tuple)
    | st.dictionaries(st.integers() | st.sampled_from(["$int", "$x"]), inner) | st.sets(st.integers() | st.text()),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(_DATA)
def test_values_are_kept(value: Any) -> None:
    """What is encoded is JSON, and decoded as the same value, types and all."""
    again = decode(json.loads(json.dumps(encode(value), allow_nan=False)))
    assert again == value
    assert repr(type(again)) == repr(type(value))
    assert str(decode(encode(float("nan")))) == "nan"
