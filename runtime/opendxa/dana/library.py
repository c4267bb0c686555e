"""Reading and compiling Dana text, once: the meeting place of search, cache and compiler.

In: a place or a text, and a policy. Out: `CompiledModule`, from memory, from the disk cache, or from the compiler,
which is loaded only then. Nothing is executed here, and nothing here belongs to one context: all share it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dana2py.cache import Cache
from dana2py.compiled import CacheKey, CompiledModule
from dana_guards.errors import DanaError, DanaImportError, DanaSyntaxError, InternalError
from dana_guards.limits import compiling
from opendxa.dana.search import Place, Root, default_roots

if TYPE_CHECKING:
    from dana_guards.policy import Policy

_REMEMBERED = 256
_MAX_BYTES = 40_000_004  # ten million characters of UTF-8, and a little more so that the compiler refuses it


class Library:
    """Compiled modules of one process."""

    def __init__(self, cache: Cache | None = None) -> None:
        self._lock = threading.Lock()
        self._cache = cache
        self._modules: OrderedDict[object, CompiledModule] = OrderedDict()

    @property
    def cache(self) -> Cache:
        """The disk cache; the environment is read at the first use."""
        if self._cache is None:
            self._cache = Cache.default()
        return self._cache

    def roots(self) -> list[Root]:
        """The search folders after those that a context names."""
        return default_roots()

    def load(self, place: Place, name: str, policy: Policy) -> CompiledModule:
        """The compiled module of a file.

        Raises
        ------
        DanaImportError : the file cannot be read.
        DanaSyntaxError, DanaSecurityError : the compiler or the policy refuses it.
        """
        return self.load_bytes(read_place(place, name), place, name, policy)

    def load_bytes(self, data: bytes, place: Place, name: str, policy: Policy) -> CompiledModule:
        """The compiled module of bytes that were read already; the bytes count, never a time stamp."""
        key = self._key(data, place, name, policy)
        module = self._recall(key.digest)
        if module is not None:
            return module
        module = self._stored(key, place, policy)
        if module is None:
            module = _compile(data, place, name, policy)
            self.cache.put(key, module)
        return self._remember(key.digest, module)

    def stored(self, data: bytes, place: Place, name: str, policy: Policy) -> CompiledModule | None:
        """As `load_bytes`, but only what is on the disk already: nothing is compiled or remembered."""
        return self._stored(self._key(data, place, name, policy), place, policy)

    def _key(self, data: bytes, place: Place, name: str, policy: Policy) -> CacheKey:
        assert place.file is not None
        return self.cache.key(
            data,
            filename=place.file,
            name=name,
            fingerprint=policy.fingerprint(),
            options=compiler_options(),
            is_package=place.is_package,
        )

    def _stored(self, key: CacheKey, place: Place, policy: Policy) -> CompiledModule | None:
        assert place.file is not None
        return self.cache.get(key) or self.cache.get_beside(
            Path(place.file), key, policy.profile, vouched=place.vouched
        )

    def compile_text(
        self, text: str, filename: str, policy: Policy, known: Iterable[str], closed: bool = False
    ) -> CompiledModule:
        """The compiled module of a text for `eval_dana` or, ``closed``, of a whole program for `run_dana`.

        Only remembered, not stored on the disk. ``closed`` promises that nothing else runs in its namespace.
        """
        names = frozenset(known)
        key = (text, filename, policy.fingerprint(), names, compiler_options(), closed)
        module = self._recall(key)
        if module is None:
            from dana2py.compiler import compile_source

            with compiling(), _our_mistakes(filename):
                module = compile_source(
                    text, filename, name="__main__", policy=policy, known=names, interactive=True, closed=closed
                )
            self._remember(key, module)
        return module

    def _recall(self, key: object) -> CompiledModule | None:
        with self._lock:
            module = self._modules.get(key)
            if module is not None:
                self._modules.move_to_end(key)
            return module

    def _remember(self, key: object, module: CompiledModule) -> CompiledModule:
        with self._lock:
            self._modules[key] = module
            while len(self._modules) > _REMEMBERED:
                self._modules.popitem(last=False)
        return module


def compiler_options() -> tuple[str, ...]:
    """Settings of the environment that shape code (design page, section 7)."""
    names = ("DANA_AUTO_COERCION", "DANA_SEMANTIC_TRUTH", "DANA2PY_OPTIMISE")
    return tuple(f"{name}={os.environ[name]}" for name in names if name in os.environ)


def read_bytes(file: str) -> bytes:
    """The bytes of a file, at most a little more than the compiler accepts."""
    fd = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        # Not `open(file).read(limit)`: that would first make room for the limit.
        data = os.read(fd, min(os.fstat(fd).st_size, _MAX_BYTES))
        while len(data) < _MAX_BYTES and (more := os.read(fd, min(65536, _MAX_BYTES - len(data)))):
            data += more
        return data
    finally:
        os.close(fd)


def read_place(place: Place, name: str) -> bytes:
    """The bytes of a module, on the disk or in an archive. DanaImportError if they cannot be read."""
    assert place.file is not None
    if place.archive is None:
        return read_source(place.file, name)
    from opendxa.dana import archives

    return archives.read(place.archive, place.file)


def read_source(file: str, name: str) -> bytes:
    """The bytes of a module's file. DanaImportError if it cannot be read."""
    try:
        return read_bytes(file)
    except OSError as error:
        raise DanaImportError(f"module '{name}' cannot be read: {error.strerror}", filename=file) from None


def decode(data: bytes, filename: str) -> str:
    """Source bytes as text. DanaSyntaxError with the line of the first byte that is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        raise DanaSyntaxError(
            f"byte {data[error.start]:#04x} is not UTF-8",
            filename=filename,
            lineno=before.count(b"\n") + 1,
            column=column,
            hint="save the file as UTF-8",
        ) from None


def _compile(data: bytes, place: Place, name: str, policy: Policy) -> CompiledModule:
    from dana2py.compiler import compile_source  # slow to import, so only where the cache has nothing

    assert place.file is not None
    text = decode(data, place.file)
    with compiling(), _our_mistakes(place.file):
        return compile_source(text, place.file, name=name, policy=policy, is_package=place.is_package)


@contextlib.contextmanager
def _our_mistakes(filename: str) -> Iterator[None]:
    """What the compiler raises and does not mean to raise is an `InternalError`: it says nothing about the program."""
    try:
        yield
    except (DanaError, RecursionError, MemoryError):
        raise
    except Exception as error:
        raise InternalError(
            f"the compiler failed: {type(error).__name__}: {error}",
            filename=filename,
            hint="this is a mistake of dana2py, not of the program: please report it",
        ) from error
