"""``import unicodedata.py``: facts about characters, and normal forms of text of bounded length."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from dana_guards.facades.members import Member, same
from dana_guards.facades.text_rows import over_text

MAX_MARKS: Final = 200
"""They are put into order by a sort whose time grows with the square."""
_RUNS: Final = re.compile("1+")


def _normalize(form: str, text: Any) -> str:
    if type(text) is not str:
        raise TypeError("normalize needs a form and a text")
    if not text.isascii() and max(map(len, _RUNS.findall("".join(map(_mark, text)))), default=0) > MAX_MARKS:
        raise ValueError(f"normalize takes at most {MAX_MARKS} combining characters in a row")
    return unicodedata.normalize(form, text)  # type: ignore[arg-type]


def _mark(character: str) -> str:
    return "1" if unicodedata.combining(unicodedata.normalize("NFKD", character)[-1]) else "0"


MEMBERS: Final[tuple[Member, ...]] = (
    same("normalize", over_text("normalize", _normalize), "at most 18 times as long as a bounded text"),
    *(
        same(name, over_text(name, getattr(unicodedata, name), (int, str, float)), "one character")
        for name in (
            "name", "lookup", "category", "bidirectional", "combining", "decimal", "digit", "numeric",
            "east_asian_width", "mirrored", "decomposition",
        )
    ),
)  # fmt: skip
