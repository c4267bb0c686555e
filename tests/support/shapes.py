"""The shape of a Dana syntax tree as short text: what it says, without its positions.

Operators come out fully bracketed (``(1 + (2 * 3))``), everything else as ``Class(part, part)`` with the
parts in the order of the fields; a tuple is ``[…]``, an absent part is ``-``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dana2py import nodes
from dana2py.parser import parse
from dana2py.source import Source

_SHORT: dict[type[Any], Callable[[Any], str]] = {
    nodes.Constant: lambda n: repr(n.value),
    nodes.Name: lambda n: n.name,
    nodes.ScopedName: lambda n: f"{n.scope}:{n.name}",
    nodes.Placeholder: lambda n: "$$",
    nodes.BinOp: lambda n: f"({shape(n.left)} {n.op} {shape(n.right)})",
    nodes.UnaryOp: lambda n: f"({n.op} {shape(n.operand)})",
    nodes.BoolOp: lambda n: "(" + f" {n.op} ".join(map(shape, n.values)) + ")",
    nodes.Conditional: lambda n: f"({shape(n.body)} if {shape(n.test)} else {shape(n.orelse)})",
    nodes.Attribute: lambda n: f"{shape(n.value)}.{n.name}",
    nodes.Index: lambda n: f"{shape(n.value)}[{shape(n.index)}]",
    nodes.Slice: lambda n: f"Slice({shape(n.lower)}:{shape(n.upper)}:{shape(n.step)})",
    nodes.Starred: lambda n: f"*{shape(n.value)}",
    nodes.Walrus: lambda n: f"({n.name} := {shape(n.value)})",
    nodes.Keyword: lambda n: f"{n.name}={shape(n.value)}" if n.name else f"**{shape(n.value)}",
    nodes.Call: lambda n: f"{shape(n.func)}({', '.join(map(shape, (*n.args, *n.keywords)))})",
    nodes.ListExpr: lambda n: f"L{shape(n.items)}",
    nodes.TupleExpr: lambda n: f"T{shape(n.items)}",
    nodes.SetExpr: lambda n: f"S{shape(n.items)}",
    nodes.ExprStmt: lambda n: shape(n.value),
    nodes.Assign: lambda n: " = ".join(map(shape, (*n.targets, n.value))),
    nodes.TypedAssign: lambda n: f"{shape(n.target)}: {shape(n.annotation)} = {shape(n.value)}",
    nodes.AugAssign: lambda n: f"{shape(n.target)} {n.op}= {shape(n.value)}",
    nodes.TypeName: lambda n: n.name + (shape(n.args) if n.args else ""),
    nodes.TypeUnion: lambda n: "|".join(map(shape, n.members)),
    nodes.Pass: lambda n: "pass",
}


def shape(value: Any) -> str:
    """The shape of a node, or of a part of one."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return f"[{', '.join(map(shape, value))}]"
    if isinstance(value, nodes.Compare):
        links = zip(value.ops, value.comparators, strict=True)
        return f"({shape(value.left)}{''.join(f' {op} {shape(right)}' for op, right in links)})"
    if type(value) in _SHORT:
        return _SHORT[type(value)](value)
    if isinstance(value, nodes.Node):
        parts = [shape(getattr(value, name)) for name in value.__match_args__ if name != "span"]
        return f"{type(value).__name__}({', '.join(parts)})"
    return str(value)


def shape_of(text: str) -> str:
    """The statements of a program, joined by ``; ``."""
    return "; ".join(map(shape, parse(Source(text)).body))


def all_nodes(root: nodes.Node) -> list[nodes.Node]:
    """Every node below and with ``root``."""
    found, pending = [], [root]
    while pending:
        value: Any = pending.pop()
        if isinstance(value, nodes.Node):
            found.append(value)
            pending += [getattr(value, name) for name in value.__match_args__ if name != "span"]
        elif type(value) is tuple:
            pending += value
    return found
