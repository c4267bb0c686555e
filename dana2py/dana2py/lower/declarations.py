"""Lowering of declarations: structs, interfaces, agents, imports, exports (7 and 9).

A struct is an initialiser, which is an ordinary function with one test per field, and one call of the
vetted factory `_struct_`, which makes the ``__slots__`` class around it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from dana2py import nodes
from dana2py.bindings import python_name
from dana2py.lower.functions import Functions, type_names
from dana2py.lower.pyast import At, arguments
from dana2py.lower.statements import type_text
from dana2py.visitor import walk

EXACT = frozenset(("int", "float", "str", "bool", "list", "dict"))
UNCHECKED = frozenset(("any",))
IMMUTABLE = (int, float, str, bool, type(None))


class Declarations(Functions):
    """``lower_<Node>`` for what declares types and names of other modules."""

    # -- structs -------------------------------------------------------------------------------

    def lower_StructDef(self, node: nodes.StructDef) -> list[ast.stmt]:
        """The initialiser, the class, its methods."""
        at = self.at(node)
        name = self.local_name(node.name)
        init = f"dana_init_{name}"
        fields = at.tuple([self._field_constant(member) for member in node.fields])
        make = at.hook(
            "_struct_",
            at.constant(node.name),
            at.constant(node.kind),
            fields,
            at.load(init),
            at.constant(node.docstring),
        )
        result = [*self._initialiser(node, init), at.assign_name(name, make)]
        for method in node.methods:
            result.extend(self._method(method, name))
        return result

    def _field_constant(self, member: nodes.Field) -> ast.expr:
        at = self.at(member)
        parts = (python_name(member.name), type_text(member.annotation), member.comment)
        return at.tuple([at.constant(part) for part in parts])

    def _initialiser(self, node: nodes.StructDef, name: str) -> list[ast.stmt]:
        """``def dana_init_P(self, x, y=…)``: test each field, fill each slot."""
        at = self.at(node)
        setup: list[ast.stmt] = []
        body: list[ast.stmt] = []
        defaults: list[ast.expr] = []
        # No field may be called like the instance: its parameter has a name of the compiler.
        params = [at.arg("dana_self")]
        for member in node.fields:
            place = self.at(member)
            field_name = python_name(member.name)
            params.append(place.arg(field_name))
            default = self._default(node, member, setup, body)
            if default is not None:
                defaults.append(default)
            elif defaults:
                defaults.append(place.load("_missing_"))
                error = place.hook("_missing_field_", place.constant(node.name), place.constant(member.name))
                body.append(place.if_(_is_missing(place, field_name), [place.raise_(error)]))
            body.extend(self._check(node, member))
            slot = place.attribute(place.load("dana_self"), f"dana_s_{field_name}", ast.Store())
            body.append(place.assign(slot, place.load(field_name)))
        return [*setup, at.function(name, arguments(params, defaults), body)]

    def _default(
        self, node: nodes.StructDef, member: nodes.Field, setup: list[ast.stmt], body: list[ast.stmt]
    ) -> ast.expr | None:
        """The parameter default of a field; what is no constant is made afresh for each instance (7.1)."""
        if member.default is None:
            return None
        place = self.at(member)
        value = self.expr(member.default)
        if isinstance(value, ast.Constant) and isinstance(value.value, IMMUTABLE):
            return value
        field_name = python_name(member.name)
        names = {other.name for other in node.fields}
        if any(isinstance(part, nodes.Name) and part.name in names for part in walk(member.default)):
            # Inside the initialiser the name would mean the field: make the value outside of it.
            maker = self.temporary("f")
            make = ast.Lambda(args=arguments(), body=value, **place.place)
            setup.append(place.assign_name(maker, make))
            value = place.call(place.load(maker), [])
        body.append(place.if_(_is_missing(place, field_name), [place.assign_name(field_name, value)]))
        return place.load("_missing_")

    def _check(self, node: nodes.StructDef, member: nodes.Field) -> list[ast.stmt]:
        """``if type(x) is not float: x = _field_(…)``: one test when the value fits (7.2)."""
        types = type_names(member.annotation)
        if any(name in UNCHECKED for name in types):
            return []
        place = self.at(member)
        field_name = python_name(member.name)
        tests: list[ast.expr] = []
        for name in types:
            if name in EXACT:
                tests.append(place.is_not_type(place.load(field_name), f"_{name}_"))
            elif name in ("tuple", "set"):
                # Everything but none is accepted, as the reference does.
                return [place.if_(_is_none(place, field_name), [self._fix(node, member)])]
            elif name == "None":
                tests.append(place.compare(place.load(field_name), ast.IsNot(), place.constant(None)))
        fix = self._fix(node, member)
        return [place.if_(place.boolean(ast.And(), tests), [fix])] if tests else [fix]

    def _fix(self, node: nodes.StructDef, member: nodes.Field) -> ast.stmt:
        """``x = _field_(…)``: the value that goes into the field, or the error."""
        place = self.at(member)
        field_name = python_name(member.name)
        parts = (node.name, member.name, type_text(member.annotation))
        check = place.hook("_field_", *[place.constant(part) for part in parts], place.load(field_name))
        return place.assign_name(field_name, check)

    def _method(self, node: nodes.FunctionDef, owner: str) -> list[ast.stmt]:
        """A method of the body: a function of its own name in the compiler's space, attached to the class."""
        at = self.at(node)
        inner = f"dana_m_{owner}_{python_name(node.name)}"
        function = self.function(node, inner)
        function.dana_shown = node.name  # type: ignore[attr-defined]
        if node.receiver is None and node.params[0].annotation is None:
            # The instance is of this struct, unless somebody calls the method in an odd way: a guide, no promise.
            function.dana_guides.setdefault(python_name(node.params[0].name), owner)  # type: ignore[attr-defined]
        attach = at.hook(
            "_receiver_", at.tuple([at.load(owner)]), at.constant(python_name(node.name)), at.load(inner)
        )
        return [function, at.expr(attach)]

    # -- interfaces and agents -----------------------------------------------------------------

    def lower_InterfaceDef(self, node: nodes.InterfaceDef) -> list[ast.stmt]:
        """A token that knows the names and arities of its methods (7.4)."""
        at = self.at(node)
        signatures = at.tuple(
            [
                at.tuple([at.constant(python_name(item.name)), at.constant(len(item.params))])
                for item in node.signatures
            ]
        )
        embedded = at.tuple([self.load_name(node, name) for name in node.embedded])
        make = at.hook("_interface_", at.constant(node.name), signatures, embedded, at.constant(node.docstring))
        return [at.assign_name(self.local_name(node.name), make)]

    def lower_AgentDef(self, node: nodes.AgentDef) -> list[ast.stmt]:
        """``agent Helper(Blueprint): overrides`` binds one instance (7.7)."""
        at = self.at(node)
        target = node.name or node.blueprint or ""
        blueprint = at.constant(None) if node.blueprint is None else self.load_name(node, node.blueprint)
        overrides = ast.Dict(
            keys=[at.constant(python_name(name)) for name, _ in node.overrides],
            values=[self.expr(value) for _, value in node.overrides],
            **at.place,
        )
        make = at.hook("_agent_", at.constant(node.name), blueprint, overrides)
        return [at.assign_name(self.local_name(target), make)]

    # -- modules -------------------------------------------------------------------------------

    def lower_Import(self, node: nodes.Import) -> list[ast.stmt]:
        """``import a.b`` binds ``a``; with an alias it binds the module itself (9.3)."""
        result: list[ast.stmt] = []
        for item in node.names:
            at = self.at(item)
            top = item.module.partition(".")[0]
            if item.alias is not None or top == item.module:
                target = self.local_name(item.alias or item.module)
                result.append(at.assign_name(target, self._import(at, item.module, 0, item.python)))
            else:
                result.append(at.expr(self._import(at, item.module, 0, item.python)))
                result.append(at.assign_name(self.local_name(top), self._import(at, top, 0, item.python)))
        return result

    def _import(self, at: At, module: str, level: int, python: bool, *member: str) -> ast.expr:
        hook = "_import_from_" if member else "_import_"
        parts: Sequence[object] = (module, level, python, self.name, *member)
        return at.hook(hook, *[at.constant(part) for part in parts])

    def lower_ImportFrom(self, node: nodes.ImportFrom) -> list[ast.stmt]:
        """``from m import x as y``."""
        at = self.at(node)
        if node.star:
            parts: tuple[object, ...] = (node.module, node.level, node.python, self.name)
            if not self.resolution.scope.session:
                parts += (True,)  # here nothing was compiled before that relies on a built-in's name
            return [at.expr(at.hook("_import_star_", *[at.constant(part) for part in parts]))]
        return [
            at.assign_name(
                self.local_name(alias or name),
                self._import(at, node.module, node.level, node.python, python_name(name)),
            )
            for name, alias in node.names
        ]

    def lower_Export(self, node: nodes.Export) -> list[ast.stmt]:
        """``export a`` adds to ``__exports__``; the module's whole list is set at the first one (9.4)."""
        at = self.at(node)
        names = at.list([at.constant(name) for name in self.resolution.exports or ()])
        return [at.assign_name(python_name("__exports__"), names)]


def _is_none(at: At, name: str) -> ast.expr:
    return at.compare(at.load(name), ast.Is(), at.constant(None))


def _is_missing(at: At, name: str) -> ast.expr:
    return at.compare(at.load(name), ast.Is(), at.load("_missing_"))
