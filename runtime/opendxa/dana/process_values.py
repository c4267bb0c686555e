"""Values as the parent names them, and what stands in the parent for those of a worker.

In: Python values on their way to a worker, references and struct fields from it. Out: `Ref` and `Fields` for `frames`;
functions, iterators and struct instances that look like those of the thread tier and act in the worker. Descriptions
come from the worker and are checked like everything else from there: they become names and texts, never code.
"""

from __future__ import annotations

import functools
import inspect
import keyword
import weakref
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

from dana_guards.errors import DanaContextError, DanaTypeError
from dana_guards.exceptions import KINDS, CaughtError
from dana_guards.migrate import SPARE_FIELDS, adopt
from dana_guards.spelling import did_you_mean
from dana_guards.structs import DanaObject, Field, StructType, TypeRegistry, delegated, make_field
from dana_guards.type_tokens import TYPE_WORDS, type_word
from opendxa.dana.convert import _CALLABLES, _numpy_scalar, refuse
from opendxa.dana.copying import SCALARS, copy_tree
from opendxa.dana.frames import Fields, FrameError, Ref, plain_text
from opendxa.dana.function import _call_async, map_items, python_annotations, stream_items
from opendxa.dana.host import own_record
from opendxa.dana.iteration import DanaIterator
from opendxa.dana.process_errors import record_of
from opendxa.dana.process_plain import WORD, plain_ref, plain_value
from opendxa.dana.process_tables import Borrowed, Lent
from opendxa.dana.results import as_result

if TYPE_CHECKING:
    from opendxa.dana.process_context import ProcessContext
    from opendxa.dana.process_link import Link

MARK = "__dana_context__"
REMOTE = "__dana_remote__"
_LONGEST = 100_000
_LONGEST_TYPE = 200
_MOST = 1000
_SCALAR_FIELDS = frozenset({"int", "float", "str", "bool"})


class RemoteFunction:
    """Which function of which worker a Python function stands for, and how to find it again."""

    __slots__ = ("link", "module", "name", "number")

    def __init__(self, link: Link, number: int, module: str | None, name: str) -> None:
        self.link = link
        self.number = number
        self.module = module
        """Its module, if it is an attribute of it."""
        self.name = name


class RemoteIterator(DanaIterator):
    """An iterator of a worker in the hands of the host: each step asks the worker."""

    __slots__ = ("__weakref__", "_link", "_number")

    _context: ProcessContext

    def __init__(self, context: ProcessContext, link: Link, number: int) -> None:
        self._context = context
        self._link = link
        self._number = number

    def __next__(self) -> Any:
        found = self._context._ask_link(self._link, "step", [self._number])
        if not found:
            raise StopIteration
        return found[0]


class RemoteValue:
    """A value of a worker that has no other form here: it can be shown, and handed back to its context."""

    __slots__ = ("__weakref__", "_kind", "_link", "_number", "_text")

    def __init__(self, link: Link, number: int, kind: str, text: str) -> None:
        self._link = link
        self._number = number
        self._kind = kind
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {self._kind} of a worker process cannot be pickled or copied")


