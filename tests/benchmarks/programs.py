"""The kernels: which there are, how large they run, and how each variant is loaded.

In: ``kernels/NAME.py``, ``kernels/typed/NAME.na``, ``kernels/untyped/NAME.na``; each defines ``run(n)``.
Out: callables. Dana runs through the public API only: ``dana_modules`` is the unlimited profile, a context with its
default limits (deadline and memory watch on) the limited one.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

KERNELS = Path(__file__).parent / "kernels"
Run = Callable[[int], Any]

# The argument of `run`, chosen so that plain Python takes 15 to 90 ms on a machine of 2024.
SIZES = {
    "fib": 27,
    "intloop": 5000,
    "mandelbrot": 110,
    "nbody": 3000,
    "spectral": 90,
    "fannkuch": 8,
    "sieve": 400_000,
    "matrix": 75,
    "strbuild": 3000,
    "fstrings": 20_000,
    "wordcount": 2000,
    "sortkey": 15_000,
    "comps": 150_000,
    "structnew": 25_000,
    "fields": 120_000,
    "methods": 60_000,
    "closures": 80_000,
    "pipeline": 120_000,
    "tryloop": 60_000,
    "pricing": 20_000,
    "queens": 9,
}
VARIANTS = ("typed, unlimited", "typed, limited", "untyped, unlimited", "untyped, limited")


def names() -> list[str]:
    """All kernels in the order of the table; a file without a size, or a size without a file, is an error."""
    found = {path.stem for path in KERNELS.glob("*.py")}
    if found != set(SIZES):
        raise LookupError(f"kernels and sizes differ: {sorted(found ^ set(SIZES))}")
    return list(SIZES)


def python_run(name: str) -> Run:
    """``run`` of the Python program."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", KERNELS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module.run  # type: ignore[no-any-return]


class DanaPrograms:
    """Loads the Dana variants; holds one context for each of the two folders until `close`."""

    def __init__(self) -> None:
        from opendxa.dana import DanaRuntime

        os.environ["DANAPATH"] = str(KERNELS)
        self._contexts = {
            kind: DanaRuntime().create_context(search_paths=[KERNELS / kind]) for kind in ("typed", "untyped")
        }

    def run(self, name: str, variant: str) -> Run:
        """``run`` of one variant, such as ``"typed, limited"``."""
        kind, profile = variant.split(", ")
        if profile == "limited":
            return self._contexts[kind].import_module(name).run  # type: ignore[no-any-return]
        return importlib.import_module(f"dana_modules.{kind}.{name}").run  # type: ignore[no-any-return]

    def close(self) -> None:
        """Ends both contexts."""
        for context in self._contexts.values():
            context.cleanup()
