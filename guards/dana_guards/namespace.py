"""Namespaces: what a context gives to its guards, the built-ins of a context, the globals of a module.

In: an `Environment`. Out: `make_builtins`, the dictionary that stands under ``__builtins__`` in every namespace of the
context, and `make_namespace`, the only maker of globals: ``exec`` with a dictionary without ``__builtins__`` would add
Python's own. Not here: what the functions in the dictionary do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, NoReturn, Protocol

from dana_guards.capabilities import Grants
from dana_guards.errors import DanaImportError
from dana_guards.limits import Meter
from dana_guards.names import STOP_FLAG
from dana_guards.policy import Policy
from dana_guards.spelling import did_you_mean, shown_name
from dana_guards.structs import TypeRegistry
from dana_guards.supply import SHARED, Supply

# -- scopes (2.1) ----------------------------------------------------------------------------------


class ScopeStore:
    """The names of ``public:`` or ``system:`` of one context, as attributes in their Python spelling.

    It has no methods, so that every name is free for the program. Only a read that fails comes to code of ours;
    writes and deletions are as fast as those of any object (``__delattr__`` would slow down both).
    """

    __slots__ = ("__dict__", "_scope")
    _dana_type_name_ = "scope"

    def __init__(self, scope: str, values: dict[str, Any] | None = None) -> None:
        """
        Parameters
        ----------
        scope : ``public`` or ``system``.
        values : what it starts with, by Python name.
        """
        self._scope = scope
        self.__dict__.update(values or {})

    def __getattr__(self, name: str) -> NoReturn:
        # Python asks for special names, which are no variables: it must get its own kind of answer.
        if name.startswith("_"):
            raise AttributeError(name)
        shown = shown_name(name)
        raise NameError(f"{self}:{shown} is not defined{did_you_mean(shown, map(shown_name, self.__dict__))}")

    def __repr__(self) -> str:
        return self._scope


# -- the environment -------------------------------------------------------------------------------


class Importer(Protocol):
    """Where the modules of a context come from; arguments as in the import hooks."""

    def module(self, name: str, level: int, python: bool, importer: str) -> Any:
        """The module."""

    def member(self, name: str, level: int, python: bool, importer: str, member: str) -> Any:
        """A member or submodule of it."""

    def star(self, name: str, level: int, python: bool, importer: str) -> dict[str, Any]:
        """What ``from name import *`` brings: Python names and values."""


class NoImporter:
    """A context without modules."""

    def module(self, name: str, *rest: object) -> Any:
        """
        Raises
        ------
        DanaImportError : always.
        """
        raise DanaImportError(f"module {name!r} cannot be imported: this context has no modules")

    member = star = module


def _write(text: str) -> None:
    sys.stdout.write(text)


def _log(level: str, text: str) -> None:
    import logging  # only a program that logs needs it

    logging.getLogger("dana").log(logging.getLevelNamesMapping().get(level, logging.INFO), "%s", text)


def _auto_coercion() -> bool:
    return os.environ.get("DANA_AUTO_COERCION", "1") != "0"


def _substring_truth() -> bool:
    return os.environ.get("DANA_SEMANTIC_TRUTH", "") == "substring"


@dataclass(eq=False)
class Environment:
    """What a context gives to its guards. The defaults are those of a context that may do nothing.

    Parameters
    ----------
    policy : decides between the profiles.
    grants : the capabilities of the context.
    meter : what counts towards its limits.
    importer : finds modules.
    stdout : takes the text of ``print``.
    log : takes a level and a text.
    public, system : the scope stores.
    llm : the provider of a language model, or None.
    name : what the context is called in messages.
    auto_coercion, substring_truth : the compatibility switches, read from ``DANA_AUTO_COERCION`` and
        ``DANA_SEMANTIC_TRUTH`` when the environment is made.
    types : the declared types of the context.
    """

    policy: Policy = field(default_factory=Policy)
    grants: Grants = field(default_factory=Grants)
    meter: Meter = field(default_factory=Meter)
    importer: Importer = field(default_factory=NoImporter)
    stdout: Callable[[str], Any] = _write
    log: Callable[[str, str], Any] = _log
    public: ScopeStore = field(default_factory=lambda: ScopeStore("public"))
    system: ScopeStore = field(default_factory=lambda: ScopeStore("system"))
    llm: Any = None
    name: str = "dana"
    auto_coercion: bool = field(default_factory=_auto_coercion)
    substring_truth: bool = field(default_factory=_substring_truth)
    types: TypeRegistry = field(default_factory=TypeRegistry)

    @property
    def tape(self) -> Any:
        """What records or replays the effects of the context, or None."""
        return self.grants.tape

    @property
    def provider(self) -> Any:
        """The language model, as the capability ``llm`` calls it."""
        return self.llm

    @property
    def limited(self) -> bool:
        """Does the profile bound single operations."""
        return self.policy.profile == "limited"


# -- built-ins and globals --------------------------------------------------------------------------

_SUPPLY = "_supply_"


def make_builtins(environment: Environment, lazy: bool = False) -> dict[str, object]:
    """Hooks and built-in functions for one context.

    Every namespace of the context holds this very dictionary; nothing in Dana can reach or change it.

    Parameters
    ----------
    environment : what the context gives to its guards.
    lazy : leave out what no code has named yet. Whoever executes code then calls `supply_names` before, or gives the
        code to `make_namespace`.
    """
    builtins: dict[str, object] = {**SHARED, "_struct_": environment.types.struct}
    if environment.limited:
        # Their versions that look at sizes come with the other size checks.
        del builtins["_getattr_"], builtins["_method_"]
    supply = Supply(environment, builtins)
    # The policy knows no hook of this name, so no code can spell it.
    builtins[_SUPPLY] = supply
    if not lazy:
        supply.complete()
    return builtins


def supply_names(builtins: dict[str, object], code: CodeType) -> None:
    """Make the built-ins that ``code``, and the functions in it, may name."""
    supply = builtins[_SUPPLY]
    assert isinstance(supply, Supply)
    supply.fill(_names_in(code))


def _names_in(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for const in code.co_consts:
        if isinstance(const, CodeType):
            names |= _names_in(const)
    return names


def make_namespace(
    builtins: dict[str, object], name: str, file: str | None = None, code: CodeType | None = None
) -> dict[str, object]:
    """The globals of one module.

    Parameters
    ----------
    builtins : from `make_builtins`.
    name : the module's ``__name__``, also the ``__module__`` of its functions.
    file : its ``__file__``.
    code : what is going to be executed; None makes all built-ins that are still missing.
    """
    supply = builtins[_SUPPLY]
    assert isinstance(supply, Supply)
    if code is None:
        supply.complete()
    else:
        supply.fill(_names_in(code))
    return {
        "__builtins__": builtins,
        "__name__": name,
        # The watchdog raises it in the namespaces that `Meter.register_namespace` was told of.
        STOP_FLAG: False,
        "dana_u__name__": name,
        "dana_u__file__": file,
    }
