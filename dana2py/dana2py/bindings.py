"""What a Dana name means: its scope, its kind of binding, and its name in the generated Python.

In: names as written. Out: `Binding` objects and Python names that cannot meet each other. Nothing is
looked up here for the first time: `dana2py.resolver` fills the scopes, the lowering asks them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dana2py import nodes
from dana_guards.spelling import SESSION, dana_name, python_name

__all__ = [
    "SCOPES", "Binding", "ModuleScope", "Resolution", "Scope", "dana_name", "function_line", "lookup", "module_of",
    "python_name", "scoped_binding",
]  # fmt: skip
SCOPES = ("private", "public", "system")


@dataclass(frozen=True, slots=True)
class Binding:
    """The answer for one name.

    ``kind`` is ``local`` (of the asking or an enclosing function), ``module``, ``private``, ``public``,
    ``system``, ``builtin`` or ``runtime`` (only a look-up at run time can tell); ``python`` is the
    Python name, or the attribute of the scope store.
    """

    kind: str
    python: str


@dataclass(slots=True)
class Scope:
    """The names that one module, function, lambda, comprehension or handler binds."""

    kind: str
    parent: Scope | None
    names: dict[str, str] = field(default_factory=dict)
    preload: dict[str, Binding] = field(default_factory=dict)
    """Local names that may be read before they are assigned: their outer meaning, read at entry."""
    functions: dict[str, int] = field(default_factory=dict)
    """Names that a ``def`` or a lambda binds here, with the line of the first one."""
    global_names: set[str] = field(default_factory=set)
    nonlocal_names: set[str] = field(default_factory=set)

    def function(self) -> Scope:
        """The scope whose activation this one shares: itself, or the one around a block scope."""
        scope = self
        while scope.kind in ("comprehension", "handler") and scope.parent is not None:
            scope = scope.parent
        return scope

    def bind(self, name: str) -> None:
        """Note that this scope assigns ``name``."""
        if name not in self.global_names and name not in self.nonlocal_names:
            self.names.setdefault(name, python_name(name))


@dataclass(slots=True)
class ModuleScope(Scope):
    """The outermost scope, with what lies behind it.

    Parameters
    ----------
    is_builtin : tells the built-in names of Dana.
    known : Python names that the namespace holds already (an earlier eval of the same context),
        and ``scope:name`` for the stores.
    """

    is_builtin: Callable[[str], bool] = field(default=lambda name: False)
    known: frozenset[str] = frozenset()
    scoped: dict[str, set[str]] = field(default_factory=lambda: {scope: set() for scope in SCOPES})
    session: bool = False
    """The module is executed piece by piece. A piece was compiled with the meaning that built-ins have, so a
    later one may hide their names from what comes after it, not from what was there before."""
    star: bool = False
    """A star import may bring any name into the module."""
    open_ended: bool = False
    """A star import or a Dana import may bring names (or public names) that only the run knows."""

    def outer(self, name: str) -> Binding | None:
        """The meaning of a name that no function around it binds."""
        python = self.names.get(name)
        for spelt in (f"{SESSION}{name}", python_name(name)):
            if python is None and spelt in self.known:
                python = spelt
        if python is not None:
            return Binding("module", python)
        for scope in SCOPES:
            if self.has_scoped(scope, name):
                return scoped_binding(scope, name)
        if self.is_builtin(name):
            return Binding("builtin", name)
        return Binding("runtime", python_name(name)) if self.open_ended else None

    def bind(self, name: str) -> None:
        """Note that the module assigns ``name``."""
        if self.session and self.is_builtin(name):
            self.names.setdefault(name, f"{SESSION}{name}")
        else:
            self.names.setdefault(name, python_name(name))

    def has_scoped(self, scope: str, name: str) -> bool:
        """Does this module, or an earlier eval, assign ``scope:name``?"""
        if name in self.scoped[scope]:
            return True
        return f"{scope}:{name}" in self.known or (scope == "private" and f"dana_private_{name}" in self.known)


def scoped_binding(scope: str, name: str) -> Binding:
    """The binding behind ``private:name``, ``public:name`` or ``system:name``."""
    return Binding(scope, f"dana_private_{name}" if scope == "private" else python_name(name))


def lookup(scope: Scope, name: str) -> Binding | None:
    """The meaning of an unscoped ``name`` seen from ``scope``: the nearest binding wins (2.2)."""
    current: Scope | None = scope
    while current is not None:
        if isinstance(current, ModuleScope):
            return current.outer(name)
        if name in current.names:
            return Binding("local", current.names[name])
        if name in current.global_names:
            return module_of(current).outer(name)
        current = current.parent
    return None


def function_line(scope: Scope, name: str) -> int | None:
    """The line that defines the function that ``name`` means here, or None if it means none."""
    current: Scope | None = scope
    while current is not None:
        if name in current.names:
            return current.functions.get(name)
        current = current.parent
    return None


def module_of(scope: Scope) -> ModuleScope:
    """The module scope around ``scope``."""
    while scope.parent is not None:
        scope = scope.parent
    assert isinstance(scope, ModuleScope)
    return scope


@dataclass(slots=True)
class Resolution:
    """A resolved module: the tree, the scope of each node that opens one, and what was declared.

    ``scopes`` is keyed by ``id`` of the node, which lives as long as the tree.
    """

    module: nodes.Module
    scope: ModuleScope
    scopes: dict[int, Scope]
    structs: dict[str, nodes.StructDef]
    functions: dict[str, list[nodes.FunctionDef]]
    overrides: dict[int, Binding]
    """Reads that mean something else than their scope says, by ``id`` of the node."""
    exports: tuple[str, ...] | None
