"""Struct classes: the factory behind ``struct``, ``resource``, ``workflow`` and ``agent_blueprint`` (7.1 to 7.3).

In: a name, the declared fields and the compiled constructor. Out: a class with one raw slot ``dana_s_<field>`` for each
field, which generated code may use behind a type test, and a checked descriptor under the field's own name for everyone
else. `docs/decisions/struct-layout.md` says why this shape. Not here: methods and delegation (`methods`), what
resources and agents have beyond their fields (`agents`).

The special methods of instances are ours and final: comparing, printing, copying or releasing an instance runs no code
of the program (threat model 5.6).
"""

from __future__ import annotations

import copyreg
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

from dana_guards.coercion import split_type
from dana_guards.formatting import repr_of
from dana_guards.spelling import did_you_mean, shown_name
from dana_guards.type_tokens import accepts, type_of, union_of


class Field(NamedTuple):
    """One field of a struct class."""

    name: str  # as Dana spells it
    python: str  # the public attribute
    slot: str  # the raw slot
    type_text: str
    comment: str | None = None


def check_member(name: str) -> None:
    """Refuse a name that would replace a special method or a slot; the policy has refused it before.

    Raises
    ------
    ValueError : ``name`` is not the Python name of a field or method of a program.
    """
    if not name.isidentifier() or name.startswith(("_", "dana_s_", "dana_h_", "dana_m_", "dana_r_")):
        raise ValueError(f"{name!r} cannot be the name of a field or method")


def make_field(python: str, type_text: str, comment: str | None = None) -> Field:
    """The field whose Python name is ``python``; errors as `check_member`."""
    check_member(python)
    return Field(shown_name(python), python, f"dana_s_{python}", type_text or "any", comment)


