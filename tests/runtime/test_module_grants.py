"""Grants of single modules: they travel with functions, and nothing a module does widens its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dana_guards.capabilities import Grants
from dana_guards.capabilities.modules import ModuleGrants
from opendxa.dana import CapabilityUse, DanaCapabilityError, DanaContext, DanaPolicy, DanaRuntime, DanaSyntaxError

Make = Callable[..., DanaContext]
Write = Callable[[str, str], Path]


POLICY = DanaPolicy(
    ["env", "llm", "python"],
    modules={"reader": ["env:DANA_TEST_WORD", "llm", "python:hashlib"], "guest": [], "guest.inner": ["env"]},
)


@pytest.fixture
def make_thread(make_context: Make, write: Write, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Contexts with a module ``reader`` that may read files, and a module ``guest`` that may do nothing."""
    monkeypatch.setenv("DANA_TEST_WORD", "secret")
    write("reader.na", READER)
    return lambda **settings: make_context(**{"policy": POLICY, "llm": lambda *_: "answer", **settings})


@pytest.fixture(params=["thread", "process"])
def make(request: pytest.FixtureRequest, make_thread: Make) -> Make:
    """The same in each tier."""
    return lambda **settings: make_thread(isolation=request.param, **settings)


READER = """
import hashlib.py

agent_blueprint Helper:
    word: str = "x"

agent Own(Helper):
    word = "y"

get = get_env

def read(name):
    return get_env(name)

def call(f, x):
    return f(x)

def getter():
    return get_env
"""


def test_a_module_has_its_own_grants(make: Make, write: Write) -> None:
    """Each module is asked by its own table, the program by the policy; denials say so."""
    write("guest.na", "def read(name):\n    return get_env(name)\n")
    seen: list[CapabilityUse] = []
    context = make(on_capability=seen.append)
    assert context.eval_dana("import reader\nreader.read('DANA_TEST_WORD')") == "secret"
    assert context.eval_dana("get_env('DANA_TEST_WORD')") == "secret"
    for denied in ("import guest\nguest.read('DANA_TEST_WORD')", "import reader\nreader.read('HOME')"):
        with pytest.raises(DanaCapabilityError, match="get_env needs the capability 'env'"):
            context.eval_dana(denied)
    assert [(use.holder, use.module, use.allowed) for use in seen if use.by == "get_env"] == [
        ("reader", "reader", True), ("", "__main__", True), ("guest", "guest", False), ("reader", "reader", False),
    ]  # fmt: skip


ATTACKS = {
    "its own built-in": "get_env('DANA_TEST_WORD')",
    "kept in a name": "f = get_env\nf('DANA_TEST_WORD')",
    "in the hands of a module that may": "import reader\nreader.call(get_env, 'DANA_TEST_WORD')",
    "through map": "list(map(get_env, ['DANA_TEST_WORD']))",
    "in a pipeline": "def same(x):\n    return x\n(same | get_env)('DANA_TEST_WORD')",
    "as a default": "def f(g=get_env):\n    return g('DANA_TEST_WORD')\nf()",
    "over public": "public:word_of = get_env\npublic:word_of('DANA_TEST_WORD')",
    "as an attribute of the other": "import reader\nreader.get_env('DANA_TEST_WORD')",
    "by a star": "from reader import *\nget_env('DANA_TEST_WORD')",
    "by name from it": "from reader import get_env\nget_env('DANA_TEST_WORD')",
    "the other's name again": "import reader\n__name__ = 'reader'\nget_env('DANA_TEST_WORD')",
    "a module's attribute": "import reader\nreader.get_env = get_env\nreader.get_env('DANA_TEST_WORD')",
    "a method on the other's type": (
        "from reader import Helper, Own\ndef (h: Helper) steal():\n    return get_env('DANA_TEST_WORD')\nOwn.steal()"
    ),
    "a model": "llm('hello')",
    "an agent of its own": "agent A\nA.reason('hello')",
    "an agent type of its own": "agent_blueprint B:\n    x: int = 1\nB().chat('hello')",
    "a predeclared agent": "BasicAgent.chat('hello')",
    "a predeclared type": "BasicAgentBlueprint().plan('hello')",
    "an agent on the other's type": "from reader import Helper\nagent C(Helper):\n    word = 'z'\nC.chat('hello')",
    "an agent in the hands of the other": "import reader\nagent A\nreader.call(A.chat, 'hello')",
    "an import": "import hashlib.py",
    "an import without the ending": "import hashlib",
}


