"""Checking what ``dana_modules.configure`` was given, before anything is noted."""

from __future__ import annotations

from typing import Any


def checked(**values: Any) -> dict[str, Any]:
    """The settings that were given. ValueError for one that is not understood."""
    from dana_guards.capabilities import Grants
    from opendxa.dana.runtime import check_functions, check_objects, check_paths

    found = {name: value for name, value in values.items() if value is not None}
    if "allowed_capabilities" in found:
        found["allowed_capabilities"] = list(Grants(found["allowed_capabilities"]))
    if "search_paths" in found:
        found["search_paths"] = [root.folder for root in check_paths(found["search_paths"])]
    if "functions" in found:
        found["functions"] = check_functions(found["functions"])
    if "objects" in found:
        found["objects"] = check_objects(found["objects"])
    return found
