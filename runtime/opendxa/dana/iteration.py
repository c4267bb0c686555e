"""An iterator of Dana in the hands of the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opendxa.dana.context import DanaContext


class DanaIterator:
    """An iterator of Dana in the hands of the host: each step enters the context."""

    __slots__ = ("_context", "_items")

    def __init__(self, context: DanaContext, items: Iterator[Any]) -> None:
        self._context = context
        self._items = items

    def __iter__(self) -> DanaIterator:
        return self

    def __next__(self) -> Any:
        done = object()
        item = self._context._inside(next, iter(self._items), done)
        if item is done:
            raise StopIteration
        return self._context._border.release(item)

    def __repr__(self) -> str:
        return "<iterator of Dana>"

    def __reduce__(self) -> Any:
        raise TypeError("an iterator of Dana cannot be pickled or copied: it lives in its context; list(it) can")
