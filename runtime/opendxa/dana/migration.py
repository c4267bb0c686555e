"""Struct instances that live on when their module is loaded again.

In: modules that were just renewed. Out: instances of their old classes are of the new ones, wherever they are held, or
refuse to be used with the reason (`dana_guards.migrate`).
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from dana_guards.migrate import migrate, outdated
from dana_guards.structs import DanaObject, StructType

Key = tuple[str, str]


class Migration:
    """Which classes are current, and what the last reload did to the instances of others.

    Parameters
    ----------
    classes : all classes that may have instances; those that refuse to be used are added.
    renewed : told of the old and the new class of each instance that was migrated.
    """

    def __init__(
        self, classes: weakref.WeakSet[StructType], renewed: Callable[[StructType, StructType], None]
    ) -> None:
        self.migrated = 0
        self.refused: list[str] = []
        self._classes = classes
        self._renewed = renewed
        self._current: dict[Key, StructType] = {}
        self._outdated: weakref.WeakKeyDictionary[StructType, StructType] = weakref.WeakKeyDictionary()

    def run(self, modules: Mapping[str, dict[str, Any]]) -> None:
        """Migrate the instances of everything that those modules declared before.

        Parameters
        ----------
        modules : the namespaces of the renewed modules, by the name that they call themselves.
        """
        self.migrated, self.refused = 0, []
        for module, namespace in modules.items():
            for value in namespace.values():
                if isinstance(value, StructType) and value.__module__ == module:
                    self._current[module, value.__name__] = value
        old = {cls for cls in list(self._classes) if self._successor(cls) is not None}
        if not old:
            return
        failed: dict[StructType, list[str]] = {}
        for value in _instances(old):
            self._follow(value, failed)
        for cls, reasons in failed.items():
            self.refused.append(f"instances of {cls.__name__} that fit no more: {len(reasons)} ({reasons[0]})")

    def follow(self, value: DanaObject) -> None:
        """Migrate one instance that was not found when its class was renewed."""
        if self._current and self._successor(type(value)) is not None and not self._refuses(type(value)):
            self._follow(value, {})

    def _successor(self, cls: StructType) -> StructType | None:
        """The class that is in the place of another now, None if it is current itself or has no successor."""
        found = self._current.get((cls.__module__, cls.__name__))
        return None if found is cls else found

    def _refuses(self, cls: StructType) -> bool:
        return any(cls is each for each in self._outdated.values())

    def _follow(self, value: DanaObject, failed: dict[StructType, list[str]]) -> None:
        cls = type(value)
        new = self._successor(cls)
        if new is None:
            return
        try:
            migrate(value, new)
        except Exception as error:  # a value does not fit, or a default cannot be computed
            failed.setdefault(cls, []).append(str(error))
            if not self._refuses(cls):
                object.__setattr__(value, "__class__", self._refusing(cls, error))
            return
        self.migrated += 1
        self._renewed(cls, new)

    def _refusing(self, cls: StructType, error: Exception) -> StructType:
        found = self._outdated.get(cls)
        if found is None:
            reason = f"this {cls.__name__} was made before {cls.__module__!r} was loaded again: {error}"
            found = self._outdated[cls] = outdated(cls, reason)
            self._classes.add(found)
        return found


def _instances(classes: set[StructType]) -> list[Any]:
    """All instances of classes: every instance refers to its class, and the garbage collector knows all of them."""
    return [each for each in gc.get_referrers(*classes) if type(each) in classes]
