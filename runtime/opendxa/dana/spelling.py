"""The Python name of a Dana name, for look-ups by name at run time.

The same mapping as `dana2py.bindings.python_name` (a test compares them), without loading the compiler's tree.
"""

from __future__ import annotations

import keyword


def python_name(name: str) -> str:
    """The name under which a namespace holds a Dana name (docs/architecture.md, section 1)."""
    first = name[:1]
    if first == "_":
        return f"dana_u{name}"
    if first == "d" and name.startswith("dana_"):
        return f"dana_n_{name}"
    return f"{name}_" if keyword.iskeyword(name if name[-1:] != "_" else name.rstrip("_")) else name


def dana_name(python: str) -> str | None:
    """The Dana name behind a key of a namespace, None for what the compiler made."""
    if python.startswith("dana_u_"):
        return python[len("dana_u") :]
    if python.startswith("dana_n_"):
        return python[len("dana_n_") :]
    if python.startswith("dana_"):
        return None
    return python[:-1] if python.endswith("_") and keyword.iskeyword(python.rstrip("_")) else python
