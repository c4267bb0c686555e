"""The f-string part of the lexer: text and fields of an f-string as tokens (section 1.6).

The rules are those of Python 3.12: fields hold any expression, quotes of any kind, comments and line
ends; ``{{`` and ``}}`` are braces; ``!r``, ``=`` and ``:spec`` (with fields in it) end the expression.
Dana's own colons belong to the expression: the one after a scope word (``{private:x}``), and those of
a lambda's parameters up to its ``::``. Each character is looked at once, so the time is linear.

In: the lexer at a quote or inside a field. Out: more tokens in the same list. What stands between
``{`` and ``}`` is lexed by the lexer's ordinary loop.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dana_guards.errors import DanaSyntaxError, IncompleteInput

if TYPE_CHECKING:
    from dana2py.lexer import Lexer

#: Fields that one f-string may have.
MAX_FIELDS = 5_000
#: How deep format specs may nest, as in Python: ``{x:{width}}`` is level one.
MAX_SPEC_NESTING = 2

_TEXT = {
    "'": re.compile(r"[^'{}\\\n]*+"),
    '"': re.compile(r'[^"{}\\\n]*+'),
    "'''": re.compile(r"[^'{}\\]*+"),
    '"""': re.compile(r'[^"{}\\]*+'),
}
_CONVERSION = re.compile(r"![ \t]*([A-Za-z_]\w*)?")


@dataclass(slots=True)
class FString:
    """An open f-string: how it is quoted, where it began, how many fields it had."""

    quote: str
    raw: bool
    start: int
    fields: int = 0


@dataclass(slots=True)
class FieldState:
    """An open field.

    ``depth`` is the number of open brackets with the field's own; ``lambdas`` counts lambdas at its
    top level whose ``::`` has not come yet; ``in_spec`` says that the expression is over.
    """

    string: FString
    depth: int
    start: int
    lambdas: int = 0
    spec_level: int = 0
    in_spec: bool = False


def open_fstring(lexer: Lexer, quote: str, raw: bool, start: int, end: int) -> int:
    """Begin an f-string; returns where the ordinary loop goes on."""
    lexer.add("FSTRING_START", quote, start, end)
    return _text(lexer, FString(quote, raw, start), end)


def close_field(lexer: Lexer, offset: int) -> int:
    """End the innermost field at the ``}`` at ``offset``."""
    _need_value(lexer, lexer.fields[-1])
    field = lexer.fields.pop()
    bracket = lexer.brackets.pop()
    lexer.lambdas = bracket.lambdas
    lexer.add("FIELD_END", "}", offset, offset + 1)
    if field.spec_level:
        return _spec(lexer, lexer.fields[-1], offset + 1)
    return _text(lexer, field.string, offset + 1)


def field_mark(lexer: Lexer, value: str, offset: int) -> int:
    """``: :: := = !`` at the top level of a field: the next position, or -1 for an operator."""
    field = lexer.fields[-1]
    if value in (":", "::", ":="):
        if field.lambdas:
            field.lambdas -= value == "::"
            return -1
        if value == ":" and lexer.tokens[-1].kind == "SCOPE":
            return -1
        return _open_spec(lexer, field, offset)
    if value == "=":
        return _debug(lexer, field, offset)
    if value == "!":
        return _conversion(lexer, field, offset)
    raise lexer.error(f"{value!r} cannot stand in an f-string field", offset)


def _open_field(lexer: Lexer, string: FString, offset: int, spec_level: int) -> int:
    string.fields += 1
    if string.fields > MAX_FIELDS:
        raise lexer.error(f"an f-string has more than {MAX_FIELDS} fields", string.start, "join several texts")
    lexer.push("{", offset)
    lexer.fields.append(FieldState(string, len(lexer.brackets), offset, spec_level=spec_level))
    lexer.add("FIELD_START", "{", offset, offset + 1)
    return offset + 1


def _text(lexer: Lexer, string: FString, start: int) -> int:
    """Text of an f-string up to its end or the next field; ``{{`` and ``}}`` become one brace."""
    text, quote = lexer.text, string.quote
    run = _TEXT[quote]
    parts: list[str] = []
    position = start
    while True:
        piece = run.match(text, position)
        assert piece is not None
        parts.append(piece[0])
        position = piece.end()
        character = text[position : position + 1]
        if text.startswith(quote, position):
            _flush(lexer, string, parts, start, position)
            lexer.add("FSTRING_END", quote, position, position + len(quote))
            return position + len(quote)
        if character == "{" and not text.startswith("{{", position):
            _flush(lexer, string, parts, start, position)
            return _open_field(lexer, string, position, 0)
        position = _one(lexer, string, character, parts, position)