NO_SUCH_NAME = {
    "as an attribute of the other", "by name from it", "a module's attribute"
}  # fmt: skip
"""These do not even find a name: built-ins of a module are no exports of it."""


def _write_guest(write: Write, text: str) -> None:
    lines = text.split("\n")
    lines.sort(key=lambda line: not line.startswith(("import", "from")))
    write("guest.na", "\n".join(lines) + "\n")


def _attempt(make: Make, write: Write, attack: str) -> None:
    seen: list[CapabilityUse] = []
    _write_guest(write, ATTACKS[attack])
    context = make(on_capability=seen.append)
    with pytest.raises(Exception) as caught:  # noqa: PT011  (the kinds differ; what counts is below)
        context.import_module("guest")
    assert "secret" not in str(caught.value)
    assert "answer" not in str(caught.value)
    assert [use for use in seen if use.holder != "reader" and use.allowed] == []
    assert attack in NO_SUCH_NAME or any(use.holder == "guest" for use in seen)


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_module_widens_its_grants(make_thread: Make, write: Write, attack: str) -> None:
    """Whatever the module without grants tries by itself, it is refused, or there is no such name."""
    _attempt(make_thread, write, attack)


@pytest.mark.parametrize("attack", ["in the hands of a module that may", "a predeclared agent", "an import"])
def test_no_module_widens_its_grants_in_a_worker(make: Make, write: Write, attack: str) -> None:
    """The same in the process tier, where the module's grants are the parent's to check."""
    _attempt(make, write, attack)


@pytest.mark.parametrize("attack", sorted(ATTACKS.keys() - NO_SUCH_NAME))
def test_the_same_with_grants(make_thread: Make, write: Write, attack: str) -> None:
    """The harmless twin: without a table for it, the same module works."""
    _write_guest(write, ATTACKS[attack])
    policy = DanaPolicy(["env", "llm", "python"], modules={"reader": ["env:DANA_TEST_WORD", "llm", "python:hashlib"]})
    make_thread(policy=policy).import_module("guest")


GIFTS = {
    "a function": "from reader import read\nread('DANA_TEST_WORD')",
    "a built-in that the other exports": "from reader import get\nget('DANA_TEST_WORD')",
    "a built-in that the other returns": "import reader\nreader.getter()('DANA_TEST_WORD')",
    "an agent": "from reader import Own\nOwn.chat('hello')",
    "an agent type": "from reader import Helper\nHelper().chat('hello')",
}


@pytest.mark.parametrize("gift", GIFTS)
def test_what_a_module_hands_out(make_thread: Make, write: Write, gift: str) -> None:
    """The harmless twin: what the module with grants exports works in the hands of others, under its own grants."""
    seen: list[CapabilityUse] = []
    *before, last = GIFTS[gift].split("\n")
    write("guest.na", "\n".join([*before, f"result = {last}\n"]))
    context = make_thread(on_capability=seen.append)
    assert context.import_module("guest").result in ("secret", "answer")
    assert [(use.holder, use.allowed) for use in seen if use.by != "import hashlib.py"] == [("reader", True)]


def test_an_import_is_a_name_of_its_module(make_thread: Make, write: Write) -> None:
    """What a module imports it hands out like its other names; a leading underscore keeps it."""
    write("reader.na", "import hashlib.py\nimport hashlib.py as _kept\n")
    write("guest.na", "import reader\ndef a():\n    return reader.hashlib.sha256('').hexdigest()[:4]\n")
    assert make_thread().import_module("guest").a() == "e3b0"
    write("guest.na", "from reader import _kept\n")
    with pytest.raises(DanaSyntaxError, match="is private"):
        make_thread().import_module("guest")


