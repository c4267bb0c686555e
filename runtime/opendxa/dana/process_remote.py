"""The context inside a worker: modules, capabilities and output are asked of the parent.

In: settings from the parent. Out: a `DanaContext` whose files, grants and printing are requests. The worker opens no
file of the host's: texts of modules come as text. Code from the cache comes from the parent, which the worker trusts;
what the worker compiles itself stays in it, because a cache that a worker could write to would be a way out.
"""

from __future__ import annotations

import linecache
import marshal
import os
import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from dana2py.compiled import CompiledModule
from dana_guards.capabilities.uses import calling_place
from dana_guards.limits import Limits
from dana_guards.safe_builtins import rows
from opendxa.dana.context import DanaContext
from opendxa.dana.importer import Importer, bind_submodule
from opendxa.dana.library import Library
from opendxa.dana.loaded import LoadedModule
from opendxa.dana.search import Place, Root, check_name
from opendxa.dana.texts import lines_of

if TYPE_CHECKING:
    from dana_guards.capabilities.modules import ModuleGrants
    from dana_guards.namespace import Environment
    from dana_guards.policy import Policy
    from opendxa.dana.worker import Worker

_ELSEWHERE = "the parent's"
"""In the place of an archive: stands for a file that only the parent can open."""


class RemoteLibrary(Library):
    """Modules by their path, as the parent has sent them."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.shown: dict[str, str] = {}
        self.ready: dict[str, CompiledModule] = {}

    def roots(self) -> list[Root]:
        return []

    def load(self, place: Place, name: str, policy: Policy) -> CompiledModule:
        """The module of a text that the parent has sent, or the code that came with it."""
        file = place.file
        assert file is not None
        module = self.ready.pop(file, None)
        if module is not None and module.fingerprint == policy.fingerprint():
            return module
        from dana2py.compiler import compile_source

        return compile_source(self.texts[file], file, name=name, policy=policy, is_package=place.is_package)

    def place_of(self, sent: dict[str, Any]) -> Place:
        """The place that the parent found, with its text noted."""
        file = sent["file"]
        if file is not None:
            text = sent["text"]
            self.texts[file], self.shown[file] = text, sent["shown"]
            linecache.cache[file] = (len(text), None, lines_of(text), file)
            if sent["code"] is not None:
                self.ready[file] = CompiledModule(*marshal.loads(sent["code"].encode("latin-1")))
        return Place(file, sent["folder"], sent["package"], False, _ELSEWHERE)


class RemoteImporter(Importer):
    """An importer whose files are the parent's."""

    worker: Worker
    library: RemoteLibrary

    def _find(self, name: str, importer: str | None = None) -> Place | None:
        check_name(name)
        sent = self.worker.ask_paused("find", [name])
        return None if sent is None else self.library.place_of(sent)

    def _load(self, name: str, importer: str | None = None) -> LoadedModule:
        found = self.modules.get(name)
        if found is not None:
            return found
        parts = check_name(name)
        place = self._find(name)
        if place is None:
            plain = None if importer is None else self._facade(name, importer=importer)
            if plain is not None:
                return plain  # type: ignore[no-any-return]
            self.worker.ask_paused("missing", [name, importer])  # raises, with the near name
        assert place is not None
        parent = self._load(".".join(parts[:-1])) if len(parts) > 1 else None
        module = self.modules.get(name) or self._run(name, place)
        if parent is not None:
            bind_submodule(parent, parts[-1], module)
        return module

    def _is_there(self, name: str) -> bool:
        return bool(self.worker.ask_paused("exists", [name]))

    def _submodule(self, package: str, part: str) -> Any:
        name = f"{package}.{part}"
        module = self.modules.get(name)
        if module is None and self.worker.ask_paused("exists", [name]):
            return self._load(name)
        return module

    @property
    def roots(self) -> list[Root]:
        """One for each search folder with an ``__init__.na`` of its own."""
        count = self.worker.ask_paused("packages", [])
        return [Root(str(number)) for number in range(count)]

    def package_file(self, root: Root) -> Place | None:
        sent = self.worker.ask_paused("package", [int(root.folder)])
        return None if sent is None else self.library.place_of(sent)


class RemoteGrants:
    """Grants that are asked of the parent at each use, so that only its copy counts."""

    def __init__(self, worker: Worker, modules: ModuleGrants | None, module: str = "", tape: Any = None) -> None:
        self._worker = worker
        self.tape = tape
        self._module = module
        self.modules = modules

    def for_module(self, module: str) -> RemoteGrants:
        """The grants of a module; only the parent knows what they are."""
        if self.modules is None or not self.modules.holds_own(module):
            return self
        return RemoteGrants(self._worker, self.modules, module, self.tape)

    def require(self, name: str, argument: Any = None, *, shown: str | None = None, by: str | None = None) -> None:
        """Return if the parent grants it; what it raises otherwise is raised here."""
        self._worker.ask_paused("grant", [name, shown, by, self._module, *calling_place()], argument)


