"""``import unicodedata.py``: facts about characters, and normal forms of text of bounded length."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

from dana_guards.facades.members import Member, same
from dana_guards.facades.text_rows import over_text


def _normalize(form: str, text: Any) -> str:
    if type(text) is not str:
        raise TypeError("normalize needs a form and a text")
    return unicodedata.normalize(form, text)  # type: ignore[arg-type]


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
