"""A Dana module after its execution, as Dana code sees it, and as Python sees one from ``dana_modules``.

In: a namespace that was executed. Out: `LoadedModule`, whose ``__dict__`` is the namespace itself, so attributes are
always live and a read costs what it costs on a Python module. Only names without leading underscore mean anything to
Dana code, and those are the module's own; what is missing is looked for here, with a suggestion at the end.

Not here: how a context shows a module to its host (`module.DanaModule`), and loading (`importer`).
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from dana2py.compiled import CompiledModule
from dana_guards.spelling import dana_name, python_name

_INFO = "__dana__"


class ModuleInfo:
    """What belongs to a module and is no name of it."""

    __slots__ = ("__weakref__", "compiled", "folder", "namespace", "public", "ready", "stamp", "submodule")

    def __init__(
        self,
        compiled: CompiledModule | None,
        folder: str | None,
        public: object,
        submodule: Callable[[str], ModuleType | None],
    ) -> None:
        self.compiled = compiled
        self.folder = folder
        self.public = public
        self.submodule = submodule
        self.stamp: tuple[int | str, ...] | None = ()
        """How the file looked when it was loaded."""
        self.namespace: dict[str, Any] | None = None
        """The module's own namespace, once it is over."""
        self.ready = False
        """False while the top level runs: then names may still be missing (circular imports)."""


class LoadedModule(ModuleType):
    """A Dana module. Names that its namespace lacks: Dana spellings (``class``), ``public:`` names, submodules."""

    _dana_type_name_ = "Module"

    def _dana_member_(self, name: str) -> Any:
        """An export whose name the guards never read plainly (`dana_guards.access`)."""
        if name in self.__dict__ and not name.startswith(("_", "dana_")):
            return self.__dict__[name]
        raise missing(self, name)

    def __getattr__(self, name: str) -> Any:
        info = self.__dict__.get(_INFO)
        if info is not None and name in ("__manifest__", "__python_source__"):
            from opendxa.dana import module  # only for who looks

            return module.manifest_of(self) if name == "__manifest__" else module.python_source_of(self)
        if info is not None and name == "__all__":  # always live, and an import need not make it
            return list(map(python_name, exported_names(self.__dict__)))
        if info is None or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(f"module {self.__dict__.get('__name__', 'dana')!r} has no attribute {name!r}")
        found = lookup(self, name)
        if found is not _ABSENT:
            return found
        raise missing(self, name)

    def __dir__(self) -> list[str]:
        return public_names(self.__dict__)


_ABSENT: Any = object()


def info_of(module: ModuleType) -> ModuleInfo | None:
    """The `ModuleInfo` of a Dana module, None for any other."""
    found = module.__dict__.get(_INFO)
    return found if isinstance(found, ModuleInfo) else None


def set_info(module: ModuleType, info: ModuleInfo) -> None:
    """Note what belongs to a module."""
    module.__dict__[_INFO] = info


def restore(module: ModuleType, names: dict[str, Any]) -> None:
    """Give a module back the names that it had; another thread that reads them misses none meanwhile."""
    module.__dict__.update(names)
    for name in [name for name in module.__dict__ if name not in names]:
        module.__dict__.pop(name, None)


def lookup(module: ModuleType, name: str) -> Any:
    """The value behind a name that is no plain key of the namespace, or `_ABSENT`."""
    info = info_of(module)
    if info is None or name.startswith(("_", "dana_")):
        return _ABSENT
    python = python_name(name)
    if python in module.__dict__:
        return module.__dict__[python]
    if python in vars(info.public):
        return vars(info.public)[python]
    submodule = info.submodule(name)
    return _ABSENT if submodule is None else submodule


def is_absent(value: object) -> bool:
    """Whether `lookup` found nothing."""
    return value is _ABSENT


def missing(module: ModuleType, name: str) -> AttributeError:
    """The error for a name that a module does not have."""
    from dana_guards.spelling import did_you_mean

    shown = dana_name(name) or name
    if shown.startswith("_"):
        return AttributeError(f"{shown!r} is private to the Dana module {module.__name__!r}", name=name, obj=module)
    info = info_of(module)
    if info is not None and not info.ready:
        text = f"the Dana module {module.__name__!r} has no {shown!r} yet: it is still being loaded (circular import)"
        return AttributeError(text, name=name, obj=module)
    hint = did_you_mean(shown, public_names(module.__dict__))
    # Without `obj`, or Python would add its own suggestion, which may be a private name.
    return AttributeError(f"the Dana module {module.__name__!r} has no attribute {shown!r}{hint}")


def public_names(namespace: dict[str, Any]) -> list[str]:
    """The Dana names of a namespace that other modules may use, sorted: no underscore, nothing of the compiler."""
    names = []
    for key in namespace:
        if key[0] == "_" or (key[:5] == "dana_" and key[:7] != "dana_n_"):
            continue
        names.append(key if key[-1] != "_" and key[:5] != "dana_" else dana_name(key) or key)
    return sorted(names)


def exported_names(namespace: dict[str, Any]) -> list[str]:
    """What ``from m import *`` takes: ``__exports__`` if the module has it, else `public_names` (9.4)."""
    named = namespace.get("dana_u__exports__")
    if isinstance(named, (list, tuple, set, frozenset)):
        return [name for name in named if type(name) is str and not name.startswith("_")]
    return public_names(namespace)
