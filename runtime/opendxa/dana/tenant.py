"""Tenants: settings and bounds that many contexts of one customer share, and nobody else.

In: what a host says once for a tenant. Out: contexts that may do less than the tenant, never more. A tenant has its own
compiled modules in memory, so no tenant learns by time what another one compiled; the cache on the disk is the user's.
Nothing is scheduled here: how many calls of a tenant run at once is the host's affair.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from dana_guards.errors import DanaContextError, DanaLimitError
from dana_guards.limits import Limits
from opendxa.dana.context import DanaContext
from opendxa.dana.library import Library

Create = Callable[..., DanaContext]


class DanaTenant:
    """One customer of a host, made by `DanaRuntime.tenant`. After a ``with`` block all its contexts are closed."""

    def __init__(self, name: str, create: Create, max_contexts: int | None, settings: dict[str, Any]) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError("a tenant needs a name")
        if max_contexts is not None and (type(max_contexts) is not int or max_contexts < 1):
            raise ValueError(f"max_contexts={max_contexts!r}: give a whole number above 0, or None")
        self.name = name
        self._create = create
        self._max_contexts = max_contexts
        self._settings = settings
        self._library = Library()
        self._lock = threading.Lock()
        self._contexts: weakref.WeakSet[DanaContext] = weakref.WeakSet()
        self._closed = False
        create(library=self._library, **settings).cleanup()  # a wrong setting shows here

    def create_context(self, **settings: Any) -> DanaContext:
        """A context with the tenant's settings, or narrower ones.

        Parameters
        ----------
        settings : as for `DanaRuntime.create_context`. Capabilities must be among those of the tenant, limits may not
            be higher than its limits.

        Raises
        ------
        ValueError : a setting that is not understood, or that is more than the tenant has.
        DanaLimitError : the tenant has as many open contexts as it may have.
        DanaContextError : the tenant is closed.
        """
        self._check_capabilities(settings.get("allowed_capabilities", ()))
        self._check_limits(settings)
        merged = {**self._settings, **settings, "name": self.name, "library": self._library}
        with self._lock:
            if self._closed:
                raise DanaContextError(f"the tenant {self.name!r} is closed")
            opened = sum(not context.closed for context in self._contexts)
            if self._max_contexts is not None and opened >= self._max_contexts:
                raise DanaLimitError(f"the tenant {self.name!r} has {opened} open contexts and may have no more")
            context = self._create(**merged)
            self._contexts.add(context)
            return context

    @property
    def contexts(self) -> int:
        """The number of open contexts."""
        with self._lock:
            return sum(not context.closed for context in self._contexts)

    def close(self) -> None:
        """Close all contexts; no new ones can be made. May be called more than once."""
        with self._lock:
            self._closed = True
            opened = list(self._contexts)
        for context in opened:
            context.cleanup()

    def __enter__(self) -> DanaTenant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<DanaTenant {self.name!r}>"

    def _check_capabilities(self, wanted: Iterable[str]) -> None:
        granted = set(self._settings.get("allowed_capabilities", ()))
        if isinstance(wanted, str):
            raise ValueError(f"allowed_capabilities is a list of texts, such as [{wanted!r}]")
        for text in wanted:
            # A scope inside a scope is not compared: write it as the tenant has it.
            if text not in granted and str(text).partition(":")[0] not in granted:
                raise ValueError(f"the tenant {self.name!r} does not have the capability {text!r}")

    def _check_limits(self, settings: dict[str, Any]) -> None:
        own, asked = _limits(self._settings), _limits({**self._settings, **settings})
        for what in ("timeout", "memory", "output"):
            if getattr(asked, what) > getattr(own, what):
                raise ValueError(f"the tenant {self.name!r} may not have more {what} than {getattr(own, what)}")


def _limits(settings: dict[str, Any]) -> Limits:
    return Limits.parse(settings.get("timeout"), settings.get("max_memory"), settings.get("max_output"))