class Missing:
    """The type of ``_missing_``: no argument was given."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "..."

    def __reduce__(self) -> str:
        return "_missing_"


_missing_: Final = Missing()


# -- classes and instances -------------------------------------------------------------------------


def is_dana(function: FunctionType) -> bool:
    """Is it generated code: its built-ins are a dictionary with our hooks."""
    return "_exception_" in getattr(function, "__builtins__", ())


#: What every instance can do. The runtime puts functions of its own in their place that ask who calls.
_HELPERS = frozenset({"to_dict", "get_field_names", "get_field_value", "set_field_value"})


class StructType(type):
    """The metaclass: a struct class shows the helpers that all have, and only this package can change it."""

    _dana_kind_: str
    _dana_fields_: tuple[Field, ...]
    _dana_by_name_: dict[str, Field]
    _dana_delegates_: tuple[Field, ...]
    _dana_sized_: Callable[[Any, str], Any] | None

    def __getattribute__(cls, name: str) -> Any:
        # Fields are descriptors and slots, ``mro`` is Python's own: none of them is a value of Dana (invariant 1). A
        # method of a program without its instance is none either: its code takes the type of its receiver for granted.
        value = type.__getattribute__(cls, name)
        if name.startswith("_") or (name in _HELPERS and type(value) is FunctionType and not is_dana(value)):
            return value
        raise AttributeError(f"{cls.__name__} has no attribute {shown_name(name)!r}; members belong to its instances")

    def __setattr__(cls, name: str, value: object) -> None:
        raise AttributeError(f"the struct {cls.__name__} cannot be changed")

    def __delattr__(cls, name: str) -> None:
        raise AttributeError(f"the struct {cls.__name__} cannot be changed")

    def __repr__(cls) -> str:
        return f"<struct {cls.__name__}>"

    def __or__(cls, other: Any) -> Any:
        return union_of(cls, other) or NotImplemented

    __ror__ = __or__

    def _accepts_(cls, value: object) -> bool:
        return isinstance(value, cls)


class DanaObject(metaclass=StructType):
    """An instance of a declared type: fields as attributes, methods callable, ``==`` by value, not hashable."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]
    _dana_kind_ = "struct"
    _dana_fields_: tuple[Field, ...] = ()
    _dana_by_name_: dict[str, Field] = {}  # noqa: RUF012 - each class has its own, and it never changes
    _dana_delegates_: tuple[Field, ...] = ()
    _dana_sized_ = None
    _dana_room_: Callable[..., Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields in declaration order, values as they are."""
        return {field.name: object.__getattribute__(self, field.slot) for field in type(self)._dana_fields_}

    def as_object(self) -> DanaObject:
        """The instance itself: what the results of other calls answer to ``as_object()``, a struct answers as well."""
        return self

    def as_dict(self) -> dict[str, Any]:
        """As `to_dict`."""
        return self.to_dict()

    def get_field_names(self) -> list[str]:
        """The names of the fields in declaration order."""
        return [field.name for field in type(self)._dana_fields_]

    def get_field_value(self, name: str) -> Any:
        """
        Raises
        ------
        AttributeError : there is no such field.
        """
        return object.__getattribute__(self, field_named(self, name).slot)

    def set_field_value(self, name: str, value: Any) -> None:
        """
        Raises
        ------
        AttributeError : there is no such field.
        TypeError : the value does not fit the field's type.
        """
        setattr(self, field_named(self, name).python, value)

    def __eq__(self, other: object) -> bool:
        return same(self, other) if isinstance(other, DanaObject) else NotImplemented

    def __repr__(self) -> str:
        return repr_of(self)

    def __copy__(self) -> DanaObject:
        return self._dana_copy_(lambda value: value, None)

    def __deepcopy__(self, memo: dict[int, Any]) -> DanaObject:
        from copy import deepcopy  # only a host that copies needs it

        return self._dana_copy_(lambda value: deepcopy(value, memo), memo)

    def _dana_copy_(self, member: Callable[[Any], Any], memo: dict[int, Any] | None) -> DanaObject:
        cls = type(self)
        twin = object.__new__(cls)
        if memo is not None:
            memo[id(self)] = twin
        for slot in hidden_and_field_slots(cls):
            value = getattr(self, slot, _missing_)
            if value is not _missing_:
                object.__setattr__(twin, slot, member(value))
        return twin

    def __reduce_ex__(self, protocol: Any) -> Any:
        """By the name of the class and the fields, which are checked when they are read, where Python can import it.

        TypeError for every other instance: in a context, nobody could find its class again.
        """
        cls = type(self)
        if cls._dana_kind_ != "struct" or not _is_importable(cls):
            raise TypeError(f"cannot pickle {cls.__name__}; to_dict() gives its fields")
        values = ((field.python, getattr(self, field.slot, _missing_)) for field in cls._dana_fields_)
        state = {name: value for name, value in values if value is not _missing_}
        return copyreg.__newobj__, (cls,), (None, state)  # type: ignore[attr-defined]


def _is_importable(cls: StructType) -> bool:
    """Whether an import of the class's module and name gives this very class."""
    module = sys.modules.get(cls.__module__) if cls.__module__.startswith("dana_modules.") else None
    return module is not None and module.__dict__.get(cls.__qualname__) is cls


def hidden_and_field_slots(cls: StructType) -> list[str]:
    """All slots of a class and its bases."""
    return [
        slot
        for base in cls.__mro__
        for slot in base.__dict__.get("_dana_slots_", base.__dict__.get("__slots__", ()))
    ]


def field_named(value: DanaObject, name: str) -> Field:
    """The field with a Dana name.

    Raises
    ------
    AttributeError : there is no such field; the near name is told.
    """
    fields = type(value)._dana_fields_
    for field in fields:
        if field.name == name:
            return field
    near = did_you_mean(str(name), [field.name for field in fields])
    raise AttributeError(f"{type(value).__name__} has no field {name!r}{near}")


# -- equality --------------------------------------------------------------------------------------

_comparing = threading.local()
_CONTAINERS = frozenset({list, tuple, dict, set})


def same(a: DanaObject, b: DanaObject) -> bool:
    """Equality by type name and fields.

    Chains of structs are compared without recursion. Pairs that are being compared already count as equal, so cycles
    end; they are remembered for the thread, because a cycle may lead through ``==`` of a list.
    """
    pairs: set[tuple[int, int]] | None = getattr(_comparing, "pairs", None)
    if pairs is not None:
        return _same(a, b, pairs)
    _comparing.pairs = pairs = set()
    try:
        return _same(a, b, pairs)
    finally:
        del _comparing.pairs


def _same(a: DanaObject, b: DanaObject, pairs: set[tuple[int, int]]) -> bool:
    todo = [(a, b)]
    while todo:
        a, b = todo.pop()
        if a is b or (id(a), id(b)) in pairs:
            continue
        pairs.add((id(a), id(b)))
        if type(a) is not type(b) and not _same_type(type(a), type(b)):
            return False
        for field in a._dana_fields_:
            x, y = getattr(a, field.slot, None), getattr(b, field.slot, None)
            if isinstance(x, DanaObject) and isinstance(y, DanaObject):
                todo.append((x, y))
            elif x is not y:
                room = type(a)._dana_room_
                if room is not None and type(y) in _CONTAINERS:
                    room(None, y, "==")  # what C code is going to walk through is measured first
                if not x == y:  # noqa: SIM201 - what Python's own containers ask
                    return False
    return True


def _same_type(a: StructType, b: StructType) -> bool:
    return a.__name__ == b.__name__ and a._dana_fields_ == b._dana_fields_


# -- values of fields ------------------------------------------------------------------------------

_CHECKED: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (float, int),
    "str": str,
    "list": list,
    "dict": dict,
    "bool": bool,
}
_OPEN = frozenset({"any", "None", "none", "null"})
_NOT_NONE = frozenset({"tuple", "set"})