def _one(lexer: Lexer, string: FString, character: str, parts: list[str], position: int) -> int:
    """One character or pair of an f-string's text that is not plain."""
    text = lexer.text
    if character in "{}" and character:
        if not text.startswith(character * 2, position):
            raise lexer.error("'}' alone in an f-string", position, "write }} for a brace in the text")
        # Braces are kept apart from escapes: \N{...} must not see a doubled brace.
        parts.append(character)
        return position + 2
    if character == "\\":
        return _backslash(string, text, parts, position)
    if not character or (character == "\n" and len(string.quote) == 1):
        raise _unterminated(lexer, string)
    parts.append(character)
    return position + 1


def _backslash(string: FString, text: str, parts: list[str], position: int) -> int:
    """Take a backslash with what belongs to it; a brace after it begins a field, as in Python."""
    follower = text[position + 1 : position + 2]
    if follower == "N" and not string.raw and text.startswith("{", position + 2):
        close = text.find("}", position, position + 100)
        if close >= 0:
            parts.append(text[position : close + 1])
            return close + 1
    if follower in ("{", "}", ""):
        parts.append("\\" if string.raw else "\\\\")
        return position + 1
    parts.append(text[position : position + 2])
    return position + 2


def _flush(lexer: Lexer, string: FString, parts: list[str], start: int, end: int) -> None:
    if start == end:
        return
    value = "".join(parts)
    if not string.raw:
        value = lexer.unescape(value, start)
    lexer.add_multiline("FSTRING_TEXT", value, start, end)


def _open_spec(lexer: Lexer, field: FieldState, offset: int) -> int:
    if field.spec_level >= MAX_SPEC_NESTING:
        raise lexer.error("format specs are nested too deep", offset, "compute the inner text before")
    _need_value(lexer, field)
    lexer.add("FIELD_SPEC", ":", offset, offset + 1)
    field.in_spec = True
    return _spec(lexer, field, offset + 1)


def _spec(lexer: Lexer, field: FieldState, start: int) -> int:
    """Text of a format spec up to the field's ``}`` or the next field in it."""
    text, string = lexer.text, field.string
    run = _TEXT[string.quote]
    parts: list[str] = []
    position = start
    while True:
        piece = run.match(text, position)
        assert piece is not None
        parts.append(piece[0])
        position = piece.end()
        character = text[position : position + 1]
        if character == "}":
            _flush(lexer, string, parts, start, position)
            return close_field(lexer, position)
        if character == "{":
            _flush(lexer, string, parts, start, position)
            return _open_field(lexer, string, position, field.spec_level + 1)
        if text.startswith(string.quote, position):
            raise lexer.error("the f-string ends inside a format spec", position, "expected '}'")
        position = _one(lexer, string, character, parts, position)


def _debug(lexer: Lexer, field: FieldState, offset: int) -> int:
    """``{x=}``: the text of the expression is kept, with the ``=`` and the spaces around it."""
    text = lexer.text
    end = offset + 1
    while text[end : end + 1] in (" ", "\t", "\n") and text[end : end + 1]:
        end += 1
    if text[end : end + 1] not in ("}", "!", ":"):
        raise lexer.error("'=' cannot assign in an f-string field", offset, "write == to compare, or {x=} to show x")
    _need_value(lexer, field)
    lexer.add_multiline("FIELD_DEBUG", text[field.start + 1 : end], offset, end)
    return end


def _conversion(lexer: Lexer, field: FieldState, offset: int) -> int:
    match = _CONVERSION.match(lexer.text, offset)
    assert match is not None
    if match[1] not in ("r", "s", "a"):
        raise lexer.error("expected a conversion after '!' in the f-string field", offset, "one of !r, !s, !a")
    _need_value(lexer, field)
    lexer.add("FIELD_CONVERSION", match[1], offset, match.end())
    follower = re.compile(r"[ \t\n]*+(.?)").match(lexer.text, match.end())
    if follower is not None and follower[1] not in ("}", ":"):
        raise lexer.error("expected '}' or ':' after the conversion", match.end())
    return match.end()


def _need_value(lexer: Lexer, field: FieldState) -> None:
    if lexer.tokens[-1].kind == "FIELD_START":
        hint = "write {{ and }} for braces in the text"
        raise lexer.error("this f-string field has no expression", field.start, hint)


def _unterminated(lexer: Lexer, string: FString) -> DanaSyntaxError:
    if len(string.quote) == 3:
        return lexer.error(f"this f-string has no closing {string.quote}", string.start, kind=IncompleteInput)
    hint = f"use {string.quote * 3} for text of several lines"
    return lexer.error(f"this f-string has no closing {string.quote} on its line", string.start, hint)
