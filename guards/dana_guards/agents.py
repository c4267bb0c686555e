"""Resources, workflows and agents: the fields and methods that they have beyond what is declared (7.5 to 7.7).

In: the registry of a context and a way to ask its language model. Out: base classes and default fields for the struct
factory, the hook ``_agent_``, and the predeclared names (``FSM``, ``BasicAgent``, …), all made on demand. Methods that
change state need nothing; ``plan solve reason chat`` ask the model and so need the capability ``llm``.

What an instance remembers beside its fields lives in slots ``dana_h_…``, which no Dana name can spell. A chat is kept
in the instance only, never in a file.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from dana_guards.errors import DanaCapabilityError
from dana_guards.formatting import SCALARS, text_of
from dana_guards.methods import _receiver_
from dana_guards.spelling import did_you_mean
from dana_guards.structs import DanaObject, DefaultFields, StructType, TypeRegistry, _missing_, make_field

#: ``ask(prompt, options)`` gives the model's answer, or raises DanaCapabilityError.
Ask = Callable[[str, dict[str, Any]], Any]


def no_model(prompt: str, options: dict[str, Any]) -> Any:
    """``ask`` of a context that has no model.

    Raises
    ------
    DanaCapabilityError : always.
    """
    raise DanaCapabilityError(
        "this needs a language model", capability="llm", hint='grant it with allowed_capabilities=["llm"]'
    )


# -- resources (7.5) -------------------------------------------------------------------------------


def _moves_to(state: str) -> Callable[[Any], bool]:
    def change(self: Any) -> bool:
        self.state = state
        return True

    return change


def _is_running(self: Any) -> bool:
    return bool(self.state == "RUNNING")


def _get_metadata(self: Any) -> dict[str, Any]:
    return {"type": type(self).__name__, "state": self.state, "fields": self.get_field_names()}


def _query(self: Any, request: Any = None) -> dict[str, Any]:
    return {
        "success": self.is_running(),
        "state": self.state,
        "metadata": self.get_metadata(),
        "request": request,
    }


_RESOURCE_METHODS: dict[str, Callable[..., Any]] = {
    "initialize": _moves_to("INITIALIZED"),
    "start": _moves_to("RUNNING"),
    "stop": _moves_to("TERMINATED"),
    "cleanup": _moves_to("TERMINATED"),
    "is_running": _is_running,
    "query": _query,
    "get_metadata": _get_metadata,
}


# -- resources of the core library (8.6) -----------------------------------------------------------


def _key(key: Any) -> Any:
    """A key that can be hashed without walking through nested data.

    Raises
    ------
    TypeError : it is neither a plain value nor a tuple of them.
    """
    if type(key) in SCALARS or (type(key) is tuple and SCALARS.issuperset(map(type, key))):
        return key
    raise TypeError("a key is a plain value, or a tuple of plain values")


def _store(self: Any, key: Any, value: Any = True) -> bool:
    self.items[_key(key)] = value
    return True


def _retrieve(self: Any, key: Any, default: Any = None) -> Any:
    return self.items.get(_key(key), default)


def _delete(self: Any, key: Any) -> bool:
    return self.items.pop(_key(key), _missing_) is not _missing_


def _search(self: Any, request: Any = "") -> dict[str, Any]:
    """What ``query`` of these resources gives: the entries whose key holds the text of the request."""
    wanted = text_of(request).lower()
    found = {key: value for key, value in self.items.items() if wanted in text_of(key).lower()}
    return {**_query(self, request), "results": found}


def _items_init(self: Any, items: Any = _missing_) -> None:
    self.items = {} if items is _missing_ else items


_LIBRARY = ("ConfigResource", "KnowledgeBaseResource", "MemoryResource")
_LIBRARY_METHODS: dict[str, Callable[..., Any]] = {
    "store": _store,
    "save": _store,
    "retrieve": _retrieve,
    "delete": _delete,
    "query": _search,
}


def _library_resource(registry: TypeRegistry, name: str) -> StructType:
    """One of them: a dict ``items`` with names for what one does to it."""
    kind = registry.struct(name, "resource", (("items", "dict", None),), _copy(_items_init), None)
    for method, function in _LIBRARY_METHODS.items():
        _receiver_((kind,), method, function)
    return kind


# -- workflows (7.6) -------------------------------------------------------------------------------


def _get_execution_state(self: Any) -> str:
    history = getattr(self, "dana_h_states", ())
    return history[-1] if history else "created"


def _set_execution_state(self: Any, state: str) -> None:
    object.__setattr__(self, "dana_h_states", (*getattr(self, "dana_h_states", ()), state))


def _get_execution_history(self: Any) -> list[str]:
    return list(getattr(self, "dana_h_states", ()))


_WORKFLOW_METHODS: dict[str, Callable[..., Any]] = {
    "get_execution_state": _get_execution_state,
    "set_execution_state": _set_execution_state,
    "get_execution_history": _get_execution_history,
}


def _fsm_init(
    self: Any,
    states: Any = _missing_,
    initial_state: Any = "START",
    current_state: Any = _missing_,
    transitions: Any = _missing_,
) -> None:
    self.states = ["START", "PROCESSING", "COMPLETE"] if states is _missing_ else states
    self.initial_state = initial_state
    self.current_state = initial_state if current_state is _missing_ else current_state
    default = {"START:next": "PROCESSING", "PROCESSING:next": "COMPLETE"}
    self.transitions = default if transitions is _missing_ else transitions


_FSM_DOC = "States and the transitions between them."
_FSM_FIELDS = (
    ("states", "list", None),
    ("initial_state", "str", None),
    ("current_state", "str", None),
    ("transitions", "dict", '"from:event" to the next state'),
)


# -- agents (7.7) ----------------------------------------------------------------------------------


class _Memory:
    """What an agent keeps beside its fields; made when it is first needed."""

    __slots__ = ("calls", "errors", "facts", "turns")

    def __init__(self) -> None:
        self.facts: dict[Any, Any] = {}
        self.turns: list[tuple[str, str]] = []
        self.calls = 0
        self.errors = 0


def _memory(agent: Any) -> _Memory:
    found = getattr(agent, "dana_h_memory", None)
    if found is None:
        found = _Memory()
        object.__setattr__(agent, "dana_h_memory", found)
    return found


def _remember(self: Any, key: Any, value: Any) -> bool:
    _memory(self).facts[_key(key)] = value
    return True


def _recall(self: Any, key: Any) -> Any:
    return _memory(self).facts.get(_key(key))


def _get_metrics(self: Any) -> dict[str, Any]:
    memory = _memory(self)
    return {"state": self.state, "calls": memory.calls, "errors": memory.errors, "memories": len(memory.facts)}


def _get_conversation_stats(self: Any) -> dict[str, Any]:
    return {"total_turns": len(_memory(self).turns)}


def _clear_conversation_memory(self: Any) -> bool:
    turns = _memory(self).turns
    had_any = bool(turns)
    turns.clear()
    return had_any


_AGENT_METHODS: dict[str, Callable[..., Any]] = {
    "remember": _remember,
    "recall": _recall,
    "get_metrics": _get_metrics,
    "get_conversation_stats": _get_conversation_stats,
    "clear_conversation_memory": _clear_conversation_memory,
}

_OPTIONS = {"llm_temperature": "temperature", "temperature": "temperature"} | {
    "llm_max_tokens": "max_tokens",
    "max_tokens": "max_tokens",
}


def _options(agent: Any) -> dict[str, Any]:
    """Settings from a field ``config``; the model and its provider are the host's to choose (threat model 5.8)."""
    field = type(agent)._dana_by_name_.get("config")
    config = getattr(agent, field.slot, None) if field else None
    if type(config) is not dict:
        return {}
    return {option: config[key] for key, option in _OPTIONS.items() if key in config}


