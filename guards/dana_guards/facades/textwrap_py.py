"""``import textwrap.py``: paragraphs of text of bounded length."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from dana_guards.facades.members import Member, same
from dana_guards.facades.text_rows import over_text

MAX_TEXT: Final = 50_000
MAX_WORD: Final = 2_000
"""A longer word is cut by copies of its rest, each a little shorter."""
_WORD: Final = re.compile(r"\S+")


def _wrapping(name: str) -> Callable[..., Any]:
    """A function that looks at words."""
    function: Callable[..., Any] = getattr(textwrap, name)

    def wrapping(text: str, *more: Any, **options: Any) -> Any:
        if len(text) > MAX_TEXT or max((len(word) for word in _WORD.findall(text)), default=0) > MAX_WORD:
            raise ValueError(f"{name} takes at most {MAX_TEXT} characters, and words of at most {MAX_WORD}")
        if type(tabsize := options.get("tabsize", 8)) is not int or not 0 <= tabsize <= 16:
            raise ValueError(f"{name}: tabsize is a number from 0 to 16")
        return function(text, *more, **options)

    return wrapping


MEMBERS: Final[tuple[Member, ...]] = tuple(
    same(
        name,
        over_text(name, make(name), option=100),
        "text of bounded length; no function of the program is called",
    )
    for make, names in ((_wrapping, ("wrap", "fill", "shorten")), (partial(getattr, textwrap), ("dedent", "indent")))
    for name in names
)
