"""Text of values: ``str``, ``repr``, fields of f-strings, and a harmless ``format``.

In: any value that Dana code can hold. Out: text without addresses, of bounded size, made without a call of a foreign
``__format__``; cycles print as ``[...]``, as in Python. Not here: printing (the built-ins do it) and the messages of
exceptions (`exceptions`).

Structs are recognised by the class attribute ``_dana_fields_``, so that this file imports none of the values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from dana_guards.spelling import shown_name
from dana_guards.watchdog import look_for_stop

#: Characters that one value may be written with.
TEXT_LIMIT = 10_000_000
#: Largest width or precision in a format spec.
WIDTH_LIMIT = 100_000

SCALARS = frozenset({int, float, bool, str, type(None)})
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType)
_VIEWS = {type({}.keys()): "dict_keys", type({}.values()): "dict_values", type({}.items()): "dict_items"}
_CYCLES: dict[type, str] = {list: "[...]", dict: "{...}", tuple: "(...)"}
_ADDRESS = re.compile(r" (?:object )?at 0x[0-9A-Fa-f]+")


def scrub(text: str) -> str:
    """``text`` without memory addresses (threat model 5.8)."""
    return _ADDRESS.sub("", text) if " at 0x" in text else text


# -- str and repr ----------------------------------------------------------------------------------


def text_of(value: Any, limit: int = TEXT_LIMIT) -> str:
    """``str(value)`` of Dana.

    Raises
    ------
    ValueError : the text would be longer than ``limit`` characters.
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind in SCALARS:
        return str(value)
    if _is_composite(value) or isinstance(value, _FUNCTIONS):
        return repr_of(value, limit)
    return scrub(str(value))


def repr_of(value: Any, limit: int = TEXT_LIMIT) -> str:
    """``repr(value)`` of Dana: strings quoted, structs as ``P(a=1)``, functions as ``<function f>``.

    Raises
    ------
    ValueError : the text would be longer than ``limit`` characters.
    """
    if type(value) in SCALARS:
        out = _Out(limit)
        out.add_scalar(value)
        return out.parts[0]
    if not _is_composite(value):
        return _leaf(value)
    out = _Out(limit)
    _write(value, out)
    return "".join(out.parts)


def _leaf(value: Any) -> str:
    if isinstance(value, _FUNCTIONS):
        # A type word is a function that prints as its name (`type_tokens`).
        return getattr(value, "_dana_word_", None) or f"<function {shown_name(value.__name__)}>"
    return scrub(repr(value))


def _is_composite(value: Any) -> bool:
    kind = type(value)
    return kind in _OPENERS or hasattr(kind, "_dana_fields_")


def _too_long(limit: int) -> ValueError:
    return ValueError(f"the text of this value is longer than {limit} characters")


class _Out:
    """Collects pieces of text and refuses to grow beyond its limit."""

    __slots__ = ("limit", "parts", "room")

    def __init__(self, limit: int) -> None:
        self.parts: list[str] = []
        self.limit = self.room = limit

    def add(self, text: str) -> None:
        self.room -= len(text)
        if self.room < 0:
            raise _too_long(self.limit)
        self.parts.append(text)

    def add_scalar(self, value: Any) -> None:
        # Asked first, because a repr may be ten times as long as its text.
        if type(value) is str and len(value) > self.room:
            raise _too_long(self.limit)
        self.add(repr(value))


def _write(value: Any, out: _Out) -> None:
    """Write without recursion: a stack of generators, each of which hands out the members that it cannot write."""
    look_for_stop()  # a flat list of millions of items takes long, and whoever calls this may do so in a loop in C
    active = {id(value)}
    stack: list[tuple[int, Iterator[Any]]] = [(id(value), _open(value, out))]
    opened = 0
    while stack:
        key, members = stack[-1]
        for member in members:
            if not _is_composite(member):
                out.add(_leaf(member))
            elif id(member) in active:
                out.add(_cycle_mark(member))
            else:
                active.add(id(member))
                stack.append((id(member), _open(member, out)))
                opened += 1
                if not opened & 1023:
                    # Parts that are shared multiply: ten million characters of them take seconds.
                    look_for_stop()
                break
        else:
            active.discard(key)
            stack.pop()


def _open(value: Any, out: _Out) -> Iterator[Any]:
    opener = _OPENERS.get(type(value))
    return opener(value, out) if opener else _struct(value, out)


def _cycle_mark(value: Any) -> str:
    kind: type = type(value)
    return _CYCLES.get(kind) or f"{kind.__name__}(...)"


def _members(values: Iterable[Any], out: _Out) -> Iterator[Any]:
    for count, value in enumerate(values):
        if count:
            out.add(", ")
            if not count & 4095:
                look_for_stop()
        if type(value) in SCALARS:
            out.add_scalar(value)
        else:
            yield value


def _list(value: list[Any], out: _Out) -> Iterator[Any]:
    out.add("[")
    yield from _members(value, out)
    out.add("]")


def _tuple(value: tuple[Any, ...], out: _Out) -> Iterator[Any]:
    out.add("(")
    yield from _members(value, out)
    out.add(",)" if len(value) == 1 else ")")


def _set(value: set[Any], out: _Out) -> Iterator[Any]:
    if not value:
        out.add("set()")
        return
    out.add("{")
    yield from _members(value, out)
    out.add("}")


