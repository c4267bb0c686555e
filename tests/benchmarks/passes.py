"""What each optimisation is worth: the kernels with one pass switched off, against all of them on.

In: the kernels of ``kernels/`` and `dana2py.options`. Out: a table of geometric means, Dana ÷ Python, on stdout.
Run as ``python -m tests.benchmarks.passes [KERNEL...]``; repeats are interleaved, the smallest time counts.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from dana2py.compiler import compile_source
from dana2py.options import Options
from dana_guards.namespace import Environment, make_builtins, make_namespace
from dana_guards.policy import Policy

from .measure import geometric_mean, interleaved
from .programs import KERNELS, SIZES, python_run

REPEATS = 3
SETTINGS = {
    "all": Options(),
    **{
        f"without {field.name}": dataclasses.replace(Options(), **{field.name: False})
        for field in dataclasses.fields(Options)
    },
    "none": Options.plain(),
}


class Facades:
    """Finds the Python modules that kernels import, without a context around them."""

    def __init__(self) -> None:
        self.environment = Environment(policy=Policy(profile="unlimited"), importer=self)

    def module(self, name: str, level: int, python: bool, importer: str) -> Any:
        """The façade of a Python module."""
        from dana_guards.facades import get_facade

        return get_facade(name, self.environment)

    def member(self, name: str, level: int, python: bool, importer: str, member: str) -> Any:
        """One member of it."""
        return getattr(self.module(name, level, python, importer), member)

    def star(self, name: str, level: int, python: bool, importer: str) -> dict[str, Any]:
        """Kernels have no star imports."""
        raise LookupError(name)


def dana_run(kind: str, name: str, options: Options) -> Callable[[int], object]:
    """``run`` of one kernel in the ``unlimited`` profile."""
    path = KERNELS / kind / f"{name}.na"
    policy = Policy(profile="unlimited")
    compiled = compile_source(path.read_text(encoding="utf-8"), str(path), policy=policy, options=options)
    namespace = make_namespace(make_builtins(Facades().environment), name)
    exec(compiled.code, namespace)
    return namespace["run"]  # type: ignore[return-value]


def main() -> int:
    """Measure and print."""
    names = sys.argv[1:] or list(SIZES)
    print(f"{'':22}" + "".join(f"{kind:>10}" for kind in ("typed", "untyped")))
    ratios: dict[tuple[str, str], list[float]] = {}
    for name in names:
        runs: dict[tuple[str, str], Callable[[int], object]] = {("python", ""): python_run(name)}
        for kind in ("typed", "untyped"):
            for label, options in SETTINGS.items():
                runs[label, kind] = dana_run(kind, name, options)
        best = interleaved({key: partial(run, SIZES[name]) for key, run in runs.items()}, REPEATS)
        for key, found in best.items():
            ratios.setdefault(key, []).append(found / best["python", ""])
    for label in SETTINGS:
        means = [geometric_mean(ratios[label, kind]) for kind in ("typed", "untyped")]
        print(f"{label:22}" + "".join(f"{mean:10.2f}" for mean in means))
    return 0


if __name__ == "__main__":
    sys.exit(main())
