"""Specialising: the lowered ast in, the ast that runs out.

Dana's operators mean a little more than Python's. Where the types show that they agree, Python's operator
stays; elsewhere an inline test decides, and a helper does the rare case. The pass changes no meaning: it
can be compared with the plain form (every operator through its helper) over any program.

No guard is inserted or left out here; that is the policy's (`dana_guards.transform`).
"""

from __future__ import annotations

import ast
import os

from dana2py.bindings import Resolution
from dana2py.specialise.entries import add_entries, add_known_entries, add_method_entries, collapse
from dana2py.specialise.facts import Facts, struct_facts
from dana2py.specialise.statements import StatementSpecialiser
from dana_guards.policy import Policy


def specialise(tree: ast.Module, resolution: Resolution, policy: Policy, closed: bool) -> ast.Module:
    """Spell out Dana's operators.

    Parameters
    ----------
    tree : what `dana2py.lower` made; it is changed in place and returned.
    resolution : for what was declared.
    policy : for the names that the host adds to the built-ins.
    closed : no other text will be executed in the same namespace (see `dana_guards.evidence`).
    """
    tree.body = add_entries(tree.body, struct_facts(resolution))
    facts = Facts(tree, resolution, policy.names, closed)
    tree.body = collapse(tree.body, facts.type_of, policy.is_limited)
    add_known_entries(tree, facts.evidence)
    tree.body = add_method_entries(tree.body, facts.structs)
    counter = 0

    def temporary() -> str:
        nonlocal counter
        counter += 1
        return f"dana_v{counter}"

    strict = resolution.module.strict or os.environ.get("DANA_AUTO_COERCION") == "0"
    top = StatementSpecialiser(facts, tree, temporary, strict)
    tree.body = top.block(tree.body)
    return tree
