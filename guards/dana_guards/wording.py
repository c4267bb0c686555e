"""Python's complaints in words of Dana.

In: the text of an exception that Python itself made (TypeError, NameError). Out: the same text with the names that the
program has: no spelling of the compiler, no class of this project, no protocol method. Texts that a program or a host
made never come here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dana_guards.spelling import did_you_mean, shown_name

Lookup = Callable[[str], Any]
"""The declared type of a name, or None."""

_TYPES = {
    "builtin_function_or_method": "function",
    "CaughtError": "DanaException",
    "ExceptionToken": "ExceptionKind",
    "Facade": "module",
    "FlatIterator": "iterator",
    "LoadedModule": "module",
    "ScopeStore": "scope",
    "StructType": "struct type",
    "TypeUnion": "Type",
    "TypeValue": "Type",
}
"""Our classes, and Python's where its name says nothing to a person who writes Dana."""

_PHRASES = (
    (re.compile(r"^(?:\w+\.)*<locals>\."), ""),
    (re.compile(r"^(?:\w+\.)+(?=\w+\(\) (?:argument after|got multiple values for keyword))"), ""),
    (re.compile(r"; use sys\.set_int_max_str_digits\(\) to increase the limit$"), ""),
    (re.compile(r" or have an __index__ method"), ""),
    (re.compile(r"a string, a bytes-like object or a real number"), "text or a real number"),
    (re.compile(r"^type (\w+) doesn't define __(\w+)__ method$"), r"\2() has no meaning for a value of type \1"),
)
_TYPE = re.compile(rf"\b({'|'.join(_TYPES)})\b")
_QUOTED = re.compile(r"(['\"])([A-Za-z_]\w*)\1")
_CALL = re.compile(r"(\w+)\(\) (takes|missing \d+ required|got an unexpected keyword argument '(\w+)')")


def in_dana(text: str, lookup: Lookup | None = None) -> str:
    """The complaint as a person who writes Dana would put it.

    Parameters
    ----------
    lookup : gives the struct class of a name, so that a wrong constructor call can tell the fields.
    """
    for phrase, instead in _PHRASES:
        text = phrase.sub(instead, text)
    if lookup is not None:
        text = _with_fields(text, lookup)

    def named(match: re.Match[str]) -> str:
        declared = lookup is not None and lookup(match[0]) is not None
        return match[0] if declared else _TYPES[match[0]]

    return _QUOTED.sub(lambda match: f"{match[1]}{_scoped(match[2])}{match[1]}", _TYPE.sub(named, text))


def _scoped(python: str) -> str:
    name = shown_name(python)
    return f"private:{name}" if python.startswith("dana_private_") else name


def _with_fields(text: str, lookup: Lookup) -> str:
    """Python's complaint about a constructor call, with the fields of the struct."""
    call = _CALL.match(text)
    fields = getattr(lookup(call[1]), "_dana_fields_", ()) if call else ()
    if not call or not fields:
        return text
    names = [field.name for field in fields]
    if call[2] == "takes":
        # Python counts the instance as well.
        text = f"{call[1]} takes at most {len(names)} value{'s' if len(names) > 1 else ''}"
    elif call[3]:
        text = f"{call[1]} has no field {shown_name(call[3])!r}{did_you_mean(shown_name(call[3]), names)}"
    return f"{text} (fields: {', '.join(f'{field.name}: {field.type_text}' for field in fields)})"
