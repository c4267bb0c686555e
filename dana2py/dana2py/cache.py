"""The cache of compiled modules on the disk.

In: a `CacheKey` and what was compiled for it. Out: the same `CompiledModule` again, in this process or the next, or
nothing. A file that is missing, damaged, stale, foreign or planted is a miss, never an error and never executed: who
can write here could otherwise write code (CVE-2019-12760, CVE-2025-69872). Nothing is compiled here.

An entry is one file, replaced and never edited:

    8 bytes magic | 32 bytes HMAC-SHA-256 of the rest | 32 bytes SHA-256 of the rest | header | empty line | marshal

The header says, one line for each part, what shaped the code; it is compared, not parsed. The HMAC is made with a
key that only the user can read. Without that key an entry counts only by its owner: root, for everybody else (a
container image); and beside a module (`__dana_cache__`, written by ``dana2py build``) root or the user, if the caller
vouches that Python itself would execute files from that place.

A warm import loads this file; it imports nothing that is slow to import.
"""

from __future__ import annotations

import contextlib
import hmac
import marshal
import os
import stat
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from dana2py.compiled import CacheKey, CompiledModule, cache_key, compiler_digest, compiler_stamp

MAGIC = b"DANAC\x01\r\n"
SUFFIX = ".dnc"
FOLDER = "__dana_cache__"
DEFAULT_LIMIT = 256 * 1024 * 1024
"""Bytes that the cache may take before the entries used least recently go."""

_START = len(MAGIC) + 64
"""Where the header begins."""
_MAX_ENTRY = 64 * 1024 * 1024
_DAY = 86_400.0
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_COMMON = _NOFOLLOW | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _COMMON
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _COMMON


class CacheInfo(NamedTuple):
    """What ``dana2py cache info`` shows. ``size`` and ``limit`` are bytes; ``problem`` says why nothing is stored."""

    folder: str
    enabled: bool
    entries: int
    size: int
    limit: int
    problem: str | None = None


