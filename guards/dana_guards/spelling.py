"""Names: how they are spelt in Dana and in the Python that it becomes, and which one was meant.

In: names of one kind. Out: names of the other. Which names are allowed is the business of `names`.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable

SESSION = "dana_x_"
"""Prefix of module variables of a session that are called like a built-in."""
_KEYWORDS = frozenset(keyword.kwlist)
_MADE = ("dana_private_", "dana_init_", "dana_l_")
"""Prefixes of a private name, of a constructor, and of a local that starts with the outer value; the name follows."""


def python_name(name: str) -> str:
    """The Python name of a Dana name; injective, see docs/architecture.md section 1."""
    first = name[:1]
    if first == "_":
        return f"dana_u{name}"
    if first == "d" and name.startswith("dana_"):
        return f"dana_n_{name}"
    return f"{name}_" if (name if name[-1:] != "_" else name.rstrip("_")) in _KEYWORDS else name


def dana_name(python: str) -> str | None:
    """The Dana name behind a Python name of ours, or None for a name that the compiler made.

    >>> dana_name("class_"), dana_name("dana_u_helper"), dana_name("total"), dana_name("dana_t1")
    ('class', '_helper', 'total', None)
    """
    if python.startswith("dana_"):
        for prefix, instead in (("dana_u_", "_"), ("dana_n_", ""), (SESSION, "")):
            if python.startswith(prefix):
                return instead + python[len(prefix) :]
        return None
    return python[:-1] if python.endswith("_") and python.rstrip("_") in _KEYWORDS else python


def shown_name(python: str) -> str:
    """What a message calls a Python name of ours, whoever made it.

    >>> shown_name("dana_private_limit"), shown_name("dana_init_Point"), shown_name("dana_h1_e")
    ('limit', 'Point', 'e')
    """
    for prefix in _MADE:
        if python.startswith(prefix):
            return python[len(prefix) :]
    if python.startswith("dana_h"):
        number, _, name = python.removeprefix("dana_h").partition("_")
        if number.isdigit():
            return name
    return dana_name(python) or python


def near_name(name: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that was probably meant, or None; ``name`` itself is never the answer."""
    # Only on the way to an error message: difflib is not needed by a program that works.
    from difflib import get_close_matches

    if len(name) > 100:
        return None
    candidates = sorted({other for other in known if len(other) <= 100 and other != name})[:2000]
    folded = [other for other in candidates if other.lower() == name.lower()]
    found = folded or get_close_matches(name, candidates, n=1, cutoff=0.6 if len(name) > 3 else 0.66)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"``, or nothing."""
    near = near_name(name, known)
    return f"; did you mean {near!r}?" if near else ""
