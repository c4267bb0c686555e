"""``import json.py``: values to JSON text and back, with the limits of the file functions."""

from __future__ import annotations

from typing import Any, Final

from dana_guards.capabilities.files import json_text, json_value
from dana_guards.facades.members import Member, metered
from dana_guards.limits import Meter


def _make_dumps(meter: Meter) -> Any:
    def dumps(value: Any, *, indent: Any = None, sort_keys: Any = False, ensure_ascii: Any = True) -> str:
        if indent is not None and (type(indent) is not int or not 0 <= indent <= 16):
            raise ValueError("indent is a number from 0 to 16, or None")
        return json_text(meter, value, indent, sort_keys=bool(sort_keys), ensure_ascii=bool(ensure_ascii))

    return dumps


def _make_loads(meter: Meter) -> Any:
    def loads(text: Any) -> Any:
        if type(text) is not str:
            raise TypeError(f"loads reads text, not {type(text).__name__}")
        return json_value(meter, text, "the text")

    return loads


MEMBERS: Final[tuple[Member, ...]] = (
    metered("dumps", _make_dumps, "long values are written in steps"),
    metered("loads", _make_loads, "measured first"),
)