class Cache:
    """Compiled modules in one folder of the user.

    Parameters
    ----------
    root : the folder, made on the first write with mode 0700; None switches the cache off.
    limit : bytes that all entries together may take.
    shared : others may read the entries (never the key): for images that root builds.
    """

    def __init__(self, root: Path | None, *, limit: int = DEFAULT_LIMIT, shared: bool = False) -> None:
        self.root = root
        self.limit = limit
        self._modes = (0o755, 0o644) if shared else (0o700, 0o600)
        self._lock = threading.Lock()
        self._key: bytes | None = None
        self._compiler: str | None = None

    @classmethod
    def default(cls) -> Cache:
        """The cache that the environment names.

        ``DANA_CACHE=off`` switches it off, ``DANA_CACHE_DIR`` names the folder, ``DANA_CACHE_SIZE`` the limit in
        bytes or as in ``"64MB"``. A folder that root names with ``DANA_CACHE_DIR`` is readable for others, so that the
        users of a container image hit what was compiled while it was built.
        """
        if os.environ.get("DANA_CACHE", "").strip().lower() in {"off", "0", "no", "false"}:
            return cls(None)
        named = os.environ.get("DANA_CACHE_DIR")
        # Absolute now: a later change of the working folder changes nothing.
        folder = Path(os.path.abspath(os.path.expanduser(named))) if named else user_folder()
        return cls(folder, limit=_limit(os.environ.get("DANA_CACHE_SIZE")), shared=bool(named) and _uid() == 0)

    # -- reading ---------------------------------------------------------------------------------

    def key(
        self,
        source: bytes,
        *,
        filename: str,
        name: str,
        fingerprint: str,
        options: Iterable[str] = (),
        is_package: bool = False,
    ) -> CacheKey:
        """`cache_key` with the hash of the compiler from the cache, where it costs one small read."""
        return cache_key(
            source,
            filename=filename,
            name=name,
            fingerprint=fingerprint,
            options=options,
            is_package=is_package,
            compiler=self._compiler or self._know_compiler(),
        )

    def get(self, key: CacheKey) -> CompiledModule | None:
        """The entry of that key, or None."""
        if self.root is None:
            return None
        data = self._read(self.root, key.digest + SUFFIX, key.header)
        return None if data is None else _decode(data)

    def get_beside(self, path: Path, key: CacheKey, profile: str, *, vouched: bool) -> CompiledModule | None:
        """The entry that was built beside a module, or None.

        Parameters
        ----------
        path : the module's file.
        key : what it must have been made of; its path does not count here.
        profile : the policy's profile, part of the entry's name.
        vouched : Python would execute files from this place too (a folder of ``sys.path``), so an owner who is root
            or the user is enough. Elsewhere only the user's key counts: a folder that came out of an archive belongs
            to the user as well.
        """
        folder = path.parent / FOLDER
        data = self._read(folder, _beside_name(path, profile), key.portable, by_user=vouched, by_root=vouched)
        module = None if data is None else _decode(data)
        if module is None or module.filename == str(path):
            return module
        return module.moved(str(path))

    def _read(
        self, folder: Path, name: str, header: bytes, *, by_user: bool = False, by_root: bool = True
    ) -> bytes | None:
        """The marshal bytes of a file that may be trusted and has this header, or None."""
        try:
            data = self._authentic(folder, name, header)
        except FileNotFoundError:
            return None
        except OSError:
            data = None
        if data is not None:
            return data
        with contextlib.suppress(OSError), _opened(folder) as place:
            if not _only_ours(os.fstat(place.fd) if place.fd is not None else os.lstat(folder)):
                return None
            data, facts = place.read(name)
            return self._verified(data, facts, header, by_user=by_user, by_root=by_root)
        return None

    def _authentic(self, folder: Path, name: str, header: bytes) -> bytes | None:
        """As `_read`, for what the user's key vouches for, which nearly every hit is.

        The content is proved, so it does not matter if somebody exchanges the folder between the two looks at it; no
        descriptor of it is needed.
        """
        key = self._user_key(create=False)
        if key is None:
            return None
        facts = os.lstat(folder)
        if not stat.S_ISDIR(facts.st_mode) or not _only_ours(facts):
            return None
        data, _ = _read_file(os.path.join(folder, name))
        return _proved(data, header, key)

    def _verified(
        self, data: bytes, facts: os.stat_result, header: bytes, *, by_user: bool, by_root: bool
    ) -> bytes | None:
        """The marshal bytes of an entry, if the header is the expected one and somebody trusted wrote it."""
        key = self._user_key(create=False)
        proved = None if key is None else _proved(data, header, key)
        if proved is not None:
            return proved
        if not _has_header(data, header):
            return None
        digest, rest = data[_START - 32 : _START], data[_START:]
        user = _uid()
        owned = (by_user and facts.st_uid == user) or (by_root and facts.st_uid == 0 and (user != 0 or by_user))
        # The digest is no proof of anything; it finds damage, which could crash the unmarshaller.
        if user is not None and owned and _only_ours(facts) and sha256(rest).digest() == digest:
            return data[_START + len(header) + 2 :]
        return None

    # -- writing ---------------------------------------------------------------------------------

    def put(self, key: CacheKey, module: CompiledModule) -> bool:
        """Store a module. False if it could not be stored, which is never an error."""
        if self.root is None:
            return False
        entry = self._entry(key.header, module)
        if entry is None or not self._write(self.root, key.digest + SUFFIX, entry):
            return False
        if key.digest[:2] < "08":  # one in 32, whoever writes it: looking at all files costs more than one entry
            self.trim()
        return True

    def put_beside(self, path: Path, key: CacheKey, module: CompiledModule) -> Path | None:
        """Store a module in the ``__dana_cache__`` folder beside its file; the path written, or None."""
        entry = self._entry(key.portable, module)
        folder, name = path.parent / FOLDER, _beside_name(path, module.profile)
        if entry is None or not self._write(folder, name, entry, modes=(0o755, 0o644)):
            return None
        return folder / name

    def _entry(self, header: bytes, module: CompiledModule) -> bytes | None:
        return self._sealed(header + b"\n\n" + _encode(module))

    def _sealed(self, rest: bytes) -> bytes | None:
        """The whole file for header and content; None if it is too big to be read again."""
        if len(rest) > _MAX_ENTRY:
            return None
        rest = sha256(rest).digest() + rest
        key = self._user_key(create=True)
        return MAGIC + (bytes(32) if key is None else hmac.digest(key, rest, "sha256")) + rest

    def _write(self, folder: Path, name: str, data: bytes, modes: tuple[int, int] | None = None) -> bool:
        """Write a new file and put it in the place of the old one."""
        folder_mode, file_mode = modes or self._modes
        with contextlib.suppress(OSError):
            _make_folder(folder, folder_mode)
            with _opened(folder) as place:
                facts = os.fstat(place.fd) if place.fd is not None else os.lstat(folder)
                if not _only_ours(facts) or facts.st_uid != (_uid() if _uid() is not None else facts.st_uid):
                    _warn(folder)
                    return False
                place.replace(name, data, file_mode)
                return True
        return False

    # -- the user's key and the compiler's hash ----------------------------------------------------

    def _user_key(self, *, create: bool) -> bytes | None:
        """The 32 bytes that authenticate entries, or None where they can be neither read nor made."""
        if self._key is not None or self.root is None:
            return self._key
        with self._lock:
            key = self._read_key()
            if key is None and create:
                key = self._make_key()
            self._key = key
            return key

    def _read_key(self) -> bytes | None:
        assert self.root is not None
        with contextlib.suppress(OSError), _opened(self.root) as place:
            data, facts = place.read("key")
            user = _uid()
            private = user is None or (facts.st_uid == user and not facts.st_mode & 0o077)
            if private and len(data) == 32 and any(data):
                return data
        return None

    def _make_key(self) -> bytes | None:
        """A new key in the place of a missing or damaged one; the one that is there in the end, if several race."""
        assert self.root is not None
        with contextlib.suppress(OSError):
            _make_folder(self.root, self._modes[0])
            with _opened(self.root) as place:
                facts = os.fstat(place.fd) if place.fd is not None else os.lstat(self.root)
                if not _only_ours(facts):
                    return None
                place.replace("key", os.urandom(32), 0o600)
        return self._read_key()

    def _know_compiler(self) -> str:
        """`compiler_digest`, remembered in the folder for as long as the stamps of our files stay the same."""
        if self.root is None:
            self._compiler = compiler_digest()
            return self._compiler
        stamp = ("compiler " + compiler_stamp()).encode()
        known = self._read(self.root, "compiler", stamp)
        if known is None or len(known) != 32:
            known = compiler_digest().encode()
            self._write(self.root, "compiler", self._sealed(stamp + b"\n\n" + known) or b"")
        self._compiler = known.decode("ascii")
        return self._compiler

    # -- care --------------------------------------------------------------------------------------

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        if self.root is None:
            return
        with contextlib.suppress(OSError), os.scandir(self.root) as found:
            for entry in found:
                if entry.name.endswith((SUFFIX, ".tmp")) and entry.is_file(follow_symlinks=False):
                    yield entry

    def info(self) -> CacheInfo:
        """Folder, number of entries and bytes."""
        sizes = []
        for entry in self._entries():
            with contextlib.suppress(OSError):  # another process removed it
                sizes.append(entry.stat(follow_symlinks=False).st_size)
        folder = str(self.root or "")
        return CacheInfo(folder, self.root is not None, len(sizes), sum(sizes), self.limit, self._problem())

    def _problem(self) -> str | None:
        """Why nothing can be stored, for a person; None if it can, or if the cache is switched off."""
        if self.root is None:
            return None
        try:
            facts = os.lstat(self.root)
        except FileNotFoundError:
            above = next(folder for folder in self.root.parents if folder.exists())
            return None if os.access(above, os.W_OK | os.X_OK) else f"{above} cannot be written to"
        except OSError as error:
            return error.strerror
        if not stat.S_ISDIR(facts.st_mode):
            return "it is no folder"
        if not _only_ours(facts) or facts.st_uid != (_uid() if _uid() is not None else facts.st_uid):
            return "it belongs to somebody else, or others can write to it"
        return None if os.access(self.root, os.W_OK | os.X_OK) else "it cannot be written to"

    def clear(self) -> int:
        """Remove all entries; the number of files removed. The key stays."""
        return sum(_remove(entry.path) for entry in list(self._entries()))

    def trim(self) -> int:
        """Remove the entries used least recently until the rest fits the limit; the number removed."""
        facts = []
        for entry in list(self._entries()):
            with contextlib.suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                facts.append((max(found.st_atime, found.st_mtime), found.st_size, entry.path))
        excess, removed = sum(size for _, size, _ in facts) - self.limit, 0
        for _, size, path in sorted(facts):
            if excess <= 0:
                break
            if _remove(path):
                excess, removed = excess - size, removed + 1
        return removed


