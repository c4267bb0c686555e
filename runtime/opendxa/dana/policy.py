"""Policies: what contexts may do, as a file that people read, compare and review.

In: a TOML file, or the same settings in Python. Out: a frozen `DanaPolicy` for ``create_context(policy=…)``, its text,
and the difference to another one in words. Reading and writing the text is done in `policy_text`, comparing in
`policy_diff`, and what a policy means together with other settings is said in `bounds`.

    allowed_capabilities = ["file_read:data", "network:api.example.org:443"]
    isolation = "process"

    [limits]
    timeout = "10s"
    max_memory = "100MB"

    [modules."analytics"]
    allowed_capabilities = ["file_read:data/analytics"]

    [modules."*"]
    allowed_capabilities = []
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dana_guards.capabilities import Grants, parse_grant
from dana_guards.capabilities.modules import EVERY, ModuleGrants
from dana_guards.limits import UNLIMITED, parse_size, parse_time
from opendxa.dana.bounds import Bounds
from opendxa.dana.runtime import check_isolation

if TYPE_CHECKING:
    from opendxa.dana.policy_diff import PolicyDiff

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, eq=True)
class DanaPolicy:
    """What a context may do at most. Two policies are equal if they say the same, however it was spelt.

    Parameters
    ----------
    allowed_capabilities : as for `DanaRuntime.create_context`.
    timeout, max_memory, max_output : as there; None says nothing, so that the default or another argument holds.
    isolation : ``"process"``: no context may run in this process. None says nothing.
    modules : module name to the capabilities of its code; see `ModuleGrants` for which modules a name is for.
    folder : what relative folders are seen from; the working folder if None. Not kept: grants name folders in full.

    Raises ValueError for what is not understood, and for a module that has more than the policy itself.
    """

    allowed_capabilities: tuple[str, ...] = ()
    timeout: str | None = None
    max_memory: str | None = None
    max_output: str | None = None
    isolation: str | None = None
    modules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __init__(
        self,
        allowed_capabilities: Iterable[str] = (),
        *,
        timeout: Any = None,
        max_memory: Any = None,
        max_output: Any = None,
        isolation: str | None = None,
        modules: Mapping[str, Iterable[str]] | None = None,
        folder: PathLike | None = None,
    ) -> None:
        base = os.fspath(folder) if folder is not None else os.getcwd()
        put = object.__setattr__
        put(self, "allowed_capabilities", full_grants(allowed_capabilities, base))
        put(self, "timeout", None if timeout is None else time_text(parse_time(timeout)))
        put(self, "max_memory", None if max_memory is None else size_text(parse_size(max_memory)))
        put(self, "max_output", None if max_output is None else size_text(parse_size(max_output)))
        put(self, "isolation", check_isolation(isolation))
        tables = {check_module(name): full_grants(allowed, base) for name, allowed in (modules or {}).items()}
        put(self, "modules", MappingProxyType(dict(sorted(tables.items()))))
        self._check_modules()

    def _check_modules(self) -> None:
        whole = Grants(self.allowed_capabilities)
        for name, allowed in self.modules.items():
            for grant in Grants(allowed).all():
                if not whole.covers(grant):
                    raise ValueError(
                        f"the module {name!r} has the capability {grant.text!r}, which the policy itself does not have"
                    )

    @classmethod
    def load(cls, path: PathLike) -> DanaPolicy:
        """The policy in a TOML file; relative folders are seen from the folder of the file.

        Raises
        ------
        OSError : the file cannot be read.
        ValueError : it is no policy; the message has file and line, and the near key for a misspelt one.
        """
        from opendxa.dana.policy_text import load

        return load(path)

    @classmethod
    def loads(cls, text: str, folder: PathLike | None = None) -> DanaPolicy:
        """The policy in a TOML text; relative folders are seen from `folder`, else from the working folder.

        Raises ValueError as `load`.
        """
        from opendxa.dana.policy_text import parse

        return parse(text, "<policy>", os.fspath(folder) if folder is not None else os.getcwd())

    def to_toml(self, folder: PathLike | None = None) -> str:
        """The policy as a TOML text, which `loads` reads as an equal policy.

        Parameters
        ----------
        folder : where the text will be stored: files below it are written as seen from there, others in full.
        """
        from opendxa.dana.policy_text import write

        return write(self, folder)

    def diff(self, other: DanaPolicy) -> PolicyDiff:
        """What `other` allows that this one does not, and the other way round."""
        from opendxa.dana.policy_diff import compare

        return compare(self, other)

    def bounds(self, who: str = "the policy") -> Bounds:
        """The policy as one layer of bounds."""
        tables = {name: Grants(allowed) for name, allowed in self.modules.items()}
        said = {key: getattr(self, key) for key in ("timeout", "max_memory", "max_output", "isolation")}
        made = Bounds.of_arguments(who, {"allowed_capabilities": self.allowed_capabilities, **said})
        return made if not tables else _with_modules(made, tables)

    def __hash__(self) -> int:
        return hash((self.allowed_capabilities, self.timeout, self.max_memory, self.max_output, self.isolation))

    def __reduce__(self) -> Any:
        return _rebuilt, ({**{key: getattr(self, key) for key in _FIELDS}, "modules": dict(self.modules)},)


_FIELDS = ("allowed_capabilities", "timeout", "max_memory", "max_output", "isolation")


def _rebuilt(settings: dict[str, Any]) -> DanaPolicy:
    return DanaPolicy(**settings)


def _with_modules(bounds: Bounds, tables: dict[str, Grants]) -> Bounds:
    from dataclasses import replace

    return replace(bounds, modules=ModuleGrants(tables))


def policy_of(value: object) -> DanaPolicy:
    """A policy as a host gives it: one, or the path of its file. ValueError for anything else."""
    if isinstance(value, DanaPolicy):
        return value
    if isinstance(value, (str, os.PathLike)):
        return DanaPolicy.load(value)
    raise ValueError(f"policy is a DanaPolicy or the path of a TOML file, not {type(value).__name__}")


# -- parts of a policy -------------------------------------------------------------------------------------------------


def full_grants(allowed: Iterable[str], folder: str) -> tuple[str, ...]:
    """Grants in full, sorted and each once. ValueError for what is no list of grants."""
    if isinstance(allowed, (str, bytes)):
        raise ValueError(f"allowed_capabilities is a list of texts, such as [{allowed!r}]")
    return tuple(sorted({full_grant(text, folder) for text in allowed}))


def full_grant(text: str, folder: str) -> str:
    """A grant with its folder in full. ValueError as `parse_grant`."""
    grant = parse_grant(text)
    inside = grant.capability.in_folder
    if grant.scope is not None and inside is not None:
        name, _, scope = text.partition(":")
        grant = parse_grant(f"{name}:{inside(scope, folder)}")
    return grant.full_text


def check_module(name: object) -> str:
    """The name of a module in a policy. ValueError for what no module is called."""
    if type(name) is str and (name == EVERY or all(part.isidentifier() for part in name.split("."))):
        return name
    raise ValueError(f'{name!r} is no module: write a dotted name, "__main__" for the program, or "*" for the rest')


def time_text(seconds: float) -> str:
    """A time as `parse_time` reads it."""
    if seconds == math.inf:
        return "unlimited"
    for size, unit in ((3600, "h"), (60, "m"), (1, "s")):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    text = f"{seconds:.18f}".rstrip("0").rstrip(".")
    return f"{text}s"


def size_text(size: int) -> str:
    """A size as `parse_size` reads it."""
    if size == UNLIMITED:
        return "unlimited"
    for factor, unit in ((10**9, "GB"), (2**30, "GiB"), (10**6, "MB"), (2**20, "MiB"), (10**3, "KB"), (2**10, "KiB")):
        if size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size}B"
