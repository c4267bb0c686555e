"""Specialising: the lowered ast in, the ast that runs out.

Dana's operators mean a little more than Python's. Where the types show that they agree, Python's operator
stays; elsewhere an inline test decides, and a helper does the rare case. The pass changes no meaning: it
can be compared with the plain form (every operator through its helper) over any program.

No guard is inserted or left out here; that is the policy's (`dana_guards.transform`).
"""

from __future__ import annotations

import ast
from dataclasses import replace

from dana2py.bindings import Resolution
from dana2py.options import Options
from dana2py.specialise.entries import add_entries, add_known_entries, add_method_entries
from dana2py.specialise.facts import Facts, struct_facts
from dana2py.specialise.narrowing import narrow
from dana2py.specialise.statements import StatementSpecialiser
from dana_guards.policy import Policy


def specialise(
    tree: ast.Module, resolution: Resolution, policy: Policy, closed: bool, options: Options | None = None
) -> ast.Module:
    """Spell out Dana's operators.

    Parameters
    ----------
    tree : what `dana2py.lower` made; it is changed in place and returned.
    resolution : for what was declared.
    policy : its profile, and the names that the host adds to the built-ins.
    closed : no other text will be executed in the same namespace (see `dana_guards.evidence`).
    options : which passes run; by default what the environment asks for.
    """
    options = options or Options.current()
    if options.entries:
        add_entries(tree.body, struct_facts(resolution), options.guesses, policy.is_limited)
    if options.narrowing:
        narrow(tree.body, struct_facts(resolution))
    facts = Facts(tree, resolution, policy, closed, options.types)
    if options.entries:
        add_known_entries(tree, facts.evidence)
        tree.body = add_method_entries(tree.body, facts.structs)
    counter = 0

    def temporary() -> str:
        nonlocal counter
        counter += 1
        return f"dana_v{counter}"

    if resolution.module.strict:
        options = replace(options, coercion=False)
    top = StatementSpecialiser(facts, tree, temporary, options)
    tree.body = top.block(tree.body)
    return tree
