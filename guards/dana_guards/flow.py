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

from dana_guards.flow_expressions import Env, Expressions, is_hook_call, is_small_literal
from dana_guards.lattice import (
    ANY,
    CONTAINER,
    DICT,
    EVERYTHING,
    FUNCTION,
    INT,
    LIST,
    NONE,
    NOTHING,
    OTHER,
    SMALL,
    STR,
    STRUCT,
    Type,
    binary,
    container,
    join,
    of,
)  # fmt: skip
from dana_guards.privacy import private_lists
from dana_guards.results import Results
from dana_guards.scopes import Function, Scope, parameters
from dana_guards.type_hooks import TYPE_HOOKS
from dana_guards.walking import children, descendants

if TYPE_CHECKING:
    from dana_guards.evidence import Evidence

_ROUNDS: Final = 8


class Walker(Expressions):
    """Walks one scope until nothing changes. ``functions`` are those defined inside, by ``id``.

    Of a module one walker takes some `statements` only; then `unit` stands for these.
    """

    def __init__(
        self, evidence: Evidence, node: ast.AST, unit: ast.AST | None = None, statements: list[ast.stmt] | None = None
    ) -> None:
        self.evidence = evidence
        self.types, self.held = evidence.types, evidence.held
        self.node = node
        self.unit = node if unit is None else unit
        self.statements: list[ast.stmt] = getattr(node, "body", []) if statements is None else statements
        self.scope = evidence.scope_of(node)
        self.inner = self.scope
        self.functions: dict[int, ast.AST] = {}
        self.env: Env = {}
        self.changed = False
        self.again = False
        self.seen: set[str] = set()
        """Variables whose joined type this round has used: if one of them moves later, there is another round."""
        self.touched: set[Scope] = {self.scope}
        self.knows_private = not isinstance(node, ast.FunctionDef)
        self.bound_in: Callable[[ast.AST], frozenset[str]] = evidence.found.bound_in

    def run(self) -> bool:
        """Find the fixed point. After `_ROUNDS` walks what still moves is anything. Tells whether a variable has moved.

        May be called again when a function that this one calls turned out to give more: types only grow. A parameter
        that got new types has moved as well: functions inside see it.
        """
        self.changed = False
        if isinstance(self.node, Function):
            self._take_parameters(self.node)
        for count in range(_ROUNDS + 2):
            if count == _ROUNDS:
                self._give_up()
            self.again = False
            self.seen.clear()
            self.env = {}
            self.results = Results(self.node)
            if isinstance(self.node, ast.Lambda):
                self.expr(self.node.body)
            elif self.block(self.statements):
                self.results.add(None, of(NONE))
            # A round that used nothing which has moved since would find the same again.
            if not self.again:
                return self.changed
        raise AssertionError("the types of a function do not settle")  # pragma: no cover

    def _take_parameters(self, node: Function) -> None:
        known_types = self.evidence.results.parameters_of(node)
        types = self.scope.types
        for number, each in enumerate(parameters(node)):
            before = types.get(each.arg, NOTHING)
            after = types[each.arg] = join(before, ANY if known_types is None else known_types[number])
            self.changed = self.changed or after != before

    def _find_private(self) -> None:
        """Look for lists that stay inside the function, when the first one is assigned.

        What was assigned to their names before was no list whose items are known.
        """
        self.knows_private = True
        self.again = True
        assert isinstance(self.node, ast.FunctionDef)
        bound = self.scope.types
        self.scope.private = {
            name: ANY if bound.get(name, NOTHING).flags else NOTHING
            for name in private_lists(self.node, self.scope, self.evidence)
        }

    def _give_up(self) -> None:
        """Variables that still move after many walks can be anything; one more walk then changes nothing."""
        for scope in self.touched:
            scope.types = dict.fromkeys(scope.types, ANY)
        self.scope.private = dict.fromkeys(self.scope.private, ANY)
        self.changed = True

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
        self.seen.add(name)
        kind = owner.types.get(name, NOTHING)
        if not kind.flags and not self._is_mine(owner):
            return ANY
        return self._with_items(name, kind)

    def _with_items(self, name: str, kind: Type) -> Type:
        if kind.flags == LIST:
            items = self.scope.private.get(name)
            if items is not None:
                self.seen.add(name)
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
        if not self.knows_private and kind.flags & LIST and kind.flags != EVERYTHING:
            self._find_private()
        if name in self.scope.private:
            self.add_items(name, (kind.item or ANY) if kind.flags else NOTHING)
        kind = kind.plain()
        owner = (scope or self.inner).owner(name)
        if owner is None or owner is owner.root:
            return
        before = owner.types.get(name, NOTHING)
        after = join(before, kind)
        if after is not before and after != before:
            owner.types[name] = after
            self.changed = True
            self.again = self.again or name in self.seen
        if scope is not None:
            is_tracked = self.is_tracked(name)
        else:
            is_tracked = name not in owner.outside and (owner is self.inner or self._is_mine(owner))
        if is_tracked:
            self.env[name] = kind

    def add_items(self, name: str, item: Type) -> None:
        """Something becomes an item of a list that nobody else can reach."""
        before = self.scope.private[name]
        after = join(before, item.plain())
        if after is not before and after != before:
            self.scope.private[name] = after
            self.changed = True
            self.again = self.again or name in self.seen

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
            for child in children(target):
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
        for child in children(node):
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

    def return_(self, node: ast.Return) -> bool:
        self.results.add(node, of(NONE) if node.value is None else self.expr(node.value))
        return False

    def leave(self, node: ast.AST) -> bool:
        for child in children(node):
            if isinstance(child, ast.expr):
                self.expr(child)
        return False

    def delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            for each in descendants(target):
                if isinstance(each, ast.Name):
                    self.env.pop(each.id, None)
            for child in children(target):
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
        if not kind.flags:
            return NOTHING
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
            elif not truth:
                self._refine_alternatives(env, test)
        elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Is | ast.IsNot):
            same = isinstance(test.ops[0], ast.Is) is truth
            self._refine_identity(env, test.left, test.comparators[0], same)

    def _refine_alternatives(self, env: Env, test: ast.BoolOp) -> None:
        """``type(x) is not int and type(x) is not float`` is false: x is an int or a float."""
        found = NOTHING
        tested: set[str] = set()
        for each in test.values:
            one: Env = {}
            self._refine(one, each, False)
            tested.update(one)
            found = join(found, next(iter(one.values()), ANY))
        if len(tested) == 1:
            env[tested.pop()] = found

    def _forget_walrus(self, env: Env, node: ast.expr) -> None:
        for name in self.bound_in(node):
            env.pop(name, None)

    def _refine_identity(self, env: Env, left: ast.expr, right: ast.expr, same: bool) -> None:
        if isinstance(left, ast.Call):
            if same and is_hook_call(left, "_type_") and len(left.args) == 1 and isinstance(left.args[0], ast.Name):
                name = left.args[0].id
                # The right operand is evaluated after the variable was read, and may have bound it anew.
                if self.is_tracked(name) and name not in self.bound_in(right):
                    env[name] = self._tested(right, env.get(name))
            return
        is_none = isinstance(right, ast.Constant) and right.value is None
        if is_none and isinstance(left, ast.Name) and self.is_tracked(left.id):
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


def merged(one: Env, two: Env) -> Env:
    """What holds after either of two paths."""
    return {name: join(kind, two[name]) for name, kind in one.items() if name in two}


_STATEMENTS: Final[dict[type[ast.stmt], Callable[[Walker, Any], bool | None]]] = {
    ast.Assign: Walker.assign,
    ast.AugAssign: Walker.augment,
    ast.AnnAssign: Walker.annotated,
    ast.Expr: Walker.expression,
    ast.Return: Walker.return_,
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
