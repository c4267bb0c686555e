"""Values as the worker names them.

In: values of the worker's context on their way out, references of the parent on their way in. Out: `Ref` and `Fields`
for `frames`, and stand-ins that behave as the host's own functions, iterators and objects would.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import TYPE_CHECKING, Any

from dana_guards.exceptions import KINDS, CaughtError
from dana_guards.formatting import text_of
from dana_guards.spelling import dana_name
from dana_guards.structs import DanaObject, StructType
from dana_guards.type_tokens import TYPE_WORDS
from opendxa.dana.copying import SCALARS
from opendxa.dana.frames import Fields, FrameError, Ref
from opendxa.dana.function import context_of
from opendxa.dana.iteration import DanaIterator
from opendxa.dana.module import DanaModule
from opendxa.dana.process_errors import record_of
from opendxa.dana.process_plain import WORD, plain_ref, plain_value
from opendxa.dana.process_tables import Borrowed, Lent
from opendxa.dana.results import RESULT_TYPES

if TYPE_CHECKING:
    from opendxa.dana.context import DanaContext
    from opendxa.dana.worker import Worker

_HOST_NUMBER = "dana_host_number"
PLAIN = {kind: base for base, kind in RESULT_TYPES.items()}
_LONGEST_TEXT = 10_000


class HostObject:
    """An object of the host: each attribute and each call asks the parent."""

    __slots__ = ("__weakref__", "_number", "_worker")

    def __init__(self, worker: Worker, number: int) -> None:
        self._worker = worker
        self._number = number

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._worker.ask("attribute", [self._number, name])


class HostIterator:
    """An iterator of the host: each step asks the parent."""

    __slots__ = ("__weakref__", "_number", "_worker")

    def __init__(self, worker: Worker, number: int) -> None:
        self._worker = worker
        self._number = number

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        found = self._worker.ask("step", [self._number])
        if not found:
            raise StopIteration
        return found[0]


class WorkerValues:
    """What the worker has lent and borrowed."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.lent = Lent()
        self._borrowed = Borrowed()
        self._classes: dict[StructType, int] = {}
        self._by_number: dict[int, StructType] = {}

    def release(self, dropped: Any) -> None:
        self.lent.release(dropped)

    def take_dropped(self) -> list[list[int]]:
        return self._borrowed.take_dropped()

    # -- out -------------------------------------------------------------------------------------------

    def leaf(self, value: Any) -> Any:
        """What stands for a value that is neither scalar nor container, or the plain value of a result."""
        kind = type(value)
        if kind in PLAIN:
            return PLAIN[kind](value)
        if isinstance(value, DanaObject):
            return self._fields(value)
        if kind is HostObject or kind is HostIterator:
            return Ref(["h", value._number])
        if kind is FunctionType:
            if _HOST_NUMBER in value.__dict__:
                return Ref(["h", value.__dict__[_HOST_NUMBER]])
            if context_of(value) is not None:
                return Ref(["f", self.lent.number(value, ("f", id(value.__dict__["__dana_target__"])))])
        if isinstance(value, DanaModule) and kind is DanaModule:
            return Ref(["m", value.__name__])
        if kind is DanaIterator:
            return Ref(["g", self.lent.number(value)])
        plain = plain_ref(value)
        if plain is not None:
            return plain
        shown = self._worker.opened._host_value(value)
        if shown is value:
            return self._other(value)
        # A function of the program has become one for hosts, which is the same type and has a number.
        return self.leaf(shown) if type(shown) is kind else shown

    def _fields(self, value: DanaObject) -> Fields:
        self._worker.opened._host_value(value)  # opens its class: what the host calls on it enters the context
        cls = type(value)
        number = self._classes.get(cls)
        if number is None:
            number = self._classes[cls] = len(self._classes) + 1
            self._by_number[number] = cls
        return Fields(number, [object.__getattribute__(value, field.slot) for field in cls._dana_fields_])

    def _other(self, value: Any) -> Ref:
        """Tokens by name, records by what they say; anything else stays here, and its text crosses."""
        if isinstance(value, CaughtError):
            return Ref(["e", value.type, value.message])
        for words in (TYPE_WORDS, KINDS):
            for word, token in words.items():
                if token is value:
                    return Ref(["k", word])
        builtin = next((word for word, made in self._worker.opened._builtins.items() if made is value), None)
        if builtin is not None and builtin in TYPE_WORDS:
            return Ref(["k", builtin])
        number = self.lent.number(value, ("v", id(value)))
        return Ref(["v", number, type(value).__name__, text_of(value)[:_LONGEST_TEXT]])

    def class_of(self, number: Any) -> StructType:
        return self._by_number[number]

    # -- in --------------------------------------------------------------------------------------------

    def ref(self, data: list[Any]) -> Any:
        """What a reference of the parent stands for."""
        if data[0] == WORD:
            return plain_value(data)
        if data[0] == "e":
            record = record_of(data[1], data[2])
            self._worker.opened._records.add(record)
            return record
        word, number = data
        if word in ("f", "g", "v"):
            return self.lent.get(number)
        if word == "m":
            return self._worker.opened.import_module(number)
        if word == "k":
            found = KINDS.get(number)
            return self._worker.opened._builtins[number] if found is None else found
        if word == "h":
            return self._borrowed.get(number, lambda: HostObject(self._worker, number))
        if word == "hf":
            return self._borrowed.get(number, lambda: self._function(number))
        if word == "hg":
            return self._borrowed.get(number, lambda: HostIterator(self._worker, number))
        raise FrameError("a reference is of no known kind")

    def _function(self, number: int) -> FunctionType:
        ask = self._worker.ask

        def call(*args: Any, **named: Any) -> Any:
            return ask("host", [number], [list(args), named])

        host: Any = call
        host.__dict__[_HOST_NUMBER] = number
        return host  # type: ignore[no-any-return]

    def struct(self, number: int, count: int) -> Any:
        """An empty instance, and what fills it with the values that came."""
        cls = self._by_number[number]
        made: Any = object.__new__(cls)  # type: ignore[arg-type]

        def fill(values: list[Any]) -> None:
            for field, value in zip(cls._dana_fields_, values, strict=True):
                setattr(made, field.python, value)

        return made, fill