def fits(name: str, value: Any, find: Callable[[str], Any]) -> bool:
    """Does a field whose type is (or has the member) ``name`` accept the value (the table of 7.2)."""
    kind = _CHECKED.get(name)
    if kind is not None:
        return isinstance(value, kind)
    if name in _OPEN:
        return True
    if name in _NOT_NONE:
        return value is not None
    known = find(name)
    if known is None:
        return True
    # By name as well: a module that was loaded again has a class of its own for the same declaration.
    return accepts(known, value) or any(base.__name__ == name for base in type(value).__mro__[:-1])


class TypeRegistry:
    """The declared types of one context by name, and the factory that adds to them (7: one registry per program)."""

    def __init__(self) -> None:
        self.types: dict[str, Any] = {}
        #: Base class of each kind of declaration and the fields it always has; `agents` fills both in.
        self.bases: dict[str, StructType] = {}
        self.defaults: dict[str, DefaultFields] = {}
        #: Bounded methods of built-in values, for what is reached through a ``_field`` (`access.bounded_reads`).
        self.sized: Callable[[Any, str], Any] | None = None
        #: The size checks of the context (`size_checks.Room.room`), where there are any.
        self.room: Callable[..., Any] | None = None
        #: How many fields more than it has now each class has room for (`room_for`); none where nothing is reloaded.
        self.spare = 0
        self._rooms: dict[tuple[StructType, int], StructType] = {}
        #: Called with the kind of each declaration before it is made; fills in the three above where they are needed.
        self.prepare: Callable[[str], None] = lambda kind: None

    def find(self, name: str) -> Any:
        """The struct class or interface with that name, or None."""
        return self.types.get(name)

    # -- hooks ------------------------------------------------------------------------------------

    def field(self, struct: str, field: str, type_text: str, value: Any) -> Any:
        """``_field_``: the value that goes into a field; what a `float` field holds is always a float.

        Raises
        ------
        TypeError : the value does not fit; the message names the struct and its fields.
        """
        if type(value) is self.types.get(type_text) and type_text not in _CHECKED:
            return value
        if type_text == "float" and isinstance(value, int | float):
            return float(value)
        if any(fits(name, value, self.find) for name in split_type(type_text)):
            return value
        raise TypeError(
            f"{struct}.{field} must be {type_text}, not {type_of(value)}{self._told(struct)}"
        )

    def missing_field(self, struct: str, field: str) -> TypeError:
        """``_missing_field_``: the error of a call without a field, or (``f()``) an argument, that has no default."""
        if struct.endswith("()"):
            return TypeError(f"{struct} needs the argument {field!r}")
        return TypeError(f"{struct} needs a value for the field {field!r}{self._told(struct)}")

    def _told(self, struct: str) -> str:
        known = self.find(struct)
        if not isinstance(known, StructType):
            return ""
        return f" (fields: {', '.join(f'{field.name}: {field.type_text}' for field in known._dana_fields_)})"

    def struct(
        self,
        name: str,
        kind: str,
        fields: tuple[tuple[str, str, str | None], ...],
        init: FunctionType,
        doc: str | None = None,
    ) -> StructType:
        """``_struct_``: declare a struct-like type.

        Parameters
        ----------
        name : its Dana name.
        kind : ``struct``, ``resource``, ``workflow`` or ``agent_blueprint``.
        fields : Python name, type text and comment of each declared field.
        init : the constructor; fills the raw slots of the declared fields.
        doc : the docstring.
        """
        self.prepare(kind)
        declared = tuple(make_field(*field) for field in fields)
        defaults = self.defaults.get(kind, NO_DEFAULTS)
        extra = [field for field in defaults.fields if field.python not in {own.python for own in declared}]
        everything = (*declared, *extra) if defaults.last else (*extra, *declared)
        init.__qualname__ = name
        body: dict[str, Any] = {
            "__slots__": tuple(field.slot for field in everything),
            "__init__": with_defaults(name, init, defaults, extra, self) if extra else init,
            "__module__": init.__module__,
            # As dataclasses do it; without one, `help` would look for comments in a text that is not Python's.
            "__doc__": doc or f"{name}({', '.join(f'{own.name}: {own.type_text}' for own in declared)})",
            "__match_args__": tuple(field.python for field in everything),
            "_dana_kind_": kind,
            "_dana_fields_": everything,
            "_dana_by_name_": {field.python: field for field in everything},
            "_dana_delegates_": tuple(field for field in everything if field.name.startswith("_")),
        }
        if sys.version_info >= (3, 13):
            body["__firstlineno__"] = init.__code__.co_firstlineno  # for inspect.getsource
        if self.room is not None:
            body["_dana_room_"] = staticmethod(self.room)
        if body["_dana_delegates_"]:
            body |= {"__getattr__": delegated, "_dana_sized_": staticmethod(self.sized) if self.sized else None}
        base = self.bases.get(kind, DanaObject)
        if self.spare:
            base = self.room_for(name, base, body)
        cls = StructType(name, (base,), body)
        for field in everything:
            type.__setattr__(cls, field.python, self.descriptor(name, field))
        self.types[name] = cls
        return cls

    def room_for(self, name: str, base: StructType, body: dict[str, Any]) -> StructType:
        """A base class that holds the raw slots under neutral names, so that a later declaration can use them as well.

        Python lets an object change its class only if both lay out the same slots. Classes of one name share the base
        as long as it is large enough. ``body`` gets the slots under the names that generated code uses.
        """
        slots = body["__slots__"]
        previous = self.types.get(name)
        known: Any = previous.__mro__[1] if isinstance(previous, StructType) else None
        if known is None or known.__mro__[1:2] != (base,) or len(known.__dict__["__slots__"]) < len(slots):
            size = len(slots) + self.spare
            known = self._rooms.get((base, size))
            if known is None:
                members = {"__slots__": tuple(f"dana_r_{at}" for at in range(size)), "_dana_slots_": ()}
                known = StructType("DanaObject", (base,), {"__module__": __name__, **members})
                self._rooms[base, size] = known
        for at, slot in enumerate(slots):
            body[slot] = known.__dict__[f"dana_r_{at}"]
        body["__slots__"], body["_dana_slots_"] = (), slots
        return known  # type: ignore[no-any-return]

    def descriptor(self, struct: str, field: Field) -> property:
        """The public attribute of a field: a plain read, a write with the check of its type."""
        if field.type_text == "any":
            return property(_getter(field.slot), _on_slot(_any_writer, field.slot)(), doc=field.comment)
        exact = float if field.type_text == "float" else _CHECKED.get(field.type_text)
        write = _on_slot(_writer, field.slot)(exact, self.field, struct, field.name, field.type_text)
        return property(_getter(field.slot), write, doc=field.comment)


