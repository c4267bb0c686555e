"""``python[:MODULE]``: facades of Python modules that are not free of effects or of cost.

In: a module name. Out: whether its facade may be imported. The facades are in `dana_guards.facades`; no grant
gives a module object, and none lets a ``.py`` file of the program run (threat model 5.7).
"""

from __future__ import annotations

import re
from typing import Final

from dana_guards.capabilities import Capability

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)


def _parse_scope(text: str) -> str:
    name = text.removesuffix(".py")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text!r} is not the name of a Python module")
    # Late: the facades ask the grants.
    from dana_guards import facades

    if name not in facades.NAMES:
        raise ValueError(f"there is no facade for the Python module {name!r}; there are {', '.join(facades.NAMES)}")
    return name


CAPABILITIES: Final = (Capability("python", "importing a Python module", _parse_scope, suggest=str),)
