"""Python nodes with positions: every node gets its place in the Dana text at birth.

In: a Dana node. Out: an `At`, whose methods make ``ast`` nodes that carry the line and the UTF-8 byte
columns of that node. The compiler never calls ``fix_missing_locations``: a node without a position
would be a wrong line in somebody's traceback.

Nodes that stand for an operation of Dana, not of Python, carry a mark that `dana2py.specialise` reads:
``dana_op`` (operator with coercion), ``dana_truth`` (condition), ``dana_attr`` (attribute with dict
keys), ``dana_call`` (method call). The marks decide nothing about safety; the policy does not see them.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, TypeVar

from dana2py import nodes
from dana2py.source import Source

LOAD, STORE, DEL = ast.Load(), ast.Store(), ast.Del()
N = TypeVar("N", bound=ast.AST)


def new(kind: type[N]) -> N:
    """A node whose fields go straight into its ``__dict__``: its class would look each of them up by name, which takes
    twice the time, on Python 3.13 four times. All fields have to be given then."""
    return kind.__new__(kind)


class At:
    """Makes nodes at one place."""

    __slots__ = ("place",)

    def __init__(self, source: Source, node: nodes.Node) -> None:
        line, column, end_line, end_column = node.span
        if not source.is_ascii:
            column, end_column = source.byte_column(line, column), source.byte_column(end_line, end_column)
        self.place: dict[str, Any] = {
            "lineno": line, "col_offset": column, "end_lineno": end_line, "end_col_offset": end_column,
        }  # fmt: skip

    # -- expressions ---------------------------------------------------------------------------

    def load(self, name: str) -> ast.Name:
        """``name`` read."""
        node = new(ast.Name)
        node.__dict__.update(self.place, id=name, ctx=LOAD)
        return node

    def store(self, name: str) -> ast.Name:
        """``name`` as a target."""
        node = new(ast.Name)
        node.__dict__.update(self.place, id=name, ctx=STORE)
        return node

    def constant(self, value: Any) -> ast.Constant:
        """A constant."""
        node = new(ast.Constant)
        node.__dict__.update(self.place, value=value, kind=None)
        return node

    def call(self, func: ast.expr, args: Sequence[ast.expr], keywords: Sequence[ast.keyword] = ()) -> ast.Call:
        """``func(args, keywords)``."""
        node = new(ast.Call)
        node.__dict__.update(self.place, func=func, args=list(args), keywords=list(keywords))
        return node

    def hook(self, name: str, *args: ast.expr) -> ast.Call:
        """``_name_(args)``."""
        return self.call(self.load(name), args)

    def attribute(self, value: ast.expr, name: str, ctx: ast.expr_context = LOAD) -> ast.Attribute:
        """``value.name``."""
        node = new(ast.Attribute)
        node.__dict__.update(self.place, value=value, attr=name, ctx=ctx)
        return node

    def subscript(self, value: ast.expr, index: ast.expr, ctx: ast.expr_context = LOAD) -> ast.Subscript:
        """``value[index]``."""
        node = new(ast.Subscript)
        node.__dict__.update(self.place, value=value, slice=index, ctx=ctx)
        return node

    def tuple(self, items: Sequence[ast.expr], ctx: ast.expr_context = LOAD) -> ast.Tuple:
        """``(items)``."""
        return ast.Tuple(elts=list(items), ctx=ctx, **self.place)

    def list(self, items: Sequence[ast.expr], ctx: ast.expr_context = LOAD) -> ast.List:
        """``[items]``."""
        node = new(ast.List)
        node.__dict__.update(self.place, elts=[*items], ctx=ctx)
        return node

    def binop(self, left: ast.expr, op: ast.operator, right: ast.expr) -> ast.BinOp:
        """``left op right``."""
        node = new(ast.BinOp)
        node.__dict__.update(self.place, left=left, op=op, right=right)
        return node

    def compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.Compare:
        """``left op right``."""
        node = new(ast.Compare)
        node.__dict__.update(self.place, left=left, ops=[op], comparators=[right])
        return node

    def not_(self, value: ast.expr) -> ast.UnaryOp:
        """``not value``."""
        return ast.UnaryOp(op=ast.Not(), operand=value, **self.place)

    def boolean(self, op: ast.boolop, values: Sequence[ast.expr]) -> ast.expr:
        """``a op b op c``, or the only value."""
        return values[0] if len(values) == 1 else ast.BoolOp(op=op, values=list(values), **self.place)

    def conditional(self, test: ast.expr, body: ast.expr, orelse: ast.expr) -> ast.IfExp:
        """``body if test else orelse``."""
        return ast.IfExp(test=test, body=body, orelse=orelse, **self.place)

    def walrus(self, name: str, value: ast.expr) -> ast.NamedExpr:
        """``(name := value)``."""
        return ast.NamedExpr(target=self.store(name), value=value, **self.place)

    def is_type(self, value: ast.expr, hook: str) -> ast.Compare:
        """``_type_(value) is hook``."""
        return self.compare(self.hook("_type_", value), ast.Is(), self.load(hook))

    def is_not_type(self, value: ast.expr, hook: str) -> ast.Compare:
        """``_type_(value) is not hook``."""
        return self.compare(self.hook("_type_", value), ast.IsNot(), self.load(hook))

    # -- statements ----------------------------------------------------------------------------

    def assign(self, target: ast.expr, value: ast.expr) -> ast.Assign:
        """``target = value``."""
        return ast.Assign(targets=[target], value=value, **self.place)

    def assign_name(self, name: str, value: ast.expr) -> ast.Assign:
        """``name = value``."""
        return self.assign(self.store(name), value)

    def expr(self, value: ast.expr) -> ast.Expr:
        """An expression statement."""
        node = new(ast.Expr)
        node.__dict__.update(self.place, value=value)
        return node

    def return_(self, value: ast.expr | None) -> ast.Return:
        """``return value``."""
        node = new(ast.Return)
        node.__dict__.update(self.place, value=value)
        return node

    def raise_(self, value: ast.expr | None, cause: ast.expr | None = None) -> ast.Raise:
        """``raise value from cause``."""
        return ast.Raise(exc=value, cause=cause, **self.place)

    def if_(self, test: ast.expr, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt] = ()) -> ast.If:
        """``if test: body else: orelse``."""
        return ast.If(test=test, body=list(body) or [self.pass_()], orelse=list(orelse), **self.place)

    def pass_(self) -> ast.Pass:
        """``pass``."""
        return ast.Pass(**self.place)

    def function(
        self, name: str, args: ast.arguments, body: Sequence[ast.stmt], decorators: Sequence[ast.expr] = ()
    ) -> ast.FunctionDef:
        """``def name(args): body``."""
        extra: dict[str, Any] = {} if _TYPE_PARAMS is None else {"type_params": []}
        return ast.FunctionDef(
            name=name,
            args=args,
            body=list(body) or [self.pass_()],
            decorator_list=list(decorators),
            returns=None,
            **extra,
            **self.place,
        )

    def arg(self, name: str) -> ast.arg:
        """One parameter."""
        return ast.arg(arg=name, annotation=None, **self.place)


def again(node: ast.expr) -> ast.expr:
    """A second node for a name, a constant or ``*name``: a node must not stand at two places of a tree."""
    place = {name: getattr(node, name) for name in node._attributes}
    match node:
        case ast.Name(id=name, ctx=ctx):
            return ast.Name(id=name, ctx=ctx, **place)
        case ast.Constant(value=value):
            return ast.Constant(value=value, **place)
        case ast.Starred(value=value, ctx=ctx):
            return ast.Starred(value=again(value), ctx=ctx, **place)
    raise AssertionError(f"{type(node).__name__} is evaluated once only")


_TYPE_PARAMS = "type_params" if "type_params" in ast.FunctionDef._fields else None


def arguments(args: Sequence[ast.arg] = (), defaults: Sequence[ast.expr] = ()) -> ast.arguments:
    """A parameter list of plain parameters; the defaults belong to the last ones."""
    return ast.arguments(
        posonlyargs=[], args=list(args), vararg=None, kwonlyargs=[], kw_defaults=[], kwarg=None, defaults=list(defaults)
    )
