"""Source: reading files, line ends, the line table, and byte columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dana2py.source import Source
from dana_guards.errors import DanaSyntaxError

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"))


def test_read_skips_the_byte_order_mark(tmp_path: Path) -> None:
    """A file is UTF-8, with or without a mark, whatever its line ends (1.1)."""
    file = tmp_path / "a.na"
    file.write_bytes(b"\xef\xbb\xbfx = 'caf\xc3\xa9'\r\ny = 2\rz")
    source = Source.read(file)
    assert source.text == "x = 'café'\ny = 2\nz"
    assert source.path == str(file)
    assert [source.line_text(line) for line in range(5)] == ["", "x = 'café'", "y = 2", "z", ""]


def test_from_text_is_the_constructor() -> None:
    """A text gets the name that it is given."""
    assert Source.from_text("x", "m.na").path == "m.na"
    assert Source.from_text("x").path == "<dana>"


@pytest.mark.parametrize(
    ("data", "place", "hint"),
    [
        (b"x = 1\ny = '\xe9'\n", (2, 6), "UTF-8"),
        (b"\r\n\r\n  \xff", (3, 3), "UTF-8"),
        ("x = 1".encode("utf-16"), (1, 1), "UTF-16"),
        (b"x = '\xed\xa0\x80'", (1, 6), "UTF-8"),
    ],
)
def test_wrong_encoding(tmp_path: Path, data: bytes, place: tuple[int, int], hint: str) -> None:
    """The error names the first byte that is not UTF-8, and what to do."""
    file = tmp_path / "a.na"
    file.write_bytes(data)
    with pytest.raises(DanaSyntaxError, match="not UTF-8") as caught:
        Source.read(file)
    error = caught.value
    assert (error.lineno, error.column) == place
    assert error.filename == str(file)
    assert error.hint is not None
    assert hint in error.hint


@pytest.mark.parametrize(("text", "place"), [("a\nb\0c", (2, 2)), ("\0", (1, 1)), ("x\n\ny = '\udc00'", (3, 6))])
def test_characters_that_no_source_has(text: str, place: tuple[int, int]) -> None:
    """NUL and halves of surrogate pairs are refused with their place."""
    with pytest.raises(DanaSyntaxError) as caught:
        Source(text)
    assert (caught.value.lineno, caught.value.column) == place


def test_size_is_limited_before_anything_is_read(tmp_path: Path) -> None:
    """Too long a text is refused, from a file as from memory, and the limit itself is fine."""
    assert Source("x" * 100, max_length=100).text == "x" * 100
    with pytest.raises(DanaSyntaxError, match="at most 100"):
        Source("x" * 101, max_length=100)
    file = tmp_path / "a.na"
    for text in ("é" * 101, "é" * 1000, "x" * 403 + "é"):
        file.write_text(text, "utf-8")
        with pytest.raises(DanaSyntaxError, match="at most 100"):
            Source.read(file, max_length=100)
    file.write_text("\ufeff" + "\U0001f600" * 101, "utf-8")
    with pytest.raises(DanaSyntaxError, match="at most 100"):
        Source.read(file, max_length=100)


def test_the_largest_file_is_read(tmp_path: Path) -> None:
    """A file of just as many characters as accepted is fine, with a mark and with the widest ones."""
    file = tmp_path / "a.na"
    file.write_text("\ufeff" + "\U0001f600" * 100, "utf-8")
    assert Source.read(file, max_length=100).text == "\U0001f600" * 100


def test_missing_file(tmp_path: Path) -> None:
    """A file that cannot be read is Python's own error."""
    with pytest.raises(FileNotFoundError):
        Source.read(tmp_path / "none.na")


@given(TEXTS)
def test_byte_columns_are_those_of_utf8(text: str) -> None:
    """A byte column is the length of what stands before it, in UTF-8."""
    source = Source(text)
    for number, line in enumerate(source.text.split("\n"), 1):
        assert source.line_text(number) == line
        for column in range(len(line) + 1):
            assert source.byte_column(number, column) == len(line[:column].encode())


@given(TEXTS, st.integers(min_value=0))
def test_places_and_lines_agree(text: str, offset: int) -> None:
    """The place of an offset leads back to its character."""
    source = Source(text)
    offset %= len(source.text) + 1
    line, column = source.place(offset)
    assert source.starts[line - 1] + column == offset


def test_errors_carry_their_place() -> None:
    """An error made by a source has file, line, column (from 1), line text and hint."""
    error = Source("a\nbc d\n", "m.na").error("wrong", 2, 3, "do better")
    assert (error.message, error.hint, error.source_line) == ("wrong", "do better", "bc d")
    assert (error.filename, error.lineno, error.column) == ("m.na", 2, 4)
