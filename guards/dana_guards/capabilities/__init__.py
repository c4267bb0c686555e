"""Capabilities: what a context may touch outside itself, and the grants it was given.

In: grants as the host wrote them (``"file_read:/data"``). Out: `Grants`, which every builtin that touches the
world asks at the call, and which answers with the scope or with a `DanaCapabilityError` that says what would
allow it. Not done here: the work itself; each capability is one file beside this one, and names its builtins.

Deny by default. A scope narrows. Relative directories are resolved when the grants are made. Unknown words,
empty scopes and scopes where there can be none are errors of the host, never of the program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from dana_guards.capabilities.uses import CapabilityUse, OnCapability, Watch
from dana_guards.errors import DanaCapabilityError
from dana_guards.spelling import near_name

if TYPE_CHECKING:
    from dana_guards.capabilities.modules import ModuleGrants

__all__ = ["Capability", "CapabilityUse", "Grant", "Grants", "OnCapability", "known", "parse_grant", "register", "rows"]


@dataclass(frozen=True, slots=True)
class Capability:
    """Kind of permission.

    Parameters
    ----------
    name : the word before the colon.
    what : what it opens, for messages.
    parse_scope : text after the colon to a scope, or None where the capability has no scopes; raises ValueError.
    covers : whether a scope allows an argument; the argument's type is the capability's own.
    suggest : argument to the narrow scope that would allow it, for messages; None suggests the bare name.
    narrow : argument to the narrowest scope, for the host's eyes only; `suggest` if None.
    overlap : two scopes to the scope that both of them hold, or None where they share nothing.
    needs_name : whether an argument is opened only by a grant that names it, never by one for everything.
    names_more : whether a scope opens what a grant for everything does not; None where that cannot be known.
    spell : a scope as text.
    in_folder : a scope as a policy file has it, and the file's folder, to the scope in full; raises ValueError.
    """

    name: str
    what: str
    parse_scope: Callable[[str], Any] | None = None
    covers: Callable[[Any, Any], bool] = lambda scope, argument: scope == argument
    suggest: Callable[[Any], str] | None = None
    narrow: Callable[[Any], str] | None = None
    overlap: Callable[[Any, Any], Any] = lambda one, other: one if one == other else None
    needs_name: Callable[[Any], bool] = lambda argument: False
    names_more: Callable[[Any], bool | None] = lambda scope: False
    spell: Callable[[Any], str] = str
    in_folder: Callable[[str, str], str] | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """One capability given to one context.

    Parameters
    ----------
    scope : None is all of it.
    text : as the host wrote it.
    named : whether everybody who had to grant it has named the scope. Somebody who granted everything has not meant
        what needs a name (`Capability.needs_name`).
    """

    capability: Capability
    scope: Any
    text: str
    named: bool = True

    def allows(self, argument: Any) -> bool:
        """Whether the argument may be touched."""
        capability = self.capability
        if self.scope is None:
            return not capability.needs_name(argument)
        return capability.covers(self.scope, argument) and (self.named or not capability.needs_name(argument))

    def holds(self, scope: Any) -> bool:
        """Whether all of another scope lies in its own; None is everything."""
        return self.scope is None or (scope is not None and self.capability.overlap(self.scope, scope) == scope)

    @property
    def full_text(self) -> str:
        """The grant without dependence on the working folder."""
        return self.capability.name if self.scope is None else f"{self.capability.name}:{self.spelled}"

    @property
    def spelled(self) -> str:
        """The scope as text, empty for all of it."""
        return "" if self.scope is None else self.capability.spell(self.scope)


_KNOWN: Final[dict[str, Capability]] = {}
_HOST_ROWS: Final[list[Any]] = []


def register(capability: Capability, rows: Iterable[Any] = ()) -> None:
    """Add a capability of the host's own, with the rows (`safe_builtins.Builtin`) of what it brings.

    Parameters
    ----------
    capability : its name must be a new word of letters, digits and underscores.
    rows : the builtins that exist in every context and ask for it when they are called.

    Raises ValueError for a name that is taken or is no word.
    """
    _load()
    if capability.name in _KNOWN or not capability.name.isidentifier():
        raise ValueError(f"{capability.name!r} cannot be the name of a new capability")
    _KNOWN[capability.name] = capability
    _HOST_ROWS.extend(rows)


def known() -> Mapping[str, Capability]:
    """Every capability by name."""
    _load()
    return _KNOWN


def _load() -> None:
    """The files of the built-in capabilities; late, because they read this one."""
    if not _KNOWN:
        from dana_guards.capabilities import env, files, llm, network, python

        for module in (files, network, env, llm, python):
            _KNOWN.update((each.name, each) for each in module.CAPABILITIES)


def rows() -> tuple[Any, ...]:
    """The rows of every builtin that needs a capability."""
    from dana_guards.capabilities import env, files, llm, network

    return (*files.ROWS, *network.ROWS, *env.ROWS, *llm.ROWS, *_HOST_ROWS)


def host_rows() -> tuple[Any, ...]:
    """The rows that the host has registered."""
    return tuple(_HOST_ROWS)


def parse_grant(text: object) -> Grant:
    """One grant as the host wrote it: ``NAME`` or ``NAME:SCOPE``.

    Raises ValueError for anything but text, an unknown name (with the near one), an empty or impossible scope.
    """
    if type(text) is not str:
        raise ValueError(f"a capability is a text such as 'file_read', not {text!r}")
    name, colon, scope = text.partition(":")
    capability = known().get(name)
    if capability is None:
        near = near_name(name, known())
        guess = f"; did you mean {near!r}?" if near else ""
        raise ValueError(f"unknown capability {text!r}{guess}. Known are {', '.join(sorted(known()))}.")
    if not colon:
        return Grant(capability, None, text)
    if capability.parse_scope is None:
        raise ValueError(f"the capability {name!r} has no scopes, as in {text!r}")
    if not scope.strip():
        raise ValueError(f"the scope of {text!r} is empty; leave out the colon to grant all of {name!r}")
    return Grant(capability, capability.parse_scope(scope), text)


class Grants:
    """What one context may do. Immutable; no name of a program leads here.

    Parameters
    ----------
    allowed : grants as text.
    on_capability : called with a `CapabilityUse` at every use and denial, before anything is done. If it raises,
        nothing is done.

    Raises ValueError as `parse_grant`.
    """

    __slots__ = ("_by_name", "_for_modules", "holder", "modules", "watch")

    _by_name: Mapping[str, tuple[Grant, ...]]
    _for_modules: dict[str, Grants]
    watch: Watch
    holder: str
    modules: ModuleGrants | None

    def __init__(self, allowed: Iterable[str] = (), on_capability: OnCapability | None = None) -> None:
        if isinstance(allowed, str):
            raise ValueError(f"allowed_capabilities is a list of texts, such as [{allowed!r}]")
        self._set(_by_name(map(parse_grant, allowed)), Watch(on_capability), "", None)

    def _set(
        self, by_name: Mapping[str, tuple[Grant, ...]], watch: Watch, holder: str, modules: ModuleGrants | None
    ) -> None:
        object.__setattr__(self, "_by_name", by_name)
        object.__setattr__(self, "watch", watch)
        object.__setattr__(self, "holder", holder)
        object.__setattr__(self, "modules", modules)
        object.__setattr__(self, "_for_modules", {})

    def of_context(self, watch: Watch, modules: ModuleGrants | None = None) -> Grants:
        """The same grants for one context.

        Parameters
        ----------
        watch : tells the uses.
        modules : which modules of the context may do less.
        """
        return _made(self._by_name, watch, self.holder, modules)

    def for_module(self, module: str) -> Grants:
        """What the code of a module may do."""
        if self.modules is None:
            return self
        found = self._for_modules.get(module)
        if found is None:
            found = self._for_modules[module] = self.modules.grants_for(module, self)
        return found

    def modules_data(self) -> Any:
        """What a worker needs to know of `modules`: for which of them it asks in their own name."""
        return None if self.modules is None else [sorted(self.modules.tables), self.modules.apart]

    def narrowed(self, other: Grants, holder: str = "") -> Grants:
        """What these and `other` both allow, with the watch of these.

        Parameters
        ----------
        holder : the module whose grants the result is, for the records.
        """
        shared = [grant for name in self._by_name for grant in _shared(self.of(name), other.of(name))]
        return _made(_by_name(shared), self.watch, holder or self.holder)

    def held_by(self, holder: str) -> Grants:
        """The same grants in the name of a module."""
        return _made(self._by_name, self.watch, holder)

    def covers(self, grant: Grant) -> bool:
        """Whether these allow everything that `grant` allows, but for what only its name opens."""
        return any(own.holds(grant.scope) for own in self.of(grant.capability.name))

    def all(self) -> Iterator[Grant]:
        """Every grant."""
        return (grant for grants in self._by_name.values() for grant in grants)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("grants cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("grants cannot be changed")

    def __iter__(self) -> Iterator[str]:
        return (grant.text for grants in self._by_name.values() for grant in grants)

    def __repr__(self) -> str:
        return f"Grants({sorted(self)!r})"

    def of(self, name: str) -> tuple[Grant, ...]:
        """The grants of one capability, those with a name first."""
        return self._by_name.get(name, ())

    def require(self, name: str, argument: Any = None, *, shown: str | None = None, by: str | None = None) -> Grant:
        """The grant that allows `argument`; the use is told to the host.

        Parameters
        ----------
        name : the capability.
        argument : what is to be touched, in the type that the capability's scopes compare with.
        shown : the argument as the program wrote it, for the message and the audit.
        by : the builtin that asks, for the message.

        Raises DanaCapabilityError if there is none; its hint is the grant that would allow it.
        """
        grant = self.find(name, argument)
        if grant is None:
            raise self.denial(name, argument, shown, by)
        self.tell(grant, argument, shown, by)
        return grant

    def find(self, name: str, argument: Any = None) -> Grant | None:
        """The grant that allows `argument`, or None. Whoever goes on to the effect says so before, with `tell`."""
        return next((grant for grant in self.of(name) if grant.allows(argument)), None)

    def tell(self, grant: Grant, argument: Any = None, shown: str | None = None, by: str | None = None) -> None:
        """Tell the host of a use that is granted. Raises DanaCapabilityError if the host refuses."""
        self._note(grant.capability, grant.text, argument, shown, by)

    def denial(self, name: str, argument: Any = None, shown: str | None = None, by: str | None = None) -> Exception:
        """The error for a use that is not granted; the host is told."""
        capability = known()[name]
        shown = _written(argument, shown)
        self._note(capability, None, argument, shown, by)
        scoped = self.of(name) and argument is not None and capability.suggest is not None
        wanted = f"{name}:{capability.suggest(argument)}" if scoped and capability.suggest else name
        target = f" for {_short(shown)}" if shown is not None else ""
        return DanaCapabilityError(
            f"{by or capability.what} needs the capability '{name}'{target}",
            capability=name,
            hint=f'allowed_capabilities=["{wanted}"] would grant it',
        )

    @property
    def tape(self) -> Any:
        """What records or replays the effects of the context, or None."""
        return self.watch.tape

    def opens(self, grant: Grant, *, surely: bool = False) -> bool:
        """Whether these allow what `grant` does, by its text alone.

        Parameters
        ----------
        surely : do not count a grant for everything where it depends on more than the text.
        """
        return self._opening(grant, surely) is not None

    def _opening(self, grant: Grant, surely: bool = False) -> Grant | None:
        capability, scope = grant.capability, grant.scope
        for own in self.of(capability.name):
            more = scope is not None and capability.names_more(scope)
            bare = own.scope is None or not own.named
            if bare and (more is True or (surely and more is None)):
                continue
            if own.holds(scope):
                return own
        return None

    def require_text(self, name: str, needs: str, shown: str, by: str) -> None:
        """As `require`, for a use that a text tells of: the narrowest grant that a recorded call needed."""
        capability = known()[name]
        own = self._opening(parse_grant(needs))
        self._note(capability, None if own is None else own.text, None, shown, by, needs)
        if own is None:
            raise DanaCapabilityError(
                f"{by or capability.what} needs the capability '{name}' for {_short(shown)}",
                capability=name,
                hint=f'allowed_capabilities=["{name}"] would grant it',
            )

    def refused(self, name: str, shown: str, by: str, needs: str = "") -> None:
        """Tell the host of a use that is granted and refused for another reason; `needs` is what would open it."""
        self._note(known()[name], None, None, shown, by, needs)

    def _note(
        self, capability: Capability, granted: str | None, argument: Any, shown: str | None, by: str | None,
        needs: str | None = None,
    ) -> None:  # fmt: skip
        watch = self.watch
        if watch.listens(granted is not None):
            watch.tell(
                CapabilityUse(
                    capability.name,
                    _written(argument, shown) or "",
                    granted is not None,
                    by or "",
                    granted,
                    narrowest(capability, argument) if needs is None else needs,
                    watch.place(),
                    self.holder,
                )
            )


def _made(
    by_name: Mapping[str, tuple[Grant, ...]], watch: Watch, holder: str, modules: ModuleGrants | None = None
) -> Grants:
    """Grants that are parsed already."""
    made: Grants = object.__new__(Grants)
    made._set(by_name, watch, holder, modules)
    return made


def _by_name(grants: Iterable[Grant]) -> dict[str, tuple[Grant, ...]]:
    """Grants by capability. Those that name more come first: what they open, the others may not."""
    by_name: dict[str, tuple[Grant, ...]] = {}
    for grant in sorted(grants, key=lambda each: (each.scope is None, not each.named)):
        by_name[grant.capability.name] = (*by_name.get(grant.capability.name, ()), grant)
    return by_name


def _shared(ours: Iterable[Grant], theirs: Iterable[Grant]) -> Iterator[Grant]:
    """What two lists of grants of one capability both allow."""
    for own in ours:
        for other in theirs:
            named = own.named and other.named
            if own.scope is None or other.scope is None:
                narrow = other if own.scope is None else own
                both = own.scope is None and other.scope is None
                yield Grant(narrow.capability, narrow.scope, narrow.text, named=both or narrow.scope is None)
                continue
            scope = own.capability.overlap(own.scope, other.scope)
            if scope is not None:
                yield Grant(own.capability, scope, own.text if scope == own.scope else other.text, named)


def narrowest(capability: Capability, argument: Any) -> str:
    """The text of the narrowest grant that allows an argument."""
    narrow = capability.narrow or capability.suggest
    return capability.name if argument is None or narrow is None else f"{capability.name}:{narrow(argument)}"


def _written(argument: Any, shown: str | None) -> str | None:
    return str(argument) if shown is None and argument is not None else shown


def _short(text: str) -> str:
    written = repr(text)
    return written if len(written) <= 200 else written[:197] + "..."
