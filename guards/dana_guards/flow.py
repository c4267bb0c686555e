"""One walk over a function that finds the types of its expressions (see `dana_guards.evidence`).

In: a function, lambda or module body, its scope, and what is known of the scopes around it. Out: types noted in the
evidence, types of variables in the scope, and the functions found inside. Conditions and assignments refine what is
known along a path; wherever paths join, or a loop, a handler or another function may have come between, the knowledge
falls back to the join over all assignments.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from dana_guards import known
from dana_guards.lattice import (
    ANY,
    BOOL,
    CONTAINER,
    DICT,
    FLOAT,
    FUNCTION,
    INT,
    LIST,
    MUTABLE,
    NONE,
    NOTHING,
    OTHER,
    RANGE,
    SEQUENCE,
    SET,
    SMALL,
    STR,
    STRUCT,
    TUPLE,
    Type,
    binary,
    container,
    join,
    of,
    of_constant,
    unary,
)
from dana_guards.privacy import private_lists
from dana_guards.scopes import Comprehension, Function, Scope, parameters

if TYPE_CHECKING:
    from dana_guards.evidence import Evidence

_ROUNDS: Final = 8

TYPE_HOOKS: Final[dict[str, int]] = {
    "_int_": INT, "_float_": FLOAT, "_str_": STR, "_bool_": BOOL, "_list_": LIST, "_dict_": DICT, "_set_": SET,
    "_tuple_": TUPLE, "_range_": RANGE,
}  # fmt: skip
"""Hooks that a type test may name, and what it proves."""

Env = dict[str, Type]
"""What is known of local variables at one point of a path, beyond their joined types."""


def is_hook_call(node: ast.AST, hook: str) -> bool:
    """Whether `node` calls `hook`; hooks cannot be rebound, so their name is enough."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == hook


