"""Struct classes as generated code declares them, for the tests of the guards."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from dana_guards.structs import StructType, TypeRegistry, _missing_


def initialiser(registry: TypeRegistry, struct: str, fields: dict[str, str], defaults: dict[str, Any]) -> FunctionType:
    """``def dana_init_P(self, x, y=…)``, with the checks of `_field_`."""
    params = ", ".join(f"{name}=defaults[{name!r}]" if name in defaults else name for name in fields)
    lines = [f"def dana_init_{struct}(dana_self, {params}):"]
    for name, kind in fields.items():
        lines.append(f"    dana_self.dana_s_{name} = field({struct!r}, {name!r}, {kind!r}, {name})")
    scope: dict[str, Any] = {"field": registry.field, "defaults": defaults, "__name__": "m"}
    exec("\n".join(lines), scope)
    made: FunctionType = scope[f"dana_init_{struct}"]
    return made


def declare(registry: TypeRegistry, name: str, kind: str = "struct", /, **fields: Any) -> StructType:
    """A struct class; a field is ``name="type"`` or ``name=("type", default)``."""
    types = {field: value if isinstance(value, str) else value[0] for field, value in fields.items()}
    defaults = {field: value[1] for field, value in fields.items() if not isinstance(value, str)}
    table = tuple((field, text, None) for field, text in types.items())
    return registry.struct(name, kind, table, initialiser(registry, name, types, defaults), None)


def function(text: str, **names: Any) -> Callable[..., Any]:
    """A function from its text, such as ``"lambda self: self.x"``."""
    found: Callable[..., Any] = eval(text, {"__name__": "m", **names})
    return found


MISSING = _missing_