# -- files -----------------------------------------------------------------------------------------


class _Place:
    """An open folder: its files are reached through the descriptor, so nobody can exchange it under us."""

    def __init__(self, folder: Path, fd: int | None) -> None:
        self.folder = folder
        self.fd = fd

    def _name(self, name: str) -> str:
        return name if self.fd is not None else str(self.folder / name)

    def read(self, name: str) -> tuple[bytes, os.stat_result]:
        """Content and facts of a regular file that is no link. OSError for everything else."""
        return _read_file(self._name(name), self.fd)

    def replace(self, name: str, data: bytes, mode: int) -> None:
        """Put a new file in the place of ``name`` in one step."""
        fresh = f"{os.urandom(8).hex()}.tmp"
        fd = os.open(self._name(fresh), _CREATE, mode, dir_fd=self.fd)
        try:
            try:
                with open(fd, "wb", closefd=False) as file:
                    file.write(data)
                if hasattr(os, "fchmod"):
                    os.fchmod(fd, mode)  # whatever the umask
            finally:
                os.close(fd)
            os.replace(self._name(fresh), self._name(name), src_dir_fd=self.fd, dst_dir_fd=self.fd)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(self._name(fresh), dir_fd=self.fd)
            raise


def _read_file(name: str, folder: int | None = None) -> tuple[bytes, os.stat_result]:
    """Content and facts of a regular file that is no link. OSError for everything else."""
    fd = os.open(name, _READ, dir_fd=folder)
    try:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MAX_ENTRY + 4096:
            raise OSError("not a file of ours")
        data = os.read(fd, facts.st_size)  # a read that is cut short is a damaged entry
        _touch(fd, facts)
        return data, facts
    finally:
        os.close(fd)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[_Place]:
    """The folder, opened; a link in its place is an OSError."""
    if os.open not in os.supports_dir_fd:
        yield _Place(folder, None)
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _NOFOLLOW | os.O_CLOEXEC)
    try:
        yield _Place(folder, fd)
    finally:
        os.close(fd)


