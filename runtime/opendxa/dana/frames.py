"""Frames: how parent and worker of the process tier write values to each other.

In: a message, which is a word, plain fields and one value. Out: bytes, four of length (big endian) and UTF-8 JSON; and
back. There is no pickle and no code: what arrives is text, numbers, and indices that are checked one by one, so a frame
from a hostile peer is at worst a `FrameError`. Nothing here recurses.

A value that is a scalar, a flat list or a flat dict with text keys is written as JSON has it. Everything else becomes a
table of nodes, each ``[kind, content]``, whose items are scalars or ``[index]`` of another node: shared references and
cycles stay, and depth of the data is no depth of the JSON. What a leaf (function, struct, handle) is called is the
question of the two ends (`process_values`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import chain
from types import NoneType
from typing import Any, Final, NamedTuple, NoReturn

from dana_guards.errors import DanaTypeError
from opendxa.dana.copying import DEPTH, SCALARS, is_flat

HEADER: Final = 4
_DEEPEST: Final = DEPTH + 8
"""Levels in a message: those of data that may cross, and the lists around arguments."""
MAX_FRAME: Final = 64 * 1024 * 1024
"""Bytes of one message."""
_MANY: Final = 1000
_LONG_INT: Final = 10_000
"""Bits above which an int is written in hexadecimal: Python reads at most 4,300 decimal digits (CVE-2020-10735)."""
_LARGE_FRAME: Final = 1_000_000
_COST_OF_BRACKET, _COST_OF_COMMA = 100, 40
"""Bytes of Python objects that a character of JSON can stand for, measured on lists of empty lists and of ints."""
_SOLID: Final[dict[type, str]] = {tuple: "t", set: "s", frozenset: "f"}
_SOLID_KINDS: Final = {"t": tuple, "s": set, "f": frozenset}


class FrameError(Exception):
    """What arrived is no message of ours; the sentence is for people."""


class Ref(NamedTuple):
    """A leaf as it is written: a word and scalars."""

    data: list[Any]


class Fields(NamedTuple):
    """A struct instance as it is written: what its class is called in the conversation, and its field values."""

    class_id: int
    values: list[Any]


_write = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def _read_long(text: str) -> int:
    if len(text) > 4300:
        raise ValueError("a number with too many digits")
    return int(text)


# The C scanner is faster with Python's own int, which bounds itself unless the host has switched that off.
_bounded = 0 < sys.get_int_max_str_digits() <= 10 * _LONG_INT
_decoder: Any = json.JSONDecoder(parse_int=None if _bounded else _read_long)
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once


# -- messages ------------------------------------------------------------------------------------------


def pack(word: str, plain: list[Any], value: Any = None, leaf: Callable[[Any], Any] | None = None) -> bytes:
    """The frame of one message.

    Parameters
    ----------
    word : what the message is.
    plain : fields that are JSON already.
    value : its value; `leaf` turns what is neither scalar nor container into a scalar, `Ref` or `Fields`.

    Raises DanaTypeError for data that is too deep or too large for a frame, and what `leaf` raises.
    """
    try:
        form = value if type(value) in SCALARS else encode(value, leaf or _no_leaf)
        text = _write([word, *plain, form])
    except ValueError:  # an int with more digits than Python writes
        text = _write([word, *plain, encode(value, leaf or _no_leaf, long_ints=True)])
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > MAX_FRAME:
        raise DanaTypeError(
            f"the data is {len(data)} bytes as a message; at most {MAX_FRAME} can cross to another process",
            hint="pass it in parts",
        )
    return len(data).to_bytes(HEADER, "big") + data


def unpack(data: bytes | bytearray, memory: int = sys.maxsize) -> list[Any]:
    """The message of a frame without its header: a list that begins with a word; its value is not decoded yet.

    Parameters
    ----------
    memory : bytes of Python objects that the message may become.

    Raises FrameError for anything else.
    """
    if len(data) > _LARGE_FRAME:
        brackets, commas = data.count(b"[") + data.count(b"{"), data.count(b",")
        if 4 * len(data) + _COST_OF_BRACKET * brackets + _COST_OF_COMMA * commas > memory:
            raise FrameError(f"a message of {len(data)} bytes would need more memory than the context may have")
    try:
        text = data.decode("utf-8", "surrogatepass")
        message, end = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError):
        raise FrameError("a message is no JSON") from None
    if end != len(text) or type(message) is not list or not message or type(message[0]) is not str:
        raise FrameError("a message is no list that begins with a word")
    return message


def _no_leaf(value: Any) -> NoReturn:
    raise DanaTypeError(f"a value of type {type(value).__name__} cannot cross to another process")


# -- writing values ------------------------------------------------------------------------------------


def encode(value: Any, leaf: Callable[[Any], Any], *, long_ints: bool = False) -> Any:
    """The JSON form of a value.

    Raises DanaTypeError for data nested deeper than `DEPTH`, and what `leaf` raises.
    """
    kind = type(value)
    if not long_ints:
        if kind in SCALARS:
            return value
        if kind is list and is_flat(value):
            return value
        if kind is dict and is_flat([*value.values()]) and set(map(type, value)) <= {str}:
            return {"o": value}
    return _Writer(leaf, long_ints).table(value)


class _Writer:
    """One table in the making. Lists, dicts and structs wait until their numbers are known, so cycles close."""

    def __init__(self, leaf: Callable[[Any], Any], long_ints: bool) -> None:
        self._leaf = leaf
        self._long = long_ints
        self._nodes: list[list[Any]] = []
        # id -> (the value, so that its id is not used again; its item)
        self._memo: dict[int, tuple[Any, Any]] = {}
        self._heights: dict[int, int] = {}
        self._work: list[tuple[Any, list[Any], int]] = []

    def table(self, root: Any) -> dict[str, Any]:
        item = self._place(root, 1)
        while self._work:
            value, node, level = self._work.pop()
            self._fill(value, node, level + 1)
        return {"t": [item, self._nodes]}

    def _node(self, kind: str, content: Any) -> list[int]:
        self._nodes.append([kind, content])
        return [len(self._nodes) - 1]

    def _check(self, level: int) -> None:
        if level > _DEEPEST:
            raise DanaTypeError(
                f"the data is nested deeper than {DEPTH} levels", hint="pass flatter data, or parts of it"
            )

    def _place(self, value: Any, level: int) -> Any:
        """The item for a value: a scalar, or the number of a node."""
        kind = type(value)
        if kind in SCALARS:
            if kind is int and self._long and value.bit_length() > _LONG_INT:
                return self._node("i", hex(value))
            return value
        known = self._memo.get(id(value))
        if known is not None:
            return known[1]
        solid = _solid_type(value)
        if solid is not None:
            return self._place_solid(value, level)
        if isinstance(value, (list, dict)):
            self._check(level)
            item = self._node("l" if isinstance(value, list) else "d", None)
            self._work.append((value, self._nodes[item[0]], level))
        elif kind is range:
            item = self._node("r", [hex(value.start), hex(value.stop), hex(value.step)])
        else:
            item = self._place_leaf(value, level)
        self._memo[id(value)] = (value, item)
        return item

    def _place_leaf(self, value: Any, level: int) -> Any:
        made = self._leaf(value)
        if type(made) is Ref:
            return self._node("x", made.data)
        if type(made) is Fields:
            self._check(level)
            item = self._node("c", None)
            self._work.append((made, self._nodes[item[0]], level))
            return item
        if type(made) is type(value):
            _no_leaf(value)
        return self._place(made, level)

    def _fill(self, value: Any, node: list[Any], level: int) -> None:
        place = self._place
        if type(value) is Fields:
            node[1] = [value.class_id, *[place(each, level) for each in value.values]]
        elif isinstance(value, list):
            items = list(value)
            flat = not self._long and is_flat(items)
            node[1] = items if flat else [place(item, level) for item in items]
        elif not self._long and set(map(type, value)) <= {str}:
            node[0] = "o"
            node[1] = {key: item if type(item) in SCALARS else place(item, level) for key, item in value.items()}
        else:
            pairs = chain.from_iterable(list(value.items()))
            node[1] = [place(item, level) for item in pairs]

    def _place_solid(self, root: Any, level: int) -> Any:
        """Tuples and sets are numbered after those inside them; they cannot form a cycle among themselves."""
        stack = [(root, list(root), level)]
        while stack:
            value, items, here = stack[-1]
            self._check(here)
            waiting = [each for each in items if _solid_type(each) is not None and id(each) not in self._memo]
            if waiting:
                stack.extend((each, list(each), here + 1) for each in waiting)
                continue
            stack.pop()
            if id(value) in self._memo:
                continue
            height = 1 + max((self._heights.get(id(each), 0) for each in items), default=0)
            self._check(height)
            self._heights[id(value)] = height
            kind = _solid_type(value)
            assert kind is not None
            content = [self._place(each, here + 1) for each in items]
            self._memo[id(value)] = (value, self._node(_SOLID[kind], content))
        return self._memo[id(root)][1]


def _solid_type(value: Any) -> type | None:
    kind = type(value)
    if kind in _SOLID:
        return kind
    if kind in SCALARS or kind is list or kind is dict:
        return None
    return next((base for base in _SOLID if isinstance(value, base)), None)


# -- reading values ------------------------------------------------------------------------------------


class Leaves(NamedTuple):
    """How one end makes leaves. Both may raise FrameError."""

    ref: Callable[[list[Any]], Any]
    """The value for the content of a `Ref`."""
    struct: Callable[[int, int], tuple[Any, Callable[[list[Any]], None]]]
    """Class number and count of values to an empty instance, and what fills it."""


def decode(form: Any, leaves: Leaves) -> Any:
    """The value for its JSON form.

    Raises FrameError for a form that `encode` does not make, and RecursionError where the caller has too little stack
    left: that says nothing of the form.
    """
    kind = type(form)
    if kind in SCALARS:
        return form
    if kind is list:
        if not is_flat(form):
            raise FrameError("a list has items that are no scalars")
        return form
    if kind is dict and len(form) == 1:
        if "o" in form and type(form["o"]) is dict and is_flat([*form["o"].values()]):
            return form["o"]
        if "t" in form and type(form["t"]) is list and len(form["t"]) == 2 and type(form["t"][1]) is list:
            try:
                return _Reader(form["t"][1], leaves).value(form["t"][0])
            except (TypeError, ValueError, OverflowError) as error:
                raise FrameError(f"a value has an impossible part: {type(error).__name__}") from None
    raise FrameError("a value has an unknown form")


class _Reader:
    """A table that is taken apart: first what can be empty, then tuples and sets in their order, then the contents."""

    def __init__(self, nodes: list[Any], leaves: Leaves) -> None:
        self._nodes = nodes
        self._leaves = leaves
        self._made: list[Any] = [_UNMADE] * len(nodes)
        self._heights: dict[int, int] = {}
        self._fillers: dict[int, Callable[[list[Any]], None]] = {}

    def value(self, root: Any) -> Any:
        for at, node in enumerate(self._nodes):
            if type(node) is not list or len(node) != 2:
                raise FrameError("a node is no pair")
            self._begin(at, node[0], node[1])
        for at, (kind, content) in enumerate(self._nodes):
            if kind in _SOLID_KINDS:
                self._made[at] = self._solid(at, kind, content)
        if len(self._nodes) > _DEEPEST:
            self._check_depth(root)
        for at, (kind, content) in enumerate(self._nodes):
            self._finish(at, kind, content)
        # Last, because a struct copies what it is given.
        for at, fill in self._fillers.items():
            fill([self._item(each) for each in self._nodes[at][1][1:]])
        return self._item(root)

    def _begin(self, at: int, kind: Any, content: Any) -> None:
        if kind == "l":
            self._made[at] = []
        elif kind == "d" or kind == "o":
            self._made[at] = {}
        elif kind == "i":
            self._made[at] = int(_text(content), 16)
        elif kind == "r":
            start, stop, step = [int(_text(each), 16) for each in _of(list, content)]
            self._made[at] = range(start, stop, step)
        elif kind == "x":
            self._made[at] = self._leaves.ref(_of(list, content))
        elif kind == "c":
            items = _of(list, content)
            if not items or type(items[0]) is not int:
                raise FrameError("a struct has no class")
            self._made[at], self._fillers[at] = self._leaves.struct(items[0], len(items) - 1)
        elif kind not in _SOLID_KINDS:
            raise FrameError("a node is of no known kind")

    def _solid(self, at: int, kind: str, content: Any) -> Any:
        items = _of(list, content)
        inner = [each[0] for each in items if type(each) is list and len(each) == 1]
        height = 1 + max((self._heights.get(each, 0) for each in inner if type(each) is int), default=0)
        if height > _DEEPEST:
            raise FrameError(f"the data is nested deeper than {DEPTH} levels")
        self._heights[at] = height
        values = [self._item(each) for each in items]
        if kind != "t":
            _check_hashes(values)
        return _SOLID_KINDS[kind](values)

    def _finish(self, at: int, kind: str, content: Any) -> None:
        item = self._item
        if kind == "l":
            items = _of(list, content)
            self._made[at].extend(items if is_flat(items) else [item(each) for each in items])
        elif kind == "o":
            self._made[at].update(
                {key: each if type(each) in SCALARS else item(each) for key, each in _of(dict, content).items()}
            )
        elif kind == "d":
            flat = [item(each) for each in _of(list, content)]
            if len(flat) % 2:
                raise FrameError("a dict has a key without value")
            _check_hashes(flat[::2])
            self._made[at].update(zip(flat[::2], flat[1::2], strict=True))

    def _item(self, item: Any) -> Any:
        if type(item) in SCALARS:
            return item
        made = self._made[self._index(item)]
        if made is _UNMADE:
            raise FrameError("a tuple or set holds a later one")
        return made

    def _index(self, item: Any) -> int:
        if type(item) is not list or len(item) != 1 or type(item[0]) is not int or not 0 <= item[0] < len(self._made):
            raise FrameError("an item is neither a scalar nor the number of a node")
        return item[0]

    def _check_depth(self, root: Any) -> None:
        """Levels are counted on the shortest way; what could crash, tuples, is counted on the longest."""
        level = [] if type(root) in SCALARS else [self._index(root)]
        seen = set(level)
        for _ in range(_DEEPEST):
            inner = [each for at in level for each in self._inner(at)]
            level = [at for at in dict.fromkeys(inner) if at not in seen]
            seen.update(level)
            if not level:
                return
        raise FrameError(f"the data is nested deeper than {DEPTH} levels")

    def _inner(self, at: int) -> list[int]:
        kind, content = self._nodes[at]
        if kind in "irx":
            return []
        items = content.values() if type(content) is dict else content
        return [self._index(each) for each in items if type(each) is list]


_UNMADE: Any = object()


def _of(kind: type, content: Any) -> Any:
    if type(content) is not kind:
        raise FrameError("a node has the wrong content")
    return content


def _text(content: Any) -> str:
    if type(content) is not str:
        raise FrameError("a number is no text")
    return content


def _check_hashes(values: list[Any]) -> None:
    """Colliding ints make a set or dict of 60,000 keys take seconds (CVE-2012-1150): most hashes must differ."""
    if len(values) > _MANY and len(set(map(hash, values))) * 2 < len(set(map(id, values))):
        raise FrameError("the keys of a set or dict collide")


def plain_text(value: Any) -> str | None:
    """The value if it is text or None. FrameError for anything else."""
    if type(value) not in (str, NoneType):
        raise FrameError("a field of a message is no text")
    return value  # type: ignore[no-any-return]
