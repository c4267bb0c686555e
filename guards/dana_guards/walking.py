"""Walking a Python ast quickly: no contexts, no operators, no reflection for each node.

In: a node. Out: its descendants, or its children. ``ast.walk`` asks every node for every field by name and yields the
shared operator and context nodes too; for the compiler, which walks a lot, that was a third of the time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_LEAVES = frozenset(
    {
        "ctx", "op", "ops", "id", "attr", "arg", "name", "names", "kind", "conversion", "is_async", "type_comment",
        "type_ignores", "lineno", "simple", "level", "module", "asname", "rest", "tag", "str",
    }
)  # fmt: skip
"""Fields that hold text, numbers, contexts or operators, in every node class."""
_FIELDS: dict[type, tuple[str, ...]] = {
    ast.Constant: (),
    ast.Name: (),
    ast.Import: ("names",),
    ast.ImportFrom: ("names",),
}


def _fields_of(kind: type) -> tuple[str, ...]:
    found = tuple(field for field in getattr(kind, "_fields", ()) if field not in _LEAVES)
    _FIELDS[kind] = found
    return found


def children(node: ast.AST) -> list[ast.AST]:
    """The direct children that are statements, expressions or parts of them, in source order of the fields."""
    kind = type(node)
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _fields_of(kind)
    result: list[ast.AST] = []
    for field in fields:
        value = getattr(node, field, None)
        if type(value) is list:
            result += [each for each in value if each is not None]
        elif value is not None:
            result.append(value)
    return result


def descendants(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and everything below it, parents before children; contexts and operators left out."""
    stack = [node]
    pop = stack.pop
    while stack:
        current = pop()
        yield current
        below = children(current)
        below.reverse()
        stack += below
