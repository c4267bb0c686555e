"""The wall: what may cross between Python and a context, and what it becomes (docs/decisions/conversion.md).

In: any Python value on its way in (`Border.admit`), any Dana value on its way out (`Border.release`). Out: a value of
the closed world, or a plain Python value; never an object that both sides can change, except struct instances and
objects that the host exposed. Nothing is coerced here: a value arrives as it is or is refused with a sentence that
says how to pass it.

The copying itself is in `copying`; this file knows the leaves.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from functools import partial
from types import BuiltinFunctionType, CoroutineType, FunctionType, MethodType, NoneType
from typing import TYPE_CHECKING, Any, NoReturn

from dana_guards.errors import DanaTypeError
from opendxa.dana.copying import SCALARS, copy_tree
from opendxa.dana.results import as_result

if TYPE_CHECKING:
    from opendxa.dana.context import DanaContext

_FROZEN = {"datetime": "datetime_py", "decimal": "decimal_py", "fractions": "fractions_py"}
"""Modules of Python whose immutable values have a counterpart in Dana, and the façade that has it."""
_PUBLIC = frozenset({"DanaContext", "DanaRuntime", "DanaTenant", "DanaPolicy", "CapabilityUse"})
_CALLABLES = (FunctionType, MethodType, BuiltinFunctionType, partial)

# What a host may try to pass, and what to do instead. The first match counts; types by name, so that nothing is loaded.
_HINTS: tuple[tuple[str, str], ...] = (
    ("bytes bytearray memoryview", "pass text: value.decode()"),
    ("datetime date time", "pass text: value.isoformat()"),
    ("datetime64 timedelta64", "pass Python's own: value.item()"),
    ("Enum", "pass what it stands for: value.value"),
    ("BaseException UserString", "pass text: str(value)"),
    ("complex", "pass two floats: [value.real, value.imag]"),
    ("UUID Path PosixPath WindowsPath", "pass text: str(value)"),
    ("ndarray Series", "pass a list: value.tolist()"),
    ("DataFrame", "pass rows: value.to_dict('records')"),
    ("UserList deque dict_keys dict_values dict_items array", "pass a list: list(value)"),
    ("mappingproxy ChainMap Mapping", "pass a dict: dict(value)"),
    ("type ABCMeta EnumType", "pass its name, or a function that makes it with functions="),
    ("module", "pass the functions that are needed with functions="),
    ("coroutine Future", "await it and pass the value"),
    ("async_generator", "call the function for each item: async for result in function.stream(value)"),
)


class Border:
    """The wall around one context.

    Parameters
    ----------
    context : whose functions, structs and handles may come back in as what they are.
    """

    __slots__ = ("_context",)

    def __init__(self, context: DanaContext) -> None:
        self._context = context

    def admit(self, value: Any) -> Any:
        """The Dana value for a Python value: converted, copied, or wrapped.

        Raises DanaTypeError for anything that has no place in the closed world, and for data nested too deep.
        """
        if type(value) in SCALARS:
            return value
        return copy_tree(value, self._admit_leaf, subclasses=True)

    def release(self, value: Any) -> Any:
        """The plain Python value for a Dana value."""
        if type(value) in SCALARS:
            return value
        return copy_tree(value, self._release_leaf, subclasses=False)

    def release_result(self, value: Any) -> Any:
        """The same for the outermost result of a call, which answers ``as_int()`` and its sisters."""
        return as_result(self.release(value))

    # -- inwards ---------------------------------------------------------------------------------

    def _admit_leaf(self, value: Any) -> Any:
        # Subclasses of scalars: the methods of the exact type, so that no override is asked.
        if isinstance(value, int):
            return int.__pos__(value)
        if isinstance(value, float):
            return float.__pos__(value)
        if isinstance(value, str):
            return str.__str__(value)
        if type(value) is range:
            return value
        context = self._context
        own = context._own_value(value)
        if own is not None:
            return own
        if isinstance(value, _CALLABLES):
            return context._host_function(value)
        frozen = _frozen(value)
        if frozen is not None:
            return frozen
        plain = _numpy_scalar(value)
        if plain is not None:
            return self.admit(plain)
        if not isinstance(value, Iterator):
            refuse(value)
        return context._host_iterator(value)

    # -- outwards --------------------------------------------------------------------------------

    def _release_leaf(self, value: Any) -> Any:
        return self._context._host_value(value)


def _frozen(value: Any) -> Any:
    """The immutable value for a date, a time, a Decimal or a Fraction, None for anything else.

    Exact types only; a time zone that is a class of the host's own would run its code inside Dana, so it stays out.
    """
    facade = _FROZEN.get(type(value).__module__)
    zone = getattr(value, "tzinfo", None)
    if facade is None or (zone is not None and type(zone).__module__ != "datetime"):
        return None
    importlib.import_module(f"dana_guards.facades.{facade}")
    from dana_guards.facades.values import from_host

    return from_host(value)


def thawed(value: Any) -> Any:
    """The object inside of an immutable value of Dana; any other value as it is."""
    values = sys.modules.get("dana_guards.facades.values")  # without a façade there is no such value
    return values.to_host(value) if values is not None and isinstance(value, values.FrozenValue) else value


def _numpy_scalar(value: Any) -> Any:
    """The Python scalar for numpy's ``int64`` and its like, None for anything else; numpy is not imported."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        plain = value.item()
        if type(plain) in SCALARS and type(plain) is not NoneType:
            return plain
    return None


def refuse(value: Any) -> NoReturn:
    """Say that a value cannot enter, and what to pass in its place."""
    kind = type(value)
    if kind is CoroutineType:
        value.close()  # or Python warns that nobody awaited it
    names = {base.__name__ for base in kind.__mro__}
    hint = next((text for words, text in _HINTS if names & set(words.split())), None)
    if hint is None and hasattr(kind, "__dataclass_fields__"):
        hint = "pass a dict: dataclasses.asdict(value), or expose the object: context.expose(name, value, attrs=[...])"
    if hint is None and hasattr(kind, "keys") and hasattr(kind, "__getitem__"):
        hint = "pass a dict: dict(value)"
    if hint is None and callable(value):
        hint = "pass a function, or a bound method: value.__call__"
    if hint is None:
        hint = "expose it: context.expose(name, value, attrs=[...], methods=[...])"
    what = f"a value of type {kind.__module__}.{kind.__qualname__}"
    if kind.__module__.startswith(("opendxa.dana.", "dana_guards.")) and kind.__name__ not in _PUBLIC:
        # How a value of Dana is made says nothing to a host, and exposing it would help nobody.
        what, hint = f"{value!r} of another context", "pass plain data"
    raise DanaTypeError(f"{what} cannot enter a context", hint=hint)
