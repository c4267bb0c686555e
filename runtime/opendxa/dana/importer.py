"""Imports inside a context: what the hooks ``_import_``, ``_import_from_`` and ``_import_star_`` call.

In: names as Dana code wrote them. Out: `LoadedModule` values of this context, or façades of Python modules (which the
guards make and check). Each context has its own table: nothing here touches ``sys.modules``, ``sys.path`` or
``sys.meta_path``, and a local ``.py`` file is never run.

Circular imports behave as in Python: the module that is still being loaded is handed out as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, Protocol

from dana2py.compiled import CompiledModule
from dana_guards.errors import DanaError, DanaImportError, DanaLimitError, DanaSecurityError, InternalError
from dana_guards.spelling import dana_name, near_name, python_name
from opendxa.dana.loaded import LoadedModule, ModuleInfo, exported_names, info_of, is_absent, lookup, missing, set_info
from opendxa.dana.search import Place, Root, check_name, find, locate, not_found, package_file

Stamp = tuple[int | str, ...] | None


class FacadeMaker(Protocol):
    """Makes the façade of a Python module; None, or an error if it is required, where there is none."""

    def __call__(self, name: str, *, required: bool = False, importer: str = "") -> Any: ...


class Importer:
    """Finds, loads and remembers the modules of one context.

    Parameters
    ----------
    roots : gives the search folders, asked once at the first import.
    compiled : gives the compiled module of a place.
    namespace : makes the globals of a module from its name and file.
    execute : runs a module's code in its globals.
    facade : gives the façade of a Python module.
    public : the store behind ``public:``.
    dropped : told of each module that was executed in vain.
    """

    def __init__(
        self,
        *,
        roots: Callable[[], list[Root]],
        compiled: Callable[[Place, str], CompiledModule],
        namespace: Callable[[str, str], dict[str, Any]],
        execute: Callable[[CompiledModule, dict[str, Any]], None],
        facade: FacadeMaker,
        public: object,
        dropped: Callable[[LoadedModule], None] = lambda module: None,
    ) -> None:
        self.modules: dict[str, LoadedModule] = {}
        self._make_roots = roots
        self._roots: list[Root] | None = None
        self._compiled = compiled
        self._namespace = namespace
        self._execute = execute
        self._facade = facade
        self._public = public
        self._dropped = dropped

    # -- the three hooks -------------------------------------------------------------------------

    def module(self, name: str, level: int, python: bool, importer: str) -> Any:
        """``import name``: the module itself, also for a dotted name."""
        if python:
            return self._python(name, importer)
        full = self._absolute(name, level, importer)
        return self.modules.get(full) or as_import_error(full, lambda: self._load(full, importer))

    def member(self, name: str, level: int, python: bool, importer: str, member: str) -> Any:
        """``from name import member``: an attribute, else a submodule (9.3)."""
        module = self.module(name, level, python, importer)
        return member_of(module, member, name)

    def star(self, name: str, level: int, python: bool, importer: str) -> dict[str, Any]:
        """``from name import *``: everything exported, by Python name."""
        return copy_exports(self.module(name, level, python, importer))

    # -- loading ---------------------------------------------------------------------------------

    def load(self, name: str) -> LoadedModule:
        """The module of that full name, for the host: what goes wrong arrives as it is."""
        return self._load(name)

    def renew(self, names: Iterable[str]) -> dict[str, LoadedModule]:
        """Load those modules anew and the loaded ones that import them: all, or none if one fails.

        Each gets a namespace of its own, so what still runs or refers to the old one finds it as it was. A module
        whose file is gone stays as it is.

        Gives the old module behind each name that has a new one.
        """
        before = self.modules
        wanted = self.with_importers(names)
        affected = {name: before[name] for name in wanted if self._is_there(name)}
        attributes = [(parent, key, parent.__dict__.get(key)) for parent, key in map(self._attribute, affected)]
        self.modules = {name: module for name, module in before.items() if name not in affected}
        try:
            for name in affected:
                self._load(name)
        except BaseException:
            tried, self.modules = self.modules, before
            for name, module in tried.items():
                if before.get(name) is not module:
                    self._dropped(module)
            for parent, key, value in attributes:
                if value is not None:
                    parent.__dict__[key] = value
            raise
        for name, module in self.modules.items():
            parent, key = self._attribute(name)
            if parent.__name__ in affected:
                parent.__dict__.setdefault(key, module)  # a package that is new still has the modules that it had
        return affected

    def _attribute(self, name: str) -> tuple[LoadedModule, str]:
        """The loaded package of a module, and the module's name in it; a module without one is its own."""
        parent, _, part = name.rpartition(".")
        return self.modules.get(parent, self.modules[name]), python_name(part)

    def changed(self) -> list[str]:
        """The loaded modules whose text is another one now, each before those that import it."""
        return self.with_importers([name for name in list(self.modules) if self._is_changed(name)])

    def with_importers(self, names: Iterable[str]) -> list[str]:
        """Those of the names that are loaded, and the modules that import them, each before those that import it."""
        found = [name for name in names if name in self.modules]
        for name in found:  # grows meanwhile
            found += [other for other in importers_of(name, self.modules) if other not in found]
        return found

    def _is_there(self, name: str) -> bool:
        """Whether a module still has a file, or a folder."""
        return locate(name, self.roots) is not None

    def _is_changed(self, name: str) -> bool:
        info, place = info_of(self.modules[name]), locate(name, self.roots)
        if info is None or info.compiled is None or place is None or place.file is None:
            return False
        stamp = stamp_of(place)
        if stamp in (info.stamp, None):
            return False
        try:
            same = is_same(self._compiled(place, name), info.compiled)
        except DanaError:
            return True  # what is wrong with it is told when it is loaded
        if same:
            info.stamp = stamp  # it was touched, or saved as it was
        return not same

    @property
    def roots(self) -> list[Root]:
        """The search folders of this context."""
        if self._roots is None:
            self._roots = self._make_roots()
        return self._roots

    def _python(self, name: str, importer: str) -> Any:
        check_name(name)
        return self._facade(name, required=True, importer=importer)

    def _absolute(self, name: str, level: int, importer: str) -> str:
        known = self.modules.get(importer)
        info = None if known is None else info_of(known)
        is_package = info is not None and (info.compiled is None or info.compiled.is_package)
        return absolute_name(name, level, importer, is_package)

    def _load(self, name: str, importer: str | None = None) -> LoadedModule:
        found = self.modules.get(name)
        if found is not None:
            return found
        parts = check_name(name)
        place = locate(name, self.roots)
        if place is None:
            plain = None if importer is None else self._facade(name, importer=importer)
            if plain is not None:
                return plain  # type: ignore[no-any-return]
            raise not_found(name, self.roots, importer)
        parent = self._load(".".join(parts[:-1])) if len(parts) > 1 else None
        module = self.modules.get(name) or self._run(name, place)
        if parent is not None:
            bind_submodule(parent, parts[-1], module)
        return module

    def package_file(self, root: Root) -> Place | None:
        """The ``__init__.na`` of a search folder itself, if it has one."""
        return package_file(root)

    def load_place(self, name: str, place: Place) -> LoadedModule:
        """Load a module from a place that is known already."""
        return self.modules.get(name) or self._run(name, place)

    def _run(self, name: str, place: Place) -> LoadedModule:
        """Execute a module's top level; a module that fails leaves no trace."""
        stamp = stamp_of(place)  # before the text is read: a change meanwhile is one that is still to be seen
        compiled = None if place.file is None else self._compiled(place, name)
        module = LoadedModule(name)
        module.__dict__.update(self._namespace(name, place.file or ""))
        module.__doc__ = None if compiled is None else compiled.docstring
        info = ModuleInfo(compiled, place.folder, self._public, lambda part: self._submodule(name, part))
        info.stamp = stamp
        set_info(module, info)
        self.modules[name] = module
        try:
            if compiled is not None:
                self._execute(compiled, module.__dict__)
        except BaseException:
            self.modules.pop(name, None)
            self._dropped(module)
            raise
        info.ready = True
        return module

    def _submodule(self, package: str, part: str) -> ModuleType | None:
        """The submodule of a package, loaded if it is there."""
        name = f"{package}.{part}"
        module = self.modules.get(name)
        if module is None and find(check_name(name), self.roots) is not None:
            return self._load(name)
        return module


