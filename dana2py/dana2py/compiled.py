"""The compiled module, and the key under which it is stored.

In: what the compiler made, or what the cache read back. Out: `CompiledModule`, immutable and free of
values, so that any number of contexts may execute it; `cache_key`, which says everything that shaped it.
Nothing is compiled, executed or read from the disk here, except the stamps of our own files.

A warm import loads this file, so it imports nothing heavy: no lark, no libcst, no RestrictedPython.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

FORMAT = "dana2py-cache 1"


@dataclass(frozen=True, slots=True)
class CompiledModule:
    """The immutable result of compiling one source file or one piece of text.

    Parameters
    ----------
    code : the code object of the module's top level.
    name : the module's dotted name, ``"__main__"`` for a program, ``"<eval>"`` for a piece of text.
    filename : the path that tracebacks name; equal to ``code.co_filename``.
    exports : the names of ``export`` and ``__exports__`` as far as they are constant, None for "all public names".
    manifest : plain data (str, int, float, bool, None, lists, dicts with str keys): ``functions`` with signatures and
        annotations, ``structs``, ``imports``, ``capabilities``. Readers must not change it.
    fingerprint : that of the policy that restricted the code.
    profile : the policy's profile, ``"limited"`` or ``"unlimited"``.
    is_package : made from an ``__init__.na``.
    docstring : the module's docstring, or None.
    """

    code: CodeType
    name: str
    filename: str
    exports: tuple[str, ...] | None = None
    manifest: dict[str, Any] = field(default_factory=dict, hash=False)
    fingerprint: str = ""
    profile: str = "limited"
    is_package: bool = False
    docstring: str | None = None


class CacheKey(NamedTuple):
    """Everything that shaped a compiled module, as text.

    ``header`` has one line for each part and stands at the head of the cache file; ``portable`` is the same without
    the path, for files that travel with their module; ``digest`` is the hash of ``header`` and names the file.
    """

    digest: str
    header: bytes
    portable: bytes


def cache_key(
    source: bytes,
    *,
    filename: str,
    name: str,
    fingerprint: str,
    options: Iterable[str] = (),
    is_package: bool = False,
    compiler: str | None = None,
) -> CacheKey:
    """The key of a compiled module.

    Parameters
    ----------
    source : the bytes of the file, as they are.
    filename : the real path of the file; it is part of the code (tracebacks name it).
    name : the module's dotted name.
    fingerprint : that of the policy, profile included.
    options : further settings that shape the code, in any order.
    is_package : the file is the ``__init__.na`` of a package.
    compiler : `compiler_digest()` if the caller knows it already.
    """
    shape = sorted(options) + (["package"] if is_package else [])
    portable = "\n".join(
        (
            FORMAT,
            f"python {sys.implementation.cache_tag} {importlib.util.MAGIC_NUMBER.hex()}",
            f"compiler {compiler or compiler_digest()}",
            f"policy {fingerprint!a}",
            f"options {shape!a}",
            f"module {name!a}",
            f"source {sha256(source).hexdigest()}",
        )
    ).encode("ascii")
    header = portable + f"\nfile {filename!a}".encode("ascii")
    return CacheKey(sha256(header).hexdigest(), header, portable)


@functools.cache
def compiler_digest() -> str:
    """A hash of the text of everything that shapes code: the compiler, the guards, RestrictedPython.

    A version number raised by hand is forgotten sooner or later (jinja's ``bc_version``), and stale code would then
    run with guards it was not made for. Text, and not time stamps, so that two machines agree.
    """
    digest = sha256()
    for path in _compiler_files():
        digest.update(path.name.encode() + b"\0" + sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def compiler_stamp() -> str:
    """A hash of names, sizes and times of the same files: cheap, but true for this machine only."""
    digest = sha256()
    for path in _compiler_files():
        facts = path.stat()
        digest.update(f"{path} {facts.st_size} {facts.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _compiler_files() -> list[Path]:
    """Our sources that shape code, in a fixed order; empty where they are not files (a zip)."""
    roots = [Path(__file__).parent]
    for package in ("dana_guards", "RestrictedPython"):
        spec = importlib.util.find_spec(package)
        if spec is not None:
            roots.extend(Path(place) for place in spec.submodule_search_locations or ())
    return [
        Path(folder, file)
        for root in roots
        for folder, _, files in sorted(os.walk(root))
        for file in sorted(files)
        if file.endswith((".py", ".lark"))
    ]
