"""One test for many uses in a loop: the body twice, behind a test of what its variables probably are.

In: the lowered ast and what the inference knows of it. Out: the same ast, in which the body of a loop

    for body in bodies:
        body.x = body.x + body.vx * dt
        body.y = …

has become ``if _type_(body) is Body: … else: …`` with the same statements in both branches. In the first
branch the inference sees the test; the second does what it did. Only innermost loops are doubled, and only
where a variable of unknown type is used several times, so the text grows once and not at each level.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

from dana2py.specialise.entries import MAX_NODES, type_test_of
from dana2py.specialise.facts import Facts
from dana2py.specialise.forms import clone, place
from dana2py.specialise.guesses import Uses, probable
from dana_guards.lattice import ANY
from dana_guards.walking import descendants

MIN_USES = 3
MAX_VARIABLES = 4
LOOPS = (ast.For, ast.While)


def narrow(body: list[ast.stmt], facts: Facts) -> bool:
    """Double the innermost loops of all functions where that pays; tells whether anything changed."""
    changed = False
    for statement in body:
        for node in descendants(statement):
            if isinstance(node, LOOPS) and not any(isinstance(part, LOOPS) for s in node.body for part in descendants(s)):
                changed = _narrow_loop(node, facts) or changed
    return changed


def _narrow_loop(loop: ast.For | ast.While, facts: Facts) -> bool:
    """Put the statements behind the last assignment of a variable that is to be tested into two branches."""
    best: tuple[int, int, dict[str, tuple[str, ...]]] = (0, 0, {})
    for start in range(len(loop.body)):
        rest = loop.body[start:]
        if sum(1 for statement in rest for _ in descendants(statement)) <= MAX_NODES // 3:
            gain, found = _candidates(rest, facts, loop.lineno)
            if gain > best[0]:
                best = (gain, start, found)
    _, start, found = best
    if not found:
        return False
    rest = loop.body[start:]
    tests = [type_test_of(rest[0], name, names) for name, names in found.items()]
    test = tests[0] if len(tests) == 1 else ast.BoolOp(op=ast.And(), values=tests, **place(rest[0]))
    copy = [clone(statement, origin=False) for statement in rest]
    loop.body[start:] = [ast.If(test=test, body=copy, orelse=rest, **place(rest[0]))]
    return True


def _candidates(rest: Sequence[ast.stmt], facts: Facts, line: int) -> tuple[int, dict[str, tuple[str, ...]]]:
    """Variables of unknown type that the statements use often and do not assign, what they probably are, and the
    number of uses that gain."""
    if any(isinstance(node, ast.FunctionDef | ast.Lambda) for s in rest for node in descendants(s)):
        return 0, {}
    assigned = {n.id for s in rest for n in descendants(s) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    uses: dict[str, Uses] = {}
    counts: dict[str, int] = {}
    for name, kind in _uses(rest, facts.type_of):
        if name not in assigned:
            use = uses.setdefault(name, Uses())
            use.add(kind)
            counts[name] = counts.get(name, 0) + 1
    found: dict[str, tuple[str, ...]] = {}
    for name, use in uses.items():
        names = use.guess(facts.structs)
        declared = all(each.startswith("_") or facts.structs[each].line < line for each in names)
        if names and declared and counts[name] >= MIN_USES and len(found) < MAX_VARIABLES:
            found[name] = names
    return sum(counts[name] for name in found), found


def _uses(rest: Sequence[ast.stmt], type_of: Callable[[ast.expr], object]) -> Iterator[tuple[str, str]]:
    """What each node makes probable of a variable that the inference knows nothing of."""
    unknown = {
        node.id for s in rest for node in descendants(s)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and type_of(node) == ANY
    }
    for statement in rest:
        for node in descendants(statement):
            for name, kind in probable(node):
                if name in unknown:
                    yield name, kind
