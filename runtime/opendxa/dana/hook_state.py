"""What all modules of ``dana_modules`` share: one environment of the profile ``unlimited``.

In: modules to execute. Out: the same, executed under their guards, with the metadata of `DanaFunction` on each
function. Finding modules is in `hook`.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from dana2py.compiled import CompiledModule
from dana_guards.capabilities import Grants
from dana_guards.errors import DanaImportError
from dana_guards.namespace import Environment, make_builtins, make_namespace
from dana_guards.policy import Policy
from dana_guards.spelling import python_name, shown_name
from opendxa.dana.function import PYTHON_TYPES, map_items, stream_items
from opendxa.dana.importer import absolute_name, as_import_error, copy_exports, member_of, stamp_of
from opendxa.dana.library import Library
from opendxa.dana.loaded import ModuleInfo, info_of, restore, set_info
from opendxa.dana.search import Place, check_name, display_path, not_found

if TYPE_CHECKING:
    from opendxa.dana.hook import Settings

PREFIX = "dana_modules."
NO_CODE = compile("", "<nothing>", "exec")


class HookState:
    """Environment, built-ins and compiled modules behind ``dana_modules``."""

    def __init__(self, settings: Settings) -> None:
        values, project = settings.values, settings.project()
        self._settings = settings
        self._lent: dict[str, Any] = {**values.get("functions", {}), **values.get("objects", {})}
        self._policy = Policy("unlimited", names=frozenset(self._lent))
        allowed = values.get("allowed_capabilities")
        environment = Environment(
            policy=self._policy,
            grants=Grants(project.get("allowed_capabilities", ()) if allowed is None else allowed),
            importer=HookImporter(self),
            llm=values.get("llm"),
            name="dana_modules",
        )
        if values.get("on_print") is not None:
            environment.stdout = values["on_print"]
        environment.types.spare = settings.spare
        self.environment = environment
        self._builtins = make_builtins(environment, lazy=True)
        self._supply: Any = self._builtins["_supply_"]
        # The host trusts these modules, so what it lends is lent as it is.
        self._builtins.update(self._lent)
        self._library = Library()
        self._lock = threading.Lock()

    def compiled(self, name: str, place: Place) -> CompiledModule | None:
        """The compiled module of a place, None for a folder without ``__init__.na``."""
        return None if place.file is None else self._library.load(place, name, self._policy)

    def facade(self, name: str, *, required: bool = False, importer: str = "") -> Any:
        """The façade of a Python module, None where there is none."""
        from opendxa.dana.facades import facade

        return facade(self.environment, name, required=required, importer=importer)

    def execute(self, module: ModuleType, name: str, place: Place) -> None:
        """Run a module's top level in its own dictionary."""
        stamp = stamp_of(place)
        compiled = self.compiled(name, place)
        before = dict(module.__dict__)
        shown = display_path(place.file) if place.file else None
        with self._lock:  # the built-ins are one dictionary for all threads
            namespace = make_namespace(self._builtins, name, shown, NO_CODE)
            if compiled is not None:
                self._supply.fill(compiled.names)
        del namespace["__name__"]  # the import system has set it
        module.__dict__.update(namespace)
        info = ModuleInfo(compiled, place.folder, self.environment.public, functools.partial(_submodule, name))
        info.stamp = stamp
        set_info(module, info)
        if compiled is not None:
            try:
                module.__doc__ = compiled.docstring
                exec(compiled.code, module.__dict__)
            except BaseException:
                restore(module, before)
                raise
        info.ready = True
        _finish(module.__dict__, {} if compiled is None else compiled.annotations)

    def run_main(self, name: str, place: Place, namespace: dict[str, Any], arguments: list[str]) -> None:
        """Execute a module as a program, with ``__main__(key=value…)`` at the end if it defines that."""
        compiled = self.compiled(f"{name}.__init__" if place.is_package else name, place)
        if compiled is None:
            raise DanaImportError(f"the package {name} has no __init__.na to run")
        made = make_namespace(self._builtins, "__main__", display_path(compiled.filename), compiled.code)
        exec(compiled.code, made)
        main = made.get("dana_u__main__")
        if callable(main):
            main(**_arguments(main, name, arguments))
        elif arguments:
            _refuse(name, "", "the program has no function __main__ that could take arguments")
        namespace.update({key: made[key] for key in made if not key.startswith(("_", "dana_"))})