def test_the_program_and_the_rest(make: Make, write: Write) -> None:
    """``__main__`` is the program, ``*`` every module without a table, a package's table is for its modules too."""
    write("other.na", "def read():\n    return get_env('DANA_TEST_WORD')\n")
    write("pkg/__init__.na", "")
    write("pkg/part.na", "def read():\n    return get_env('DANA_TEST_WORD')\n")
    policy = DanaPolicy(["env"], modules={"__main__": [], "*": [], "pkg": ["env"]})
    context = make(policy=policy)
    assert context.eval_dana("import pkg.part\npkg.part.read()") == "secret"
    for denied in ("get_env('DANA_TEST_WORD')", "import other\nother.read()"):
        with pytest.raises(DanaCapabilityError):
            context.eval_dana(denied)
    assert make(policy=DanaPolicy(["env"], modules={"*": []})).eval_dana("get_env('DANA_TEST_WORD')") == "secret"


@pytest.mark.parametrize("more", [{}, {"reload": "manual"}])
def test_a_module_keeps_its_grants_when_it_is_loaded_again(make: Make, write: Write, more: dict[str, Any]) -> None:
    """Also in a later version of its text, which names other built-ins, and which may have a namespace of its own."""
    write("guest.na", "def read():\n    return 1\n")
    context = make(**more)
    guest = context.import_module("guest")
    assert guest.read() == 1
    write("guest.na", "def read():\n    return get_env('DANA_TEST_WORD')\n")
    context.reload(guest)
    with pytest.raises(DanaCapabilityError):
        guest.read()


def test_functions_of_modules_cross_the_border(make: Make, write: Write) -> None:
    """A function with built-ins of its own goes to the host and back, and is the same to the program."""
    write("guest.na", "def double(x):\n    return x * 2\n\ndef use(f, x):\n    return f(x)\n")
    context = make()
    guest = context.import_module("guest")
    assert guest.use(guest.double, 4) == 8


def test_what_the_host_lends_stays_lent(make: Make, write: Write) -> None:
    """A function of the host under the name of a built-in is the host's in every module."""
    write("guest.na", "def read():\n    return get_env('X')\n")
    context = make(functions={"get_env": lambda name: f"from the host: {name}"})
    assert context.import_module("guest").read() == "from the host: X"


def test_objects_that_are_shown_later(make: Make, write: Write) -> None:
    """An object that is exposed, and exposed anew, is the same in every module, with a table or without."""
    write("guest.na", "def read():\n    return thing.x\n")
    context = make(policy=DanaPolicy(modules={"guest": [], "__main__": []}))
    for x in (1, 2):
        context.expose("thing", SimpleNamespace(x=x), attrs=["x"])
        assert context.eval_dana("import guest\n[guest.read(), thing.x]") == [x, x]


def test_tables_within_tables() -> None:
    """A module has what every layer gives it, whichever name the layers know it by."""
    outer = ModuleGrants({"pkg": Grants(["env:A"]), "*": Grants(["env"])})
    inner = ModuleGrants({"pkg.part": Grants(["env:A", "env:B"]), "other": Grants(["llm", "env:C"])})
    both, context = inner.within(outer), Grants(["env", "llm"])
    for module, expected in (("pkg.part", ["env:A"]), ("pkg", ["env:A"]), ("other", ["env:C"]), ("third", ["env"])):
        assert [*both.grants_for(module, context)] == expected, module


def test_tenants_have_policies() -> None:
    """The policy of a tenant bounds its contexts, module tables included; a policy of a context can only say less."""
    policy = DanaPolicy(["env"], timeout="2s", modules={"guest": ["env:A"]})
    with DanaRuntime().tenant("ann", policy=policy) as tenant:
        with tenant.create_context() as context:
            assert context.eval_dana("get_env('NO_SUCH')") is None
        narrow = DanaPolicy(["env:B"], timeout="1s")
        with tenant.create_context(policy=narrow) as context, pytest.raises(DanaCapabilityError):
            context.eval_dana("get_env('HOME')")
        for wrong in ({"policy": DanaPolicy(["llm"])}, {"policy": DanaPolicy(timeout="3s")}, {"timeout": 3}):
            with pytest.raises(ValueError, match="tenant 'ann'"):
                tenant.create_context(**wrong)