def _frozenset(value: frozenset[Any], out: _Out) -> Iterator[Any]:
    out.add("frozenset({" if value else "frozenset(")
    yield from _members(value, out)
    out.add("})" if value else ")")


def _dict(value: dict[Any, Any], out: _Out) -> Iterator[Any]:
    out.add("{")
    first = True
    for key, member in value.items():
        if not first:
            out.add(", ")
        first = False
        yield from _members((key,), out)
        out.add(": ")
        yield from _members((member,), out)
    out.add("}")


def _view(value: Any, out: _Out) -> Iterator[Any]:
    out.add(_VIEWS[type(value)] + "([")
    yield from _members(value, out)
    out.add("])")


def _struct(value: Any, out: _Out) -> Iterator[Any]:
    kind = type(value)
    out.add(kind.__name__ + "(")
    for index, field in enumerate(kind._dana_fields_):
        out.add(f", {field.name}=" if index else f"{field.name}=")
        # A constructor that failed half-way leaves slots empty.
        yield from _members((getattr(value, field.slot, None),), out)
    out.add(")")


_OPENERS: dict[type, Callable[[Any, _Out], Iterator[Any]]] = {
    list: _list,
    tuple: _tuple,
    set: _set,
    frozenset: _frozenset,
    dict: _dict,
    **dict.fromkeys(_VIEWS, _view),
}


# -- format specs ----------------------------------------------------------------------------------

_NUMBER = re.compile(r"[0-9]+")


def check_spec(spec: str) -> None:
    """Refuse a format spec that asks for a huge width or precision (threat model 5.5).

    Raises
    ------
    ValueError : a number in it is greater than `WIDTH_LIMIT`.
    """
    for number in _NUMBER.findall(spec):
        if len(number) > 9 or int(number) > WIDTH_LIMIT:
            raise ValueError(f"width or precision in the format spec {spec[:40]!r} is greater than {WIDTH_LIMIT}")


def _text_(value: Any, conversion: str | None = None, spec: str = "") -> str:
    """A field of an f-string: ``{value!conversion:spec}`` (design 7: as in Python).

    Parameters
    ----------
    value : what stands in the braces.
    conversion : ``"r"``, ``"s"``, ``"a"``, or nothing.
    spec : the format spec, its own fields already filled in.

    Raises
    ------
    ValueError : the spec is not valid for this value, or asks for too much.
    """
    if not spec and not conversion:
        return value if type(value) is str else text_of(value)
    if conversion == "r":
        value = repr_of(value)
    elif conversion == "a":
        value = repr_of(value).encode("ascii", "backslashreplace").decode("ascii")
    elif conversion == "s" or (type(value) not in SCALARS and not hasattr(type(value), "_dana_format_")):
        value = text_of(value)
    if not spec:
        return text_of(value)
    check_spec(spec)
    # Dates and decimal numbers of a façade have specs of their own.
    own = getattr(type(value), "_dana_format_", None)
    if own is not None:
        return str(own(value, spec))
    if value is None:
        value = "None"
    return format(value, spec)


# -- format and format_map -------------------------------------------------------------------------


def safe_format(template: str, /, *args: Any, **named: Any) -> str:
    """``template.format(...)`` with positions and names only: no dots, no brackets (threat model 5.1).

    Raises
    ------
    ValueError : the template is malformed, or a field looks into a value, or the text would be too long.
    IndexError, KeyError : a field has no argument.
    """
    return _Formatter(args, named).fill(template)


def safe_format_map(template: str, mapping: Mapping[str, Any], /) -> str:
    """``template.format_map(mapping)`` with names only; the mapping is an exact dict.

    Raises
    ------
    TypeError : ``mapping`` is not a dict.
    ValueError, KeyError : as `safe_format`.
    """
    if type(mapping) is not dict:
        raise TypeError(f"format_map needs a dict, not {type(mapping).__name__}")
    return _Formatter((), mapping).fill(template)


class _Formatter:
    """Fills one template; remembers whether fields are numbered by hand or in order."""

    def __init__(self, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        self.args = args
        self.named = named
        self.next_position = 0
        self.by_hand = False

    def fill(self, template: str, depth: int = 2) -> str:
        if depth == 0:
            raise ValueError("format spec is nested too deep")
        out = _Out(TEXT_LIMIT)
        for literal, field, spec, conversion in _parse_template(template):
            out.add(literal)
            if field is not None:
                value = self.value(field)
                inner = self.fill(spec, depth - 1) if spec else ""
                if conversion not in (None, "r", "s", "a"):
                    raise ValueError(f"unknown conversion {conversion!r} in the format string")
                out.add(_text_(value, conversion, inner))
        return "".join(out.parts)

    def value(self, field: str) -> Any:
        if field == "" or field.isdecimal():
            return self.args[self.position(field)]
        if not field.isidentifier():
            raise ValueError(f"a field of a format string is a position or a name, not {field!r}")
        return self.named[field]

    def position(self, field: str) -> int:
        if (field != "") is not self.by_hand and self.next_position:
            raise ValueError("cannot mix numbered and unnumbered fields in a format string")
        self.by_hand = field != ""
        position = int(field) if field else self.next_position
        self.next_position += 1
        if position >= len(self.args):
            raise IndexError(f"no argument for field {position} of the format string")
        return position


def _parse_template(template: str) -> Iterable[tuple[str, str | None, str | None, str | None]]:
    # The parser of str.format itself: it splits, and looks nothing up.
    from string import Formatter

    return Formatter().parse(template)