class ParentValues:
    """What the parent has lent to one worker and borrowed from it."""

    def __init__(self, context: ProcessContext, link: Link) -> None:
        self._context = context
        self._link = link
        self.lent = Lent()
        self._borrowed = Borrowed()
        self._types = TypeRegistry()
        self._classes: dict[int, StructType] = {}
        self._numbers: dict[StructType, int] = {}
        self._records: weakref.WeakSet[CaughtError] = weakref.WeakSet()

    def take_dropped(self) -> list[list[int]]:
        return self._borrowed.take_dropped()

    def drop(self, dropped: list[list[int]]) -> None:
        """Take pairs back that could not be sent."""
        self._borrowed.put_back(dropped)

    def forget(self) -> None:
        """The worker has ended: what was lent to it is its no more."""
        self.lent = Lent()

    # -- out -------------------------------------------------------------------------------------------

    def leaf(self, value: Any) -> Any:
        """What stands for a value that is neither scalar nor container. DanaTypeError for what cannot enter."""
        return plain_ref(value) or self._context._border._admit_leaf(value)

    def own(self, value: Any) -> Ref | Fields | None:
        """The reference of a value that came from this worker, None for any other."""
        kind = type(value)
        if kind is FunctionType:
            remote = value.__dict__.get(REMOTE)
            if remote is None or value.__dict__.get(MARK) is not self._context:
                return None
            return Ref(["f", self._context._current_number(remote)])
        if kind is RemoteIterator and value._context is self._context:
            self._same(value._link)
            return Ref(["g", value._number])
        if kind is RemoteValue and value._link.context is self._context:
            self._same(value._link)
            return Ref(["v", value._number])
        if isinstance(value, DanaObject):
            number = self._numbers.get(kind)  # type: ignore[call-overload]
            if number is None:
                raise DanaTypeError(
                    f"a {kind.__name__} of another context cannot enter this one",
                    hint="pass its fields: value.to_dict()",
                )
            return Fields(number, [object.__getattribute__(value, field.slot) for field in kind._dana_fields_])
        if kind is CaughtError:
            record = own_record(value, self._records)
            return Ref(["e", record.type, record.message])
        return _token(value)

    def _same(self, link: Link) -> None:
        if link is not self._link:
            raise DanaContextError("the value was lost when its worker process ended")

    def function(self, function: Callable[..., Any]) -> Ref:
        return Ref(["hf", self.lent.number(function)])

    def iterator(self, items: Iterator[Any]) -> Ref:
        return Ref(["hg", self.lent.number(items)])

    def object(self, target: Any) -> Ref:
        return Ref(["h", self.lent.number(target)])

    # -- in --------------------------------------------------------------------------------------------

    def ref(self, data: list[Any]) -> Any:
        """What a reference of the worker stands for. FrameError for one that it could not have made."""
        word = data[0] if data else None
        if word == WORD:
            return plain_value(data)
        if word == "m" and len(data) == 2 and type(data[1]) is str:
            return self._context._module_named(data[1])
        if word == "k" and len(data) == 2 and type(data[1]) is str:
            return _named_token(data[1])
        if word == "e" and len(data) == 3 and all(type(each) is str for each in data):
            record = record_of(data[1], data[2])
            self._records.add(record)
            return record
        if len(data) < 2 or type(data[1]) is not int:
            raise FrameError("a reference has no number")
        number: int = data[1]
        if word == "h" and len(data) == 2:
            return self._context._unwrapped(self.lent.get(number))
        if word == "f" and len(data) == 2:
            return self._borrowed.get(number, lambda: self._make_function(number))
        if word == "g" and len(data) == 2:
            return self._borrowed.get(number, lambda: RemoteIterator(self._context, self._link, number))
        if word == "v" and len(data) == 4:
            kind, text = _short(data[2]), _short(data[3])
            return self._borrowed.get(number, lambda: RemoteValue(self._link, number, kind, text))
        raise FrameError("a reference is of no known kind")

    def struct(self, number: int, count: int) -> tuple[DanaObject, Callable[[list[Any]], None]]:
        """An empty instance, and what fills it. FrameError for fields that do not fit the class."""
        cls = self._classes.get(number)
        if cls is None:
            cls = self._make_class(number)
        fields = cls._dana_fields_
        if count != len(fields):
            raise FrameError("a struct has the wrong number of fields")
        made: Any = object.__new__(cls)  # type: ignore[arg-type]

        def fill(values: list[Any]) -> None:
            for field, value in zip(fields, values, strict=True):
                object.__setattr__(made, field.slot, value)

        return made, fill

    # -- functions -------------------------------------------------------------------------------------

    def _make_function(self, number: int) -> FunctionType:
        told = self._link.request("describe", [number])
        name, module = _name(told, "name"), plain_text(_get(told, "module"))
        public = _get(told, "public") is True
        remote = RemoteFunction(self._link, number, module if public else None, name)
        made, plain = _calling(self._context, remote)
        notes = _notes(_get(told, "notes"))
        made.__name__ = made.__qualname__ = name
        made.__doc__, made.__module__ = plain_text(_get(told, "doc")), module or "__main__"
        made.__annotations__ = python_annotations(notes)
        made.__dict__["__signature__"] = _signature(_get(told, "params"), made.__annotations__)
        file, line = plain_text(_get(told, "file")) or "", _get(told, "line")
        # Only files that this side has sent: `inspect` opens what a function names.
        if file in self._context._files and type(line) is int and 0 < line < 1 << 31:
            for each in (made, plain):
                each.__code__ = each.__code__.replace(co_filename=file, co_firstlineno=line)
        made.__dict__["__wrapped__"] = plain
        made.__dict__.update({MARK: self._context, REMOTE: remote})
        made.__dict__["call_async"] = functools.partial(_call_async, made)
        made.__dict__["map"] = functools.partial(map_items, made)
        made.__dict__["stream"] = functools.partial(stream_items, made)
        return made

    # -- classes ---------------------------------------------------------------------------------------

    def _make_class(self, number: int) -> StructType:
        told = self._link.request("class", [number])
        name, kind = _name(told, "name"), _short(_get(told, "kind"))
        rows = _get(told, "fields")
        if type(rows) is not list or len(rows) > _MOST or any(type(row) is not list or len(row) != 3 for row in rows):
            raise FrameError("a class has no fields")
        try:
            fields = tuple(make_field(_identifier(row[0]), _short(row[1]), plain_text(row[2])) for row in rows)
        except ValueError:
            raise FrameError("a field has an impossible name") from None
        body: dict[str, Any] = {
            "__slots__": tuple(field.slot for field in fields),
            "__init__": _no_constructor,
            "__module__": "dana",
            "__doc__": plain_text(_get(told, "doc")),
            "__match_args__": tuple(field.python for field in fields),
            "_dana_kind_": kind,
            "_dana_fields_": fields,
            "_dana_by_name_": {field.python: field for field in fields},
            "_dana_delegates_": tuple(field for field in fields if field.name.startswith("_")),
        }
        body["__getattr__"] = _late_member(self, number, bool(body["_dana_delegates_"]))
        body["_dana_sized_"] = None
        base: StructType = DanaObject
        try:
            if self._context._reloader is not None:
                self._types.spare = SPARE_FIELDS
                base = self._types.room_for(name, base, body)
            cls = StructType(name, (base,), body)
        except (TypeError, ValueError):
            raise FrameError("a class has impossible fields") from None
        self._types.types[name] = cls
        for field in fields:
            type.__setattr__(cls, field.python, self._descriptor(name, field))
        self._classes[number] = cls
        self._numbers[cls] = number
        self._add_methods(cls, told)
        return cls

    def _descriptor(self, struct: str, field: Field) -> property:
        """A field as the thread tier shows it: writes are checked and copied, reads are copies."""
        plain = self._types.descriptor(struct, field)
        read, write = plain.fget, plain.fset
        assert read is not None
        assert write is not None

        def shown(instance: DanaObject) -> Any:
            return copy_tree(read(instance), _same_leaf, subclasses=False)

        def changed(instance: DanaObject, value: Any) -> None:
            write(instance, copy_tree(value, self._kept_leaf, subclasses=True))

        return property(read if field.type_text in _SCALAR_FIELDS else shown, changed, doc=field.comment)

    def _kept_leaf(self, value: Any) -> Any:
        """A leaf of what the host writes into a field; it crosses when the instance does."""
        if isinstance(value, DanaObject) and type(value) in self._numbers:
            return value
        return value if self.own(value) is not None else keep_leaf(value)

    def _add_methods(self, cls: StructType, told: Any) -> None:
        for python, shown, doc in _methods(_get(told, "methods")):
            if python not in cls.__dict__:
                type.__setattr__(cls, python, _method(self._context, self._link, python, shown, doc))

    def learn_methods(self, number: int) -> None:
        """Ask for the methods of a class again: a program may attach them at any time."""
        told = self._context._ask_link(self._link, "class", [number], seconds=False)
        self._add_methods(self._classes[number], told)


