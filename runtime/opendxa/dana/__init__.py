"""Dana in Python programs.

    from opendxa.dana import DanaRuntime

    with DanaRuntime().create_context() as context:
        math_utils = context.import_module("math_utils")
        math_utils.calculate_area(width=10, height=5)

In: Dana modules and texts. Out: modules, functions and values that Python programs use like their own. What Dana code
may do is decided when a context is created, and nothing is allowed that was not granted there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dana_guards.errors import (
    DanaCapabilityError,
    DanaContextError,
    DanaError,
    DanaImportError,
    DanaLimitError,
    DanaMemoryError,
    DanaRecursionError,
    DanaReplayError,
    DanaReplayWarning,
    DanaRuntimeError,
    DanaSecurityError,
    DanaSyntaxError,
    DanaTimeoutError,
    DanaTypeError,
)
from opendxa.dana import hook as _hook

if TYPE_CHECKING:
    from dana_guards.capabilities.uses import CapabilityUse
    from dana_guards.structs import DanaObject
    from opendxa.dana.audit import DanaAudit
    from opendxa.dana.context import DanaContext
    from opendxa.dana.decorator import dana_function
    from opendxa.dana.function import DanaFunction
    from opendxa.dana.module import DanaModule
    from opendxa.dana.policy import DanaPolicy
    from opendxa.dana.runtime import DanaRuntime
    from opendxa.dana.tenant import DanaTenant

__all__ = [
    "CapabilityUse",
    "DanaAudit",
    "DanaCapabilityError",
    "DanaContext",
    "DanaContextError",
    "DanaError",
    "DanaFunction",
    "DanaImportError",
    "DanaLimitError",
    "DanaMemoryError",
    "DanaModule",
    "DanaObject",
    "DanaPolicy",
    "DanaRecursionError",
    "DanaReplayError",
    "DanaReplayWarning",
    "DanaRuntime",
    "DanaRuntimeError",
    "DanaSecurityError",
    "DanaSyntaxError",
    "DanaTenant",
    "DanaTimeoutError",
    "DanaTypeError",
    "dana_function",
]

# From here on a package that hides ours is explained when somebody imports from it.
_hook.install()

_LAZY = {
    "CapabilityUse": "dana_guards.capabilities.uses",
    "DanaAudit": "opendxa.dana.audit",
    "DanaContext": "opendxa.dana.context",
    "DanaFunction": "opendxa.dana.function",
    "DanaModule": "opendxa.dana.module",
    "DanaObject": "dana_guards.structs",
    "DanaPolicy": "opendxa.dana.policy",
    "DanaRuntime": "opendxa.dana.runtime",
    "DanaTenant": "opendxa.dana.tenant",
    "dana_function": "opendxa.dana.decorator",
}


def __getattr__(name: str) -> Any:
    """The names that need more than the errors are loaded at their first use: the import stays light."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_LAZY[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
