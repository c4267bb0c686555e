"""What a context may have at most: the meeting of a tenant, a policy and the arguments of `create_context`.

In: layers, from the outermost on, each of which says something or nothing about capabilities, limits, isolation and
single modules. Out: one layer that is inside of all of them. An inner layer that asks for more than an outer one allows
is an error of the host, never cut down in silence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from dana_guards.capabilities import Grants
from dana_guards.capabilities.modules import ModuleGrants
from dana_guards.limits import DEFAULT_MEMORY, DEFAULT_OUTPUT, DEFAULT_TIMEOUT, Limits, parse_size, parse_time
from opendxa.dana.runtime import check_isolation

_UNITS = {"timeout": " s", "memory": " bytes", "output": " bytes"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """One layer; None is: it says nothing about that.

    Parameters
    ----------
    who : what it is called in messages, such as ``the tenant 'acme'``.
    grants : the capabilities.
    timeout : seconds; ``math.inf`` is no deadline.
    memory, output : bytes.
    isolation : ``thread`` or ``process``.
    modules : which modules may do less.
    """

    who: str
    grants: Grants | None = None
    timeout: float | None = None
    memory: int | None = None
    output: int | None = None
    isolation: str | None = None
    modules: ModuleGrants | None = None

    @classmethod
    def of_arguments(cls, who: str, settings: dict[str, Any]) -> Bounds:
        """The layer of arguments as `create_context` takes them. ValueError for what is not understood."""
        allowed: Iterable[str] | None = settings.get("allowed_capabilities")
        timeout, memory, output = (settings.get(key) for key in ("timeout", "max_memory", "max_output"))
        return cls(
            who,
            None if allowed is None else Grants(allowed),
            None if timeout is None else parse_time(timeout),
            None if memory is None else parse_size(memory),
            None if output is None else parse_size(output),
            check_isolation(settings.get("isolation")),
        )

    def within(self, outer: Bounds) -> Bounds:
        """This layer inside of an outer one, under its own name.

        Raises ValueError where it asks for more than the outer one allows.
        """
        for what in ("timeout", "memory", "output"):
            own, most = getattr(self, what), getattr(outer, what)
            if own is not None and most is not None and own > most:
                raise ValueError(f"{outer.who} allows no more {what} than {most}{_UNITS[what]}")
        if self.isolation == "thread" and outer.isolation == "process":
            raise ValueError(f'{outer.who} has contexts in processes only, not isolation="thread"')
        return replace(
            outer,
            who=self.who,
            grants=self._grants_within(outer),
            timeout=outer.timeout if self.timeout is None else self.timeout,
            memory=outer.memory if self.memory is None else self.memory,
            output=outer.output if self.output is None else self.output,
            isolation=self.isolation or outer.isolation,
            modules=self._modules_within(outer),
        )

    def _grants_within(self, outer: Bounds) -> Grants | None:
        own, most = self.grants, outer.grants
        if own is None or most is None:
            return most if own is None else own
        for grant in own.all():
            if not most.covers(grant):
                raise ValueError(f"{outer.who} does not have the capability {grant.text!r}")
        return most.narrowed(own)

    def _modules_within(self, outer: Bounds) -> ModuleGrants | None:
        if self.modules is None or outer.modules is None:
            return self.modules or outer.modules
        return self.modules.within(outer.modules)

    def with_defaults(self) -> Bounds:
        """The same, with the defaults of a context where nothing is said."""
        return replace(
            self,
            grants=Grants() if self.grants is None else self.grants,
            timeout=DEFAULT_TIMEOUT if self.timeout is None else self.timeout,
            memory=DEFAULT_MEMORY if self.memory is None else self.memory,
            output=DEFAULT_OUTPUT if self.output is None else self.output,
        )

    def limits(self) -> Limits:
        """The limits of a context with these bounds."""
        full = self.with_defaults()
        assert full.timeout is not None
        assert full.memory is not None
        assert full.output is not None
        return Limits(full.timeout, full.memory, full.output)