_ASK = "_dana_ask_"
"""Class attribute of agent types that ask with the grants of one module."""


def set_ask(kind: Any, ask: Ask) -> Any:
    """Let the agents of a type ask in a way of their own; other types stay as they are. The type itself."""
    if isinstance(kind, StructType) and kind._dana_kind_ == "agent_blueprint":
        type.__setattr__(kind, _ASK, staticmethod(ask))
    return kind


def model_methods(ask: Ask) -> dict[str, Callable[..., Any]]:
    """``plan solve reason chat`` over a model."""

    def answer(agent: Any, prompt: str) -> Any:
        memory = _memory(agent)
        memory.calls += 1
        introduced = f"You are {text_of(agent.name)}. {text_of(agent.description)}\n\n{prompt}"
        try:
            return getattr(type(agent), _ASK, ask)(introduced, _options(agent))
        except Exception:
            # Counted and handed on: the program or the host deals with it.
            memory.errors += 1
            raise

    def plan(self: Any, task: Any, context: Any = None) -> Any:
        return answer(self, f"Make a plan for this task: {text_of(task)}{_given(context=context)}")

    def solve(self: Any, problem: Any, context: Any = None, resources: Any = None, workflows: Any = None) -> Any:
        given = _given(context=context, resources=resources, workflows=workflows)
        return answer(self, f"Solve this problem: {text_of(problem)}{given}")

    def reason(self: Any, premise: Any, context: Any = None) -> Any:
        return answer(self, f"Reason about this: {text_of(premise)}{_given(context=context)}")

    def chat(self: Any, message: Any, context: Any = None, max_context_turns: int = 5) -> Any:
        memory = _memory(self)
        told = memory.turns[-max_context_turns:] if max_context_turns > 0 else []
        earlier = "".join(f"User: {asked}\nYou: {said}\n" for asked, said in told)
        said = answer(self, f"{earlier}User: {text_of(message)}{_given(context=context)}")
        memory.turns.append((text_of(message), text_of(said)))
        return said

    return {"plan": plan, "solve": solve, "reason": reason, "chat": chat}


