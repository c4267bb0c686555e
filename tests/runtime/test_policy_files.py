"""Policies as files: what is read, what is an error, what two of them differ in, and what bounds a context."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dana_guards.capabilities import Grants
from dana_guards.limits import parse_size, parse_time
from opendxa.dana import DanaCapabilityError, DanaContext, DanaPolicy, DanaTimeoutError
from opendxa.dana.policy import size_text, time_text

Make = Callable[..., DanaContext]

WHOLE = """\
allowed_capabilities = ["file_read:data", "network:api.example.org:443", "env:HOME"]
isolation = "process"

[limits]
timeout = "10s"
max_memory = "100MB"

[modules."analytics"]
allowed_capabilities = ["file_read:data/analytics"]

[modules."*"]
allowed_capabilities = []
"""


def test_a_whole_policy(tmp_path: Path) -> None:
    """Folders are seen from the file; the text says the same again, in full or as seen from a folder."""
    path = tmp_path / "policy.toml"
    path.write_text(WHOLE, encoding="utf-8")
    policy = DanaPolicy.load(path)
    assert policy.allowed_capabilities == ("env:HOME", f"file_read:{tmp_path / 'data'}", "network:api.example.org:443")
    assert dict(policy.modules) == {"analytics": (f"file_read:{tmp_path / 'data/analytics'}",), "*": ()}
    assert (policy.timeout, policy.max_memory, policy.max_output, policy.isolation) == ("10s", "100MB", None, "process")
    assert DanaPolicy.loads(policy.to_toml()) == policy
    assert '"file_read:data/analytics"' in policy.to_toml(tmp_path)
    assert DanaPolicy.loads(policy.to_toml(tmp_path), tmp_path) == policy
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert hash(DanaPolicy.load(path)) == hash(policy)


def test_an_empty_policy_allows_nothing(make_context: Make) -> None:
    """No text is a policy without capabilities and without limits of its own."""
    policy = DanaPolicy.loads("")
    assert policy == DanaPolicy()
    with pytest.raises(DanaCapabilityError):
        make_context(policy=policy).eval_dana("get_env('HOME')")


WRONG = {
    "allowed_capability = []": "<policy>:1: a policy has no key 'allowed_capability'; did you mean 'allowed_capabil",
    'timeout = "1s"': "<policy>:1: a policy has no key 'timeout'; it belongs into [limits]",
    '[limits]\ntimeout = "soon"': "<policy>:2: timeout: 'soon' is not a time",
    "[limits]\nmax_memory = -1": "<policy>:2: max_memory: -1 is not a size",
    '[limits]\nmax_memroy = "1GB"': "<policy>:2: [limits] has no key 'max_memroy'; did you mean 'max_memory'?",
    'allowed_capabilities = [\n  "env",\n  "file_reed:x",\n]': "<policy>:3: allowed_capabilities: unknown capability",
    'allowed_capabilities = ["env:"]': "<policy>:1: allowed_capabilities: the scope of 'env:' is empty",
    'allowed_capabilities = "env"': "<policy>:1: allowed_capabilities is a list of texts",
    "allowed_capabilities = [1]": "<policy>:1: allowed_capabilities is a list of texts",
    'isolation = "proces"': "<policy>:1: isolation: isolation='proces': give",
    "isolation = 3": "<policy>:1: isolation: isolation=3: give",
    "limits = 3": "<policy>:1: limits is a table",
    "[modules]\na = 3": "<policy>:2: a module is a table",
    "[modules.a]\nallow = []": "<policy>:2: [modules.\"a\"] has no key 'allow'",
    "[modules.a]": '<policy>:1: [modules."a"] needs allowed_capabilities; [] is none',
    '[modules."../a"]\nallowed_capabilities = []': "<policy>:1: modules: '../a' is no module",
    '[modules.a]\nallowed_capabilities = ["env"]': "has the capability 'env', which the policy itself does not have",
    "a = [": "<policy>: this is not TOML",
    "x = 1\n\ny = = 2": "<policy>:3: this is not TOML",
    'allowed_capabilities = ["file_read:~/x"]': "'~/x' begins with '~'",
    'allowed_capabilities = ["file_read:data/../../etc"]': "has '..' behind a folder",
    'allowed_capabilities = ["file_read:/data/../etc"]': "has '..' behind a folder",
    'allowed_capabilities = ["file_read:a\\u0000b"]': "is not a directory",
}


@pytest.mark.parametrize("text", WRONG)
def test_errors_say_where_and_what(text: str) -> None:
    """What is not understood is an error with the line, and the near key."""
    with pytest.raises(ValueError, match=r"^<policy>") as caught:
        DanaPolicy.loads(text)
    assert WRONG[text] in str(caught.value)


def test_files_that_are_no_policies(tmp_path: Path) -> None:
    """Bytes that are no text, huge files and missing ones are errors with the name of the file."""
    path = tmp_path / "policy.toml"
    path.write_bytes(b"# ok\n# \xff\n")
    with pytest.raises(ValueError, match=r"policy\.toml:2: the file is not UTF-8"):
        DanaPolicy.load(path)
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ValueError, match="at most 1000000 bytes"):
        DanaPolicy.load(path)
    with pytest.raises(FileNotFoundError):
        DanaPolicy.load(tmp_path / "none.toml")
    path.write_text("a = " + "[" * 5000, encoding="utf-8")
    with pytest.raises(ValueError, match="policy"):
        DanaPolicy.load(path)


def test_folders_above_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``..`` at the beginning leads up from the real folder of the file, wherever the process works."""
    (tmp_path / "deep" / "policies").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "policies")
    (tmp_path / "deep" / "policies" / "p.toml").write_text(
        'allowed_capabilities = ["file_read:../data", "file_write:."]', encoding="utf-8"
    )
    monkeypatch.chdir("/")
    policy = DanaPolicy.load(tmp_path / "link" / "p.toml")
    assert policy.allowed_capabilities == (
        f"file_read:{tmp_path / 'deep' / 'data'}",
        f"file_write:{tmp_path / 'deep' / 'policies'}",
    )


