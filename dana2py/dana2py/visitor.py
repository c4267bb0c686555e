"""Walking the Dana tree: children of a node, and dispatch by class name.

In: `dana2py.nodes`. Out: an iterator and a base class. An unknown node is an `InternalError`, never
passed over (a forgotten method must fail by name).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dana2py import nodes
from dana_guards.errors import InternalError

_FIELDS: dict[type, tuple[str, ...]] = {}


def _node_fields(kind: type) -> tuple[str, ...]:
    names = _FIELDS.get(kind)
    if names is None:
        names = tuple(name for name in kind.__dataclass_fields__ if name != "span")  # type: ignore[attr-defined]
        _FIELDS[kind] = names
    return names


def children(node: nodes.Node) -> Iterator[nodes.Node]:
    """The direct child nodes, in source order as far as the fields are."""
    for name in _node_fields(type(node)):
        value = getattr(node, name)
        if isinstance(value, nodes.Node):
            yield value
        elif type(value) is tuple:
            yield from _members(value)


def _members(values: tuple[Any, ...]) -> Iterator[nodes.Node]:
    for value in values:
        if isinstance(value, nodes.Node):
            yield value
        elif type(value) is tuple:
            yield from _members(value)


def walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """``node`` and everything below it, parents first, without recursion."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(list(children(current))))


class Visitor:
    """Calls ``<prefix>_<ClassName>``; the prefix is given by the subclass."""

    prefix = "visit"

    def __init__(self) -> None:
        self._methods: dict[type, Callable[[Any], Any]] = {}

    def visit(self, node: nodes.Node) -> Any:
        """The result of the method for the class of ``node``."""
        kind = type(node)
        method = self._methods.get(kind)
        if method is None:
            method = getattr(self, f"{self.prefix}_{kind.__name__}", None) or self.default(kind)
            self._methods[kind] = method
        return method(node)

    def default(self, kind: type) -> Callable[[Any], Any]:
        """What to do with a class that has no method: refuse."""
        raise InternalError(f"{type(self).__name__} does not know the node {kind.__name__}")