def _given(**parts: Any) -> str:
    return "".join(f"\n\n{name.capitalize()}: {text_of(value)}" for name, value in parts.items() if value is not None)


# -- one context -----------------------------------------------------------------------------------


def _agent_fields(name: str | None = None) -> DefaultFields:
    """Default fields of an agent type; those of ``agent Solo`` start with the state."""
    name_field, description, state = (make_field(word, "str") for word in ("name", "description", "state"))
    make: dict[str, Callable[[], Any]] = {
        "name": lambda: name or "unnamed_agent",
        "description": lambda: f"A Dana agent named {name}" if name else "A Dana agent",
        "state": lambda: "CREATED",
    }
    return DefaultFields((state, name_field, description) if name else (name_field, description, state), make)


def _base(name: str, slots: tuple[str, ...], methods: dict[str, Callable[..., Any]]) -> StructType:
    return StructType(name, (DanaObject,), {"__slots__": slots, "__module__": __name__, **methods})


PREDECLARED = ("FSM", *_LIBRARY, "BasicAgentBlueprint", "DanaAgentBlueprint", "BasicAgent", "DanaAgent")


class Kinds:
    """``resource``, ``workflow``, ``agent_blueprint`` and the predeclared names of one context.

    Nothing is made before a program asks for it: a context that declares plain structs never comes here.

    Parameters
    ----------
    registry : the types of the context.
    ask : asks its model.
    """

    def __init__(self, registry: TypeRegistry, ask: Ask = no_model) -> None:
        self.registry = registry
        self.agent = agent_hook(registry, self.prepare)
        self._ask = ask
        registry.prepare = self.prepare

    def prepare(self, kind: str) -> None:
        """Give the registry base class and default fields of a kind of declaration, unless it has them."""
        registry = self.registry
        if kind == "struct" or kind in registry.bases:
            return
        if kind == "resource":
            registry.bases[kind] = _base("Resource", (), _RESOURCE_METHODS)
            # A resource is CREATED while its constructor runs, and INITIALIZED when anybody sees it.
            registry.defaults[kind] = DefaultFields((make_field("state", "str"),), {"state": lambda: "INITIALIZED"})
        elif kind == "workflow":
            registry.bases[kind] = _base("Workflow", ("dana_h_states",), _WORKFLOW_METHODS)
            make = {"name": lambda: "A Workflow", "fsm": self.predeclared("FSM")}
            fields = (make_field("name", "str"), make_field("fsm", "FSM"))
            registry.defaults[kind] = DefaultFields(fields, make, last=True)
        elif kind == "agent_blueprint":
            registry.bases[kind] = _base("Agent", ("dana_h_memory",), _AGENT_METHODS | model_methods(self._ask))
            registry.defaults[kind] = _agent_fields()

    def predeclared(self, name: str) -> Any:
        """One of the names in `PREDECLARED`, made at the first question."""
        if name in ("BasicAgent", "DanaAgent"):
            return self.agent(name, self.predeclared(f"{name}Blueprint"), {"name": name})
        known = self.registry.find(name)
        if known is not None:
            return known
        if name == "FSM":
            return self.registry.struct(name, "struct", _FSM_FIELDS, _copy(_fsm_init), _FSM_DOC)
        if name in _LIBRARY:
            return _library_resource(self.registry, name)
        return self.registry.struct(name, "agent_blueprint", _TASK_FIELDS, _copy(_tasks_init), None)


