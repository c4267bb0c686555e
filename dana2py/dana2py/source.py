"""Source: the text of one Dana file with its path and its line table.

In: a path or a text. Out: `Source`, whose lines every later stage numbers alike. Line ends are made
``\n`` here, once, as Python does it, so that CRLF and LF files give the same tree and the same
positions. Nothing is lexed here.
"""

from __future__ import annotations

from pathlib import Path

from dana_guards.errors import DanaSyntaxError

#: Characters that one source may have; more is refused before anything looks at it.
MAX_SOURCE_LENGTH = 10_000_000


class Source:
    """The text of a Dana program.

    Parameters
    ----------
    text : the program. ``\r\n`` and a lone ``\r`` become ``\n``; a byte order mark is skipped.
    path : the file name for messages and tracebacks.
    max_length : how many characters are accepted.

    Raises
    ------
    DanaSyntaxError : the text is too long, or holds a NUL or half of a surrogate pair.
    """

    __slots__ = ("_starts", "is_ascii", "path", "text")

    def __init__(self, text: str, path: str = "<dana>", *, max_length: int = MAX_SOURCE_LENGTH) -> None:
        if text.startswith("\ufeff"):
            text = text[1:]
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.text = text
        self.path = path
        self.is_ascii = text.isascii()
        self._starts: list[int] | None = None
        if len(text) > max_length:
            raise _too_long(f"{len(text)}", path, max_length)
        self._refuse("\0", "a NUL character cannot stand in a source")
        if not self.is_ascii:
            self._refuse_surrogates()

    @classmethod
    def from_text(cls, text: str, path: str = "<dana>") -> Source:
        """A source that does not come from a file; the same as ``Source(text, path)``."""
        return cls(text, path)

    @classmethod
    def read(cls, path: str | Path, *, max_length: int = MAX_SOURCE_LENGTH) -> Source:
        """Read a file as UTF-8 (section 1.1: everywhere, whatever the platform's default is).

        Raises
        ------
        OSError : the file cannot be read.
        DanaSyntaxError : it is not UTF-8, too long, or holds a NUL.
        """
        name = str(path)
        with open(path, "rb") as file:
            # A character has at most four bytes, and the mark three.
            data = file.read(4 * max_length + 4)
        if len(data) > 4 * max_length + 3:
            raise _too_long(f"more than {max_length}", name, max_length)
        return cls(_decode(data, name), name, max_length=max_length)

    @property
    def starts(self) -> list[int]:
        """Offset of the first character of each line, in source order."""
        if self._starts is None:
            starts = [0]
            find = self.text.find
            position = find("\n")
            while position >= 0:
                starts.append(position + 1)
                position = find("\n", position + 1)
            self._starts = starts
        return self._starts

    def line_text(self, line: int) -> str:
        """The text of a line (from 1) without its end; empty for a line that does not exist."""
        starts = self.starts
        if not 1 <= line <= len(starts):
            return ""
        end = starts[line] - 1 if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end]

    def byte_column(self, line: int, column: int) -> int:
        """The UTF-8 byte offset of a character column (from 0), as Python's ``ast`` counts it."""
        if self.is_ascii:
            return column
        text = self.line_text(line)
        return column if text.isascii() else len(text[:column].encode())

    def error(
        self,
        message: str,
        line: int,
        column: int,
        hint: str | None = None,
        kind: type[DanaSyntaxError] = DanaSyntaxError,
    ) -> DanaSyntaxError:
        """An error at a place in this source; ``line`` counts from 1, ``column`` from 0."""
        return kind(
            message,
            filename=self.path,
            lineno=line,
            column=column + 1,
            source_line=self.line_text(line),
            hint=hint,
        )

    def place(self, offset: int) -> tuple[int, int]:
        """Line (from 1) and column (from 0) of an offset into the text."""
        before = self.text.count("\n", 0, offset)
        return before + 1, offset - (self.text.rfind("\n", 0, offset) + 1)

    def _refuse(self, character: str, message: str) -> None:
        offset = self.text.find(character)
        if offset >= 0:
            raise self.error(message, *self.place(offset))

    def _refuse_surrogates(self) -> None:
        try:
            self.text.encode()
        except UnicodeEncodeError as error:
            message = "half of a surrogate pair cannot stand in a source"
            raise self.error(message, *self.place(error.start)) from None


def _too_long(count: str, path: str, most: int) -> DanaSyntaxError:
    message = f"the source has {count} characters, at most {most} are accepted"
    return DanaSyntaxError(message, filename=path, hint="split it into modules")


def _decode(data: bytes, name: str) -> str:
    """UTF-8 bytes to text; the error names the line and column of the first wrong byte."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        good = data[: error.start].decode().replace("\r\n", "\n").replace("\r", "\n")
        raise DanaSyntaxError(
            f"the file is not UTF-8: byte 0x{data[error.start]:02x} has no meaning here",
            filename=name,
            lineno=good.count("\n") + 1,
            column=len(good) - (good.rfind("\n") + 1) + 1,
            source_line=good[good.rfind("\n") + 1 :],
            hint=_encoding_hint(data),
        ) from None


def _encoding_hint(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it looks like UTF-16; save it as UTF-8"
    return "save it as UTF-8"
