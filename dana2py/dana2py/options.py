"""Settings that shape the code, beside the policy.

In: the environment, or a test. Out: `Options`, frozen. Every field is part of the cache key: code made under
other options is a miss.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Options:
    """What the compiler may do to make code faster, one switch for each pass, and the language's own switch.

    Parameters
    ----------
    coercion : text and numbers coerce in operators (4.2); ``DANA_AUTO_COERCION=0`` switches it off.
    types : leave out what the inferred types show to be needless.
    entries : two entries for functions with annotations.
    guesses : entries for parameters without annotation, too. Needs ``entries``.
    narrowing : the body of a loop twice, behind a test of its variables.
    repeat : ``+`` of unknown operands by doing the statement again.
    """

    coercion: bool = True
    types: bool = True
    entries: bool = True
    guesses: bool = True
    narrowing: bool = True
    repeat: bool = True

    @classmethod
    def current(cls, environment: Mapping[str, str] = os.environ) -> Options:
        """The options that the environment asks for. ``DANA2PY_OPTIMISE=off`` switches every pass off."""
        found = cls() if environment.get("DANA2PY_OPTIMISE", "on") != "off" else cls.plain()
        return replace(found, coercion=environment.get("DANA_AUTO_COERCION") != "0")

    @classmethod
    def plain(cls) -> Options:
        """No pass at all: every operator of Dana through its helper or its plainest test."""
        return cls(types=False, entries=False, guesses=False, narrowing=False, repeat=False)

    def key(self) -> tuple[str, ...]:
        """The options as text, for the cache key."""
        return tuple(f"{field.name}={getattr(self, field.name)}" for field in fields(self))
