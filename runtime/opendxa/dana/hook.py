"""``import dana_modules.x``: an ordinary importlib finder and loader for Dana modules, below that one name.

In: module names from Python's import system. Out: modules whose functions are plain Python functions. The host trusts
such a module as its own code: values cross as they are, nothing is timed; names, capabilities, exceptions and imports
are checked all the same (policy profile ``unlimited``).

Nothing of Python is patched: the finder stands at the end of ``sys.meta_path`` and answers for no other name. What the
state of the hook needs from the guards is loaded with the first Dana module, not before.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from dana_guards.errors import DanaContextError, DanaImportError
from opendxa.dana.search import Place, Root, default_roots, find, is_plain, names_near, roots_of, submodules

if TYPE_CHECKING:
    from dana2py.compiled import CompiledModule
    from opendxa.dana.hook_state import HookState

PREFIX = "dana_modules."
_MARK = os.sep + "."
"""Ends the entries of ``__path__``: the same folder, but a key of its own in ``sys.path_importer_cache``."""


# -- settings -----------------------------------------------------------------------------------------


class Settings:
    """What ``configure`` set, until the first module is loaded."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.values: dict[str, Any] = {}
        self.state: HookState | None = None
        self.spare = 0
        self._roots: tuple[tuple[object, ...], list[Root]] | None = None

    def configure(self, values: dict[str, Any]) -> None:
        """Note settings. DanaContextError once a module is loaded: it would run under other grants than the rest."""
        with self.lock:
            if self.state is not None:
                raise DanaContextError(
                    "dana_modules is in use already",
                    hint="call dana_modules.configure(...) before the first import of a Dana module",
                )
            self.values.update(values)
            self._roots = None

    def keep_room(self, fields: int) -> None:
        """From now on structs are declared with room for so many more fields (`DanaRuntime.watch`)."""
        with self.lock:
            self.spare = fields
            if self.state is not None:
                self.state.environment.types.spare = fields

    # What the finder calls waits for no lock: Python holds its global import lock meanwhile, and who holds ours may
    # be importing something. Two threads that come at once do the same work twice.

    def roots(self) -> list[Root]:
        """The search folders: configured ones, ``[tool.dana2py]``, ``DANAPATH``, ``sys.path``, the working folder."""
        key = (os.environ.get("DANAPATH"), tuple(sys.path), *working_folder())
        known = self._roots
        if known is not None and known[0] == key:
            return known[1]
        named = roots_of(self.values.get("search_paths") or self.project().get("search_paths", ()))
        here = [Root(folder, vouched=True) for folder in working_folder()]
        found = list(dict.fromkeys([*named, *default_roots(), *here]))
        self._roots = key, found
        return found

    def forget_folders(self) -> None:
        """Look for the search folders again at the next import."""
        self._roots = None

    def project(self) -> Mapping[str, Any]:
        """``[tool.dana2py]`` of the project in the working folder; ValueError if it is not understood."""
        found: Mapping[str, Any] | None = self.values.get("project")
        if found is None:
            from opendxa.dana.project import read_project

            found = self.values["project"] = next(map(read_project, working_folder()), {})
        return found

    def ready(self) -> HookState:
        """The state that all modules share; made once, whoever comes first."""
        state = self.state
        if state is None:
            with self.lock:
                if self.state is None:
                    from opendxa.dana.hook_state import HookState

                    self.state = HookState(self)
                state = self.state
        return state


def working_folder() -> list[str]:
    """The working folder; none if it was removed under us."""
    try:
        return [os.getcwd()]
    except OSError:
        return []


settings = Settings()


# -- finder -------------------------------------------------------------------------------------------


