"""Walking a Python ast quickly: no contexts, no operators, no reflection for each node.

In: a node. Out: its descendants, or its children. ``ast.walk`` asks every node for every field by name and yields the
shared operator and context nodes too; for the compiler, which walks a lot, that was a third of the time.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any

_LEAVES = frozenset(
    {
        "ctx", "op", "ops", "id", "attr", "arg", "name", "names", "kind", "conversion", "is_async", "type_comment",
        "type_ignores", "lineno", "simple", "level", "module", "asname", "rest", "tag", "str",
    }
)  # fmt: skip
"""Fields that hold text, numbers, contexts or operators, in every node class."""
_Parts = Callable[[ast.AST], tuple[Any, ...]]

_PARTS: dict[type, tuple[_Parts | None, tuple[str, ...]]] = {
    ast.Constant: (None, ()),
    ast.Name: (None, ()),
    ast.Import: (attrgetter("names", "names"), ("names",)),
    ast.ImportFrom: (attrgetter("names", "names"), ("names",)),
}
"""For each node class what reads all fields that hold nodes in one call of C, and the names of these fields."""


def _parts_of(kind: type) -> tuple[_Parts | None, tuple[str, ...]]:
    fields = tuple(field for field in getattr(kind, "_fields", ()) if field not in _LEAVES)
    # With two names or more ``attrgetter`` gives a tuple.
    reader = attrgetter(*fields) if len(fields) > 1 else attrgetter(*fields, "_fields") if fields else None
    found = _PARTS[kind] = (reader, fields)
    return found


def _tolerant(node: ast.AST, fields: tuple[str, ...]) -> tuple[Any, ...]:
    """The fields of a node of which one was never set: no parser makes it, but somebody may."""
    return tuple(getattr(node, field, None) for field in fields)


def fields_of(kind: type) -> tuple[str, ...]:
    """Names of the fields whose values `parts` gives."""
    return (_PARTS.get(kind) or _parts_of(kind))[1]


def parts(node: ast.AST) -> tuple[Any, ...]:
    """What the fields hold that can hold nodes: nodes, lists of them, and None."""
    kind = type(node)
    reader, fields = _PARTS.get(kind) or _parts_of(kind)
    if reader is None:
        return ()
    try:
        return reader(node)[: len(fields)]
    except AttributeError:
        return _tolerant(node, fields)


def children(node: ast.AST) -> list[ast.AST]:
    """The direct children that are statements, expressions or parts of them, in source order of the fields."""
    result: list[ast.AST] = []
    for value in parts(node):
        if type(value) is list:
            result += value if None not in value else [each for each in value if each is not None]
        elif value is not None:
            result.append(value)
    return result


def descendants(node: ast.AST) -> list[ast.AST]:
    """`node` and everything below it, parents before children; contexts and operators left out."""
    return listed((node,))


def listed(roots: Iterable[ast.AST]) -> list[ast.AST]:
    """Several nodes and everything below them, one after the other, as `descendants` does it for one."""
    found: list[ast.AST] = []
    stack: list[Any] = list(roots)[::-1]
    pop, push, find, add = stack.pop, stack.append, _PARTS.get, found.append
    while stack:
        current = pop()
        if current is None:
            continue  # a key of ``**`` in a display, a default that is missing
        add(current)
        reader, fields = find(type(current)) or _parts_of(type(current))
        if reader is None:
            continue
        try:
            values = reader(current)
        except AttributeError:
            values = _tolerant(current, fields)
        for value in values[len(fields) - 1 :: -1]:
            if type(value) is list:
                stack += value[::-1]
            elif value is not None:
                push(value)
    return found


_BLOCK_FIELDS = ("body", "orelse", "finalbody", "handlers")
_BLOCKS: dict[type, tuple[str, ...]] = {ast.Lambda: ()}


def statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The statements (and handlers) of a body and of all blocks inside them, in source order; no expression is looked
    into, since none holds a statement. Not for ``match``, which the compiler does not write."""
    stack = list(body)[::-1]
    while stack:
        current = stack.pop()
        yield current
        kind = type(current)
        fields = _BLOCKS.get(kind)
        if fields is None:
            fields = _BLOCKS[kind] = tuple(field for field in kind._fields if field in _BLOCK_FIELDS)[::-1]
        for field in fields:
            stack += getattr(current, field, ())[::-1]
