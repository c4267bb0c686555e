"""A module of a context as its host sees it.

In: a `LoadedModule` of the context. Out: `DanaModule`, whose attributes are the module's exports: functions, struct
constructors and values, always live, converted on the way out. It can be read and not written.
"""

from __future__ import annotations

import dis
import functools
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from opendxa.dana.loaded import LoadedModule, info_of, is_absent, lookup, missing, public_names

if TYPE_CHECKING:
    from opendxa.dana.context import DanaContext


class _ModuleKind(type):
    """``isinstance(m, DanaModule)`` also for modules from ``dana_modules``, which are ordinary Python modules."""

    def __instancecheck__(cls, value: object) -> bool:
        return type.__instancecheck__(cls, value) or isinstance(value, LoadedModule)


class _Documentation:
    """The module's docstring on an instance, the class's own on the class."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __get__(self, module: DanaModule | None, kind: type) -> str | None:
        if module is None:
            return self._text
        info = info_of(module._module)
        return None if info is None or info.compiled is None else info.compiled.docstring


class DanaModule(metaclass=_ModuleKind):
    __doc__ = _Documentation("""An imported Dana module.

    Attributes are the module's public names. An unknown or private name is an AttributeError with the nearest name.

    * ``__name__``, ``__file__``, ``__doc__``
    * ``__manifest__``: what the module offers and may need, as plain data
    * ``__python_source__``: the Python that it became
    """)

    # Functions that no code of the module ever rebinds are kept in the instance's own dictionary, where Python finds
    # them without asking; everything else is looked up each time.
    __slots__ = ("__dict__", "__weakref__", "_context", "_module", "_namespace")

    _context: DanaContext
    _module: LoadedModule
    _namespace: dict[str, Any]

    def __init__(self, context: DanaContext, module: LoadedModule) -> None:
        object.__setattr__(self, "_context", context)
        object.__setattr__(self, "_module", module)
        object.__setattr__(self, "_namespace", module.__dict__)

    def __getattr__(self, name: str) -> Any:
        special = _SPECIAL.get(name)
        if special is not None:
            return special(self)
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"DanaModule has no attribute {name!r}")
        self._context._require_open()
        namespace = self._namespace
        if name in namespace and not name.startswith(("_", "dana_")):
            value = namespace[name]
        else:
            value = self._context._inside(lookup, self._module, name)
            if is_absent(value):
                raise missing(self._module, name)
        shown = self._context._border.release(value)
        if type(shown) is FunctionType and name in namespace and name not in rebound_names(self._module):
            self.__dict__[name] = shown
        return shown

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"the Dana module {self._module.__name__!r} cannot be changed from outside")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def __dir__(self) -> list[str]:
        return sorted([*public_names(self._module.__dict__), *_SPECIAL])

    def __repr__(self) -> str:
        name = _name(self)
        return f"<DanaModule {name!r} from {_file(self)!r}>" if name else "<DanaModule of a closed context>"

    def __reduce__(self) -> Any:
        raise TypeError("a module of a context cannot be pickled or copied: it lives in its context")


def forget(module: DanaModule) -> None:
    """Look everything up again: the module was loaded anew, got a submodule, or has ended."""
    module.__dict__.clear()


def rebound_names(module: ModuleType) -> frozenset[str]:
    """The module's names that its functions assign (``global``)."""
    info = info_of(module)
    if info is None or info.compiled is None:
        return frozenset()
    return _global_stores(info.compiled.code)


@functools.lru_cache(maxsize=256)
def _global_stores(code: CodeType) -> frozenset[str]:
    names: set[str] = set()
    pending = [const for const in code.co_consts if isinstance(const, CodeType)]
    while pending:
        inner = pending.pop()
        pending += [const for const in inner.co_consts if isinstance(const, CodeType)]
        if inner.co_names:
            instructions = dis.get_instructions(inner)
            names.update(str(step.argval) for step in instructions if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"))
    return frozenset(names)


def _name(module: DanaModule) -> str | None:
    """The module's name; None when its context has ended, which leaves nothing of a module."""
    name: str | None = module._module.__dict__.get("__name__")
    return name


def _file(module: DanaModule) -> str | None:
    info = info_of(module._module)
    return None if info is None or info.compiled is None else info.compiled.filename


def _manifest(module: DanaModule) -> dict[str, Any]:
    return manifest_of(module._module)


def manifest_of(module: ModuleType) -> dict[str, Any]:
    """What a module offers and may need; a copy, so that nobody changes what the cache remembers."""
    from copy import deepcopy

    info = info_of(module)
    return {} if info is None or info.compiled is None else deepcopy(info.compiled.manifest)


def python_source_of(module: ModuleType) -> str:
    """The Python of a module, readable. DanaImportError if the file is gone."""
    from dana_guards.errors import DanaImportError

    info = info_of(module)
    if info is None or info.compiled is None:
        return ""
    from dana2py.show import show_source
    from dana2py.source import Source  # the compiler and libcst: only for who looks
    from opendxa.dana import archives
    from opendxa.dana.library import decode, read_source

    compiled = info.compiled
    file, archive = compiled.filename, archives.archive_of(compiled.filename)
    try:
        text = decode(read_source(file, compiled.name) if archive is None else archives.read(archive, file), file)
    except DanaImportError:
        raise DanaImportError(f"the text of module '{compiled.name}' is gone", filename=compiled.filename) from None
    return show_source(Source(text, compiled.filename), profile=compiled.profile)


_SPECIAL: dict[str, Any] = {
    "__name__": _name,
    "__file__": _file,
    "__manifest__": _manifest,
    "__python_source__": lambda module: python_source_of(module._module),
}