class DanaFinder:
    """A meta path finder for ``dana_modules.*``."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a Dana module, None where there is none."""
        if not fullname.startswith(PREFIX):
            return None
        package = sys.modules.get("dana_modules")
        if package is not None and getattr(package.__spec__, "_initializing", False):
            pending: Any = Pending()
            return ModuleSpec(fullname, pending)
        return cls._search(fullname, path)

    @classmethod
    def _search(cls, fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
        _require_ours(fullname)
        name = fullname[len(PREFIX) :]
        part = name.rpartition(".")[2]
        if not is_plain(part):  # a path, say: import_module takes any text
            return None
        roots = [_root_of(entry) for entry in path or ()] if "." in name else settings.roots()
        place = find([part], roots)
        if place is None and _is_import():
            raise _nowhere(fullname, part, roots)
        return None if place is None else _spec(fullname, name, place)

    @staticmethod
    def invalidate_caches() -> None:
        """Look for ``dana_modules`` folders again; about their content nothing is remembered."""
        settings.forget_folders()


def _is_import() -> bool:
    """Whether the question comes from an import, which would fail now, and not from somebody who only looks.

    `importlib` tells finders nothing about that, and its own message could name neither a near name nor the folders.
    """
    frame = sys._getframe(2)
    for _ in range(2):  # find_spec, _find_spec
        if frame.f_back is None:
            return False
        frame = frame.f_back
    asker = frame.f_code
    return asker.co_name == "_find_and_load_unlocked" and asker.co_filename == "<frozen importlib._bootstrap>"


def _nowhere(fullname: str, part: str, roots: list[Root]) -> ModuleNotFoundError:
    """The error for a module that is not there, with what to do about it."""
    from dana_guards.spelling import did_you_mean

    near = did_you_mean(part, names_near(roots)) or ";"
    folders = ", ".join(root.folder.removesuffix(_MARK) for root in roots) or "no folder"
    return ModuleNotFoundError(f"No module named {fullname!r}{near} searched: {folders}", name=fullname)


class Pending:
    """The loader for a thread that imports a module while another one still loads the package above it.

    Python lets it pass, since the package is in ``sys.modules`` already; a finder must not wait, because it is asked
    under the global import lock. So it gives this loader, which may wait, and which looks for the module then.
    """

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module of the real loader, once the package is there."""
        import_module("dana_modules")
        return adopt(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Never called: `create_module` has put the real loader in its place."""


def adopt(spec: ModuleSpec) -> ModuleType:
    """Turn the spec of a `Pending` module into the real one. ModuleNotFoundError if there is none."""
    above = sys.modules.get(spec.name.rpartition(".")[0])
    found = DanaFinder._search(spec.name, getattr(above, "__path__", None))
    if found is None:
        raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)
    for name, value in vars(found).items():
        setattr(spec, name, value)
    loader: Any = spec.loader
    made: ModuleType = loader.create_module(spec)
    return made


def _require_ours(fullname: str) -> None:
    """DanaImportError if another package of our name hides ours."""
    package = sys.modules.get("dana_modules")
    if package is None or "__dana_hook__" in package.__dict__:
        return
    place = getattr(package, "__file__", None) or next(iter(getattr(package, "__path__", ["?"])))
    raise DanaImportError(
        f"{fullname} cannot be imported: {place} hides the package dana_modules of dana2py",
        hint="a folder of Dana modules needs no __init__.py; remove it",
    )


def _spec(fullname: str, name: str, place: Place) -> ModuleSpec:
    # Not a subclass of importlib's: that module is slow to import, and its checks are by attribute.
    loader: Any = DanaLoader(fullname, name, place)
    spec = ModuleSpec(fullname, loader, origin=place.file, is_package=place.folder is not None)
    spec.has_location = place.file is not None
    if place.folder is not None:
        spec.submodule_search_locations = [walkable(Root(place.folder, place.vouched, place.archive))]
    return spec


def walkable(root: Root) -> str:
    """A folder as an entry of ``__path__`` that `pkgutil.walk_packages` sees Dana modules in."""
    entry = root.folder + _MARK
    sys.path_importer_cache[entry] = FolderLister(root)
    return entry


def _root_of(entry: str) -> Root:
    """The search folder behind an entry of ``__path__``; one that we did not make is not vouched for."""
    lister = sys.path_importer_cache.get(entry)
    return lister.root if isinstance(lister, FolderLister) else Root(entry.removesuffix(_MARK))


def walkable_folders() -> list[str]:
    """The search folders for ``dana_modules.__path__``; not the working folder, where everything else lies about."""
    here = working_folder()
    return [walkable(root) for root in settings.roots() if root.folder not in here]


