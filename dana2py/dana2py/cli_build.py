"""``dana2py build``: modules compiled ahead of time, stored beside their files.

In: a file and its module name. Out: ``__dana_cache__/NAME.PROFILE.…`` beside it, for contexts and for ``dana_modules``.
Keys are made by the same functions that look entries up. Nothing is executed.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Literal

from dana2py.cache import Cache
from dana2py.cli_support import UsageProblem
from dana_guards.policy import Policy

PROFILES: tuple[Literal["limited", "unlimited"], ...] = ("limited", "unlimited")


def build_module(file: Path, name: str, is_package: bool) -> list[Path]:
    """Compile one module for both profiles; the files written.

    Raises
    ------
    DanaSyntaxError, DanaSecurityError : the module does not compile.
    UsageProblem : nothing can be written beside the file.
    """
    from dana2py.compiler import compile_source  # lark and RestrictedPython are loaded only by what compiles

    # What embeds the compiler knows how it looks modules up; it is asked at the call, as the command line's top part.
    library: Any = importlib.import_module("opendxa.dana.library")
    real, cache, written = file.resolve(), Cache.default(), []
    data = library.read_source(str(real), name)
    text = library.decode(data, str(real))
    for profile in PROFILES:
        policy = Policy(profile=profile)
        key = cache.key(
            data,
            filename=str(real),
            name=name,
            fingerprint=policy.fingerprint(),
            options=library.compiler_options(),
            is_package=is_package,
        )
        module = compile_source(text, str(real), name=name, policy=policy, is_package=is_package)
        place = cache.put_beside(real, key, module)
        if place is None:
            raise UsageProblem(f"{file.parent} cannot be written to, or the module is too large to be stored")
        written.append(place)
    return written
