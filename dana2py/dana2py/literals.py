"""Literals: the text of a number or string token in, its value out.

Numbers are decimal, hexadecimal, octal, binary or floating, with single underscores between digits
(section 1.4 and its extensions). Strings process Python's escapes unless they are raw (1.5). Every
function here is linear in its input. Positions are offsets into what was passed; the caller knows
where that stands in the source.
"""

from __future__ import annotations

import re
import unicodedata

#: Digits that an integer literal may have: what Python's own ``int(text)`` accepts.
MAX_INT_DIGITS = 4300

#: What may stand before a quote, in lower case.
STRING_PREFIXES = frozenset({"", "r", "f", "rf", "fr"})
#: Python's other prefixes, with what to say about each.
FOREIGN_PREFIXES = {
    "b": "Dana has no bytes literals; leave out the prefix",
    "br": "Dana has no bytes literals; leave out the prefix",
    "rb": "Dana has no bytes literals; leave out the prefix",
    "u": "every Dana text is Unicode; leave out the prefix",
    "t": "Dana has no template strings; use an f-string",
}

_ESCAPE = re.compile(
    r"\\(?:(\n)|([\\'\"abfnrtv])|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|N\{([^{}\n]*)\}|([xuUN])|)"
)
_SIMPLE = {
    "\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
}  # fmt: skip
_DIGITS = {"x": "two hexadecimal digits", "u": "four hexadecimal digits", "U": "eight of them", "N": "{name}"}


class LiteralError(ValueError):
    """A literal has no value.

    Parameters
    ----------
    message : what is wrong.
    offset : where, in characters from the start of the text that was passed.
    """

    def __init__(self, message: str, offset: int = 0, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint


def number(text: str) -> int | float:
    """The value of a number token.

    Raises
    ------
    LiteralError : an integer has more than `MAX_INT_DIGITS` digits.
    """
    if len(text) > MAX_INT_DIGITS:
        raise LiteralError(f"a number of {len(text)} digits; at most {MAX_INT_DIGITS} are accepted")
    if text.isdigit():
        return int(text)
    if text[:2].lower() in ("0x", "0o", "0b"):
        return int(text, 0)
    if "." in text or "e" in text or "E" in text:
        return float(text)
    return int(text.replace("_", ""))


def unescape(text: str) -> str:
    """Text with Python's escapes done; unknown ones stay as they are written.

    Raises
    ------
    LiteralError : an escape is cut short, names no character, or makes half of a surrogate pair.
    """
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    kind = match.lastindex
    if kind is None:
        return "\\"
    value = match[kind]
    if kind == 1:
        return ""
    if kind == 2:
        return _SIMPLE[value]
    if kind == 3:
        return chr(int(value, 8))
    if kind == 7:
        return _named(value, match.start())
    if kind == 8:
        raise LiteralError(f"\\{value} needs {_DIGITS[value]} after it", match.start(), "write \\\\ for a backslash")
    return _code_point(int(value, 16), match.start())


def _named(name: str, offset: int) -> str:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        raise LiteralError(f"no character is named {name!r}", offset) from None


def _code_point(value: int, offset: int) -> str:
    if 0xD800 <= value <= 0xDFFF:
        raise LiteralError(
            "half of a surrogate pair is no character", offset, "write the character itself, or \\U and eight digits"
        )
    if value > 0x10FFFF:
        raise LiteralError(f"no character has the number 0x{value:x}", offset, "the last one is \\U0010ffff")
    return chr(value)
