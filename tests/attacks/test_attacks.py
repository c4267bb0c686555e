"""Every attack is refused, stopped or harmless, and its twin works.

Each Dana program runs twice: as a text in a context, and as a module from a file, where all optimisations are on and
proofs leave guards out. Each Python text goes through the policy alone, open and closed.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import json
import os
import pickle
import random
from pathlib import Path
from typing import Any

import pytest

from attacks.cases import Case, cases
from attacks.differential import compare
from attacks.fuzz import fuzz
from attacks.load import JOBS, load
from dana_guards.errors import DanaError, DanaLimitError, DanaSecurityError, DanaSyntaxError, Interrupt
from dana_guards.limits import Limits, Meter
from dana_guards.namespace import Environment, make_builtins, make_namespace
from dana_guards.policy import Policy
from dana_guards.transform import restrict
from opendxa.dana import DanaContext, DanaRuntime

SECRET = "canary-4f1c"
INSIDE = ("0x", "<class ", "object at", "dana_guards.", "opendxa.", "builtin_function_or_method", "functools.partial")
"""What no program may be shown and no host has to be told."""
TIMEOUTS = {"stopped": "0.3s"}
"""Of a program that a limit ends; the others have ten seconds, so that a busy machine changes nothing."""


class Vault:
    """An object of the host with one name to show and one to keep."""

    def __init__(self) -> None:
        self.open = "shown"
        self.secret = SECRET
        self.written = 0

    def add(self, number: int) -> int:
        """The method that is shown."""
        self.written += number
        return self.written

    def steal(self) -> str:
        """The method that is not."""
        return SECRET


def failing(value: Any) -> None:
    """A host function whose errors hold what they should not tell."""
    raise ValueError(f"{SECRET} {value}")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The search folder of a process in which there is something to find."""
    monkeypatch.setenv("DANA_CANARY", SECRET)
    (tmp_path / "canary.txt").write_text(SECRET)
    (tmp_path / "beside.py").write_text("import os\nos.environ['DANA_TOUCHED'] = '1'\n")
    (tmp_path / "other.na").write_text("x = 1\n_hidden = 2\ndef f():\n    return x\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def context_in(folder: Path, outcome: str, vault: Vault, printed: list[str]) -> DanaContext:
    """A context that may do nothing."""
    functions = {"failing": failing, "same": lambda value: value, "call": lambda function: function()}
    timeout = TIMEOUTS.get(outcome, "10s")
    made = DanaRuntime().create_context(
        on_print=printed.append, search_paths=[folder], functions=functions, timeout=timeout, max_memory="200MB"
    )
    made.expose("vault", vault, attrs=["open"], methods=["add"])
    return made


def check(case: Case, error: BaseException | None, shown: str) -> None:
    """Hold what happened against what the case says."""
    assert "ESCAPED" not in shown, shown
    assert SECRET not in shown
    assert not any(word in shown for word in INSIDE), shown
    assert "DANA_TOUCHED" not in os.environ
    if error is not None:
        told = f"{error} {getattr(error, 'hint', '')}"
        assert isinstance(error, DanaError), repr(error)
        assert type(error).__name__ != "InternalError", told
        assert "Traceback" not in told
        assert not any(word in told for word in INSIDE), told
    if case.outcome == "fine":
        assert error is None, repr(error)
        assert "fine" in shown, shown
    elif case.outcome == "refused":
        assert error is not None, shown
        assert not isinstance(error, DanaLimitError), repr(error)
    elif case.outcome == "stopped":
        assert isinstance(error, DanaLimitError), repr(error)


DANA = cases("programs", ".na")
HOW = ("text", "module")


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("case", DANA, ids=[case.label for case in DANA])
def test_programs(case: Case, how: str, folder: Path) -> None:
    """A program of an attacker does not get through, whichever way it is run."""
    vault, printed = Vault(), list[str]()
    error: BaseException | None = None
    with context_in(folder, case.outcome, vault, printed) as context:
        try:
            if how == "text":
                context.eval_dana(case.text)
            else:
                (folder / "attack.na").write_text(case.text, encoding="utf-8")
                context.import_module("attack")
        except Exception as caught:
            error = caught
        check(case, error, "".join(printed))
        assert (vault.secret, vault.open) == (SECRET, "shown")
        assert context.eval_dana("1 + 1") == 2, "the context goes on"


PYTHON = cases("policy", ".txt")


def run_python(tree: ast.Module, closed: bool, name: str = "attack") -> tuple[BaseException | None, str]:
    """What a tree does behind the policy."""
    printed: list[str] = []
    meter = Meter(Limits.parse(timeout="4s", memory="100MB"))
    environment = Environment(meter=meter, stdout=printed.append)
    try:
        code = compile(restrict(tree, Policy(), f"{name}.na", closed=closed), f"{name}.na", "exec")
    except (DanaSecurityError, DanaSyntaxError) as refusal:
        return refusal, ""
    namespace = make_namespace(make_builtins(environment), name)
    meter.register_namespace(namespace)
    meter.register_code(code)
    outer = meter.enter()
    error: BaseException | None = None
    try:
        exec(code, namespace)
    except Interrupt as stop:
        error = stop.reason
    except Exception as caught:
        # The context translates these; here only the policy is asked.
        error = DanaError(type(caught).__name__)
    finally:
        meter.leave(outer)
    return error, "".join(printed)


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
@pytest.mark.parametrize("case", PYTHON, ids=[case.label for case in PYTHON])
def test_policy(case: Case, closed: bool) -> None:
    """Python that no lowering of ours would make is refused or guarded as well."""
    error, shown = run_python(ast.parse(case.text), closed)
    check(case, error, shown)


def shared_operands() -> ast.Module:
    """``x * n`` twice with the very same nodes: once for any `x`, once behind a test."""
    tree = ast.parse(
        "def f(x, n):\n    if _type_(n) is not _int_:\n        return 0\n    if _type_(x) is not _int_:\n"
        "        return x * n\n    return x * n\nprint(len(f('aaaa', 50000000)), 'ESCAPED')"
    )
    function: Any = tree.body[0]
    function.body[1].body[0].value.left = function.body[2].value.left
    function.body[1].body[0].value.right = function.body[2].value.right
    return tree


def test_a_node_has_one_place() -> None:
    """What is shown of a node at one place says nothing of another: such a tree is refused."""
    error, shown = run_python(shared_operands(), closed=True)
    assert isinstance(error, DanaSecurityError)
    assert not shown


STRUCTS = """
public:seen = []
struct P:
    x: any
    y: any
def (p: P) spy(*args) -> int:
    public:seen.append(1)
    return 1
def make():
    return P(x=1, y=[1])
def counted():
    return len(public:seen)
def endless():
    while true:
        pass
def hold(p):
    return p
def grow():
    public:seen.append(1)
    return len(public:seen)
"""


def test_results_run_nothing(folder: Path) -> None:
    """Comparing, printing, copying, hashing and releasing a result runs no code of the program."""
    (folder / "results.na").write_text(STRUCTS)
    with context_in(folder, "fine", Vault(), []) as context:
        module = context.import_module("results")
        one, other = module.make(), module.make()
        assert one == other
        assert "0x" not in f"{one!r}{one!s}{one}"
        assert copy.copy(one) == copy.deepcopy(one) == one
        for protocol in (hash, pickle.dumps, iter, len, next, json.dumps):
            with pytest.raises(TypeError):
                protocol(one)
        with pytest.raises(TypeError):
            pickle.dumps(module)
        with pytest.raises(TypeError):
            one.x = b"bytes"
        for name in ("__class__", "__dict__", "dana_s_x"):
            assert "Room" not in repr(getattr(one, name, None))
        del one, other
        assert module.counted() == 0


def test_contexts_share_nothing(folder: Path) -> None:
    """What one context does to scopes, lists, struct classes and random numbers, another never sees."""
    (folder / "results.na").write_text(STRUCTS)
    state = random.getstate()
    with context_in(folder, "fine", Vault(), []) as first, context_in(folder, "fine", Vault(), []) as second:
        one, two = first.import_module("results"), second.import_module("results")
        assert [one.grow(), one.grow(), two.grow()] == [1, 2, 1]
        assert type(one.make()) is not type(two.make())
        with pytest.raises(DanaError):
            two.hold(one.make())
        draws = []
        for context in (first, second):
            context.eval_dana("import random.py\nrandom.seed(1)\ntaken = random.random()")
            draws.append(context.eval_dana("taken"))
        assert draws[0] == draws[1]
        first.eval_dana("def len(x):\n    return 5")
        assert second.eval_dana("len([])") == 0
    assert random.getstate() == state


def test_nothing_runs_after_the_end(folder: Path) -> None:
    """Functions, structs and iterators that outlive their context refuse to run."""
    (folder / "results.na").write_text(STRUCTS)
    with context_in(folder, "fine", Vault(), []) as context:
        module = context.import_module("results")
        grow, make, value = module.grow, module.make, module.make()
        mapped = context.eval_dana("map(lambda x :: x, [1, 2])")
    for late in (grow, make, value.spy, lambda: next(iter(mapped)), lambda: context.eval_dana("1")):
        with pytest.raises(DanaError):
            late()


def test_a_stop_reaches_the_outermost_call(folder: Path) -> None:
    """A host function that catches the stop of an inner call does not save the outer one."""
    (folder / "results.na").write_text(STRUCTS + "def outer(f):\n    while true:\n        f()\n")
    with context_in(folder, "stopped", Vault(), []) as context:
        module = context.import_module("results")

        def patient() -> None:
            with contextlib.suppress(DanaError):
                module.endless()

        with pytest.raises(DanaLimitError):
            module.outer(patient)
        assert module.grow() == 1


@pytest.mark.parametrize("seed", range(3))
def test_random_programs(seed: int) -> None:
    """A handful of random programs do no harm; the long run is ``python -m tests.attacks.fuzz``."""
    count, harm = fuzz(seconds=20, seed=seed, most=50)
    assert harm is None, harm
    assert count > 5


def test_optimisations_change_nothing() -> None:
    """A few random programs mean the same without passes; the long run is ``python -m tests.attacks.differential``."""
    count, different = compare(seconds=30, seed=5, most=8)
    assert different is None, different
    assert count > 1


def test_load() -> None:
    """Contexts in many threads, with stops and denials mixed in; the long run is ``python -m tests.attacks.load``."""
    report = load(seconds=60, threads=16, seed=3, most=60)
    assert report.crossed == []
    assert report.threads == []
    assert report.done.keys() >= {job.__name__ for job in JOBS}


def test_there_are_twins() -> None:
    """Each file of attacks has a program beside it that works: a guard that refuses everything proves nothing."""
    for found in (DANA, PYTHON):
        assert {case.file for case in found if case.outcome == "fine"} == {case.file for case in found}
