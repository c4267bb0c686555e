"""Every row of the feature table is covered by a chunk, or told as a difference.

The table is section 12 of the language reference, 167 rows. A chunk names its rows with ``#@ rows:``;
``docs/differences.md`` names those that we decided not to have, as ``row 167``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.chunks import read_chunks

TESTS = Path(__file__).parent
ROWS = range(1, 168)
FILES = sorted((TESTS / "lang").glob("*.na"))
CHUNKS = [chunk for path in FILES for chunk in read_chunks(path)]


def covered_rows() -> set[int]:
    """The rows that some chunk names."""
    return {row for chunk in CHUNKS for row in chunk.rows}


def declined_rows() -> set[int]:
    """The rows that the page of differences names."""
    text = (TESTS.parent / "docs" / "differences.md").read_text(encoding="utf-8")
    return {int(row) for row in re.findall(r"\brow (\d+)\b", text)}


@pytest.mark.parametrize("row", ROWS)
def test_row_is_covered(row: int) -> None:
    """A row has a chunk or a reason, and not both."""
    assert (row in covered_rows()) != (row in declined_rows())


def test_no_unknown_rows() -> None:
    """Nothing claims a row that the table does not have."""
    assert covered_rows() | declined_rows() <= set(ROWS)


def test_every_chunk_says_what_holds() -> None:
    """A chunk has a title that no other chunk of its file has, and checks something."""
    for path in FILES:
        chunks = read_chunks(path)
        titles = [chunk.title for chunk in chunks]
        assert all(titles), path
        assert len(set(titles)) == len(titles), path
