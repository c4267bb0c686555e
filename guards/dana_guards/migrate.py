"""Instances of an older declaration of a struct: made instances of the newer one, or marked as what fits no more.

In: an instance and the class that took the place of its own. Out: the same object, so that whoever refers to it sees
the change. What it has goes through the new constructor by field name, so types are checked, new fields get their
defaults, and nothing is known here about how a class fills its fields.

The class of an object can only become another of the same layout: classes that may have successors are made with room
for more fields (`structs.TypeRegistry.room_for`). Not done here: finding the instances (`opendxa.dana.migration`).
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

from dana_guards.errors import DanaTypeError
from dana_guards.structs import _HELPERS, DanaObject, StructType, _missing_

SPARE_FIELDS: Final = 16
"""How many fields a struct may gain by reloads of its module, where modules are reloaded."""


def migrate(value: DanaObject, new: StructType) -> None:
    """Make an instance one of another class.

    Raises
    ------
    TypeError : a field has no value and no default, or a value does not fit; the instance is as it was.
    """
    kept: dict[str, Any] = {}
    for field in type(value)._dana_fields_:
        content = _raw(value, field.slot)
        if content is not _missing_ and field.python in new._dana_by_name_:
            kept[field.python] = content
    lacking = [name for name in _required(new) if name not in kept]
    if lacking:
        raise TypeError(f"the field {lacking[0]!r} has no default")
    adopt(value, new(**kept))


def adopt(value: DanaObject, other: DanaObject) -> None:
    """Make an instance what another one is, class and fields.

    Raises
    ------
    TypeError : the classes lay out different slots; the instance is as it was.
    """
    new = type(other)
    before = {field.slot: _raw(value, field.slot) for field in type(value)._dana_fields_}
    filled = {field.slot: _raw(other, field.slot) for field in new._dana_fields_}
    for slot, content in before.items():
        if content is not _missing_:
            object.__delattr__(value, slot)
    try:
        object.__setattr__(value, "__class__", new)
    except TypeError:
        _fill(value, before)
        raise TypeError(f"{new.__name__} has more fields, or is of another kind, than a reload can give it") from None
    _fill(value, filled)


def _required(cls: StructType) -> tuple[str, ...]:
    """The fields that its constructor wants to be given."""
    init: Any = cls.__dict__["__init__"]
    code = getattr(init, "__code__", None)
    if code is None or code.co_flags & 0x04:  # ``*args``: a kind with fields of its own says itself what it lacks
        return ()
    names: tuple[str, ...] = code.co_varnames[1 : code.co_argcount]
    return names[: len(names) - len(init.__defaults__ or ())]


def _raw(value: DanaObject, slot: str) -> Any:
    try:
        return object.__getattribute__(value, slot)
    except AttributeError:
        return _missing_


def _fill(value: DanaObject, contents: dict[str, Any]) -> None:
    for slot, content in contents.items():
        if content is not _missing_:
            object.__setattr__(value, slot, content)


def outdated(old: StructType, reason: str) -> StructType:
    """The class of instances that could not follow: it still tells its fields, and refuses every other use.

    Parameters
    ----------
    old : the class that they are of.
    reason : what every use raises, as a DanaTypeError.
    """

    def refuse(self: Any, *_: Any) -> NoReturn:
        raise DanaTypeError(reason, hint="to_dict() still gives its fields: make it again from them")

    members: dict[str, Any] = {"__slots__": (), "__module__": old.__module__, "__doc__": old.__doc__}
    members |= {field.python: property(refuse, refuse) for field in old._dana_fields_}
    for base in old.__mro__:
        for name, member in base.__dict__.items():
            if not name.startswith(("_", "dana_")) and name not in _HELPERS and callable(member):
                members[name] = property(refuse)
    for name in ("as_object", "as_dict"):
        members.pop(name, None)
    members["__getattr__"] = refuse
    members["_dana_sized_"] = None
    return StructType(old.__name__, (old,), members)
