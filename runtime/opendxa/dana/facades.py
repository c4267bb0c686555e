"""Façades of Python modules for Dana code: the way from an import to the guards' table.

In: the environment of a context and a module's name. Out: its façade, or None where there is none. What a façade shows
and which grant it needs is decided in `dana_guards.facades`.
"""

from __future__ import annotations

from typing import Any

from dana_guards.namespace import Environment


def facade(environment: Environment, name: str, *, required: bool = False, importer: str = "") -> Any:
    """The façade of a Python module, None where there is none.

    Parameters
    ----------
    required : the program wrote ``.py``, so a missing façade is an error.
    importer : the module that imports it, whose grants count.

    Raises
    ------
    DanaImportError : there is none and it is required; the message has the near name.
    DanaCapabilityError : it needs a grant that the context does not have.
    """
    from dana_guards import facades

    if not required and name not in facades.NAMES:
        return None
    return facades.open_facade(environment, name, environment.grants.for_module(importer))
