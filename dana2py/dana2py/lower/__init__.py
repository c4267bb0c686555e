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
from dana_guards.spelling import SESSION

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
    return ast.Module(body=[*_hidden_builtins(lowering), *body], type_ignores=[])


def _hidden_builtins(lowering: Declarations) -> list[ast.stmt]:
    """In a session a variable that is called like a built-in begins as that: it may be read before its assignment."""
    scope, statements = lowering.resolution.scope, lowering.resolution.module.body
    if not scope.session or not statements:
        return []
    at = lowering.at(statements[0])
    hidden = [(name, python) for name, python in scope.names.items() if python == f"{SESSION}{name}"]
    return [at.assign_name(python, at.load(name)) for name, python in hidden if python not in scope.known]
