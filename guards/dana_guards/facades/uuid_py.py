"""``import uuid.py``: identifiers as text. Not ``uuid1`` and ``getnode``: they tell the host's network address."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from dana_guards.effects import source
from dana_guards.facades.members import Member, same

_NAMESPACES: Final = ("NAMESPACE_DNS", "NAMESPACE_URL", "NAMESPACE_OID", "NAMESPACE_X500")


def make_uuid4(environment: Any) -> Callable[[], str]:
    """``uuid4()``: a random identifier."""

    def uuid4() -> str:
        return str(source(environment, "uuid4"))

    return uuid4


def _named(function: Callable[[uuid.UUID, str], uuid.UUID]) -> Callable[[Any, Any], str]:
    def make(namespace: Any, name: Any) -> str:
        if type(namespace) is not str or type(name) is not str or len(namespace) > 45 or len(name) > 100_000:
            raise TypeError("a namespace (an identifier as text) and a name are needed")
        return str(function(uuid.UUID(namespace), name))

    return make


def parse(text: Any) -> str:
    """``UUID(text)``: the identifier in its usual spelling. ValueError for a text that is none."""
    if type(text) is not str or len(text) > 45:
        raise ValueError("this is no identifier")
    return str(uuid.UUID(text))


MEMBERS: Final[tuple[Member, ...]] = (
    Member("uuid4", make_uuid4, "random bytes of the system"),
    same("uuid3", _named(uuid.uuid3), "a digest of a short name"),
    same("uuid5", _named(uuid.uuid5), "a digest of a short name"),
    same("UUID", parse, "checks and spells"),
    *(same(name, str(getattr(uuid, name)), "a text") for name in _NAMESPACES),
)
