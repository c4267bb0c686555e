"""What a host lends to a context: functions, and objects behind opaque handles.

In: Python callables and objects of the host. Out: plain functions that Dana calls like built-ins, and handles that
show the listed names and nothing else. Arguments and results cross the wall in both directions; while host code runs,
the clock runs on but no stop is delivered inside it.

An exception of host code reaches Dana with its kind; what it says stays with the host, unless its class has
``dana_visible = True`` (`dana_guards.exceptions`). Nothing is granted here: lending is the host's decision.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from inspect import iscoroutinefunction
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from dana_guards.errors import DanaContextError, DanaTypeError
from dana_guards.spelling import python_name

if TYPE_CHECKING:
    from dana_guards.exceptions import CaughtError
    from opendxa.dana.context import DanaContext

_LONGEST_NAME = 200
_PLAIN = (FunctionType, MethodType, BuiltinFunctionType, partial)


def host_function(context: DanaContext, function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The function that Dana code calls in place of a host's.

    Parameters
    ----------
    function : the host's; it gets plain Python values and may return anything that may enter a context. One that is
        ``async`` runs in the event loop whose task waits for the Dana call.
    name : how Dana knows it.
    """
    admit, release, meter = context._border.admit, context._border.release, context._meter
    enter, leave = meter.enter_host, meter.leave_host
    original = function
    if is_async(function):
        from opendxa.dana.asynchronous import awaited

        function = awaited(function, meter)

    def lent(*args: Any, **named: Any) -> Any:
        enter()
        try:
            plain = [release(arg) for arg in args]
            return admit(function(*plain, **{key: release(arg) for key, arg in named.items()}))
        except RecursionError:
            raise RecursionError("the host function is called from too deep") from None
        finally:
            leave()

    lent.__name__ = lent.__qualname__ = name
    lent.__module__ = "host"
    context._lent[lent] = original
    return lent


def host_iterator(context: DanaContext, items: Iterator[Any]) -> Iterator[Any]:
    """The items of a host's iterator, one by one as Dana asks for them."""
    admit, meter = context._border.admit, context._meter
    done = object()
    while True:
        meter.enter_host()
        try:
            item = next(items, done)
            if item is not done:
                item = admit(item)
        finally:
            meter.leave_host()
        if item is done:
            return
        yield item


# -- handles ------------------------------------------------------------------------------------------


class Handle:
    """Base of all handles: an object of the host as Dana sees it. It shows only the names that were listed."""

    __slots__ = ("_target",)
    _dana_type_name_ = "HostObject"
    _target: Any

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("an object of the host cannot be changed from Dana")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("an object of the host cannot be changed from Dana")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> Any:
        raise TypeError("an object of the host cannot be pickled or copied")

    def _dana_member_(self, name: str) -> Any:
        """A listed name that the guards never read plainly."""
        if name.startswith("_") or name not in type(self).__dict__:
            raise AttributeError(name)
        return getattr(self, name)


def make_handle(context: DanaContext, name: str, target: Any, attrs: Iterable[str], methods: Iterable[str]) -> Handle:
    """A handle for an object.

    Parameters
    ----------
    name : what the handle is called in messages.
    attrs : attributes that Dana may read; each read asks the object.
    methods : methods that Dana may call.

    Raises ValueError for a name with a leading underscore or one that the object does not have.
    """
    members: dict[str, Any] = {"__slots__": (), "__module__": "host"}
    for attribute in _listed(attrs, "attrs"):
        members[python_name(attribute)] = _reader(context, attribute)
    for method in _listed(methods, "methods"):
        if not callable(getattr(target, method, None)):
            raise ValueError(f"the object {name!r} has no method {method!r}")
        members[python_name(method)] = _caller(context, method)
    handle: Handle = object.__new__(type(name, (Handle,), members))
    object.__setattr__(handle, "_target", target)
    return handle


def _listed(names: Iterable[str], what: str) -> list[str]:
    if isinstance(names, str):
        raise ValueError(f'{what} is a list of names: {what}=["{names}"]')
    found = list(names)
    for name in found:
        if type(name) is not str or not name.isidentifier() or not name.isascii() or name.startswith("_"):
            raise ValueError(f"{name!r} cannot be shown to Dana: a name without leading underscore is needed")
    return found


def _reader(context: DanaContext, attribute: str) -> property:
    admit, meter = context._border.admit, context._meter

    def read(handle: Handle) -> Any:
        meter.enter_host()
        try:
            return admit(getattr(handle._target, attribute))
        finally:
            meter.leave_host()

    return property(read)


def _caller(context: DanaContext, method: str) -> property:
    def bound(handle: Handle) -> Any:
        return host_function(context, getattr(handle._target, method), method)

    return property(bound)


def own_record(value: CaughtError, known: Container[CaughtError]) -> CaughtError:
    """A record of a caught error that comes back into its context. DanaTypeError for another context's."""
    if value in known:
        return value
    raise DanaTypeError(
        "an error that another context caught cannot enter this one", hint="pass what it says: value.to_dict()"
    )


# -- checking what a host gives -------------------------------------------------------------------------


def check_lent(names: Iterable[Any], what: str) -> None:
    """ValueError for names that Dana code could not write."""
    for name in names:
        if type(name) is not str or not name.isidentifier() or not name.isascii() or len(name) > _LONGEST_NAME:
            raise ValueError(f"{what}: {name!r} is not a name")
        if name.startswith(("_", "dana_")) or keyword.iskeyword(name):
            raise ValueError(f"{what}: {name!r} is reserved")


def is_async(function: Callable[..., Any]) -> bool:
    """Whether a call gives a coroutine: ``async def``, bound or partial, or an object with such a ``__call__``."""
    return iscoroutinefunction(function) or (
        not isinstance(function, _PLAIN) and iscoroutinefunction(type(function).__call__)
    )


def check_callable(name: str, function: Any) -> None:
    """ValueError for what cannot be called."""
    if not callable(function):
        raise ValueError(f"functions: {name!r} is not callable")


def ended() -> DanaContextError:
    """The error of every use after the end."""
    return DanaContextError("the context is closed", hint="create a new one: runtime.create_context()")