# -- descriptions ------------------------------------------------------------------------------------------


def function_description(context: DanaContext, function: FunctionType) -> dict[str, Any]:
    """What the parent shows of a function: names, texts, scalars."""
    target = function.__dict__["__dana_target__"]
    code = function.__code__
    notes = context._describe(target).annotations if type(target) is FunctionType else _constructor_notes(target)
    params = []
    for parameter in inspect.signature(function).parameters.values():
        default = parameter.default
        given = default is not inspect.Parameter.empty
        plain = type(default) in SCALARS
        kept = default if plain else (text_of(default)[:200] if given and not _is_mark(default) else "...")
        params.append([parameter.name, int(parameter.kind), given, plain, kept if given else None])
    return {
        "name": function.__name__,
        "doc": function.__doc__,
        "module": function.__module__,
        "params": params,
        "notes": [list(pair) for pair in notes.items()],
        "file": code.co_filename,
        "line": code.co_firstlineno,
        "public": _is_public(context, function, target),
    }


def _is_mark(value: Any) -> bool:
    return type(value).__module__.startswith("dana_guards")


def _constructor_notes(target: Any) -> dict[str, str]:
    return {field.python: field.type_text for field in getattr(target, "_dana_fields_", ())}


def _is_public(context: DanaContext, function: FunctionType, target: Any) -> bool:
    """Whether a fresh worker finds the function again as an attribute of its module."""
    module = context._importer.modules.get(function.__module__)
    return module is not None and module.__dict__.get(getattr(target, "__name__", "")) is target


def class_description(context: DanaContext, cls: StructType) -> dict[str, Any]:
    """What the parent makes a class of: fields with their types, and the names of methods."""
    methods = {
        name: [dana_name(name) or name, getattr(member, "__doc__", None)]
        for base in cls.__mro__
        if issubclass(base, DanaObject) and base is not DanaObject
        for name, member in base.__dict__.items()
        if type(member) is FunctionType and not name.startswith("_")
    }
    return {
        "name": cls.__name__,
        "kind": cls._dana_kind_,
        "doc": cls.__doc__,
        "fields": [[field.python, field.type_text, field.comment] for field in cls._dana_fields_],
        "methods": [[name, *told] for name, told in methods.items() if name not in ("to_dict", "get_field_value")],
    }