# -- texts ------------------------------------------------------------------------------------------------------

_LETTERS = st.characters(blacklist_categories=["Cs"], blacklist_characters="\0/")
_NAMES = st.text(_LETTERS, min_size=1, max_size=20).filter(
    lambda name: name.strip() not in ("", ".", "..") and not name.startswith("~")
)
_GRANTS = st.one_of(
    st.sampled_from(["file_read", "network", "env", "llm", "python", "python:re", "network:a.b:80", "network:[::1]"]),
    st.builds("file_{}:{}".format, st.sampled_from(["read", "write"]), st.lists(_NAMES, min_size=1).map("/".join)),
    st.builds("env:{}".format, st.from_regex(r"[A-Za-z_\"'\\ ][^=\0\ud800-\udfff]{0,10}", fullmatch=True)),
)
_MODULES = st.dictionaries(st.sampled_from(["*", "__main__", "a", "a.b", "größe"]), st.just([]), max_size=4)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(_GRANTS.filter(lambda text: text.partition(":")[2].strip() != "" or ":" not in text), max_size=6),
    st.one_of(st.none(), st.floats(0.001, 1e9), st.just("unlimited"), st.timedeltas(timedelta(milliseconds=1))),
    st.one_of(st.none(), st.integers(1, 10**15), st.just("unlimited")),
    st.sampled_from([None, "thread", "process"]),
    _MODULES,
)
def test_the_text_says_the_same(
    allowed: list[str], timeout: Any, memory: Any, isolation: str | None, modules: dict[str, list[str]]
) -> None:
    """Every policy that can be made is read back from its text as an equal one, and differs from it in nothing."""
    modules = {name: [*allowed] if name == "a" else each for name, each in modules.items()}
    policy = DanaPolicy(allowed, timeout=timeout, max_memory=memory, isolation=isolation, modules=modules)
    for folder in (None, "/some/where", os.getcwd()):
        again = DanaPolicy.loads(policy.to_toml(folder), folder)
        assert again == policy
        assert not policy.diff(again)


@settings(deadline=None)
@given(st.floats(1e-9, 1e15), st.integers(1, 10**18))
def test_times_and_sizes_are_kept(seconds: float, size: int) -> None:
    """The texts of times and sizes mean what they were made from, but for times below any clock."""
    assert parse_time(time_text(seconds)) == pytest.approx(seconds, rel=1e-9)
    assert parse_size(size_text(size)) == size


# -- differences -------------------------------------------------------------------------------------------------------


