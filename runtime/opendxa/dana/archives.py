"""Dana modules inside zip files on ``sys.path``, as Python's own `zipimport` serves ``.py`` files.

In: an archive and a name inside it. Out: which modules it holds, and their bytes. Nothing is unpacked. Loaded only when
``sys.path`` has an archive with a ``dana_modules`` folder.
"""

from __future__ import annotations

import functools
import os
import zipfile
from collections.abc import Iterator

from dana_guards.errors import DanaImportError

MAX_SIZE = 40_000_004
"""Bytes of one module; an archive can claim any size for a small entry."""


def names_of(archive: str) -> frozenset[str]:
    """The names in an archive, with ``/`` between parts; empty if it is none."""
    try:
        facts = os.stat(archive)
    except OSError:
        return frozenset()
    return _names_of(archive, facts.st_mtime_ns, facts.st_size)


@functools.lru_cache(maxsize=64)
def _names_of(archive: str, changed: int, size: int) -> frozenset[str]:
    try:
        with zipfile.ZipFile(archive) as opened:
            return frozenset(opened.namelist())
    except (OSError, zipfile.BadZipFile):
        return frozenset()


def inner_name(archive: str, path: str) -> str:
    """The name inside the archive of a path like ``app.zip/dana_modules/m.na``."""
    return path[len(archive) + 1 :].replace(os.sep, "/")


def archive_of(path: str) -> str | None:
    """The archive in a path like ``app.zip/dana_modules/m.na``, None if there is none."""
    above = os.path.dirname(path)
    while above != os.path.dirname(above):
        if os.path.isfile(above):
            return above
        above = os.path.dirname(above)
    return None


def has_file(archive: str, path: str) -> bool:
    """Whether the archive has that file."""
    return inner_name(archive, path) in names_of(archive)


def has_folder(archive: str, path: str) -> bool:
    """Whether the archive has something below that folder."""
    prefix = inner_name(archive, path) + "/"
    return any(name.startswith(prefix) for name in names_of(archive))


def entries(archive: str, path: str) -> Iterator[tuple[str, bool]]:
    """Name and folder flag of what lies directly in a folder."""
    prefix = inner_name(archive, path) + "/"
    found = {name[len(prefix) :].partition("/") for name in names_of(archive) if name.startswith(prefix)}
    yield from sorted({(name, bool(slash)) for name, slash, _ in found if name})


def read(archive: str, path: str) -> bytes:
    """The bytes of a file. DanaImportError if it cannot be read."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(inner_name(archive, path)) as file:
            return file.read(MAX_SIZE)
    except (OSError, KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise DanaImportError(f"{path} cannot be read: {error}", filename=path) from None
