"""Namespaces: what a context gives to its guards, the built-ins of a context, the globals of a module.

In: an `Environment`. Out: `make_builtins`, the dictionary that stands under ``__builtins__`` in every namespace of the
context, and `make_namespace`, the only maker of globals: ``exec`` with a dictionary without ``__builtins__`` would add
Python's own. Not here: what the functions in the dictionary do.
"""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, NoReturn, Protocol

from dana_guards import (
    access,
    agents,
    calls,
    coercion,
    exceptions,
    formatting,
    interfaces,
    methods,
    safe_builtins,
    size_checks,
)  # fmt: skip
from dana_guards.capabilities import Grants
from dana_guards.errors import DanaImportError
from dana_guards.limits import Meter
from dana_guards.names import STOP_FLAG
from dana_guards.operators import operator_hooks, text_truth
from dana_guards.policy import Policy
from dana_guards.spelling import dana_name, did_you_mean
from dana_guards.structs import TypeRegistry, _missing_
from dana_guards.type_tokens import TYPE_WORDS, isinstance_with, type_of, type_word

Hooks = dict[str, Any]


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
        shown = dana_name(name)
        raise NameError(f"{self}:{shown} is not defined{did_you_mean(shown, map(dana_name, self.__dict__))}")

    def __repr__(self) -> str:
        return self._scope


def scoped_hook(public: ScopeStore, system: ScopeStore) -> Callable[[str, str], Any]:
    """``_scoped_`` of a context."""

    def _scoped_(scope: str, name: str) -> Any:
        """A name that no assignment of the module binds: looked up in the stores, its own scope first (2.2).

        Raises
        ------
        NameError : no store has it.
        """
        order = (system, public) if scope == "system" else (public, system)
        for store in order:
            if name in store.__dict__ and not name.startswith("_"):
                return store.__dict__[name]
        shown = dana_name(name)
        near = did_you_mean(shown, [dana_name(key) for store in order for key in store.__dict__])
        raise NameError(f"name {shown!r} is not defined{near}")

    return _scoped_


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
    def provider(self) -> Any:
        """The language model, as the capability ``llm`` calls it."""
        return self.llm

    @property
    def limited(self) -> bool:
        """Does the profile bound single operations."""
        return self.policy.profile == "limited"


# -- hooks -----------------------------------------------------------------------------------------

_REAL_TYPES = {f"_{word}_": kind for word, kind in TYPE_WORDS.items() if word != "any"} | {"_range_": range}

_SHARED: Hooks = {
    "_type_": type,
    **_REAL_TYPES,
    "_missing_": _missing_,
    "_getattr_": access._getattr_,
    "_setattr_": access._setattr_,
    "_delattr_": access._delattr_,
    "_method_": access._method_,
    "_manager_": access._manager_,
    "_coerce_": coercion._coerce_,
    **{f"_to_{word}_": coercion.COERCIONS[word] for word in ("int", "float", "str", "bool", "list", "dict")},
    "_text_": formatting._text_,
    "_exception_": exceptions._exception_,
    "_kinds_": exceptions._kinds_,
    "_error_": Exception,
    "_type_error_": TypeError,
    "_attribute_error_": AttributeError,
    "_assertion_": exceptions._assertion_,
    "_receiver_": methods._receiver_,
    "_overload_": calls.overload,
    "_case_": calls.case_stage,
}


def _context_hooks(environment: Environment, size_hooks: Hooks) -> Hooks:
    """The hooks that know their context."""
    types = environment.types
    return {
        **operator_hooks(
            environment.auto_coercion, environment.substring_truth, size_hooks.get("_cat_", operator.add)
        ),
        "_caught_": exceptions.caught_hook(types.find, trusted=not environment.limited),
        "_struct_": types.struct,
        "_field_": types.field,
        "_missing_field_": types.missing_field,
        "_interface_": interfaces.interface_hook(types),
        "_public_": environment.public,
        "_system_": environment.system,
        "_scoped_": scoped_hook(environment.public, environment.system),
        "_stop_": environment.meter.stop_hook,
        **_import_hooks(environment),
    }


