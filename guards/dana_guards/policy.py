"""The policy: a frozen description of what compiled Dana code may be.

In: the profile and a few settings. Out: the fingerprint, which goes into every cache key, and the question
whether a name is a built-in. Nothing is restricted here (`dana_guards.transform`), and this module is read on
every warm import, so it reads no file and imports neither ast nor RestrictedPython.

The fingerprint covers settings and the Python version. The text of the files that apply the policy is hashed beside it
into the cache key (`dana2py.compiled.compiler_digest`): a number raised by hand is forgotten sooner or later.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from dataclasses import dataclass
from typing import Final, Literal

AUDITED_PYTHONS: Final = ((3, 11), (3, 12), (3, 13))
"""Python versions whose ast nodes, attributes and built-ins were looked at. Others are refused."""

Profile = Literal["limited", "unlimited"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What compiled code may be. Equal policies have equal fingerprints.

    Parameters
    ----------
    profile : ``limited`` adds the size checks of single operations (contexts), ``unlimited`` does not
        (``dana_modules``). Names, capabilities, exceptions and imports are checked in both.
    stop_flags : insert tests of the stop flag (`dana_guards.interrupt_flags`). None means: where the profile is
        ``limited`` and the Python is older than 3.12, which has `sys.monitoring`. Give True where no tool id is free.
    names : what the host adds to the built-ins (``functions=``, ``objects=``). A built-in of the same name is hidden
        by it, so nothing is known about what it returns.

    Raises ValueError for an unknown profile.
    """

    profile: Profile = "limited"
    stop_flags: bool | None = None
    names: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.profile not in ("limited", "unlimited"):
            raise ValueError(f'{self.profile!r} is not a profile: give "limited" or "unlimited"')
        if self.stop_flags is None:
            object.__setattr__(self, "stop_flags", self.profile == "limited" and sys.version_info < (3, 12))

    @property
    def is_limited(self) -> bool:
        """Whether single operations get size checks."""
        return self.profile == "limited"

    def fingerprint(self) -> str:
        """Hash over the settings and the Python version. 64 hex digits."""
        return _fingerprint(self.profile, self.stop_flags, self.names)

    def has_name(self, name: str) -> bool:
        """Whether `name` is a built-in of Dana under this policy, the host's additions included."""
        from dana_guards.names import BUILTIN_NAMES  # compile time only: a warm import does without the tables

        return name in self.names or name in BUILTIN_NAMES


@functools.lru_cache(maxsize=64)
def _fingerprint(profile: str, stop_flags: bool | None, names: frozenset[str]) -> str:
    parts = [sys.implementation.cache_tag or sys.version, profile, str(stop_flags), *sorted(names)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
