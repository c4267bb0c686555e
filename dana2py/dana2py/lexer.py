"""Lexer: source text in, a list of tokens out, with the indentation made explicit.

One compiled expression finds each token; names and plain operators, nine tokens of ten, are handled
in the loop itself, everything else by a method per kind. Comments and blank lines never make tokens
and never change the indentation (section 1.2). Inside brackets line ends mean nothing. The parts of
f-strings come out as tokens too (`dana2py.fstrings`), so the parser never starts again inside one
and every position is the true one. Nesting is counted here, so that nothing behind can recurse deep.

Every branch moves forward and no expression backtracks over more than a token: the time is linear.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple

from dana2py import fstrings, literals
from dana2py.nodes import Span
from dana2py.source import Source
from dana_guards.errors import DanaSyntaxError, IncompleteInput
from dana_guards.watchdog import look_for_stop

#: How deep brackets, f-string fields and lambdas may nest in each other, and blocks likewise.
MAX_NESTING = 100
#: Tokens that one source may have: about forty thousand full lines.
MAX_TOKENS = 500_000
#: Columns that a tab counts for, wherever it stands (1.1).
TAB = 8
#: All of so many tokens, less one, the lexer and the parser look whether they are to stop.
POLL = 511


class Token(NamedTuple):
    """A piece of the source: the terminal of the grammar, its value, and where it stands."""

    kind: str
    value: Any
    span: Span


#: The reserved words (1.3) that have a terminal of their own.
_WORDS = (
    "if elif else while for in break continue pass return deliver def sync lambda struct resource workflow "
    "interface agent agent_blueprint try except finally raise assert with as import from export and or not is "
    "yield global nonlocal del"
)
KEYWORDS: dict[str, str] = {word: word.upper() for word in _WORDS.split()} | {
    "True": "TRUE", "true": "TRUE", "TRUE": "TRUE", "False": "FALSE", "false": "FALSE", "FALSE": "FALSE",
    "None": "NONE", "none": "NONE", "NONE": "NONE", "null": "NONE", "NULL": "NONE",
    "private": "SCOPE", "public": "SCOPE", "local": "SCOPE", "system": "SCOPE",
}  # fmt: skip

#: Operators and brackets with their terminals.
OPERATORS: dict[str, str] = {
    ",": "COMMA", ".": "DOT", "@": "AT", "->": "ARROW", "$$": "PLACEHOLDER", "|": "VBAR", "^": "CARET",
    "&": "AMPER", "<<": "LSHIFT", ">>": "RSHIFT", "+": "PLUS", "-": "MINUS", "~": "TILDE", "*": "STAR",
    "/": "SLASH", "//": "DOUBLESLASH", "%": "PERCENT", "**": "DOUBLESTAR", "<": "LESS", ">": "GREATER",
    "<=": "LESSEQUAL", ">=": "GREATEREQUAL", "==": "EQEQUAL", "!=": "NOTEQUAL",
    "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", "{": "LBRACE", "}": "RBRACE",
    ":": "COLON", "::": "DOUBLECOLON", ":=": "WALRUS", "=": "EQUAL", ";": "SEMICOLON",
} | {op + "=": "AUGMENTED" for op in ("+", "-", "*", "/", "//", "%", "**", "|", "&", "^", "<<", ">>")}  # fmt: skip

_TOKEN = r"""[ \t\f]*+(?:
      (?P<name>(?!lambda\b)[A-Za-z_][A-Za-z0-9_]*+(?!["']))
    | (?P<op>->|(?:\*\*|//|<<|>>|[-+*/%&|^])=?|,|\.(?![0-9])|[<>=!]=|[<>~@]|\$\$MARKS)
    | (?P<newline>\n)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<mark>::|:=|[:=!;])
    | (?P<number>0[xX](?:_?[0-9a-fA-F])++|0[oO](?:_?[0-7])++|0[bB](?:_?[01])++
        |(?:[0-9](?:_?[0-9])*+(?:\.(?:[0-9](?:_?[0-9])*+)?)?|\.[0-9](?:_?[0-9])*+)(?:[eE][+-]?[0-9](?:_?[0-9])*+)?)
    | (?P<string>(?:[A-Za-z_][A-Za-z0-9_]*+)?(?:\"\"\"|'''|"|'))
    | (?P<comment>\#[^\n]*+)
    | (?P<lambda>lambda\b)
    | (?P<join>\\\n)
    | (?P<end>\Z)
    | (?P<wrong>.)
    )"""
#: A token inside a field of an f-string, where ``: :: := =`` may end the expression; and elsewhere.
_INSIDE = re.compile(_TOKEN.replace("MARKS", ""), re.VERBOSE)
_OUTSIDE = re.compile(_TOKEN.replace("MARKS", "|::|:=|[:=;]"), re.VERBOSE)
#: What stands before the next line of code: lines without code, then its margin (or a last comment).
_NEXT_LINE = re.compile(r"((?:[ \t\f]*+(?:\#[^\n]*+)?\n)*+)([ \t\f]*+)(?:\#[^\n]*+)?")
_HEAD_PRAGMA = re.compile(r"^[ \t\f]*+\#[ \t]*+dana:[ \t]*+strict[ \t]*+$", re.MULTILINE)
_DUNDER = re.compile(r"(?<![A-Za-z0-9_])__[A-Za-z0-9_]*__(?![A-Za-z0-9_])")
#: Names of the form ``__x__`` that a program may use; all others are refused.
DUNDER_NAMES = frozenset({"__name__", "__file__", "__exports__", "__main__"})

_OPENERS = {"(": "LPAR", "[": "LSQB", "{": "LBRACE"}
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_STRING_END = {
    "'": re.compile(r"[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'", re.DOTALL),
    '"': re.compile(r'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"', re.DOTALL),
    "'''": re.compile(r"[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*+'''", re.DOTALL),
    '"""': re.compile(r'[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+"""', re.DOTALL),
}


def _span(line: int, column: int, end_line: int, end_column: int) -> Span:
    return tuple.__new__(Span, (line, column, end_line, end_column))


class Bracket(NamedTuple):
    """An open bracket: its character and place, and how many lambdas were open before it."""

    text: str
    line: int
    column: int
    lambdas: int


class Lexer:
    """Makes the tokens of one source; used once.

    After `run`, ``comments`` holds the comment that ends each line of code, and ``strict`` says
    whether the leading comments hold the pragma ``# dana: strict``; ``deepest`` is the deepest nesting.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.tokens: list[Token] = []
        self.comments: dict[int, str] = {}
        self.strict = False
        self.line = 1
        self.line_start = 0
        self.indents: list[int] = []
        self.margin = ""
        self.brackets: list[Bracket] = []
        self.lambdas = 0
        self.deepest = 0
        self.fields: list[fstrings.FieldState] = []

    def run(self) -> list[Token]:
        """All tokens, the last one being ``$END``.

        Raises
        ------
        DanaSyntaxError : some text is no token, the indentation is wrong, or nesting is too deep.
        IncompleteInput : the text ends inside brackets or inside a triple-quoted string.
        """
        text, tokens, fields = self.text, self.tokens, self.fields
        match, outside, inside = _OUTSIDE.match, _OUTSIDE.match, _INSIDE.match
        append, keyword, operator, new = tokens.append, KEYWORDS.get, OPERATORS, tuple.__new__
        methods: dict[int | None, Callable[[re.Match[str]], int]] = {
            index: getattr(self, f"lex_{name}") for name, index in _OUTSIDE.groupindex.items() if index > 2
        }
        position = self._first_line()
        for number in range(MAX_TOKENS):
            if not number & POLL:
                look_for_stop()
            found = match(text, position)
            assert found is not None
            kind = found.lastindex
            if kind == 1:  # a name
                value = found[1]
                position = found.end()
                end = position - self.line_start
                line = self.line
                span = new(Span, (line, end - len(value), line, end))
                append(new(Token, (keyword(value, "NAME"), value, span)))
            elif kind == 2:  # an operator
                value = found[2]
                position = found.end()
                end = position - self.line_start
                line = self.line
                append(new(Token, (operator[value], value, new(Span, (line, end - len(value), line, end)))))
            else:
                position = methods[kind](found)
                if position < 0:
                    return tokens
                match = inside if fields else outside
        raise self.error(f"the source has more than {MAX_TOKENS} tokens", position, "split it into modules")

    # -- helpers -------------------------------------------------------------------------------

    def add(self, kind: str, value: object, start: int, end: int) -> None:
        """Append a token that stands on the current line."""
        line, base = self.line, self.line_start
        span = tuple.__new__(Span, (line, start - base, line, end - base))
        self.tokens.append(tuple.__new__(Token, (kind, value, span)))

    def error(
        self, message: str, offset: int, hint: str | None = None, kind: type[DanaSyntaxError] = DanaSyntaxError
    ) -> DanaSyntaxError:
        """An error at an offset of the text."""
        starts = self.source.starts
        line = bisect_right(starts, offset)
        return self.source.error(message, line, offset - starts[line - 1], hint, kind)

    # -- lines and blocks ----------------------------------------------------------------------

    def _first_line(self) -> int:
        """Skip what stands before the first statement and take its indentation as the margin."""
        found = _NEXT_LINE.match(self.text)
        assert found is not None
        self.strict = _HEAD_PRAGMA.search(found[0]) is not None
        self.line += found[1].count("\n")
        self.line_start = found.end(1)
        self.margin = found[2]
        self.indents.append(_width(self.margin))
        return found.end()

    def lex_newline(self, found: re.Match[str]) -> int:
        """A line end: nothing inside brackets, else NEWLINE and what the next line's margin asks for."""
        text, tokens = self.text, self.tokens
        end = found.end()
        if self.brackets:
            self.line += 1
            self.line_start = end
            return end
        following = _NEXT_LINE.match(text, end)
        assert following is not None
        start, offset = following.end(1), following.end()
        last = tokens[-1].kind if tokens else "NEWLINE"
        joined = last == "VBAR" or text.startswith("|", offset)
        if not joined and last not in ("NEWLINE", "INDENT", "DEDENT"):
            self.add("NEWLINE", "\n", end - 1, end)
        self.line += 1 if start == end else 1 + following[1].count("\n")
        self.line_start = start
        if joined:
            return offset
        self.lambdas = 0
        width = self.indents[-1]
        if following[2] != self.margin and offset != len(text):
            self.margin = following[2]
            width = _width(self.margin)
        if last == "COLON" and width <= self.indents[-1]:
            self._comment_block(end, offset)
        if width != self.indents[-1]:
            self._new_margin(width, offset)
        return offset

    def _new_margin(self, width: int, offset: int) -> None:
        """INDENT or DEDENT tokens for a line whose margin differs from the one before."""
        indents = self.indents
        if width > indents[-1]:
            if len(indents) > MAX_NESTING:
                message = f"blocks are nested more than {MAX_NESTING} deep"
                raise self.error(message, offset, "move the inner part to a function")
            indents.append(width)
            self.add("INDENT", "", offset, offset)
            return
        if width not in indents:
            columns = ", ".join(str(indent + 1) for indent in indents)
            raise self.error(
                "this line's indentation fits no block around it",
                offset,
                f"the blocks around begin at column {columns}; a tab counts for {TAB}",
            )
        while indents[-1] > width:
            indents.pop()
            self.add("DEDENT", "", offset, offset)

    def _comment_block(self, start: int, end: int) -> None:
        """EMPTY for a block that holds nothing but comments deeper than its header (1.2)."""
        for line in self.text[start:end].split("\n"):
            body = line.lstrip(" \t\f")
            if body.startswith("#") and _width(line[: len(line) - len(body)]) > self.indents[-1]:
                self.tokens.append(Token("EMPTY", "", self.tokens[-2].span))
                return

    def lex_comment(self, found: re.Match[str]) -> int:
        """A comment at the end of a line of code."""
        if not self.brackets:
            self.comments[self.line] = found["comment"].lstrip("#").strip()
        return found.end()

    def lex_join(self, found: re.Match[str]) -> int:
        """A backslash at the end of a line joins it with the next one."""
        self.line += 1
        self.line_start = end = found.end()
        if end == len(self.text):
            raise self.error("the text ends after a backslash", end - 2, kind=IncompleteInput)
        return end

    def lex_end(self, found: re.Match[str]) -> int:
        """The end of the text: close the line and all blocks."""
        end = found.end()
        if self.brackets:
            self._unclosed()
        tokens = self.tokens
        if tokens and tokens[-1].kind not in ("NEWLINE", "DEDENT", "EMPTY"):
            self.add("NEWLINE", "", end, end)
        for _ in self.indents[1:]:
            self.add("DEDENT", "", end, end)
        self.add("$END", "", end, end)
        return -1

    def _unclosed(self) -> None:
        bracket = self.brackets[-1]
        if self.fields:
            message = "the f-string field that begins here has no closing }"
            raise self.source.error(message, bracket.line, bracket.column, kind=IncompleteInput)
        closer = _CLOSERS[bracket.text]
        raise self.source.error(
            f"{bracket.text!r} was never closed", bracket.line, bracket.column, f"expected {closer!r}", IncompleteInput
        )

    # -- brackets and marks --------------------------------------------------------------------

    def lex_open(self, found: re.Match[str]) -> int:
        """An opening bracket; counts the nesting."""
        value, end = found["open"], found.end()
        self.push(value, end - 1)
        self.add(_OPENERS[value], value, end - 1, end)
        return end

    def push(self, value: str, offset: int) -> None:
        """Note an open bracket or f-string field.

        Raises
        ------
        DanaSyntaxError : more than `MAX_NESTING` are open.
        """
        fields = (value, self.line, offset - self.line_start, self.lambdas)
        self.brackets.append(tuple.__new__(Bracket, fields))
        self.nest(offset)

    def nest(self, offset: int) -> None:
        """Count one more thing that nests."""
        depth = len(self.brackets) + self.lambdas
        if depth <= self.deepest:
            return
        self.deepest = depth
        if depth > MAX_NESTING:
            message = f"brackets and lambdas are nested more than {MAX_NESTING} deep"
            raise self.error(message, offset, "give the inner parts names of their own")

    def lex_close(self, found: re.Match[str]) -> int:
        """A closing bracket; must fit the last one that was opened."""
        value, end = found["close"], found.end()
        brackets = self.brackets
        in_field = self.fields and len(brackets) == self.fields[-1].depth
        if in_field and value == "}":
            return self.close_field(end - 1)
        if not brackets:
            raise self.error(f"{value!r} closes nothing", end - 1, "remove it, or add the opening bracket")
        bracket = brackets[-1]
        expected = _CLOSERS[bracket.text]
        if value != expected or in_field:
            raise self.error(
                f"{value!r} does not close {bracket.text!r} of line {bracket.line}", end - 1, f"expected {expected!r}"
            )
        brackets.pop()
        self.lambdas = bracket.lambdas
        self.add(OPERATORS[value], value, end - 1, end)
        return end

    def lex_mark(self, found: re.Match[str]) -> int:
        """``: :: := = ! ;`` which mean something else at the top level of an f-string field."""
        value, end = found["mark"], found.end()
        start = end - len(value)
        if self.fields and len(self.brackets) == self.fields[-1].depth:
            position = self.field_mark(value, start)
            if position >= 0:
                return position
        if value == "!":
            raise self.error("'!' is not an operator", start, "write 'not' or '!='")
        self.add(OPERATORS[value], value, start, end)
        return end

    def lex_lambda(self, found: re.Match[str]) -> int:
        """``lambda``; its body nests, so it counts as a bracket that the next closing one closes."""
        end = found.end()
        if self._after_body():
            self.lambdas = self.brackets[-1].lambdas if self.brackets else 0
        self.lambdas += 1
        self.nest(end - 6)
        if self.fields and len(self.brackets) == self.fields[-1].depth:
            self.fields[-1].lambdas += 1
        self.add("LAMBDA", "lambda", end - 6, end)
        return end

    def _after_body(self) -> bool:
        """Whether a comma has ended the body of the lambda before, so that the next one is beside it."""
        depth = 0
        for token in reversed(self.tokens):
            kind: str = token.kind
            if kind in ("RPAR", "RSQB", "RBRACE", "FIELD_END"):
                depth += 1
            elif kind in ("LPAR", "LSQB", "LBRACE", "FIELD_START"):
                depth -= 1
            if depth < 0 or (depth == 0 and kind in ("COMMA", "DOUBLECOLON", "LAMBDA", "NEWLINE")):
                return kind == "COMMA"
        return False

    # -- literals ------------------------------------------------------------------------------

    def lex_number(self, found: re.Match[str]) -> int:
        """A number; its value is made here."""
        value, end = found["number"], found.end()
        start = end - len(value)
        follower = self.text[end : end + 1]
        if follower.isascii() and (follower.isalnum() or follower == "_"):
            self._number_tail(value, start, end)
        try:
            self.add("NUMBER", literals.number(value), start, end)
        except literals.LiteralError as error:
            raise self.error(error.message, start, error.hint) from None
        return end

    def _number_tail(self, value: str, start: int, end: int) -> None:
        """Letters directly after a number: fine only for a word operator (``1if x else 2``)."""
        tail = re.compile(r"[A-Za-z0-9_]*+").match(self.text, end)
        assert tail is not None
        if tail[0] not in ("if", "else", "and", "or", "in", "is", "not", "for", "as"):
            raise self.error(
                f"{(value + tail[0])[:40]!r} is neither a number nor a name",
                start,
                "names begin with a letter or _" if tail[0][0] != "_" else "underscores stand between digits",
            )

    def lex_string(self, found: re.Match[str]) -> int:
        """A string, or the start of an f-string."""
        whole, end = found["string"], found.end()
        quote = whole.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789")
        prefix = whole[: len(whole) - len(quote)]
        start = end - len(whole)
        lowered = prefix.lower()
        if lowered not in literals.STRING_PREFIXES:
            if prefix in KEYWORDS:
                self.add(KEYWORDS[prefix], prefix, start, start + len(prefix))
                return start + len(prefix)
            if self.fields and self.fields[-1].string.quote == quote:
                raise self.unterminated(quote, start, "f-string")
            hint = literals.FOREIGN_PREFIXES.get(lowered, "prefixes are r, f and both together")
            raise self.error(f"a string cannot have the prefix {prefix!r}", start, hint)
        if "f" in lowered:
            return self.open_fstring(quote, "r" in lowered, start, end)
        body = _STRING_END[quote].match(self.text, end)
        if body is None:
            raise self.unterminated(quote, start, "string")
        value = body[0][: -len(quote)]
        if "r" not in lowered:
            value = self.unescape(value, end)
        self.add_multiline("STRING", value, start, body.end())
        return body.end()

    def unescape(self, value: str, offset: int) -> str:
        """The value of string text that begins at ``offset``."""
        try:
            return literals.unescape(value)
        except literals.LiteralError as error:
            raise self.error(error.message, offset + error.offset, error.hint) from None

    def add_multiline(self, kind: str, value: object, start: int, end: int) -> None:
        """Append a token that may hold line ends, and move to its last line."""
        line, column = self.line, start - self.line_start
        count = self.text.count("\n", start, end)
        if count:
            self.line += count
            self.line_start = self.text.rfind("\n", start, end) + 1
        self.tokens.append(Token(kind, value, _span(line, column, self.line, end - self.line_start)))

    def unterminated(self, quote: str, start: int, what: str) -> DanaSyntaxError:
        """The error for a string without an end; in a field it is the field that has none."""
        if self.fields and self.fields[-1].string.quote == quote:
            message = f"this f-string field has no closing }} before {quote}"
            return self.error(message, self.fields[-1].start, "write {{ for a brace in the text")
        if len(quote) == 3:
            return self.error(f"this {what} has no closing {quote}", start, kind=IncompleteInput)
        return self.error(
            f"this {what} has no closing {quote} on its line", start, f"use {quote * 3} for text of several lines"
        )

    def lex_wrong(self, found: re.Match[str]) -> int:
        """A character that begins no token."""
        offset = found.end() - 1
        character = found["wrong"]
        hint = _WRONG_HINTS.get(character)
        if character == "\\":
            raise self.error("text after a backslash that joins lines", offset, "nothing may follow the backslash")
        if character.isidentifier() or (not character.isascii() and ("a" + character).isidentifier()):
            raise self.error(
                f"{character!r} cannot stand in a name", offset, "names are made of the letters a-z, A-Z, digits and _"
            )
        shown = repr(character) if character.isprintable() else f"the character U+{ord(character):04X}"
        raise self.error(f"{shown} has no meaning here", offset, hint)

    def reserved_names(self, most: int) -> list[DanaSyntaxError]:
        """Errors for names of the form ``__x__``, which belong to Python; at most so many."""
        if _DUNDER.search(self.text) is None:
            return []
        names = (token for token in self.tokens if token.kind == "NAME" and token.value not in DUNDER_NAMES)
        wrong = (token for token in names if _DUNDER.match(token.value))
        hint = "names that begin and end with two underscores do not exist in Dana"
        instead = {"__init__": "a struct is made from its fields, which may have defaults"}
        return [
            self.source.error(
                f"the name {_shortened(token.value)} is reserved", *token.span[:2], instead.get(token.value, hint)
            )
            for token in islice(wrong, most)
        ]

    def tokens_before(self, error: DanaSyntaxError) -> list[Token]:
        """The tokens of the whole lines before an error, with the end of their blocks and of the text."""
        place = (error.lineno or 1, (error.column or 1) - 1)
        count = len(self.tokens)
        while count and (self.tokens[count - 1].kind != "NEWLINE" or self.tokens[count - 1].span[:2] >= place):
            count -= 1
        tokens = self.tokens[:count]
        if not tokens:
            return []
        open_blocks = sum((token.kind == "INDENT") - (token.kind == "DEDENT") for token in tokens)
        end = tokens[-1].span
        tokens += [Token("DEDENT", "", end)] * open_blocks
        return [*tokens, Token("$END", "", end)]

    # -- f-strings, see fstrings.py --------------------------------------------------------------

    def open_fstring(self, quote: str, raw: bool, start: int, end: int) -> int:
        """Begin an f-string whose quote ends at ``end``."""
        return fstrings.open_fstring(self, quote, raw, start, end)

    def close_field(self, offset: int) -> int:
        """End the innermost field at its ``}``."""
        return fstrings.close_field(self, offset)

    def field_mark(self, value: str, offset: int) -> int:
        """A mark at the top level of a field: the next position, or -1 if it is an operator."""
        return fstrings.field_mark(self, value, offset)


_WRONG_HINTS = {
    "$": "the piped value is written $$",
    "?": "write 'a if test else b'",
    "`": "strings are written with ' or \"",
    "“": "use straight quotes",
    "”": "use straight quotes",
    "‘": "use straight quotes",
    "’": "use straight quotes",
    "\u00a0": "use an ordinary space",
    "\u2028": "end lines with a line feed",
    "\u2029": "end lines with a line feed",
}


def _shortened(name: str) -> str:
    return repr(name if len(name) <= 40 else name[:37] + "...")


def _width(margin: str) -> int:
    """Columns of an indentation: a tab counts `TAB`, a form feed nothing."""
    return len(margin) + (TAB - 1) * margin.count("\t") - margin.count("\f")


def tokenize(source: Source) -> Lexer:
    """Run the lexer over a source; the result holds tokens, comments and the pragma."""
    lexer = Lexer(source)
    lexer.run()
    return lexer
