"""Deep copies of plain data, for the border between Python and Dana.

In: a value made of lists, dicts, tuples and sets, with anything at the leaves. Out: a copy that shares no container
with it, keeping shared references and cycles. What a leaf becomes is the caller's question (`convert`).

Nothing here recurses: data may be nested up to the limit (1,000 levels) however deep the caller's own stack is, and
deeper data is a `DanaTypeError`, never a crash of the interpreter. Large flat lists are tested and copied by C code.
"""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Any

from dana_guards.errors import DanaTypeError

SCALARS = frozenset({int, float, str, bool, NoneType})
"""Types that cross as they are."""

_SOLID = frozenset({tuple, set, frozenset})
_CONTAINERS = (list, dict, tuple, set, frozenset)
DEPTH = 1000

Leaf = Callable[[Any], Any]


def is_flat(items: list[Any] | tuple[Any, ...]) -> bool:
    """Whether all items are scalars. Measured against `list(items)`: 9 to 11 for items of one type, else 15."""
    kinds = list(map(type, items))
    if not kinds:
        return True
    first = kinds[0]
    if first in SCALARS and kinds.count(first) == len(kinds):
        return True
    return SCALARS.issuperset(set(kinds))


def copy_tree(value: Any, leaf: Leaf, *, subclasses: bool, depth: int = DEPTH) -> Any:
    """A copy of `value` in which every leaf is replaced by ``leaf(leaf)``.

    Parameters
    ----------
    leaf : called once for each object that is neither scalar nor container.
    subclasses : whether subclasses of containers count as containers (and become exact ones) or as leaves.
    depth : levels of nesting that are allowed.

    Raises DanaTypeError for deeper data, and what `leaf` raises.
    """
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is list and is_flat(value):
        return list(value)
    return _Copier(leaf, subclasses, depth).copy(value)


class _Copier:
    """One copy in progress. Mutable containers are made empty at once and filled later, so cycles close themselves."""

    def __init__(self, leaf: Leaf, subclasses: bool, depth: int) -> None:
        self._leaf = leaf
        self._subclasses = subclasses
        self._limit = depth
        # id -> (original, copy); the original is held so that its id is not used again meanwhile
        self._memo: dict[int, tuple[Any, Any]] = {}
        self._heights: dict[int, int] = {}
        self._work: list[tuple[Any, list[Any] | dict[Any, Any], int]] = []

    def copy(self, root: Any) -> Any:
        result = self._place(root, 1)
        while self._work:
            source, target, level = self._work.pop()
            if type(target) is list:
                self._fill_list(source, target, level + 1)
            elif type(target) is dict:
                self._fill_dict(source, target, level + 1)
        return result

    def _kind(self, value: Any) -> type | None:
        """The container type that `value` is to become, or None for a leaf."""
        kind = type(value)
        if kind in _CONTAINERS:
            return kind
        if self._subclasses:
            return next((base for base in _CONTAINERS if isinstance(value, base)), None)
        return None

    def _place(self, value: Any, level: int) -> Any:
        """The copy of `value`; a list or dict may still be waiting for its items."""
        if type(value) in SCALARS:
            return value
        known = self._memo.get(id(value))
        if known is not None:
            return known[1]
        row = self._flat_row(value, level)
        if row is not None:
            self._memo[id(value)] = (value, row)
            return row
        kind = self._kind(value)
        if kind is None:
            made = self._leaf(value)
        elif kind in _SOLID:
            return self._place_solid(value, level)
        else:
            self._check(level)
            made = kind()
            self._work.append((value, made, level))
        self._memo[id(value)] = (value, made)
        return made

    def _check(self, level: int) -> None:
        if level > self._limit:
            raise DanaTypeError(
                f"the data is nested deeper than {self._limit} levels", hint="pass flatter data, or parts of it"
            )

    def _fill_list(self, source: list[Any], target: list[Any], level: int) -> None:
        items = list(source)
        if is_flat(items):
            target.extend(items)
            return
        place, memo, is_scalar, append = self._place, self._memo, SCALARS.issuperset, target.append
        for item in items:
            kind = type(item)
            if kind in SCALARS:
                append(item)
            elif (
                kind is dict
                and id(item) not in memo
                and is_scalar(map(type, item.values()))
                and is_scalar(map(type, item))
            ):
                # The row of a table: written out here, because tables are long.
                row = item.copy()
                memo[id(item)] = (item, row)
                append(row)
            else:
                append(place(item, level))

    def _flat_row(self, value: Any, level: int) -> Any:
        """A dict or list of scalars, the usual row of a table, copied by C code; None for anything else."""
        kind = type(value)
        if kind is dict:
            if not SCALARS.issuperset(map(type, value.values())) or not SCALARS.issuperset(map(type, value)):
                return None
        elif kind is not list or not SCALARS.issuperset(map(type, value)):
            return None
        self._check(level)
        return value.copy()

    def _fill_dict(self, source: dict[Any, Any], target: dict[Any, Any], level: int) -> None:
        place = self._place
        for key, item in list(source.items()):
            if type(key) not in SCALARS:
                key = place(key, level)
            target[key] = item if type(item) in SCALARS else place(item, level)

    # Tuples and sets must be whole at once: inner ones first. They cannot form a cycle among themselves, and lists
    # and dicts inside are placed empty.

    def _place_solid(self, root: Any, level: int) -> Any:
        if type(root) is tuple and is_flat(root):
            return root
        # The items are read once: those of a subclass may be made anew by each reading.
        stack = [(root, list(root), level)]
        while stack:
            value, items, here = stack[-1]
            self._check(here)
            waiting = [item for item in items if self._kind(item) in _SOLID and id(item) not in self._memo]
            if waiting:
                stack.extend((item, list(item), here + 1) for item in waiting)
                continue
            stack.pop()
            if id(value) not in self._memo:
                self._finish_solid(value, items, here)
        return self._memo[id(root)][1]

    def _finish_solid(self, value: Any, items: list[Any], level: int) -> None:
        """All tuples and sets inside are copied: make this one."""
        height = 1 + max((self._heights.get(id(item), 0) for item in items), default=0)
        self._check(height)
        kind = self._kind(value)
        assert kind is not None
        made = kind([item if type(item) in SCALARS else self._place(item, level + 1) for item in items])
        self._heights[id(value)] = height
        self._memo[id(value)] = (value, made)