def _calling(context: ProcessContext, remote: RemoteFunction) -> tuple[FunctionType, FunctionType]:
    """The function that a host gets, and the one whose result is plain."""
    call = context._call_remote

    def plain(*args: Any, **named: Any) -> Any:
        return call(remote, args, named)

    def run(*args: Any, **named: Any) -> Any:
        return as_result(call(remote, args, named))

    made: Any = run, plain
    return made  # type: ignore[no-any-return]


def _method(context: ProcessContext, link: Link, python: str, shown: str, doc: str | None) -> FunctionType:
    def run(self: DanaObject, *args: Any, **named: Any) -> Any:
        found = context._ask_link(link, "method", [python], [self, list(args), named])
        if not isinstance(found, list) or len(found) != 2 or not isinstance(found[1], DanaObject):
            raise DanaContextError("the worker process gave no result of a method")
        followed = context._reloader is not None and type(found[1]).__name__ == type(self).__name__
        if type(found[1]) is not type(self) and not followed:
            raise DanaContextError("the worker process gave no result of a method")
        adopt(self, found[1])  # its class may be another one since a reload
        return self if found[0] is found[1] else as_result(found[0])

    method: Any = run
    method.__name__ = method.__qualname__ = shown
    method.__doc__ = doc
    method.__dict__[MARK] = context
    return method  # type: ignore[no-any-return]