def stamp_of(place: Place) -> Stamp:
    """What changes on the disk when a text is saved; only to notice that, never to trust code by it.

    The time of the last change of status is in it, which no program can set back. None if the file is gone.
    """
    if place.file is None or place.archive is not None:
        return ()
    try:
        facts = os.stat(place.file)
    except OSError:
        return None
    return place.file, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, facts.st_ino


def importers_of(name: str, modules: Mapping[str, LoadedModule]) -> list[str]:
    """Those of the modules whose text imports the module of that name, as far as the manifest tells."""
    last = name.rpartition(".")[2]
    found = []
    for other, module in modules.items():
        info = info_of(module)
        imports = info.compiled.manifest.get("imports", ()) if info is not None and info.compiled else ()
        # By the last part: relative imports do not say the rest. A module too many does no harm.
        if any(not each["python"] and each["module"].rpartition(".")[2] in (last, "") for each in imports):
            found.append(other)
    return found


def is_same(compiled: CompiledModule, other: CompiledModule) -> bool:
    """Whether two compiled texts mean the same, lines included."""
    return compiled is other or (compiled == other and compiled.docstring == other.docstring)


def as_import_error(name: str, load: Callable[[], Any]) -> Any:
    """``load()``, with what goes wrong as an ImportError: Dana code can catch that, whatever was wrong inside (9.1)."""
    try:
        return load()
    except (DanaImportError, DanaLimitError, DanaSecurityError, InternalError):
        raise
    except DanaError as error:
        failed = DanaImportError(f"module '{name}' cannot be loaded: {error.message}", hint=error.hint)
        failed.filename, failed.lineno, failed.column = error.filename, error.lineno, error.column
        failed.source_line = error.source_line
    except Exception as error:
        from dana_guards.exceptions import message_of
        from opendxa.dana.tracebacks import hide_our_frames

        failed = DanaImportError(f"module '{name}' cannot be loaded: {type(error).__name__}: {message_of(error)}")
        failed.__cause__ = hide_our_frames(error)
    failed.name = name
    raise failed


