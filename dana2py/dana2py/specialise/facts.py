"""What the specialiser knows: types of expressions, struct classes, modules.

In: the lowered ast, and the resolution it came from. Out: `Facts`, which answers in the terms that the
specialiser asks in. The inference itself is `dana_guards.evidence`, the same that the policy trusts, so
whatever is left out here on its word can be seen again by the policy.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from dana2py import nodes
from dana2py.bindings import Resolution, python_name
from dana2py.lower.functions import type_names
from dana2py.lower.statements import type_text
from dana_guards.evidence import infer_module
from dana_guards.lattice import ANY, Type
from dana_guards.policy import Policy
from dana_guards.scopes import Scope


@dataclass(frozen=True, slots=True)
class StructFacts:
    """A struct of this module whose class name is bound once: field types and method names."""

    name: str
    fields: dict[str, str]
    methods: frozenset[str]
    line: int


def struct_facts(resolution: Resolution) -> dict[str, StructFacts]:
    """The structs that a module declares, by Python name."""
    found: dict[str, StructFacts] = {}
    methods = _methods(resolution)
    for dana, node in resolution.structs.items():
        if node.kind == "struct":
            fields = {python_name(item.name): type_text(item.annotation) for item in node.fields}
            own = {python_name(method.name) for method in node.methods} | methods.get(node.name, set())
            found[python_name(dana)] = StructFacts(python_name(dana), fields, frozenset(own), node.span.line)
    return found


def _doubles(resolution: Resolution) -> frozenset[str]:
    """The names that one declared type gives to a field and to a method: ``p.size`` and ``p.size()`` (7.3)."""
    methods = _methods(resolution)
    found: set[str] = set()
    for dana, node in resolution.structs.items():
        own = {python_name(method.name) for method in node.methods} | methods.get(dana, set())
        found |= own & {python_name(field.name) for field in node.fields}
    return frozenset(found)


def _methods(resolution: Resolution) -> dict[str, set[str]]:
    """Type name → the functions of the module whose receiver, or first parameter, has that type."""
    found: dict[str, set[str]] = {}
    for dana, definitions in resolution.functions.items():
        for definition in definitions:
            receiver = definition.receiver
            first = definition.params[0].annotation if definition.params else None
            if not definition.decorators:
                for owner in type_names(receiver.annotation if receiver is not None else first):
                    found.setdefault(owner, set()).add(python_name(dana))
    return found


class Facts:
    """Knowledge about one module."""

    def __init__(
        self, tree: ast.Module, resolution: Resolution, policy: Policy, closed: bool, types: bool
    ) -> None:
        self.evidence = infer_module(tree, names=policy.names, closed=closed)
        self.limited = policy.is_limited
        self.type_of: Callable[[ast.expr], Type] = self.evidence.type_of if types else lambda node: ANY
        self.root: Scope = self.evidence.module_scope
        self.structs = {
            name: struct for name, struct in struct_facts(resolution).items() if self.bound_once(name)
        }
        self.modules = self._modules(resolution)
        self.doubles = _doubles(resolution)

    def bound_once(self, name: str) -> bool:
        """Is the module variable ``name`` bound by exactly one statement, and by no function?"""
        return len(self.root.bound.get(name, ())) == 1 and name not in self.root.outside

    def _modules(self, resolution: Resolution) -> frozenset[str]:
        """Names bound once, by an import of a whole module."""
        names = set()
        for statement in resolution.module.body:
            if isinstance(statement, nodes.Import):
                for item in statement.names:
                    names.add(python_name(item.alias or item.module.partition(".")[0]))
        return frozenset(name for name in names if self.bound_once(name))

    def is_global(self, name: str, scope: ast.AST) -> bool:
        """Does ``name``, read inside the function ``scope``, mean the module variable?"""
        return self.evidence.scope_of(scope).owner(name) is self.root

    def owners_of_field(self, name: str) -> list[StructFacts]:
        """The structs of this module that have a field of that name."""
        return [struct for struct in self.structs.values() if name in struct.fields]

    def owners_of_method(self, name: str) -> list[StructFacts]:
        """The structs of this module that have a method of that name, and no such field."""
        return [s for s in self.structs.values() if name in s.methods and name not in s.fields]
