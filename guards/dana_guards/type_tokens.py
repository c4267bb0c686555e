"""Types as values: the words ``int``, ``str``, …, what ``type(x)`` gives, unions, ``isinstance`` (5.5).

In: values and what a program wrote as their type. Out: answers, and small immutable objects that stand for types. No
Python class ever becomes a value of Dana through this file (threat model 5.1: ``mro``, ``__subclasses__``).

What can stand as the second argument of ``isinstance`` is a type word (a marked function), or has a method
``_accepts_(value)`` on its class: unions, exception kinds, interfaces, and (through their metaclass) struct classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from dana_guards.names import is_guarded_attribute
from dana_guards.spelling import shown_name

#: The type words and the Python types that they test for; ``any`` is every value.
TYPE_WORDS: dict[str, type] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "list": list,
    "dict": dict,
    "tuple": tuple,
    "set": set,
    "range": range,
    "any": object,
}

_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType)


class Immutable:
    """Base of values that every context may share: no attribute of an instance can be set."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{self!r} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{self!r} cannot be changed")

    def __reduce__(self) -> Any:
        raise TypeError(f"cannot pickle {self!r}")


def fill(value: object, **slots: object) -> None:
    """Set the slots of an `Immutable` while it is made."""
    for name, content in slots.items():
        object.__setattr__(value, name, content)


# -- the words -------------------------------------------------------------------------------------


def type_word(name: str, convert: Callable[..., Any]) -> FunctionType:
    """The token of a type word: called it converts, beside ``isinstance`` it tests, as text it is its name.

    It is a plain function that carries a mark, because ``str(x)`` and ``int(x)`` stand in loops: an object with
    ``__call__`` takes twice as long (`docs/decisions/operators.md`).

    Parameters
    ----------
    name : one of `TYPE_WORDS`.
    convert : what a call of the word does, size-checked where that matters. A function is marked itself.
    """
    word: Any = convert if type(convert) is FunctionType else _wrapped(convert)
    word.__name__ = word.__qualname__ = word._dana_word_ = name
    found: FunctionType = word
    return found


def _wrapped(convert: Callable[..., Any]) -> Callable[..., Any]:
    """A function around a type or function of Python, which is no value of Dana and cannot be marked."""
    if convert is dict:
        return lambda *args, **named: dict(*args, **named)
    if convert is range:
        return lambda *args: range(*args)
    if convert is int:
        return lambda value=0, base=None: int(value) if base is None else int(value, base)
    if convert is float:
        return lambda value=0.0: float(value)
    return lambda values=(): convert(values)


def word_of(value: Any) -> str | None:
    """The type word that ``value`` is the token of, or None."""
    return value.__dict__.get("_dana_word_") if type(value) is FunctionType else None


class TypeUnion(Immutable):
    """``int | Point | none`` as a value."""

    __slots__ = ("_members",)
    _dana_type_name_ = "Type"
    _members: tuple[Any, ...]

    def __init__(self, members: tuple[Any, ...]) -> None:
        fill(self, _members=members)

    def __repr__(self) -> str:
        return " | ".join(map(_written, self._members))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypeUnion) and frozenset(other._members) == frozenset(self._members)

    def __hash__(self) -> int:
        return hash(frozenset(self._members))

    def __or__(self, other: Any) -> Any:
        return union_of(self, other) or NotImplemented

    __ror__ = __or__

    def _accepts_(self, value: object) -> bool:
        return any(accepts(member, value) for member in self._members)


def _written(member: Any) -> str:
    return word_of(member) or (member.__name__ if isinstance(member, type) else str(member))


def is_type(value: Any) -> bool:
    """Does the value stand for a type."""
    return hasattr(type(value), "_accepts_") or word_of(value) is not None


def union_of(a: Any, b: Any) -> TypeUnion | None:
    """The union of two types; None where one of them is neither a type nor ``none``, or both are ``none``."""
    if not ((is_type(a) and (b is None or is_type(b))) or (a is None and is_type(b))):
        return None
    members: list[Any] = []
    for side in (a, b):
        for member in side._members if isinstance(side, TypeUnion) else (side,):
            if member not in members:
                members.append(member)
    return TypeUnion(tuple(members))


# -- type(x) ---------------------------------------------------------------------------------------


class TypeValue(Immutable):
    """What ``type(x)`` gives: prints as its name, equals it, and equals the type word or struct of that name."""

    __slots__ = ("_instance_type", "_name", "_what")
    _dana_type_name_ = "Type"
    _name: str
    _what: str
    _instance_type: str | None

    def __init__(self, name: str, what: str = "value", instance_type: str | None = None) -> None:
        """
        Parameters
        ----------
        name : the whole text, such as ``int`` or ``Struct[P]``.
        what : ``value``, ``instance`` (of a declared type) or ``constructor``.
        instance_type : the name inside the brackets.
        """
        fill(self, _name=name, _what=what, _instance_type=instance_type)

    @property
    def name(self) -> str:
        """The whole text."""
        return self._name

    @property
    def is_constructor(self) -> bool:
        """True for a type or a struct class."""
        return self._what == "constructor"

    @property
    def is_instance(self) -> bool:
        """True for an instance of a declared type."""
        return self._what == "instance"

    @property
    def instance_type(self) -> str | None:
        """The declared type of an instance, else None."""
        return self._instance_type if self.is_instance else None

    @property
    def underlying_type_name(self) -> str:
        """The name without ``Struct[…]`` around it."""
        return self._instance_type or self._name

    def __repr__(self) -> str:
        return self._name

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TypeValue):
            return other._name == self._name
        if type(other) is str:
            return other == self._name or (self.is_instance and other == self._instance_type)
        if type(other) is FunctionType:
            return word_of(other) == self._name
        return self.is_instance and isinstance(other, type) and other.__name__ == self._instance_type

    def __hash__(self) -> int:
        return hash(self._name)

    def _accepts_(self, value: object) -> bool:
        return type_of(value) == self