class Walker:
    """Walks one scope until nothing changes. ``functions`` are those defined inside, by ``id``."""

    def __init__(self, evidence: Evidence, node: ast.AST) -> None:
        self.evidence = evidence
        self.node = node
        self.scope = evidence.scope_of(node)
        self.inner = self.scope
        self.functions: dict[int, ast.AST] = {}
        self.env: Env = {}
        self.changed = False
        self.touched: set[Scope] = {self.scope}
        self._bound: dict[int, frozenset[str]] = {}

    def run(self) -> None:
        """Find the fixed point. After `_ROUNDS` walks what still moves is anything."""
        if isinstance(self.node, Function):
            for each in parameters(self.node):
                self.scope.types[each.arg] = ANY
            if isinstance(self.node, ast.FunctionDef):
                self.scope.private = dict.fromkeys(private_lists(self.node, self.scope, self.evidence), NOTHING)
        for count in range(_ROUNDS + 2):
            if count == _ROUNDS:
                self._give_up()
            self.changed = False
            self.env = {}
            if isinstance(self.node, ast.Lambda):
                self.expr(self.node.body)
            else:
                self.block(getattr(self.node, "body", []))
            if not self.changed:
                return
        raise AssertionError("the types of a function do not settle")  # pragma: no cover

    def _give_up(self) -> None:
        """Variables that still move after many walks can be anything; one more walk then changes nothing."""
        for scope in self.touched:
            scope.types = dict.fromkeys(scope.types, ANY)
        self.scope.private = dict.fromkeys(self.scope.private, ANY)

    # -- variables -----------------------------------------------------------------------------------------

    def read(self, name: str) -> Type:
        """Type of a variable read here."""
        known_here = self.env.get(name)
        if known_here is not None:
            return self._with_items(name, known_here)
        owner = self.inner.owner(name)
        if owner is None:
            return ANY
        if owner is owner.root:
            return self.evidence.of_global(name)
        if name in owner.outside:
            return ANY
        kind = owner.types.get(name, NOTHING)
        if not kind.flags and not self._is_mine(owner):
            return ANY
        return self._with_items(name, kind)

    def _with_items(self, name: str, kind: Type) -> Type:
        items = self.scope.private.get(name)
        if items is not None and kind.is_only(LIST):
            return container(LIST, items)
        return kind

    def is_tracked(self, name: str) -> bool:
        """Whether only this walk assigns `name`: then tests and assignments say what it is."""
        owner = self.inner.owner(name)
        return owner is not None and owner is not owner.root and name not in owner.outside and self._is_mine(owner)

    def _is_mine(self, owner: Scope) -> bool:
        scope: Scope | None = self.inner
        while scope is not None:
            if scope is owner:
                return True
            if scope is self.scope:
                return False
            scope = scope.parent
        return False

    def bind(self, name: str, kind: Type, scope: Scope | None = None) -> None:
        """An assignment to a variable."""
        if name in self.scope.private:
            self.add_items(name, kind.item or ANY)
        kind = kind.plain()
        owner = (scope or self.inner).owner(name)
        if owner is None or owner is owner.root:
            return
        before = owner.types.get(name, NOTHING)
        after = join(before, kind)
        if after != before:
            owner.types[name] = after
            self.changed = True
        if self.is_tracked(name):
            self.env[name] = kind

    def add_items(self, name: str, item: Type) -> None:
        """Something becomes an item of a list that nobody else can reach."""
        before = self.scope.private[name]
        after = join(before, item.plain())
        if after != before:
            self.scope.private[name] = after
            self.changed = True

    def store(self, target: ast.expr, kind: Type) -> None:
        """Assign a value of type `kind` to a target."""
        if isinstance(target, ast.Name):
            self.evidence.note(target, kind)
            self.bind(target.id, kind)
        elif isinstance(target, ast.Tuple | ast.List):
            item = (kind.item or ANY) if kind.is_only(CONTAINER & ~DICT) else of(STR) if kind.is_only(STR) else ANY
            for each in target.elts:
                self.store(each, item)
        elif isinstance(target, ast.Starred):
            self.store(target.value, container(LIST, kind))
        elif isinstance(target, ast.Subscript):
            self.expr(target.value)
            self.expr(target.slice)
            if isinstance(target.value, ast.Name) and target.value.id in self.scope.private:
                self.add_items(target.value.id, (kind.item or ANY) if isinstance(target.slice, ast.Slice) else kind)
        else:
            for child in ast.iter_child_nodes(target):
                if isinstance(child, ast.expr):
                    self.expr(child)

    # -- statements ----------------------------------------------------------------------------------------

    def block(self, body: Iterable[ast.stmt]) -> bool:
        """Walk statements; whether control can go on behind them."""
        goes_on = True
        for each in body:
            method = _STATEMENTS.get(type(each))
            if method is not None:
                ends = method(self, each) is False
            else:
                self.other(each)
                ends = False
            if ends:
                goes_on = False
                self.env = {}
        return goes_on

    def other(self, node: ast.AST) -> None:
        """A statement that is not known: nothing is known behind it."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expr(child)
            elif isinstance(child, ast.stmt):
                self.block([child])
            else:
                self.other(child)
        for name in self.bound_in(node):
            self.bind(name, ANY)
            self.env.pop(name, None)

    def forget(self, names: Iterable[str]) -> None:
        for name in names:
            self.env.pop(name, None)

    def bound_in(self, node: ast.AST) -> frozenset[str]:
        """Names that are bound anywhere inside a statement, functions in it left out (they cannot bind ours)."""
        found = self._bound.get(id(node))
        if found is None:
            names: set[str] = set()
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load):
                    names.add(child.id)
                elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    names.add(child.name)
                    names |= self.bound_in(child)
                elif not isinstance(child, ast.expr_context | ast.operator):
                    if isinstance(child, ast.ExceptHandler) and child.name is not None:
                        names.add(child.name)
                    elif isinstance(child, ast.alias):
                        names.add((child.asname or child.name).partition(".")[0])
                    names |= self.bound_in(child)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.pattern):
                names |= {each for each in (getattr(node, "name", None), getattr(node, "rest", None)) if each}
            found = self._bound[id(node)] = frozenset(names)
        return found

    def assign(self, node: ast.Assign) -> None:
        value = node.value
        kind = self.expr(value)
        for target in node.targets:
            if (
                isinstance(target, ast.Tuple | ast.List)
                and isinstance(value, ast.Tuple)
                and len(target.elts) == len(value.elts)
                and not any(isinstance(each, ast.Starred) for each in (*target.elts, *value.elts))
            ):
                for one, part in zip(target.elts, [self.evidence.noted(each) for each in value.elts], strict=True):
                    self.store(one, part)
            else:
                self.store(target, kind)

    def augment(self, node: ast.AugAssign) -> None:
        value = self.expr(node.value)
        if not isinstance(node.target, ast.Name):
            self.store(node.target, ANY)
            return
        before = self.read(node.target.id)
        self.evidence.note(node.target, before)
        kind = before
        if before.flags and value.flags:
            kind = binary(type(node.op), before, value, is_small_literal(node.value))
            # ``a += b`` on a list takes any iterable and keeps the list.
            if before.may_be(LIST) and isinstance(node.op, ast.Add):
                kind = join(kind, container(LIST, join(before.item or ANY, value.item or ANY)))
        self.bind(node.target.id, kind)

    def annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.store(node.target, self.expr(node.value))

    def expression(self, node: ast.Expr) -> None:
        self.expr(node.value)

    def leave(self, node: ast.AST) -> bool:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expr(child)
        return False

    def delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            for each in ast.walk(target):
                if isinstance(each, ast.Name):
                    self.env.pop(each.id, None)
            for child in ast.iter_child_nodes(target):
                if isinstance(child, ast.expr):
                    self.expr(child)

    def if_(self, node: ast.If) -> bool:
        self.expr(node.test)
        start = self.env
        self.env = self.refined(start, node.test, True)
        first = self.block(node.body)
        one, self.env = self.env, self.refined(start, node.test, False)
        second = self.block(node.orelse)
        if first and second:
            self.env = merged(one, self.env)
        elif first:
            self.env = one
        return first or second

    def while_(self, node: ast.While) -> None:
        self.forget(self.bound_in(node))
        self.expr(node.test)
        start = dict(self.env)
        self.env = self.refined(start, node.test, True)
        self.block(node.body)
        self.env = dict(start)
        self.block(node.orelse)
        self.env = start
        self.forget(self.bound_in(node))

    def for_(self, node: ast.For) -> None:
        kind = self.expr(node.iter)
        self.forget(self.bound_in(node))
        start = dict(self.env)
        self.iterate(node.target, node.iter, kind)
        self.block(node.body)
        self.env = dict(start)
        self.block(node.orelse)
        self.env = start

    def iterate(self, target: ast.expr, iterable: ast.expr, kind: Type) -> None:
        """Store the items of an iterable in a loop's target."""
        pairs = self._pairs(iterable)
        if pairs is not None and isinstance(target, ast.Tuple | ast.List) and len(target.elts) == len(pairs):
            for each, item in zip(target.elts, pairs, strict=True):
                self.store(each, item)
        else:
            self.store(target, self._items(kind))

    def _items(self, kind: Type) -> Type:
        if kind.is_only(STR):
            return of(STR)
        return kind.item or ANY if kind.is_only(CONTAINER & ~DICT) else ANY

    def _pairs(self, node: ast.expr) -> list[Type] | None:
        """Parts of the items of ``enumerate(x)`` and ``zip(x, y)``."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.keywords:
            return None
        if any(isinstance(each, ast.Starred) for each in node.args):
            return None
        if node.func.id not in ("enumerate", "zip") or not self.evidence.is_builtin(node.func.id, self.inner):
            return None
        items = [self._items(self.evidence.noted(each)) for each in node.args]
        if node.func.id == "zip":
            return items
        return [of(SMALL), items[0]] if len(items) == 1 else None

    def try_(self, node: ast.AST) -> bool:
        assert isinstance(node, ast.Try)
        bound = self.bound_in(node)
        start = {name: kind for name, kind in self.env.items() if name not in bound}
        goes_on = self.block(node.body) and self.block(node.orelse)
        for handler in node.handlers:
            self.env = dict(start)
            if handler.type is not None:
                self.expr(handler.type)
            goes_on = self._handler(handler) or goes_on
        self.env = dict(start)
        ends = not self.block(node.finalbody)
        self.env = start
        return goes_on and not ends

    def _handler(self, handler: ast.ExceptHandler) -> bool:
        if handler.name is not None:
            self.bind(handler.name, of(OTHER))
            self.env.pop(handler.name, None)
        return self.block(handler.body)

    def with_(self, node: ast.With) -> None:
        for item in node.items:
            self.expr(item.context_expr)
            if item.optional_vars is not None:
                self.store(item.optional_vars, ANY)
        start = dict(self.env)
        self.block(node.body)
        # The manager may have swallowed an exception anywhere inside.
        self.env = start
        self.forget(self.bound_in(node))

    def define(self, node: ast.FunctionDef) -> None:
        for each in node.decorator_list:
            self.expr(each)
        self.function(node)
        self.bind(node.name, of(FUNCTION) if not node.decorator_list else ANY)

    def function(self, node: ast.FunctionDef | ast.Lambda | ast.AsyncFunctionDef) -> None:
        for each in (*node.args.defaults, *node.args.kw_defaults):
            if each is not None:
                self.expr(each)
        self.functions[id(node)] = node

    # -- conditions ----------------------------------------------------------------------------------------

    def refined(self, env: Env, test: ast.expr, truth: bool) -> Env:
        """What is known where `test` came out as `truth`."""
        found = dict(env)
        self._refine(found, test, truth)
        return found

    def _refine(self, env: Env, test: ast.expr, truth: bool) -> None:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            self._refine(env, test.operand, not truth)
        elif isinstance(test, ast.BoolOp):
            # All operands are known where ``and`` is true and where ``or`` is false.
            if isinstance(test.op, ast.And) is truth:
                for each in test.values:
                    self._forget_walrus(env, each)
                    self._refine(env, each, truth)
        elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Is | ast.IsNot):
            same = isinstance(test.ops[0], ast.Is) is truth
            self._refine_identity(env, test.left, test.comparators[0], same)

    def _forget_walrus(self, env: Env, node: ast.expr) -> None:
        for name in self.bound_in(node):
            env.pop(name, None)

    def _refine_identity(self, env: Env, left: ast.expr, right: ast.expr, same: bool) -> None:
        if isinstance(left, ast.Call):
            if same and is_hook_call(left, "_type_") and len(left.args) == 1 and isinstance(left.args[0], ast.Name):
                name = left.args[0].id
                if self.is_tracked(name):
                    env[name] = self._tested(right, env.get(name))
        elif isinstance(left, ast.Name) and isinstance(right, ast.Constant) and right.value is None:
            if self.is_tracked(left.id):
                before = self.read(left.id) if left.id not in env else env[left.id]
                if same:
                    env[left.id] = of(NONE)
                elif before.flags & ~NONE:
                    env[left.id] = Type(before.flags & ~NONE, before.item, before.struct)

    def _tested(self, right: ast.expr, before: Type | None) -> Type:
        """Type of ``x`` where ``_type_(x) is right``."""
        if isinstance(right, ast.Name) and right.id in TYPE_HOOKS:
            flags = TYPE_HOOKS[right.id]
            if before is not None and before.is_only(flags):
                return before
            return of(flags)
        if isinstance(right, ast.Name) and not right.id.startswith("_"):
            # Struct classes are the only classes that a program can hold.
            return Type(STRUCT, None, right.id if self.evidence.is_struct_class(right.id, self.inner) else None)
        if is_hook_call(right, "_type_") and isinstance(right, ast.Call) and len(right.args) == 1:
            other = self.evidence.noted(right.args[0])
            if other.flags and (other.flags & (other.flags - 1) == 0 or other.flags == INT):
                return of(INT) if other.is_only(INT) else of(other.flags)
        return before or ANY

    # -- expressions ---------------------------------------------------------------------------------------

    def expr(self, node: ast.expr) -> Type:
        """Type of an expression; noted, with those of its parts."""
        method = _EXPRESSIONS.get(type(node))
        if method is not None:
            kind: Type = method(self, node)
        else:
            kind = ANY
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self.expr(child)
        return self.evidence.note(node, kind)

    def conditional(self, node: ast.expr, env: Env) -> Type:
        """Type of an expression that may not be evaluated; what it assigns is not known afterwards."""
        outer, self.env = self.env, env
        kind = self.expr(node)
        self.env = outer
        self.forget(self.bound_in(node))
        return kind

    def name(self, node: ast.Name) -> Type:
        return self.read(node.id)

    def constant(self, node: ast.Constant) -> Type:
        return of_constant(node.value)

    def walrus(self, node: ast.NamedExpr) -> Type:
        kind = self.expr(node.value)
        scope = self.inner
        while isinstance(scope.node, Comprehension) and scope.parent is not None:
            scope = scope.parent
        if isinstance(node.target, ast.Name):
            self.evidence.note(node.target, kind)
            self.bind(node.target.id, kind, scope)
            if scope is not self.inner:
                self.env.pop(node.target.id, None)
        return kind.plain()

    def binop(self, node: ast.BinOp) -> Type:
        left, right = self.expr(node.left), self.expr(node.right)
        if not left.flags or not right.flags:
            return NOTHING
        if getattr(node, "dana_op", False):
            # The compiler's mark: still Dana's operator, not Python's. A mark can only widen what is known.
            return known.of_hook("_add_", [left, right])
        if isinstance(node.op, ast.Pow):
            return binary(ast.Pow, left, right, is_small_literal(node.right))
        return binary(type(node.op), left, right, is_small_literal(node.right) or is_small_literal(node.left))

    def unaryop(self, node: ast.UnaryOp) -> Type:
        operand = self.expr(node.operand)
        return unary(node.op, operand) if operand.flags else NOTHING

    def boolop(self, node: ast.BoolOp) -> Type:
        kind = self.expr(node.values[0])
        env = self.env
        for before, each in zip(node.values, node.values[1:], strict=False):
            env = self.refined(env, before, isinstance(node.op, ast.And))
            inside = dict(env)
            kind = join(kind, self.conditional(each, inside))
            env = {name: found for name, found in env.items() if name not in self.bound_in(each)}
        return kind

    def ifexp(self, node: ast.IfExp) -> Type:
        self.expr(node.test)
        one = self.conditional(node.body, self.refined(self.env, node.test, True))
        two = self.conditional(node.orelse, self.refined(self.env, node.test, False))
        return join(one, two)

    def compare(self, node: ast.Compare) -> Type:
        self.expr(node.left)
        self.expr(node.comparators[0])
        for each in node.comparators[1:]:
            self.conditional(each, dict(self.env))
        return of(BOOL)

    def list_(self, node: ast.List | ast.Tuple | ast.Set) -> Type:
        flags = LIST if isinstance(node, ast.List) else TUPLE if isinstance(node, ast.Tuple) else SET
        item: Type = NOTHING
        for each in node.elts:
            if isinstance(each, ast.Starred):
                self.expr(each.value)
                item = ANY
            else:
                item = join(item, self.expr(each).plain())
        return container(flags, item)

    def dict_(self, node: ast.Dict) -> Type:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                self.expr(key)
            self.expr(value)
        return of(DICT)

    def text(self, node: ast.JoinedStr) -> Type:
        for each in node.values:
            self.expr(each)
        return of(STR)

    def lambda_(self, node: ast.Lambda) -> Type:
        self.function(node)
        return of(FUNCTION)

    def subscript(self, node: ast.Subscript) -> Type:
        value = self.expr(node.value)
        self.expr(node.slice)
        if isinstance(node.slice, ast.Slice):
            return value if value.is_only(SEQUENCE | RANGE) else ANY
        if value.is_only(STR):
            return of(STR)
        # A key may be a slice object nowhere: they are no values of the closed world.
        return value.item or ANY if value.is_only(LIST | TUPLE | RANGE) else ANY

    def comprehension(self, node: Any) -> Type:
        saved = self.env
        kind = self.expr(node.generators[0].iter)
        outer, self.inner = self.inner, self.evidence.scope_of(node)
        self.touched.add(self.inner)
        hidden = frozenset(self.inner.bound)
        inside = frozenset().union(*(self.bound_in(each) for each in ast.iter_child_nodes(node)))
        self.env = {name: found for name, found in self.env.items() if name not in hidden and name not in inside}
        for index, generator in enumerate(node.generators):
            if index:
                kind = self.expr(generator.iter)
            self.iterate(generator.target, generator.iter, kind)
            for test in generator.ifs:
                self.expr(test)
                self.env = self.refined(self.env, test, True)
        if isinstance(node, ast.DictComp):
            self.expr(node.key)
            self.expr(node.value)
            result = of(DICT)
        else:
            item = self.expr(node.elt).plain()
            result = container(_COMPREHENSIONS.get(type(node), OTHER), item)
        self.inner = outer
        self.env = {name: found for name, found in saved.items() if name in hidden or name not in inside}
        return result

    def call(self, node: ast.Call) -> Type:
        function = node.func
        arguments = [self.expr(each) for each in node.args]
        for each in node.keywords:
            self.expr(each.value)
        if isinstance(function, ast.Attribute):
            receiver = self.expr(function.value)
            self._list_method(node, function, arguments)
            return known.of_method(receiver, function.attr) if receiver.flags else NOTHING
        if not isinstance(function, ast.Name):
            self.expr(function)
            return ANY
        self.expr(function)
        name = function.id
        if name.startswith("_"):
            return known.of_hook(name, arguments)
        if self.evidence.is_struct_class(name, self.inner):
            return Type(STRUCT, None, name)
        builtin = known.BUILTINS.get(name)
        if builtin is None or not self.evidence.is_builtin(name, self.inner):
            return ANY
        if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
            return builtin([ANY, ANY, ANY])
        if any(not each.flags for each in arguments):
            return NOTHING
        return builtin(arguments)

    def _list_method(self, node: ast.Call, function: ast.Attribute, arguments: list[Type]) -> None:
        if isinstance(function.value, ast.Name) and function.value.id in self.scope.private:
            if function.attr in ("append", "insert") and arguments and not node.keywords:
                self.add_items(function.value.id, arguments[-1])


def merged(one: Env, two: Env) -> Env:
    """What holds after either of two paths."""
    return {name: join(kind, two[name]) for name, kind in one.items() if name in two}


def is_small_literal(node: ast.expr) -> bool:
    """Whether `node` is a literal int from 0 to 2**64."""
    return isinstance(node, ast.Constant) and type(node.value) is int and 0 <= node.value < 2**64


_COMPREHENSIONS: Final[dict[type, int]] = {ast.ListComp: LIST, ast.SetComp: SET}

_STATEMENTS: Final[dict[type[ast.stmt], Callable[[Walker, Any], bool | None]]] = {
    ast.Assign: Walker.assign,
    ast.AugAssign: Walker.augment,
    ast.AnnAssign: Walker.annotated,
    ast.Expr: Walker.expression,
    ast.Return: Walker.leave,
    ast.Raise: Walker.leave,
    ast.Break: Walker.leave,
    ast.Continue: Walker.leave,
    ast.Delete: Walker.delete,
    ast.If: Walker.if_,
    ast.While: Walker.while_,
    ast.For: Walker.for_,
    ast.Try: Walker.try_,
    ast.With: Walker.with_,
    ast.FunctionDef: Walker.define,
}
_EXPRESSIONS: Final[dict[type[ast.expr], Callable[[Walker, Any], Type]]] = {
    ast.Name: Walker.name,
    ast.Constant: Walker.constant,
    ast.NamedExpr: Walker.walrus,
    ast.BinOp: Walker.binop,
    ast.UnaryOp: Walker.unaryop,
    ast.BoolOp: Walker.boolop,
    ast.IfExp: Walker.ifexp,
    ast.Compare: Walker.compare,
    ast.List: Walker.list_,
    ast.Tuple: Walker.list_,
    ast.Set: Walker.list_,
    ast.Dict: Walker.dict_,
    ast.JoinedStr: Walker.text,
    ast.Lambda: Walker.lambda_,
    ast.Subscript: Walker.subscript,
    ast.ListComp: Walker.comprehension,
    ast.SetComp: Walker.comprehension,
    ast.DictComp: Walker.comprehension,
    ast.GeneratorExp: Walker.comprehension,
    ast.Call: Walker.call,
}
