"""Lowering of functions: ``def``, receiver methods, overloads, and compositions (6.1 to 6.7, 7.3).

A Dana function is a Python function with the same parameters. A composition is nested calls: no list
of stages exists at run time.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TypeGuard

from dana2py import nodes
from dana2py.bindings import Scope, lookup, python_name
from dana2py.lower.expressions import CHAIN, opaque
from dana2py.lower.pyast import At, again
from dana2py.lower.statements import Statements, type_text
from dana2py.visitor import walk
from dana_guards.type_tokens import TYPE_WORDS


def type_names(node: nodes.TypeExpr | None) -> list[str]:
    """The names of a type or of the members of a union."""
    if node is None:
        return []
    members = node.members if isinstance(node, nodes.TypeUnion) else (node,)
    names: list[str] = []
    for member in members:
        names.extend(type_names(member) if isinstance(member, nodes.TypeUnion) else [member.name])
    return names


class Functions(Statements):
    """``lower_FunctionDef`` and ``lower_Composition``."""

    def lower_FunctionDef(self, node: nodes.FunctionDef) -> list[ast.stmt]:
        """A function, and its registration as a method where the first parameter is a struct."""
        at = self.at(node)
        name = self.local_name(node.name)
        function = self.function(node, name)
        classes = self.struct_classes(node)
        kinds = self.overload_kinds(node)
        result: list[ast.stmt] = []
        previous = self.temporary("o") if kinds else ""
        if kinds:
            result.append(at.assign_name(previous, at.load(name)))
        result.append(function)
        if classes:
            owners = at.tuple([self.load_type(node, owner) for owner in classes])
            attach = at.hook("_receiver_", owners, at.constant(python_name(node.name)), at.load(name))
            result.append(at.expr(attach))
        if kinds:
            chosen = at.hook("_overload_", at.tuple(kinds), at.load(name), at.load(previous))
            result.append(at.assign_name(name, chosen))
        return result

    def tail_FunctionDef(self, node: nodes.FunctionDef) -> list[ast.stmt]:
        """A declaration has no value of its own here."""
        return self.lower_FunctionDef(node)

    def struct_classes(self, node: nodes.FunctionDef) -> list[str]:
        """The struct types whose method this function becomes: the receiver's, or the first parameter's."""
        if node.receiver is not None:
            return [name for name in type_names(node.receiver.annotation) if name != "None"]
        if not node.params or node.decorators or self.scope.function().kind != "module":
            return []
        names = type_names(node.params[0].annotation)
        return [name for name in names if name in self.resolution.structs]

    def overload_kinds(self, node: nodes.FunctionDef) -> list[ast.expr]:
        """The first types of a function, if one of its name with other first types was defined before; else nothing."""
        namesakes = self.resolution.functions.get(node.name, ())
        if len(namesakes) < 2 or self.scope.function().kind != "module":
            return []
        body = self.resolution.module.body
        if not any(node is statement for statement in body):
            return []
        names = self.first_types(node)
        others = [
            self.first_types(other)
            for other in namesakes
            if other.span < node.span and any(other is statement for statement in body)
        ]
        if not names or all(other == names for other in others):
            return []
        if "float" in names and not any("int" in other for other in map(self.first_types, namesakes)):
            names = [*names, "int"]
        at = self.at(node)
        values = {**dict(zip(TYPE_WORDS, TYPE_WORDS, strict=True)), "None": None}
        return [at.constant(values[name]) if name in values else self.load_type(node, name) for name in names]

    def load_type(self, node: nodes.FunctionDef, name: str) -> ast.expr:
        """The declared type behind ``Point`` or ``shapes.Point``."""
        first, *members = name.split(".")
        place = node.receiver or node.params[0]
        result = self.load_name(place, first)
        for member in members:
            result = self.at(place).attribute(result, python_name(member))
        return result

    def first_types(self, node: nodes.FunctionDef) -> list[str]:
        """The types by which calls tell this function from others of its name; none if it takes anything."""
        annotation = node.receiver.annotation if node.receiver is not None else None
        if annotation is None and node.params and not node.decorators and node.params[0].kind == "plain":
            annotation = node.params[0].annotation
        names = type_names(annotation)
        interfaces = {part.name for part in self.resolution.module.body if isinstance(part, nodes.InterfaceDef)}
        known = {*TYPE_WORDS, "None", *self.resolution.structs, *interfaces} - {"any"}
        return names if known.issuperset(names) else []

    def function(
        self, node: nodes.FunctionDef, name: str, setup: Sequence[ast.stmt] = ()
    ) -> ast.FunctionDef:
        """The Python function of a Dana function."""
        at = self.at(node)
        args, required = self.parameters(node.params, node.receiver)
        decorators = [self.expr(decorator) for decorator in node.decorators]
        outside, writes = self.scope, self.global_writes
        self.scope, self.global_writes = self.resolution.scopes[id(node)], set()
        body = self.block(node.body, tail=not self.is_docstring_only(node))
        head = [*self.preloads(at, self.scope), *self.required(at, node.name, required), *setup]
        if self.global_writes:
            head.insert(0, ast.Global(names=sorted(self.global_writes), **at.place))
        doc = body[:1] if node.docstring is not None else []
        body = [*doc, *head, *body[len(doc) :]]
        self.scope, self.global_writes = outside, writes
        result = at.function(name, args, body, decorators)
        result.dana_guides = self.guides(node.params, node.receiver)  # type: ignore[attr-defined]
        return result

    def is_docstring_only(self, node: nodes.FunctionDef) -> bool:
        """Is the docstring all there is? It is no value (6.4)."""
        return node.docstring is not None and len(node.body) == 1

    def guides(self, params: Sequence[nodes.Param], receiver: nodes.Receiver | None) -> dict[str, str]:
        """Parameter → type text. Guides only: the specialiser may test them, nothing trusts them."""
        found = {} if receiver is None else {python_name(receiver.name): type_text(receiver.annotation)}
        for param in params:
            if param.annotation is not None and param.kind == "plain":
                found[python_name(param.name)] = type_text(param.annotation)
        return found

    def preloads(self, at: At, scope: Scope) -> list[ast.stmt]:
        """Locals that may be read before they are assigned start with the outer value (2.3).

        The outer name may not exist yet at the call; then the local stays unbound, as in Python.
        """
        result: list[ast.stmt] = []
        for name, outer in scope.preload.items():
            start: ast.stmt = at.assign_name(scope.names[name], self.bound(at, outer))
            if outer.kind != "builtin":
                kinds = at.hook("_kinds_", at.constant("NameError"))
                handler = ast.ExceptHandler(type=kinds, name=None, body=[at.pass_()], **at.place)
                start = ast.Try(body=[start], handlers=[handler], orelse=[], finalbody=[], **at.place)
            result.append(start)
        return result

    def required(self, at: At, function: str, params: Sequence[nodes.Param]) -> list[ast.stmt]:
        """The complaint for parameters without default that follow one with."""
        result: list[ast.stmt] = []
        for param in params:
            test = at.compare(at.load(python_name(param.name)), ast.Is(), at.load("_missing_"))
            error = at.hook("_missing_field_", at.constant(f"{function}()"), at.constant(param.name))
            result.append(at.if_(test, [at.raise_(error)]))
        return result

    # -- compositions (6.5) --------------------------------------------------------------------

    def lower_Composition(self, node: nodes.Composition) -> list[ast.stmt]:
        """``def f(x) = a | b(2) | [c, d]`` becomes ``def f(x): return [c(t), d(t)]`` with t = b(a(x), 2).

        The first stage receives the arguments; one that a stage mentions by name is no piped value, unless it is
        the first.
        """
        at = self.at(node)
        args, required = self.parameters(node.params, None)
        outside = self.scope
        self.scope = self.resolution.scopes[id(node)]
        body = self.required(at, node.name, required)
        mentioned = _mentioned(node)
        values: list[ast.expr] = []
        for number, param in enumerate(node.params):
            if number and param.name in mentioned:
                continue
            value: ast.expr = at.load(python_name(param.name))
            if param.kind == "star":
                value = ast.Starred(value=value, ctx=ast.Load(), **at.place)
            values.append(value)
        captured: set[str] = set()
        for number, stage in enumerate(node.stages[:-1], 1):
            result = self.stage(stage, values, captured, body)
            if stage.name is not None:
                name = self.local_name(stage.name)
                body.append(self.at(stage).assign_name(name, result))
                captured.add(stage.name)
                result = self.at(stage).load(name)
            # Calls nest; a long pipeline is cut, as a long chain of operators is.
            values = [result] if number % CHAIN else self.reusable(at, [result], body)
        body.append(at.return_(self.stage(node.stages[-1], values, captured, body)))
        self.scope = outside
        function = at.function(self.local_name(node.name), args, body)
        function.dana_guides = self.guides(node.params, None)  # type: ignore[attr-defined]
        return [function]

    def stage(
        self, stage: nodes.Stage, values: list[ast.expr], captured: set[str], body: list[ast.stmt]
    ) -> ast.expr:
        """One stage applied to the piped values."""
        at = self.at(stage)
        if isinstance(stage.value, tuple):
            piped = self.reusable(at, values, body)
            return at.list([self.stage(part, list(map(again, piped)), captured, body) for part in stage.value])
        node = stage.value
        if values and self.is_builtin_case(node):
            return self.case_stage(node, self.reusable(at, values, body))
        if _has_placeholder(node):
            return self.with_value(node, self.reusable(at, values, body)[0])
        if not isinstance(node, nodes.Call):
            return at.call(opaque(self.expr(node)), values)
        if any(isinstance(arg, nodes.Name) and arg.name in captured for arg in node.args):
            return self.lower_Call(node)
        return at.call(opaque(self.expr(node.func)), [*values, *self.exprs(node.args)], self.keywords(node.keywords))

    def with_value(self, node: nodes.Expr, value: ast.expr) -> ast.expr:
        """A stage that says with ``$$`` where the value goes."""
        outside, self.stage_value = self.stage_value, value
        result = self.expr(node)
        self.stage_value = outside
        return result

    def reusable(self, at: At, values: list[ast.expr], body: list[ast.stmt]) -> list[ast.expr]:
        """The piped values in a form that may be used more than once."""
        if all(isinstance(value, ast.Name | ast.Constant | ast.Starred) for value in values):
            return values
        name = self.temporary()
        body.append(at.assign_name(name, values[0]))
        return [at.load(name)]

    def is_builtin_case(self, node: nodes.Expr) -> TypeGuard[nodes.Call]:
        """Is this the built-in selector ``case``?"""
        if not isinstance(node, nodes.Call) or not isinstance(node.func, nodes.Name) or node.func.name != "case":
            return False
        binding = lookup(self.scope, "case")
        return binding is not None and binding.kind == "builtin"

    def case_stage(self, node: nodes.Call, values: list[ast.expr]) -> ast.expr:
        """``case((cond, f), …, default)`` in a stage: conditions and functions get the value (8.7)."""
        outside, self.stage_value = self.stage_value, values[0]
        args = self.exprs(node.args)
        value = self.piped_value()
        self.stage_value = outside
        return self.at(node).hook("_case_", value, *args)


def _mentioned(node: nodes.Composition) -> set[str]:
    """The names that stand in arguments of stages."""
    names: set[str] = set()
    for part in walk(node):
        if isinstance(part, nodes.Stage) and isinstance(part.value, nodes.Call):
            call = part.value
            for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
                names.update(item.name for item in walk(argument) if isinstance(item, nodes.Name))
    return names


def _has_placeholder(node: nodes.Node) -> bool:
    return any(isinstance(part, nodes.Placeholder) for part in walk(node))
