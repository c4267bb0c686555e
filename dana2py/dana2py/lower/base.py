"""What all parts of the lowering share: positions, names, temporaries.

In: a `Resolution`. Out: nothing by itself; `expressions`, `statements`, `functions`, `declarations`
and `pipelines` build on it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from dana2py import nodes
from dana2py.bindings import Binding, Resolution, Scope, lookup, module_of, python_name, scoped_binding
from dana2py.lower.pyast import DEL, LOAD, STORE, At
from dana2py.source import Source
from dana2py.visitor import Visitor


class Lowering(Visitor):
    """Base of the lowering: one instance for one module."""

    prefix = "lower"

    def __init__(self, resolution: Resolution, source: Source, name: str) -> None:
        super().__init__()
        self.resolution = resolution
        self.source = source
        self.name = name
        self.scope: Scope = resolution.scope
        self.temporaries = 0
        self.stage_value: ast.expr | None = None
        self.global_writes: set[str] = set()
        """Python globals that the current function assigns (``private:`` names)."""

    def at(self, node: nodes.Node) -> At:
        """The maker of Python nodes at the place of ``node``."""
        return At(self.source, node)

    def temporary(self, kind: str = "t") -> str:
        """A fresh name that no Dana name can meet."""
        self.temporaries += 1
        return f"dana_{kind}{self.temporaries}"

    def expr(self, node: nodes.Expr) -> ast.expr:
        """The Python expression of a Dana expression."""
        result: ast.expr = self.visit(node)
        return result

    def exprs(self, items: Iterable[nodes.Expr]) -> list[ast.expr]:
        """Several expressions in order."""
        return [self.expr(item) for item in items]

    def block(self, body: Iterable[nodes.Stmt], tail: bool = False) -> list[ast.stmt]:
        """A list of statements; with ``tail`` the last one gives the result of the function."""
        raise NotImplementedError

    # -- names ---------------------------------------------------------------------------------

    def load_name(self, node: nodes.Node, name: str) -> ast.expr:
        """An unscoped name, read."""
        at = self.at(node)
        binding = self.resolution.overrides.get(id(node)) or lookup(self.scope, name)
        if binding is None or binding.kind == "runtime":
            if module_of(self.scope).star:
                return at.load(python_name(name))
            return at.hook("_scoped_", at.constant("public"), at.constant(python_name(name)))
        return self.bound(at, binding)

    def bound(self, at: At, binding: Binding, ctx: ast.expr_context = LOAD) -> ast.expr:
        """The Python expression for a binding."""
        if binding.kind in ("public", "system"):
            return at.attribute(at.load(f"_{binding.kind}_"), binding.python, ctx)
        if binding.kind == "private" and ctx is not LOAD:
            self.global_writes.add(binding.python)
        return ast.Name(id=binding.python, ctx=ctx, **at.place)

    def lower_ScopedName(self, node: nodes.ScopedName) -> ast.expr:
        """``scope:name`` read: that scope first, then the others (2.2)."""
        if node.scope == "local":
            return self.load_name(node, node.name)
        if module_of(self.scope).has_scoped(node.scope, node.name):
            return self.bound(self.at(node), scoped_binding(node.scope, node.name))
        if node.scope == "private":
            return self.load_name(node, node.name)
        at = self.at(node)
        return at.hook("_scoped_", at.constant(node.scope), at.constant(python_name(node.name)))

    def store_name(self, node: nodes.Node, name: str, ctx: ast.expr_context = STORE) -> ast.expr:
        """An unscoped name as a target: it binds where the resolver said."""
        return ast.Name(id=self.local_name(name), ctx=ctx, **self.at(node).place)

    def local_name(self, name: str) -> str:
        """The Python name under which the current function (or the module) assigns ``name``."""
        scope: Scope | None = self.scope
        while scope is not None and scope.kind in ("comprehension", "handler"):
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        if scope is not None and name in scope.names:
            return scope.names[name]
        binding = lookup(self.scope, name)
        return binding.python if binding is not None and binding.kind in ("local", "module") else python_name(name)

    def target(self, node: nodes.Expr, ctx: ast.expr_context = STORE) -> ast.expr:
        """An assignment target (or, with ``DEL``, what is deleted)."""
        at = self.at(node)
        match node:
            case nodes.Name(name=name) | nodes.ScopedName(scope="local", name=name):
                return self.store_name(node, name, ctx)
            case nodes.ScopedName(scope=scope, name=name):
                return self.bound(at, scoped_binding(scope, name), ctx)
            case nodes.TupleExpr(items=items):
                return at.tuple([self.target(item, ctx) for item in items], ctx)
            case nodes.ListExpr(items=items):
                return at.list([self.target(item, ctx) for item in items], ctx)
            case nodes.Starred(value=value):
                return ast.Starred(value=self.target(value, ctx), ctx=ctx, **at.place)
            case nodes.Attribute(value=value, name=name):
                return at.attribute(self.expr(value), python_name(name), ctx)
            case nodes.Index(value=value, index=index):
                return at.subscript(self.expr(value), self.expr(index), ctx)
        raise AssertionError(f"the resolver let a target through: {type(node).__name__}")


__all__ = ["DEL", "LOAD", "STORE", "Lowering"]
