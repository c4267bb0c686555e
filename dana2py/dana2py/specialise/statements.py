"""Spelling out Dana's operators in statements: conditions, repeated statements, attribute writes.

In: the lowered statements. Out: the statements to compile. A ``+`` of unknown operands costs nothing
here: the statement stands in a ``try`` and is done again with helpers when it raises TypeError, wherever
evaluating again is harmless (docs/decisions/operators.md).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from dana2py.specialise import forms
from dana2py.specialise.expressions import ExpressionSpecialiser
from dana2py.specialise.facts import StructFacts
from dana2py.specialise.forms import clone, hook, load, place, type_test
from dana2py.specialise.hoisting import hoist
from dana2py.specialise.types import DECLARED, NUMBERS, coerces
from dana_guards.lattice import Type
from dana_guards.watchdog import look_for_stop

MAX_BLOCKS = 18
"""Nested blocks beyond which no ``try`` is added: Python allows 20."""
TESTABLE = frozenset(("int", "float", "str", "bool", "list", "dict"))


_METHODS: dict[type[ast.stmt], Callable[[Any, Any], list[ast.stmt]] | None] = {}


class StatementSpecialiser(ExpressionSpecialiser):
    """Rewrites the statements of one function (or of the module's top level)."""

    blocks = 0

    def block(self, body: Iterable[ast.stmt]) -> list[ast.stmt]:
        """All statements in order."""
        result: list[ast.stmt] = []
        for statement in body:
            look_for_stop()
            kind = type(statement)
            if kind not in _METHODS:
                _METHODS[kind] = getattr(StatementSpecialiser, f"stmt_{kind.__name__}", None)
            method = _METHODS[kind]
            if method is not None:
                result += method(self, statement)
            else:
                self.inside(statement)
                result.append(statement)
        return result

    def nested_block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The body of a loop, ``try`` or ``with``."""
        self.blocks += 1
        result = self.block(body)
        self.blocks -= 1
        return result

    # -- statements that may be repeated -------------------------------------------------------

    def stmt_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        """An assignment: an attribute write, or a statement that may be repeated."""
        target = node.targets[0]
        if len(node.targets) == 1 and isinstance(target, ast.Attribute) and not self.is_module(target.value):
            return self.attribute_write(node, target)
        if all(isinstance(item, ast.Name) for item in node.targets):
            return self.repeated(node)
        for number, item in enumerate(node.targets):
            node.targets[number] = self.target(item)
        node.value = self.expr(node.value)
        return [node]

    def target(self, node: ast.expr) -> ast.expr:
        """Receiver and index of a target."""
        if isinstance(node, ast.Attribute | ast.Subscript):
            node.value = self.expr(node.value)
            if isinstance(node, ast.Subscript):
                node.slice = self.expr(node.slice)
        elif isinstance(node, ast.Tuple | ast.List):
            node.elts = [self.target(item) for item in node.elts]
        elif isinstance(node, ast.Starred):
            node.value = self.target(node.value)
        return node

    def stmt_Return(self, node: ast.Return) -> list[ast.stmt]:
        """``return value``."""
        return self.repeated(node) if node.value is not None else [node]

    def repeated(self, node: ast.Assign | ast.Return) -> list[ast.stmt]:
        """``try: statement`` / ``except TypeError: the same with helpers``, where it pays and is harmless."""
        assert node.value is not None
        if not self.pays(node.value):
            node.value = self.expr(node.value)
            return [node]
        setup, value = hoist(node.value, self.stable, self.waits, self.temporary)
        first: list[ast.stmt] = [part for assign in setup for part in self.block([assign])]
        node.value = value
        again = clone(node)
        assert again.value is not None
        self.retrying = True
        node.value = self.expr(value)
        self.retrying = False
        again.value = self.expr(again.value)
        handler = ast.ExceptHandler(type=load(value, "_type_error_"), name=None, body=[again], **place(node))
        return [*first, ast.Try(body=[node], handlers=[handler], orelse=[], finalbody=[], **place(node))]

    def pays(self, value: ast.expr) -> bool:
        """Is there a ``+`` of unknown operands that is evaluated in any case?"""
        if self.blocks > MAX_BLOCKS or self.compact or not self.options.coercion or not self.options.repeat:
            return False
        while isinstance(value, ast.UnaryOp):
            value = value.operand
        if not isinstance(value, ast.BinOp):
            return False
        if getattr(value, "dana_op", False) and self.unsure(value):
            return True
        return self.pays(value.left) or self.pays(value.right)

    def waits(self, node: ast.expr) -> bool:
        """Is it a sum, difference or product of numbers: it cannot fail, and nothing changes what it gives?"""
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
            return False
        return self.kinds(node.left).is_only(NUMBERS) and self.kinds(node.right).is_only(NUMBERS)

    def unsure(self, node: ast.BinOp) -> bool:
        """Would ``+`` need a test? Beside a literal text a number is expected: that is better tested in line."""
        if _is_text_literal(node.left) or _is_text_literal(node.right):
            return False
        return coerces(self.kinds(node.left), self.kinds(node.right))

    # -- attribute writes ----------------------------------------------------------------------

    def attribute_write(self, node: ast.Assign, target: ast.Attribute) -> list[ast.stmt]:
        """``x.f = v``: the slot, where the types of x and v fit; else the checked write (7.2)."""
        owners = self.reachable(self.facts.owners_of_field(target.attr), node.lineno)
        known = self.struct_of(self.kinds(target.value))
        if known is not None:
            owners = [known] if known in owners else []
        # The test counts only on a variable that nothing else can rebind between test and write.
        local = self.facts.evidence.scope_of(self.function).is_function
        if self.compact or not local or len(owners) != 1 or not _testable(owners[0].fields[target.attr]):
            target.value = self.expr(target.value)
            node.value = self.expr(node.value)
            return [node]
        setup: list[ast.stmt] = []
        kinds = self.kinds(node.value)
        value = self._named_value(node.value, setup)
        receiver = self._named_value(target.value, setup)
        return [*setup, self._write(node, target, owners[0], receiver, value, kinds)]

    def _named_value(self, value: ast.expr, setup: list[ast.stmt]) -> ast.expr:
        if isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and self.stable(value)):
            return value
        name = self.temporary()
        assign = ast.Assign(targets=[ast.Name(id=name, ctx=ast.Store(), **place(value))], value=value, **place(value))
        setup.extend(self.repeated(assign))
        return load(value, name)

    def _write(
        self,
        node: ast.Assign,
        target: ast.Attribute,
        owner: StructFacts,
        receiver: ast.expr,
        value: ast.expr,
        kinds: Type,
    ) -> ast.stmt:
        tests: list[ast.expr] = []
        # The policy sees the types of variables as the inference here does, but not those of other expressions.
        if self.struct_of(self.kinds(target.value)) is None or not isinstance(target.value, ast.Name):
            tests.append(self.class_test(clone(receiver), owner))
        check = _value_test(owner.fields[target.attr], value, kinds)
        if check is not None:
            tests.append(check)
        slot = ast.Attribute(value=clone(receiver), attr=f"dana_s_{target.attr}", ctx=ast.Store(), **place(target))
        fast = ast.Assign(targets=[slot], value=clone(value), **place(node))
        if not tests:
            return fast
        test = tests[0] if len(tests) == 1 else ast.BoolOp(op=ast.And(), values=tests, **place(node))
        slow = hook(node, "_setattr_", clone(receiver), forms.constant(node, target.attr), clone(value))
        return ast.If(test=test, body=[fast], orelse=[ast.Expr(value=slow, **place(node))], **place(node))

    # -- compound statements -------------------------------------------------------------------

    def stmt_If(self, node: ast.If) -> list[ast.stmt]:
        """``if`` with Dana's truth where it is a Dana condition."""
        node.test = self.condition(node.test) if hasattr(node.test, "dana_truth") else self.expr(node.test)
        node.body = self.block(node.body)
        node.orelse = self.block(node.orelse)
        return [node]

    def stmt_While(self, node: ast.While) -> list[ast.stmt]:
        """``while`` with Dana's truth."""
        node.test = self.condition(node.test) if hasattr(node.test, "dana_truth") else self.expr(node.test)
        node.body = self.nested_block(node.body)
        node.orelse = self.block(node.orelse)
        return [node]

    def stmt_For(self, node: ast.For) -> list[ast.stmt]:
        """``for``."""
        node.iter = self.expr(node.iter)
        node.target = self.target(node.target)
        node.body = self.nested_block(node.body)
        node.orelse = self.block(node.orelse)
        return [node]

    def stmt_Try(self, node: ast.Try) -> list[ast.stmt]:
        """``try``."""
        node.body = self.nested_block(node.body)
        for handler in node.handlers:
            if handler.type is not None:
                handler.type = self.expr(handler.type)
            handler.body = self.nested_block(handler.body)
        node.orelse = self.nested_block(node.orelse)
        node.finalbody = self.nested_block(node.finalbody)
        return [node]

    def stmt_With(self, node: ast.With) -> list[ast.stmt]:
        """``with``."""
        for item in node.items:
            item.context_expr = self.expr(item.context_expr)
            if item.optional_vars is not None:
                item.optional_vars = self.target(item.optional_vars)
        node.body = self.nested_block(node.body)
        return [node]

    def stmt_FunctionDef(self, node: ast.FunctionDef) -> list[ast.stmt]:
        """A function of its own; defaults and decorators belong outside."""
        node.decorator_list = [self.expr(decorator) for decorator in node.decorator_list]
        node.args.defaults = [self.expr(default) for default in node.args.defaults]
        node.args.kw_defaults = [default and self.expr(default) for default in node.args.kw_defaults]
        inner = self.nested(node)
        assert isinstance(inner, StatementSpecialiser)
        inner.compact = inner.compact or self.compact
        node.body = inner.block(node.body)
        general = getattr(node, "dana_general", None)
        return [node] if general is None else [*self.stmt_FunctionDef(general), node]


def _is_text_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and type(node.value) is str)


def _testable(declared: str) -> bool:
    """Can the declared type of a field be tested in line?"""
    parts = declared.split(" | ")
    return all(part in TESTABLE or part in ("None", "any") for part in parts)


def _value_test(declared: str, value: ast.expr, kinds: Type) -> ast.expr | None:
    """The test that ``value`` fits a field, or None where its type is known to fit."""
    parts = declared.split(" | ")
    if "any" in parts or kinds.is_only(sum({DECLARED[part] for part in parts})):
        return None
    tests: list[ast.expr] = []
    for part in parts:
        if part == "None":
            none = forms.constant(value, None)
            tests.append(ast.Compare(left=clone(value), ops=[ast.Is()], comparators=[none], **place(value)))
        else:
            tests.append(type_test(clone(value), f"_{part}_"))
    return tests[0] if len(tests) == 1 else ast.BoolOp(op=ast.Or(), values=tests, **place(value))

