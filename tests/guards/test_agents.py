"""Resources, workflows, agents: default fields, built-in methods, inheritance (7.5 to 7.7)."""

from __future__ import annotations

from typing import Any

import pytest
from support_structs import declare, function

from dana_guards.agents import PREDECLARED, Kinds
from dana_guards.errors import DanaCapabilityError
from dana_guards.methods import _receiver_
from dana_guards.structs import TypeRegistry


@pytest.fixture
def types() -> TypeRegistry:
    """The types of one context."""
    return TypeRegistry()


@pytest.fixture
def installed(types: TypeRegistry) -> Kinds:
    """The kinds of 7.5 to 7.7, without a model."""
    return Kinds(types)


@pytest.mark.usefixtures("installed")
def test_resource(types: TypeRegistry) -> None:
    """State comes first and follows the life cycle; every method can be replaced."""
    kind = declare(types, "R", "resource", url=("str", "u"))
    r = kind()
    assert repr(r) == "R(state='INITIALIZED', url='u')"
    assert not r.is_running()
    assert r.start()
    assert (r.state, r.is_running()) == ("RUNNING", True)
    assert r.query("q")["request"] == "q"
    assert r.query("q")["success"] is True
    assert r.stop()
    assert r.state == "TERMINATED"
    assert r.initialize()
    assert r.cleanup()
    assert r.state == "TERMINATED"
    assert kind(state="X", url="y").state == "X"
    _receiver_((kind,), "get_metadata", function("lambda self: 'own'"))
    assert r.query()["metadata"] == "own"
    with pytest.raises(TypeError, match=r"R\.state must be str"):
        kind(state=5)
    with pytest.raises(TypeError, match=r"R\(\) got an unexpected keyword argument 'nope'"):
        kind(nope=1)


@pytest.mark.usefixtures("installed")
def test_workflow(types: TypeRegistry) -> None:
    """Name and fsm come last, each instance with its own fsm."""
    kind = declare(types, "W", "workflow", n=("int", 1))
    w, other = kind(), kind(name="x")
    assert [field.name for field in kind._dana_fields_] == ["n", "name", "fsm"]
    assert (w.name, other.name) == ("A Workflow", "x")
    assert w.fsm == other.fsm
    w.fsm.states.append("EXTRA")
    assert w.fsm != other.fsm
    assert w.get_execution_state() == "created"
    w.set_execution_state("running")
    w.set_execution_state("done")
    assert w.get_execution_state() == "done"
    assert w.get_execution_history() == ["running", "done"]
    assert other.get_execution_history() == []


def test_fsm(installed: Kinds) -> None:
    """All fields of FSM have defaults."""
    fsm = installed.predeclared("FSM")
    assert fsm().transitions == {"START:next": "PROCESSING", "PROCESSING:next": "COMPLETE"}
    assert fsm(initial_state="A").current_state == "A"


def test_agents(types: TypeRegistry, installed: Kinds) -> None:
    """A blueprint, a lone agent, an alias with overrides, an alias of the blueprint itself."""
    blueprint = declare(types, "B", "agent_blueprint", topic=("str", "x"))
    assert repr(blueprint()) == "B(name='unnamed_agent', description='A Dana agent', state='CREATED', topic='x')"
    solo = installed.agent("Solo", None, {})
    assert repr(solo) == "Solo(state='CREATED', name='Solo', description='A Dana agent named Solo')"
    helper = installed.agent("Helper", blueprint, {"topic": "y", "name": "h"})
    assert (helper.topic, helper.name) == ("y", "h")
    assert isinstance(helper, blueprint)
    assert repr(helper).startswith("Helper(")
    assert type(installed.agent(None, blueprint, {})) is blueprint
    assert repr(installed.agent("Third", helper, {})).startswith("Third(")
    assert blueprint().name == "unnamed_agent"


