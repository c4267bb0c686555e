"""Paths below granted directories, found so that what was checked is what is opened.

In: grants, and a path as a program wrote it. Out: a descriptor of the folder that holds the file, and the file's
name in it; the file itself is then opened with ``O_NOFOLLOW``. A check on text and an open on text are two moments,
and a link can be put between them (Deno GHSA-23rx-c3g5-hv9w); so each part is opened below the one before, links are
read here and looked at again as new paths, and a link out of what is granted is a denial.
Not done here: reading and writing (`files`).
"""

from __future__ import annotations

import errno
import os
import stat
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from dana_guards.errors import DanaSecurityError

MAX_LINKS: Final = 40
MAX_PATH: Final = 4096

SPECIAL: Final = ("/proc", "/sys", "/dev")
"""Folders that are doors into the system and the process: only a grant that names them opens them."""

_FOLDER: Final = (
    getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
)
_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
BY_DESCRIPTOR = os.open in os.supports_dir_fd and _NOFOLLOW != 0
"""Whether this system opens files relative to a descriptor; elsewhere the path is checked after the open."""


class Folder(NamedTuple):
    """A granted directory: as the host wrote it, made absolute, and with its links resolved; both when granted."""

    spelled: str
    real: str


class Target(NamedTuple):
    """A path that a program asks for: absolute, and as it was written."""

    absolute: str
    written: str


