"""What a worker may ask of its parent: host functions, objects, capabilities, output, texts of modules.

In: fields of a request, every one of them to be doubted. Out: a value, or an exception that becomes the answer. All of
it runs in the thread that called into the context. What is granted is decided here, by the parent's own grants; the
worker's opinion does not count.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from dana_guards.capabilities.uses import Place as CallPlace
from dana_guards.errors import DanaError, DanaLimitError
from dana_guards.output import byte_length
from opendxa.dana.frames import FrameError
from opendxa.dana.host import is_async
from opendxa.dana.importer import stamp_of
from opendxa.dana.library import decode, read_place
from opendxa.dana.search import Place, display_path, locate, not_found, package_file

if TYPE_CHECKING:
    from opendxa.dana.process_context import ProcessContext
    from opendxa.dana.process_link import Link

_MOST_MODULES: Final = 10_000
_PLACE: Final = (str, str, str, int)
"""Module, function, file and line of a call, as the worker tells them."""


def _fields(message: list[Any], *kinds: type | tuple[type, ...]) -> list[Any]:
    """The fields of a request, each of its type; the value at the end is not looked at here."""
    if len(message) != len(kinds) + 1:
        raise FrameError("a request has the wrong number of fields")
    for each, kind in zip(message, kinds, strict=False):
        if not isinstance(each, kind) or type(each) is bool:
            raise FrameError("a request has a field of the wrong type")
    return message


def _arguments(link: Link, form: Any) -> tuple[list[Any], dict[str, Any]]:
    given = link.value(form)
    if type(given) is not list or len(given) != 2 or type(given[0]) is not list or type(given[1]) is not dict:
        raise FrameError("a call has no arguments")
    args, named = given
    if any(type(name) is not str for name in named):
        raise FrameError("a call has a name that is no text")
    return args, named


def call_host(context: ProcessContext, link: Link, message: list[Any]) -> Any:
    """Call a function of the host."""
    number, form = _fields(message, int)
    function = link.values.lent.get(number)
    if context.is_exposed(function) or not callable(function):
        raise FrameError("a number stands for nothing that can be called")
    args, named = _arguments(link, form)
    if is_async(function):
        from opendxa.dana.asynchronous import awaited

        function = awaited(function, context._meter)
    return _as_host(context, lambda: function(*args, **named))


def _as_host(context: ProcessContext, call: Callable[[], Any]) -> Any:
    meter = context._meter
    meter.enter_host()
    try:
        return call()
    except RecursionError:
        raise RecursionError("the host function is called from too deep") from None
    finally:
        meter.leave_host()


def attribute(context: ProcessContext, link: Link, message: list[Any]) -> Any:
    """An attribute that the host has shown; a method as a function."""
    number, name, _ = _fields(message, int, str)
    target = link.values.lent.get(number)
    if name not in context.shown_names(target):
        raise AttributeError(name)
    return _as_host(context, lambda: getattr(target, name))


def step(context: ProcessContext, link: Link, message: list[Any]) -> Any:
    """The next item of an iterator of the host, in a list; an empty one at its end."""
    number, _ = _fields(message, int)
    items = link.values.lent.get(number)
    if context.is_exposed(items) or not hasattr(items, "__next__"):
        raise FrameError("a number stands for no iterator")
    done = object()
    item = _as_host(context, lambda: next(items, done))
    return [] if item is done else [item]


def capability(context: ProcessContext, link: Link, message: list[Any]) -> Any:
    """A built-in that needs a capability, with the grants of this side."""
    name, module, *place, form = _fields(message, str, str, *_PLACE)
    row = context.capability_rows().get(name)
    if row is None:
        raise FrameError("a built-in is asked for that needs no capability")
    args, named = _arguments(link, form)
    with _claimed(context, place):
        return context.capability(row, _module(context, module))(*args, **named)


def grant(context: ProcessContext, link: Link, message: list[Any]) -> None:
    """Whether a grant covers an argument; returns or raises."""
    name, shown, by, module, *place, form = _fields(message, str, (str, type(None)), (str, type(None)), str, *_PLACE)
    argument = link.value(form)
    if type(argument) not in (str, type(None)):
        raise FrameError("a grant is asked for an argument that is no text")
    from dana_guards.capabilities import known

    if name not in known():
        raise FrameError("a grant is asked for that does not exist")
    with _claimed(context, place):
        grants = context._environment.grants
        grants.for_module(_module(context, module)).require(name, argument, shown=shown, by=by)


def _module(context: ProcessContext, module: str) -> str:
    """The module in whose name a worker asks, empty for the context. What it names can only narrow the grants."""
    modules = context._environment.grants.modules
    if not module or modules is None:
        return ""
    if context.note_module(module) > _MOST_MODULES:
        raise FrameError("capabilities are asked for in too many names")
    return module


@contextmanager
def _claimed(context: ProcessContext, place: list[Any]) -> Iterator[None]:
    """What is used inside is told with the place that the worker names: nobody here can know a better one."""
    watch = context._environment.grants.watch
    before, watch.claimed = watch.claimed, CallPlace(*place)
    try:
        yield
    finally:
        watch.claimed = before


def source(context: ProcessContext, link: Link, message: list[Any]) -> Any:
    """A value of chance or time, for a context that is recorded or replayed."""
    from dana_guards.effects import SOURCES

    name, _ = _fields(message, str)
    tape = context._environment.tape
    if tape is None or name not in SOURCES:
        raise FrameError("a source is asked for that does not exist")
    return tape.source(name, context._meter)


def write(context: ProcessContext, link: Link, message: list[Any]) -> None:
    """Text of ``print``."""
    text, _ = _fields(message, str)
    _count(context, link, text)
    _as_host(context, lambda: context._environment.stdout(text))


def log(context: ProcessContext, link: Link, message: list[Any]) -> None:
    """A record of ``log``."""
    from dana_guards.output import LEVELS, escape_controls

    level, text, _ = _fields(message, str, str)
    if level not in LEVELS:
        raise FrameError("a record has an unknown level")
    _count(context, link, text)
    _as_host(context, lambda: context._environment.log(level, escape_controls(text)))


def _count(context: ProcessContext, link: Link, text: str) -> None:
    """The limit of the output again, in case the worker forgets it; the worker stops softly before."""
    meter = context._meter
    meter.output += byte_length(text)
    if meter.output > 2 * meter.limits.output + (1 << 16):
        link._end(DanaLimitError(f"the output is longer than {meter.limits.output} bytes"))


# -- modules ---------------------------------------------------------------------------------------------


def find_module(context: ProcessContext, link: Link, message: list[Any]) -> Any:
    """Where a module is, and its text; the code as well if the cache has it. None if there is none."""
    name, _ = _fields(message, str)
    place = locate(name, context.roots())
    return None if place is None else sent_place(context, place, name)


def exists(context: ProcessContext, link: Link, message: list[Any]) -> bool:
    """Whether there is a module of that name."""
    name, _ = _fields(message, str)
    return locate(name, context.roots()) is not None


def missing(context: ProcessContext, link: Link, message: list[Any]) -> None:
    """Raise the error for a module that is nowhere."""
    name, importer, _ = _fields(message, str, (str, type(None)))
    raise not_found(name, context.roots(), importer)


def packages(context: ProcessContext, link: Link, message: list[Any]) -> int:
    """How many search folders there are."""
    return len(context.roots())


def package(context: ProcessContext, link: Link, message: list[Any]) -> Any:
    """The ``__init__.na`` of a search folder, None if it has none."""
    number, _ = _fields(message, int)
    roots = context.roots()
    place = package_file(roots[number]) if 0 <= number < len(roots) else None
    return None if place is None else sent_place(context, place, "__init__")


def sent_place(context: ProcessContext, place: Place, name: str) -> dict[str, Any]:
    """A place as it is sent."""
    sent: dict[str, Any] = {"file": place.file, "folder": place.folder, "package": place.is_package}
    if place.file is None:
        return sent
    stamp = stamp_of(place)  # before the text is read: a change meanwhile is one that is still to be seen
    data = read_place(place, name)
    try:
        text = decode(data, place.file)
    except DanaError as error:
        raise error.with_traceback(None) from None
    context.note_file(name, place, stamp, data)
    code = _cached(context, place, name, data)
    return sent | {"text": text, "shown": display_path(place.file), "code": code}


def _cached(context: ProcessContext, place: Place, name: str, data: bytes) -> str | None:
    """The module from the cache as text of bytes. Nothing is compiled here: that is the worker's to suffer."""
    module = context._library.stored(data, place, name, context._policy)
    if module is None:
        return None
    parts: tuple[Any, ...] = (module.code, module.name, module.filename, module.exports, module.manifest)
    parts += (module.fingerprint, module.profile, module.is_package, module.docstring, module.annotations, module.names)
    return marshal.dumps(parts).decode("latin-1")


Service = Callable[["ProcessContext", "Link", list[Any]], Any]

SERVICES: dict[str, Service] = {
    "host": call_host,
    "attribute": attribute,
    "step": step,
    "capability": capability,
    "grant": grant,
    "source": source,
    "print": write,
    "log": log,
    "find": find_module,
    "exists": exists,
    "missing": missing,
    "packages": packages,
    "package": package,
}

