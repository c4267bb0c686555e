"""Functions in the hands of a host that follow when their module is loaded again.

In: the functions that a context with ``reload=`` hands out. Out: the same objects, which become their successors in
place. Such a function has no closure: what it needs stands in globals of its own (`function._live_factory`), so that
its code can be another one at any time.

That is also how a change is noticed, at no cost for calls before it: the watcher gives every function a code that takes
any arguments and asks the context to look first. Calls that have begun go on with the code that they began with.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import partial
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from dana_guards.structs import StructType

if TYPE_CHECKING:
    from opendxa.dana.context import DanaContext

_TARGET = "__dana_target__"
_KEPT = frozenset({"call_async", "map", "stream"})
_ARMS = frozenset({"I_real", "I_resume"})


def _run(*I_args: Any, **I_named: Any) -> Any:
    return I_resume(I_args, I_named)  # type: ignore[name-defined]  # noqa: F821 - a global of each live function


_PENDING = _run.__code__


class LiveFunctions:
    """The functions that a context has handed out.

    Parameters
    ----------
    enter : called before a call when something may have changed.
    """

    def __init__(self, enter: Callable[[], None]) -> None:
        self._enter = enter
        # Reentrant: the garbage collector may close a context while this thread holds it.
        self._lock = threading.RLock()
        self._functions: weakref.WeakSet[FunctionType] = weakref.WeakSet()
        self._armed = False

    def add(self, function: FunctionType) -> None:
        """Note a function that was just made."""
        with self._lock:
            self._functions.add(function)
            if self._armed:
                self._arm(function)

    def arm(self) -> None:
        """Let the next call of any of them look for changes first."""
        with self._lock:
            self._armed = True
            for function in list(self._functions):
                self._arm(function)

    def disarm(self) -> None:
        """Let them be what they are."""
        with self._lock:
            self._armed = False
            for function in list(self._functions):
                function.__code__ = _code_of(function)

    def _arm(self, function: FunctionType) -> None:
        if function.__code__ is _PENDING:
            return
        globals_ = function.__globals__
        globals_["I_real"] = _twin(function)
        globals_["I_resume"] = partial(self._resume, weakref.ref(function))
        function.__code__ = _PENDING

    def _resume(self, known: weakref.ref[FunctionType], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """A call of an armed function."""
        function: Any = known()
        assert function is not None, "it is being called"
        self._enter()
        if function.__code__ is _PENDING:
            return function.__globals__["I_real"](*args, **named)
        if args and "I_method" in function.__globals__:
            # The instance may be of another class by now, with a method of its own.
            members = type.__getattribute__(type(args[0]), "__dict__")
            function = members.get(function.__globals__["I_method"], function)
        return function(*args, **named)

    def follow(self, context: DanaContext, successor: Callable[[Any], Any]) -> None:
        """Make each of them what is in the place of its target now, as far as there is something."""
        with self._lock:
            for function in list(self._functions):
                target = function.__dict__.get(_TARGET)
                new = None if "I_method" in function.__globals__ else successor(target)
                if new is None:
                    continue
                fresh = context._constructor(new) if isinstance(new, StructType) else context._host_value(new)
                if type(fresh) is FunctionType:
                    _become(function, fresh)
                    if self._armed:
                        self._arm(function)


def _twin(function: FunctionType) -> FunctionType:
    """The same function once more."""
    twin = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    twin.__kwdefaults__ = function.__kwdefaults__
    return twin


def _code_of(function: FunctionType) -> CodeType:
    """The code of a function, armed or not."""
    real = function.__globals__.get("I_real")
    return function.__code__ if function.__code__ is not _PENDING or real is None else real.__code__


def _become(function: FunctionType, fresh: FunctionType) -> None:
    """Give a function everything that another one is, but the globals themselves."""
    function.__globals__.update({key: value for key, value in fresh.__globals__.items() if key not in _ARMS})
    function.__defaults__, function.__kwdefaults__ = fresh.__defaults__, fresh.__kwdefaults__
    function.__doc__, function.__annotations__ = fresh.__doc__, fresh.__annotations__
    function.__dict__.update({key: value for key, value in fresh.__dict__.items() if key not in _KEPT})
    function.__code__ = _code_of(fresh)
