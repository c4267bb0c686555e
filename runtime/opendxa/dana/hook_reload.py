"""Reloading what Python imported from ``dana_modules``: `DanaRuntime.watch`.

In: the word of the watcher that files may have changed. Out: the same Python modules, executed again in place as
`importlib.reload` does it, and those that import them; all of them, or as they were. Functions that Python imported
by name become their successors, struct instances are migrated.

Such a module belongs to the host like its own code: nothing tells when no call runs, so the watcher's thread reloads
at once. A call in flight finishes the code that it began with, and finds the new helpers and globals.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from types import FunctionType, TracebackType
from typing import Any

from dana_guards.errors import DanaError, DanaRuntimeError
from dana_guards.migrate import SPARE_FIELDS
from dana_guards.structs import StructType
from opendxa.dana import watching
from opendxa.dana.hook import PREFIX, DanaFinder, DanaLoader, settings
from opendxa.dana.importer import importers_of, is_same, stamp_of
from opendxa.dana.loaded import LoadedModule, info_of, restore
from opendxa.dana.migration import Migration
from opendxa.dana.reload import ReloadEvent, last_change, report

PathLike = str | os.PathLike[str]
Told = Callable[[ReloadEvent], Any]

_reloading = threading.RLock()
_open: set[Watch] = set()
_classes: weakref.WeakSet[StructType] = weakref.WeakSet()
_migration = Migration(_classes, lambda old, new: None)
_told: list[object] = []
"""The last error, and when its files had changed."""


class Watch:
    """Files that are watched until `close`, or the end of a ``with`` block. Made by `DanaRuntime.watch`."""

    def __init__(self, paths: Iterable[PathLike], on_reload: Told | None, on_error: Told | None) -> None:
        self.paths = tuple(map(_checked_path, paths))
        for name, told in (("on_reload", on_reload), ("on_error", on_error)):
            if told is not None and not callable(told):
                raise ValueError(f"{name}={told!r}: give a function that takes a ReloadEvent, or None")
        self._on_reload, self._on_error = on_reload, on_error
        _open.add(self)
        settings.keep_room(SPARE_FIELDS)
        watching.WATCHER.add(self)

    def close(self) -> None:
        """Watch no more. May be called more than once; a callback may call it."""
        _open.discard(self)
        watching.WATCHER.remove(self)
        watching.WATCHER.settle()

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self not in _open

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Watch of {', '.join(self.paths) or 'everything'}, {'closed' if self.closed else 'open'}>"

    # -- called by the watcher -------------------------------------------------------------------------

    def folders(self) -> set[str]:
        """The folders of the modules that it reloads."""
        return {os.path.dirname(file) for _, file in _loaded() if self.covers(file)}

    def covers(self, file: str) -> bool:
        """Whether a file is one of the paths, or below one."""
        return not self.paths or any(f"{file}{os.sep}".startswith(path.rstrip(os.sep) + os.sep) for path in self.paths)

    def notice(self) -> None:
        """Reload what has changed."""
        reload_changed(self.covers)

    def tell(self, event: ReloadEvent) -> None:
        """Hand a reload of these files to the host, whoever made it; what the host raises then is logged."""
        told = self._on_reload if event.error is None else self._on_error
        if told is not None and not self.closed and (not event.files or any(map(self.covers, event.files))):
            try:
                told(event)
            except Exception:
                watching.LOG.exception("%s failed", told)


def _checked_path(path: object) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise ValueError(f"watch: {path!r} is no path: give files and folders, each as an argument of its own")
    found = os.path.realpath(os.fspath(path))
    if not os.path.exists(found):
        raise FileNotFoundError(f"watch: there is no file or folder {os.fspath(path)!r}")
    return found


def _loaded() -> list[tuple[LoadedModule, str]]:
    """The modules that Python has imported from ``dana_modules``, and their files."""
    found = []
    for name, module in list(sys.modules.items()):
        if name.startswith(PREFIX) and isinstance(module, LoadedModule):
            info = info_of(module)
            if info is not None and info.ready and info.compiled is not None:
                found.append((module, info.compiled.filename))
    return found


# -- reloading -------------------------------------------------------------------------------------------


def reload_changed(wanted: Callable[[str], bool]) -> None:
    """Reload the modules whose files are wanted and have changed, and those that import them; tell about it."""
    with _reloading:
        modules = {module.__name__: module for module, _ in _loaded()}
        changed = [module.__name__ for module, file in _loaded() if wanted(file) and _is_changed(module)]
        if not changed:
            return
        for name in changed:  # grows meanwhile
            changed += [other for other in importers_of(name, modules) if other not in changed]
        changed = _in_order(changed, modules)
        files = tuple(file for module, file in _loaded() if module.__name__ in changed)
        names = tuple(name.removeprefix(PREFIX) for name in changed)
        error = _reload([modules[name] for name in changed])
        done, known = _migration, _told.copy()
        _told[:] = [] if error is None else [str(error), *map(last_change, files)]
    if error is None:
        report(ReloadEvent(names, files, None, None, done.migrated, tuple(done.refused)))
    elif known != _told:  # else something different in the folders has changed
        report(ReloadEvent(names, files, None, error))


def _in_order(names: list[str], modules: dict[str, LoadedModule]) -> list[str]:
    """The names with each module before those that import it, as far as they do not import each other."""
    imported: dict[str, list[str]] = {name: [] for name in names}
    for name in names:
        for other in importers_of(name, modules):
            imported[other].append(name)
    found: dict[str, None] = {}
    begun: set[str] = set()

    def visit(name: str) -> None:
        if name not in begun:
            begun.add(name)
            for other in imported[name]:
                visit(other)
            found[name] = None

    for name in names:
        visit(name)
    return list(found)


def _is_changed(module: LoadedModule) -> bool:
    """Whether there is another text of a module."""
    info, name = info_of(module), module.__name__
    parent = sys.modules.get(name.rpartition(".")[0])
    spec = DanaFinder.find_spec(name, getattr(parent, "__path__", None))
    if info is None or info.compiled is None or spec is None or not isinstance(spec.loader, DanaLoader):
        return False
    place = spec.loader._place
    stamp = stamp_of(place)
    if place.file is None or stamp in (info.stamp, None):
        return False
    try:
        compiled = spec.loader.compiled()
    except DanaError:
        return True  # what is wrong with it is told when it is loaded
    same = compiled is not None and is_same(compiled, info.compiled)
    if same:
        info.stamp = stamp
    return not same


def _reload(modules: list[LoadedModule]) -> DanaError | None:
    """Execute modules again, in place; after an error all are as they were."""
    before = [(module, dict(module.__dict__)) for module in modules]
    types = settings.ready().environment.types.types
    types_before = dict(types)
    try:
        for module in modules:
            with contextlib.suppress(ModuleNotFoundError):  # its file is gone: it stays as it is
                importlib.reload(module)
    except Exception as error:
        for module, names in before:
            restore(module, names)
        types.clear()
        types.update(types_before)
        return error if isinstance(error, DanaError) else _as_dana_error(error)
    for module, names in before:
        _follow(module, names)
    _migration.run({module.__name__: module.__dict__ for module in modules})
    return None


def _as_dana_error(error: Exception) -> DanaError:
    failed = DanaRuntimeError(f"{type(error).__name__}: {error}")
    failed.__cause__ = error
    return failed


def _follow(module: LoadedModule, before: dict[str, Any]) -> None:
    """Make the functions that the module had what the new ones are, for who imported them by name."""
    for name, old in before.items():
        new = module.__dict__.get(name)
        if isinstance(old, StructType) and old.__module__ == module.__name__:
            _classes.add(old)
        if type(old) is not FunctionType or type(new) is not FunctionType or old is new:
            continue
        if old.__globals__ is module.__dict__ and not old.__code__.co_freevars and not new.__code__.co_freevars:
            old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
            old.__doc__, old.__annotations__ = new.__doc__, new.__annotations__