_INSTANCES = {"struct": "Struct", "workflow": "Struct", "resource": "Resource", "agent_blueprint": "Agent"}


def type_of(value: Any, /) -> TypeValue:
    """The built-in ``type`` of Dana (5.5)."""
    kind = type(value)
    plain = _PLAIN_TYPES.get(kind)
    if plain is not None:
        return plain
    declared = getattr(kind, "_dana_kind_", None)
    if declared in _INSTANCES:
        return TypeValue(f"{_INSTANCES[declared]}[{kind.__name__}]", "instance", kind.__name__)
    if word_of(value) or (isinstance(value, type) and is_type(value)):
        name = _written(value)
        return TypeValue(f"Constructor[{name}]", "constructor", name)
    if isinstance(value, _FUNCTIONS):
        return TypeValue("DanaFunction")
    # Our own classes say what Dana is to call them.
    return TypeValue(getattr(kind, "_dana_type_name_", kind.__name__))


_PLAIN_TYPES = {
    kind: TypeValue(kind.__name__) for kind in (int, float, bool, str, list, dict, tuple, set, frozenset, type(None))
}
"""What ``type(x)`` gives for plain values: made once, since it cannot be changed."""


def known_names(value: Any) -> list[str]:
    """The names that ``value.name`` could mean, for messages."""
    kind = type(value)
    names = [shown_name(name) for name in dir(kind) if not is_guarded_attribute(name) and not name.startswith("dana_")]
    names += [field.name for field in getattr(kind, "_dana_fields_", ())]
    if kind is dict:
        names += [key for key in islice(value, 1000) if type(key) is str]
    return names


# -- isinstance ------------------------------------------------------------------------------------


def accepts(kind: Any, value: Any, lookup: Callable[[str], Any] = lambda name: None) -> bool:
    """Is ``value`` an instance of ``kind``: a token, struct class, interface, exception kind, text, tuple or none.

    Parameters
    ----------
    lookup : gives the struct class or interface of a name, or None.

    Raises
    ------
    TypeError : ``kind`` does not stand for a type.
    """
    word = word_of(kind)
    if word is not None:
        return isinstance(value, TYPE_WORDS[word])
    test = getattr(type(kind), "_accepts_", None)
    if test is not None:
        return bool(test(kind, value))
    if type(kind) is tuple:
        return any(accepts(part, value, lookup) for part in flat_kinds(kind))
    if type(kind) is str:
        if len(kind) > 100 * MOST_KINDS:
            raise TypeError("the name of a type is too long")
        return any(_named(part.strip(), value, lookup) for part in kind.split("|"))
    if kind is None:
        return value is None
    if isinstance(kind, type):
        # Only a live class of a host that trusts the module gets here; no context holds one.
        return isinstance(value, kind)
    raise TypeError(f"isinstance needs a type, a name of one, or a tuple of them, not {type_of(kind)}")


MOST_KINDS = 1000
"""Kinds that one ``isinstance`` or ``except`` looks at."""


def flat_kinds(kinds: tuple[Any, ...]) -> Iterator[Any]:
    """What a tuple of kinds, and the tuples in it, hold, in order.

    Raises
    ------
    TypeError : there are more than `MOST_KINDS`. Tuples that share their parts have no end in sight.
    """
    pending = [iter(kinds)]
    left = MOST_KINDS
    while pending:
        for kind in pending[-1]:
            left -= 1
            if left < 0:
                raise TypeError(f"there are more than {MOST_KINDS} kinds to look at")
            if type(kind) is tuple:
                pending.append(iter(kind))
                break
            yield kind
        else:
            pending.pop()


def _named(name: str, value: Any, lookup: Callable[[str], Any]) -> bool:
    """``isinstance(x, "int")``: equality of names, so a bool is no ``"int"`` (5.5)."""
    if name in TYPE_WORDS:
        return name == "any" or type(value).__name__ == name
    if name in ("None", "none", "null"):
        return value is None
    if name in ("function", "callable"):
        return callable(value)
    known = lookup(name)
    if known is not None:
        return accepts(known, value)
    return type_of(value) == name or any(base.__name__ == name for base in _kinds_of(value))


def _kinds_of(value: Any) -> tuple[type, ...]:
    error = getattr(value, "_exception", None)
    return type(error if isinstance(error, Exception) else value).__mro__[:-1]


def isinstance_with(lookup: Callable[[str], Any]) -> Callable[[Any, Any], bool]:
    """The built-in ``isinstance`` of a context; ``lookup`` as in `accepts`."""

    def isinstance_(value: Any, kind: Any, /) -> bool:
        if type(kind) is FunctionType:
            # The usual case, a type word, without two more calls.
            tested = TYPE_WORDS.get(kind.__dict__.get("_dana_word_", ""))
            if tested is not None:
                return isinstance(value, tested)
        return accepts(kind, value, lookup)

    isinstance_.__name__ = isinstance_.__qualname__ = "isinstance"
    return isinstance_
