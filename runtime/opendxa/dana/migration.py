"""Struct instances that live on when their module is loaded again.

In: a context whose modules were just renewed. Out: instances of the old classes are of the new ones, wherever they are
held, or refuse to be used with the reason (`dana_guards.migrate`).
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dana_guards.migrate import migrate, outdated
from dana_guards.structs import DanaObject, StructType
from opendxa.dana.objects import open_class

if TYPE_CHECKING:
    from opendxa.dana.context import DanaContext

Key = tuple[str, str]


class Migration:
    """Which classes of a context are current, and what the last reload did to the others."""

    def __init__(self) -> None:
        self.migrated = 0
        self.refused: list[str] = []
        self._current: dict[Key, StructType] = {}
        self._outdated: dict[StructType, StructType] = {}

    def run(self, context: DanaContext, modules: Iterable[str]) -> None:
        """Migrate the instances of everything that those modules declared before."""
        self.migrated, self.refused = 0, []
        for module in modules:
            namespace = context._importer.modules[module].__dict__
            for value in namespace.values():
                if isinstance(value, StructType) and value.__module__ == module:
                    self._current[module, value.__name__] = value
        old = {cls for cls in list(context._classes) if self.successor(cls) is not None}
        if not old:
            return
        failed: dict[StructType, list[str]] = {}
        for value in _instances(old):
            self._follow(context, value, failed)
        for cls, reasons in failed.items():
            self.refused.append(f"instances of {cls.__name__} that fit no more: {len(reasons)} ({reasons[0]})")

    def successor(self, cls: StructType) -> StructType | None:
        """The class that is in the place of another now, None if it is current itself or has no successor."""
        found = self._current.get((cls.__module__, cls.__name__))
        return None if found is cls else found

    def follow(self, context: DanaContext, value: DanaObject) -> None:
        """Migrate one instance that was not found when its class was renewed."""
        if self.successor(type(value)) is not None and type(value) not in self._outdated.values():
            self._follow(context, value, {})

    def _follow(self, context: DanaContext, value: DanaObject, failed: dict[StructType, list[str]]) -> None:
        cls = type(value)
        new = self.successor(cls)
        if new is None:
            return
        try:
            migrate(value, new)
        except TypeError as error:
            failed.setdefault(cls, []).append(str(error))
            if cls not in self._outdated.values():
                object.__setattr__(value, "__class__", self._refusing(context, cls, error))
            return
        self.migrated += 1
        if cls in context._opened:
            open_class(context, new)

    def _refusing(self, context: DanaContext, cls: StructType, error: TypeError) -> StructType:
        found = self._outdated.get(cls)
        if found is None:
            reason = f"this {cls.__name__} was made before {cls.__module__!r} was loaded again: {error}"
            found = self._outdated[cls] = outdated(cls, reason)
            context._classes.add(found)
        return found


def _instances(classes: set[StructType]) -> list[Any]:
    """All instances of classes: every instance refers to its class, and the garbage collector knows all of them."""
    return [each for each in gc.get_referrers(*classes) if type(each) in classes]
