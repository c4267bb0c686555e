"""Lowering: a resolved Dana tree in, a Python ``ast.Module`` out.

Every name already has its binding, so nothing here looks a name up for the first time. No guard is
inserted: Dana's operators are marked for `dana2py.specialise`, and the policy pass
(`dana_guards.transform`) must be able to refuse whatever this pass produces.
"""

from __future__ import annotations

import ast

from dana2py import nodes
from dana2py.bindings import Resolution
from dana2py.lower.declarations import Declarations
from dana2py.source import Source

RESULT = "dana_result"


def lower_module(resolution: Resolution, source: Source, name: str, interactive: bool = False) -> ast.Module:
    """The Python ast of a module.

    Parameters
    ----------
    name : the module's dotted name, for its imports.
    interactive : keep the value of the last expression statement in the global ``dana_result``.
    """
    lowering = Declarations(resolution, source, name)
    statements = resolution.module.body
    last = statements[-1] if statements else None
    if not interactive or not isinstance(last, nodes.ExprStmt):
        body = lowering.block(statements)
    else:
        body = lowering.block(statements[:-1])
        body.append(lowering.at(last).assign_name(RESULT, lowering.expr(last.value)))
    return ast.Module(body=body, type_ignores=[])
