"""Other ways to run the same kernels, where they are installed: RestrictedPython as it comes, the reference Dana.

In: the kernels. Out: times, or None with the reason where a peer cannot run a kernel. These columns are for
orientation and need flags; nothing else here depends on them.
"""

from __future__ import annotations

import ast
import json
import subprocess
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
import json, os, signal, sys, time
from dana.core.lang.dana_sandbox import DanaSandbox
for name, (file, size) in json.loads(sys.argv[1]).items():
    sys.stdout.flush()
    child = os.fork()  # its registries are per process; the import takes long
    if child == 0:
        signal.alarm(60)
        text = open(file).read().replace("\\ndef ", "\\nsync def ")
        sandbox = DanaSandbox()
        first = sandbox.execute_string(text)
        start = time.process_time()
        second = sandbox.execute_string(f"run({size})")
        seconds = time.process_time() - start
        if first.success and second.success:
            sys.stdout.write("\\nreference " + json.dumps([name, seconds]) + "\\n")
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
"""


def reference_seconds(sizes: dict[str, int], python: str) -> dict[str, float]:
    """Seconds that the reference interpreter takes for ``run(size)``; kernels that it refuses are left out.

    Parameters
    ----------
    sizes : the argument for each kernel.
    python : an interpreter where the package ``dana`` is installed.
    """
    work = {name: (str(KERNELS / "untyped" / f"{name}.na"), size) for name, size in sizes.items()}
    command = [python, "-c", _REFERENCE, json.dumps(work)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    lines = [line.removeprefix("reference ") for line in done.stdout.splitlines() if line.startswith("reference ")]
    return dict(json.loads(line) for line in lines)
