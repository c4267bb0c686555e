"""A Dana module of a worker process as its host sees it.

In: the module's name. Out: a `DanaModule` whose attributes are asked of the worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dana_guards.errors import DanaImportError
from opendxa.dana.module import DanaModule

if TYPE_CHECKING:
    from opendxa.dana.process_context import ProcessContext


class _Documentation:
    """The module's docstring on an instance, the class's own on the class."""

    def __get__(self, module: ProcessModule | None, kind: type) -> str | None:
        return DanaModule.__doc__ if module is None else _doc(module)


class ProcessModule(DanaModule):
    __doc__ = _Documentation()
    __slots__ = ("_name",)

    _context: ProcessContext
    _name: str

    def __init__(self, context: ProcessContext, name: str) -> None:
        object.__setattr__(self, "_context", context)
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name: str) -> Any:
        special = _SPECIAL.get(name)
        if special is not None:
            return special(self)
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"DanaModule has no attribute {name!r}")
        self._context._require_open()
        return self._context._attribute(self._name, name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"the Dana module {self._name!r} cannot be changed from outside")

    __delattr__ = __setattr__

    def __dir__(self) -> list[str]:
        names = self._context._ask("names", [self._name])
        return [name for name in names if type(name) is str]

    def __repr__(self) -> str:
        return f"<DanaModule {self._name!r} in a worker process>"

    def _facts(self) -> dict[str, Any]:
        """File, documentation and manifest, as the worker knows them; doubted like everything from there."""
        told = self._context._ask("facts", [self._name])
        if type(told) is not dict or type(told.get("manifest")) is not dict:
            raise DanaImportError("the worker process told nothing of a module")
        return told


def _file(module: ProcessModule) -> str | None:
    file = module._facts().get("file")
    return file if type(file) is str and file in module._context._files else None


def _doc(module: ProcessModule) -> str | None:
    doc = module._facts().get("doc")
    return doc if type(doc) is str else None


def _python_source(module: ProcessModule) -> str:
    file = _file(module)
    if file is None:
        return ""
    from dana2py.show import show_source
    from dana2py.source import Source  # the compiler and libcst: only for who looks
    from opendxa.dana.library import decode, read_source

    return show_source(Source(decode(read_source(file, module._name), file), file), profile="limited")


_SPECIAL: dict[str, Any] = {
    "__name__": lambda module: module._name,
    "__file__": _file,
    "__manifest__": lambda module: module._facts()["manifest"],
    "__python_source__": _python_source,
}
