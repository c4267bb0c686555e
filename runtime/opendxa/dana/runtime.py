"""The runtime: what all contexts of a process share.

In: settings of the host. Out: contexts. Shared are compiled modules (code is immutable) and the cache; never values.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dana_guards.limits import Limits, Meter
from opendxa.dana.context import DanaContext
from opendxa.dana.library import Library
from opendxa.dana.search import Root, roots_of

if TYPE_CHECKING:
    from dana_guards.capabilities.uses import CapabilityUse
    from opendxa.dana.audit import DanaAudit
    from opendxa.dana.bounds import Bounds
    from opendxa.dana.ending import Tally
    from opendxa.dana.hook_reload import Watch
    from opendxa.dana.policy import DanaPolicy
    from opendxa.dana.reload import ReloadEvent
    from opendxa.dana.tenant import DanaTenant

PathLike = str | os.PathLike[str]
ISOLATIONS = (None, "thread", "process")
RELOADS = (None, "auto", "manual")


class DanaRuntime:
    """The Dana runtime of this process. Every ``DanaRuntime()`` is the same object; it is cheap and thread-safe."""

    _instance: DanaRuntime | None = None
    _lock = threading.Lock()
    _library: Library

    def __new__(cls) -> DanaRuntime:
        with DanaRuntime._lock:
            if DanaRuntime._instance is None:
                made = object.__new__(cls)
                made._library = Library()
                DanaRuntime._instance = made
            return DanaRuntime._instance

    @property
    def library(self) -> Library:
        """The compiled modules and the cache behind them."""
        return self._library

    def create_context(
        self,
        *,
        policy: DanaPolicy | PathLike | None = None,
        allowed_capabilities: Iterable[str] | None = None,
        max_memory: str | int | None = None,
        timeout: Any = None,
        max_output: str | int | None = None,
        search_paths: Iterable[PathLike] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        objects: Mapping[str, Any] | None = None,
        isolation: str | None = None,
        on_print: Callable[[str], Any] | None = None,
        on_capability: Callable[[CapabilityUse], object] | None = None,
        audit: DanaAudit | None = None,
        record: PathLike | None = None,
        replay: PathLike | None = None,
        llm: Any = None,
        name: str = "dana",
        reload: str | None = None,
        _library: Library | None = None,
        _bounds: Bounds | None = None,
        _tally: Tally | None = None,
    ) -> DanaContext:
        """An isolated execution environment.

        Parameters
        ----------
        policy : what the context may do at most, or the TOML file that says so (`DanaPolicy`); the arguments below may
            say less, and are refused where they say more.
        allowed_capabilities : grants such as ``"file_read"`` or ``"file_read:/data"``; those of the policy by default,
            without one none.
        max_memory : what a call may add to the process: ``"100MB"``, ``"64KiB"``, bytes; 1 GB by default.
        timeout : for each outermost call: ``"30s"``, ``"500ms"``, seconds, a timedelta; 30 s by default.
        max_output : bytes that one call may print and log; 10 MB by default.
        search_paths : folders of Dana modules, before ``DANAPATH`` and the ``dana_modules`` folders on ``sys.path``.
        functions : Python functions that Dana code calls like built-ins.
        objects : values by name; what is no plain data becomes an opaque handle (see `DanaContext.expose`).
        isolation : ``"thread"``, the default, in this process and in the caller's thread; ``"process"``, in a worker
            process with limits of the operating system (docs/decisions/process-tier.md).
        on_print : gets what Dana prints; ``sys.stdout`` by default.
        on_capability : called with a `CapabilityUse` at each use and each denial, before anything is done; if it
            raises, nothing is done.
        audit : collects the least policy that the context needed (`DanaAudit`); it grants nothing.
        record : a file for what capabilities, chance and time answer, written when the context ends.
        replay : such a file, which answers instead of the world; grants are asked all the same.
        llm : the provider of a language model, for contexts with the capability ``llm``.
        name : what the context is called in messages.
        reload : ``"auto"`` swaps changed modules in between calls, ``"manual"`` at `DanaContext.reload_changed`; with
            either, functions that the host holds follow and structs are migrated (docs/decisions/reload.md).

        For all limits None means the default; ``"unlimited"`` must be written out.

        Raises
        ------
        ValueError : a setting that is not understood; the message says what is accepted. A damaged recording.
        OSError : a policy or a recording that cannot be read or written.
        """
        check_isolation(isolation)
        limits, bounds = _DEFAULT_LIMITS, None
        if policy is not None or _bounds is not None:
            given = {"timeout": timeout, "max_memory": max_memory, "max_output": max_output, "isolation": isolation}
            bounds = _inner_bounds(_bounds, policy, {**given, "allowed_capabilities": allowed_capabilities})
            limits, isolation = bounds.limits(), bounds.isolation
        elif not timeout is max_memory is max_output is None:
            limits = Limits.parse(timeout=timeout, memory=max_memory, output=max_output)
        tape = None if record is replay is None else _tape(record, replay)
        try:
            context = _context_kind(isolation)(
                _library or self._library,
                limits=limits,
                grants=_grants(allowed_capabilities, on_capability, bounds, audit, tape),
                search_paths=check_paths(search_paths) if search_paths else [],
                functions=check_functions(functions) if functions else {},
                objects=check_objects(objects) if objects else {},
                on_print=None if on_print is None else check_listener("on_print", on_print),
                llm=llm,
                name=name,
                reload=check_reload(reload),
            )
        except BaseException:
            if tape is not None:
                tape.abandon()
            raise
        context._tape, context._tally = tape, _tally
        if objects:
            context._prepare()  # the objects are copied now, whatever the host does with them later
        return context

    def tenant(self, name: str, *, max_contexts: int | None = None, **settings: Any) -> DanaTenant:
        """Settings and bounds for the contexts of one customer.

        Parameters
        ----------
        name : for messages.
        max_contexts : how many contexts may be open at once; None is no bound.
        settings : as for `create_context`; its contexts may do less, never more.

        Raises ValueError for a setting that is not understood.
        """
        from opendxa.dana.tenant import DanaTenant

        return DanaTenant(name, self._create, max_contexts, settings)

    def watch(
        self,
        *paths: PathLike,
        on_reload: Callable[[ReloadEvent], Any] | None = None,
        on_error: Callable[[ReloadEvent], Any] | None = None,
    ) -> Watch:
        """Reload what Python imported from ``dana_modules`` when its files change, until the result is closed.

        Modules are executed again in place, as `importlib.reload` does it, with those that import them, in the
        watcher's thread; after an error all are as they were. Functions that Python code imported by name follow,
        structs are migrated. Contexts reload only if they were made with ``reload=``, but are told of here as well.

        Parameters
        ----------
        paths : files and folders; none stands for every module.
        on_reload : called with a `ReloadEvent` after each reload of a file below the paths.
        on_error : the same after one that failed; the old code runs on. Both are logged in any case
            (``opendxa.dana.reload``).

        Raises ValueError for what is no path or cannot be called, FileNotFoundError for a path that is not there.
        """
        from opendxa.dana.hook_reload import Watch

        return Watch(paths, on_reload, on_error)

    def _create(self, *, library: Library, **settings: Any) -> DanaContext:
        return self.create_context(_library=library, **settings)

    def __repr__(self) -> str:
        return "<DanaRuntime>"

    def __reduce__(self) -> Any:
        return DanaRuntime, ()


def _context_kind(isolation: str | None) -> type[DanaContext]:
    if isolation != "process":
        return DanaContext
    from opendxa.dana.process_context import ProcessContext  # only for who wants it

    return ProcessContext


_DEFAULT_LIMITS = Limits()


MakeGrants = Callable[[Meter], Any]
"""What makes the grants of a context, for its meter."""


def _inner_bounds(outer: Bounds | None, policy: Any, arguments: dict[str, Any]) -> Bounds:
    """What a tenant, a policy and arguments allow together. ValueError where an inner one says more."""
    from opendxa.dana.bounds import Bounds

    bounds = outer or Bounds("the context")
    if policy is not None:
        from opendxa.dana.policy import policy_of

        bounds = policy_of(policy).bounds().within(bounds)
    return Bounds.of_arguments("the context", arguments).within(bounds)


def _tape(record: Any, replay: Any) -> Any:
    """What records or replays effects."""
    from dana_guards.effects import Player, Recorder

    if record is not None and replay is not None:
        raise ValueError("record and replay exclude each other")
    path = replay if record is None else record
    if not isinstance(path, (str, os.PathLike)):
        raise ValueError(f"a recording is the path of a file, not {path!r}")
    return Player(path) if record is None else Recorder(path)


def _grants(
    allowed: Iterable[str] | None, on_capability: Any, bounds: Bounds | None, audit: Any, tape: Any
) -> MakeGrants:
    """What makes the grants; those that the host named are parsed at once, so that a mistake shows here."""
    if bounds is None and (allowed is None or allowed == ()) and on_capability is audit is tape is None:
        return _no_grants
    from dana_guards.capabilities import Grants
    from dana_guards.capabilities.uses import Watch

    if on_capability is not None:
        check_listener("on_capability", on_capability)
    grants = (bounds.grants if bounds is not None else None) or Grants(allowed or ())
    modules = None if bounds is None else bounds.modules
    notes: tuple[Callable[[CapabilityUse], None], ...] = ()
    if audit is not None:
        note, modules = _audited(audit, modules)
        notes = (note,)
    if tape is not None:
        notes = (*notes, tape.note)
    return lambda meter: grants.of_context(Watch(on_capability, meter, notes, tape), modules)


def _audited(audit: Any, modules: Any) -> tuple[Callable[[CapabilityUse], None], Any]:
    """What is told to an audit, and modules that hold their grants in their own names."""
    from dana_guards.capabilities.modules import ModuleGrants
    from opendxa.dana.audit import DanaAudit

    if not isinstance(audit, DanaAudit):
        raise ValueError(f"audit is a DanaAudit, not {type(audit).__name__}")
    apart = ModuleGrants({}, apart=True)
    return audit.note, apart if modules is None else modules.within(apart)


def _no_grants(meter: Meter) -> Any:
    from dana_guards.capabilities import Grants

    grants = Grants()
    grants.watch.meter = meter
    return grants


def check_isolation(isolation: Any) -> str | None:
    """A word for the isolation, or None. ValueError for any other."""
    if isolation not in ISOLATIONS:
        raise ValueError(f'isolation={isolation!r}: give "thread" or "process"')
    return isolation  # type: ignore[no-any-return]


def check_reload(reload: Any) -> str | None:
    """``reload=`` of `create_context`. ValueError for what is not understood."""
    if type(reload) not in (str, type(None)) or reload not in RELOADS:
        raise ValueError(
            f'reload={reload!r}: give "auto" (changed files are swapped in between calls), "manual" (they are when '
            "reload_changed() is called), or None"
        )
    return reload  # type: ignore[no-any-return]


def check_functions(functions: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """A copy of ``functions=``. ValueError for names that Dana could not write and for what cannot be called."""
    from opendxa.dana.host import check_callable, check_lent

    check_lent(functions, "functions")
    for name, function in functions.items():
        check_callable(name, function)
    return dict(functions)


def check_listener(setting: str, function: Any) -> Any:
    """A function that the runtime calls for the host. ValueError for what cannot be called, or would not run then."""
    from opendxa.dana.host import is_async

    takes = "a CapabilityUse" if setting == "on_capability" else "a text"
    if not callable(function):
        raise ValueError(f"{setting} is a function that takes {takes}, not {function!r}")
    if is_async(function):
        raise ValueError(f"{setting} is called and not awaited: give an ordinary function that takes {takes}")
    return function


def check_objects(objects: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``objects=``. ValueError for names that Dana could not write."""
    from opendxa.dana.host import check_lent

    check_lent(objects, "objects")
    return dict(objects)


def check_paths(paths: Iterable[PathLike] | None) -> list[Root]:
    """Search folders as a host writes them. ValueError for a lone text, which would be read letter by letter."""
    if isinstance(paths, (str, bytes)):
        raise ValueError(f"search_paths is a list of folders: search_paths=[{paths!r}]")
    return roots_of(paths or ())