_TASK_FIELDS = (("domain", "str", None), ("tasks", "str", None))


def _tasks_init(self: Any, domain: str = "general", tasks: str = "anything") -> None:
    self.domain = domain
    self.tasks = tasks


def _copy(function: Any) -> FunctionType:
    """A function of its own for each context: the factory names it after the struct."""
    return FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)


def _nothing(self: Any) -> None:
    """The constructor of an agent without fields of its own."""


def agent_hook(registry: TypeRegistry, prepare: Callable[[str], None]) -> Callable[..., DanaObject]:
    """``_agent_`` of a context."""

    def _agent_(name: str | None, blueprint: Any, overrides: dict[str, Any]) -> DanaObject:
        """``agent Name(Blueprint): overrides``: a type and its single instance, which is the result (7.7).

        Parameters
        ----------
        name : the new type, or None for an instance of the blueprint itself.
        blueprint : an agent type or instance, or None for an agent without fields of its own.
        overrides : values of fields by Python name.

        Raises
        ------
        TypeError : the blueprint is no agent type, an override names no field, or its value does not fit.
        """
        prepare("agent_blueprint")
        kind = _agent_type(registry, name, blueprint)
        for field in overrides:
            if field not in kind._dana_by_name_:
                known = [own.name for own in kind._dana_fields_]
                near = did_you_mean(field, known)
                raise TypeError(f"{kind.__name__} has no field {field!r}{near} (fields: {', '.join(known)})")
        instance: DanaObject = kind(**overrides)
        return instance

    return _agent_


def _agent_type(registry: TypeRegistry, name: str | None, blueprint: Any) -> StructType:
    if blueprint is None:
        return _lone_agent(registry, str(name))
    parent = type(blueprint) if isinstance(blueprint, DanaObject) else blueprint
    if not isinstance(parent, StructType) or parent._dana_kind_ != "agent_blueprint":
        raise TypeError(f"an agent needs an agent_blueprint, not {text_of(blueprint)[:60]}")
    if name is None:
        return parent
    # A subclass: methods written for the blueprint, also later ones, answer for it.
    kind = StructType(name, (parent,), {"__slots__": (), "__module__": parent.__module__, "__doc__": parent.__doc__})
    registry.types[name] = kind
    return kind


def _lone_agent(registry: TypeRegistry, name: str) -> StructType:
    usual = registry.defaults["agent_blueprint"]
    registry.defaults["agent_blueprint"] = _agent_fields(name)
    try:
        return registry.struct(name, "agent_blueprint", (), _copy(_nothing), None)
    finally:
        registry.defaults["agent_blueprint"] = usual
