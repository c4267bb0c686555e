"""Loading changed modules of a context again, between its calls.

In: names of modules whose text has changed, or the word of a watcher that some may have. Out: the context with the new
modules, or as it was and an error: it is never between two versions. Every renewed module has a namespace of its own,
so a call, an iterator or a function that is still at work in the old one finds that as it was.

`renew` is what every context can do. A `Reloader` belongs to a context that was made with ``reload=``: it looks for
changes before calls, lets functions that the host holds follow (`live`), and migrates structs (`migration`).
Not here: watching files (`watching`), executing modules (`importer`), modules of ``dana_modules`` (`hook_reload`).
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

from dana_guards.errors import DanaError
from dana_guards.migrate import SPARE_FIELDS
from dana_guards.structs import StructType
from opendxa.dana import live, watching
from opendxa.dana.loaded import LoadedModule, ModuleInfo, info_of
from opendxa.dana.migration import Migration
from opendxa.dana.module import forget
from opendxa.dana.objects import open_class

if TYPE_CHECKING:
    from opendxa.dana.context import DanaContext

LOG = watching.LOG


@dataclass(frozen=True)
class ReloadEvent:
    """What a reload did, for ``on_reload`` and ``on_error`` of `DanaRuntime.watch`.

    Parameters
    ----------
    modules : the names of the modules that were loaded anew; on an error those that should have been.
    files : the files of those modules.
    context : the name of the context, None for ``dana_modules``.
    error : why the old code runs on; None if all went well.
    migrated : how many struct instances are of the new classes now.
    refused : for each struct with instances that could not follow, why.
    """

    modules: tuple[str, ...]
    files: tuple[str, ...] = ()
    context: str | None = None
    error: DanaError | None = None
    migrated: int = 0
    refused: tuple[str, ...] = ()


def report(event: ReloadEvent) -> None:
    """Log a reload, and tell whoever watches those files."""
    names = ", ".join(event.modules)
    place = f"context {event.context!r}" if event.context is not None else "dana_modules"
    if event.error is not None:
        LOG.error("%s: %s was not reloaded, the old code runs on: %s", place, names, event.error)
    else:
        LOG.info("%s: reloaded %s", place, names)
        for reason in event.refused:
            LOG.warning("%s: %s", place, reason)
    watching.WATCHER.tell(event)


# -- any context ---------------------------------------------------------------------------------------


def renew(context: DanaContext, names: Iterable[str]) -> list[str]:
    """Load modules of a context anew, and those that import them; all of them or, after an error, none.

    Runs as Dana code: limits are armed. Gives the names of the renewed modules.
    """
    environment, importer = context._environment, context._importer
    stores = [environment.types.types, vars(environment.public), vars(environment.system), context._compiled_files]
    before = [dict(store) for store in stores]
    try:
        old = importer.renew(names)
    except BaseException:
        for store, known in zip(stores, before, strict=True):
            store.clear()
            store.update(known)
        raise
    _keep_types(environment.types.types, before[0], old)
    _move_session(context, old)
    for name in old:
        _show_new(context, name)
    if context._reloader is not None:
        context._reloader.follow(context, old)
    for module in old.values():
        retire(context, module)
    for view in context._modules.values():
        forget(view)
    return list(old)


def _keep_types(types: dict[str, Any], before: dict[str, Any], old: dict[str, LoadedModule]) -> None:
    """A struct of a module that was not renewed stays the one that its name means, if it was that."""
    for name, known in before.items():
        if types.get(name) is not known and getattr(known, "__module__", None) not in old:
            types[name] = known


def successor(context: DanaContext, value: Any, renewed: Iterable[str]) -> Any:
    """What is now in the place of a module, function or struct of some version of the renewed modules; else None.

    By name: a function that one version lacks has a successor in the next that has it again.
    """
    modules = context._importer.modules
    if isinstance(value, LoadedModule):
        found = modules[value.__name__] if value.__name__ in renewed else None
    elif type(value) is FunctionType:
        home, name = str(value.__globals__.get("__name__")), value.__name__
        own = home in renewed and value.__globals__.get(name) is value  # not one that was made inside of another
        found = modules[home].__dict__.get(name) if own else None
    elif isinstance(value, StructType):
        home = value.__module__
        found = modules[home].__dict__.get(value.__name__) if home in renewed else None
    else:
        return None
    return found if type(found) is type(value) and found is not value else None


def _move_session(context: DanaContext, renewed: Iterable[str]) -> None:
    """Names that texts of `eval_dana` imported mean the new things."""
    if context._main is None:
        return
    namespace = context._main.__dict__
    for key, value in list(namespace.items()):
        new = None if key[0] == "_" else successor(context, value, renewed)
        if new is not None:
            namespace[key] = new


def _show_new(context: DanaContext, name: str) -> None:
    """Let what the host holds of a module show the new one."""
    view = context._modules.get(name)
    if view is not None:
        module = context._importer.modules[name]
        object.__setattr__(view, "_module", module)
        object.__setattr__(view, "_namespace", module.__dict__)


def files_of(context: DanaContext, names: Iterable[str]) -> tuple[str, ...]:
    """The files of loaded modules."""
    known = context._loaded_files()
    return tuple(known[name] for name in names if name in known)


def last_change(file: str) -> int:
    """When a file was changed last, in nanoseconds; 0 if it is gone."""
    try:
        return os.stat(file).st_ctime_ns
    except OSError:
        return 0


def folders_of(context: DanaContext) -> set[str]:
    """The folders in which something may change that concerns the context. Asked by any thread."""
    if "_builtins" not in context.__dict__:
        return set()  # nothing was used yet
    folders = {os.path.dirname(file) for file in context._loaded_files().values()}
    return folders | {root.folder for root in context._known_roots() if root.archive is None}


# -- modules that are over -----------------------------------------------------------------------------


class _Flag:
    """The namespace of an old module as far as a stop needs it; it does not keep it alive."""

    __slots__ = ("_info",)

    def __init__(self, info: weakref.ref[ModuleInfo]) -> None:
        self._info = info

    def __setitem__(self, name: str, value: object) -> None:
        info = self._info()
        if info is not None and info.namespace is not None:
            info.namespace[name] = value


def retire(context: DanaContext, module: LoadedModule) -> None:
    """Let go of a module that is over. What of it still runs can be stopped, and nothing is kept for it."""
    info, ident = info_of(module), id(module.__dict__)
    if info is None or ident not in context._stoppable:
        return
    forget_retired(context)
    info.namespace = module.__dict__
    known = weakref.ref(info)  # it lives as long as the namespace that it stands in
    flag = _Flag(known)
    context._stoppable.discard(ident)
    context._meter.replace_namespace(module.__dict__, flag)
    context._retired.append((known, flag, info.compiled))


def forget_retired(context: DanaContext) -> None:
    """Let the meter forget what nobody can run any more."""
    meter = context._meter
    over = [each for each in context._retired if each[0]() is None]
    context._retired = [each for each in context._retired if each[0]() is not None]
    in_use = {id(compiled) for _, _, compiled in context._retired}
    in_use |= {id(info.compiled) for info in map(info_of, context._importer.modules.values()) if info is not None}
    for _, flag, compiled in over:
        meter.forget_namespace(flag)
        if compiled is not None and id(compiled) not in in_use:
            meter.forget_code(compiled.code)


# -- a context that reloads ------------------------------------------------------------------------------


class Reloader:
    """What a context that was made with ``reload=`` has beyond others.

    Parameters
    ----------
    context : the context; not kept alive.
    mode : ``"auto"`` or ``"manual"``.
    """

    SPARE_FIELDS = SPARE_FIELDS

    def __init__(self, context: DanaContext, mode: str) -> None:
        self._home = weakref.ref(context)
        self._mode = mode
        self._lock = threading.Lock()
        self._watched = False
        self._told: tuple[object, ...] = ()
        """The last error, and when its files had changed."""
        self.due = False
        """Whether files may have changed since the last look."""
        self.live = live.LiveFunctions(self.enter)
        self.classes: weakref.WeakSet[StructType] = weakref.WeakSet()
        """The struct classes of the context."""
        self.migration = Migration(self.classes, self._renewed)

    def add(self, function: FunctionType, method: str | None) -> None:
        """Note a function that the host gets; ``method`` is its name in the struct that it belongs to."""
        if method is not None:
            function.__globals__["I_method"] = method
        self.live.add(function)

    # -- being told ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to watch, once there is a file to watch."""
        if self._mode == "auto" and not self._watched:
            self._watched = True
            watching.WATCHER.add(self)

    def folders(self) -> set[str]:
        """The folders in which something may change that concerns the context."""
        context = self._home()
        if context is None or context._closed:
            return set()
        return folders_of(context)

    def notice(self) -> None:
        """Something changed in the folders. Called by the watcher, in its thread, whatever the context does."""
        with self._lock:
            self.due = True
            self.live.arm()

    def close(self) -> None:
        """End with the context."""
        watching.WATCHER.remove(self)

    @staticmethod
    def settle() -> None:
        """Wait for the watcher's thread, if this was the last that it worked for."""
        watching.WATCHER.settle()

    # -- between calls -------------------------------------------------------------------------------

    def enter(self) -> None:
        """Called before a call when something may have changed."""
        context = self._home()
        if context is None or context._closed or context._meter.thread is not None:
            return  # a call runs: it goes on with the code that it began with
        with self._lock:
            if not self.due:
                return
            self.due = False
            self.live.disarm()
        self.look(context)

    def look(self, context: DanaContext) -> None:
        """Swap in what has changed; what is wrong with it is reported, and the old code stays."""
        names: list[str] = []
        try:
            names = context._changed()
            if names:
                names = context._renew(names)
        except DanaError as error:
            event = ReloadEvent(tuple(names), files_of(context, names), context._settings[-1], error)
            told, self._told = self._told, (str(error), *map(last_change, event.files))
            if told != self._told:  # something else in the folder may have changed
                report(event)
            return
        self._told = ()
        if names:
            self.report(context, names)

    def report(self, context: DanaContext, names: list[str]) -> None:
        """Tell of a reload that went well."""
        done, files = self.migration, files_of(context, names)
        report(ReloadEvent(tuple(names), files, context._settings[-1], None, done.migrated, tuple(done.refused)))

    # -- what follows ----------------------------------------------------------------------------------

    def follow(self, context: DanaContext, old: Iterable[str]) -> None:
        """Functions that the host holds, and instances that live on, belong to the new modules now."""
        self.live.follow(context, lambda value: successor(context, value, old))
        self.migration.run({name: context._importer.modules[name].__dict__ for name in old})

    def _renewed(self, old: StructType, new: StructType) -> None:
        context = self._home()
        if context is not None and old in context._opened:
            open_class(context, new)
