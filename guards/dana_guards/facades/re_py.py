"""``import re.py``: search, split and replace with patterns, in linear time (`re_engine`).

Patterns and matches are facades with listed members; no `re.Pattern` or `re.Match` becomes a value, because a match
shows the whole text behind it to whoever gets it. Not done here: look-around, back references in patterns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from dana_guards.facades.members import Facade, Member, metered, same
from dana_guards.facades.re_engine import Groups, Program
from dana_guards.iterators import FlatIterator
from dana_guards.limits import Meter

_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_REFERENCE = re.compile(r"\\(?:g<([A-Za-z_0-9]{1,100})>|([1-9][0-9]?)|(.))", re.DOTALL)


def _text(by: str, text: Any) -> str:
    if type(text) is not str:
        raise TypeError(f"{by} needs text, not {type(text).__name__}")
    return text


class _Regex:
    """One pattern for one context. Its methods are handed out as closures."""

    def __init__(self, meter: Meter, program: Callable[[str, int], Program], pattern: Any, flags: Any = 0) -> None:
        if type(pattern) is not str or type(flags) is not int:
            raise TypeError("a pattern is text, and its flags a number")
        self.meter = meter
        self.pattern = pattern
        self.program = program(pattern, flags)

    def facade(self) -> Facade:
        """The pattern as a value."""
        methods = ("search", "match", "fullmatch", "findall", "finditer", "sub", "split")
        members: dict[str, Any] = {name: _closure(getattr(self, name)) for name in methods}
        return Facade("pattern", {**members, "pattern": self.pattern, "groups": self.program.groups})

    def _find(self, text: str, anchored: bool = False, whole: bool = False) -> Facade | None:
        groups = self.program.search(self.meter, text, anchored, whole)
        return None if groups is None else _match(self.program, text, groups)

    def search(self, text: Any) -> Facade | None:
        """The first match anywhere, or None."""
        return self._find(_text("search", text))

    def match(self, text: Any) -> Facade | None:
        """The match at the beginning, or None."""
        return self._find(_text("match", text), anchored=True)

    def fullmatch(self, text: Any) -> Facade | None:
        """The match of the whole text, or None."""
        return self._find(_text("fullmatch", text), anchored=True, whole=True)

    def findall(self, text: Any) -> list[Any]:
        """The text of each match; with groups, the text of the groups."""
        found = []
        for groups in self.program.matches(self.meter, _text("findall", text)):
            parts = _parts(text, groups, "")
            found.append(parts[0] if len(parts) == 1 else parts[1] if len(parts) == 2 else parts[1:])
        return found

    def finditer(self, text: Any) -> FlatIterator:
        """The matches, as a flat iterator."""
        whole = _text("finditer", text)
        steps = (_match(self.program, whole, groups) for groups in self.program.matches(self.meter, whole))
        return FlatIterator(steps, (), "finditer")

    def split(self, text: Any, maxsplit: Any = 0) -> list[Any]:
        """The pieces between matches; groups come between them."""
        pieces: list[Any] = []
        place = 0
        for count, groups in enumerate(self.program.matches(self.meter, _text("split", text))):
            if maxsplit and count >= maxsplit:
                break
            pieces.append(text[place : groups[0]])
            pieces.extend(_parts(text, groups, None)[1:])
            place = groups[1]
        return [*pieces, text[place:]]

    def sub(self, replacement: Any, text: Any, count: Any = 0) -> str:
        """`text` with matches replaced by a text with ``\\1`` and ``\\g<name>``, or by what a function gives."""
        fill = replacement if callable(replacement) else _template(self.program, _text("sub", replacement))
        pieces, place, size = [], 0, 0
        for done, groups in enumerate(self.program.matches(self.meter, _text("sub", text))):
            if count and done >= count:
                break
            made = _text("sub", fill(_match(self.program, text, groups)))
            pieces += [text[place : groups[0]], made]
            size += len(made)
            self.meter.need(4 * size, "the replaced text")
            place = groups[1]
        return "".join([*pieces, text[place:]])


def _closure(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        return method(*arguments, **named)

    return call


def _parts(text: str, groups: Groups, missing: str | None) -> tuple[str | None, ...]:
    """The text of the match and of each group."""
    return tuple(
        missing if groups[place] < 0 else text[groups[place] : groups[place + 1]] for place in range(0, len(groups), 2)
    )


def _match(program: Program, text: str, groups: Groups) -> Facade:
    """A match as a value: the texts of its groups and where they are."""
    parts = _parts(text, groups, None)

    def number(which: Any) -> int:
        found = program.names.get(which) if type(which) is str else which
        if type(found) is not int or not 0 <= found < len(parts):
            raise IndexError("no such group")
        return found

    def group(*which: Any) -> Any:
        found = tuple(parts[number(each)] for each in which or (0,))
        return found[0] if len(found) == 1 else found

    def span(which: Any = 0) -> tuple[int, int]:
        place = 2 * number(which)
        return groups[place], groups[place + 1]

    def named(default: Any = None) -> dict[str, Any]:
        return {name: default if parts[place] is None else parts[place] for name, place in program.names.items()}

    return Facade(
        "match",
        {
            "group": group,
            "groups": lambda default=None: tuple(default if part is None else part for part in parts[1:]),
            "groupdict": named,
            "span": span,
            "start": lambda which=0: span(which)[0],
            "end": lambda which=0: span(which)[1],
        },
    )


def _template(program: Program, template: str) -> Callable[[Facade], str]:
    """A replacement with references, checked once. ValueError for one that names no group."""

    def value(found: re.Match[str]) -> int | str:
        name, digits, letter = found.groups()
        if letter is not None:
            if letter not in _ESCAPES:
                raise ValueError(f"unknown escape \\{letter} in a replacement")
            return _ESCAPES[letter]
        which = program.names.get(name, int(name) if name and name.isdecimal() else -1) if name else int(digits)
        if not 0 <= which <= program.groups:
            raise ValueError(f"a replacement names the group {name or digits}, which the pattern has not")
        return which

    pieces: list[int | str] = []
    place = 0
    for found in _REFERENCE.finditer(template):
        pieces += [template[place : found.start()], value(found)]
        place = found.end()
    pieces.append(template[place:])
    return lambda match: "".join(each if type(each) is str else match.group(each) or "" for each in pieces)


def _function(name: str) -> Callable[[Meter], Any]:
    """``search(pattern, text, flags=0)`` and its like."""

    def make(meter: Meter) -> Any:
        # A few programs for each function and context: they end with it.
        program = lru_cache(maxsize=16)(Program)

        def call(pattern: Any, *arguments: Any, flags: Any = 0, **named: Any) -> Any:
            source = pattern.pattern if isinstance(pattern, Facade) else pattern
            return getattr(_Regex(meter, program, source, flags), name)(*arguments, **named)

        return call

    return make


def _make_compile(meter: Meter) -> Any:
    def compile_pattern(pattern: Any, flags: Any = 0) -> Facade:
        return _Regex(meter, Program, pattern, flags).facade()

    return compile_pattern


def escape(text: Any) -> str:
    """`text` as a pattern that matches just that."""
    return re.escape(_text("escape", text))


_WHY = "linear in the text, looks at the meter"
MEMBERS: Final[tuple[Member, ...]] = (
    metered("compile", _make_compile, "patterns of bounded size"),
    *(
        metered(name, _function(name), _WHY)
        for name in ("search", "match", "fullmatch", "findall", "finditer", "sub", "split")
    ),
    same("escape", escape, "linear"),
    *(
        same(name, int(getattr(re, name)), "a number")
        for name in ("I", "M", "S", "X", "A", "IGNORECASE", "MULTILINE", "DOTALL", "VERBOSE", "ASCII")
    ),
)
