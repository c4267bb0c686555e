"""Lowering of statements: one method per node, each gives a list of Python statements.

``tail_<Node>`` methods lower a statement in tail position: its value becomes the result of the function
(6.4, with the decision that only the tail counts and a docstring is no value).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence

from dana2py import nodes
from dana2py.bindings import lookup, python_name
from dana2py.lower.base import DEL, STORE
from dana2py.lower.expressions import Expressions
from dana_guards.watchdog import look_for_stop

SINGLE_TYPES = frozenset(("int", "float", "str", "bool", "list", "dict", "tuple", "set"))
MODEL_CALLS = frozenset(("reason", "context_aware_reason"))
LADDER = 40
"""Rungs of an ``elif`` ladder that nest; a longer one is cut, since every later pass recurses."""


def type_text(node: nodes.TypeExpr) -> str:
    """A type as text, without the arguments of generics (5.1 drops them)."""
    if isinstance(node, nodes.TypeUnion):
        return " | ".join(type_text(member) for member in node.members)
    return node.name


class Statements(Expressions):
    """``lower_<Node>`` and ``tail_<Node>`` for the statements that are not declarations."""

    def block(self, body: Iterable[nodes.Stmt], tail: bool = False) -> list[ast.stmt]:
        """Statements in order."""
        statements = tuple(body)
        result: list[ast.stmt] = []
        for number, statement in enumerate(statements):
            look_for_stop()
            last = tail and number == len(statements) - 1
            method = getattr(self, f"tail_{type(statement).__name__}", None) if last else None
            result.extend(method(statement) if method is not None else self.visit(statement))
        return result

    # -- values and assignment -----------------------------------------------------------------

    def lower_ExprStmt(self, node: nodes.ExprStmt) -> list[ast.stmt]:
        """An expression for its effect."""
        return [self.at(node).expr(self.expr(node.value))]

    def tail_ExprStmt(self, node: nodes.ExprStmt) -> list[ast.stmt]:
        """``return value``."""
        return [self.at(node).return_(self.expr(node.value))]

    def lower_Assign(self, node: nodes.Assign) -> list[ast.stmt]:
        """``t1 = t2 = value``."""
        value = self.expr(node.value)
        return [ast.Assign(targets=[self.target(t) for t in node.targets], value=value, **self.at(node).place)]

    def tail_Assign(self, node: nodes.Assign) -> list[ast.stmt]:
        """Assign, then give the value."""
        return self._assign_and_return(node, node.targets, self.expr(node.value))

    def _assign_and_return(
        self, node: nodes.Stmt, targets: Sequence[nodes.Expr], value: ast.expr
    ) -> list[ast.stmt]:
        at = self.at(node)
        if len(targets) == 1 and isinstance(targets[0], nodes.Name):
            name = self.local_name(targets[0].name)
            return [at.assign_name(name, value), at.return_(at.load(name))]
        name = self.temporary()
        assigned = ast.Assign(targets=[self.target(t) for t in targets], value=at.load(name), **at.place)
        return [at.assign_name(name, value), assigned, at.return_(at.load(name))]

    def lower_TypedAssign(self, node: nodes.TypedAssign) -> list[ast.stmt]:
        """``target: T = value`` coerces by the table of 5.2."""
        return [self.at(node).assign(self.target(node.target), self._coerced(node))]

    def tail_TypedAssign(self, node: nodes.TypedAssign) -> list[ast.stmt]:
        """As an assignment."""
        return self._assign_and_return(node, (node.target,), self._coerced(node))

    def _coerced(self, node: nodes.TypedAssign) -> ast.expr:
        value = self.expr(node.value)
        if self._asks_model(node.value) and isinstance(value, ast.Call):
            # The type that the answer is wanted in shapes the question (8.4).
            at = self.at(node.annotation)
            wanted = at.constant(type_text(node.annotation))
            value.keywords.append(ast.keyword(arg="dana_type", value=wanted, **at.place))
        text = type_text(node.annotation).lower()
        if text not in SINGLE_TYPES:
            return value
        at = self.at(node.value)
        if text in ("tuple", "set"):
            return at.hook("_coerce_", value, at.constant(text))
        call = at.hook(f"_to_{text}_", value)
        call.dana_coerce = f"_{text}_"  # type: ignore[attr-defined]
        return call

    def _asks_model(self, node: nodes.Expr) -> bool:
        """Is it a call of the built-in ``reason``?"""
        if not isinstance(node, nodes.Call) or not isinstance(node.func, nodes.Name):
            return False
        binding = lookup(self.scope, node.func.name)
        return node.func.name in MODEL_CALLS and binding is not None and binding.kind == "builtin"

    def lower_AugAssign(self, node: nodes.AugAssign) -> list[ast.stmt]:
        """``a op= b`` is ``a = a op b``, receiver and index evaluated once (3.1)."""
        setup, read, write = self._place(node.target)
        at = self.at(node)
        value = self.binary(at, read, node.op, self.expr(node.value))
        return [*setup, at.assign(write, value)]

    def tail_AugAssign(self, node: nodes.AugAssign) -> list[ast.stmt]:
        """The new value is the result."""
        setup, read, write = self._place(node.target)
        at = self.at(node)
        name = self.temporary()
        value = self.binary(at, read, node.op, self.expr(node.value))
        return [*setup, at.assign_name(name, value), at.assign(write, at.load(name)), at.return_(at.load(name))]

    def _place(self, node: nodes.Expr) -> tuple[list[ast.stmt], ast.expr, ast.expr]:
        """Statements that fix receiver and index, then the place read and the place written."""
        at = self.at(node)
        match node:
            case nodes.Attribute(value=value, name=name):
                setup, again = self._once(value)
                read = at.attribute(again(), python_name(name))
                read.dana_attr = True  # type: ignore[attr-defined]
                return setup, read, at.attribute(again(), python_name(name), STORE)
            case nodes.Index(value=value, index=index):
                setup, again = self._once(value)
                more, position = self._once(index)
                return setup + more, at.subscript(again(), position()), at.subscript(again(), position(), STORE)
        return [], self.expr(node), self.target(node)

    def _once(self, node: nodes.Expr) -> tuple[list[ast.stmt], Callable[[], ast.expr]]:
        """Evaluate a part once. Local names and constants need no temporary: nothing rebinds them between."""
        if isinstance(node, nodes.Name | nodes.Constant):
            return [], lambda: self.expr(node)
        at = self.at(node)
        if isinstance(node, nodes.Slice):
            setup: list[ast.stmt] = []
            names: list[str | None] = []
            for part in (node.lower, node.upper, node.step):
                names.append(None if part is None else self.temporary())
                if part is not None:
                    setup.append(at.assign_name(names[-1] or "", self.expr(part)))
            lower, upper, step = names

            def bounds() -> ast.expr:
                parts = [None if name is None else at.load(name) for name in (lower, upper, step)]
                return ast.Slice(lower=parts[0], upper=parts[1], step=parts[2], **at.place)

            return setup, bounds
        name = self.temporary()
        return [at.assign_name(name, self.expr(node))], lambda: at.load(name)

    def lower_Delete(self, node: nodes.Delete) -> list[ast.stmt]:
        """``del a, b[0]``."""
        return [ast.Delete(targets=[self.target(t, DEL) for t in node.targets], **self.at(node).place)]

    # -- flow ----------------------------------------------------------------------------------

    def condition(self, node: nodes.Expr) -> ast.expr:
        """The test of ``if``, ``elif`` and ``while``: semantic truth (5.4)."""
        test = self.expr(node)
        test.dana_truth = True  # type: ignore[attr-defined]
        return test

    def lower_If(self, node: nodes.If, tail: bool = False) -> list[ast.stmt]:
        """``if``/``elif``/``else``; a ladder of many rungs becomes several statements.

        Each part but the last ends in ``else: flag = True``, and the next stands behind ``if flag:``.
        """
        rungs: list[nodes.If] = [node]
        while len(rungs[-1].orelse) == 1 and isinstance(rungs[-1].orelse[0], nodes.If):
            rungs.append(rungs[-1].orelse[0])
        parts = [rungs[start : start + LADDER] for start in range(0, len(rungs), LADDER)]
        at = self.at(node)
        flags = [self.temporary() for _ in parts[1:]]
        result: list[ast.stmt] = [at.assign_name(flag, at.constant(False)) for flag in flags]
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            orelse = self.block(rungs[-1].orelse, tail) if last else []
            if not last:
                orelse.append(at.assign_name(flags[number], at.constant(True)))
            for rung in reversed(part):
                orelse = [self.at(rung).if_(self.condition(rung.test), self.block(rung.body, tail), orelse)]
            result.extend(orelse if number == 0 else [at.if_(at.load(flags[number - 1]), orelse)])
        return result

    def tail_If(self, node: nodes.If) -> list[ast.stmt]:
        """The branches give the result."""
        return self.lower_If(node, tail=True)

    def lower_While(self, node: nodes.While) -> list[ast.stmt]:
        """``while test: body``."""
        at = self.at(node)
        return [
            ast.While(
                test=self.condition(node.test),
                body=self.block(node.body) or [at.pass_()],
                orelse=self.block(node.orelse),
                **at.place,
            )
        ]

    def lower_For(self, node: nodes.For) -> list[ast.stmt]:
        """``for targets in iterable: body``."""
        at = self.at(node)
        iterable = self.expr(node.iterable)
        return [
            ast.For(
                target=self.target(node.target),
                iter=iterable,
                body=self.block(node.body) or [at.pass_()],
                orelse=self.block(node.orelse),
                **at.place,
            )
        ]

    def lower_Pass(self, node: nodes.Pass) -> list[ast.stmt]:
        """``pass``."""
        return [self.at(node).pass_()]

    def lower_Break(self, node: nodes.Break) -> list[ast.stmt]:
        """``break``."""
        return [ast.Break(**self.at(node).place)]

    def lower_Continue(self, node: nodes.Continue) -> list[ast.stmt]:
        """``continue``."""
        return [ast.Continue(**self.at(node).place)]

    def lower_Return(self, node: nodes.Return) -> list[ast.stmt]:
        """``return value``."""
        return [self.at(node).return_(None if node.value is None else self.expr(node.value))]

    def lower_Global(self, node: nodes.Global) -> list[ast.stmt]:
        """``global a, b``."""
        return [ast.Global(names=[self.local_name(name) for name in node.names], **self.at(node).place)]

    def lower_Nonlocal(self, node: nodes.Nonlocal) -> list[ast.stmt]:
        """``nonlocal a, b``."""
        return [ast.Nonlocal(names=[self.local_name(name) for name in node.names], **self.at(node).place)]

    # -- errors --------------------------------------------------------------------------------

    def lower_Raise(self, node: nodes.Raise) -> list[ast.stmt]:
        """Anything can be raised; what is no error becomes one (3.4)."""
        at = self.at(node)
        if node.value is None:
            return [at.raise_(None)]
        cause = None if node.cause is None else at.hook("_exception_", self.expr(node.cause))
        return [at.raise_(at.hook("_exception_", self.expr(node.value)), cause)]

    def lower_Assert(self, node: nodes.Assert) -> list[ast.stmt]:
        """``assert`` is a test of its own, so that no switch of Python removes it."""
        at = self.at(node)
        message = [] if node.message is None else [self.expr(node.message)]
        return [at.if_(at.not_(self.expr(node.test)), [at.raise_(at.hook("_assertion_", *message))])]

    def lower_Try(self, node: nodes.Try, tail: bool = False) -> list[ast.stmt]:
        """``try`` in all forms (3.5)."""
        at = self.at(node)
        return [
            ast.Try(
                body=self.block(node.body, tail and not node.orelse) or [at.pass_()],
                handlers=[self.handler(handler, tail) for handler in node.handlers],
                orelse=self.block(node.orelse, tail),
                finalbody=self.block(node.finalbody),
                **at.place,
            )
        ]

    def tail_Try(self, node: nodes.Try) -> list[ast.stmt]:
        """Body or handlers give the result, ``finally`` never."""
        return self.lower_Try(node, tail=True)

    def handler(self, node: nodes.Handler, tail: bool) -> ast.ExceptHandler:
        """``except _kinds_(kinds) as dana_e1: name = _caught_(dana_e1)``, then the body."""
        at = self.at(node)
        kinds = at.constant("Exception") if node.kinds is None else self.kinds(node.kinds)
        name, setup = None, []
        outside = self.scope
        if node.name is not None:
            name = self.temporary("e")
            self.scope = self.resolution.scopes[id(node)]
            target = self.scope.names[node.name]
            setup = [at.assign_name(target, at.hook("_caught_", at.load(name)))]
        body = setup + self.block(node.body, tail)
        self.scope = outside
        return ast.ExceptHandler(
            type=at.hook("_kinds_", kinds), name=name, body=body or [at.pass_()], **at.place
        )

    def kinds(self, node: nodes.Expr) -> ast.expr:
        """What stands after ``except``; a name that nobody binds is compared as text (3.5)."""
        at = self.at(node)
        if isinstance(node, nodes.TupleExpr):
            return at.tuple([self.kinds(item) for item in node.items])
        if isinstance(node, nodes.Name) and self.is_free(node.name):
            return at.constant(node.name)
        return self.expr(node)

    def is_free(self, name: str) -> bool:
        """Does nothing that the compiler knows bind ``name``?"""
        binding = lookup(self.scope, name)
        return binding is None or binding.kind == "runtime"

    def lower_With(self, node: nodes.With, tail: bool = False) -> list[ast.stmt]:
        """``with _manager_(value) as target: body``."""
        at = self.at(node)
        items = []
        for item in node.items:
            value = self.at(item).hook("_manager_", self.expr(item.value))
            target = None if item.target is None else self.target(item.target)
            items.append(ast.withitem(context_expr=value, optional_vars=target))
        return [ast.With(items=items, body=self.block(node.body, tail) or [at.pass_()], **at.place)]

    def tail_With(self, node: nodes.With) -> list[ast.stmt]:
        """The body gives the result."""
        return self.lower_With(node, tail=True)
