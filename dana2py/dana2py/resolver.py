"""Resolving: a Dana tree in, the same tree with the meaning of each name out.

First every scope is told what it binds (`Binder`), then the tree is walked once in execution order:
each name is looked up, structural rules are checked, and reads that may come before the assignment
in the same function are noted (`Scope.preload`), because Dana reads the outer name there (2.3) and
Python would raise UnboundLocalError. All errors of a file are reported together.

Nothing is changed in the tree and no Python is made here: that is the lowering's part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dana2py import nodes
from dana2py.binder import Binder, collect_scoped
from dana2py.bindings import (
    SCOPES,
    Binding,
    ModuleScope,
    Resolution,
    Scope,
    lookup,
    python_name,
    scoped_binding,
)
from dana2py.flow_rules import FlowRules
from dana2py.source import Source
from dana2py.visitor import children, walk
from dana_guards.errors import DanaSyntaxError
from dana_guards.spelling import near_name
from dana_guards.watchdog import look_for_stop

MODULE_NAMES = ("__name__", "__file__", "__exports__")
_FUNCTIONS = (nodes.FunctionDef, nodes.Lambda, nodes.Composition)


def resolve(
    module: nodes.Module,
    source: Source,
    builtins: frozenset[str],
    known: Iterable[str] = (),
    session: bool = False,
) -> Resolution:
    """Bind every name of ``module``.

    Parameters
    ----------
    module, source : the tree and its text (for messages).
    builtins : Dana's built-in names, so that this module need not know them.
    known : names that the namespace has already: Python names, and ``scope:name``.
    session : the text is one piece of many in the same namespace.

    Raises
    ------
    DanaSyntaxError : the first mistake; ``others`` holds the rest in source order.
    """
    scope = ModuleScope("module", None, is_builtin=builtins.__contains__, known=frozenset(known), session=session)
    for name in MODULE_NAMES:
        scope.bind(name)
    resolver = _Resolver(scope, source, builtins)
    # Walks that look for something are made where the text holds it.
    if any(word in source.text for word in (*SCOPES, "global")):
        collect_scoped(module, scope)
    Binder(scope, resolver.has_walrus, resolver.declare).block(module.body)
    resolver.block(module.body)
    if resolver.errors:
        errors = sorted(resolver.errors, key=lambda error: (error.lineno or 0, error.column or 0))
        first = errors[0]
        first.others = tuple(errors[1:])
        raise first
    return Resolution(
        module,
        scope,
        resolver.scopes,
        resolver.structs,
        resolver.functions,
        resolver.overrides,
        tuple(resolver.exports) or None,
    )


class _Resolver(FlowRules):
    """The walk: looks names up, keeps track of what is surely assigned, collects errors."""

    prefix = "resolve"

    def __init__(self, scope: ModuleScope, source: Source, builtins: frozenset[str]) -> None:
        super().__init__()
        self.scope: Scope = scope
        self.module_scope = scope
        self.source = source
        self.has_walrus = ":=" in source.text
        self.builtins = builtins
        self.errors: list[DanaSyntaxError] = []
        self.scopes: dict[int, Scope] = {}
        self.structs: dict[str, nodes.StructDef] = {}
        self.functions: dict[str, list[nodes.FunctionDef]] = {}
        self.exports: list[str] = []
        self.overrides: dict[int, Binding] = {}
        self.assigned: set[str] | None = set()
        """Names of the current function that are assigned on every path so far; None: no path is left."""
        self.loops = 0
        self.piped: bool | None = None
        """Whether the stage around gets a value; None outside stages."""
        self.handlers = 0
        self.iterables = 0
        """How many iterables of comprehensions are around."""
        self.body: tuple[nodes.Stmt, ...] = ()
        """The statements of the current function."""

    # -- helpers -------------------------------------------------------------------------------

    def error(self, node: nodes.Node, message: str, hint: str | None = None) -> None:
        """Note a mistake at ``node``."""
        line, column = node.span.line, node.span.column
        self.errors.append(
            DanaSyntaxError(
                message,
                filename=self.source.path,
                lineno=line,
                column=column + 1,
                source_line=self.source.line_text(line),
                hint=hint,
            )
        )

    def declare(self, node: nodes.Stmt) -> None:
        """Note the declarations at module level."""
        if isinstance(node, nodes.StructDef):
            self.structs[node.name] = node
        elif isinstance(node, nodes.FunctionDef):
            self.functions.setdefault(node.name, []).append(node)

    def default(self, kind: type) -> Callable[[nodes.Node], None]:
        """Everything without a method of its own is its children in source order."""
        return self.each

    def each(self, node: nodes.Node) -> None:
        """Resolve all children."""
        for child in children(node):
            self.visit(child)

    def block(self, body: Iterable[nodes.Stmt]) -> None:
        """Resolve statements in order."""
        for statement in body:
            look_for_stop()
            self.visit(statement)

    def is_sure(self, name: str) -> bool:
        """Is ``name`` assigned on every path that leads here?"""
        return self.assigned is None or name in self.assigned

    def assign(self, name: str) -> None:
        """Note that ``name`` is assigned from here on."""
        if self.assigned is not None:
            self.assigned.add(name)

    # -- names ---------------------------------------------------------------------------------

    def resolve_Name(self, node: nodes.Name) -> None:
        """A read."""
        self.read(node, node.name)

    def read(self, node: nodes.Node, name: str) -> None:
        """Look ``name`` up; note a read that may come before its assignment."""
        scope = self.scope
        binding = lookup(scope, name)
        if binding is None:
            self.unknown(node, name)
            return
        function = scope.function()
        if self.is_sure(name):
            return
        if binding.kind == "module" and function is self.module_scope:
            self._fall_through(node, name)
        elif binding.kind == "local" and name in function.names:
            self._preload(scope, function, name)

    def _fall_through(self, node: nodes.Node, name: str) -> None:
        """At module level, before ``x = …`` has run, ``x`` means ``private:x`` and so on (2.2)."""
        if python_name(name) not in self.module_scope.known:
            for scope in SCOPES:
                if self.module_scope.has_scoped(scope, name):
                    self.overrides[id(node)] = scoped_binding(scope, name)
                    return

    def _preload(self, scope: Scope, function: Scope, name: str) -> None:
        """Let the local start with the outer value: ``n += 1`` reads the outer ``n`` (2.3)."""
        inner: Scope | None = scope
        while inner is not None and inner is not function:
            if name in inner.names:
                return
            inner = inner.parent
        if name in function.preload or function.parent is None:
            return
        outer = lookup(function.parent, name)
        if outer is not None and outer.kind != "runtime":
            function.preload[name] = outer
            function.names[name] = f"dana_l_{name}"

    def unknown(self, node: nodes.Node, name: str) -> None:
        from dana_guards.safe_builtins import refusal  # only a program with a mistake needs the table

        reason = refusal(name)
        if reason is not None:
            self.error(node, reason)
            return
        near = _FOREIGN_VALUES.get(name.lower()) or near_name(name, self.visible_names())
        self.error(node, f"name '{name}' is not defined", f"did you mean '{near}'?" if near else None)

    def visible_names(self) -> list[str]:
        names: list[str] = []
        scope: Scope | None = self.scope
        while scope is not None:
            names.extend(name for name in scope.names if not name.startswith("__"))
            scope = scope.parent
        for scoped in self.module_scope.scoped.values():
            names.extend(scoped)
        return names + sorted(self.builtins)

    def resolve_ScopedName(self, node: nodes.ScopedName) -> None:
        """``scope:name``: that scope, then the others; unknown everywhere is an error (2.2)."""
        if node.scope == "local":
            self.read(node, node.name)
        elif (
            node.scope == "private"
            and not self.module_scope.has_scoped("private", node.name)
            and lookup(self.scope, node.name) is None
        ):
            self.unknown(node, node.name)

    def resolve_BinOp(self, node: nodes.BinOp) -> None:
        """A chain leans to the left and may be long: it is walked without recursion."""
        rights: list[nodes.Expr] = []
        left: nodes.Expr = node
        while isinstance(left, nodes.BinOp):
            rights.append(left.right)
            left = left.left
        self.visit(left)
        for right in reversed(rights):
            self.visit(right)

    def resolve_Placeholder(self, node: nodes.Placeholder) -> None:
        """``$$`` has a meaning only inside a stage."""
        if self.piped is None:
            self.error(node, "'$$' stands for the piped value and has no meaning outside a pipeline stage")
        elif not self.piped:
            self.error(node, "'$$' stands for the piped value, and the first stage without parameters has none")

    def resolve_Walrus(self, node: nodes.Walrus) -> None:
        """Value first, then the name."""
        self.visit(node.value)
        self.assign(node.name)
        if self.iterables:
            self.error(node, "':=' cannot stand in what a comprehension loops over", "assign it on a line before")
        scope: Scope | None = self.scope
        while scope is not None and scope.kind == "comprehension":
            if node.name in scope.names:
                self.error(node, f"'{node.name}' is what the comprehension loops over", "':=' needs another name")
            scope = scope.parent

    # -- targets -------------------------------------------------------------------------------

    def target(self, node: nodes.Expr) -> None:
        """An assignment target: names are assigned, receivers and indexes are read."""
        match node:
            case nodes.Name(name=name) | nodes.ScopedName(scope="local", name=name):
                self.assign(name)
            case nodes.ScopedName():
                pass
            case nodes.TupleExpr(items=items) | nodes.ListExpr(items=items):
                for item in items:
                    self.target(item)
            case nodes.Starred(value=value):
                self.target(value)
            case nodes.Attribute() | nodes.Index():
                self.each(node)
            case _:
                self.error(node, "cannot assign to this expression", "assign to a name, an attribute or an index")

    def no_star(self, target: nodes.Expr) -> None:
        """Loops, ``with`` and comprehensions unpack, but collect no rest: that would be measured at every turn."""
        if isinstance(target, nodes.Starred):
            self.error(target, "a starred target stands in an assignment only", "unpack in the body")
        elif isinstance(target, nodes.TupleExpr | nodes.ListExpr):
            for item in target.items:
                self.no_star(item)

    def resolve_Assign(self, node: nodes.Assign) -> None:
        """Right side first (3.1)."""
        self.visit(node.value)
        for target in node.targets:
            self.target(target)

    def resolve_TypedAssign(self, node: nodes.TypedAssign) -> None:
        """Right side first; the annotation is no expression."""
        self.visit(node.value)
        self.target(node.target)

    def resolve_AugAssign(self, node: nodes.AugAssign) -> None:
        """The current value is read before the right side."""
        self.visit(node.target)
        self.visit(node.value)
        self.target(node.target)

    def resolve_Delete(self, node: nodes.Delete) -> None:
        """What is deleted is read."""
        for target in node.targets:
            if isinstance(target, nodes.Name | nodes.ScopedName | nodes.Attribute | nodes.Index):
                self.visit(target)
            else:
                self.error(target, "cannot delete this expression", "delete a name, an attribute or an index")

    def resolve_TypeName(self, node: nodes.TypeName) -> None:
        """Types are names of their own and are never evaluated."""

    def resolve_TypeUnion(self, node: nodes.TypeUnion) -> None:
        """As `resolve_TypeName`."""

    # -- scopes of their own -------------------------------------------------------------------

    def resolve_FunctionDef(self, node: nodes.FunctionDef) -> None:
        """Decorators and defaults outside, the body inside."""
        for decorator in node.decorators:
            self.visit(decorator)
        params = list(node.params)
        if node.receiver is not None:
            params.insert(0, nodes.Param(node.receiver.span, node.receiver.name))
        self.function(node, params, node.body)
        self.assign(node.name)

    def resolve_Lambda(self, node: nodes.Lambda) -> None:
        """Defaults outside, the body inside."""
        params = list(node.params)
        if node.receiver is not None:
            params.insert(0, nodes.Param(node.receiver.span, node.receiver.name))
        self.function(node, params, (nodes.ExprStmt(node.body.span, node.body),))

    def function(self, node: nodes.Node, params: list[nodes.Param], body: Iterable[nodes.Stmt]) -> None:
        """Resolve a body in a scope of its own."""
        self.parameters(params)
        scope = Scope("function", self.scope)
        for param in params:
            scope.names[param.name] = python_name(param.name)
        statements = tuple(body)
        Binder(scope, self.has_walrus).block(statements)
        self.enter(node, scope, {param.name for param in params}, lambda: self.block(statements))

    def enter(self, node: nodes.Node, scope: Scope, assigned: set[str], walk_body: Callable[[], None]) -> None:
        """Walk the inside of a function with flow state of its own."""
        outside = (self.scope, self.assigned, self.loops, self.piped, self.body)
        self.scopes[id(node)] = scope
        self.scope, self.assigned, self.loops = scope, assigned, 0
        self.body = node.body if isinstance(node, nodes.FunctionDef) else ()
        walk_body()
        self.scope, self.assigned, self.loops, self.piped, self.body = outside

    def parameters(self, params: Iterable[nodes.Param]) -> None:
        """Defaults are read outside; names must differ."""
        seen: set[str] = set()
        for param in params:
            if param.name in seen:
                self.error(param, f"parameter '{param.name}' stands twice")
            seen.add(param.name)
            if param.default is not None:
                self.visit(param.default)

    def resolve_Composition(self, node: nodes.Composition) -> None:
        """Stages see the parameters and the names of earlier stages (6.5)."""
        self.parameters(node.params)
        scope = Scope("function", self.scope)
        for param in node.params:
            scope.names[param.name] = python_name(param.name)
        self.enter(node, scope, set(scope.names), lambda: self._stages(node.stages, scope, bool(node.params)))
        self.assign(node.name)

    def _stages(self, stages: tuple[nodes.Stage, ...], scope: Scope, piped: bool) -> None:
        """Stages one after the other; ``piped``: the first one gets a value, as the others always do."""
        for number, stage in enumerate(stages):
            self._stage(stage, scope, piped or number > 0)

    def _stage(self, stage: nodes.Stage, scope: Scope, piped: bool) -> None:
        if isinstance(stage.value, tuple):
            for part in stage.value:
                self._stage(part, scope, piped)
        else:
            outside, self.piped = self.piped, piped
            self.visit(stage.value)
            self.piped = outside
            if _is_plain_value(stage.value) and not any(isinstance(p, nodes.Placeholder) for p in walk(stage.value)):
                hint = "a stage is a function, or says with $$ where the piped value goes"
                self.error(stage.value, "this stage is a value and cannot be called", hint)
        if stage.name is not None:
            scope.bind(stage.name)
            self.assign(stage.name)

    def resolve_Comprehension(self, node: nodes.Comprehension) -> None:
        """The first iterable outside, the rest inside; the targets stay inside (4.7)."""
        scope = Scope("comprehension", self.scope)
        self.scopes[id(node)] = scope
        for number, clause in enumerate(node.clauses):
            self.scope = scope if number else scope.parent or self.module_scope
            self.iterables += 1
            self.visit(clause.iterable)
            self.iterables -= 1
            self.scope = scope
            self._plain(clause.target)
            Binder(scope, self.has_walrus).target(clause.target)
            for condition in clause.conditions:
                self.visit(condition)
        self.visit(node.element)
        if node.value is not None:
            self.visit(node.value)
        self.scope = scope.parent or self.module_scope

    def _plain(self, target: nodes.Expr) -> None:
        """A comprehension has a scope of its own: it binds variables there and changes nothing outside."""
        match target:
            case nodes.TupleExpr(items=items) | nodes.ListExpr(items=items):
                for item in items:
                    self._plain(item)
            case nodes.Starred():
                self.no_star(target)
            case nodes.Attribute() | nodes.Index() | nodes.ScopedName():
                self.error(target, "a comprehension binds plain variables only", "write a loop, or bind a variable")

    # -- declarations --------------------------------------------------------------------------

    def resolve_StructDef(self, node: nodes.StructDef) -> None:
        """Field defaults are read in the declaring scope; names must differ."""
        seen: set[str] = set()
        for member in node.fields:
            if member.name in seen:
                self.error(member, f"field '{member.name}' of {node.name} stands twice")
            seen.add(member.name)
            if member.default is not None:
                self.visit(member.default)
        for method in node.methods:
            if method.receiver is None and not method.params:
                self.error(method, f"method '{method.name}' needs the instance as its first parameter", "write (self)")
            else:
                self.resolve_FunctionDef(method)
        self.assign(node.name)

    def resolve_InterfaceDef(self, node: nodes.InterfaceDef) -> None:
        """Embedded interfaces are names."""
        for name in node.embedded:
            self.read(node, name)
        self.assign(node.name)

    def resolve_AgentDef(self, node: nodes.AgentDef) -> None:
        """The blueprint is a name, the overrides are expressions."""
        if node.blueprint is not None:
            self.read(node, node.blueprint)
        for _, value in node.overrides:
            self.visit(value)
        self.assign(node.name or node.blueprint or "")

    def resolve_Import(self, node: nodes.Import) -> None:
        """Binds at least the first part of each name."""
        for name in node.names:
            self.assign(name.alias or name.module.partition(".")[0])

    def resolve_ImportFrom(self, node: nodes.ImportFrom) -> None:
        """Private names stay private; a star binds what only the run knows (9.1, 9.3)."""
        if node.star and self.scope.kind != "module":
            self.error(node, "'from … import *' is allowed only at module level", "name what you need")
        for name, alias in node.names:
            if name.startswith("_"):
                self.error(node, f"'{name}' is private to its module and cannot be imported")
            self.assign(alias or name)

    def resolve_Export(self, node: nodes.Export) -> None:
        """Only at module level, only names of the module (9.4)."""
        if self.scope.kind != "module":
            self.error(node, "'export' is allowed only at module level")
        for name in node.names:
            binding: Binding | None = self.module_scope.outer(name)
            if binding is None or binding.kind == "builtin":
                self.unknown(node, name)
            self.exports.append(name)

    def resolve_Global(self, node: nodes.Global) -> None:
        """The name is no parameter, and not used before."""
        self._declared_outside(node)

    def _declared_outside(self, node: nodes.Global | nodes.Nonlocal) -> None:
        word = "global" if isinstance(node, nodes.Global) else "nonlocal"
        function = self.scope.function()
        for name in node.names:
            if _is_used(self.body, name, node.span):
                self.error(node, f"'{name}' is used before it is declared {word}", "declare it at the function's head")
            elif name in function.names and function.kind != "module":
                self.error(node, f"'{name}' is a parameter and cannot be {word}")
            elif name in function.global_names and name in function.nonlocal_names:
                self.error(node, f"'{name}' is both global and nonlocal")

    def resolve_Nonlocal(self, node: nodes.Nonlocal) -> None:
        """The name must belong to a function around this one."""
        self._declared_outside(node)
        for name in node.names:
            parent = self.scope.function().parent
            binding = lookup(parent, name) if parent is not None else None
            if binding is None or binding.kind != "local":
                self.error(node, f"no function around this one binds '{name}'")

    # -- calls ---------------------------------------------------------------------------------

    def resolve_Call(self, node: nodes.Call) -> None:
        """A keyword stands once."""
        seen: set[str] = set()
        for keyword in node.keywords:
            if keyword.name is not None and keyword.name in seen:
                self.error(keyword, f"keyword argument '{keyword.name}' stands twice")
            seen.add(keyword.name or "")
        self.each(node)


_FOREIGN_VALUES = {
    "true": "true", "false": "false", "none": "none", "null": "none", "nil": "none", "undefined": "none",
    "nan": "float('nan')", "infinity": "float('inf')", "this": "self",
}  # fmt: skip
"""What other languages call a value of Dana, in lower case."""

_VALUES = (
    nodes.Constant, nodes.FString, nodes.TupleExpr, nodes.SetExpr, nodes.DictExpr, nodes.UnaryOp, nodes.Compare,
    nodes.Comprehension,
)  # fmt: skip
"""Expressions that never give a function."""


def _is_plain_value(node: nodes.Expr) -> bool:
    return isinstance(node, _VALUES) or (isinstance(node, nodes.BinOp) and node.op != "|")


def _is_used(body: tuple[nodes.Stmt, ...], name: str, before: nodes.Span) -> bool:
    """Does a function read or assign ``name`` itself in front of ``before``?"""
    stack: list[nodes.Node] = [statement for statement in body if statement.span < before]
    while stack:
        node = stack.pop()
        if isinstance(node, nodes.Name | nodes.Walrus) and node.name == name and node.span < before:
            return True
        if isinstance(node, nodes.FunctionDef):
            # Only what stands outside of its body is used here: decorators, defaults, the receiver's type.
            stack += [*node.decorators, *(param.default for param in node.params if param.default is not None)]
            stack += [] if node.receiver is None else [node.receiver.annotation]
        elif isinstance(node, nodes.TypeName):
            if node.name.partition(".")[0] == name:
                return True
        elif not isinstance(node, nodes.Lambda):
            stack += children(node)
    return False
