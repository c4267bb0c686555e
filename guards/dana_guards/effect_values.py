"""Values and errors of effects as JSON data, and back.

In: arguments and results of built-ins, exceptions. Out: what JSON can hold, with tags for the rest; from it the same
values. Nothing else comes out of `decode`, whatever stands in a recording: it makes no objects but plain ones.
"""

from __future__ import annotations

import math
from typing import Any, Final

from dana_guards import errors
from dana_guards.errors import DanaError
from dana_guards.exceptions import FOREIGN, KINDS, is_foreign, message_of
from dana_guards.formatting import text_of
from dana_guards.type_tokens import type_of

_PLAIN: Final = frozenset({bool, type(None)})
_LONG: Final = 4000
_LONGEST: Final = 1_000_000
_FAMILY: Final[dict[str, type[DanaError]]] = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, DanaError)
}
_PYTHON: Final[dict[str, type[Exception]]] = {
    name: token._class for name, token in KINDS.items() if not issubclass(token._class, DanaError)
}


class NotData(ValueError):
    """A value that no recording can hold; the message says why, after "it"."""


def encode(value: Any, *, loose: bool = False) -> Any:
    """A value as JSON data.

    Parameters
    ----------
    loose : for arguments, which are only compared: what is no data becomes its type and text.

    Raises NotData.
    """
    try:
        return _encode(value, loose)
    except RecursionError:
        if loose:
            return {"$other": [str(type_of(value)), "nested too deep"]}
        raise NotData("is nested too deep, or contains itself") from None


def _encode(value: Any, loose: bool) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is str:
        return value if _is_whole(value) else {"$text": value.encode("utf-8", "surrogatepass").hex()}
    if kind is int:
        return value if value.bit_length() < _LONG else {"$int": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is list:
        return [_encode(each, loose) for each in value]
    if kind is dict:
        if all(type(key) is str and key[:1] != "$" and _is_whole(key) for key in value):
            return {key: _encode(each, loose) for key, each in value.items()}
        return {"$dict": [[_encode(key, loose), _encode(each, loose)] for key, each in value.items()]}
    if kind is tuple:
        return {"$tuple": [_encode(each, loose) for each in value]}
    if kind in (set, frozenset):
        return {"$set": sorted((_encode(each, loose) for each in value), key=repr)}
    if not loose:
        raise NotData(f"has a value of type {type_of(value)}, which is no data")
    if getattr(kind, "_dana_fields_", None):
        return {"$struct": [kind.__name__, _encode(value.to_dict(), loose)]}
    return {"$other": [str(type_of(value)), text_of(value)[:_LONG]]}


def _is_whole(text: str) -> bool:
    """Whether JSON keeps a text: it would join halves of surrogate pairs that stand side by side."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def decode(data: Any) -> Any:
    """The value behind JSON data. ValueError for what `encode` does not make of results."""
    kind = type(data)
    if kind is list:
        return [decode(each) for each in data]
    if kind is not dict:
        return data
    tag = next(iter(data), "")
    if tag[:1] != "$":
        return {key: decode(each) for key, each in data.items()}
    if len(data) != 1 or tag not in _TAGS:
        raise ValueError(f"{tag!r} is no tag of a result")
    return _TAGS[tag](data[tag])


def _as_int(text: Any) -> int:
    if type(text) is not str or len(text) > _LONGEST:
        raise ValueError("a long number is a text")
    return int(text, 16)


def _as_float(text: Any) -> float:
    if text not in ("nan", "inf", "-inf"):
        raise ValueError("a tagged float is nan or inf")
    return float(text)


def _as_text(text: Any) -> str:
    if type(text) is not str:
        raise ValueError("a tagged text is a text")
    return bytes.fromhex(text).decode("utf-8", "surrogatepass")


def _listed(data: Any) -> list[Any]:
    if type(data) is not list:
        raise ValueError("a tagged collection is a list")
    return [decode(each) for each in data]


def _as_dict(data: Any) -> dict[Any, Any]:
    pairs = _listed(data)
    if any(type(pair) is not list or len(pair) != 2 for pair in pairs):
        raise ValueError("a tagged dict is a list of pairs")
    return {key: value for key, value in pairs}


_TAGS: Final[dict[str, Any]] = {
    "$text": _as_text,
    "$int": _as_int,
    "$float": _as_float,
    "$dict": _as_dict,
    "$tuple": lambda data: tuple(_listed(data)),
    "$set": lambda data: set(_listed(data)),
}


# -- errors ------------------------------------------------------------------------------------------------------


def error_data(error: Exception) -> dict[str, Any]:
    """What a program can see of an exception; of a host's own one its kind."""
    names = [kind.__name__ for kind in type(error).__mro__]
    kind = next((name for name in names if name in _FAMILY or name in _PYTHON), "RuntimeError")
    data: dict[str, Any] = {"kind": kind, "message": FOREIGN if is_foreign(error) else message_of(error)}
    if isinstance(error, DanaError):
        data["message"] = error.message
        data |= {key: getattr(error, key, None) for key in ("hint", "capability")}
    return data


def matches_error(data: Any) -> None:
    """Raise ValueError for what is no error."""
    if type(data) is not dict or data.get("kind") not in _FAMILY.keys() | _PYTHON.keys():
        raise ValueError("an error has a kind of exception that Dana knows")
    if any(type(data.get(key)) not in (str, type(None)) for key in ("message", "hint", "capability")):
        raise ValueError("an error has texts")


def data_error(data: dict[str, Any]) -> Exception:
    """The exception behind the data."""
    kind, message = data["kind"], data.get("message") or ""
    family = _FAMILY.get(kind)
    if family is None:
        try:
            return _PYTHON[kind](message) if message else _PYTHON[kind]()
        except TypeError:  # UnicodeDecodeError and its like want more than a text
            return RuntimeError(message)
    error = family(message)
    error.hint = data.get("hint")
    if data.get("capability") is not None:
        error.capability = data["capability"]  # type: ignore[attr-defined]
    return error
