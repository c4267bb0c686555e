"""What a worker process gives up before it sees a program."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def confine(readable: Iterable[str]) -> dict[str, Any]:
    """Confine this process."""
    return {}


def limit_memory(size: int) -> None:
    """Bound."""


def limit_processor(seconds: float) -> None:
    """Bound."""
