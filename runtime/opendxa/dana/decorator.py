"""``@dana_function("pkg.module.name")``: a typed Python stub that calls a Dana function.

In: a stub, a ``def`` or ``async def`` whose body means nothing. Out: a function with the same signature. Arguments and
results are checked against the stub's annotations. The call goes to the current context (`with`), or else to one of its
own for each thread, with the capabilities that the decorator names or ``[tool.dana2py]`` grants.
"""

from __future__ import annotations

import functools
import inspect
import os
import threading
import typing
import weakref
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from dana_guards.errors import DanaImportError, DanaTypeError
from opendxa.dana.context import DanaContext, current
from opendxa.dana.hints import fits_hint, spell
from opendxa.dana.runtime import DanaRuntime, PathLike
from opendxa.dana.search import check_name

F = TypeVar("F", bound=Callable[..., Any])


def dana_function(
    target: str,
    *,
    allowed_capabilities: Iterable[str] | None = None,
    max_memory: str | int | None = None,
    timeout: Any = None,
    search_paths: Iterable[PathLike] | None = None,
) -> Callable[[F], F]:
    """Make a stub call a Dana function.

    Parameters
    ----------
    target : ``"module.name"`` or ``"package.module.name"``.
    allowed_capabilities, max_memory, timeout, search_paths : of the context that is made where there is no current
        one; as in `DanaRuntime.create_context`. Without them the project's ``[tool.dana2py]`` counts.

    Raises
    ------
    ValueError : the target has no module, or a setting is not understood.

    A call raises DanaTypeError for an argument or a result that does not fit the stub, and what the Dana function
    raises.
    """
    if not isinstance(target, str) or "." not in target:
        raise ValueError(f'@dana_function("module.name"): {target!r} names no function of a module')
    try:
        check_name(target)
    except DanaImportError as error:
        raise ValueError(f'@dana_function("module.name"): {error.message}') from None
    settings = {
        "allowed_capabilities": allowed_capabilities,
        "max_memory": max_memory,
        "timeout": timeout,
        "search_paths": search_paths,
    }
    own = _OwnContexts({key: value for key, value in settings.items() if value is not None})

    def decorate(stub: F) -> F:
        if not inspect.isfunction(stub):
            raise TypeError("@dana_function stands on a def; put it below @staticmethod and @classmethod")
        if inspect.isgeneratorfunction(stub) or inspect.isasyncgenfunction(stub):
            raise TypeError("@dana_function stands on a def without yield; a Dana function may give an iterator")
        return typing.cast(F, _Stub(target, stub, own).wrapper())

    return decorate


class _OwnContexts:
    """One context for each thread that calls without a current one; they end with their threads."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._local = threading.local()
        own = {key: value for key, value in settings.items() if key != "search_paths"}
        DanaRuntime().create_context(**own).cleanup()  # a wrong setting shows where it was written

    def get(self) -> DanaContext:
        context: DanaContext | None = getattr(self._local, "context", None)
        if context is None or context.closed:
            from opendxa.dana.project import read_project

            context = DanaRuntime().create_context(**{**read_project(os.getcwd()), **self._settings})
            self._local.context = context
        return context


class _Stub:
    """What a decorated stub knows."""

    def __init__(self, target: str, stub: Callable[..., Any], own: _OwnContexts) -> None:
        self._module, _, self._name = target.rpartition(".")
        self._target = target
        self._stub = stub
        self._own = own
        self._signature = inspect.signature(stub)
        first = next(iter(self._signature.parameters.values()), None)
        in_class = stub.__qualname__.rpartition(".")[0].rpartition(".")[2] not in ("", "<locals>")
        self._is_method = (
            first is not None and first.name in ("self", "cls") and (in_class or first.annotation is first.empty)
        )
        self._functions: weakref.WeakKeyDictionary[DanaContext, Any] = weakref.WeakKeyDictionary()
        self._hints: dict[str, Any] | None = None

    def wrapper(self) -> Callable[..., Any]:
        """The function in the stub's place."""
        if inspect.iscoroutinefunction(self._stub):
            from opendxa.dana.asynchronous import run_in

            @functools.wraps(self._stub)
            async def call_async(*args: Any, **named: Any) -> Any:
                positional, keywords = self._prepare(args, named)
                context = self._context()
                function = self._functions.get(context)
                if function is None:
                    # Loading waits for its turn, as the calls of other stubs do, and does not hold up the loop.
                    function = await run_in(context, functools.partial(self._function, context))
                return self._checked(await function.call_async(*positional, **keywords))

            return call_async

        @functools.wraps(self._stub)
        def call(*args: Any, **named: Any) -> Any:
            positional, keywords = self._prepare(args, named)
            return self._checked(self._function(self._context())(*positional, **keywords))

        return call

    def _prepare(self, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments as the stub's signature orders them."""
        try:
            bound = self._signature.bind(*args, **named)
        except TypeError as error:
            raise DanaTypeError(f"{self._stub.__qualname__}: {error}") from None
        bound.apply_defaults()
        hints = self._known_hints()
        for name, value in bound.arguments.items():
            self._check_argument(name, value, hints)
        # `...` as a default leaves the default to Dana.
        given = {name: value for name, value in bound.arguments.items() if value is not Ellipsis}
        bound.arguments = given
        positional = list(bound.args)
        return positional[1:] if self._is_method else positional, bound.kwargs

    def _check_argument(self, name: str, value: Any, hints: dict[str, Any]) -> None:
        if name not in hints or value is Ellipsis:
            return
        kind = self._signature.parameters[name].kind
        values = [value]
        if kind is inspect.Parameter.VAR_POSITIONAL:
            values = list(value)
        elif kind is inspect.Parameter.VAR_KEYWORD:
            values = list(value.values())
        for item in values:
            if not fits_hint(item, hints[name]):
                raise DanaTypeError(
                    f"{self._stub.__qualname__}: the argument {name!r} must be {spell(hints[name])}, "
                    f"not {type(item).__name__}"
                )

    def _checked(self, result: Any) -> Any:
        hints = self._known_hints()
        if "return" in hints and not fits_hint(result, hints["return"]):
            raise DanaTypeError(
                f"{self._stub.__qualname__}: {self._target} gave {_kind(result)}, "
                f"where the stub says {spell(hints['return'])}"
            )
        return result

    def _known_hints(self) -> dict[str, Any]:
        if self._hints is None:
            try:
                self._hints = typing.get_type_hints(self._stub, include_extras=True)
            except NameError:
                # An annotation under TYPE_CHECKING: only its text is known, and that says nothing here.
                self._hints = {}
        return self._hints

    def _context(self) -> DanaContext:
        context = current.get()
        return self._own.get() if context is None or context.closed else context

    def _function(self, context: DanaContext) -> Any:
        function = self._functions.get(context)
        if function is None:
            module = context.import_module(self._module)
            try:
                function = getattr(module, self._name)
            except AttributeError as error:
                raise DanaImportError(f"@dana_function: {error}") from None
            if not callable(function):
                raise DanaTypeError(f"@dana_function: {self._target} is {_kind(function)}, no function")
            self._functions[context] = function
        return function


def _kind(value: Any) -> str:
    return next((base.__name__ for base in type(value).__mro__ if base.__module__ == "builtins"), "a value")