def absolute_name(name: str, level: int, importer: str, is_package: bool) -> str:
    """The full name of a relative import. DanaImportError outside of a package (9.4)."""
    if not level:
        return name
    parts = importer.split(".")
    if is_package:
        level -= 1
    if level >= len(parts) or importer == "__main__":
        dots = "." * (level + is_package)
        raise DanaImportError(
            f"the relative import of {dots}{name} leads out of the package",
            hint="relative imports work between the modules of one package",
        )
    base = parts[: len(parts) - level]
    return ".".join([*base, name] if name else base)


def bind_submodule(parent: ModuleType, part: str, module: ModuleType) -> None:
    """Make a submodule an attribute of its package, as Python does."""
    parent.__dict__[python_name(part)] = module


def member_of(module: Any, member: str, name: str) -> Any:
    """A member of a module or façade for a from-import. DanaImportError if there is none."""
    if not isinstance(module, ModuleType):
        return _facade_member(module, member, name)
    if member.startswith("dana_u_"):
        raise DanaImportError(
            f"cannot import '{member[6:]}' from '{name}': it is private", hint="names with a leading underscore are"
        )
    if member in module.__dict__ and not member.startswith("_"):
        return module.__dict__[member]
    found = lookup(module, member)
    if is_absent(found):
        raise DanaImportError(f"cannot import '{dana_name(member) or member}': {missing(module, member)}")
    return found


def _facade_member(facade: Any, member: str, name: str) -> Any:
    if not member.startswith(("_", "dana_")):
        try:
            return getattr(facade, member)
        except AttributeError:
            pass
    near = near_name(member, dir(facade))
    hint = f"did you mean '{near}'?" if near else "the façade has no such name"
    raise DanaImportError(f"cannot import '{member}' from {name}.py", hint=hint)


def copy_exports(module: Any) -> dict[str, Any]:
    """Everything that a module or façade exports, by Python name."""
    if not isinstance(module, ModuleType):
        return {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    names = map(python_name, exported_names(module.__dict__))
    return {name: member_of(module, name, module.__name__) for name in names}