def _reader() -> Callable[[Any], Any]:
    def read(self: Any) -> Any:
        return self.dana_s_

    return read


def _any_writer() -> Callable[[Any, Any], None]:
    def write(self: Any, value: Any) -> None:
        self.dana_s_ = value

    return write


def _writer(exact: type, check: Any, struct: str, name: str, type_text: str) -> Callable[[Any, Any], None]:
    def write(self: Any, value: Any) -> None:
        if type(value) is not exact:
            value = check(struct, name, type_text, value)
        self.dana_s_ = value

    return write


@lru_cache(maxsize=1024)
def _on_slot(factory: FunctionType, slot: str) -> FunctionType:
    """The factory with ``slot`` in the place of ``dana_s_`` in the function that it makes.

    A constant attribute name is what Python's adaptive interpreter is fast with: from 3.12 on it runs such a getter in
    line. The function must come out of its factory for that; 3.13 does not specialise what ``FunctionType`` makes.
    """
    code = factory.__code__
    inner = next(const for const in code.co_consts if isinstance(const, CodeType))
    names = tuple(slot if name == "dana_s_" else name for name in inner.co_names)
    consts = tuple(inner.replace(co_names=names) if const is inner else const for const in code.co_consts)
    return FunctionType(code.replace(co_consts=consts), factory.__globals__)


