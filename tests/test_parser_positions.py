"""Positions: spans of the tree against the text, and against Python's own for what both can read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dana2py import nodes
from dana2py.parser import parse
from dana2py.source import Source
from support.shapes import all_nodes

SHAPES = Path(__file__).with_name("test_parser_shapes.txt").read_text("utf-8").split("---\n")[1:]
TEXTS = [row.strip("\n").split("\n=>\n")[0] for row in SHAPES]

SHARED = '''
"""Doc é."""
x = y = [1, (2, 3), {"é": a.b[1:2], **c}, {4}]
def f(a: int, b=2, *args, **kw) -> list[int]:
    if a < b <= 3 and not a in [b] or -a is None:
        return "é" + a * b ** 2
    elif a:
        x += a.b.c(1, *args, k=2, **kw)[0]
    else:
        pass
    while a:
        break
    else:
        continue
    for i, (j, k) in a, b:
        del a[0], b.c
    try:
        raise A(1) from b
    except (A, B) as e:
        assert a, "m"
    except C:
        raise
    finally:
        global q
    with a as b, c():
        nonlocal_ = [i for i in j for k in i if k if i] + {i: j for i in k} + (i if j else k)
@d
@e.f(1)
def g():
    import a.b as c, d
    from ..e import (f, g as h)
    return (
        a
        + b
    )
'''


def spans(tree: nodes.Node) -> set[nodes.Span]:
    """The spans of all expressions and statements."""
    return {node.span for node in all_nodes(tree) if isinstance(node, nodes.Expr | nodes.Stmt)}


def python_spans(text: str) -> dict[nodes.Span, str]:
    """The same from Python's parser, with columns in characters."""
    lines = text.split("\n")

    def characters(line: int, column: int) -> int:
        return len(lines[line - 1].encode()[:column].decode())

    found = {}
    for node in ast.walk(ast.parse(text)):
        # Only what is a node on both sides: Python has none for a type, and other ones for a target.
        if isinstance(node, ast.stmt | ast.BinOp | ast.BoolOp | ast.Compare | ast.UnaryOp | ast.Constant | ast.Name):
            place = nodes.Span(
                node.lineno,
                characters(node.lineno, node.col_offset),
                node.end_lineno or 0,
                characters(node.end_lineno or 0, node.end_col_offset or 0),
            )
            found[place] = ast.unparse(node)
    return found


def test_spans_are_those_of_python() -> None:
    """For statements, operators, names and literals both parsers name the same stretch of text."""
    ours = spans(parse(Source(SHARED)))
    types = {"int", "list"}
    missing = {place: text for place, text in python_spans(SHARED).items() if place not in ours and text not in types}
    # Python counts the brackets of an import list as part of it.
    assert list(missing.values()) == ["from ..e import f, g as h"]


@pytest.mark.parametrize("text", TEXTS, ids=[text[:40] for text in TEXTS])
def test_spans_lie_in_the_text_and_in_each_other(text: str) -> None:
    """Every span is a stretch of the text, and a node's parts lie inside it."""
    source = Source(text)
    for node in all_nodes(parse(source)):
        line, column, end_line, end_column = node.span
        assert (line, column) <= (end_line, end_column)
        assert column <= len(source.line_text(line))
        assert end_column <= len(source.line_text(end_line))
        if isinstance(node, nodes.FunctionDef):
            continue  # decorators stand before the function, as in Python
        for part in all_nodes(node):
            assert (line, column) <= part.span[:2]
            assert part.span[2:] <= (end_line, end_column)


@pytest.mark.parametrize("text", TEXTS, ids=[text[:40] for text in TEXTS])
def test_names_stand_where_their_span_says(text: str) -> None:
    """The text under the span of a name is the name."""
    source = Source(text)
    for node in all_nodes(parse(source)):
        if isinstance(node, nodes.Name):
            assert source.line_text(node.span.line)[node.span.column : node.span.end_column] == node.name