def _import_hooks(environment: Environment) -> Hooks:
    importer = environment.importer

    def _import_(module: str, level: int, python: bool, importing: str) -> Any:
        """``import module`` (9.1)."""
        return importer.module(module, level, python, importing)

    def _import_from_(module: str, level: int, python: bool, importing: str, name: str) -> Any:
        """``from module import name``."""
        return importer.member(module, level, python, importing, name)

    def _import_star_(module: str, level: int, python: bool, importing: str, target: object = None) -> None:
        """``from module import *``, at module level: into the namespace of the caller, names of programs only."""
        # The hook is only ever called by the module itself, so the frame below is the module's.
        namespace = sys._getframe(1).f_globals
        if "_import_star_" not in namespace.get("__builtins__", ()):
            raise DanaImportError("a star import stands at module level only")
        for name, value in importer.star(module, level, python, importing).items():
            if name.isidentifier() and not name.startswith("_"):
                namespace[name] = value

    return {"_import_": _import_, "_import_from_": _import_from_, "_import_star_": _import_star_, "_globals_": None}


# -- built-ins -------------------------------------------------------------------------------------


def _str_word(environment: Environment) -> Callable[..., str]:
    limit = formatting.TEXT_LIMIT if environment.limited else sys.maxsize

    def str_word(value: Any = "") -> str:
        return value if type(value) is str else formatting.text_of(value, limit)

    return str_word


def _bool_word(value: Any = False) -> bool:
    return text_truth(value) if type(value) is str else bool(value)


def type_words(environment: Environment, any_function: Any) -> dict[str, Any]:
    """The words ``int float str …`` as callable tokens; ``any`` called is the function of that name."""
    constructors = safe_builtins.make_constructors(environment)
    constructors |= {"str": _str_word(environment), "bool": _bool_word, "any": any_function}
    return {word: type_word(word, constructors[word]) for word in TYPE_WORDS}


def _ask_with(table: dict[str, Any]) -> agents.Ask:
    """Agents reach the model through the built-in ``llm``, so one grant and one budget cover both."""

    def ask(prompt: str, options: dict[str, Any]) -> Any:
        return table["llm"](prompt, options)

    return ask


def _size_hooks(environment: Environment) -> Hooks:
    """The operators and methods with their size checks; where nothing is limited, Python's own."""
    if not environment.limited:
        return size_checks.plain_hooks()
    hooks: Hooks = size_checks.size_hooks(environment.meter)
    environment.types.sized = hooks["_sized_"]
    return hooks | access.bounded_reads(hooks["_sized_"])


def make_builtins(environment: Environment) -> dict[str, object]:
    """Hooks and built-in functions for one context.

    Every namespace of the context holds this very dictionary; nothing in Dana can reach or change it.
    """
    table: dict[str, Any] = dict(safe_builtins.make_table(environment))
    size_hooks = _size_hooks(environment)
    installed = agents.install(environment.types, _ask_with(table))
    table |= type_words(environment, table["any"])
    table |= exceptions.KINDS
    table |= {"type": type_of, "isinstance": isinstance_with(environment.types.find), "cast": coercion.cast}
    table |= installed.predeclared
    hooks = {**_SHARED, **size_hooks, **_context_hooks(environment, size_hooks), "_agent_": installed.agent}
    _name_functions(table)
    return {**table, **hooks}


def _name_functions(table: dict[str, Any]) -> None:
    """Functions of ours are called in messages what the program calls them."""
    for name, function in table.items():
        if type(function) is FunctionType and function.__module__.startswith("dana_guards."):
            function.__name__ = function.__qualname__ = name


def make_namespace(builtins: dict[str, object], name: str, file: str | None = None) -> dict[str, object]:
    """The globals of one module.

    Parameters
    ----------
    builtins : from `make_builtins`.
    name : the module's ``__name__``, also the ``__module__`` of its functions.
    file : its ``__file__``.
    """
    return {
        "__builtins__": builtins,
        "__name__": name,
        # The watchdog raises it in the namespaces that `Meter.register_namespace` was told of.
        STOP_FLAG: False,
        "dana_u__name__": name,
        "dana_u__file__": file,
    }
