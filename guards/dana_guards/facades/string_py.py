"""``import string.py``: the constants, and ``capwords``. Not ``Template`` and ``Formatter``: both look up by name."""

from __future__ import annotations

import string
from typing import Final

from dana_guards.facades.members import Member, same
from dana_guards.facades.text_rows import over_text

MEMBERS: Final[tuple[Member, ...]] = (
    *(
        same(name, getattr(string, name), "a text")
        for name in (
            "ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "hexdigits", "octdigits", "printable",
            "punctuation", "whitespace",
        )
    ),
    same("capwords", over_text("capwords", string.capwords), "text of bounded length"),
)  # fmt: skip
