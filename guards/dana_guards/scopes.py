"""Which scope binds which name, for a Python ast.

In: an ``ast.Module``. Out: one `Scope` for the module and for each function, lambda and comprehension, with every
name that it binds, how, and whether another scope assigns it. The standard library's ``symtable`` reads text only.

All binding forms are known: assignment, augmented assignment, walrus (which binds outside its comprehensions), ``for``,
``with``, ``except``, ``def``, parameters, comprehension targets, ``del``, ``import`` and ``class`` and patterns, which
the policy refuses but which must not be overlooked if this is ever used without it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Final

from dana_guards.lattice import Type
from dana_guards.walking import children, parts
from dana_guards.watchdog import look_for_stop

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Scope:
    """Names of one scope.

    ``bound`` maps each name that is bound here to the nodes that bind it. ``outside`` holds names bound here that
    another scope assigns (``nonlocal``; for the module also ``global``). ``handlers`` are names after
    ``except ... as``. ``imports_all`` is set on a module that has a star import: any name may then be bound.
    ``types`` and ``private`` are filled by `dana_guards.flow`: types of the variables, and of the items of lists that
    nobody else can reach.
    """

    __slots__ = (
        "bound", "globals", "handlers", "imports_all", "node", "nonlocals", "outside", "parent", "private", "root",
        "types",
    )  # fmt: skip

    def __init__(self, node: ast.AST, parent: Scope | None) -> None:
        self.node = node
        self.parent = parent
        self.root: Scope = parent.root if parent is not None else self
        self.bound: dict[str, list[ast.AST]] = {}
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.outside: set[str] = set()
        self.handlers: set[str] = set()
        self.imports_all = False
        self.types: dict[str, Type] = {}
        self.private: dict[str, Type] = {}

    @property
    def is_function(self) -> bool:
        """Whether names bound here are local variables of a call."""
        return isinstance(self.node, Function)

    def bind(self, name: str, node: ast.AST) -> None:
        """Note that `node` binds `name` in this scope, or where a declaration sends it."""
        if name in self.globals:
            self.root.bound.setdefault(name, []).append(node)
            self.root.outside.add(name)
        elif name in self.nonlocals:
            owner = self.owner(name)
            if owner is not None:
                owner.bound.setdefault(name, []).append(node)
                owner.outside.add(name)
        else:
            self.bound.setdefault(name, []).append(node)

    def owner(self, name: str) -> Scope | None:
        """The scope whose variable a read of `name` here means: a function's or comprehension's, or the module.

        None if nothing binds it: a built-in, or an error at run time.
        """
        scope: Scope | None = self
        while scope is not None:
            if name in scope.globals:
                break
            if name in scope.bound and name not in scope.nonlocals:
                return scope
            scope = scope.parent
        return self.root if name in self.root.bound else None


NO_NAMES: Final[frozenset[str]] = frozenset()


class Collected:
    """What one walk over a module finds out. Nodes are known by their ``id``: the caller keeps the tree alive.

    ``scopes`` are those that nodes open. ``called`` are the names that each statement of the module calls, in order.
    ``escaped`` are names that begin with `prefix` and are read otherwise than to be called; ``receivers`` the pairs of
    class and function of ``_receiver_((P,), 'name', function)``.
    """

    def __init__(self, tree: ast.AST, prefix: str = "") -> None:
        self.scopes: dict[int, Scope] = {id(tree): Scope(tree, None)}
        self.called: dict[int, list[str]] = {}
        self.escaped: set[str] = set()
        self.receivers: list[tuple[str, str]] = []
        self._bindings: list[str] = []
        self._spans: dict[int, tuple[int, int] | frozenset[str]] = {}
        collector = _Collector(self, tree, prefix)
        for child in children(tree):
            look_for_stop()
            collector.called = self.called[id(child)] = []
            collector.visit(child)
        # Declarations name variables of outer scopes, which are complete only now.
        for scope, name, node in collector.deferred:
            scope.bind(name, node)

    def bound_in(self, node: ast.AST) -> frozenset[str]:
        """Names that are bound anywhere inside a node of the tree, functions in it included (they only add names)."""
        found = self._spans.get(id(node), NO_NAMES)
        if type(found) is tuple:
            found = self._spans[id(node)] = frozenset(self._bindings[found[0] : found[1]])
        return found  # type: ignore[return-value]


def receiver_of(call: ast.Call) -> tuple[str, ast.Name] | None:
    """Class and function of ``_receiver_((P,), 'name', function)``, or None."""
    match call:
        case ast.Call(
            func=ast.Name(id="_receiver_"),
            args=[ast.Tuple(elts=[ast.Name(id=owner)]), ast.Constant(), ast.Name() as function],
        ):
            return owner, function
    return None


class _Collector:
    """One walk over a tree, in source order of the fields: what a node holds is one span of ``bindings``."""

    def __init__(self, found: Collected, tree: ast.AST, prefix: str) -> None:
        self.scopes = found.scopes
        self.scope = found.scopes[id(tree)]
        self.bindings = found._bindings
        self.spans = found._spans
        self.escaped = found.escaped
        self.receivers = found.receivers
        # ``startswith`` of an empty text is always true.
        self.watched = ("_import_star_", prefix) if prefix else ("_import_star_",)
        self.called: list[str] = []
        self.deferred: list[tuple[Scope, str, ast.AST]] = []

    def visit(self, node: ast.AST) -> None:
        kind = type(node)
        bindings = self.bindings
        start = len(bindings)
        method = _VISITORS.get(kind)
        if method is not None:
            method(self, node)
        else:
            watched = self.watched
            # As `all` does it, without a call for each of the names that most nodes consist of.
            for value in parts(node):
                kind = type(value)
                if kind is list:
                    if value:
                        self.all(value)
                elif kind is ast.Name:
                    identifier = value.id
                    if type(value.ctx) is not ast.Load or type(identifier) is not str or identifier.startswith(watched):
                        self.name(value)
                elif kind is not ast.Constant and value is not None:
                    self.visit(value)
        if len(bindings) != start:
            self.spans[id(node)] = (start, len(bindings))

    def all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            kind = type(node)
            if kind is ast.Name:
                if type(node.ctx) is not ast.Load or type(node.id) is not str or node.id.startswith(self.watched):  # type: ignore[union-attr]
                    self.name(node)  # type: ignore[arg-type]
            elif kind is not ast.Constant and node is not None:
                self.visit(node)

    def bind(self, name: str, node: ast.AST, scope: Scope | None = None) -> None:
        scope = scope or self.scope
        if type(node) is not ast.arg:
            self.bindings.append(name)
        if name in scope.globals or name in scope.nonlocals:
            self.deferred.append((scope, name, node))
        else:
            scope.bind(name, node)

    def function(self, node: ast.AST) -> None:
        assert isinstance(node, Function)
        if not isinstance(node, ast.Lambda):
            self.bind(node.name, node)
            self.all(node.decorator_list)
            self.all([node.returns])
        arguments = node.args
        self.all(arguments.defaults)
        self.all(arguments.kw_defaults)
        outer, self.scope = self.scope, Scope(node, self.scope)
        self.scopes[id(node)] = self.scope
        for each in parameters(node):
            self.bind(each.arg, each)
        if isinstance(node, ast.Lambda):
            self.all([node.body])
        else:
            for name, kind in _declarations(node.body):
                (self.scope.globals if kind is ast.Global else self.scope.nonlocals).add(name)
            self.all(node.body)
        self.scope = outer

    def comprehension(self, node: ast.AST) -> None:
        assert isinstance(node, Comprehension)
        first = node.generators[0]
        self.visit(first.iter)
        outer, self.scope = self.scope, Scope(node, self.scope)
        self.scopes[id(node)] = self.scope
        for generator in node.generators:
            if generator is not first:
                self.visit(generator.iter)
            self.visit(generator.target)
            self.all(generator.ifs)
        self.all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self.scope = outer

    def walrus(self, node: ast.AST) -> None:
        assert isinstance(node, ast.NamedExpr)
        self.visit(node.value)
        scope = self.scope
        while isinstance(scope.node, Comprehension) and scope.parent is not None:
            scope = scope.parent
        self.bind(node.target.id, node.target, scope)

    def name(self, node: ast.AST) -> None:
        assert isinstance(node, ast.Name)
        if not isinstance(node.ctx, ast.Load):
            self.bind(node.id, node)
        elif node.id == "_import_star_":
            self.scope.root.imports_all = True
        elif type(node.id) is str and node.id.startswith(self.watched):
            self.escaped.add(node.id)

    def call(self, node: ast.AST) -> None:
        assert isinstance(node, ast.Call)
        function = node.func
        if isinstance(function, ast.Name) and type(function.id) is str:
            self.called.append(function.id)
            if not isinstance(function.ctx, ast.Load) or function.id == "_import_star_":
                self.name(function)
        else:
            self.visit(function)
        # Inside a function the class could be a local variable of the same name.
        receiver = receiver_of(node) if self.scope is self.scope.root else None
        if receiver is not None and isinstance(receiver[1].ctx, ast.Load):
            self.receivers.append((receiver[0], receiver[1].id))
            self.all(node.args[:2])
        else:
            self.all(node.args)
        self.all(node.keywords)

    def handler(self, node: ast.AST) -> None:
        assert isinstance(node, ast.ExceptHandler)
        self.all([node.type])
        if node.name is not None:
            self.bind(node.name, node)
            self.scope.handlers.add(node.name)
        self.all(node.body)

    def class_(self, node: ast.AST) -> None:
        assert isinstance(node, ast.ClassDef)
        self.bind(node.name, node)
        self.all(children(node))

    def alias(self, node: ast.AST) -> None:
        assert isinstance(node, ast.alias)
        if node.name == "*":
            self.scope.root.imports_all = True
        self.bind((node.asname or node.name).partition(".")[0], node)

    def pattern(self, node: ast.AST) -> None:
        for field in ("name", "rest"):
            bound = getattr(node, field, None)
            if isinstance(bound, str):
                self.bind(bound, node)
        self.all(children(node))


def parameters(node: Function) -> list[ast.arg]:
    """All parameters of a function in order of definition."""
    arguments = node.args
    found = [*arguments.posonlyargs, *arguments.args]
    if arguments.vararg is not None:
        found.append(arguments.vararg)
    found += arguments.kwonlyargs
    if arguments.kwarg is not None:
        found.append(arguments.kwarg)
    return found


_SIMPLE: Final = frozenset(
    {
        ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return, ast.Raise, ast.Pass, ast.Break, ast.Continue,
        ast.Delete,
    }
)  # fmt: skip
"""Statements that hold no other ones, and declare nothing."""


def _declarations(body: list[ast.stmt]) -> list[tuple[str, type[ast.stmt]]]:
    """Names that ``global`` and ``nonlocal`` declare in a body, not in functions inside it."""
    found: list[tuple[str, type[ast.stmt]]] = []
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if type(node) in _SIMPLE:
            continue
        if isinstance(node, ast.Global | ast.Nonlocal):
            found += [(name, type(node)) for name in node.names]
        elif isinstance(node, ast.stmt | ast.ExceptHandler) and not isinstance(node, Function | ast.ClassDef):
            # Only statements hold statements; handlers, match cases and the like are neither expr nor stmt.
            pending.extend(child for child in children(node) if not isinstance(child, ast.expr))
        elif not isinstance(node, ast.expr | ast.stmt):
            pending.extend(children(node))
    return found


_VISITORS: Final[dict[type[ast.AST], Callable[[_Collector, ast.AST], None]]] = {
    ast.FunctionDef: _Collector.function,
    ast.AsyncFunctionDef: _Collector.function,
    ast.Lambda: _Collector.function,
    ast.ListComp: _Collector.comprehension,
    ast.SetComp: _Collector.comprehension,
    ast.DictComp: _Collector.comprehension,
    ast.GeneratorExp: _Collector.comprehension,
    ast.NamedExpr: _Collector.walrus,
    ast.Name: _Collector.name,
    ast.Call: _Collector.call,
    ast.ExceptHandler: _Collector.handler,
    ast.ClassDef: _Collector.class_,
    ast.alias: _Collector.alias,
    ast.MatchAs: _Collector.pattern,
    ast.MatchStar: _Collector.pattern,
    ast.MatchMapping: _Collector.pattern,
}
