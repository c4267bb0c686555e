"""Types of expressions: the part of the walk (`dana_guards.flow`) that computes one from its parts.

In: an expression, in the scope and with the knowledge of the walk that goes on. Out: its type, noted in the evidence
for it and all its parts; assignments inside it (``:=``) are bound. What may not be evaluated is looked at with a copy
of the knowledge, and what it assigns is forgotten afterwards.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from dana_guards import known
from dana_guards.lattice import (
    ANY,
    BOOL,
    DICT,
    FUNCTION,
    LIST,
    NOTHING,
    NUMBER,
    OTHER,
    RANGE,
    SEQUENCE,
    SET,
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
)  # fmt: skip
from dana_guards.names import SLOT_PREFIX
from dana_guards.results import is_plain
from dana_guards.scopes import Comprehension, Scope
from dana_guards.walking import children

if TYPE_CHECKING:
    from dana_guards.evidence import Evidence

Env = dict[str, Type]
"""What is known of local variables at one point of a path, beyond their joined types."""


def is_hook_call(node: ast.AST, hook: str) -> bool:
    """Whether `node` calls `hook`; hooks cannot be rebound, so their name is enough."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == hook


def is_small_literal(node: ast.expr) -> bool:
    """Whether `node` is a literal int from 0 to 2**64."""
    return isinstance(node, ast.Constant) and type(node.value) is int and 0 <= node.value < 2**64


_NUMBERS_ONLY: Final = frozenset({ast.Div, ast.FloorDiv, ast.Pow})
"""Operators that nothing but numbers has (`dana_guards.lattice.binary`)."""


_ORDERING: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def _is_twice(left: ast.expr, right: ast.expr) -> bool:
    """Whether both are reads of one variable: nothing but a number can be multiplied by itself."""
    return type(left) is ast.Name and type(right) is ast.Name and left.id == right.id


