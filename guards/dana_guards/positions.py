"""Positions of Python ast nodes: copied to what the policy makes, turned into what people read.

In: nodes. Out: the same or new nodes with ``.na`` positions, and lines and columns for errors. The policy never
makes a node without a position, and never changes one: tracebacks, pdb and coverage show Dana source through them.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, TypeVar

from dana_guards.walking import children

Node = TypeVar("Node", bound=ast.AST)
LOAD = ast.Load()


def at(place: ast.AST, new: Node) -> Node:
    """Give `new`, and everything inside it that has none, the position of `place`; returns `new`.

    What already has a position is left alone with all its parts: it came from the program.
    """
    given = getattr(place, "__dict__", {})
    line, column, end, last = (given.get(each) for each in ("lineno", "col_offset", "end_lineno", "end_col_offset"))
    pending: list[Any] = [new]
    while pending:
        node = pending.pop()
        if "lineno" in node._attributes:
            values = node.__dict__
            if "lineno" in values:
                continue
            if line is not None:
                values["lineno"], values["col_offset"], values["end_lineno"], values["end_col_offset"] = (
                    line, column, end, last
                )  # fmt: skip
        kind = type(node)
        if kind is not ast.Name and kind is not ast.Constant:
            pending += children(node)
    return new


def placed(kind: type[Node], place: ast.AST, **fields: Any) -> Node:
    """A node of a class with all its fields, at the place of another one; its parts have positions already."""
    node = kind.__new__(kind)
    given, values = place.__dict__, node.__dict__
    values.update(fields)
    for each in kind._attributes:
        if each in given:
            values[each] = given[each]
    return node


def name(identifier: str) -> ast.Name:
    """A read of a variable."""
    # Not ``ast.Name(…)``, which takes twice as long: it looks for each field by name.
    node = ast.Name.__new__(ast.Name)
    node.__dict__.update(id=identifier, ctx=LOAD)
    return node


def call(hook: str, *arguments: ast.expr) -> ast.Call:
    """``hook(arguments)``."""
    node = ast.Call.__new__(ast.Call)
    node.__dict__.update(func=name(hook), args=list(arguments), keywords=[])
    return node


def constant(value: object) -> ast.Constant:
    """A literal."""
    node = ast.Constant.__new__(ast.Constant)
    node.__dict__.update(value=value, kind=None)
    return node


def compare(left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.Compare:
    """``left op right``."""
    node = ast.Compare.__new__(ast.Compare)
    node.__dict__.update(left=left, ops=[op], comparators=[right])
    return node


def choice(test: ast.expr, body: ast.expr, orelse: ast.expr) -> ast.IfExp:
    """``body if test else orelse``."""
    node = ast.IfExp.__new__(ast.IfExp)
    node.__dict__.update(test=test, body=body, orelse=orelse)
    return node


def character_column(node: ast.AST, source_lines: Sequence[str] | None) -> int:
    """Column of `node` in characters from 1; the ast counts UTF-8 bytes from 0."""
    offset: int = getattr(node, "col_offset", 0)
    line = line_of(node, source_lines)
    if line is None:
        return offset + 1
    return len(line.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "ignore")) + 1


def line_of(node: ast.AST, source_lines: Sequence[str] | None) -> str | None:
    """The source line of `node` without its end, if the source is at hand."""
    lineno: int = getattr(node, "lineno", 0)
    if source_lines is None or not 0 < lineno <= len(source_lines):
        return None
    return source_lines[lineno - 1].rstrip("\r\n")
