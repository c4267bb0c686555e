"""Typed assignment ``x: T = value`` and ``cast`` (5.2, 5.5).

In: a value and the text of a type. Out: the value as that type, fresh where it had to be made, or an error of Dana
(TypeError for a kind of value that cannot be converted, ValueError for one whose content does not allow it). ``None``
passes every type; unions and names that are not in the table store the value as it is. Not here: fields of structs,
which have rules of their own (`structs`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from dana_guards.formatting import TEXT_LIMIT, repr_of, text_of
from dana_guards.operators import number_text, text_truth
from dana_guards.type_tokens import accepts, is_type, type_of, word_of

_ANSWER = "FINAL_ANSWER:"


def _wrong_kind(value: Any, word: str) -> TypeError:
    return TypeError(f"cannot coerce {type_of(value)} to {word}")


def _wrong_content(value: Any, word: str) -> ValueError:
    shown = repr_of(value[:40] + "…" if type(value) is str and len(value) > 40 else value)
    return ValueError(f"cannot coerce {shown} to {word}")


def _to_int_(value: Any) -> Any:
    """``x: int = value``: a float is cut towards zero, a text must be an integer."""
    if value is None or isinstance(value, int):
        return value
    if type(value) is not float and type(value) is not str:
        raise _wrong_kind(value, "int")
    try:
        return int(value)
    except (ValueError, OverflowError):
        raise _wrong_content(value, "int") from None


def _to_float_(value: Any) -> Any:
    """``x: float = value``."""
    if value is None or isinstance(value, float):
        return value
    if not isinstance(value, int) and type(value) is not str:
        raise _wrong_kind(value, "float")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("cannot coerce this int to float: it is too large") from None
    except ValueError:
        raise _wrong_content(value, "float") from None


def _to_str_(value: Any) -> Any:
    """``x: str = value``: numbers, lists and dicts; booleans as ``true`` and ``false``."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list | dict):
        return text_of(value)
    raise _wrong_kind(value, "str")


def _to_bool_(value: Any) -> Any:
    """``x: bool = value``: numbers by ``!= 0``, text by semantic truth (5.4)."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    if isinstance(value, str):
        return text_truth(_answer(value))
    raise _wrong_kind(value, "bool")


def _to_list_(value: Any) -> Any:
    """``x: list = value``: a text must hold a JSON array, with or without Markdown fences."""
    return value if value is None or isinstance(value, list) else _from_json(value, list, "list")


def _to_dict_(value: Any) -> Any:
    """``x: dict = value``: a text must hold a JSON object."""
    return value if value is None or isinstance(value, dict) else _from_json(value, dict, "dict")


def _to_tuple(value: Any) -> Any:
    if value is None or isinstance(value, tuple):
        return value
    raise _wrong_kind(value, "tuple")


def _to_set(value: Any) -> Any:
    if value is None or isinstance(value, set):
        return value
    raise _wrong_kind(value, "set")


def _from_json(value: Any, kind: type, word: str) -> Any:
    if not isinstance(value, str):
        raise _wrong_kind(value, word)
    # Few programs come here; json is not worth loading for the others.
    import json

    if len(value) > TEXT_LIMIT:
        raise ValueError(f"cannot coerce a text of more than {TEXT_LIMIT} characters to {word}")
    try:
        found = json.loads(_without_fences(_answer(value)))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, kind):
        raise _wrong_content(value, word)
    return found


def _answer(text: str) -> str:
    """The part after ``FINAL_ANSWER:``, where a model wrote its reasoning first."""
    return text.rpartition(_ANSWER)[2] if _ANSWER in text else text


def _without_fences(text: str) -> str:
    text = text.strip()
    if not text.startswith("```"):
        return text
    first, _, rest = text.partition("\n")
    return (rest if first[3:].strip().isalnum() or first == "```" else text[3:]).strip().removesuffix("```")


COERCIONS: dict[str, Callable[[Any], Any]] = {
    "int": _to_int_,
    "float": _to_float_,
    "str": _to_str_,
    "bool": _to_bool_,
    "list": _to_list_,
    "dict": _to_dict_,
    "tuple": _to_tuple,
    "set": _to_set,
}


@lru_cache(maxsize=512)
def split_type(text: str) -> tuple[str, ...]:
    """The names in the text of a type, without generic arguments: ``"list[int | str] | None"`` is list and None."""
    names = [""]
    depth = 0
    for character in text:
        depth += (character == "[") - (character == "]")
        if character == "|" and depth == 0:
            names.append("")
        elif depth == 0 and character != "]":
            names[-1] += character
    return tuple(name.strip() for name in names)


def _coerce_(value: Any, type_text: str) -> Any:
    """Typed assignment of a value whose type is written ``type_text`` (5.2).

    Raises
    ------
    TypeError, ValueError : the value cannot become that type.
    """
    names = split_type(type_text)
    convert = COERCIONS.get(names[0].lower()) if len(names) == 1 else None
    return value if convert is None else convert(value)


def cast(first: Any, second: Any, /) -> Any:
    """``cast(int, "5")`` or ``cast("5", "int")``: typed assignment as a function (5.5).

    Raises
    ------
    TypeError : neither argument is a type, or the value cannot become that type.
    ValueError : the content of the value does not allow it.
    """
    for kind, value in ((first, second), (second, first)):
        word = kind if type(kind) is str else word_of(kind)
        if word is not None and word.lower() in (*COERCIONS, "any"):
            return _coerce_(value, word)
    for kind, value in ((first, second), (second, first)):
        if is_type(kind) and (value is None or accepts(kind, value)):
            return value
        if is_type(kind):
            raise _wrong_kind(value, kind.__name__ if isinstance(kind, type) else text_of(kind))
    raise TypeError("cast needs a type and a value, such as cast(int, '5')")
