"""Walking the Dana tree: children of a node, and dispatch by class name.

In: `dana2py.nodes`. Out: an iterator and a base class. An unknown node is an `InternalError`, never
passed over (a forgotten method must fail by name).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

from dana2py import nodes
from dana_guards.errors import InternalError

_PLAIN = frozenset({"str", "int", "float", "bool", "None", "tuple"})
"""Words of annotations under which no node can stand."""
_READERS: dict[type, Callable[[nodes.Node], tuple[Any, ...]]] = {}


def _is_plain(annotation: str) -> bool:
    return set(re.findall(r"\w+", annotation)) <= _PLAIN


def _reader(kind: type) -> Callable[[nodes.Node], tuple[Any, ...]]:
    """What reads all fields of a class that can hold nodes, in one call of C."""
    fields: dict[str, Any] = kind.__dataclass_fields__  # type: ignore[attr-defined]
    names = [name for name, field in fields.items() if name != "span" and not _is_plain(field.type)]
    # With two names or more ``attrgetter`` gives a tuple; a span is no node and is passed over.
    found: Callable[[nodes.Node], tuple[Any, ...]] = attrgetter(*names, "span") if names else lambda node: ()
    _READERS[kind] = found
    return found


def children(node: nodes.Node) -> list[nodes.Node]:
    """The direct child nodes, in source order as far as the fields are."""
    kind = type(node)
    found: list[nodes.Node] = []
    for value in (_READERS.get(kind) or _reader(kind))(node):
        if type(value) is tuple:
            _add_members(found, value)
        elif isinstance(value, nodes.Node):
            found.append(value)
    return found


def _add_members(found: list[nodes.Node], values: tuple[Any, ...]) -> None:
    for value in values:
        if isinstance(value, nodes.Node):
            found.append(value)
        elif type(value) is tuple:
            _add_members(found, value)


def walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """``node`` and everything below it, parents first, without recursion."""
    stack = [node]
    pop = stack.pop
    while stack:
        current = pop()
        yield current
        stack += children(current)[::-1]


def statements(node: nodes.Node) -> Iterator[nodes.Node]:
    """As `walk`, without the expressions: no expression holds a statement."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack += [child for child in children(current)[::-1] if not isinstance(child, nodes.Expr)]


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
