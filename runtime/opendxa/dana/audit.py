"""Audits: the least policy that a run needed.

In: the uses and denials of a context, told to a `DanaAudit` (``create_context(audit=…)``). Out: a policy with the
narrowest grants, and its text with a comment where each was used. An audit grants nothing: a run does what its context
allows, and what was denied is named, never proposed. Another run of the same program may need more.

While a context is audited, each module holds its grants in its own name (`ModuleGrants.apart`), so a grant is proposed
for the module whose built-in was used, not for who called it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dana_guards.capabilities import CapabilityUse, Grants, parse_grant
from dana_guards.capabilities.modules import EVERY, MAIN
from opendxa.dana.policy import DanaPolicy, check_module
from opendxa.dana.policy_text import comment, quoted, write
from opendxa.dana.search import display_path

_MOST_PLACES = 5


class DanaAudit:
    """Collects what contexts use. Give one to ``create_context(audit=…)``, of one context or of many in turn."""

    def __init__(self) -> None:
        self._used: dict[str, dict[str, list[str]]] = {}
        self._by_grant: set[str] = set()
        self._denied: dict[str, list[str]] = {}

    def note(self, use: CapabilityUse) -> None:
        """Remember a use or a denial."""
        place = _place(use)
        if not use.allowed:
            _add(self._denied, use.needs or f"{use.capability} (no grant allows it)", place)
            return
        _add(self._used.setdefault(_holder(use), {}), use.needs, place)
        self._by_grant.add(use.grant or "")

    @property
    def denied(self) -> tuple[str, ...]:
        """The grants that would have allowed what was denied, each once."""
        return tuple(self._denied)

    def unneeded(self, granted: Iterable[str]) -> list[str]:
        """Those of the grants that no use was allowed by."""
        used = {parse_grant(text).full_text for text in self._by_grant}
        return [text for text in granted if parse_grant(text).full_text not in used]

    def policy(self, **limits: Any) -> DanaPolicy:
        """The least policy. Every module has what its own built-ins did; modules that used nothing get nothing.

        Parameters
        ----------
        limits : timeout, max_memory, max_output, isolation: they are not measured.
        """
        by_module = {module: sorted(needs) for module, needs in self._used.items()}
        modules = {} if set(by_module) <= {MAIN} else {MAIN: [], **by_module}
        every = sorted({text for needs in by_module.values() for text in needs})
        return DanaPolicy(every, modules={**modules, EVERY: []}, **limits)

    def to_toml(self, folder: Any = None, granted: Iterable[str] = (), **limits: Any) -> str:
        """The least policy as a text, with comments: where each grant was used, what was denied, what was not needed.

        Parameters
        ----------
        folder : where the text will be stored; folders of grants are written as seen from there.
        granted : what was granted, to name what was not needed of it.
        limits : as in `policy`.
        """
        notes: dict[str, list[str]] = {}
        for needs in self._used.values():
            for text, places in needs.items():
                shown = [*places[:_MOST_PLACES], *(["and more"] if len(places) > _MOST_PLACES else [])]
                notes.setdefault(text, []).extend(place for place in shown if place not in notes.get(text, ()))
        head = ["# The least policy that an audited run needed. Another run may need more."]
        unneeded = self.unneeded(granted)
        if unneeded:
            head.append(f"# Granted and not needed: {', '.join(map(quoted, unneeded))}.")
        if self._denied:
            head.append("# Denied, and so not in here:")
        for text, places in self._denied.items():
            head.append(f"#   {quoted(comment(text))}, {comment('; '.join(places[:_MOST_PLACES]))}")
        return "\n".join(head) + "\n" + write(self.policy(**limits), folder, notes)


def _add(found: dict[str, list[str]], text: str, place: str) -> None:
    places = found.setdefault(text, [])
    if place not in places and len(places) <= _MOST_PLACES:
        places.append(place)


def _holder(use: CapabilityUse) -> str:
    """The module to propose the grant for. A worker that was taken over may name anything."""
    try:
        return check_module(use.holder or use.module or MAIN)
    except ValueError:
        return MAIN


def _place(use: CapabilityUse) -> str:
    where = f"{display_path(use.file) or use.file}:{use.line} in {use.function}" if use.file else "called by the host"
    return f"{where}: {use.by or use.capability}"


def everything() -> list[str]:
    """Every capability without a scope."""
    from dana_guards.capabilities import known

    return list(Grants(known()))
