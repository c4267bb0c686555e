"""Built-ins on demand: what is made, when, and for whom."""

from __future__ import annotations

from types import CodeType
from typing import Any

import pytest

from dana_guards.errors import DanaSecurityError
from dana_guards.names import BUILTIN_NAMES, HOOKS
from dana_guards.namespace import Environment, make_builtins, make_namespace, supply_names
from dana_guards.policy import Policy
from dana_guards.safe_builtins import REFUSED


def code(text: str) -> CodeType:
    """Python text, compiled."""
    return compile(text, "m.na", "exec")


def names(builtins: dict[str, object]) -> set[str]:
    """The names that programs can write."""
    return {name for name in builtins if not name.startswith("_")}


def test_nothing_is_made_before_it_is_named() -> None:
    """A lazy dictionary holds no function of a program until code names one, in whatever depth."""
    builtins = make_builtins(Environment(), lazy=True)
    assert names(builtins) == set()
    text = code("def f():\n    return lambda: [sorted(x) for x in zip([1])]\nprint")
    namespace = make_namespace(builtins, "m", None, text)
    assert names(builtins) == {"sorted", "zip", "print"}
    assert namespace["__builtins__"] is builtins
    supply_names(builtins, code("a = FSM() if isinstance(1, int) else _add_(1, 2)"))
    assert names(builtins) == {"sorted", "zip", "print", "FSM", "isinstance", "int"}
    assert "_add_" in builtins


def test_a_namespace_without_code_has_all() -> None:
    """Who does not say what will run gets everything."""
    builtins = make_builtins(Environment(), lazy=True)
    make_namespace(builtins, "m")
    assert builtins.keys() == make_builtins(Environment()).keys()
    assert BUILTIN_NAMES | (REFUSED.keys() - {"__import__"}) <= names(builtins)


def test_what_the_host_lends_stays() -> None:
    """A name that is there already is never made again."""
    builtins = make_builtins(Environment(), lazy=True)
    lent = object()
    builtins["print"] = lent
    make_namespace(builtins, "m", None, code("print\nlen"))
    assert builtins["print"] is lent
    made = builtins["len"]
    supply_names(builtins, code("len"))
    assert builtins["len"] is made


@pytest.mark.parametrize("name", sorted(HOOKS.keys() - {"_named_"}))
@pytest.mark.parametrize("profile", ["limited", "unlimited"])
def test_each_hook_comes_alone(name: str, profile: Any) -> None:
    """Every hook can be made without the others having been asked for."""
    builtins = make_builtins(Environment(policy=Policy(profile=profile)), lazy=True)
    supply_names(builtins, code(name))
    assert name in builtins


def test_limited_contexts_never_get_unbounded_reads() -> None:
    """In a limited context the hooks of attribute access are those that look at sizes, from the start."""
    limited = make_builtins(Environment(), lazy=True)
    assert "_getattr_" not in limited
    supply_names(limited, code("_getattr_"))
    unlimited = make_builtins(Environment(policy=Policy(profile="unlimited")))
    assert limited["_getattr_"] is not unlimited["_getattr_"]
    assert limited["_method_"] is not unlimited["_method_"]


def test_structs_need_no_kinds() -> None:
    """A plain struct brings no base class of agents; a resource brings its own."""
    environment = Environment()
    builtins: Any = make_builtins(environment, lazy=True)
    init: Any = eval("lambda self: None", {"__name__": "m"})
    builtins["_struct_"]("P", "struct", (), init)
    assert environment.types.bases == {}
    other: Any = eval("lambda self: None", {"__name__": "m"})
    r = builtins["_struct_"]("R", "resource", (), other)()
    assert r.start()
    assert environment.types.bases.keys() == {"resource"}


def test_refused_names_say_why() -> None:
    """A refused name is there, and raises with what to write instead."""
    builtins: Any = make_builtins(Environment(), lazy=True)
    supply_names(builtins, code("eval('1')"))
    with pytest.raises(DanaSecurityError, match="'eval' is not part of Dana"):
        builtins["eval"]("1")


def test_the_supply_cannot_be_named() -> None:
    """The entry that makes the others is no hook, so the policy refuses its name."""
    builtins = make_builtins(Environment(), lazy=True)
    assert {name for name in builtins if name not in HOOKS} == {"_supply_"}
