"""Facades of Python modules: ``import math.py`` gives one of these, and never a module object.

In: a module name and the environment of a context. Out: a `Facade` with the listed members. Not done here: finding
Dana modules; a ``.py`` file of the program is never run, under no grant (threat model 5.7).

One file for each module, with a table of members and a reason for each. Modules without effects need no grant; the
others need ``python:NAME``. What members return is of the closed world: plain values, flat iterators, or the frozen
values of `values`.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from importlib import import_module
from typing import Any, Final
from weakref import WeakKeyDictionary

from dana_guards.errors import DanaImportError
from dana_guards.facades.members import Facade, Member, members_of
from dana_guards.spelling import did_you_mean

FREE: Final = ("datetime", "json", "math", "random", "statistics")
"""Without effects, and cheap or bounded: no grant is needed."""

GRANTED: Final = (
    "base64", "collections", "decimal", "fractions", "functools", "hashlib", "itertools", "re", "string", "textwrap",
    "unicodedata", "uuid",
)  # fmt: skip
"""With ``python`` or ``python:NAME``."""

NAMES: Final = tuple(sorted((*FREE, *GRANTED)))

_OPENED: Final[MutableMapping[Any, dict[str, Facade]]] = WeakKeyDictionary()
"""Facades of each environment: ``random`` keeps its state for a context, and no context sees another's."""

__all__ = ["FREE", "GRANTED", "NAMES", "Facade", "Member", "get_facade", "members_of", "open_facade", "rows_of"]


def rows_of(name: str) -> tuple[Member, ...]:
    """The table of one facade: name, maker and reason of each member."""
    table: tuple[Member, ...] = import_module(f"dana_guards.facades.{name}_py").MEMBERS
    return table


def open_facade(environment: Any, name: str, grants: Any = None) -> Facade:
    """The facade of a Python module for one context; the same object at each import.

    Parameters
    ----------
    environment : grants and meter of the context.
    name : the module's name without ``.py``.
    grants : of the module that imports it; those of the context if None.

    Raises
    ------
    DanaImportError : there is no such facade; the message has the near name and the list.
    DanaCapabilityError : it needs a grant that the context does not have.
    """
    if name not in NAMES:
        raise DanaImportError(
            f"there is no Python module {name!r} for Dana{did_you_mean(name, NAMES)}",
            hint=f"there are {', '.join(NAMES)}",
        )
    if name not in FREE:
        (environment.grants if grants is None else grants).require("python", name, by=f"import {name}.py")
    opened = _OPENED.setdefault(environment, {})
    if name not in opened:
        opened[name] = Facade(f"{name}.py", {row.name: row.make(environment) for row in rows_of(name)})
    return opened[name]


def get_facade(name: str, environment: Any) -> Facade:
    """`open_facade` with the name first."""
    return open_facade(environment, name)
