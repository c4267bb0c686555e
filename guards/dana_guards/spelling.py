"""Names: how Dana spells them, and which one was meant.

In: names as they stand in generated Python. Out: text. Which names are allowed is the business of `names`.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable

_KEYWORDS = frozenset(keyword.kwlist)


def dana_name(name: str) -> str:
    """The Dana spelling of a name in generated Python, the way back of ``dana2py.bindings.python_name``.

    >>> dana_name("class_"), dana_name("dana_u_helper"), dana_name("total")
    ('class', '_helper', 'total')
    """
    if name.startswith("dana_"):
        for prefix, instead in (("dana_u_", "_"), ("dana_n_", ""), ("dana_private_", ""), ("dana_init_", "")):
            if name.startswith(prefix):
                return instead + name[len(prefix) :]
    elif name.endswith("_") and name.rstrip("_") in _KEYWORDS:
        return name[:-1]
    return name


def near_name(name: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that was probably meant, or None."""
    # Only on the way to an error message: difflib is not needed by a program that works.
    from difflib import get_close_matches

    if len(name) > 100:
        return None
    candidates = [other for other in known if len(other) <= 100][:2000]
    found = get_close_matches(name, candidates, n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"``, or nothing."""
    near = near_name(name, known)
    return f"; did you mean {near!r}?" if near else ""
