"""The compiled module, and the key under which it is stored.

In: what the compiler made, or what the cache read back. Out: `CompiledModule`, immutable and free of
values, so that any number of contexts may execute it; `cache_key`, which says everything that shaped it.
Nothing is compiled, executed or read from the disk here, except the stamps of our own files.

A warm import loads this file, so it imports nothing heavy: no lark, no libcst, no RestrictedPython.
"""

from __future__ import annotations

import functools
import importlib.util
import marshal
import os
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

FORMAT = "dana2py-cache 2"


_NOTHING = marshal.dumps({})


class CompiledModule:
    """The immutable result of compiling one source file or one piece of text.

    Not a dataclass, because most imports never ask for the manifest: it is kept as bytes until somebody does.

    Parameters
    ----------
    code : the code object of the module's top level.
    name : the module's dotted name, ``"__main__"`` for a program.
    filename : the path that tracebacks name; equal to ``code.co_filename``.
    exports : the names of ``export`` and ``__exports__`` as far as they are constant, None for "all public names".
    manifest : plain data (str, int, float, bool, None, lists, dicts with str keys): ``functions`` with parameters and
        annotations, ``structs``, ``imports``, ``capabilities``. Readers must not change it. Bytes are its `marshal`.
    fingerprint : that of the policy that restricted the code.
    profile : the policy's profile, ``"limited"`` or ``"unlimited"``.
    is_package : made from an ``__init__.na``.
    docstring : the module's docstring, or None.
    annotations : function to parameter (or ``return``) to type; names in Python's spelling; None: from the manifest.
    names : every name that the code may ask its namespace for; from the code if None.
    """

    __slots__ = (
        *("_manifest", "annotations", "code", "docstring", "exports", "filename", "fingerprint", "is_package"),
        *("name", "names", "profile"),
    )

    code: CodeType
    name: str
    filename: str
    exports: tuple[str, ...] | None
    fingerprint: str
    profile: str
    is_package: bool
    docstring: str | None
    annotations: dict[str, dict[str, str]]
    names: tuple[str, ...]
    _manifest: dict[str, Any] | bytes

    def __init__(
        self,
        code: CodeType,
        name: str,
        filename: str,
        exports: tuple[str, ...] | None = None,
        manifest: dict[str, Any] | bytes = _NOTHING,
        fingerprint: str = "",
        profile: str = "limited",
        is_package: bool = False,
        docstring: str | None = None,
        annotations: dict[str, dict[str, str]] | None = None,
        names: tuple[str, ...] | None = None,
    ) -> None:
        write = object.__setattr__
        write(self, "code", code)
        write(self, "name", name)
        write(self, "filename", filename)
        write(self, "exports", exports)
        write(self, "_manifest", manifest)
        write(self, "fingerprint", fingerprint)
        write(self, "profile", profile)
        write(self, "is_package", is_package)
        write(self, "docstring", docstring)
        write(self, "annotations", _annotations(self.manifest) if annotations is None else annotations)
        write(self, "names", tuple(sorted(_names(code))) if names is None else names)

    @property
    def manifest(self) -> dict[str, Any]:
        """What the module offers and may need."""
        manifest = self._manifest
        if isinstance(manifest, bytes):
            manifest = marshal.loads(manifest)
            object.__setattr__(self, "_manifest", manifest)
        return manifest

    def moved(self, filename: str) -> CompiledModule:
        """The same module under another path."""
        return CompiledModule(
            _renamed(self.code, filename),
            self.name,
            filename,
            self.exports,
            self._manifest,
            self.fingerprint,
            self.profile,
            self.is_package,
            self.docstring,
            self.annotations,
            self.names,
        )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a compiled module cannot be changed")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def _facts(self) -> tuple[object, ...]:
        return self.code, self.name, self.filename, self.exports, self.fingerprint, self.profile, self.is_package

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CompiledModule) and self._facts() == other._facts() and self.manifest == other.manifest

    def __hash__(self) -> int:
        return hash(self._facts())

    def __repr__(self) -> str:
        return f"<CompiledModule {self.name!r} from {self.filename!r}, {self.profile}>"


def _annotations(manifest: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What the manifest says of parameters and results, in the form that the loader needs at each import."""
    functions = manifest.get("functions")
    if not functions:
        return {}
    from dana2py.bindings import python_name  # whoever makes a module that is new has the compiler loaded

    found: dict[str, dict[str, str]] = {}
    for name, function in functions.items():
        notes = {python_name(param["name"]): param["type"] for param in function["params"] if param["type"]}
        if function["returns"]:
            notes["return"] = function["returns"]
        found[python_name(name)] = notes
    return found


def _names(code: CodeType) -> set[str]:
    names: set[str] = set()
    pending = [code]
    while pending:
        inner = pending.pop()
        names.update(inner.co_names)
        pending += [const for const in inner.co_consts if isinstance(const, CodeType)]
    return names


def _renamed(code: CodeType, filename: str) -> CodeType:
    constants = tuple(_renamed(item, filename) if isinstance(item, CodeType) else item for item in code.co_consts)
    return code.replace(co_filename=filename, co_consts=constants)


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
    """Our sources that shape code, in a fixed order; where they lie in an archive, the archive."""
    roots = [Path(__file__).parent]
    for package in ("dana_guards", "RestrictedPython"):
        spec = importlib.util.find_spec(package)
        if spec is not None:
            roots.extend(Path(place) for place in spec.submodule_search_locations or ())
    files = [
        Path(folder, file)
        for root in roots
        for folder, _, files in sorted(os.walk(root))
        for file in sorted(files)
        if file.endswith((".py", ".lark"))
    ]
    archives = {above: None for root in roots if not root.is_dir() for above in root.parents if above.is_file()}
    return [*files, *archives]
