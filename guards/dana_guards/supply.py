"""The built-ins of a context: which function makes each, and making them on demand.

In: the environment of a context and the names that its code uses. Out: entries of the dictionary that stands under
``__builtins__``. Not here: that dictionary and the globals of modules (`namespace`), and what the functions do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

from dana_guards import (
    access,
    agents,
    calls,
    coercion,
    effects,
    exceptions,
    formatting,
    interfaces,
    methods,
    output,
    safe_builtins,
    size_checks,
)
from dana_guards.capabilities import host_rows
from dana_guards.errors import DanaImportError, DanaSecurityError
from dana_guards.operators import operator_hooks, text_truth
from dana_guards.spelling import did_you_mean, shown_name
from dana_guards.structs import _missing_
from dana_guards.type_tokens import TYPE_WORDS, isinstance_with, type_of, type_word

if TYPE_CHECKING:
    from dana_guards.namespace import Environment, ScopeStore

Hooks = dict[str, Any]


# -- hooks -----------------------------------------------------------------------------------------

SHARED: Hooks = {
    "_type_": type,
    **{f"_{word}_": kind for word, kind in TYPE_WORDS.items() if word != "any"},
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
    "_type_error_": (TypeError, ArithmeticError),
    "_attribute_error_": AttributeError,
    "_assertion_": exceptions._assertion_,
    "_receiver_": methods._receiver_,
    "_overload_": calls.overload,
    "_case_": calls.case_stage,
}
"""Hooks that know nothing of a context."""


def _type_hooks(environment: Environment) -> Hooks:
    types = environment.types
    return {
        "_caught_": exceptions.caught_hook(types.find, trusted=not environment.limited),
        "_field_": types.field,
        "_missing_field_": types.missing_field,
        "_interface_": interfaces.interface_hook(types),
        "_public_": environment.public,
        "_system_": environment.system,
        "_stop_": environment.meter.stop_hook,
    }


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
        shown = shown_name(name)
        near = did_you_mean(shown, [shown_name(key) for store in order for key in store.__dict__])
        raise NameError(f"name {shown!r} is not defined{near}")

    return _scoped_


_TYPE_HOOKS = ("_caught_", "_field_", "_missing_field_", "_interface_", "_public_", "_system_", "_stop_")


def _import_hooks(environment: Environment) -> Hooks:
    importer = environment.importer

    def _import_(module: str, level: int, python: bool, importing: str) -> Any:
        """``import module`` (9.1)."""
        return importer.module(module, level, python, importing)

    def _import_from_(module: str, level: int, python: bool, importing: str, name: str) -> Any:
        """``from module import name``."""
        return importer.member(module, level, python, importing, name)

    def _import_star_(module: str, level: int, python: bool, importing: str, shadow: bool = False) -> None:
        """``from module import *``, at module level: into the namespace of the caller, names of programs only.

        Names of built-ins are replaced only with ``shadow``: in a session other pieces of text rely on them.
        """
        from dana_guards.names import BUILTIN_NAMES

        # The hook is only ever called by the module itself, so the frame below is the module's.
        namespace = sys._getframe(1).f_globals
        if "_import_star_" not in namespace.get("__builtins__", ()):
            raise DanaImportError("a star import stands at module level only")
        for name, value in importer.star(module, level, python, importing).items():
            if name.isidentifier() and not name.startswith("_") and (shadow or name not in BUILTIN_NAMES):
                namespace[name] = value

    return {"_import_": _import_, "_import_from_": _import_from_, "_import_star_": _import_star_}


# -- built-ins -------------------------------------------------------------------------------------


def _str_word(environment: Environment) -> Callable[..., str]:
    limit = formatting.TEXT_LIMIT if environment.limited else sys.maxsize

    def str_word(value: Any = "") -> str:
        return value if type(value) is str else formatting.text_of(value, limit)

    return str_word


def _bool_word(environment: Environment) -> Callable[..., bool]:
    def bool_word(value: Any = False) -> bool:
        return text_truth(value) if type(value) is str else bool(value)

    return bool_word


def _refused(name: str) -> Callable[..., NoReturn]:
    def refused(*arguments: Any, **named: Any) -> NoReturn:
        raise DanaSecurityError(safe_builtins.refusal(name) or name)

    return refused


Maker = Callable[["Supply"], dict[str, Any]]


class Supply:
    """Makes the hooks and built-ins of one context, each when the first code that names it is about to run.

    A context costs little more than a copy of a dictionary: most programs name a dozen of more than two hundred
    built-ins. Generated code reaches them by name only, so the names of its code objects are all that it can ask for.
    """

    def __init__(self, environment: Environment, builtins: dict[str, Any]) -> None:
        self.environment = environment
        self.builtins = builtins
        self.meter = environment.meter
        self._kinds: agents.Kinds | None = None
        environment.types.prepare = self._prepare

    def fill(self, names: Iterable[str]) -> None:
        """Make what is missing of ``names``; what is there already, or was lent by the host, stays."""
        builtins, makers = self.builtins, _makers(host_rows())
        for name in names:
            if name not in builtins and name in makers:
                for made, value in makers[name](self).items():
                    builtins.setdefault(made, value)

    @property
    def kinds(self) -> agents.Kinds:
        """Resources, workflows and agents of the context."""
        if self._kinds is None:
            self._kinds = agents.Kinds(self.environment.types, self._ask)
            self.environment.types.prepare = self._prepare
        return self._kinds

    def complete(self) -> None:
        """Make everything."""
        self.fill(_makers(host_rows()))

    def size_hooks(self) -> Hooks:
        """The operators and methods with their size checks; where nothing is limited, Python's own."""
        if not self.environment.limited:
            return size_checks.plain_hooks()
        hooks: Hooks = size_checks.size_hooks(self.environment.meter)
        return hooks | access.bounded_reads(hooks["_sized_"])

    def operators(self) -> Hooks:
        """The coercing operators over the size-checked plus."""
        self.fill(("_cat_",))
        environment = self.environment
        hooks = operator_hooks(environment.auto_coercion, environment.substring_truth, self.builtins["_cat_"])
        if environment.limited:
            for name in ("_eq_", "_ne_", "_lt_", "_le_", "_gt_", "_ge_"):
                hooks[name] = size_checks.measured(hooks[name], environment.meter)
            hooks["_or_"] = size_checks.combined(hooks["_or_"], environment.meter)
        return hooks

    def _prepare(self, kind: str) -> None:
        """Before a type is declared."""
        if self.environment.limited and self.environment.types.sized is None:
            self.fill(("_sized_", "_room_"))
            self.environment.types.sized = self.builtins["_sized_"]
            self.environment.types.room = self.builtins["_room_"]
        if kind != "struct":
            self.kinds.prepare(kind)

    def _ask(self, prompt: str, options: dict[str, Any]) -> Any:
        """Agents reach the model through the built-in ``llm``, so one grant and one budget cover both."""
        self.fill(("llm",))
        return self.builtins["llm"](prompt, options)