class FolderLister:
    """The path entry finder of one folder; it lists Dana modules and finds nothing, which is the meta finder's part."""

    def __init__(self, root: Root) -> None:
        self.root = root

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> None:
        """Nothing: see `DanaFinder`."""

    def iter_modules(self, prefix: str = "") -> Iterator[tuple[str, bool]]:
        """What `pkgutil.iter_modules` asks for."""
        for name, is_package in submodules(self.root.folder, self.root.archive):
            yield prefix + name, is_package

    def invalidate_caches(self) -> None:
        """Nothing is remembered."""


# -- loader -------------------------------------------------------------------------------------------


class DanaLoader:
    """Loads one Dana module. The code that it hands out always runs under the guards."""

    def __init__(self, fullname: str, name: str, place: Place) -> None:
        self.name = fullname
        self.path = place.file or os.path.join(place.folder or "", "__init__.na")
        self._dana_name = name
        self._place = place

    # importlib

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A module that answers Dana's names as well."""
        from opendxa.dana.loaded import LoadedModule

        return LoadedModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's top level. A reload that fails leaves the module as it was."""
        try:
            settings.ready().execute(module, self._dana_name, self._place)
        except BaseException as error:
            from opendxa.dana.tracebacks import hide_our_frames

            raise hide_our_frames(error)  # noqa: B904 - it is the same error

    # importlib.abc.InspectLoader, ExecutionLoader, ResourceLoader

    def is_package(self, fullname: str) -> bool:
        """Whether it has submodules."""
        return self._place.folder is not None

    def get_filename(self, fullname: str) -> str:
        """The path of the text."""
        return self.path

    def get_source(self, fullname: str) -> str | None:
        """The Dana text, None for a folder without ``__init__.na``."""
        from opendxa.dana.library import decode

        place = self._place
        return None if place.file is None else decode(self.get_data(place.file), place.file)

    def get_data(self, path: str) -> bytes:
        """The bytes of a file."""
        if self._place.archive is not None:
            from opendxa.dana import archives

            return archives.read(self._place.archive, path)
        from opendxa.dana.library import read_bytes

        return read_bytes(path)

    def get_code(self, fullname: str) -> CodeType:
        """Code that runs the module under its guards, whatever namespace it is executed in (``python -m``)."""
        text = f"__import__('opendxa.dana.hook', fromlist=['run']).run({self.name!r}, globals())"
        return compile(text, self.path, "exec", dont_inherit=True)

    def compiled(self) -> CompiledModule | None:
        """The compiled module, not executed."""
        return settings.ready().compiled(self._dana_name, self._place)

    def get_resource_reader(self, fullname: str) -> Any:
        """Files beside the module, for `importlib.resources`."""
        if not self.is_package(fullname):
            return None
        from importlib import readers

        archive, folder = self._place.archive, self._place.folder
        if archive is not None and folder is not None:
            above = os.path.dirname(folder)[len(archive) + 1 :] + os.sep
            zipped: Any = SimpleNamespace(archive=archive, prefix=above, is_package=self.is_package)
            return readers.ZipReader(zipped, fullname)
        loader: Any = self
        return readers.FileReader(loader)

    def __repr__(self) -> str:
        return f"<DanaLoader of {self.name!r}>"


def run(fullname: str, namespace: dict[str, Any]) -> None:
    """Execute a Dana module for ``python -m dana_modules.x``: its top level, then its ``__main__`` if it has one."""
    import importlib.util

    spec = importlib.util.find_spec(fullname)
    loader = None if spec is None else spec.loader
    if not isinstance(loader, DanaLoader):
        raise DanaImportError(f"there is no Dana module {fullname}")
    try:
        settings.ready().run_main(loader._dana_name, loader._place, namespace, sys.argv[1:])
    except BaseException as error:
        from opendxa.dana.tracebacks import hide_our_frames

        raise hide_our_frames(error)  # noqa: B904 - it is the same error


def install() -> None:
    """Put the finder at the end of ``sys.meta_path``, once."""
    if DanaFinder not in sys.meta_path:
        sys.meta_path.append(DanaFinder)
