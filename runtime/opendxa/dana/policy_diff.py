"""What changes between two policies, in words for a reviewer.

In: two policies. Out: a `PolicyDiff` with what the second allows that the first did not, what it allows no more, and
what a reader should know beside. Compared is what is allowed, not how it is written: a scope inside a granted one is
nothing new. Not done here: deciding whether a change is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from dana_guards.capabilities import Grant, Grants
from dana_guards.capabilities.modules import EVERY, MAIN, ModuleGrants
from dana_guards.limits import DEFAULT_OUTPUT, parse_size, parse_time
from opendxa.dana.policy import DanaPolicy

_LIMITS: Final[dict[str, tuple[Callable[[Any], float], str]]] = {
    "timeout": (parse_time, "30s by default"),
    "max_memory": (parse_size, "1GB by default"),
    "max_output": (lambda value: parse_size(value, DEFAULT_OUTPUT), "10MB by default"),
}


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """The difference of two policies; false if they allow the same.

    Parameters
    ----------
    widened : what is allowed only now, a sentence each.
    narrowed : what is allowed no more.
    notes : what is neither, or cannot be known from the policies.
    """

    widened: tuple[str, ...] = ()
    narrowed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.widened or self.narrowed or self.notes)

    def __str__(self) -> str:
        lines = [f"+ widened: {text}" for text in self.widened] + [f"- narrowed: {text}" for text in self.narrowed]
        lines += [f"  note: {text}" for text in self.notes]
        return "\n".join(lines) or "no difference"


def compare(before: DanaPolicy, after: DanaPolicy) -> PolicyDiff:
    """What `after` allows that `before` does not, and the other way round."""
    widened: list[str] = []
    narrowed: list[str] = []
    old, new = Grants(before.allowed_capabilities), Grants(after.allowed_capabilities)
    widened += [f"{_text(grant)} is granted" for grant in _gained(old, new)]
    narrowed += [f"{_text(grant)} is granted no more" for grant in _gained(new, old)]
    notes = [
        f"{_text(grant)} is granted by name: its addresses need not be public any more"
        for grant in new.all()
        if old.covers(grant) and grant.scope is not None and _only_bare(old, grant)
        and grant.capability.names_more(grant.scope) is None
    ]  # fmt: skip
    for key, (parse, default) in _LIMITS.items():
        was, now = getattr(before, key), getattr(after, key)
        a, b = parse(was), parse(now)
        if a != b:
            text = f"{key} is {now or default}, it was {was or default}"
            (widened if b > a else narrowed).append(text)
        elif was != now:
            notes.append(f"{key} is {now or 'not set'}, it was {was or 'not set'}: arguments of the host may go beyond")
    _compare_isolation(before, after, widened, narrowed)
    for name, was_held, now_held in _modules(before, after, old, new):
        widened += [f"{name} gets {_text(grant)}" for grant in _gained(was_held, now_held)]
        narrowed += [f"{name} loses {_text(grant)}" for grant in _gained(now_held, was_held)]
    return PolicyDiff(tuple(widened), tuple(narrowed), tuple(notes))


def _compare_isolation(before: DanaPolicy, after: DanaPolicy, widened: list[str], narrowed: list[str]) -> None:
    was, now = before.isolation or "thread", after.isolation or "thread"
    if was != now:
        (widened if now == "thread" else narrowed).append(f"isolation is {now}, it was {was}")


def _gained(old: Grants, new: Grants) -> list[Grant]:
    """The grants of `new` that allow something that `old` does not."""
    gained = [grant for grant in new.all() if not old.covers(grant) or _opens_more(old, grant)]
    return sorted(gained, key=lambda grant: grant.full_text)


def _opens_more(old: Grants, grant: Grant) -> bool:
    """Whether a grant that is in a bare one opens what only a name opens."""
    return grant.scope is not None and _only_bare(old, grant) and grant.capability.names_more(grant.scope) is True


def _only_bare(old: Grants, grant: Grant) -> bool:
    named = [each for each in old.of(grant.capability.name) if each.scope is not None and each.named]
    return not any(each.holds(grant.scope) for each in named)


def _text(grant: Grant) -> str:
    return repr(grant.full_text if grant.named else f"{grant.full_text} (nothing that needs a name)")


def _modules(
    before: DanaPolicy, after: DanaPolicy, old: Grants, new: Grants
) -> Iterator[tuple[str, Grants, Grants]]:
    """Each module that one of the policies names: what it may do by the one and by the other."""
    tables = [ModuleGrants({name: Grants(each) for name, each in one.modules.items()}) for one in (before, after)]
    for name in sorted({*before.modules, *after.modules}):
        held = []
        for table, whole in zip(tables, (old, new), strict=True):
            held.append(table.grants_for(name, whole))
        shown = {EVERY: "every other module", MAIN: "the program"}.get(name, f"the module {name!r}")
        # What changes for the whole context has been said.
        if [*held[0]] == [*old] and [*held[1]] == [*new]:
            continue
        yield shown, held[0], held[1]
