"""Finding Dana modules on the disk.

In: search folders and dotted names. Out: `Place`, where a module's text is and where its submodules are. Only ``.na``
files are looked for: a ``.py`` file beside them is never run. Nothing is read, compiled or imported here.

Each part of a name is a plain name, and what is found must really lie below the folder it was looked for in, so
neither ``..`` nor a link leads out (threat model 5.7).
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dana_guards.errors import DanaImportError

SUFFIX = ".na"
PACKAGE_FILE = "__init__.na"
FOLDER = "dana_modules"
_PART = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Root(NamedTuple):
    """A search folder.

    ``vouched``: Python would execute files from there too, so built caches beside modules count. ``archive``: the zip
    file that the folder is in.
    """

    folder: str
    vouched: bool = False
    archive: str | None = None


class Place(NamedTuple):
    """Where a module is.

    ``file`` is the real path of its text, None for a folder without ``__init__.na``; ``folder`` is where its
    submodules are looked for, None if it has none; ``is_package`` says that ``file`` is an ``__init__.na`` or absent.
    """

    file: str | None
    folder: str | None
    is_package: bool
    vouched: bool = False
    archive: str | None = None


def is_plain(part: str) -> bool:
    """Whether it may be a part of a module's name: no ``..``, no slash, no NUL, no accent."""
    return _PART.match(part) is not None


def check_name(name: str) -> list[str]:
    """The parts of a dotted name. DanaImportError if one is no plain name (``..``, a slash, NUL, an accent)."""
    parts = name.split(".")
    for part in parts:
        if not is_plain(part):
            raise DanaImportError(
                f"{name!r} is not a module name", hint="a name has letters, digits and underscores, with dots between"
            )
    return parts


def roots_of(paths: Iterable[str | os.PathLike[str]]) -> list[Root]:
    """Search folders that a host names, made absolute now: a later change of the working folder changes nothing."""
    return [Root(os.path.abspath(os.fspath(path))) for path in paths]


def default_roots() -> list[Root]:
    """``DANAPATH``, then every ``dana_modules/`` folder on ``sys.path``."""
    named = [path for path in os.environ.get("DANAPATH", "").split(os.pathsep) if path]
    found: dict[Root, None] = {}
    for path in sys.path:
        with contextlib.suppress(OSError):  # a relative entry, and the working folder was removed
            entry = os.path.abspath(path or ".")
            folder = os.path.join(entry, FOLDER)
            if os.path.isdir(folder):
                found[Root(folder, vouched=True)] = None
            elif os.path.isfile(entry) and _has_dana(entry, folder):
                found[Root(folder, True, entry)] = None
    return roots_of(named) + list(found)


def _has_dana(archive: str, folder: str) -> bool:
    from opendxa.dana import archives  # few paths have one

    return archives.has_folder(archive, folder)


def find(parts: Sequence[str], roots: Iterable[Root]) -> Place | None:
    """The place of a module; each parent is found first, and its folder searched for the next part."""
    place: Place | None = None
    for part in parts:
        if place is not None:
            roots = [] if place.folder is None else [Root(place.folder, place.vouched, place.archive)]
        place = next((found for root in roots if (found := _find_in(part, root)) is not None), None)
        if place is None:
            return None
    return place


def _find_in(part: str, root: Root) -> Place | None:
    """``m.na``, then ``m/__init__.na``, then a folder ``m`` with Dana modules in it (9.2)."""
    if root.archive is not None:
        return _find_in_archive(part, root, root.archive)
    base = os.path.join(root.folder, part)
    folder = base if os.path.isdir(base) and _is_inside(base, root.folder) else None
    file = _regular(base + SUFFIX, root.folder)
    if file is not None:
        return Place(file, folder, False, root.vouched)
    if folder is None:
        return None
    file = _regular(os.path.join(folder, PACKAGE_FILE), folder)
    if file is not None or next(submodules(folder), None) is not None:
        return Place(file, folder, True, root.vouched)
    return None


def _find_in_archive(part: str, root: Root, archive: str) -> Place | None:
    from opendxa.dana import archives

    base = os.path.join(root.folder, part)
    folder = base if archives.has_folder(archive, base) else None
    if archives.has_file(archive, base + SUFFIX):
        return Place(base + SUFFIX, folder, False, root.vouched, archive)
    if folder is None:
        return None
    file = os.path.join(folder, PACKAGE_FILE)
    found = file if archives.has_file(archive, file) else None
    if found is None and next(submodules(folder, archive), None) is None:
        return None
    return Place(found, folder, True, root.vouched, archive)


def package_file(root: Root) -> Place | None:
    """The ``__init__.na`` of a search folder itself: what it exports is known to every `eval_dana`."""
    if root.archive is not None:
        return None
    file = _regular(os.path.join(root.folder, PACKAGE_FILE), root.folder)
    return None if file is None else Place(file, root.folder, True, root.vouched)