def _getter(slot: str) -> Callable[[Any], Any]:
    # Python 3.11 calls a getter in C faster than one in Python.
    return attrgetter(slot) if sys.version_info < (3, 12) else _on_slot(_reader, slot)()


# -- fields that a kind always has -----------------------------------------------------------------


class DefaultFields(NamedTuple):
    """Fields that every declaration of a kind has (7.5 to 7.7), and how their first value is made."""

    fields: tuple[Field, ...]
    make: dict[str, Callable[[], Any]]  # by Python name
    last: bool = False  # after the declared fields instead of before


NO_DEFAULTS = DefaultFields((), {})


def with_defaults(
    name: str, init: FunctionType, defaults: DefaultFields, extra: list[Field], registry: TypeRegistry
) -> Callable[..., None]:
    """A constructor that fills the default fields, which may also be given by keyword, and then calls ``init``."""

    def __init__(self: Any, *args: Any, **named: Any) -> None:
        for field in extra:
            value = named.pop(field.python, _missing_)
            if value is _missing_:
                value = defaults.make[field.python]()
            object.__setattr__(self, field.slot, registry.field(name, field.name, field.type_text, value))
        init(self, *args, **named)

    __init__.__qualname__ = name
    return __init__


# -- delegation ------------------------------------------------------------------------------------


def delegated(self: DanaObject, name: str) -> Any:
    """``__getattr__`` of a struct with ``_fields``: the first of them that has the attribute answers (7.3)."""
    from dana_guards.access import delegated_read  # access stands on this file

    return delegated_read(self, name)
