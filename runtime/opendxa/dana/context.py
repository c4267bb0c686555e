"""A context: one isolated place where Dana code runs.

In: settings from `DanaRuntime.create_context`, names of modules, pieces of text. Out: `DanaModule` objects, values, and
errors of the `DanaError` family. Everything that belongs to a context hangs on it (modules, struct classes, scopes,
limits, grants), so that dropping it drops all of that.

How values cross is in `convert`, how functions look in `function`, how modules are found in `importer`.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar, Token
from functools import partial
from hashlib import sha256
from threading import get_ident
from types import BuiltinFunctionType, FunctionType, MethodType, TracebackType
from typing import TYPE_CHECKING, Any

from dana2py.compiled import CompiledModule
from dana_guards.capabilities import host_rows
from dana_guards.errors import DanaContextError, DanaError, DanaTypeError, Interrupt
from dana_guards.exceptions import CaughtError
from dana_guards.iterators import FlatIterator
from dana_guards.limits import Limits
from dana_guards.names import BUILTIN_NAMES
from dana_guards.namespace import Environment, make_builtins, make_namespace
from dana_guards.policy import Policy
from dana_guards.spelling import dana_name
from dana_guards.structs import DanaObject, StructType
from dana_guards.type_tokens import accepts, is_type
from opendxa.dana import texts
from opendxa.dana.convert import Border, thawed
from opendxa.dana.ending import ContextMeter, Tally, new_meter, wait_until
from opendxa.dana.function import NOTHING_KNOWN, Description, context_function, context_of, describe, is_plain
from opendxa.dana.host import Handle, check_lent, ended, host_function, host_iterator, make_handle, own_record
from opendxa.dana.importer import Importer, copy_exports
from opendxa.dana.iteration import DanaIterator
from opendxa.dana.loaded import LoadedModule, ModuleInfo, info_of, set_info
from opendxa.dana.module import DanaModule, forget
from opendxa.dana.search import PACKAGE_FILE, Place, Root, display_path

if TYPE_CHECKING:
    from dana_guards.module_supply import ModuleSupplies
    from opendxa.dana.asynchronous import CallQueue
    from opendxa.dana.library import Library
    from opendxa.dana.reload import Reloader

current: ContextVar[DanaContext | None] = ContextVar("dana_context", default=None)
"""The context of the innermost ``with`` block; what `@dana_function` uses."""

_LATE = frozenset(
    {
        "_library",
        "_search_paths",
        "_meter",
        "_border",
        "_policy",
        "_texts",
        "_stoppable",
        "_manifests",
        "_opened",
        "_classes",
    }
    | {"_lent", "_retired", "_modules", "_records", "_async_queue", "_main", "_environment", "_importer", "_builtins"}
)
NO_CODE = compile("", "<nothing>", "exec")
"""For namespaces that are made before their code is known: the names it needs are supplied when it runs."""
_building = threading.RLock()
MAIN = "__main__"
_OWN_KINDS = (FlatIterator, Handle, LoadedModule)


def _policy(names: frozenset[str]) -> Policy:
    """What text of this context may be. Where no event can stop a run, the code has to ask for the stop itself."""
    from dana_guards.watchdog import stop_mode

    return Policy("limited", stop_flags=stop_mode() == "flag", names=names)


class DanaContext:
    """An isolated execution environment, made by `DanaRuntime.create_context`. Use one for each thread or request.

    ``with runtime.create_context() as context:`` closes it at the end and makes it the current one meanwhile.
    """

    _closed = True
    """Until `__init__` has something that could be closed."""

    _tally: Tally | None = None
    """Gets calls and their time, and the peak of the memory."""

    _tape: Any = None
    """Records or replays effects."""

    def __init__(
        self,
        library: Library,
        *,
        limits: Limits,
        grants: Callable[[ContextMeter], Any],
        search_paths: list[Root],
        functions: Mapping[str, Callable[..., Any]],
        objects: Mapping[str, Any],
        on_print: Callable[[str], Any] | None = None,
        llm: Any = None,
        name: str = "dana",
        reload: str | None = None,
    ) -> None:
        self._reloader: Reloader | None = None
        if reload is not None:
            from opendxa.dana.reload import Reloader

            self._reloader = Reloader(self, reload)
        self._settings = (library, limits, grants, search_paths, functions, objects, on_print, llm, name)
        self._tokens: list[Token[DanaContext | None]] = []
        self._closed = self._closing = self._used = False
        self._mark = True

    def __getattr__(self, name: str) -> Any:
        """Everything behind the settings is made at the first use: many contexts run one thing or nothing at all."""
        if name not in _LATE or "_builtins" in self.__dict__:
            raise AttributeError(f"DanaContext has no attribute {name!r}")
        self._prepare()
        return self.__dict__[name]

    def _prepare(self) -> None:
        with _building:
            if self._closed:
                raise ended()
            if "_builtins" not in self.__dict__:
                self._used = True
                self._build()

    def _build(self) -> None:
        library, limits, grants, search_paths, functions, objects, on_print, llm, name = self._settings
        self._library = library
        self._search_paths = search_paths
        self._meter = new_meter(limits, self._tally)
        self._border = Border(self)
        self._policy = _policy(frozenset([*functions, *objects, *(row.name for row in host_rows())]))
        self._texts: set[str] = set()
        self._stoppable: set[int] = set()
        self._compiled_files: dict[str, CompiledModule] = {}
        self._opened: weakref.WeakSet[StructType] = weakref.WeakSet()
        self._classes = weakref.WeakSet[StructType]() if self._reloader is None else self._reloader.classes
        self._lent: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self._records: weakref.WeakSet[CaughtError] = weakref.WeakSet()
        self._modules: dict[str, DanaModule] = {}
        self._async_queue: CallQueue | None = None
        self._main: LoadedModule | None = None
        self._programs: list[LoadedModule] = []
        self._apart: ModuleSupplies | None = None
        self._retired: list[tuple[weakref.ref[ModuleInfo], Any, CompiledModule | None]] = []
        given = grants(self._meter)
        environment = Environment(policy=self._policy, grants=given, meter=self._meter, llm=llm, name=name)
        self._environment = environment
        if self._reloader is not None:
            environment.types.spare = self._reloader.SPARE_FIELDS
        self._importer = environment.importer = self._make_importer(environment)
        if on_print is not None:
            environment.stdout = on_print
        self._builtins = make_builtins(environment, lazy=True)
        self._supply: Any = self._builtins["_supply_"]
        self._watch_declarations()
        for lent, function in functions.items():
            self._builtins[lent] = self._lend(lent, function)
        for lent, target in objects.items():
            self._builtins[lent] = self._lend(lent, target)
        if given.modules is not None:
            self._apart = self._module_supplies({*functions, *objects})

    # -- public ------------------------------------------------------------------------------------

    def import_module(self, name: str) -> DanaModule:
        """Load a Dana module, or give the one that is loaded already.

        Parameters
        ----------
        name : dotted name; it is looked for in ``search_paths``, then ``DANAPATH``, then the ``dana_modules`` folders
            on ``sys.path``.

        Raises
        ------
        DanaImportError : there is no such module, or its top level raised something.
        DanaSyntaxError : its text is no Dana program.
        DanaLimitError, DanaSecurityError : it went over a limit or did what was not granted.
        DanaContextError : the context is closed, or another thread runs in it.
        """
        if type(name) is not str:
            raise DanaTypeError(f"a module name is a str, not {type(name).__name__}")
        self._require_open()
        return self._module_view(self._run(partial(self._importer.load, name), importing=name))

    def reload(self, module: DanaModule) -> DanaModule:
        """Load the text of a module again, and the modules that import it; what the host holds of it shows the new one.

        A reload that fails raises what `import_module` raises, and leaves everything as it was.
        """
        if not isinstance(module, DanaModule) or getattr(module, "_context", None) is not self:
            raise DanaTypeError("reload needs a module of this context")
        self._require_open()
        self._require_idle()
        self._renew([module.__name__])
        return module

    def reload_changed(self) -> list[str]:
        """Load the modules again whose text has changed, and those that import them; their names in that order.

        For development, where the context was not made with ``reload="auto"``: call it before a request. If one fails
        it raises, all keep their old state, and all are tried again at the next call.
        """
        self._require_open()
        self._require_idle()
        names = self._changed()
        return self._renew(names) if names else []

    def _changed(self) -> list[str]:
        names: list[str] = self._run(self._importer.changed)
        return names

    def _require_idle(self) -> None:
        """A reload happens between calls: what runs has proved things of the structs that it is at work with."""
        if self._meter.thread == get_ident():
            raise DanaContextError(
                "modules are loaded again between calls, and a call of this context runs", hint="do it when it is over"
            )

    def _renew(self, names: list[str]) -> list[str]:
        from opendxa.dana.reload import renew

        renewed: list[str] = self._run(partial(renew, self, names), importing=names[0])
        return renewed

    def eval_dana(self, source: str, filename: str | None = None) -> Any:
        """Run a piece of Dana and give the value of its last expression, or None.

        What it defines stays for the next call; what it did before an error remains.

        Parameters
        ----------
        source : the text.
        filename : the file that it came from, for messages; without one the text itself is remembered.

        Raises the errors of `import_module`, and `DanaRuntimeError` for what the text raised and did not catch.
        """
        if type(source) is not str:
            raise DanaTypeError(f"eval_dana needs text, not {type(source).__name__}")
        self._require_open()
        return self._border.release_result(self._run(partial(self._eval, source, filename)))

    def run_dana(self, source: str, filename: str | None = None) -> Any:
        """Run a whole program in a namespace of its own, and give the value of its last expression, or None.

        As `eval_dana`, but nothing stays for a next call. Since no other text can bind names in that namespace, the
        compiler knows what every name means, and loops and calls run as fast as in an imported module.

        Parameters and errors are those of `eval_dana`.
        """
        if type(source) is not str:
            raise DanaTypeError(f"run_dana needs text, not {type(source).__name__}")
        self._require_open()
        return self._border.release_result(self._run(partial(self._eval, source, filename, program=True)))

    async def import_module_async(self, name: str) -> DanaModule:
        """`import_module` in a thread of the event loop; async calls of one context wait for each other."""
        module: DanaModule = await self._run_async(self.import_module, name)
        return module

    async def eval_dana_async(self, source: str, filename: str | None = None) -> Any:
        """`eval_dana` in the same way."""
        return await self._run_async(self.eval_dana, source, filename)

    async def run_dana_async(self, source: str, filename: str | None = None) -> Any:
        """`run_dana` in the same way."""
        return await self._run_async(self.run_dana, source, filename)

    async def _run_async(self, call: Callable[..., Any], *args: Any) -> Any:
        from opendxa.dana.asynchronous import run_in

        return await run_in(self, partial(call, *args))

    def expose(self, name: str, obj: Any, attrs: Iterable[str] = (), methods: Iterable[str] = ()) -> None:
        """Lend an object to Dana code under a name.

        Parameters
        ----------
        name : how Dana calls it; it hides a built-in of that name.
        obj : any object. Dana sees only what is listed.
        attrs : attributes that Dana may read.
        methods : methods that Dana may call.

        Raises ValueError for a name that Dana could not write, or that the object does not have.
        """
        self._require_open()
        check_lent([name], "expose")
        if Policy().has_name(name):
            raise ValueError(f"expose: {name!r} is a built-in of Dana; use another name, or functions= or objects=")
        self._builtins[name] = handle = make_handle(self, name, obj, attrs, methods)
        if self._apart is not None:
            self._apart.lend(name, handle)
        self._policy = _policy(self._policy.names | {name})

    def cleanup(self) -> None:
        """End the context and let go of everything in it. May be called more than once, from any thread.

        A call that runs is stopped; called from inside it (by a host function) the end comes when it returns.
        """
        if self._closed:
            return
        if not self._used and self._reloader is None and self._tape is None:
            self._closed = True  # nothing was made; a context that is not used costs little more than its settings
            return
        if self._begin_end():
            meter = self._meter
            if meter.thread == get_ident():
                return
            wait_until(lambda: meter.thread is None or self._closed)
        self._end()
        if self._reloader is not None:
            self._reloader.settle()

    def _begin_end(self) -> bool:
        """Let nothing new in, and stop what runs; whether something did."""
        self._closing = True
        meter = None if self._closed else self.__dict__.get("_meter")
        return meter is not None and bool(meter.cancel(DanaContextError("the context was closed during the call")))

    @property
    def closed(self) -> bool:
        """Whether the context has ended."""
        return self._closed

    def __enter__(self) -> DanaContext:
        self._require_open()
        self._tokens.append(current.set(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave_block()
        self.cleanup()

    async def __aenter__(self) -> DanaContext:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from opendxa.dana.asynchronous import close

        self._leave_block()
        await close(self)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<DanaContext {self._settings[-1]!r}, {state}>"

    def __reduce__(self) -> Any:
        raise TypeError("a context cannot be pickled or copied; create another one with the same settings")

    def __del__(self) -> None:
        # The safety net; __init__ may have failed before there was anything to close.
        if not self._closed:
            # While the interpreter ends, half of what this needs may be gone already.
            with contextlib.suppress(Exception):
                self._end()

    # -- running -----------------------------------------------------------------------------------

    def _run(self, call: Callable[[], Any], importing: str | None = None) -> Any:
        """The result of Dana code, with limits armed and errors translated."""
        meter = self._meter
        outer = meter.enter()
        try:
            result = call()
        except BaseException as error:
            raise self._fail(error, outer, importing)  # noqa: B904  (the cause is set)
        reason = meter.leave(outer)
        if reason is not None:
            raise self._stopped(reason)
        return result

    def _fail(self, error: BaseException, outer: Any, importing: str | None = None) -> BaseException:
        """Leave after an exception, and the error that the host gets for it."""
        reason = self._meter.leave(outer)
        if reason is not None and not (isinstance(error, Interrupt) and error.reason is reason):
            interrupt = Interrupt(reason)  # a stop wins over whatever the code raised meanwhile
            interrupt.__traceback__ = error.__traceback__
            error = interrupt
        self._end_if_due()
        from opendxa.dana.tracebacks import translate

        return translate(error, importing)

    def _stopped(self, reason: DanaError) -> DanaError:
        """The error for a call that was stopped at its very end."""
        self._end_if_due()
        return reason

    def _inside(self, function: Callable[..., Any], *args: Any) -> Any:
        return self._run(partial(function, *args))

    def _execute(self, compiled: CompiledModule, namespace: dict[str, Any]) -> None:
        namespace["__builtins__"]["_supply_"].fill(compiled.names)
        if id(namespace) not in self._stoppable:
            self._stoppable.add(id(namespace))
            self._meter.register_namespace(namespace)
        self._meter.register_code(compiled.code)
        self._compiled_files[compiled.filename] = compiled
        if self._reloader is not None:
            self._reloader.start()
        if self._modules:
            self._forget_functions()  # a module that is loaded may become an attribute of its package
        exec(compiled.code, namespace)

    def _eval(self, source: str, filename: str | None, program: bool = False) -> Any:
        if program:
            main = self._make_main()
            self._drop_programs()
            self._programs.append(main)
        else:
            main = self._main = self._main or self._make_main()
        name = filename or f"<eval {sha256(source.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}>"
        if filename is None and name not in self._texts:
            self._texts.add(name)
            texts.remember(name, source)
        namespace = main.__dict__
        public = [f"public:{dana_name(key)}" for key in vars(self._environment.public) if not key.startswith("_")]
        system = [f"system:{dana_name(key)}" for key in vars(self._environment.system) if not key.startswith("_")]
        known = [key for key in namespace if not key.startswith("_")]
        # The compiler has a deadline of its own (`Meter.compiling`); the first time it has to be loaded as well.
        with self._meter.paused():
            compiled = self._library.compile_text(source, name, self._policy, [*known, *public, *system], program)
        namespace.pop("dana_result", None)
        self._execute(compiled, namespace)
        return namespace.pop("dana_result", None)

    def _drop_programs(self) -> None:
        """Let go of programs that are over: nothing but the module, the meter and this look refers to the namespace.

        A function of the program that the host still has would.
        """
        for module in [each for each in self._programs if sys.getrefcount(each.__dict__) <= 3]:
            self._programs.remove(module)
            self._stoppable.discard(id(module.__dict__))
            self._meter.forget_namespace(module.__dict__)

    def _make_main(self) -> LoadedModule:
        """The module in which texts run; what ``__init__.na`` of a search folder exports is known there.

        Names of built-ins stay: the texts of a session are compiled in the certainty that `len` is the built-in.
        """
        main = LoadedModule(MAIN)
        main.__dict__.update(self._namespace(MAIN, ""))
        info = ModuleInfo(None, None, self._environment.public, lambda part: None)
        info.ready = True
        set_info(main, info)
        for root in self._importer.roots:
            place = self._importer.package_file(root)
            if place is not None:
                exports = copy_exports(self._importer.load_place(PACKAGE_FILE[:-3], place))
                main.__dict__.update({name: value for name, value in exports.items() if name not in BUILTIN_NAMES})
        return main

    # -- parts of the environment --------------------------------------------------------------------

    def _make_importer(self, environment: Environment) -> Importer:
        return Importer(
            roots=lambda: [*self._search_paths, *self._library.roots()],
            compiled=self._compiled,
            namespace=self._namespace,
            execute=self._execute,
            facade=self._facade,
            public=environment.public,
            dropped=self._retire,
        )

    def _retire(self, module: LoadedModule) -> None:
        from opendxa.dana.reload import retire

        retire(self, module)

    def _compiled(self, place: Place, name: str) -> CompiledModule:
        with self._meter.paused():
            return self._library.load(place, name, self._policy)

    def _namespace(self, name: str, file: str) -> dict[str, Any]:
        # Dana code learns a path only as far as it is inside the working folder.
        builtins = self._builtins if self._apart is None else self._apart.builtins(name)
        return make_namespace(builtins, name, display_path(file) if file else None, NO_CODE)

    def _module_supplies(self, lent: set[str]) -> ModuleSupplies:
        """The built-ins of modules that have grants of their own."""
        from dana_guards.module_supply import ModuleSupplies

        return ModuleSupplies.of_context(self._supply, lent)

    def _facade(self, name: str, *, required: bool = False, importer: str = "") -> Any:
        from opendxa.dana.facades import facade

        return facade(self._environment, name, required=required, importer=importer)

    def _watch_declarations(self) -> None:
        """Note the struct classes of this context, so that only its own instances come back in by reference."""
        declare: Any = self._builtins["_struct_"]
        attach: Any = self._builtins["_receiver_"]

        def _struct_(*args: Any) -> Any:
            cls = declare(*args)
            self._classes.add(cls)
            return cls

        def _receiver_(types: tuple[Any, ...], name: str, function: Any) -> Any:
            attach(types, name, function)
            self._open_late(types)
            return function

        self._builtins["_struct_"], self._builtins["_receiver_"] = _struct_, _receiver_

    def _open_late(self, types: Iterable[Any]) -> None:
        """A method for a class that the host has seen already: open the class again."""
        for cls in types:
            if not isinstance(cls, StructType):
                cls = type(cls)
            if cls in self._opened:
                from opendxa.dana.objects import open_class

                self._opened.discard(cls)
                open_class(self, cls)

    def _lend(self, name: str, value: Any) -> Any:
        if callable(value) and not isinstance(value, type):
            return self._host_function(value, name)
        try:
            return self._border.admit(value)
        except DanaTypeError:
            return make_handle(self, name, value, (), ())

    # -- the leaves of conversion (see convert) --------------------------------------------------------

    def _own_value(self, value: Any) -> Any:
        """What a value of this context is inside; None for a foreign one. DanaTypeError for another context's."""
        kind = type(value)
        if isinstance(value, DanaObject):
            if kind in self._classes:
                if self._reloader is not None:
                    self._reloader.migration.follow(value)
                return value
            raise DanaTypeError(
                f"a {kind.__name__} of another context cannot enter this one", hint="pass its fields: value.to_dict()"
            )
        if kind is FunctionType:
            owner = context_of(value)
            if owner is self:
                return value.__dict__["__dana_target__"]
            return value if owner is None and self._is_ours(value.__builtins__) else None
        if isinstance(value, DanaModule) and kind is DanaModule:
            if value._context is not self:
                raise DanaTypeError("a module of another context cannot enter this one")
            return value._module
        if isinstance(value, DanaIterator) and value._context is self:
            return value._items
        if kind is CaughtError:
            return own_record(value, self._records)
        return value if is_type(value) and not isinstance(value, StructType) else None

    def _is_ours(self, builtins: object) -> bool:
        return builtins is self._builtins or (self._apart is not None and self._apart.own(builtins))

    def _host_function(self, function: Callable[..., Any], name: str | None = None) -> Callable[..., Any]:
        label = name or str(getattr(function, "__name__", "function"))
        return host_function(self, function, label)

    def _host_iterator(self, items: Iterator[Any]) -> Any:
        return FlatIterator(host_iterator(self, items))

    def _host_value(self, value: Any) -> Any:
        """What a value of Dana is for the host."""
        kind = type(value)
        if isinstance(value, DanaObject):
            if kind not in self._opened:
                from opendxa.dana.objects import open_class

                open_class(self, type(value))
            return value
        if kind is FunctionType:
            original = self._lent.get(value)
            return original if original is not None else context_function(self, value, value, self._describe(value))
        if isinstance(value, StructType):
            return self._constructor(value)
        if isinstance(value, Handle):
            return value._target
        if kind is CaughtError:
            self._records.add(value)
            return value
        if isinstance(value, LoadedModule):
            return self._module_view(value)
        if kind is FlatIterator or isinstance(value, Iterator):
            return DanaIterator(self, value)
        if isinstance(value, (MethodType, BuiltinFunctionType)):
            return self._callable(value)
        if isinstance(value, type({}.keys()) | type({}.values()) | type({}.items())):
            return self._border.release(list(value))
        return thawed(value)

    def _constructor(self, cls: StructType) -> FunctionType:
        init: Any = cls.__dict__["__init__"]
        known = self._manifest_of(init).get("structs", {}).get(cls.__name__, {})
        notes = {field["name"]: field["type"] for field in known.get("fields", ())}
        made = context_function(self, cls, init, Description(notes, {}), skip_first=True)
        made.__name__ = made.__qualname__ = cls.__name__
        made.__doc__ = cls.__doc__
        return made

    def _callable(self, value: Any) -> FunctionType:
        """A bound method or a built-in as a function of the host."""
        function = getattr(value, "__func__", None)
        if type(function) is FunctionType and is_plain(function):
            return context_function(self, value, function, self._describe(function), skip_first=True)

        def any_call(*args: Any, **named: Any) -> Any:
            return value(*args, **named)

        call: Any = any_call
        call.__name__ = getattr(value, "__name__", "call")
        return context_function(self, call, call, NOTHING_KNOWN)

    def _describe(self, function: FunctionType) -> Description:
        """What the manifest says about a function, found by file, name and line."""
        return describe(self._manifest_of(function).get("functions", {}), function)

    def _manifest_of(self, function: FunctionType) -> dict[str, Any]:
        compiled = self._compiled_files.get(function.__code__.co_filename)
        return {} if compiled is None else compiled.manifest

    def _accepts(self, word: str, value: Any) -> bool | None:
        """Whether a value is of a declared type; None for a word that names no type of this context."""
        known = self._environment.types.find(word)
        return None if known is None else bool(accepts(known, value))

    def _module_view(self, module: LoadedModule) -> DanaModule:
        view = self._modules.get(module.__name__)
        if view is None or view._module is not module:
            view = self._modules[module.__name__] = DanaModule(self, module)
        return view

    def _forget_functions(self) -> None:
        for view in self._modules.values():
            forget(view)

    def _known_roots(self) -> list[Root]:
        return self._importer.roots

    def _loaded_files(self) -> dict[str, str]:
        """The file of each loaded module by the module's name."""
        infos = [(name, info_of(module)) for name, module in list(self._importer.modules.items())]
        return {name: info.compiled.filename for name, info in infos if info is not None and info.compiled is not None}

    # -- the end ---------------------------------------------------------------------------------------

    def _queue(self) -> CallQueue:
        if self._async_queue is None:
            from opendxa.dana.asynchronous import CallQueue

            self._async_queue = CallQueue(self._meter.cancel)
        return self._async_queue

    def _require_open(self) -> None:
        if self._closed:
            raise ended()
        if self._reloader is not None and self._reloader.due:
            self._reloader.enter()

    def _leave_block(self) -> None:
        if self._tokens:
            # Another task may have entered: its variables are not ours to reset.
            with contextlib.suppress(ValueError):
                current.reset(self._tokens.pop())

    def _has_worker(self) -> bool:
        """Whether the end includes that of a process."""
        return False

    def _end_if_due(self) -> None:
        if self._closing and self._meter.thread is None:
            self._end()

    def _watch_no_more(self) -> None:
        reloader = self.__dict__.get("_reloader")
        if reloader is not None:
            reloader.close()

    def _end(self) -> None:
        tape = self.__dict__.pop("_tape", None)
        try:
            self._drop()
        finally:
            if tape is not None:  # last of all, since it may raise
                tape.close()

    def _drop(self) -> None:
        """Drop everything that the context holds."""
        self._closed = True
        self._watch_no_more()
        if self.__dict__.pop("_mark", None) is None or "_meter" not in self.__dict__:
            return  # another thread was faster, or nothing was used
        self._meter.end()
        if "_builtins" not in self.__dict__:
            return  # it failed while it was built
        over = [info.namespace for info in (known() for known, _, _ in self._retired) if info and info.namespace]
        modules = [*self._importer.modules.values(), *([self._main] if self._main else []), *self._programs]
        for namespace in [*over, *(module.__dict__ for module in modules)]:
            # Functions that the host still holds refer to their namespace: empty it, and they hold nothing.
            namespace.clear()
        self._importer.modules.clear()
        self._forget_functions()
        self._modules.clear()
        self._main = None
        self._programs.clear()
        self._compiled_files.clear()
        self._builtins.clear()
        if self._apart is not None:
            self._apart.clear()
        environment = self._environment
        environment.types.types.clear()
        for store in (environment.public, environment.system):
            vars(store).clear()
        del self._environment, self._importer
        for name in self._texts:
            texts.forget(name)
        self._texts.clear()