def locate(name: str, roots: Iterable[Root]) -> Place | None:
    """Where a module is, by its full name; ``__init__`` is the file of the first search folder that has one.

    DanaImportError if it is no name of a module.
    """
    if name != PACKAGE_FILE.removesuffix(SUFFIX):
        return find(check_name(name), roots)
    return next((place for place in map(package_file, roots) if place is not None), None)


def _regular(path: str, folder: str) -> str | None:
    """The real path of a regular file below the folder, None for anything else."""
    try:
        mode = os.lstat(path).st_mode
    except (OSError, ValueError):
        return None
    plain = stat.S_ISREG(mode) and sys.platform == "linux"  # nothing more to ask: it is no link
    if not plain and not (os.path.isfile(path) and _is_inside(path, folder)):
        return None
    return os.path.realpath(path)


def _is_inside(path: str, folder: str) -> bool:
    """Whether a path directly below a folder stays there: it is no link, or one that leads to the same place."""
    if os.path.islink(path):
        real, base = os.path.realpath(path), os.path.realpath(folder)
        if os.path.commonpath([real, base]) != base:
            return False
    # A file system that ignores case would find one module under many names.
    return sys.platform == "linux" or os.path.basename(path) in os.listdir(os.path.dirname(path))


def submodules(folder: str, archive: str | None = None) -> Iterator[tuple[str, bool]]:
    """Name and package flag of each module in a folder, sorted; names that could not be imported are left out."""
    found = dict(_entries(folder, archive))
    for name in sorted(found):
        stem, extension = os.path.splitext(name)
        if not found[name]:
            if extension == SUFFIX and name != PACKAGE_FILE and _PART.match(stem):
                yield stem, found.get(stem, False)
        elif _PART.match(name) and f"{name}{SUFFIX}" not in found and _is_package(os.path.join(folder, name), archive):
            yield name, True


def _is_package(folder: str, archive: str | None) -> bool:
    """Whether a folder has Dana modules, itself or below."""
    if archive is None:
        return _holds_dana(folder)
    return (PACKAGE_FILE, False) in _entries(folder, archive) or next(submodules(folder, archive), None) is not None


def _entries(folder: str, archive: str | None) -> list[tuple[str, bool]]:
    """Name and folder flag of what lies in a folder; nothing if it cannot be read."""
    if archive is not None:
        from opendxa.dana import archives

        return list(archives.entries(archive, folder))
    try:
        with os.scandir(folder) as found:
            return [(entry.name, entry.is_dir()) for entry in found]
    except OSError:
        return []


def _holds_dana(folder: str, depth: int = 8) -> bool:
    """Whether a folder, or one below it, has a Dana module."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return False
    if any(entry.name.endswith(SUFFIX) and entry.is_file() for entry in found):
        return True
    inner = [entry for entry in found if _PART.match(entry.name) and entry.is_dir(follow_symlinks=False)]
    return depth > 0 and any(_holds_dana(entry.path, depth - 1) for entry in inner)


def names_near(roots: Iterable[Root]) -> list[str]:
    """All module names at the top of the roots, for a suggestion."""
    return sorted({name for root in roots for name, _ in submodules(root.folder, root.archive)})


_KNOWN_PYTHON = frozenset({"numpy", "pandas", "requests"})
"""What people try first, beside the standard library. Whether it is installed is not a program's business."""


def not_found(name: str, roots: Sequence[Root], importer: str | None = None) -> DanaImportError:
    """The error for a module that is nowhere, with the nearest name and the folders that were searched."""
    from dana_guards.spelling import near_name

    near = near_name(name.partition(".")[0], names_near(roots))
    hints = [f"did you mean '{near}'?"] if near else []
    first = name.partition(".")[0]
    if not near and (first in sys.stdlib_module_names or first in _KNOWN_PYTHON):
        from dana_guards.facades import NAMES

        hints.append(f"'{first}' is a module of Python; of those Dana has {', '.join(NAMES)}.")
    if importer is None:
        # Only for the host: a program that catches the error learns no path of its host.
        hints.append("searched: " + (", ".join(root.folder for root in roots) or "no folder"))
    by = f" (imported by {importer})" if importer not in (None, "__main__") else ""
    error = DanaImportError(f"Dana module '{name}' not found{by}", hint=" ".join(hints) or None)
    error.name = name
    return error


def display_path(file: str) -> str:
    """A path for messages: relative to the working folder where it lies below it."""
    try:
        here = os.path.join(os.getcwd(), "")
    except OSError:
        return file
    return file[len(here) :] if file.startswith(here) else file
