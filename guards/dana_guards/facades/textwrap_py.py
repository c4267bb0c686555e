"""``import textwrap.py``: paragraphs of text of bounded length."""

from __future__ import annotations

import textwrap
from typing import Final

from dana_guards.facades.members import Member, same
from dana_guards.facades.text_rows import over_text

MEMBERS: Final[tuple[Member, ...]] = tuple(
    same(
        name,
        over_text(name, getattr(textwrap, name), option=100),
        "text of bounded length; no function of the program is called",
    )
    for name in ("wrap", "fill", "dedent", "indent", "shorten")
)
