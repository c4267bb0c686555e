"""An environment as a context would give it, with what was written in lists."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from dana_guards.capabilities import Grants
from dana_guards.limits import Limits, Meter
from dana_guards.safe_builtins import make_table


class FakeEnvironment:
    """Grants, limits and collected output."""

    def __init__(
        self, grants: Iterable[str] = (), profile: str = "limited", limits: Limits | None = None, **more: Any
    ) -> None:
        self.policy = SimpleNamespace(profile=profile)
        self.meter = Meter(limits or Limits())
        self.grants = Grants(grants)
        self.provider: Any = None
        self.facades: dict[str, Any] = {}
        self.printed: list[str] = []
        self.logged: list[tuple[str, str]] = []
        self.__dict__.update(more)

    def stdout(self, text: str) -> None:
        self.printed.append(text)

    def log(self, level: str, text: str) -> None:
        self.logged.append((level, text))


def table(*grants: str, **settings: Any) -> dict[str, Any]:
    """The built-ins of a fresh environment."""
    return make_table(FakeEnvironment(grants, **settings))
