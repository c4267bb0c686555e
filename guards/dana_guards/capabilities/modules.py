"""Grants of single modules: which module of a context may do less than the context.

In: tables as a policy has them, module name to grants. Out: for each module the grants that its code holds, which are
never more than those of the context. Not done here: giving a module built-ins that ask these grants (`module_supply`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dana_guards.capabilities import Grants

EVERY: Final = "*"
"""The table of imported modules that have none of their own."""
MAIN: Final = "__main__"


class ModuleGrants:
    """The tables of one policy. Immutable.

    A table is for a module and for the modules below it, ``pkg`` also for ``pkg.part``; the nearest counts. ``*`` is
    for every imported module that no other table is for, and not for the program itself, which is ``__main__``.

    Parameters
    ----------
    tables : module name to what it may do.
    apart : give modules without a table grants in their own name too, so that records tell who holds them.
    """

    __slots__ = ("apart", "tables")

    def __init__(self, tables: Mapping[str, Grants], apart: bool = False) -> None:
        self.tables = dict(tables)
        self.apart = apart

    def table_of(self, module: str) -> str | None:
        """The name of the table that is for a module."""
        name = module
        while name:
            if name in self.tables:
                return name
            name = name.rpartition(".")[0]
        return EVERY if EVERY in self.tables and module != MAIN else None

    def holds_own(self, module: str) -> bool:
        """Whether the module has grants in its own name."""
        return self.apart or self.table_of(module) is not None

    def grants_for(self, module: str, context: Grants) -> Grants:
        """What the code of a module may do in a context with these grants."""
        table = self.table_of(module)
        if table is not None:
            return context.narrowed(self.tables[table], module)
        return context.held_by(module) if self.apart else context

    def within(self, outer: ModuleGrants) -> ModuleGrants:
        """Tables that give each module what both these and `outer` give it."""
        merged: dict[str, Grants] = {}
        for name in {*self.tables, *outer.tables}:
            # A name that stands for others is looked up as such a one would be.
            ours, theirs = self._of(name), outer._of(name)
            both = ours if theirs is None else theirs if ours is None else theirs.narrowed(ours)
            assert both is not None
            merged[name] = both
        return ModuleGrants(merged, self.apart or outer.apart)

    def _of(self, name: str) -> Grants | None:
        table = name if name in self.tables else self.table_of(name)
        return None if table is None else self.tables[table]