def _arguments(main: Any, module: str, arguments: list[str]) -> dict[str, Any]:
    """What the command line gives to ``__main__``. SystemExit with the usage if that does not accept it."""
    import inspect  # only programs have arguments

    signature = inspect.signature(main)
    try:
        given = dict(map(_argument, arguments))
        signature.bind(**given)
    except (TypeError, ValueError) as problem:
        shown = " ".join(f"[{name}=…]" if _optional(param) else f"{name}=…" for name, param in _shown(signature))
        _refuse(module, shown, problem)
    return given


def _refuse(module: str, shown: str, problem: object) -> NoReturn:
    """As argparse refuses arguments: usage and reason on stderr, exit code 2."""
    called = f"{PREFIX}{module.removesuffix('.__main__')} {shown}".rstrip()
    print(f"usage: python -m {called}\nerror: {problem}", file=sys.stderr)
    raise SystemExit(2) from None


def _argument(text: str) -> tuple[str, Any]:
    import json

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(f"{text!r} is no argument: write name=value")
    try:
        return python_name(name), json.loads(value)
    except ValueError:
        return python_name(name), value


def _shown(signature: Any) -> list[tuple[str, Any]]:
    return [(shown_name(name), param) for name, param in signature.parameters.items()]


def _optional(param: Any) -> bool:
    return param.default is not param.empty or param.kind in (param.VAR_POSITIONAL, param.VAR_KEYWORD)


def _submodule(package: str, part: str) -> ModuleType | None:
    """A submodule that was not imported yet, on attribute access."""
    try:
        return importlib.import_module(f"{PREFIX}{package}.{part}")
    except ModuleNotFoundError:
        return None


def _finish(namespace: dict[str, Any], annotations: dict[str, dict[str, str]]) -> None:
    """Give the functions of a module the metadata of `DanaFunction`."""
    types = PYTHON_TYPES
    for key, value in list(namespace.items()):
        if type(value) is not FunctionType or value.__globals__ is not namespace:
            continue
        if key[:5] == "dana_" and key[:7] not in ("dana_u_", "dana_n_"):
            continue  # the compiler's own: initialisers of structs, entries for proved calls
        notes = annotations.get(key)
        if notes:
            value.__annotations__ = {name: types[text] for name, text in notes.items()}
        # Bound methods, because a partial takes four times as long to make.
        own = value.__dict__
        own["call_async"] = MethodType(_call_async, value)
        own["map"] = MethodType(map_items, value)
        own["stream"] = MethodType(stream_items, value)


def _call_async(function: FunctionType, /, *args: Any, **named: Any) -> Any:
    from opendxa.dana.asynchronous import call_async

    return call_async(function, args, named)


class HookImporter:
    """Imports inside the modules of ``dana_modules``: their Dana modules are Python modules below that name."""

    def __init__(self, state: HookState) -> None:
        self._state = state

    def module(self, name: str, level: int, python: bool, importer: str) -> Any:
        """``import name``."""
        if python:
            check_name(name)
            return self._state.facade(name, required=True)
        full = self._absolute(name, level, importer)
        return sys.modules.get(PREFIX + full) or as_import_error(full, lambda: self._dana(full, importer))

    def member(self, name: str, level: int, python: bool, importer: str, member: str) -> Any:
        """``from name import member``."""
        return member_of(self.module(name, level, python, importer), member, name)

    def star(self, name: str, level: int, python: bool, importer: str) -> dict[str, Any]:
        """``from name import *``."""
        return copy_exports(self.module(name, level, python, importer))

    def _absolute(self, name: str, level: int, importer: str) -> str:
        known = sys.modules.get(PREFIX + importer)
        info = None if known is None else info_of(known)
        is_package = info is not None and (info.compiled is None or info.compiled.is_package)
        return absolute_name(name, level, importer, is_package)

    def _dana(self, name: str, importer: str) -> Any:
        check_name(name)
        try:
            return importlib.import_module(PREFIX + name)
        except ModuleNotFoundError as error:
            if error.name is None or not (PREFIX + name).startswith(error.name):
                raise
        facade = self._state.facade(name)
        if facade is not None:
            return facade
        raise not_found(name, self._state._settings.roots(), importer)
