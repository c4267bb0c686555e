"""Dana modules as Python modules: ``import dana_modules.math_utils`` finds ``math_utils.na``.

In: the import statement. Out: a module of plain Python functions. They are looked for in the folders given to
`configure`, those of ``[tool.dana2py]`` in ``pyproject.toml``, in ``DANAPATH``, in every ``dana_modules`` folder on
``sys.path``, and in the working folder. The work is done in `opendxa.dana.hook`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.machinery import ModuleSpec
from os import PathLike
from types import ModuleType
from typing import Any

__all__ = ["configure"]


class _Door:
    """Stands for the finder while that is being loaded: `opendxa.dana.hook.Pending` says why."""

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, cls()) if fullname.startswith("dana_modules.") else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        import_module("dana_modules")
        return __dana_hook__.adopt(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Never called: `create_module` has put the real loader in its place."""


sys.meta_path.append(_Door)
try:
    from opendxa.dana import hook as __dana_hook__

    __dana_hook__.install()
finally:
    sys.meta_path.remove(_Door)
# Not the folder of this file itself, where wheels put their modules too: Python would take a folder with an
# ``__init__.na`` for a namespace package of its own.
__path__ = __dana_hook__.walkable_folders()


def configure(
    *,
    allowed_capabilities: Iterable[str] | None = None,
    search_paths: Iterable[str | PathLike[str]] | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    objects: Mapping[str, Any] | None = None,
    on_print: Callable[[str], Any] | None = None,
    llm: Any = None,
) -> None:
    """Say what all modules below ``dana_modules`` may do. Only before the first of them is imported.

    Parameters
    ----------
    allowed_capabilities : grants such as ``"file_read:/data"``; none by default. None leaves what the project says.
    search_paths : folders of Dana modules, before all others.
    functions, objects : by name, for Dana code to use like built-ins; they are handed over as they are.
    on_print : gets what Dana prints.
    llm : the provider of a language model.

    Raises
    ------
    ValueError : a setting that is not understood.
    DanaContextError : a Dana module is imported already.
    """
    from opendxa.dana.hook_settings import checked

    values = checked(
        allowed_capabilities=allowed_capabilities,
        search_paths=search_paths,
        functions=functions,
        objects=objects,
        on_print=on_print,
        llm=llm,
    )
    __dana_hook__.settings.configure(values)
    __path__[:] = __dana_hook__.walkable_folders()
