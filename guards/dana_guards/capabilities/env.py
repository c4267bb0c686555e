"""``env[:NAME]``: environment variables of the host's process.

In: a name. Out: its text. Nothing is written, and nothing lists the names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, Final

from dana_guards.capabilities import Capability
from dana_guards.safe_builtins import Builtin

_NAME = re.compile(r"[^=\0]{1,200}")


def _parse_scope(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of an environment variable")
    return text


CAPABILITIES: Final = (
    Capability("env", "reading the environment", _parse_scope, suggest=str),
)


def make_get_env(environment: Any) -> Callable[..., Any]:
    """``get_env(name, default=None)``: the variable's text, or `default` if it is not set.

    Raises DanaCapabilityError without a grant for the name, whether the variable exists or not.
    """
    grants = environment.grants

    def get_env(name: Any, default: Any = None) -> Any:
        if type(name) is not str or not _NAME.fullmatch(name):
            raise TypeError("get_env needs the name of an environment variable")
        grants.require("env", name, by="get_env")
        return os.environ.get(name, default)

    return get_env


ROWS: Final = (Builtin("get_env", make_get_env, "env", "reads one variable of the process"),)