def _same_leaf(value: Any) -> Any:
    return value


def keep_leaf(value: Any) -> Any:
    """A leaf that may enter a context, as plain as it can be here. DanaTypeError for any other."""
    if isinstance(value, (int, float, str, range, Iterator, *_CALLABLES)) or plain_ref(value) is not None:
        return value
    plain = _numpy_scalar(value)
    return refuse(value) if plain is None else plain


def _late_member(values: ParentValues, number: int, delegates: bool) -> Callable[[DanaObject, str], Any]:
    def late(self: DanaObject, name: str) -> Any:
        if not name.startswith("_"):
            values.learn_methods(number)
            found = next((base.__dict__[name] for base in type(self).__mro__ if name in base.__dict__), None)
            if found is not None:
                return found.__get__(self)
        if delegates:
            return delegated(self, name)
        known = [field.name for field in type(self)._dana_fields_]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{did_you_mean(name, known)}")

    return late


def _no_constructor(self: DanaObject, *args: Any, **named: Any) -> None:
    raise TypeError(f"make a {type(self).__name__} with the constructor of its module")


# -- checking descriptions ---------------------------------------------------------------------------------


def _get(told: Any, key: str) -> Any:
    if type(told) is not dict or key not in told:
        raise FrameError("a description lacks a part")
    return told[key]


def _short(value: Any) -> str:
    if type(value) is not str or len(value) > _LONGEST:
        raise FrameError("a name is no short text")
    return value


def _name(told: Any, key: str) -> str:
    return _short(_get(told, key))[:_MOST]


def _identifier(value: Any) -> str:
    if type(value) is not str or not value.isidentifier() or not value.isascii() or len(value) > _MOST:
        raise FrameError("a name is no identifier")
    return value


def _notes(rows: Any) -> dict[str, str]:
    if type(rows) is not list or len(rows) > _MOST:
        raise FrameError("annotations are no list")
    notes: dict[str, str] = {}
    for row in rows:
        if type(row) is not list or len(row) != 2:
            raise FrameError("an annotation is no pair")
        if type(row[1]) is str and len(row[1]) <= _LONGEST_TYPE:
            notes[_identifier(row[0])] = row[1]
    return notes


class _Shown:
    """A default of a parameter that is no plain value, as its text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _signature(rows: Any, annotations: dict[str, Any]) -> inspect.Signature:
    if type(rows) is not list or len(rows) > _MOST:
        raise FrameError("parameters are no list")
    params = []
    for row in rows:
        if type(row) is not list or len(row) != 5 or type(row[1]) is not int or not 0 <= row[1] <= 4:
            raise FrameError("a parameter lacks a part")
        name, kind, given, plain, default = row
        if plain is True and type(default) not in SCALARS:
            raise FrameError("a default is no scalar")
        value = default if plain is True else _Shown(_short(default) if given is True else "...")
        params.append(
            inspect.Parameter(
                _identifier(name),
                inspect._ParameterKind(kind),
                default=value if given is True else inspect.Parameter.empty,
                annotation=annotations.get(name, inspect.Parameter.empty),
            )
        )
    try:
        return inspect.Signature(params, return_annotation=annotations.get("return", inspect.Signature.empty))
    except ValueError:
        raise FrameError("parameters are in an impossible order") from None


def _methods(rows: Any) -> Iterator[tuple[str, str, str | None]]:
    if type(rows) is not list or len(rows) > _MOST:
        raise FrameError("methods are no list")
    for row in rows:
        if type(row) is not list or len(row) != 3:
            raise FrameError("a method lacks a part")
        python = _identifier(row[0])
        if python.startswith("_") or keyword.iskeyword(python):
            raise FrameError("a method has an impossible name")
        yield python, _short(row[1]), plain_text(row[2])


# -- tokens --------------------------------------------------------------------------------------------------


def _word_is_called(*args: Any, **named: Any) -> NoReturn:
    raise TypeError("a type word of a worker process is called by Dana code only")


_WORDS = {word: type_word(word, _word_is_called) for word in TYPE_WORDS}


def _token(value: Any) -> Ref | None:
    for words in (KINDS, _WORDS):
        for word, token in words.items():
            if token is value:
                return Ref(["k", word])
    return None


def _named_token(word: str) -> Any:
    token = KINDS.get(word) or _WORDS.get(word)
    if token is None:
        raise FrameError("a token has an unknown name")
    return token
