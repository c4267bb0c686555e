"""Namespaces: what stands in the built-ins of a context, and what each context has for itself."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from dana_guards.capabilities import Grants
from dana_guards.errors import DanaCapabilityError, DanaImportError
from dana_guards.exceptions import KINDS
from dana_guards.names import BUILTIN_NAMES, HOOKS
from dana_guards.namespace import Environment, ScopeStore, make_builtins, make_namespace
from dana_guards.policy import Policy


@pytest.fixture(params=["limited", "unlimited"])
def environment(request: pytest.FixtureRequest) -> Environment:
    """A context that may do nothing, in both profiles."""
    return Environment(policy=Policy(profile=request.param))


def run(text: str, environment: Environment | None = None, name: str = "m") -> dict[str, Any]:
    """Execute Python text in a fresh namespace."""
    namespace = make_namespace(make_builtins(environment or Environment()), name, "m.na")
    exec(compile(text, "m.na", "exec"), namespace)
    return namespace


def test_every_promised_name_exists(environment: Environment) -> None:
    """All hooks that the policy accepts and all built-ins that it knows are there."""
    builtins = make_builtins(environment)
    # The compiler spells overloads with _receiver_ and _overload_.
    assert HOOKS.keys() - builtins.keys() - {"_named_"} == set()
    assert BUILTIN_NAMES - builtins.keys() == set()


def test_pythons_builtins_are_absent(environment: Environment) -> None:
    """No function of Python that opens the host is there; refused names only say why."""
    namespace = make_namespace(make_builtins(environment), "m")
    for name in ("open", "eval", "getattr", "vars", "object"):
        with pytest.raises(Exception, match="not part of Dana"):
            exec(f"{name}('x')", namespace)
    for name in ("__import__", "__build_class__", "BaseException", "SystemExit", "Ellipsis"):
        value = namespace["__builtins__"].get(name)  # type: ignore[attr-defined]
        assert value is None or value.__module__.startswith("dana_guards")


def test_no_python_class_is_a_builtin(environment: Environment) -> None:
    """Classes of Python stand under hook names only: `range.count` of a class has no guard for its receiver.

    A trusted module has the iterators of Python instead of our flat ones.
    """
    iterators = set() if environment.limited else {"enumerate", "reversed", "zip", "map", "filter", "frozenset"}
    for name, value in make_builtins(environment).items():
        if isinstance(value, type) and not name.startswith("_"):
            assert type(value).__name__ == "StructType" or name in iterators, name


def test_namespace_is_the_programs(environment: Environment) -> None:
    """Globals hold the name, the file and the stop flag, and our built-ins in place of Python's."""
    builtins = make_builtins(environment)
    namespace = make_namespace(builtins, "pkg.m", "m.na")
    assert namespace["__builtins__"] is builtins
    assert (namespace["dana_u__name__"], namespace["dana_u__file__"]) == ("pkg.m", "m.na")
    exec("def f(): return 1", namespace)
    assert namespace["f"].__module__ == "pkg.m"  # type: ignore[attr-defined]
    assert namespace["f"].__builtins__ is builtins  # type: ignore[attr-defined]


def test_words() -> None:
    """The type words convert with Dana's meaning."""
    found = run(
        "a = [int('5'), float('1.5'), str(true) if False else str(True), bool('no'), list((1,)), dict(a=1), tuple([1]),"
        " set([1]), any([0, 1]), bool(), str()]"
    )
    assert found["a"] == [5, 1.5, "True", False, [1], {"a": 1}, (1,), {1}, True, False, ""]


def test_functions_are_called_what_the_program_calls_them(environment: Environment) -> None:
    """Names of our functions do not show how they are made."""
    builtins = make_builtins(environment)
    for name in ("print", "isinstance", "cast", "sorted", "case", "int", "range", "type", "sum_range", "noop", "eval"):
        assert builtins[name].__name__ == name  # type: ignore[attr-defined]


def test_contexts_are_apart() -> None:
    """Two contexts share no dictionary, store, registry or class."""
    one, two = make_builtins(Environment()), make_builtins(Environment())
    shared = [
        name
        for name, value in one.items()
        if two[name] is value and isinstance(value, dict | list | set | ScopeStore) and name not in KINDS
    ]
    assert shared == []
    assert one["FSM"] is not two["FSM"]
    assert one["_public_"] is not two["_public_"]


