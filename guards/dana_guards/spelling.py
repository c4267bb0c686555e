"""Names: how Dana spells them, which one was meant, and which attribute names are never read plainly.

In: names as they stand in generated Python. Out: text and answers. The policy asks about every
attribute when it compiles, the guards ask again when a name is only known at run time.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable

_KEYWORDS = frozenset(keyword.kwlist)

#: Attributes of frames, generators, coroutines, tracebacks, code and functions (threat model 5.1).
INSPECTION_PREFIXES = ("gi_", "cr_", "ag_", "tb_", "f_", "co_", "func_", "im_")
#: Attributes that look up names in C, give a class, or give a value outside the closed world (invariant 1).
GUARDED_NAMES = frozenset(
    {"format", "format_map", "mro", "encode", "decode", "to_bytes", "from_bytes", "with_traceback", "add_note"}
)


def is_guarded_attribute(name: str) -> bool:
    """May the attribute ``name`` be read only from what a program itself declared: fields, keys, exports."""
    return name.startswith("_") or name in GUARDED_NAMES or name.startswith(INSPECTION_PREFIXES)


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