def test_differences_in_words() -> None:
    """Each change is told as what it allows, not as how it is written."""
    before = DanaPolicy(
        ["file_read:/data", "network", "env:A"], timeout="30s", max_memory="1GB", isolation="process",
        modules={"m": ["env:A"], "*": []},
    )  # fmt: skip
    after = DanaPolicy(
        ["file_read:/data/in", "network:api.test", "network:localhost", "env"], timeout="1m", modules={"m": ["env"]}
    )
    diff = before.diff(after)
    assert diff.widened == (
        "'env' is granted",
        "'network:localhost' is granted",
        "timeout is 1m, it was 30s",
        "isolation is thread, it was process",
        "every other module gets 'env'",
        "every other module gets 'file_read:/data/in'",
        "every other module gets 'network:api.test'",
        "every other module gets 'network:localhost'",
        "the module 'm' gets 'env'",
    )
    assert diff.narrowed == ("'file_read:/data' is granted no more", "'network' is granted no more")
    assert [note.partition(":")[0] for note in diff.notes] == ["'network", "max_memory is not set, it was 1GB"]
    assert "+ widened: timeout is 1m, it was 30s\n" in str(diff)


def test_no_difference() -> None:
    """What is spelt differently and means the same is no difference; special folders need their own name."""
    same = DanaPolicy(["env:A"], timeout="60s").diff(DanaPolicy(["env:A", "env:A"], timeout="1m"))
    assert not same
    assert str(same) == "no difference"
    assert DanaPolicy(["file_read"]).diff(DanaPolicy(["file_read", "file_read:/proc"])).widened
    assert not DanaPolicy(["file_read"]).diff(DanaPolicy(["file_read", "file_read:/data"]))


# -- contexts ----------------------------------------------------------------------------------------------------------


def test_a_policy_bounds_a_context(make_context: Make, tmp_path: Path) -> None:
    """Arguments may say less than the policy; the file's path does as well as the policy."""
    path = tmp_path / "policy.toml"
    path.write_text('allowed_capabilities = ["env:A", "env:B"]\n[limits]\ntimeout = "200ms"\n', encoding="utf-8")
    context = make_context(policy=str(path), allowed_capabilities=["env:A"])
    assert context.eval_dana("get_env('A', 'none')") == "none"
    with pytest.raises(DanaCapabilityError):
        context.eval_dana("get_env('B')")
    with pytest.raises(DanaTimeoutError):
        context.eval_dana("while true:\n    pass")
    with pytest.raises(DanaCapabilityError):
        make_context(policy=path, allowed_capabilities=[]).eval_dana("get_env('A')")


@pytest.mark.parametrize(
    "wrong",
    [
        {"allowed_capabilities": ["env"]},
        {"allowed_capabilities": ["llm"]},
        {"timeout": 11},
        {"timeout": "unlimited"},
        {"max_memory": "2GB"},
        {"isolation": "thread"},
        {"policy": 3},
        {"policy": DanaPolicy(), "isolation": "fast"},
    ],
)
def test_no_argument_goes_beyond(make_context: Make, wrong: dict[str, Any]) -> None:
    """An argument that allows more than the policy is an error of the host, as one that is not understood."""
    policy = DanaPolicy(["env:A"], timeout=10, max_memory="1GB", isolation="process")
    with pytest.raises(ValueError, match=r"the policy|policy is|isolation"):
        make_context(**{"policy": policy, **wrong})


def test_contexts_of_one_policy_are_apart(make_context: Make) -> None:
    """Each tells its own hook."""
    policy, first, second = DanaPolicy(["env"], modules={"*": []}), [], []
    one = make_context(policy=policy, on_capability=first.append)
    make_context(policy=policy, on_capability=second.append).eval_dana("get_env('A')")
    one.eval_dana("get_env('B')")
    assert ([use.argument for use in first], [use.argument for use in second]) == (["B"], ["A"])


def test_what_only_a_name_opens_stays_closed(make_context: Make, tmp_path: Path) -> None:
    """All files and a named special folder together open neither; nor do a link's spelling and its target."""
    everything, named = DanaPolicy(["file_read"]), ["file_read:/proc"]
    context = make_context(policy=everything, allowed_capabilities=named)
    with pytest.raises(DanaCapabilityError):
        context.eval_dana("read_file('/proc/self/status')")
    assert "Name:" in make_context(allowed_capabilities=named).eval_dana("read_file('/proc/self/status')")
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "f").write_text("x", encoding="utf-8")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    inside, link = Grants([f"file_read:{tmp_path / 'in'}"]), Grants([f"file_read:{tmp_path / 'in/link'}"])
    assert [*inside.narrowed(link)] == [*link.narrowed(inside)] == []
    network, loopback = Grants(["network"]), Grants(["network:127.0.0.1:80", "network:127.0.0.1"])
    assert [grant.named for grant in network.narrowed(loopback).all()] == [False, False]
    assert [*loopback.narrowed(Grants(["network:127.0.0.1:80"]))] == ["network:127.0.0.1:80"] * 2