def test_agent_errors(types: TypeRegistry, installed: Kinds) -> None:
    """Unknown overrides tell the near name; only agent types are blueprints."""
    blueprint = declare(types, "B", "agent_blueprint", topic=("str", "x"))
    with pytest.raises(TypeError, match=r"H has no field 'topik'; did you mean 'topic'\? \(fields: name, "):
        installed.agent("H", blueprint, {"topik": 1})
    with pytest.raises(TypeError, match=r"B\.topic must be str"):
        installed.agent("H", blueprint, {"topic": 1})
    for bad in (declare(types, "P", x="int"), 5, "B"):
        with pytest.raises(TypeError, match="an agent needs an agent_blueprint"):
            installed.agent("H", bad, {})


def test_overrides_are_inherited(types: TypeRegistry, installed: Kinds) -> None:
    """A method written for the blueprint, also later, answers for its aliases, built-in names included."""
    blueprint = declare(types, "B", "agent_blueprint", topic=("str", "x"))
    helper = installed.agent("Helper", blueprint, {})
    _receiver_((blueprint,), "solve", function("lambda self, problem: 'own ' + problem"))
    assert helper.solve("p") == "own p"
    _receiver_((helper,), "solve", function("lambda self, problem: 'nearer ' + problem"))
    assert helper.solve("p") == "nearer p"
    assert blueprint().solve("p") == "own p"


def test_memory(installed: Kinds) -> None:
    """remember and recall need no model and are each instance's own."""
    one, two = installed.agent("One", None, {}), installed.agent("Two", None, {})
    assert one.recall("k") is None
    assert one.remember("k", [1]) is True
    assert one.recall("k") == [1]
    assert two.recall("k") is None
    assert one.get_metrics()["memories"] == 1
    assert one.clear_conversation_memory() is False


@pytest.mark.parametrize("method", ["plan", "solve", "reason", "chat"])
def test_no_model(installed: Kinds, method: str) -> None:
    """Without a model these methods ask for the capability."""
    agent = installed.agent("Solo", None, {})
    with pytest.raises(DanaCapabilityError, match="language model") as caught:
        getattr(agent, method)("x")
    assert caught.value.capability == "llm"
    assert agent.get_metrics()["errors"] == 1


def test_model() -> None:
    """With a model they ask it, with the data that was named and the last turns of the chat."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def ask(prompt: str, options: dict[str, Any]) -> str:
        asked.append((prompt, options))
        return f"answer {len(asked)}"

    types = TypeRegistry()
    found = Kinds(types, ask)
    blueprint = declare(types, "B", "agent_blueprint", config=("dict", {"llm_temperature": 0.5, "base_url": "http://x"}))
    agent = found.agent("A", blueprint, {"description": "Knows tea."})
    assert agent.solve("p", context={"k": 1}) == "answer 1"
    assert asked[0] == (
        "You are unnamed_agent. Knows tea.\n\nSolve this problem: p\n\nContext: {'k': 1}",
        {"temperature": 0.5},
    )
    for message in ("one", "two", "three"):
        agent.chat(message, max_context_turns=1)
    assert "User: two\nYou: answer 3\nUser: three" in asked[3][0]
    assert "User: one" not in asked[3][0]
    assert agent.get_conversation_stats() == {"total_turns": 3}
    assert agent.clear_conversation_memory() is True
    assert agent.get_conversation_stats() == {"total_turns": 0}
    assert agent.get_metrics()["calls"] == 4


def test_library(installed: Kinds) -> None:
    """The resources of the core library keep entries; the predeclared agents exist."""
    memory = installed.predeclared("MemoryResource")()
    assert memory.store("tea", 5)
    assert memory.retrieve("tea") == 5
    assert memory.query("TE")["results"] == {"tea": 5}
    assert memory.delete("tea") is True
    assert memory.delete("tea") is False
    assert installed.predeclared("MemoryResource")().items == {}
    assert repr(installed.predeclared("BasicAgent")).startswith("BasicAgent(name='BasicAgent'")
    assert installed.predeclared("DanaAgentBlueprint")(domain="d").domain == "d"


def test_contexts_share_no_classes() -> None:
    """Two contexts have their own FSM, agents and base classes."""
    one, two = Kinds(TypeRegistry()), Kinds(TypeRegistry())
    for name in PREDECLARED:
        assert one.predeclared(name) is not two.predeclared(name)
    assert one.predeclared("FSM") is one.predeclared("FSM")
