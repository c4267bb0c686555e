"""Tenants: settings and bounds that many contexts of one customer share, and nobody else.

In: what a host says once for a tenant. Out: contexts that may do less than the tenant, never more. A tenant has its own
compiled modules in memory, so no tenant learns by time what another one compiled; the cache on the disk is the user's.
Nothing is scheduled here: how many calls of a tenant run at once is the host's affair.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from dana_guards.errors import DanaContextError, DanaLimitError
from opendxa.dana.bounds import Bounds
from opendxa.dana.context import DanaContext
from opendxa.dana.copying import copy_tree
from opendxa.dana.ending import Tally
from opendxa.dana.library import Library
from opendxa.dana.runtime import check_listener

if TYPE_CHECKING:
    from dana_guards.capabilities.uses import CapabilityUse

Create = Callable[..., DanaContext]


class TenantUsage(NamedTuple):
    """What a tenant has used since it was made."""

    calls: int
    """Calls of functions, texts and imports that have ended, those inside of another one not counted. In worker
    processes looking up an export is one as well."""
    seconds: float
    """The time of these calls together: by the clock on the wall, functions of the host included."""
    contexts: int
    """Contexts that were made."""
    uses: int
    """Uses of capabilities that were allowed."""
    denials: int
    """Uses that were denied."""
    peak_memory: int
    """The most that one call added, in bytes: to this process, or to its worker. The watchdog looks at it fifty
    times a second, so short peaks are missed."""


class DanaTenant:
    """One customer of a host, made by `DanaRuntime.tenant`. After a ``with`` block all its contexts are closed."""

    def __init__(self, name: str, create: Create, max_contexts: int | None, settings: dict[str, Any]) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError("a tenant needs a name")
        if max_contexts is not None and (type(max_contexts) is not int or max_contexts < 1):
            raise ValueError(f"max_contexts={max_contexts!r}: give a whole number above 0, or None")
        for single in ("record", "replay"):
            if settings.get(single) is not None:
                raise ValueError(f"{single}= is for one context: give it to create_context of the tenant")
        self.name = name
        self._create = create
        self._max_contexts = max_contexts
        self._settings = {key: value for key, value in settings.items() if key not in BOUNDED}
        _as_list(self._settings, "search_paths")
        self._bounds = _bounds(f"the tenant {name!r}", settings)
        self._library = Library()
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._made = 0
        self._tally = Tally()
        self._uses = (0, 0)
        self._contexts: weakref.WeakSet[DanaContext] = weakref.WeakSet()
        self._closed = False
        create(library=self._library, _bounds=self._bounds, **self._settings).cleanup()  # a wrong setting shows here

    def create_context(self, **settings: Any) -> DanaContext:
        """A context with the tenant's settings, or narrower ones.

        Parameters
        ----------
        settings : as for `DanaRuntime.create_context`. Capabilities must be inside of those of the tenant, search paths
            and names of functions among its own, limits may not be higher, and a tenant in processes has no context in
            threads. Data in ``objects`` are free. What the tenant listens to with ``on_capability`` it hears in each
            case.

        Raises
        ------
        ValueError : a setting that is not understood, or that is more than the tenant has.
        DanaLimitError : the tenant has as many open contexts as it may have.
        DanaContextError : the tenant is closed.
        """
        self._check_reach(settings)
        listener = settings.get("on_capability")
        if listener is not None:
            check_listener("on_capability", listener)
        settings["on_capability"] = self._counted(self._settings.get("on_capability"), listener)
        merged = {**self._settings, **settings, "name": self.name, "library": self._library, "_bounds": self._bounds}
        with self._lock:
            if self._closed:
                raise DanaContextError(f"the tenant {self.name!r} is closed")
            if self._max_contexts is not None and (opened := self._count_open()) >= self._max_contexts:
                raise DanaLimitError(f"the tenant {self.name!r} has {opened} open contexts and may have no more")
            context = self._create(**merged, _tally=self._tally)
            self._contexts.add(context)
            self._made += 1
            return context

    @property
    def usage(self) -> TenantUsage:
        """What the tenant has used since it was made."""
        with self._lock:
            meters = [each.__dict__.get("_meter") for each in self._contexts]
        peaks = [meter.peak for meter in meters if meter is not None]
        tally = self._tally
        return TenantUsage(tally.calls, tally.seconds, self._made, *self._uses, max([tally.peak, *peaks]))

    def _counted(self, *listeners: Any) -> Callable[[CapabilityUse], None]:
        """One listener in place of several, some of which may be None, that counts what came of a use."""
        called = [each for each in listeners if each is not None]

        def tell(use: CapabilityUse) -> None:
            allowed = False
            try:
                for each in called:
                    each(use)
                allowed = use.allowed
            finally:
                with self._counting:
                    self._uses = (self._uses[0] + allowed, self._uses[1] + (not allowed))

        return tell

    @property
    def contexts(self) -> int:
        """The number of open contexts."""
        with self._lock:
            return self._count_open()

    def _count_open(self) -> int:
        for context in [each for each in self._contexts if each.closed]:
            self._contexts.discard(context)  # the garbage collector may come much later
        return len(self._contexts)

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

    def _check_reach(self, settings: dict[str, Any]) -> None:
        """ValueError for a folder or a function that the tenant does not have, or for less isolation."""
        own = self._settings
        folders = {os.path.abspath(path) for path in own.get("search_paths") or ()}
        for path in _as_list(settings, "search_paths"):
            if os.path.abspath(path) not in folders:
                raise ValueError(f"the tenant {self.name!r} does not have the search path {os.fspath(path)!r}")
        lent = _functions(own)
        for name in _functions(settings):
            if name not in lent:
                raise ValueError(f"the tenant {self.name!r} does not have the function {name!r}")


BOUNDED = ("policy", "allowed_capabilities", "timeout", "max_memory", "max_output", "isolation")
"""The settings that are the most a context of the tenant may have."""


def _as_list(settings: dict[str, Any], name: str) -> list[Any]:
    """A setting as a list that can be read more than once. A lone text is left for the runtime to refuse."""
    given = settings.get(name)
    if given is None or isinstance(given, (str, bytes)):
        return []
    made = settings[name] = list(given)
    return made


def _functions(settings: dict[str, Any]) -> set[str]:
    """The names under which settings lend functions, be it in ``functions=`` or anywhere in ``objects=``."""
    found = set(settings.get("functions") or ())
    for name, value in (settings.get("objects") or {}).items():

        def note(leaf: Any, name: str = name) -> None:
            if callable(leaf) and not isinstance(leaf, type):
                found.add(name)

        copy_tree(value, note, subclasses=True)
    return found


def _bounds(who: str, settings: dict[str, Any]) -> Bounds:
    bounds = Bounds(who)
    if settings.get("policy") is not None:
        from opendxa.dana.policy import policy_of

        bounds = policy_of(settings["policy"]).bounds()
    return Bounds.of_arguments(who, settings).within(bounds).with_defaults()
