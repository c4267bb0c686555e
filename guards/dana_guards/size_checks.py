"""Size checks at run time: what one operation in C may need is computed before it starts.

In: operands, and the meter of the context. Out: the operand or the result, or the `Interrupt` that ``meter.need``
raises. Where these calls stand is decided in `dana_guards.size_rewrites`. Sizes are upper bounds from formulas; nothing
is made to find out how large it is (threat model 5.5).

The stop is an `Interrupt` and no ``MemoryError``: a program could catch that in a loop and keep the peak.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import MethodType
from typing import Any, Final, Protocol

from dana_guards import text_methods
from dana_guards.errors import DanaError, DanaMemoryError
from dana_guards.formatting import repr_of, text_of
from dana_guards.iterators import FlatIterator
from dana_guards.limits import Limits
from dana_guards.names import SIZED

MAX_INTEGER_BITS: Final = 2**22
"""Of a product or power: 1.2 million decimal digits. Dividing two such numbers takes seconds in one C call."""
ITEM: Final = 8
"""Bytes of one reference in a list or tuple."""
PIECE: Final = 16
"""Bytes that splitting a text makes for each of its characters, at a mean of four characters for a piece."""
MANY: Final = 2_000_000
"""Items that C code sorts or hashes while a stop can still wait."""
HASH_STEP: Final = 256
"""Keys that C code hashes between two looks at the meter."""
CHUNK: Final = 1000
"""Items between two looks at the meter."""

_FIELD: Final = re.compile(
    r"%(?:\((?P<key>[^()]*)\))?[-+ #0]*(?P<width>\*|[0-9]*)(?:\.(?P<digits>\*|[0-9]*))?[hlL]?(?P<kind>.)", re.DOTALL
)
_SEQUENCES: Final = (str, list, tuple)
_CONTAINERS: Final = frozenset([list, tuple, dict, set, frozenset])
MOST_COMPARED: Final = 2_000_000
"""Parts that one comparison may look at: well below a second of C code."""
_SETS: Final = (set, frozenset)


class Meter(Protocol):
    """What is asked of `dana_guards.limits.Meter`."""

    def need(self, size: int, what: str) -> None:
        """Refuse `size` bytes that do not fit what is left."""

    def check(self) -> None:
        """Raise the pending stop, if any."""

    @property
    def limits(self) -> Limits:
        """The numbers not to exceed."""

    def stop(self, reason: DanaError) -> None:
        """Stop the run."""


def size_hooks(meter: Meter) -> dict[str, Callable[..., Any]]:
    """The hooks of the ``limited`` profile for one context.

    Parameters
    ----------
    meter : what sizes are held against; its ``need`` raises `Interrupt`.
    """
    room = Room(meter)
    hooks: dict[str, Callable[..., Any]] = {"_len_": len, "_room_": room.room, "_glue_": room.glue}
    hooks |= {"_sized_": room.sized, "_iterator_": FlatIterator}
    for name, (symbol, plain) in _OPERATORS.items():
        hooks[name] = partial(room.operation, symbol, plain)
    return hooks


def plain_hooks() -> dict[str, Callable[..., Any]]:
    """The same names without checks, for the ``unlimited`` profile."""

    def glue(*parts: str) -> str:
        return "".join(parts)

    def room(left: object, right: Any, op: object = "+") -> Any:
        return right

    hooks: dict[str, Callable[..., Any]] = {"_len_": len, "_room_": room, "_glue_": glue, "_sized_": getattr}
    hooks["_iterator_"] = FlatIterator
    return hooks | {name: plain for name, (_, plain) in _OPERATORS.items()}


_OPERATORS: Final[dict[str, tuple[str, Callable[[Any, Any], Any]]]] = {
    "_mul_": ("*", operator.mul),
    "_pow_": ("**", operator.pow),
    "_lshift_": ("<<", operator.lshift),
    "_mod_": ("%", operator.mod),
    "_cat_": ("+", operator.add),
}


def _bytes(text: str) -> int:
    """Upper bound of the bytes of a text, without looking at its characters."""
    return len(text) if text.isascii() else 4 * len(text)


class Members:
    """A range as the right side of ``in`` and the receiver of ``index`` and ``count``: by arithmetic only.

    Python looks through a range one by one for anything but an int.
    """

    __slots__ = ("_range",)

    def __init__(self, numbers: range) -> None:
        self._range = numbers

    def _number(self, value: object) -> int | None:
        if type(value) is float and value.is_integer():
            value = int(value)
        return int(value) if type(value) in (int, bool) and value in self._range else None  # type: ignore[call-overload]

    def __contains__(self, value: object) -> bool:
        return self._number(value) is not None

    def count(self, value: object) -> int:
        """As ``range.count``."""
        return int(value in self)

    def index(self, value: object) -> int:
        """As ``range.index``."""
        number = self._number(value)
        if number is None:
            raise ValueError("value is not in range")
        return self._range.index(number)


class Sorter:
    """A list as the receiver of ``sort``: keys are made first, so that they can be measured before C compares them."""

    __slots__ = ("_items", "_meter")

    def __init__(self, items: list[Any], meter: Any) -> None:
        self._items = items
        self._meter = meter

    def sort(self, *, key: Any = None, reverse: Any = False) -> None:
        """As ``list.sort``."""
        from dana_guards.bounded import is_light, make_sorted  # that file needs this one

        if key is None and is_light(self._items):
            self._items.sort(reverse=bool(reverse))
        else:
            self._items[:] = make_sorted(self._meter)(self._items, key=key, reverse=reverse)


class Drawn:
    """An iterator as the right side of ``in``: looked through in Python, where a stop arrives."""

    __slots__ = ("_iterable", "_meter")

    def __init__(self, iterable: Iterable[object], meter: Meter) -> None:
        self._iterable = iterable
        self._meter = meter

    def __contains__(self, value: object) -> bool:
        for index, each in enumerate(self._iterable):
            if not index % CHUNK:
                self._meter.check()
            if each is value or each == value:
                return True
        return False


class Room:
    """The checks, bound to one meter."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def operation(self, symbol: str, plain: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
        """``left op right`` after its check."""
        return plain(left, self.room(left, right, symbol))

    def room(self, left: Any, right: Any, op: str | int = "+") -> Any:
        """Check an operation before it starts; gives `right`, or what stands in for it.

        Parameters
        ----------
        left, right : the operands; `left` is None where only the right one matters.
        op : the operator, ``in``, a method of `right`, or how many times `right` is unpacked.

        Raises Interrupt if the result would not fit.
        """
        if type(op) is int:
            return self.unpacked(right, op)
        method = _CHECKS.get(op)  # type: ignore[arg-type]
        return right if method is None else method(self, left, right)

    def refuse_integer(self, bits: int) -> None:
        """Refuse an integer of so many bits if it is too large."""
        if bits > MAX_INTEGER_BITS:
            reason = f"an integer of {_count(bits)} bits is too large; the limit is {MAX_INTEGER_BITS}"
            self.meter.stop(DanaMemoryError(reason))

    # -- keys ----------------------------------------------------------------------------------------------

    def key(self, _: object, key: Any) -> Any:
        """A key before it is hashed: how deep it is, and how many parts it has.

        Raises RecursionError or ValueError, which the program may catch: nothing has been hashed.
        """
        from dana_guards.bounded import check_nesting  # that file needs this one

        check_nesting(self.meter, (key,))
        return key

    def compared(self, _: object, value: Any) -> Any:
        """An operand of a comparison: how many parts C code would walk through. Flat data goes by at C speed.

        Raises RecursionError or ValueError, as `key`.
        """
        from dana_guards.bounded import check_nesting, is_flat  # that file needs this one

        if type(value) in _VIEWS:
            check_nesting(self.meter, (list(value),), MOST_COMPARED)
        elif type(value) in _CONTAINERS and not is_flat(list(value.values()) if type(value) is dict else value):
            check_nesting(self.meter, (value,), MOST_COMPARED)
        return value

    def first_key(self, receiver: Any, method: Callable[..., Any], *args: Any) -> Any:
        """A method whose first argument is hashed, called as a value."""
        if args and type(receiver) is list:
            self.compared(None, args[0])
        elif args and type(args[0]) is tuple:
            self.key(None, args[0])
        return method(*args)

    def combined(self, left: Any, right: Any) -> Any:
        """``-``, ``&``, ``^`` and ``|``: with a view of a dict on one side, what the other side yields is hashed.

        An iterator on the right is read first, at a pace that a stop can end; `left` is None where it is measured on
        its own.
        """
        if left is not None and type(left) not in _DICT_VIEWS and type(right) not in _DICT_VIEWS:
            return right
        for value in (left, right):
            if type(value) in _VIEWS or type(value) in _SEQUENCES[1:]:
                self.key(None, tuple(value))
        if isinstance(right, Iterator):
            right = self._taken(right)
            self.key(None, tuple(right))
        if isinstance(left, Iterator):
            raise TypeError("an iterator is no left operand here; make it a list or a set first")
        return right

    # -- operators -----------------------------------------------------------------------------------------

    def add(self, left: Any, right: Any) -> Any:
        """``+`` and ``+=``: only texts, lists and tuples grow; a list takes any iterable in ``+=``."""
        kind = type(left)
        if kind not in _SEQUENCES:
            return right
        if kind is str:
            if type(right) is str:
                self.meter.need(_bytes(left) + _bytes(right), "a text")
            return right
        if type(right) is kind:
            self.meter.need(ITEM * (len(left) + len(right)), f"a {kind.__name__}")
            return right
        return self.unpacked(right, 1) if kind is list else right

    def multiply(self, left: Any, right: Any) -> Any:
        """``*``: a product of ints, or a repetition."""
        one, two = type(left), type(right)
        if one in _SEQUENCES and two in (int, bool):
            self.repeat(left, right)
        elif two in _SEQUENCES and one in (int, bool):
            self.repeat(right, left)
        elif one is int and two is int:
            self.refuse_integer(left.bit_length() + right.bit_length())
        return right

    def repeat(self, part: Any, times: int) -> None:
        """A repetition of a text, list or tuple."""
        if times > 1:
            size = _bytes(part) if type(part) is str else ITEM * len(part)
            self.meter.need(size * times, f"a {type(part).__name__} repeated {_count(times)} times")

    def power(self, left: Any, right: Any) -> Any:
        """``**`` of ints; a base of 1, 0 or -1 stays small."""
        if type(left) is int and type(right) is int and right > 0 and not -1 <= left <= 1:
            self.refuse_integer(left.bit_length() * right)
        return right

    def shift(self, left: Any, right: Any) -> Any:
        """``<<`` of ints."""
        if type(left) in (int, bool) and type(right) is int and right > 0 and left:
            self.refuse_integer(int(left).bit_length() + right)
        return right

    def modulo(self, left: Any, right: Any) -> Any:
        """``text % values``: widths are bounded, and values show themselves by texts of ours, without addresses.

        Gives a new right operand: Python still does the formatting, and complains in its own words.
        """
        if type(left) is not str:
            return right
        fields = [field for field in _FIELD.finditer(left) if field["kind"] != "%"]
        if not fields:
            return right  # Python decides which right operands are too many
        if type(right) is dict and any(field["key"] is not None for field in fields):
            shown: Any = {key: _shown(value) for key, value in right.items()}
            used = [(field, shown.get(field["key"])) for field in fields]
            widths = [0 for _ in fields]
        else:
            shown = tuple(map(_shown, right)) if type(right) is tuple else (_shown(right),)
            used, widths = self._in_order(fields, shown)
        size = _bytes(left) + sum(widths)
        for field, value in used:
            size += _fixed(field["width"]) + _fixed(field["digits"]) + _text_bound(value, field["kind"])
        self.meter.need(size, "a text")
        return shown

    def _in_order(
        self, fields: list[re.Match[str]], values: tuple[Any, ...]
    ) -> tuple[list[tuple[re.Match[str], Any]], list[int]]:
        """Pairs of field and value, and the widths that are values themselves (``*``)."""
        rest = iter(values)
        used: list[tuple[re.Match[str], Any]] = []
        widths: list[int] = []
        for field in fields:
            stars = (field["width"] == "*") + (field["digits"] == "*")
            for _ in range(stars):
                width = next(rest, 0)
                widths.append(abs(width) if type(width) is int else 0)
            used.append((field, next(rest, None)))
        return used, widths

    # -- whole iterables -----------------------------------------------------------------------------------

    def unpacked(self, value: Any, times: int) -> Any:
        """What ``*`` unpacks, or what goes into a slice: all of it is read in C."""
        kind = type(value)
        if kind is range:
            self.meter.need(32 * _range_length(value) * times, "the numbers of a range")
        elif kind in (list, tuple, dict, str, *_SETS):
            self.meter.need(ITEM * len(value) * times, f"the items of a {kind.__name__}")
        elif hasattr(kind, "__next__"):
            return self.listed(value)
        return value

    def listed(self, iterable: Iterable[Any]) -> list[Any]:
        """The items of an iterator, read where a stop arrives."""
        return list(self.paced(iterable))

    def paced(self, iterable: Iterable[Any]) -> Iterator[Any]:
        """`iterable` with a look at the meter now and then."""
        for index, each in enumerate(iterable):
            if not index % CHUNK:
                self.meter.check()
            yield each

    def members(self, left: Any, right: Any) -> Any:
        """The right side of ``in``."""
        if type(right) is range:
            return Members(right)
        return Drawn(right, self.meter) if hasattr(type(right), "__next__") else right

    def receiver(self, left: Any, value: Any) -> Any:
        """A receiver of ``index`` or ``count``."""
        return Members(value) if type(value) is range else value

    def pieces(self, left: Any, value: Any) -> Any:
        """A text that will be split."""
        if type(value) is str:
            self.meter.need(PIECE * len(value), "the pieces of a text")
        return value

    def order(self, left: Any, value: Any) -> Any:
        """A list that will be sorted in one C call."""
        if type(value) is list and len(value) > MANY:
            self.meter.stop(DanaMemoryError(f"a list of more than {MANY} items cannot be sorted in place"))
        return Sorter(self.compared(None, value), self.meter) if type(value) is list else value

    def glue(self, *parts: str) -> str:
        """The fields and texts of an f-string."""
        if sum(map(len, parts)) > CHUNK:
            self.meter.need(sum(map(_bytes, parts)), "a text")
        return "".join(parts)

    # -- methods -------------------------------------------------------------------------------------------

    def sized(self, value: Any, name: str) -> Any:
        """``value.name`` for a name in `names.SIZED`: a checked version for built-in types, else the attribute."""
        kinds, _ = SIZED[name]
        kind = type(value)
        method = getattr(value, name)
        if kind not in _RECEIVERS:
            return method
        if kind.__name__ not in kinds and not (kind is not str and "set" in kinds):
            return method
        return _bound(_METHODS[name], self, value, method)

    def padded(self, text: str, method: Callable[..., str], *given: Any) -> str:
        """``ljust rjust center zfill expandtabs``."""
        width = given[0] if given and type(given[0]) is int else 8
        tabs = text.count("\t") if method.__name__ == "expandtabs" else 1
        if width > 0:
            fill = given[1] if len(given) > 1 else ""
            wide = 1 if text.isascii() and type(fill) is str and fill.isascii() else 4
            self.meter.need(wide * (len(text) + tabs * width), "a text")
        return method(*given)

    def padded_tabs(self, text: str, method: Callable[..., str], tabsize: Any = 8) -> str:
        """``expandtabs`` also takes its argument by keyword."""
        return self.padded(text, method, tabsize)

    def replaced(self, text: str, method: Callable[..., str], old: Any, new: Any, *count: Any, **named: Any) -> str:
        """``replace``."""
        if type(old) is str and type(new) is str and len(new) > len(old):
            found = text.count(old)
            wide = 1 if text.isascii() and new.isascii() else 4
            self.meter.need(wide * (len(text) + found * (len(new) - len(old))), "a text")
        return method(old, new, *count, **named)

    def translated(self, text: str, method: Callable[..., str], table: Any) -> str:
        """``translate``: each character may become the longest text of the table."""
        longest = 1
        if type(table) is dict:
            longest = max((len(each) for each in table.values() if type(each) is str), default=1)
        self.meter.need(4 * len(text) * max(longest, 1), "a text")
        return method(table)

    def joined(self, text: str, method: Callable[..., str], parts: Any) -> str:
        """``join``."""
        if type(parts) not in (list, tuple):
            parts = self.listed(parts)
        size = len(text) * len(parts)
        if all(type(each) is str for each in parts):
            size += sum(map(len, parts))
        if size > CHUNK:
            # One wide character makes the whole result wide.
            self.meter.need(4 * size if size < CHUNK * CHUNK else size * _width([text, *parts]), "a text")
        return method(parts)

    def split(self, text: str, method: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """``split rsplit splitlines`` where the method is taken, not called."""
        self.pieces(None, text)
        return method(*given, **named)

    def sorted_in_place(self, value: list[Any], method: Callable[..., None], **named: Any) -> None:
        """``sort``."""
        self.order(None, value).sort(**named)

    def looked_up(self, value: Any, method: Callable[..., int], given: Any, *rest: Any) -> int:
        """``index`` and ``count``: a range by arithmetic, a list or tuple by comparing."""
        if type(value) is not range:
            return int(method(self.compared(None, given), *rest))
        found: int = getattr(Members(value), method.__name__)(given, *rest)
        return found

    def extended(self, value: list[Any], method: Callable[..., None], items: Any) -> None:
        """``extend``."""
        self.meter.need(ITEM * len(value), "a list")
        return method(self.unpacked(items, 1))

    def updated(self, value: Any, method: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """``update`` and the methods of sets: what is neither a set nor a dict is read item by item."""
        taken = [each if type(each) in (dict, *_SETS) else self._taken(each) for each in given]
        for each in taken:
            if type(each) is list and type(value) is dict:
                self._keys(part[0] for part in each if type(part) in (tuple, list) and part)
            elif type(each) is list:
                self._keys(each)
        if len(taken) > 1 and method.__name__ in _FOLDED and type(value) is not dict:
            return self._folded(value, method, taken)
        if method.__name__ != "update" or (type(value) is dict and len(taken) > 1):
            return method(*[self._hashed(each) if type(each) is list else each for each in taken], **named)
        for each in taken:
            for block in self._blocks(each) if type(each) is list else (each,):
                method(block)
        return method(**named) if named else None

    def _folded(self, value: Any, method: Callable[..., Any], given: list[Any]) -> Any:
        """A method of sets with several arguments: one after the other, with a look at the meter between two."""
        name, result = method.__name__, None
        for each in given:
            self.meter.check()
            part = self._hashed(each) if type(each) is list else each
            result = method(part)
            if result is not None:
                method = getattr(result, name)
        return result

    def _blocks(self, items: list[Any]) -> Iterator[list[Any]]:
        """Short runs: keys that collide cost time that grows with the square, in one C call."""
        for start in range(0, len(items), HASH_STEP):
            self.meter.check()
            yield items[start : start + HASH_STEP]

    def _hashed(self, items: list[Any]) -> set[Any]:
        made: set[Any] = set()
        for block in self._blocks(items):
            made.update(block)
        return made

    def _taken(self, items: Any) -> Any:
        if type(items) is range:
            self.meter.need(100 * _range_length(items), "the numbers of a range")
        return self.listed(items)

    def _keys(self, keys: Iterable[Any]) -> None:
        """Many keys before they are hashed."""
        for key in keys:
            if type(key) is tuple:
                self.key(None, key)

    def keyed(self, value: dict[Any, Any], method: Callable[..., Any], keys: Any, *rest: Any) -> Any:
        """``fromkeys``."""
        taken = self._taken(keys)
        self._keys(taken)
        made = method((), *rest)
        for block in self._blocks(taken):
            made.update(method(block, *rest))
        return made


def _bound(function: Callable[..., Any], *first: Any) -> Callable[..., Any]:
    """`function` with its first arguments, as a value that shows nothing of them: a program may keep it.

    A ``functools.partial`` has ``func`` and ``args`` as public attributes, and through them the meter.
    """
    for each in first:
        function = MethodType(function, each)
    return function


def combined(hook: Callable[[Any, Any], Any], meter: Meter) -> Callable[[Any, Any], Any]:
    """The hook of ``|``, with `Room.combined` before it."""
    room = Room(meter)

    def checked(left: Any, right: Any) -> Any:
        return hook(left, room.combined(left, right))

    return checked


def measured(compare: Callable[[Any, Any], Any], meter: Meter) -> Callable[[Any, Any], Any]:
    """A comparison hook that measures nested data before C code walks through it."""
    compared = Room(meter).compared

    def measure(a: Any, b: Any) -> Any:
        if type(a) in _WALKED and type(b) in _WALKED:
            compared(None, a)
            if type(b) in _VIEWS:
                compared(None, b)  # what it yields is looked up in the other side: it is hashed
        return compare(a, b)

    return measure


_VIEWS: Final = frozenset({type({}.items()), type({}.values())})
_DICT_VIEWS: Final[frozenset[type]] = frozenset({type({}.items()), type({}.keys())})
_RECEIVERS: Final[frozenset[type]] = frozenset({str, list, tuple, dict, range, *_SETS, *_DICT_VIEWS})
_WALKED: Final = frozenset({list, tuple, dict, set, frozenset, *_VIEWS})


def _width(texts: list[Any]) -> int:
    """Bytes for a character of what is joined."""
    return 1 if all(type(each) is str and each.isascii() for each in texts) else 4


def _count(number: int) -> str:
    """A number for a message; a huge one would itself take time to write."""
    return str(number) if number.bit_length() < 200 else "very many"


def _range_length(numbers: range) -> int:
    """``len`` without its limit."""
    span = numbers.stop - numbers.start
    return max(0, (span + numbers.step - (1 if numbers.step > 0 else -1)) // numbers.step)


class _Shown:
    """A value of ``%`` that is no plain one: how it looks is ours to say."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return text_of(self._value)

    def __repr__(self) -> str:
        return repr_of(self._value)


def _shown(value: Any) -> Any:
    return value if type(value) in (int, float, bool, str, type(None)) else _Shown(value)


def _fixed(width: str | None) -> int:
    """A width written in the template."""
    if not width or width == "*":
        return 0
    return int(width) if len(width) < 12 else 10**12


def _text_bound(value: Any, kind: str) -> int:
    """Upper bound of the bytes of one field, its width left out."""
    if type(value) is _Shown:
        value = str(value)  # bounded by `formatting`
    if type(value) is str:
        return len(value) * (10 if kind in "ra" else 4)
    return value.bit_length() // 3 + 10 if type(value) is int else 400


_FOLDED: Final = frozenset(
    ["update", "union", "intersection", "difference", "intersection_update", "difference_update"]
)
"""Methods of sets that take several arguments, and do with them what they do with one after the other."""

_CHECKS: Final[dict[str, Callable[[Room, Any, Any], Any]]] = {
    "+": Room.add,
    "*": Room.multiply,
    "**": Room.power,
    "<<": Room.shift,
    "%": Room.modulo,
    "-": Room.combined,
    "in": Room.members,
    "key": Room.key,
    "==": Room.compared,
    "index": Room.receiver,
    "count": Room.receiver,
    "split": Room.pieces,
    "strip": text_methods.characters,
    "startswith": text_methods.prefixes,
    "splitlines": Room.pieces,
    "sort": Room.order,
}

_METHODS: Final[dict[str, Callable[..., Any]]] = {
    **dict.fromkeys(("ljust", "rjust", "center", "zfill"), Room.padded),
    "expandtabs": Room.padded_tabs,
    "replace": Room.replaced,
    "translate": Room.translated,
    "join": Room.joined,
    **dict.fromkeys(("split", "splitlines"), Room.split),
    "rsplit": text_methods.split_backwards,
    **dict.fromkeys(("rfind", "rindex", "rpartition"), text_methods.found_backwards),
    **dict.fromkeys(("strip", "lstrip", "rstrip", "startswith", "endswith"), text_methods.first_measured),
    "sort": Room.sorted_in_place,
    **dict.fromkeys(("index", "count"), Room.looked_up),
    "extend": Room.extended,
    "fromkeys": Room.keyed,
    **dict.fromkeys(("get", "setdefault", "pop", "add", "discard", "remove"), Room.first_key),
}
for _name, (_kinds, _) in SIZED.items():
    _METHODS.setdefault(_name, Room.updated)
