"""The object that stands for a Python module in Dana: a name and a fixed set of members.

In: a vetted table. Out: `Facade`, a value whose listed members can be read, and nothing else. Never a module
object: any module of the standard library leads to ``sys`` by public names (threat model 5.7).
Not done here: which members there are (one file for each module), and who may have them (grants).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, MappingProxyType
from typing import Any, NamedTuple, NoReturn


class Member(NamedTuple):
    """One row of a facade's table.

    Parameters
    ----------
    name : as the program reads it.
    make : environment to the member; called once for each context.
    why : why a program may have it.
    """

    name: str
    make: Callable[[Any], Any]
    why: str


def same(name: str, value: Any, why: str) -> Member:
    """A member that is the same in every context: a constant, or a function that keeps nothing."""
    return Member(name, lambda environment: value, why)


def metered(name: str, make: Callable[[Any], Any], why: str) -> Member:
    """A member that looks at the meter."""
    return Member(name, lambda environment: make(environment.meter), why)


class Facade:
    """An immutable set of named members, optionally callable itself.

    Parameters
    ----------
    name : what it is called in messages and as text.
    members : name to value of the closed world.
    call : the function behind ``facade(...)``, or None.
    """

    __slots__ = ("_call", "_members", "_name")
    _dana_type_name_ = "module"

    _members: Mapping[str, Any]
    _name: str

    def __init__(self, name: str, members: Mapping[str, Any], call: Any = None) -> None:
        object.__setattr__(self, "_name", name)
        for called, member in members.items():
            if type(member) is FunctionType and "<" in member.__qualname__:
                # A closure of ours: messages of Python about its arguments call it what the program calls it.
                member.__name__ = member.__qualname__ = called
        object.__setattr__(self, "_members", MappingProxyType(dict(members)))
        object.__setattr__(self, "_call", call)

    def __getattr__(self, name: str) -> Any:
        # Only what is no slot comes here. A name with an underscore is never a member.
        if name.startswith("_"):
            raise AttributeError(f"{self._name!r} has no attribute {name!r}")
        try:
            return self._members[name]
        except KeyError:
            # Imported late: only on the way to a message.
            from dana_guards.spelling import did_you_mean, shown_name

            shown = shown_name(name)
            raise AttributeError(f"{self._name!r} has no {shown!r}{did_you_mean(shown, self._members)}") from None

    def _dana_member_(self, name: str) -> Any:
        """A member whose name the policy guards, such as ``format`` (see `access`)."""
        return self.__getattr__(name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self._call is None:
            raise TypeError(f"{self._name!r} cannot be called")
        return self._call(*arguments, **named)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{self._name!r} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{self._name!r} cannot be changed")

    def __dir__(self) -> list[str]:
        return sorted(self._members)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"{self._name!r} cannot be looped over")

    def __repr__(self) -> str:
        return f"<{self._name}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Python facade cannot be pickled or copied")


def members_of(facade: Facade) -> Mapping[str, Any]:
    """Name to value, for ``from math.py import *`` and for the guards."""
    return facade._members