def test_scopes() -> None:
    """Variables of a scope are attributes; a read that nobody binds falls through the stores."""
    environment = Environment(system=ScopeStore("system", {"limit": 3}))
    found = run(
        "_public_.x = 1\na = _public_.x\nb = _scoped_('public', 'limit')\nc = _scoped_('system', 'x')",
        environment,
    )
    assert (found["a"], found["b"], found["c"]) == (1, 3, 1)
    assert environment.public.__dict__ == {"x": 1}
    with pytest.raises(NameError, match="name 'limt' is not defined; did you mean 'limit'"):
        run("_scoped_('public', 'limt')", environment)
    for hidden in ("_scope", "__class__", "__dict__"):
        with pytest.raises(NameError):
            run(f"_scoped_('public', {hidden!r})", environment)


def test_missing_scope_variable() -> None:
    """A variable of a scope that does not exist is a NameError that says which scope."""
    environment = Environment(public=ScopeStore("public", {"total": 1}))
    with pytest.raises(NameError, match="public:totl is not defined; did you mean 'total'"):
        run("_public_.totl", environment)
    assert not hasattr(environment.public, "__wrapped__")


class Modules:
    """An importer that answers with what it was asked."""

    def module(self, *question: Any) -> Any:
        return ("module", question)

    def member(self, *question: Any) -> Any:
        return ("member", question)

    def star(self, *question: Any) -> dict[str, Any]:
        return {"x": 1, "dana_u_y": 2, "_add_": 3, "__builtins__": 4, "not a name": 5}


def test_imports() -> None:
    """The hooks hand their question to the importer; a star import brings names of programs only."""
    environment = Environment(importer=Modules())
    found = run(
        "a = _import_('p.m', 1, False, 'here')\nb = _import_from_('m', 0, True, 'here', 'x')\n"
        "_import_star_('m', 0, False, 'here')\nc = x",
        environment,
    )
    assert found["a"] == ("module", ("p.m", 1, False, "here"))
    assert found["b"] == ("member", ("m", 0, True, "here", "x"))
    assert (found["c"], found["dana_u_y"]) == (1, 2)
    assert "_add_" not in found
    assert isinstance(found["__builtins__"], dict)
    with pytest.raises(DanaImportError, match="has no modules"):
        run("_import_('m', 0, False, 'here')")


def test_star_import_fills_dana_namespaces_only() -> None:
    """Called from anywhere else the hook writes nothing."""
    star: Any = make_builtins(Environment(importer=Modules()))["_import_star_"]
    with pytest.raises(DanaImportError, match="module level"):
        star("m", 0, False, "here")
    assert "dana_u_y" not in globals()


def test_coercion_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variables are read once, when the environment is made."""
    monkeypatch.setenv("DANA_AUTO_COERCION", "0")
    monkeypatch.setenv("DANA_SEMANTIC_TRUTH", "substring")
    off = Environment()
    monkeypatch.delenv("DANA_AUTO_COERCION")
    both = Environment()
    monkeypatch.delenv("DANA_SEMANTIC_TRUTH")
    on = Environment()
    answers: list[Any] = [
        run("a = _truth_('no'), _truth_('nothing'), bool('no')", each)["a"] for each in (off, both, on)
    ]
    assert answers == [(True, True, False), (False, False, False), (False, True, False)]


def test_output_goes_where_the_environment_says() -> None:
    """print writes to the environment's stdout, or to sys.stdout as it is at the call."""
    lines: list[str] = []
    run("print('a', 1)", Environment(stdout=lines.append))
    assert lines == ["a 1\n"]


def test_default_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a setting print goes to sys.stdout."""
    out = io.StringIO()
    environment = Environment()
    monkeypatch.setattr("sys.stdout", out)
    run("print('b')", environment)
    assert out.getvalue() == "b\n"


def test_agents_need_the_capability() -> None:
    """An agent's model is the context's: not granted, granted without provider, granted with one."""
    text = "a = BasicAgent.solve('p')"
    with pytest.raises(DanaCapabilityError, match="llm"):
        run(text)
    answer: Callable[[str, dict[str, Any]], str] = lambda prompt, options: "done"  # noqa: E731
    environment = Environment(grants=Grants(["llm"]), llm=answer)
    assert run(text, environment)["a"] == "done"


def test_a_record_crosses_handlers() -> None:
    """The hooks work together in generated code: raise, except, record, raise again."""
    found = run(
        "def f():\n    raise _exception_(ValueError('x'))\n"
        "try:\n    f()\nexcept _kinds_(LookupError):\n    a = 1\nexcept _kinds_((TypeError, ValueError)) as t:\n"
        "    e = _caught_(t)\n"
        "try:\n    raise _exception_(e)\nexcept _kinds_('ValueError') as t:\n    again = _caught_(t)\n"
    )
    assert found["e"].message == found["again"].message == "x"
    assert found["e"].traceback == ['File "m.na", line 4, in <module>', 'File "m.na", line 2, in f']
