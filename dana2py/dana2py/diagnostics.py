"""Errors as a person reads them: place, source line, caret, hint, and the Dana call stack.

In: a `DanaError`, or any exception that passed through Dana code. Out: text without a final newline.
Nothing is written anywhere from here, and nothing is decided about exit codes: the command line does that.
"""

from __future__ import annotations

import difflib
import keyword
import linecache
import traceback
import unicodedata
from collections.abc import Iterable, Iterator
from types import CodeType, TracebackType

from dana_guards.errors import DanaError, DanaSyntaxError, InternalError

__all__ = ["did_you_mean", "display_width", "render", "render_traceback"]

TAB_WIDTH = 8
MAX_SOURCE_WIDTH = 160
_RED, _BLUE, _BOLD, _OFF = "\033[31m", "\033[34m", "\033[1m", "\033[0m"


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that is spelt most like `name`, or None if none is near.

    Parameters
    ----------
    name : what the program says.
    candidates : what it could have meant; `name` itself is never the answer.
    """
    known = sorted({candidate for candidate in candidates if candidate != name})
    folded = [candidate for candidate in known if candidate.lower() == name.lower()]
    if folded:
        return folded[0]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6 if len(name) > 3 else 0.66)
    return near[0] if near else None
