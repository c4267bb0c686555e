"""Built-ins of modules that have grants of their own.

In: the built-ins of the context, and what makes a built-in that needs a capability for one module. Out: a dictionary
for ``__builtins__`` of each such module: the context's own values, but for the built-ins that need a capability and
the hooks that declare agents, which ask a model. These are bound to the module's grants when they are made.

So a grant travels with the function object. ``read_file`` of a module keeps the module's grants wherever it is passed,
returned or stored, and a module gets at the grants of another one only through a function or an agent that the other
has handed out. Nothing looks at the stack to decide, so no callback borrows the grants of who calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from dana_guards import agents, capabilities, effects
from dana_guards.names import BUILTIN_NAMES
from dana_guards.structs import StructType
from dana_guards.supply import Supply, named

_SUPPLY = "_supply_"
_BLUEPRINTS = ("BasicAgentBlueprint", "DanaAgentBlueprint")
_AGENTS = ("BasicAgent", "DanaAgent")
Bind = Callable[[str, str], Any]
"""Module and built-in to the built-in with the grants of the module."""


class ModuleSupplies:
    """The built-ins of the modules of one context that have grants of their own; made once for each module.

    Parameters
    ----------
    outer : the supply of the context.
    needing : the built-ins that need a capability.
    bind : makes one of them for a module.
    lent : what the host has lent under its names; it hides built-ins, and is the same for all modules.
    """

    def __init__(self, outer: Supply, needing: Collection[str], bind: Bind, lent: Collection[str] = ()) -> None:
        self._outer = outer
        self._needing = frozenset(needing) - frozenset(lent)
        self.lent = frozenset(lent)
        self._bind = bind
        self._made: dict[str, ModuleSupply] = {}

    @classmethod
    def of_context(cls, outer: Supply, lent: Collection[str]) -> ModuleSupplies:
        """Those of a context that makes its built-ins itself, with the grants of its environment."""
        rows = {row.name: row for row in capabilities.rows()}
        environments: dict[str, Any] = {}

        def bind(module: str, name: str) -> Any:
            environment = environments.get(module)
            if environment is None:
                grants = outer.environment.grants.for_module(module)
                environment = environments[module] = replace(outer.environment, grants=grants)
            return named(name, effects.made(rows[name], environment))

        return cls(outer, rows, bind, lent)

    def builtins(self, module: str) -> dict[str, Any]:
        """What stands under ``__builtins__`` in a module: the context's own where it has no grants in its name."""
        modules = self._outer.environment.grants.modules
        if modules is None or not modules.holds_own(module):
            return self._outer.builtins
        made = self._made.get(module)
        if made is None:
            bind = partial(self._bind, module)
            made = self._made[module] = ModuleSupply(self._outer, self._needing, bind, self.lent)
        return made.builtins

    def lend(self, name: str, value: Any) -> None:
        """Let every module have what the host lends from now on; it hides a built-in of that name."""
        self.lent |= {name}
        self._needing -= {name}
        for made in self._made.values():
            made.lend(name, value)

    def own(self, builtins: object) -> bool:
        """Whether a dictionary of built-ins is one of these."""
        return any(made.builtins is builtins for made in self._made.values())

    def clear(self) -> None:
        """Let go of everything."""
        for made in self._made.values():
            made.builtins.clear()
        self._made.clear()


class ModuleSupply(Supply):
    """Makes the built-ins of one module."""

    def __init__(
        self, outer: Supply, needing: frozenset[str], bind: Callable[[str], Any], lent: frozenset[str]
    ) -> None:
        self.environment = outer.environment
        self.meter = outer.meter
        self._outer = outer
        self._needing = needing
        self._bind = bind
        self._special: dict[str, Callable[[], Any]] = {
            "_struct_": self._struct_hook,
            "_agent_": self._agent_hook,
            **{name: self._maker_of(name) for name in (*_BLUEPRINTS, *_AGENTS) if name not in lent},
        }
        kept = {
            name: value
            for name, value in outer.builtins.items()
            if name not in needing and name not in self._special and name != _SUPPLY
        }
        self.builtins = {**kept, _SUPPLY: self, "_struct_": self._struct_hook()}

    def fill(self, names: Iterable[str]) -> None:
        """Make what is missing of ``names``; a name that needs a capability is this module's own."""
        wanted = [name for name in names if name not in self.builtins]
        if not wanted:
            return
        outer, builtins = self._outer, self.builtins
        # The context's own are made for all names but ours: nobody needs them.
        outer.fill([name for name in wanted if name not in self._needing and name not in self._special])
        for name in wanted:
            if name in self._special:
                builtins[name] = self._special[name]()
            elif name in self._needing:
                builtins[name] = self._bind(name)
        # One maker may have made more than the name that it was asked for.
        for name, value in outer.builtins.items():
            if name not in self._needing and name not in self._special:
                builtins.setdefault(name, value)

    def lend(self, name: str, value: Any) -> None:
        """Have a value of the host under a name from now on."""
        self._needing -= {name}
        self._special.pop(name, None)
        self.builtins[name] = value

    def complete(self) -> None:
        """Make everything."""
        self._outer.complete()
        self.fill({*self._outer.builtins, *self._needing, *self._special, *BUILTIN_NAMES} - {_SUPPLY})

    # -- agents ------------------------------------------------------------------------------------

    def _ask(self, prompt: str, options: dict[str, Any]) -> Any:
        """An agent asks with the grants of the module that declared it."""
        self.fill(("llm",))
        return self.builtins["llm"](prompt, options)

    def _struct_hook(self) -> Callable[..., Any]:
        declare = self._outer.builtins["_struct_"]

        def _struct_(*args: Any) -> Any:
            return agents.set_ask(declare(*args), self._ask)

        return _struct_

    def _agent_hook(self) -> Callable[..., Any]:
        self._outer.fill(("_agent_",))
        declare = self._outer.builtins["_agent_"]

        def _agent_(name: str | None, blueprint: Any, overrides: dict[str, Any]) -> Any:
            instance = declare(name, blueprint, overrides)
            if name is not None:  # without one, it is an instance of a type that somebody has declared
                agents.set_ask(type(instance), self._ask)
            return instance

        return _agent_

    def _maker_of(self, name: str) -> Callable[[], Any]:
        def make() -> Any:
            kinds = self._outer.kinds
            shared: StructType = kinds.predeclared(name.removesuffix("Blueprint") + "Blueprint")
            body = {"__slots__": (), "__module__": shared.__module__, "__doc__": shared.__doc__}
            own = agents.set_ask(StructType(shared.__name__, (shared,), body), self._ask)
            return own if name in _BLUEPRINTS else kinds.agent(None, own, {"name": name})

        return make
