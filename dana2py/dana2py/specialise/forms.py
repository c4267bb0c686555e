"""The forms in which Dana's operators are spelt out, each with what it costs (docs/decisions/operators.md).

In: operands that are names or constants (`simple`). Out: Python expressions. Every function makes fresh
nodes: a node must never stand at two places of a tree.
"""

from __future__ import annotations

import ast
from typing import Any, TypeVar

from dana2py.lower.pyast import new
from dana_guards.walking import fields_of

N = TypeVar("N", bound=ast.AST)

_HOOKS: dict[type, str] = {
    ast.Eq: "_eq_", ast.NotEq: "_ne_", ast.Lt: "_lt_", ast.LtE: "_le_", ast.Gt: "_gt_", ast.GtE: "_ge_",
}  # fmt: skip
LOAD = ast.Load()


def clone(node: N, origin: bool = True) -> N:
    """A copy of a tree, marks included; contexts and operators are shared as the parser of Python does.

    With ``origin`` the copy leads to the node that the inference has seen (``dana_origin``); a copy that is
    made before the inference is a node of its own.
    """
    kind = type(node)
    fields, own, is_expression = _FIELDS.get(kind) or _fields_of(kind)
    copy = kind.__new__(kind)
    values = copy.__dict__
    values.update(node.__dict__)
    for name in own:
        values.pop(name, None)
    for name in fields:
        value = values.get(name)
        if type(value) is list:
            values[name] = [
                clone(item, origin) if type(item) not in _ATOMS and isinstance(item, ast.AST) else item
                for item in value
            ]
        elif type(value) not in _ATOMS and isinstance(value, ast.AST):
            values[name] = clone(value, origin)
    if origin and is_expression:
        values["dana_origin"] = node.__dict__.get("dana_origin", node)
    return copy


_FIELDS: dict[type, tuple[tuple[str, ...], tuple[str, ...], bool]] = {}
"""For each class: fields in which a copy has nodes or a list of its own, marks that it does not get, is it an
expression."""


def _fields_of(kind: type[ast.AST]) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    is_expression = issubclass(kind, ast.expr)
    lists = tuple(name for name in ("ops", "names") if name in kind._fields and name not in fields_of(kind))
    own = ("dana_origin",) if is_expression else tuple(_OWN) if kind is ast.FunctionDef else ()
    found = _FIELDS[kind] = ((*fields_of(kind), *lists), own, is_expression)
    return found


_OWN = frozenset(("dana_origin", "dana_general", "dana_head", "dana_source"))
"""What belongs to one node and not to its copies."""
_SHARED = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
_ATOMS = frozenset({int, str, bool, float, type(None), *(kind for base in _SHARED for kind in base.__subclasses__())})
"""Classes of what a copy shares with its original; the commonest values of fields."""


def place(node: ast.AST) -> dict[str, Any]:
    """The position of a node, for its replacement."""
    return {
        "lineno": node.lineno,  # type: ignore[attr-defined]
        "col_offset": node.col_offset,  # type: ignore[attr-defined]
        "end_lineno": node.end_lineno,  # type: ignore[attr-defined]
        "end_col_offset": node.end_col_offset,  # type: ignore[attr-defined]
    }


def simple(node: ast.AST) -> bool:
    """May the expression stand twice: a name or a constant?"""
    return isinstance(node, ast.Name | ast.Constant)


def repeatable(node: ast.AST) -> bool:
    """May the expression be evaluated again after it failed: no call of anything that has an effect?"""
    match node:
        case ast.Name() | ast.Constant():
            return True
        case ast.BinOp(left=left, right=right):
            return repeatable(left) and repeatable(right)
        case ast.UnaryOp(operand=operand):
            return repeatable(operand)
        case ast.Subscript(value=value, slice=index):
            return repeatable(value) and repeatable(index)
        case ast.Attribute(value=value):
            return repeatable(value)
        case ast.Slice():
            return all(part is None or repeatable(part) for part in (node.lower, node.upper, node.step))
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return all(repeatable(item) for item in items)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return repeatable(test) and repeatable(body) and repeatable(orelse)
        case ast.Compare(left=left, comparators=others):
            return repeatable(left) and all(repeatable(other) for other in others)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            hook = name in ("_type_", "_add_", "_getattr_")
            return hook and all(repeatable(arg) for arg in args)
    return False


def load(at: ast.AST, name: str) -> ast.Name:
    """``name`` read, at the place of another node."""
    node = new(ast.Name)
    node.__dict__.update(place(at), id=name, ctx=LOAD)
    return node


def hook(at: ast.AST, name: str, *args: ast.expr) -> ast.Call:
    """``_name_(args)``."""
    node = new(ast.Call)
    node.__dict__.update(place(at), func=load(at, name), args=list(args), keywords=[])
    return node


def constant(at: ast.AST, value: Any) -> ast.Constant:
    """A constant."""
    node = new(ast.Constant)
    node.__dict__.update(place(at), value=value, kind=None)
    return node


def either(at: ast.AST, test: ast.expr, body: ast.expr, orelse: ast.expr) -> ast.IfExp:
    """``body if test else orelse``."""
    node = new(ast.IfExp)
    node.__dict__.update(place(at), test=test, body=body, orelse=orelse)
    return node


def type_test(value: ast.expr, name: str, negate: bool = False) -> ast.Compare:
    """``_type_(value) is name``, or ``is not``."""
    op = ast.IsNot() if negate else ast.Is()
    node = new(ast.Compare)
    node.__dict__.update(place(value), left=hook(value, "_type_", value), ops=[op], comparators=[load(value, name)])
    return node


def same_type(left: ast.expr, right: ast.expr) -> ast.Compare:
    """``_type_(left) is _type_(right)``."""
    other = hook(right, "_type_", right)
    return ast.Compare(left=hook(left, "_type_", left), ops=[ast.Is()], comparators=[other], **place(left))


def joined(at: ast.AST, *parts: ast.expr) -> ast.JoinedStr:
    """``f"{a}{b}"``: text and exact numbers next to each other, as ``+`` joins them in Dana (4.2)."""
    values: list[ast.expr] = []
    for part in parts:
        if isinstance(part, ast.Constant) and type(part.value) is str:
            values.append(part)
        elif isinstance(part, ast.JoinedStr):
            values.extend(part.values)
        else:
            values.append(ast.FormattedValue(value=part, conversion=-1, format_spec=None, **place(part)))
    return ast.JoinedStr(values=values, **place(at))


def operator_hook(at: ast.AST, op: ast.AST, left: ast.expr, right: ast.expr) -> ast.Call:
    """The slow path of an operator: ``_add_(a, b)``, ``_eq_(a, b)``, …"""
    return hook(at, "_add_" if isinstance(op, ast.Add) else _HOOKS[type(op)], left, right)