def _of_row(row: safe_builtins.Builtin) -> Maker:
    return lambda supply: {row.name: named(row.name, effects.made(row, supply.environment))}


def _word(name: str, make: Callable[[Any], Any]) -> Maker:
    return lambda supply: {name: type_word(name, make(supply.environment))}


def _constant(name: str, value: Any) -> Maker:
    made = {name: value}
    return lambda supply: made


def _one(name: str, make: Callable[[Supply], Any]) -> Maker:
    return lambda supply: {name: make(supply)}


def _predeclared(name: str) -> Maker:
    return lambda supply: {name: supply.kinds.predeclared(name)}


def named(name: str, function: Any) -> Any:
    """Functions of ours are called in messages what the program calls them."""
    if type(function) is FunctionType and function.__module__.startswith("dana_guards."):
        function.__name__ = function.__qualname__ = name
    return function


@cache
def _makers(host: tuple[Any, ...]) -> dict[str, Maker]:
    """What makes each name; one table for all contexts, and a new one when the host has registered a capability."""
    rows = {row.name: row for row in (*safe_builtins.rows(), *host)}
    words = {name: rows[name].make for name in TYPE_WORDS if name in rows}
    words |= {"str": _str_word, "bool": _bool_word}
    makers: dict[str, Maker] = {name: _constant(name, named(name, _refused(name))) for name in safe_builtins.REFUSED}
    makers |= {name: _of_row(row) for name, row in rows.items()}
    makers |= {name: _word(name, make) for name, make in words.items()}
    makers |= {name: _predeclared(name) for name in agents.PREDECLARED}
    makers |= {name: _constant(name, kind) for name, kind in exceptions.KINDS.items()}
    makers |= dict.fromkeys(("log", "log_level"), _log_functions)
    makers |= {
        "type": _constant("type", named("type", type_of)),
        "cast": _constant("cast", named("cast", coercion.cast)),
        "isinstance": _one("isinstance", lambda supply: isinstance_with(supply.environment.types.find)),
    }
    return makers | _hook_makers()


def _log_functions(supply: Supply) -> dict[str, Any]:
    log, level = output.make_log(supply.environment)
    return {"log": log, "log_level": named("log_level", level)}


def _hook_makers() -> dict[str, Maker]:
    makers: dict[str, Maker] = dict.fromkeys([*size_checks.plain_hooks(), "_getattr_", "_method_"], Supply.size_hooks)
    makers |= dict.fromkeys(operator_hooks(), Supply.operators)
    makers |= dict.fromkeys(
        ("_import_", "_import_from_", "_import_star_"), lambda supply: _import_hooks(supply.environment)
    )
    makers |= dict.fromkeys(_TYPE_HOOKS, lambda supply: _type_hooks(supply.environment))
    makers["_agent_"] = _one("_agent_", lambda supply: supply.kinds.agent)
    makers["_scoped_"] = _one(
        "_scoped_", lambda supply: scoped_hook(supply.environment.public, supply.environment.system)
    )
    return makers