class Place(NamedTuple):
    """Where a file is or would be: descriptor of its folder (None by name), name in it, path without links."""

    folder: int | None
    name: str
    path: str

    def open(self, flags: int, mode: int = 0o666) -> int:
        """Open the file itself, never through a link; a descriptor."""
        flags |= _NOFOLLOW | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        if self.folder is not None:
            return os.open(self.name, flags, mode, dir_fd=self.folder)
        descriptor = os.open(self.path, flags, mode)
        if os.path.realpath(self.path) != self.path or not os.path.samestat(
            os.fstat(descriptor), os.lstat(self.path)
        ):
            os.close(descriptor)
            raise OSError(errno.ELOOP, "the path changed while it was opened")
        return descriptor

    def stat(self) -> os.stat_result:
        """What is there, without following a link."""
        if self.folder is not None:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        return os.lstat(self.path)

    def beside(self, name: str) -> Place:
        """Another name in the same folder."""
        return Place(self.folder, name, os.path.join(os.path.dirname(self.path), name))

    def replace(self, other: Place) -> None:
        """Put this file in the place of `other`, in one step."""
        if self.folder is not None:
            os.replace(self.name, other.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        else:
            os.replace(self.path, other.path)

    def remove(self) -> None:
        """Delete this file."""
        if self.folder is not None:
            os.unlink(self.name, dir_fd=self.folder)
        else:
            os.unlink(self.path)


def parse_folder(text: str) -> Folder:
    """The scope of a file grant. Raises ValueError for a text that is no path."""
    if "\0" in text or len(text) > MAX_PATH:
        raise ValueError(f"{text[:60]!r} is not a directory")
    spelled = _absolute(text)
    return Folder(spelled, _absolute(os.path.realpath(spelled)))


def _absolute(path: str) -> str:
    # normpath keeps two leading slashes apart from one.
    normal = os.path.normpath(os.path.join(os.getcwd(), path))
    return "/" + normal.lstrip("/") if normal.startswith("//") else normal


def target_of(path: object, by: str) -> Target:
    """The path that a program gives to `by`: exact text, so that no method of a value answers for it."""
    if type(path) is not str:
        raise TypeError(f"{by} needs a path as text, not {type(path).__name__}")
    if not path or "\0" in path or len(path) > MAX_PATH:
        raise ValueError(f"{by}: {path[:60]!r} is not a path")
    return Target(_absolute(path), path)


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or in it: by whole parts, so ``/data_evil`` is not in ``/data``."""
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def covers(scope: Folder, target: Target) -> bool:
    """Whether a granted directory holds the target."""
    return _special_of(target.absolute) in (None, _special_of(scope.real)) and (
        is_below(target.absolute, scope.real) or is_below(target.absolute, scope.spelled)
    )


def needs_name(target: Target) -> bool:
    """Whether the target is in a folder that a grant for all files does not open."""
    return _special_of(target.absolute) is not None


def names_more(scope: Folder) -> bool:
    """Whether a grant for the folder opens what one for all files does not."""
    return _special_of(scope.real) is not None


def overlap(one: Folder, other: Folder) -> Folder | None:
    """The folder that lies in both, if any; by what their links led to when they were granted."""
    if is_below(other.real, one.real):
        one, other = other, one
    if not is_below(one.real, other.real) or _special_of(one.real) not in (None, _special_of(other.real)):
        return None
    return one


def spell(scope: Folder) -> str:
    """The folder in full, with its links."""
    return scope.spelled


def in_folder(text: str, folder: str) -> str:
    """The folder that a policy file means.

    Relative ones are seen from the policy's own folder. ``..`` may only lead up from there, at the beginning: behind
    a name, it means one thing to a reader and another to a system that follows links. ``~`` is nobody's home: the
    policy does not say for whom it is read.

    Raises ValueError.
    """
    parts = text.replace(os.sep, "/").split("/")
    if parts[0].startswith("~"):
        raise ValueError(f"{text!r} begins with '~': write the folder in full, or as seen from the policy file")
    names = [part for part in parts if part not in ("", ".")]
    up = next((count for count, part in enumerate(names) if part != ".."), len(names))
    if ".." in names[up:] or (up and os.path.isabs(text)):
        raise ValueError(f"{text!r} has '..' behind a folder: write where that leads")
    return os.path.normpath(os.path.join(os.path.realpath(folder), text))


def _special_of(path: str) -> str | None:
    lowered = path.casefold()
    return next((folder for folder in SPECIAL if is_below(lowered, folder)), None)


def suggest(target: Target) -> str:
    """The folder to grant, in the program's own spelling, so that no path of the host is told."""
    return os.path.dirname(target.written) or "."


def narrow(target: Target) -> str:
    """The path alone, in full: what the narrowest grant names."""
    return target.absolute


@contextmanager
def place_of(grants: Any, capability: str, path: object, by: str) -> Iterator[Place]:
    """The place of a path that is granted; its folder is open inside the ``with``.

    Raises
    ------
    DanaCapabilityError : the path, or a link on the way, leads out of what is granted, whether it exists or not.
    OSError : a folder on the way does not exist or is none.
    """
    target = target_of(path, by)
    for count in range(MAX_LINKS):
        grant, root = _root_of(grants, capability, target, by)
        if not count:
            grants.tell(grant, target, target.written, by)
        place, link = _descend(root, target.absolute) if BY_DESCRIPTOR else _by_name(target.absolute)
        if place is None:
            target = Target(link, target.written)
            continue
        try:
            yield place
        finally:
            if place.folder is not None:
                os.close(place.folder)
        return
    raise OSError(errno.ELOOP, "too many links")


def _root_of(grants: Any, capability: str, target: Target, by: str) -> tuple[Any, Folder]:
    """The grant that holds the target, and its directory."""
    grant = grants.find(capability, target)
    if grant is None:
        raise grants.denial(capability, target, target.written, by)
    if grant.scope is not None:
        return grant, grant.scope
    top = os.path.splitdrive(target.absolute)[0] + os.sep
    return grant, Folder(top, top)


def _descend(root: Folder, absolute: str) -> tuple[Place | None, str]:
    """Walk down from the granted directory; the place, or the path that a link on the way stands for."""
    base = root.real if is_below(absolute, root.real) else root.spelled
    parts = [part for part in absolute[len(base) :].split(os.sep) if part]
    above, name = os.path.split(root.real)
    if not parts and name:  # the granted place itself, which may be a single file
        return Place(os.open(above, _FOLDER | _NOFOLLOW), name, root.real), ""
    folder = os.open(root.real, _FOLDER | _NOFOLLOW)
    done = False
    try:
        for count, part in enumerate(parts):
            link = _link_at(folder, part)
            if link is not None:
                here = os.path.join(root.real, *parts[:count])
                return None, _absolute(os.path.join(here, link, *parts[count + 1 :]))
            if count < len(parts) - 1:
                below = os.open(part, _FOLDER | _NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = below
        done = True
        return Place(folder, parts[-1] if parts else ".", os.path.join(root.real, *parts)), ""
    finally:
        if not done:
            os.close(folder)


def _link_at(folder: int, name: str) -> str | None:
    """What the link `name` holds, or None where it is none or nothing."""
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return None
        raise


def _by_name(absolute: str) -> tuple[Place | None, str]:
    """Without descriptors: resolve, and look at the result again after the open (`Place.open`)."""
    real = _absolute(os.path.realpath(absolute))
    if real != absolute:
        return None, real
    return Place(None, os.path.basename(absolute), absolute), ""


# -- what is never written -------------------------------------------------------------------------

_LOADABLE: Final = (
    ".na", ".py", ".pyc", ".pyo", ".pyw", ".pyi", ".pyd", ".pyz", ".pth", ".so", ".dll", ".dylib", ".egg-link", ".dnc",
)  # fmt: skip
_SETTINGS: Final = frozenset({"pyproject.toml", "pyvenv.cfg", "setup.cfg"})
_CACHES: Final = frozenset({"__dana_cache__", "__pycache__"})


def check_writable(place: Place, written: str) -> None:
    """Refuse names that something could load, and the folders of caches and of the interpreter (threat model 5.7).

    Raises DanaSecurityError, whatever is granted.
    """
    # A trailing dot or space, or a stream after a colon, is no part of the name on some systems.
    names = {name.rstrip(". ").casefold() for name in (place.name, place.name.split(":")[0])}
    parts = {part.casefold() for part in place.path.split(os.sep)}
    if any(name.endswith(_LOADABLE) for name in names) or names & _SETTINGS or parts & _CACHES:
        raise DanaSecurityError(
            f"{written!r} is never written: something could load it as code or settings",
            hint="choose another name, such as one that ends in .txt or .json",
        )
    if any(is_below(place.path, folder) for folder in _protected()):
        raise DanaSecurityError(f"{written!r} is never written: it belongs to the interpreter or to a cache")


def _protected() -> set[str]:
    """Folders of the interpreter, of installed packages, of this package and of the compiled modules."""
    import platformdirs  # a program that writes nothing does without

    paths = sysconfig.get_paths()
    folders = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")}
    folders.add(os.path.dirname(os.path.dirname(__file__)))
    folders.add(platformdirs.user_cache_dir("dana2py", appauthor=False))
    return {_absolute(os.path.realpath(folder)) for folder in folders}


def is_regular(status: os.stat_result) -> bool:
    """Whether it is a file with contents, and no folder, pipe, socket or device."""
    return stat.S_ISREG(status.st_mode)