def _touch(fd: int, facts: os.stat_result) -> None:
    """Note the use of a file, once a day at most (file systems are often mounted without access times)."""
    now = time.time()
    if now - max(facts.st_atime, facts.st_mtime) > _DAY and os.utime in os.supports_fd:
        with contextlib.suppress(OSError):
            os.utime(fd, times=(now, facts.st_mtime))


def _warn(folder: Path) -> None:
    import logging  # slow to import, and no warm import has anything to say

    logging.getLogger("dana2py.cache").warning("the cache folder %s is not used: somebody else can write to it", folder)


def _make_folder(folder: Path, mode: int) -> None:
    """Make the folder and its parents; an existing one keeps its mode."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=mode)
            folder.chmod(mode)


def _remove(path: str) -> bool:
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def _uid() -> int | None:
    """The effective user, None where the system has none (there the user's profile is private already)."""
    return os.geteuid() if hasattr(os, "geteuid") else None


def _only_ours(facts: os.stat_result) -> bool:
    """Whether root or the user owns it and nobody else can write it."""
    user = _uid()
    return user is None or (facts.st_uid in (0, user) and not facts.st_mode & 0o022)


def user_folder() -> Path | None:
    """The cache folder of the user, None where nobody knows a home (no HOME, and a user that the system does not know).

    `platformdirs` knows it for every system, but costs more to import than a warm module; so its answer for Linux is
    given here (a test compares the two).
    """
    if sys.platform == "linux" and "ANDROID_DATA" not in os.environ:
        base = os.environ.get("XDG_CACHE_HOME", "")
        # The standard of these variables wants relative paths ignored; "~" is left when there is no home.
        base = base if os.path.isabs(base) else os.path.expanduser("~/.cache")
        return Path(base, "dana2py") if os.path.isabs(base) else None
    import platformdirs

    found = Path(platformdirs.user_cache_dir("dana2py", appauthor=False))
    return found if found.is_absolute() else None


def _limit(text: str | None) -> int:
    """The limit that the environment names; what is not understood is told and does not count."""
    if not text:
        return DEFAULT_LIMIT
    from dana_guards.limits import parse_size  # few name one

    try:
        return parse_size(int(text) if text.isdigit() else text)
    except ValueError as error:
        import logging

        logging.getLogger("dana2py.cache").warning("DANA_CACHE_SIZE is not used: %s", error)
        return DEFAULT_LIMIT


# -- content -----------------------------------------------------------------------------------------


def _has_header(data: bytes, header: bytes) -> bool:
    return data.startswith(MAGIC) and data[_START : _START + len(header) + 2] == header + b"\n\n"


def _proved(data: bytes, header: bytes, key: bytes) -> bytes | None:
    """The marshal bytes of an entry that has this header and was made with the user's key, or None."""
    if not _has_header(data, header):
        return None
    mac = hmac.digest(key, memoryview(data)[_START - 32 :], "sha256")
    return data[_START + len(header) + 2 :] if hmac.compare_digest(data[len(MAGIC) : _START - 32], mac) else None


def _beside_name(path: Path, profile: str) -> str:
    return f"{path.stem}.{sys.implementation.cache_tag}.{profile}{SUFFIX}"


def _encode(module: CompiledModule) -> bytes:
    return marshal.dumps(
        (
            module.code,
            module.name,
            module.filename,
            module.exports,
            marshal.dumps(module.manifest),
            module.fingerprint,
            module.profile,
            module.is_package,
            module.docstring,
            module.annotations,
            module.names,
        )
    )


def _decode(data: bytes) -> CompiledModule | None:
    """The module of authenticated bytes; None if this Python cannot read them after all."""
    try:
        return CompiledModule(*marshal.loads(data))
    except (EOFError, ValueError, TypeError):
        return None
