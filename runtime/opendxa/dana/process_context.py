"""A context whose Dana code runs in a process of its own: ``create_context(isolation="process")``.

In: what a `DanaContext` takes. Out: what a `DanaContext` gives, by way of a worker process (`process_pool`) and a
conversation with it (`process_link`). The Dana side of this object is empty: no Dana code runs in this process, and
its meter only keeps one caller at a time, the deadline, and the limits of what capabilities read here.

A worker that was killed or crashed is an error of the call that ran. The context stays open; its next call starts in a
fresh worker, in which modules are loaded again where they are asked for, and everything else is gone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from types import FunctionType
from typing import TYPE_CHECKING, Any

from dana_guards import effects
from dana_guards.errors import (
    DanaContextError,
    DanaError,
    DanaLimitError,
    DanaRecursionError,
    DanaTypeError,
    Interrupt,
)
from dana_guards.limits import Limits
from dana_guards.namespace import Environment
from dana_guards.policy import Policy
from opendxa.dana import texts
from opendxa.dana.context import DanaContext
from opendxa.dana.convert import _CALLABLES, Border
from opendxa.dana.copying import SCALARS, copy_tree
from opendxa.dana.ending import new_meter
from opendxa.dana.frames import Ref, pack
from opendxa.dana.host import check_lent, is_async
from opendxa.dana.importer import Stamp, stamp_of
from opendxa.dana.library import compiler_options, read_place
from opendxa.dana.process_errors import lost
from opendxa.dana.process_link import Link
from opendxa.dana.process_module import ProcessModule
from opendxa.dana.process_pool import POOL
from opendxa.dana.process_values import RemoteFunction, keep_leaf
from opendxa.dana.results import as_result
from opendxa.dana.search import Place, Root, check_name, locate

if TYPE_CHECKING:
    from dana_guards.safe_builtins import Builtin
    from opendxa.dana.module import DanaModule

_ORIGINAL = "__dana_original__"
_SWITCHES = ("DANA_AUTO_COERCION", "DANA_SEMANTIC_TRUTH", "TZ")


class _Exposed:
    """An object of the host and the names of it that a worker may ask for."""

    __slots__ = ("names", "target")

    def __init__(self, target: Any, names: frozenset[str] = frozenset()) -> None:
        self.target = target
        self.names = names

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)


class ProcessContext(DanaContext):
    """A `DanaContext` whose code runs in a worker process. Made by `DanaRuntime.create_context`."""

    def _build(self) -> None:
        library, limits, grants, search_paths, functions, objects, on_print, llm, name = self._settings
        self._library = library
        self._search_paths = search_paths
        self._roots: list[Root] | None = None
        self._meter = new_meter(limits, self._tally)
        self._border = Border(self)
        self._policy = Policy("limited", names=frozenset([*functions, *objects]))
        self._texts: set[str] = set()
        self._files: dict[str, tuple[str, Stamp, bytes]] = {}
        self._modules: dict[str, DanaModule] = {}
        self._async_queue = None
        self._link: Link | None = None
        self._renewed: list[Any] = []
        self._objects = {key: _snapshot(value) for key, value in objects.items()}
        self._exposed: list[tuple[str, Any, list[str], list[str]]] = []
        self._capabilities: dict[tuple[str, str], Callable[..., Any]] = {}
        self._rows: dict[str, Builtin] | None = None
        self._holders: set[str] = set()
        given = grants(self._meter)
        environment = Environment(policy=self._policy, grants=given, meter=self._meter, llm=llm, name=name)
        if on_print is not None:
            environment.stdout = on_print
        self._environment = environment
        self._builtins = {}

    # -- public ------------------------------------------------------------------------------------

    def import_module(self, name: str) -> DanaModule:
        if type(name) is not str:
            raise DanaTypeError(f"a module name is a str, not {type(name).__name__}")
        self._require_open()
        check_name(name)
        return self._ask("import", [name], seconds=True)  # type: ignore[no-any-return]

    def _changed(self) -> list[str]:
        return [name for file, (name, _, _) in list(self._files.items()) if self._is_changed(file)]

    def _renew(self, names: list[str]) -> list[str]:
        before = {file: entry for file, entry in self._files.items() if entry[0] in names}
        try:
            told = self._ask("reload", [], names, seconds=True)
        except BaseException:
            self._files.update(before)  # what was sent meanwhile did not come to be
            raise
        if self._reloader is not None:
            self._reloader.migration.migrated, self._reloader.migration.refused = told["migrated"], told["refused"]
        self._forget_functions()
        renewed: list[str] = told["modules"]
        return renewed

    def eval_dana(self, source: str, filename: str | None = None) -> Any:
        if type(source) is not str:
            raise DanaTypeError(f"eval_dana needs text, not {type(source).__name__}")
        return self._run_text(source, filename, program=False)

    def run_dana(self, source: str, filename: str | None = None) -> Any:
        if type(source) is not str:
            raise DanaTypeError(f"run_dana needs text, not {type(source).__name__}")
        return self._run_text(source, filename, program=True)

    def _run_text(self, source: str, filename: str | None, program: bool) -> Any:
        self._require_open()
        self._meter  # noqa: B018  (builds the rest)
        name = filename or f"<eval {sha256(source.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}>"
        if filename is None and name not in self._texts:
            self._texts.add(name)
            texts.remember(name, source)
        self._files.setdefault(name, ("__main__", (), b""))
        return as_result(self._ask("eval", [source, filename, program], seconds=True))

    def expose(self, name: str, obj: Any, attrs: Iterable[str] = (), methods: Iterable[str] = ()) -> None:
        self._require_open()
        from opendxa.dana.host import _listed

        check_lent([name], "expose")
        if Policy().has_name(name):
            raise ValueError(f"expose: {name!r} is a built-in of Dana; use another name, or functions= or objects=")
        shown, called = _listed(attrs, "attrs"), _listed(methods, "methods")
        for method in called:
            if not callable(getattr(obj, method, None)):
                raise ValueError(f"the object {name!r} has no method {method!r}")
        entry = (name, obj, shown, called)
        self._policy = Policy("limited", names=self._policy.names | {name})
        self._exposed.append(entry)
        if self._link is not None:
            self._expose(self._link, *entry)

    # -- asking the worker ---------------------------------------------------------------------------

    def _ask(self, word: str, plain: list[Any], value: Any = None, *, seconds: bool = False) -> Any:
        """The worker's answer, with the limits armed."""
        return self._enter(lambda link: link.request(word, [self._seconds(), *plain] if seconds else plain, value))

    def _ask_link(
        self, link: Link, word: str, plain: list[Any], value: Any = None, *, seconds: bool = True
    ) -> Any:
        """The same for what belongs to one worker; DanaContextError if that has ended."""
        self._require_open()
        if link is not self._link or not link.alive:
            raise DanaContextError("the value was lost when its worker process ended")
        return self._ask(word, plain, value, seconds=seconds)

    def _attribute(self, module: str, name: str) -> Any:
        """An export of a module."""
        return self._ask("attribute", [module, name], seconds=True)

    def _enter(self, call: Callable[[Link], Any]) -> Any:
        meter = self._meter
        outer = meter.enter()
        if not meter._saved:
            # The growth of this process says nothing of the worker's.
            meter.baseline, meter.output = sys.maxsize, 0
        try:
            result = call(self._ready_link())
        except BaseException as error:
            raise self._failed(error, outer) from error.__cause__
        reason = meter.leave(outer)
        if reason is not None:
            raise self._stopped(reason)
        return result

    def _failed(self, error: BaseException, outer: Any) -> BaseException:
        reason = self._meter.leave(outer)
        if self._link is not None and not self._link.alive:
            self._link.process.kill()  # again, should it have failed for want of stack
            self._link = None
        self._end_if_due()
        if isinstance(error, Interrupt):
            error = error.reason
        elif isinstance(error, RecursionError) and not isinstance(error, DanaError):
            error = DanaRecursionError("calls between the host and a worker process are nested too deep")
            if self._link is None:
                error = lost(error)
        if reason is not None and isinstance(error, Exception) and not isinstance(error, DanaLimitError):
            error = reason
        if isinstance(reason, DanaContextError):
            error = reason
        # Frames of the conversation say nothing to a host.
        return error.with_traceback(None) if isinstance(error, DanaError) else error

    def _seconds(self) -> float | None:
        """The time that is left, where a call outside of this context has a nearer deadline; else None."""
        meter = self._meter
        if meter.outer is None or meter._saved:
            return None
        left = meter.remaining()
        return left if left < meter.timeout else None

    def _ready_link(self) -> Link:
        link = self._link
        if link is None or not link.alive:
            link = self._start()
        elif not link.process.is_ours():
            raise DanaContextError(
                "the context belongs to the process that this one was forked from",
                hint="create a new one: runtime.create_context()",
            )
        return link

    def _start(self) -> Link:
        """A fresh worker with this context in it."""
        with self._meter.paused():
            self._link = link = Link(self, POOL.take())
            self._open(link)
            for entry in self._exposed:
                self._expose(link, *entry)
        self._meter.baseline = sys.maxsize
        return link

    def _open(self, link: Link) -> None:
        functions = self._settings[4]
        limits: Limits = self._meter.limits
        options = dict(option.split("=", 1) for option in compiler_options())
        switches = {key: os.environ[key] for key in _SWITCHES if key in os.environ} | options
        settings = {
            "timeout": limits.timeout,
            "memory": limits.memory,
            "output": limits.output,
            "name": self._settings[-1],
            "switches": switches,
            "capabilities": list(self.capability_rows()),
            "tape": self._environment.tape is not None,
            "modules": self._environment.grants.modules_data(),
            "reload": self._reloader is not None,
        }
        lent = [{key: _as_function(value) for key, value in functions.items()}, self._objects]
        link.request("open", [settings], lent)

    def _expose(self, link: Link, name: str, target: Any, attrs: list[str], methods: list[str]) -> None:
        link.request("expose", [name, attrs, methods], _Exposed(target, frozenset([*attrs, *methods])))

    def _call_remote(self, remote: RemoteFunction, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call a function of the worker; the short frame where everything is scalar."""
        self._require_open()
        return self._enter(lambda link: self._called(link, remote, args, named))

    def _called(self, link: Link, remote: RemoteFunction, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        number = remote.number if remote.link is link else self._current_number(remote)
        seconds = self._seconds()
        if seconds is None and SCALARS.issuperset(map(type, args)) and SCALARS.issuperset(map(type, named.values())):
            dropped = link.values.take_dropped()
            try:
                frame = pack("calls", [dropped, number, args, named])
            except ValueError:  # an int that is too long for JSON
                link.values.drop(dropped)
            else:
                return link.exchange(frame)
        return link.request("call", [seconds, number], [list(args), named])

    def _current_number(self, remote: RemoteFunction) -> int:
        """The number of a function in the worker of now; one that is a module's own is looked up again."""
        link = self._ready_link()
        if remote.link is link:
            return remote.number
        if remote.module is None:
            raise DanaContextError(
                f"the function {remote.name!r} was lost when its worker process ended", hint="make it again"
            )
        fresh = link.request("attribute", [None, remote.module, remote.name])
        found = fresh.__dict__.get("__dana_remote__") if type(fresh) is FunctionType else None
        if found is None:
            raise DanaContextError(f"{remote.module}.{remote.name} is no function any more")
        remote.link, remote.number = link, found.number
        self._renewed.append(fresh)  # its number lives as long as it does
        return remote.number

    # -- what the worker may ask for -------------------------------------------------------------------

    def roots(self) -> list[Root]:
        """The search folders; they are looked at once."""
        if self._roots is None:
            self._roots = [*self._search_paths, *self._library.roots()]
        return self._roots

    def note_file(self, name: str, place: Place, stamp: Stamp, data: bytes) -> None:
        """Remember a file whose text the worker has, and how it looked before it was read."""
        assert place.file is not None
        self._files[place.file] = (name, stamp, sha256(data).digest())
        if self._reloader is not None:
            self._reloader.start()

    def note_module(self, module: str) -> int:
        """Remember a module that has used a capability in its own name; how many there are."""
        self._holders.add(module)
        return len(self._holders)

    def is_exposed(self, target: Any) -> bool:
        """Whether something lent is an object that shows some of its names, and is nothing to call or to step."""
        return type(target) is _Exposed

    def shown_names(self, target: Any) -> frozenset[str]:
        """The names of an object that the host has shown."""
        return target.names if type(target) is _Exposed else frozenset()

    def capability_rows(self) -> Mapping[str, Builtin]:
        """The built-ins that need a capability."""
        if self._rows is None:
            from dana_guards.capabilities import rows

            self._rows = {row.name: row for row in rows()}
        return self._rows

    def capability(self, row: Builtin, module: str) -> Callable[..., Any]:
        """Such a built-in with the meter of this context and the grants of a module, those of the context for none."""
        made = self._capabilities.get((row.name, module))
        if made is None:
            environment = self._environment
            if module:
                environment = replace(environment, grants=environment.grants.for_module(module))
            made = self._capabilities[row.name, module] = effects.made(row, environment)
        return made

    def _is_changed(self, file: str) -> bool:
        """Whether a module's text is another one now than the worker has."""
        name, stamp, digest = self._files[file]
        place = None if name == "__main__" else locate(name, self.roots())
        if place is None or place.file is None:
            return False
        now = stamp_of(place)
        if now in (stamp, None):
            return False
        if place.file == file and sha256(read_place(place, name)).digest() == digest:
            self._files[file] = (name, now, digest)  # it was touched, or saved as it was
            return False
        return True

    def _known_roots(self) -> list[Root]:
        return self.roots()

    def _loaded_files(self) -> dict[str, str]:
        return {entry[0]: file for file, entry in list(self._files.items()) if entry[0] != "__main__"}

    # -- the leaves of conversion ----------------------------------------------------------------------

    def _own_value(self, value: Any) -> Any:
        link = self._link_in_use()
        if isinstance(value, ProcessModule) and type(value) is ProcessModule:
            if value._context is not self:
                raise DanaTypeError("a module of another context cannot enter this one")
            return Ref(["m", value.__name__])
        if type(value) is _Exposed:
            return link.values.object(value)
        return link.values.own(value)

    def _host_function(self, function: Callable[..., Any], name: str | None = None) -> Any:
        return self._link_in_use().values.function(function)

    def _host_iterator(self, items: Any) -> Any:
        return self._link_in_use().values.iterator(items)

    def _link_in_use(self) -> Link:
        assert self._link is not None, "values cross while a worker is there"
        return self._link

    def _unwrapped(self, value: Any) -> Any:
        """What a lent thing is to the host."""
        if type(value) is _Exposed:
            return value.target
        return value.__dict__.get(_ORIGINAL, value) if type(value) is FunctionType else value

    def _module_named(self, name: str) -> DanaModule:
        view = self._modules.get(name)
        if view is None:
            check_name(name)
            view = self._modules[name] = ProcessModule(self, name)
        return view

    def _forget_functions(self) -> None:
        for view in self._modules.values():
            view.__dict__.clear()

    def _run(self, call: Callable[[], Any], importing: str | None = None) -> Any:
        # Fails closed, should the base class learn another way to run something.
        raise DanaContextError("no Dana code runs in this process", hint='use isolation="thread"')

    # -- the end ---------------------------------------------------------------------------------------

    def _has_worker(self) -> bool:
        return self.__dict__.get("_link") is not None

    def _drop(self) -> None:
        self._closed = True
        self._watch_no_more()
        if self.__dict__.pop("_mark", None) is None or "_meter" not in self.__dict__:
            return
        self._meter.end()
        link, self._link = self.__dict__.get("_link"), None
        if link is not None:
            link.close()
        if "_builtins" not in self.__dict__:
            return
        self._forget_functions()
        for each in (self._modules, self._files, self._capabilities, self._exposed, self._renewed):
            each.clear()
        for name in self._texts:
            texts.forget(name)
        self._texts.clear()
        del self._environment


def _as_function(value: Callable[..., Any]) -> Callable[..., Any]:
    """A callable object as a function, which is what the border knows; `_unwrapped` finds it again."""
    if isinstance(value, _CALLABLES):
        return value

    def call(*args: Any, **named: Any) -> Any:
        return value(*args, **named)

    async def call_async(*args: Any, **named: Any) -> Any:
        return await value(*args, **named)

    made: Any = call_async if is_async(value) else call
    made.__dict__[_ORIGINAL] = value
    return made  # type: ignore[no-any-return]


def _snapshot(value: Any) -> Any:
    """An object of ``objects=`` as it is now: plain data, a function, or something that shows nothing."""
    if callable(value) and not isinstance(value, type):
        return _as_function(value)
    try:
        return copy_tree(value, keep_leaf, subclasses=True)
    except DanaTypeError:
        return _Exposed(value)