class Expressions:
    """What the walk does with expressions."""

    evidence: Evidence
    node: ast.AST
    unit: ast.AST
    scope: Scope
    inner: Scope
    env: Env
    touched: set[Scope]
    types: dict[int, Type]
    held: list[ast.expr]
    bound_in: Callable[[ast.AST], frozenset[str]]

    if TYPE_CHECKING:

        def read(self, name: str) -> Type: ...
        def bind(self, name: str, kind: Type, scope: Scope | None = None) -> None: ...
        def add_items(self, name: str, item: Type) -> None: ...
        def is_tracked(self, name: str) -> bool: ...
        def forget(self, names: Iterable[str]) -> None: ...
        def refined(self, env: Env, test: ast.expr, truth: bool) -> Env: ...
        def iterate(self, target: ast.expr, iterable: ast.expr, kind: Type) -> None: ...
        def function(self, node: ast.FunctionDef | ast.Lambda | ast.AsyncFunctionDef) -> None: ...

    def expr(self, node: ast.expr) -> Type:
        """Type of an expression; noted, with those of its parts."""
        cls = type(node)
        kind: Type
        if cls is ast.Name:
            kind = self.read(node.id)  # type: ignore[attr-defined]
        elif (method := _EXPRESSIONS.get(cls)) is not None:
            kind = method(self, node)
        else:
            kind = ANY
            for child in children(node):
                if isinstance(child, ast.expr):
                    self.expr(child)
        # `Evidence.note`, without the call: this is done for every expression.
        types, key = self.types, id(node)
        if kind is ANY:
            types.pop(key, None)
        else:
            if key not in types:
                self.held.append(node)
            types[key] = kind
        return kind

    def conditional(self, node: ast.expr, env: Env) -> Type:
        """Type of an expression that may not be evaluated; what it assigns is not known afterwards."""
        outer, self.env = self.env, env
        kind = self.expr(node)
        self.env = outer
        bound = self.bound_in(node)
        if bound:
            self.forget(bound)
        return kind

    def name(self, node: ast.Name) -> Type:
        return self.read(node.id)

    def attribute(self, node: ast.Attribute) -> Type:
        """A field of a struct of this module has the type that its declaration says."""
        receiver = self.expr(node.value)
        if not receiver.flags:
            return NOTHING
        if receiver.struct is None or not receiver.is_only(STRUCT):
            return ANY
        return self.evidence.field_type(receiver.struct, node.attr.removeprefix(SLOT_PREFIX)) or ANY

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
        op = type(node.op)
        if op in _NUMBERS_ONLY or (op is ast.Mult and _is_twice(node.left, node.right)):
            # Behind the operation both are numbers, whatever they were taken for: it would have failed otherwise.
            left = self._was_number(node.left, left, self.bound_in(node.right))
            right = self._was_number(node.right, right, frozenset())
        if isinstance(node.op, ast.Pow):
            return binary(ast.Pow, left, right, is_small_literal(node.right))
        return binary(type(node.op), left, right, is_small_literal(node.right) or is_small_literal(node.left))

    def _was_number(self, node: ast.expr, kind: Type, rebound: frozenset[str]) -> Type:
        """Type of an operand of an operation that only numbers have.

        A variable keeps it behind the operation, unless it is among those that were `rebound` in between.
        """
        flags = kind.flags & NUMBER
        if flags in (0, kind.flags):
            return kind
        if isinstance(node, ast.Name) and node.id not in rebound and self.is_tracked(node.id):
            self.env[node.id] = of(flags)
        return of(flags)

    def _no_sequence(self, node: ast.expr, kind: Type, rebound: frozenset[str]) -> None:
        """A variable that is no text, list or tuple from here on, unless it was `rebound` in between."""
        target = node.target if isinstance(node, ast.NamedExpr) else node
        flags = kind.flags & ~SEQUENCE
        if flags in (0, kind.flags) or not isinstance(target, ast.Name):
            return
        if target.id not in rebound and self.is_tracked(target.id):
            self.env[target.id] = Type(flags, None, kind.struct)

    def unaryop(self, node: ast.UnaryOp) -> Type:
        operand = self.expr(node.operand)
        return unary(node.op, operand) if operand.flags else NOTHING

    def boolop(self, node: ast.BoolOp) -> Type:
        kind = self.expr(node.values[0])
        env, last = self.env, node.values[-1]
        for before, each in zip(node.values, node.values[1:], strict=False):
            env = self.refined(env, before, isinstance(node.op, ast.And))
            # What it finds out about variables holds for itself only.
            kind = join(kind, self.conditional(each, env if each is last else dict(env)))
            bound = self.bound_in(each)
            if bound:
                env = {name: found for name, found in env.items() if name not in bound}
        return kind

    def ifexp(self, node: ast.IfExp) -> Type:
        self.expr(node.test)
        one = self.conditional(node.body, self.refined(self.env, node.test, True))
        two = self.conditional(node.orelse, self.refined(self.env, node.test, False))
        return join(one, two)

    def compare(self, node: ast.Compare) -> Type:
        left, right = self.expr(node.left), self.expr(node.comparators[0])
        if isinstance(node.ops[0], _ORDERING) and not getattr(node, "dana_op", False):
            # The first pair is always compared, and no text, list or tuple has an order with a number: behind the
            # comparison the other side is none. With Dana's mark it is not Python's operator: "5" < 10 holds.
            if right.is_only(NUMBER):
                self._no_sequence(node.left, left, self.bound_in(node.comparators[0]))
            if left.is_only(NUMBER):
                self._no_sequence(node.comparators[0], right, frozenset())
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
        if not value.flags:
            return NOTHING
        if isinstance(node.slice, ast.Slice):
            if value.may_be(RANGE):
                value = container(value.flags, known.item_at_once(value))
            return value if value.is_only(SEQUENCE | RANGE) else ANY
        if value.is_only(STR):
            return of(STR)
        # A key may be a slice object nowhere: they are no values of the closed world.
        return known.item_at_once(value) if value.is_only(LIST | TUPLE | RANGE) else ANY

    def comprehension(self, node: Any) -> Type:
        saved = self.env
        kind = self.expr(node.generators[0].iter)
        outer, self.inner = self.inner, self.evidence.scope_of(node)
        self.touched.add(self.inner)
        hidden = frozenset(self.inner.bound)
        inside = frozenset().union(*(self.bound_in(each) for each in children(node)))
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
        if type(function) is ast.Name and function.id.startswith("_"):
            return self._hook(node, function.id)
        # As Python does it: what is called comes first, and an argument may rebind its name (``a.append((a := 1))``).
        receiver = self.expr(function.value if isinstance(function, ast.Attribute) else function)
        arguments = [self.expr(each) for each in node.args]
        for each in node.keywords:
            self.expr(each.value)
        if isinstance(function, ast.Attribute):
            self._list_method(node, function, arguments)
            return known.of_method(receiver, function.attr) if receiver.flags else NOTHING
        if not isinstance(function, ast.Name):
            return ANY
        name = function.id
        if self.evidence.is_struct_class(name, self.inner):
            return Type(STRUCT, None, name)
        if self.inner.owner(name) is self.evidence.module_scope and self.evidence.of_global(name).is_only(FUNCTION):
            return self.evidence.results.of_call(name, node, arguments, self.unit)
        builtin = known.BUILTINS.get(name)
        if builtin is None or not self.evidence.is_builtin(name, self.inner):
            return ANY
        if not is_plain(node):
            return builtin([ANY, ANY, ANY])
        for kind in arguments:
            if not kind.flags:
                return NOTHING
        return builtin(arguments)

    def _hook(self, node: ast.Call, name: str) -> Type:
        """A call of a hook, which no program can bind: nothing is to be known of its name."""
        arguments = [self.expr(each) for each in node.args]
        for each in node.keywords:
            self.expr(each.value)
        if name == "_field_" and len(arguments) == 4:
            declared = node.args[2]
            return known.of_field(str(declared.value)) if isinstance(declared, ast.Constant) else ANY
        return known.of_hook(name, arguments)

    def _list_method(self, node: ast.Call, function: ast.Attribute, arguments: list[Type]) -> None:
        grows = function.attr in ("append", "insert") and arguments and not node.keywords
        if grows and isinstance(function.value, ast.Name) and function.value.id in self.scope.private:
            self.add_items(function.value.id, arguments[-1])


_COMPREHENSIONS: Final[dict[type, int]] = {ast.ListComp: LIST, ast.SetComp: SET}

_EXPRESSIONS: Final[dict[type[ast.expr], Callable[[Expressions, Any], Type]]] = {
    ast.Name: Expressions.name,
    ast.Constant: Expressions.constant,
    ast.Attribute: Expressions.attribute,
    ast.NamedExpr: Expressions.walrus,
    ast.BinOp: Expressions.binop,
    ast.UnaryOp: Expressions.unaryop,
    ast.BoolOp: Expressions.boolop,
    ast.IfExp: Expressions.ifexp,
    ast.Compare: Expressions.compare,
    ast.List: Expressions.list_,
    ast.Tuple: Expressions.list_,
    ast.Set: Expressions.list_,
    ast.Dict: Expressions.dict_,
    ast.JoinedStr: Expressions.text,
    ast.Lambda: Expressions.lambda_,
    ast.Subscript: Expressions.subscript,
    ast.ListComp: Expressions.comprehension,
    ast.SetComp: Expressions.comprehension,
    ast.DictComp: Expressions.comprehension,
    ast.GeneratorExp: Expressions.comprehension,
    ast.Call: Expressions.call,
}