class WorkerContext(DanaContext):
    """A context in a worker."""

    _worker: Worker
    _remote: RemoteLibrary
    _importer: RemoteImporter

    def _make_importer(self, environment: Environment) -> Importer:
        made = RemoteImporter(
            roots=list,
            compiled=self._compiled,
            namespace=self._namespace,
            execute=self._execute,
            facade=self._facade,
            public=environment.public,
        )
        made.worker, made.library = self._worker, self._remote
        return made

    def _namespace(self, name: str, file: str) -> dict[str, Any]:
        namespace = super()._namespace(name, "")
        if file:
            namespace["dana_u__file__"] = self._remote.shown.get(file)
        return namespace


def open_context(
    worker: Worker, settings: dict[str, Any], functions: dict[str, Any], objects: dict[str, Any]
) -> WorkerContext:
    """The context that the parent wants.

    Parameters
    ----------
    settings : limits, name, switches of the environment, and the built-ins that ask the parent.
    functions, objects : what the host lends, as it stands here.
    """
    os.environ.update(settings["switches"])
    time.tzset()
    library = RemoteLibrary()
    context = WorkerContext.__new__(WorkerContext)
    context._worker, context._remote = worker, library
    WorkerContext.__init__(
        context,
        library,
        limits=Limits(settings["timeout"], settings["memory"], settings["output"]),
        grants=lambda meter: RemoteGrants(worker, _modules(settings["modules"]), "", _tape(worker, settings["tape"])),
        search_paths=[],
        functions=functions,
        objects=objects,
        on_print=lambda text: worker.ask("print", [text]),
        name=settings["name"],
        reload="manual" if settings["reload"] else None,
    )
    context._prepare()
    context._environment.log = lambda level, text: worker.ask("log", [level, text])
    _ask_for_capabilities(worker, context, settings["capabilities"], {*functions, *objects})
    return context


class RemoteTape:
    """Chance and time of a context that is recorded or replayed: the parent's, as its capabilities are."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def source(self, name: str, meter: object) -> Any:
        """A value of `dana_guards.effects.SOURCES`."""
        return self._worker.ask_paused("source", [name])

    def wrap(self, row: object, environment: object, function: Callable[..., Any]) -> Callable[..., Any]:
        """The parent records what it serves."""
        return function


def _tape(worker: Worker, wanted: bool) -> RemoteTape | None:
    return RemoteTape(worker) if wanted else None


def _modules(data: Any) -> ModuleGrants | None:
    """Which modules ask in their own name; what that gives them, the parent decides."""
    if data is None:
        return None
    from dana_guards.capabilities import Grants
    from dana_guards.capabilities.modules import ModuleGrants

    names, apart = data
    return ModuleGrants(dict.fromkeys(names, Grants()), apart)


def _ask_for_capabilities(
    worker: Worker, context: WorkerContext, names: Iterable[str], lent: Collection[str]
) -> None:
    from dana_guards.module_supply import ModuleSupplies
    from dana_guards.policy import Policy

    names, unknown = list(names), []
    known = {row.name for row in rows()}
    for name in names:
        if name in lent:  # what the host has lent under a name of ours hides it, as in the thread tier
            continue
        context._builtins[name] = _capability(worker, context, "", name)
        if name not in known:
            unknown.append(name)
    if context._apart is not None:
        bind = partial(_capability, worker, context)
        context._apart = ModuleSupplies(context._supply, names, bind, lent)
    if unknown:
        context._policy = Policy("limited", names=context._policy.names | set(unknown))


def _capability(worker: Worker, context: WorkerContext, module: str, name: str) -> Callable[..., Any]:
    border, meter = context._border, context._meter

    def asked(*args: Any, **named: Any) -> Any:
        with meter.host():
            result = worker.ask("capability", [name, module, *calling_place()], [list(args), named])
        return border.admit(result)

    asked.__name__ = asked.__qualname__ = name
    asked.__module__ = "host"
    return asked


def warm_context() -> None:
    """Run a little of everything once, so that no context has to wait for imports."""
    context = DanaContext(
        Library(), limits=Limits(), grants=_no_grants, search_paths=[], functions={}, objects={}, name="warm-up"
    )
    for text in _WARM:
        context.eval_dana(text)
    try:
        context.eval_dana("1 / 0")
    except ArithmeticError:
        pass
    except Exception:
        # The error path is loaded by now.
        pass
    context.cleanup()
    import opendxa.dana.tracebacks  # noqa: F401


def _no_grants(meter: object) -> Any:
    from dana_guards.capabilities import Grants

    return Grants()


_WARM = (
    'struct P:\n    x: int\n    items: list = []\n\ndef (p: P) grow(n: int = 1) -> int:\n    return p.x + n\n',
    'a = [P(x=i).grow() for i in range(3)]\nd = {"k": f"{a[0]:>4}"}\n"v=" + 5\n',
    "def f(n):\n    try:\n        return n and f(n - 1) + 1\n    except ValueError as e:\n        return e.message\n",
    "import math.py\nf(5) + math.sqrt(4.0)\n",
)
