"""One thread that watches the folders of everybody who wants to know.

In: watchers, each with the folders that concern it now. Out: their `notice`, called in this thread when something with
Dana text changed there, and sometimes when nothing did: whoever is told looks for itself. The thread is there while
somebody watches, and ends with the last.

`watchfiles <https://watchfiles.helpmanual.io>`_ (the extra ``reload``) says what changed as soon as it does. Without
it, or where the system has no more watches to give, the folders are listed twice a second.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import weakref
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from opendxa.dana.reload import ReloadEvent

LOG = logging.getLogger("opendxa.dana.reload")
PERIOD = 0.5
"""Seconds between two looks at which folders there are, and without watchfiles at what is in them."""
DEBOUNCE_MS, STEP_MS = 200, 20
"""Changes that follow each other that closely are one: an editor writes a file in several steps."""


class Watching(Protocol):
    """Somebody who wants to know."""

    def folders(self) -> set[str]:
        """The folders that concern it now."""

    def notice(self) -> None:
        """Something may have changed there."""


class Watcher:
    """The thread, and who it works for."""

    def __init__(self) -> None:
        # Reentrant: a context that the garbage collector finds may be closed while this thread holds the lock.
        self._lock = threading.RLock()
        self._watching: list[weakref.ref[Any]] = []
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def add(self, watching: Watching) -> None:
        """Watch for somebody, until `remove`; it is not kept alive."""
        with self._lock:
            self._watching.append(weakref.ref(watching))
            self._start()

    def remove(self, watching: Watching) -> None:
        """Watch no more for somebody. The thread ends soon if that was the last; `settle` waits for that."""
        with self._lock:
            self._watching = [each for each in self._watching if each() not in (watching, None)]
            if not self._watching:
                self._stop.set()

    def settle(self) -> None:
        """Wait for the thread to end, if it is about to."""
        thread = self._thread
        if thread is not None and self._stop.is_set() and thread is not threading.current_thread():
            thread.join(5.0)

    def tell(self, event: ReloadEvent) -> None:
        """Tell those who watch about a reload that somebody made."""
        for watching in self.everybody():
            if hasattr(watching, "tell"):
                watching.tell(event)

    def everybody(self) -> list[Any]:
        """Who watches now."""
        with self._lock:
            return [found for found in (each() for each in self._watching) if found is not None]

    def after_fork(self) -> None:
        """In a child process: threads and locks of the parent are not there."""
        self._lock, self._thread = threading.RLock(), None
        if self._watching:
            self._start()

    def _start(self) -> None:
        if self._thread is not None and not self._stop.is_set():
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name="dana-reload", daemon=True)
        self._thread.start()

    # -- in the thread -------------------------------------------------------------------------------

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            with self._lock:
                if not self.everybody():
                    stop.set()
                    return
            try:
                for changed in self._changes(stop):
                    if stop.is_set():
                        return
                    self._notify(changed)
            except Exception:  # whatever it was, nobody would watch any more
                LOG.exception("watching goes on after a failure")
                stop.wait(PERIOD)

    def _folders(self) -> dict[str, tuple[int, int]]:
        """All folders that are there, and what tells a folder from another one of that name."""
        found = {}
        for folder in set().union(*map(_folders_of, self.everybody())):
            with contextlib.suppress(OSError):
                facts = os.stat(folder)
                found[folder] = facts.st_dev, facts.st_ino
        return found

    def _notify(self, changed: set[str] | None) -> None:
        """Tell everybody whom changes in those folders concern; None stands for all folders."""
        for watching in self.everybody():
            try:
                if changed is None or not changed.isdisjoint(_folders_of(watching)):
                    watching.notice()
            except Exception:
                LOG.exception("watching goes on after a failure")

    def _changes(self, stop: threading.Event) -> Iterator[set[str] | None]:
        """The folders in which something changed, until other folders are to be watched; first all of them."""
        folders = self._folders()
        if not folders:
            stop.wait(PERIOD)
            return
        watch = find_watch()
        yield from self._listed(folders, stop) if watch is None else self._watched(watch, folders, stop)

    def _watched(self, watch: Any, folders: dict[str, Any], stop: threading.Event) -> Iterator[set[str] | None]:
        settings: dict[str, Any] = {"recursive": False, "debounce": DEBOUNCE_MS, "step": STEP_MS, "stop_event": stop}
        settings |= {"rust_timeout": int(PERIOD * 1000), "yield_on_timeout": True, "raise_interrupt": False}
        first = True
        try:
            for changes in watch(*folders, watch_filter=_is_text, **settings):
                if first:  # what changed before the folders were watched
                    yield None
                first = False
                if changes:
                    yield {place for _, path in changes for place in (path, os.path.dirname(path))}
                if any(path in folders for _, path in changes) or self._folders() != folders:
                    return  # a folder that was removed is watched no more, even if there is one of its name again
        except OSError as error:  # no more watches, or a folder that went away meanwhile
            LOG.debug("folders are listed instead of watched: %s", error)
            yield from self._listed(folders, stop)

    def _listed(self, folders: Iterable[str], stop: threading.Event) -> Iterator[set[str] | None]:
        """The same by listing the folders, again and again."""
        before = {folder: _listing(folder) for folder in folders}
        yield None
        while not stop.wait(PERIOD) and self._folders().keys() == before.keys():
            after = {folder: _listing(folder) for folder in before}
            changed = {folder for folder in before if before[folder] != after[folder]}
            before = after
            if changed:
                yield changed


def _folders_of(watching: Watching) -> set[str]:
    """The folders of somebody who may be about to end, or to load another module."""
    try:
        return watching.folders()
    except (AttributeError, RuntimeError) as error:
        LOG.debug("the folders are asked for again: %s", error)
        return set()


def _is_text(change: object, path: str) -> bool:
    """Whether a change may concern a module: a text, a folder, a link, or something that is gone."""
    return path.endswith(".na") or os.path.islink(path) or not os.path.isfile(path)


def _listing(folder: str) -> set[tuple[object, ...]]:
    """What is in a folder, as far as it may be a module."""
    found: set[tuple[object, ...]] = set()
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".na") or entry.is_dir() or entry.is_symlink():
                with contextlib.suppress(OSError):
                    facts = os.stat(entry.path)
                    times = () if entry.is_dir() else (facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size)
                    found.add((entry.name, facts.st_ino, *times))
    return found


def find_watch() -> Any:
    """`watchfiles.watch`, None where it is not installed."""
    try:
        from watchfiles import watch
    except ImportError:
        return None
    return watch


WATCHER = Watcher()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=WATCHER.after_fork)
