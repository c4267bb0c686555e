"""Settings of a project: ``[tool.dana2py]`` in ``pyproject.toml``.

In: a folder. Out: ``search_paths`` (absolute) and ``allowed_capabilities``; an empty dict where there is no such table.
A table that is not understood is a ValueError, never ignored: a misspelt setting would else be a setting not made.
"""

from __future__ import annotations

import os
from typing import Any

KEYS = ("search_paths", "allowed_capabilities")


def read_project(folder: str) -> dict[str, Any]:
    """The settings of the project in a folder."""
    path = os.path.join(folder, "pyproject.toml")
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return {}
    if b"tool.dana2py" not in data:  # most projects: the parser need not be loaded
        return {}
    import tomllib

    try:
        table = tomllib.loads(data.decode("utf-8")).get("tool", {}).get("dana2py", {})
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    return _checked(table, path, folder)


def _checked(table: Any, path: str, folder: str) -> dict[str, Any]:
    from dana_guards.spelling import did_you_mean

    found: dict[str, Any] = {}
    for key, value in table.items():
        if key not in KEYS:
            raise ValueError(f"{path}: [tool.dana2py] has no setting {key!r}{did_you_mean(key, KEYS)}")
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"{path}: [tool.dana2py] {key} is a list of texts")
        found[key] = value
    if "search_paths" in found:
        found["search_paths"] = [os.path.join(folder, item) for item in found["search_paths"]]
    return found
