"""Other ways to run the same kernels, where they are installed: RestrictedPython as it comes, the reference Dana.

In: the kernels. Out: times, or None with the reason where a peer cannot run a kernel. These columns are for
orientation and need flags; nothing else here depends on them.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import warnings
from typing import Any

from .programs import KERNELS, Run


class _SpellOut(ast.NodeTransformer):
    """``a[i] += b`` as ``a[i] = a[i] + b``: RestrictedPython refuses the short form."""

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if isinstance(node.target, ast.Name):
            return node
        loaded = ast.parse(ast.unparse(node.target), mode="eval").body
        return ast.Assign([node.target], ast.BinOp(loaded, node.op, node.value))


def restricted_run(name: str) -> Run | None:
    """``run`` of the Python program under RestrictedPython's default policy and guards; None if refused."""
    from RestrictedPython import (  # type: ignore[attr-defined]
        compile_restricted,
        limited_builtins,
        safe_builtins,
        utility_builtins,
    )
    from RestrictedPython.Eval import default_guarded_getitem, default_guarded_getiter
    from RestrictedPython.Guards import (
        full_write_guard,
        guarded_iter_unpack_sequence,
        guarded_unpack_sequence,
        safer_getattr,
    )

    tree = ast.fix_missing_locations(_SpellOut().visit(ast.parse((KERNELS / f"{name}.py").read_text())))
    more = {"list": list, "dict": dict, "set": set, "sum": sum, "min": min, "enumerate": enumerate, "sorted": sorted}
    space: dict[str, Any] = {
        "__builtins__": {**limited_builtins, **utility_builtins, **safe_builtins, **more, "range": range},
        "__name__": name,
        "_getattr_": safer_getattr,
        "_getitem_": default_guarded_getitem,
        "_getiter_": default_guarded_getiter,
        "_write_": full_write_guard,
        "_iter_unpack_sequence_": guarded_iter_unpack_sequence,
        "_unpack_sequence_": guarded_unpack_sequence,
        "_inplacevar_": _in_place,
    }
    try:
        with warnings.catch_warnings(action="ignore"):
            code = compile_restricted(ast.unparse(tree), f"{name}.py", "exec")
        exec(code, space)
    except (SyntaxError, ImportError):
        return None
    return space["run"]  # type: ignore[no-any-return]


def _in_place(operator: str, left: Any, right: Any) -> Any:
    if operator == "+=":
        return left + right
    if operator == "-=":
        return left - right
    raise SyntaxError(f"{operator} does not occur in the kernels")


_REFERENCE = """
import contextlib, io, sys, time
from dana.core.lang.dana_sandbox import DanaSandbox
text = open(sys.argv[1]).read().replace("\\ndef ", "\\nsync def ")
with contextlib.redirect_stdout(io.StringIO()):
    sandbox = DanaSandbox()
    first = sandbox.execute_string(text)
    start = time.process_time()
    second = sandbox.execute_string(f"run({sys.argv[2]})")
    seconds = time.process_time() - start
print(seconds if first.success and second.success else "refused")
"""


def reference_seconds(name: str, size: int, python: str = sys.executable, patience: float = 120.0) -> float | None:
    """Seconds that the reference interpreter takes for ``run(size)``; None if it refuses or needs too long.

    Parameters
    ----------
    python : an interpreter where the package ``dana`` is installed.
    patience : seconds to wait for it.
    """
    file = KERNELS / "untyped" / f"{name}.na"
    try:
        done = subprocess.run(
            [python, "-c", _REFERENCE, str(file), str(size)],
            capture_output=True,
            text=True,
            timeout=patience,
            check=True,
        )
        return float(done.stdout.split()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError, OSError):
        return None
