"""The statements that branch, loop or jump: the part of the resolver that knows what is surely assigned.

In: such a statement, and the names that are assigned on every path so far. Out: the same after it. Reads that may come
before their assignment follow from it (2.3); looking names up is the resolver's part.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dana2py import nodes
from dana2py.bindings import ModuleScope, Scope, lookup, python_name
from dana2py.visitor import Visitor
from dana_guards.spelling import near_name


class FlowRules(Visitor):
    """``resolve_<Node>`` for control flow; looking up and the rest come from the resolver."""

    if TYPE_CHECKING:
        scope: Scope
        module_scope: ModuleScope
        scopes: dict[int, Scope]
        assigned: set[str] | None
        loops: int
        handlers: int

        def error(self, node: nodes.Node, message: str, hint: str | None = None) -> None: ...
        def block(self, body: Iterable[nodes.Stmt]) -> None: ...
        def target(self, node: nodes.Expr) -> None: ...
        def no_star(self, target: nodes.Expr) -> None: ...
        def each(self, node: nodes.Node) -> None: ...
        def unknown(self, node: nodes.Node, name: str) -> None: ...
        def visible_names(self) -> list[str]: ...

    def branches(self, *bodies: Iterable[nodes.Stmt]) -> None:
        """Alternatives: afterwards only that is sure which all of them assign."""
        before = self.assigned
        results: list[set[str] | None] = []
        for body in bodies:
            self.assigned = None if before is None else set(before)
            self.block(body)
            results.append(self.assigned)
        alive = [result for result in results if result is not None]
        self.assigned = set.intersection(*alive) if alive else None

    def resolve_If(self, node: nodes.If) -> None:
        """Either branch; an ``elif`` ladder is walked without recursion."""
        self.visit(node.test)
        bodies: list[Iterable[nodes.Stmt]] = [node.body]
        rest = node.orelse
        while len(rest) == 1 and isinstance(rest[0], nodes.If):
            self.visit(rest[0].test)
            bodies.append(rest[0].body)
            rest = rest[0].orelse
        self.branches(*bodies, rest)

    def loop(self, body: Iterable[nodes.Stmt], orelse: Iterable[nodes.Stmt]) -> None:
        """A body that runs any number of times."""
        before = None if self.assigned is None else set(self.assigned)
        self.loops += 1
        self.block(body)
        self.loops -= 1
        self.assigned = before
        self.branches(orelse, ())

    def resolve_While(self, node: nodes.While) -> None:
        """Test, then the body any number of times."""
        self.visit(node.test)
        self.loop(node.body, node.orelse)

    def resolve_For(self, node: nodes.For) -> None:
        """Iterable, target, body."""
        self.visit(node.iterable)
        before = None if self.assigned is None else set(self.assigned)
        self.no_star(node.target)
        self.target(node.target)
        self.loop(node.body, node.orelse)
        self.assigned = before

    def resolve_Break(self, node: nodes.Break) -> None:
        """Only in a loop."""
        self._jump(node, "break")

    def resolve_Continue(self, node: nodes.Continue) -> None:
        """Only in a loop."""
        self._jump(node, "continue")

    def _jump(self, node: nodes.Node, word: str) -> None:
        if not self.loops:
            self.error(node, f"'{word}' outside a loop")
        self.assigned = None

    def resolve_Return(self, node: nodes.Return) -> None:
        """Only in a function."""
        if node.value is not None:
            self.visit(node.value)
        if self.scope.function().kind == "module":
            self.error(node, "'return' outside a function")
        self.assigned = None

    def resolve_Raise(self, node: nodes.Raise) -> None:
        """Nothing comes after it."""
        self.each(node)
        self.assigned = None

    def resolve_Try(self, node: nodes.Try) -> None:
        """Handlers know only what was sure before the body."""
        before = None if self.assigned is None else set(self.assigned)
        self.block(node.body)
        self.block(node.orelse)
        ends = [self.assigned]
        for handler in node.handlers:
            self.assigned = None if before is None else set(before)
            self.handler(handler)
            ends.append(self.assigned)
        alive = [end for end in ends if end is not None]
        after = set.intersection(*alive) if alive else None
        self.assigned = before
        self.block(node.finalbody)
        if after is not None and self.assigned is not None:
            after |= self.assigned
        self.assigned = after

    def handler(self, node: nodes.Handler) -> None:
        """``except kinds as name``: the name holds only inside (2.1)."""
        for kind in _handler_kinds(node.kinds):
            # A name that nobody binds is compared as text (3.5): it may come from the host. A near miss of a
            # known kind is a mistake that would never match.
            if not isinstance(kind, nodes.Name) or lookup(self.scope, kind.name) is not None:
                self.visit(kind)
            elif near_name(kind.name, self.visible_names()) is not None:
                self.unknown(kind, kind.name)
        if node.name is None:
            self.block(node.body)
            return
        # A name of its own where the plain one means something else here: Python would take it for
        # one variable of the whole function.
        python = python_name(node.name)
        if lookup(self.scope, node.name) is not None:
            self.handlers += 1
            python = f"dana_h{self.handlers}_{node.name}"
        scope = Scope("handler", self.scope, {node.name: python})
        self.scopes[id(node)] = scope
        self.scope = scope
        self.block(node.body)
        self.scope = scope.parent or self.module_scope

    def resolve_With(self, node: nodes.With) -> None:
        """Each item in order, then the body."""
        for item in node.items:
            self.visit(item.value)
            if item.target is not None:
                self.no_star(item.target)
                self.target(item.target)
        self.block(node.body)


def _handler_kinds(kinds: nodes.Expr | None) -> tuple[nodes.Expr, ...]:
    if kinds is None:
        return ()
    return kinds.items if isinstance(kinds, nodes.TupleExpr) else (kinds,)
