"""What each scope binds, before any name is looked up.

In: the tree, a scope, the statements of its body. Out: the scope with the names that they bind. Dana's rules of where
a name lives (2.1) are here; what a name means at one place is the resolver's question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dana2py import nodes
from dana2py.bindings import ModuleScope, Scope, module_of
from dana2py.visitor import children, statements, walk


def collect_scoped(module: nodes.Module, scope: ModuleScope) -> None:
    """Find every ``global`` name and every assignment to ``private: public: system:``: they hold everywhere (2.1)."""
    for node in statements(module):
        if isinstance(node, nodes.Global):
            for name in node.names:
                scope.bind(name)
        for target in _targets(node):
            for part in walk(target):
                if isinstance(part, nodes.ScopedName) and part.scope in scope.scoped:
                    scope.scoped[part.scope].add(part.name)


def _targets(node: nodes.Node) -> tuple[nodes.Expr, ...]:
    match node:
        case nodes.Assign(targets=targets):
            return targets
        case nodes.TypedAssign(target=target) | nodes.AugAssign(target=target) | nodes.For(target=target):
            return (target,)
        case nodes.WithItem(target=target) if target is not None:
            return (target,)
        case nodes.With(items=items):
            return tuple(item.target for item in items if item.target is not None)
        case nodes.Delete(targets=targets):
            return targets
    return ()


class Binder:
    """Tells one scope what the statements of its body bind; inner functions bind for themselves.

    ``has_walrus`` is false where no ``:=`` stands in the whole text.
    """

    def __init__(
        self, scope: Scope, has_walrus: bool, declare: Callable[[nodes.Stmt], None] | None = None
    ) -> None:
        self.scope = scope
        self.has_walrus = has_walrus
        self.declare = declare

    def block(self, body: Iterable[nodes.Stmt]) -> None:
        """Bind what a block assigns. ``global`` comes first: it decides where the names live."""
        statements = tuple(body)
        for statement in statements:
            if isinstance(statement, nodes.Global):
                self.scope.global_names.update(statement.names)
            elif isinstance(statement, nodes.Nonlocal):
                self.scope.nonlocal_names.update(statement.names)
        for statement in statements:
            self.statement(statement)

    def statement(self, node: nodes.Stmt) -> None:
        """Bind what one statement assigns."""
        if self.declare is not None:
            self.declare(node)
        for target in _targets(node):
            self.target(target)
        if not self._declaration(node):
            self._inside(node)

    def _declaration(self, node: nodes.Stmt) -> bool:
        """Bind what a declaration names; tells whether that is all it binds here."""
        match node:
            case nodes.FunctionDef() | nodes.Composition():
                self.scope.bind(node.name)
                self.scope.functions.setdefault(node.name, node.span.line)
                self._defaults(node.params)
                for decorator in node.decorators if isinstance(node, nodes.FunctionDef) else ():
                    self._walrus(decorator)
            case nodes.StructDef() | nodes.InterfaceDef():
                self.scope.bind(node.name)
            case nodes.AgentDef():
                self.scope.bind(node.name or node.blueprint or "")
            case nodes.Import():
                self._imports(node)
            case nodes.ImportFrom():
                self._import_from(node)
            case nodes.Assign(targets=(nodes.Name(name=name),), value=nodes.Lambda()):
                self.scope.functions.setdefault(name, node.span.line)
                return False
            case _:
                return False
        return True

    def _inside(self, node: nodes.Stmt) -> None:
        """Bind what the blocks and expressions of a statement bind; an ``elif`` ladder without recursion."""
        while isinstance(node, nodes.If) and len(node.orelse) == 1 and isinstance(node.orelse[0], nodes.If):
            if self.has_walrus:
                self._walrus(node.test)
            for statement in node.body:
                self.statement(statement)
            node = node.orelse[0]
        for child in children(node):
            if isinstance(child, nodes.Stmt):
                if isinstance(child, nodes.Global | nodes.Nonlocal):
                    self.block((child,))
                self.statement(child)
            elif isinstance(child, nodes.Handler):
                self.block(child.body)
            elif self.has_walrus and isinstance(child, nodes.Expr | nodes.WithItem):
                self._walrus(child)

    def target(self, target: nodes.Expr) -> None:
        """Bind the names of an assignment target."""
        match target:
            case nodes.Name(name=name) | nodes.ScopedName(scope="local", name=name):
                self.scope.bind(name)
            case nodes.TupleExpr(items=items) | nodes.ListExpr(items=items):
                for item in items:
                    self.target(item)
            case nodes.Starred(value=value):
                self.target(value)

    def _walrus(self, node: nodes.Node) -> None:
        """``name := value`` binds in the function, also out of a comprehension, not out of a lambda."""
        if isinstance(node, nodes.Walrus):
            self.scope.bind(node.name)
        if isinstance(node, nodes.Lambda):
            self._defaults(node.params)
            return
        for child in children(node):
            self._walrus(child)

    def _defaults(self, params: Iterable[nodes.Param]) -> None:
        """Defaults are evaluated where the function is defined, so that is where they bind."""
        for param in params:
            if param.default is not None:
                self._walrus(param.default)

    def _imports(self, node: nodes.Import) -> None:
        for name in node.names:
            self.scope.bind(name.alias or name.module.partition(".")[0])
            self._open_ended(closed=name.python)

    def _import_from(self, node: nodes.ImportFrom) -> None:
        for name, alias in node.names:
            self.scope.bind(alias or name)
            self.scope.functions.setdefault(alias or name, node.span.line)
        if node.star and isinstance(self.scope, ModuleScope):
            self.scope.star = True
        self._open_ended(closed=node.python and not node.star)

    def _open_ended(self, closed: bool) -> None:
        """A Dana module may bring public names, a star any name: only the run knows them."""
        module = module_of(self.scope)
        module.open_ended = module.open_ended or not closed
