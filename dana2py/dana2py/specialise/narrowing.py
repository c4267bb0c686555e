"""One test for many uses in a loop: the body twice, behind a test of what its variables probably are.

In: the lowered ast, before the inference. Out: the same ast, in which the body of a loop

    for body in bodies:
        body.x = body.x + body.vx * dt
        body.y = …

has become ``if _type_(body) is Body: … else: …`` with the same statements in both branches. In the first
branch the inference sees the test; the second does what it did. Only innermost loops are doubled, and only
where a variable that can be anything (an item of something, a result of a call) is used several times, so the
text grows once and not at each level.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from dana2py.specialise.entries import type_test_of
from dana2py.specialise.facts import StructFacts
from dana2py.specialise.forms import clone, place
from dana2py.specialise.gains import MAX_NODES
from dana2py.specialise.guesses import Uses, probable
from dana_guards.walking import descendants, listed, statements

MIN_USES = 3
MAX_VARIABLES = 4
LOOPS = (ast.For, ast.While)


def narrow(body: list[ast.stmt], structs: dict[str, StructFacts]) -> None:
    """Double the innermost loops of all functions where that pays."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            # Only statements hold loops: expressions are looked at where there is one.
            loops = [node for node in statements([statement]) if isinstance(node, LOOPS)]
            unknown: set[str] | None = None
            for loop in loops:
                if not any(isinstance(part, LOOPS) for part in statements(loop.body)):
                    unknown = _unknown(statement) if unknown is None else unknown
                    if not unknown:
                        break
                    _narrow_loop(loop, structs, unknown)


def _unknown(function: ast.FunctionDef) -> set[str]:
    """Local variables whose every value comes from where no inference can look: items, attributes, calls."""
    opaque: set[str] = set()
    plain: set[str] = set()
    head = getattr(function, "dana_head", None)
    tested = set() if head is None else {node.id for node in descendants(head.test) if isinstance(node, ast.Name)}
    for arg in function.args.args:
        (plain if arg.arg in tested else opaque).add(arg.arg)
    for node in statements([function]):
        match node:
            case ast.For(target=target, iter=iterable):
                counted = isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name)
                (plain if counted else opaque).update(_stored(target))
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() | ast.Call() | ast.Attribute()):
                opaque.add(name)
            case ast.Assign(targets=targets):
                for target in targets:
                    plain.update(_stored(target))
    return opaque - plain


def _stored(node: ast.AST) -> set[str]:
    """The names that a target or a statement binds."""
    return {each.id for each in descendants(node) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}


def _narrow_loop(loop: ast.For | ast.While, structs: dict[str, StructFacts], unknown: set[str]) -> None:
    """Put the statements behind the last assignment of a variable that is to be tested into two branches."""
    best: tuple[int, int, dict[str, tuple[str, ...]]] = (0, 0, {})
    nodes = [listed([statement]) for statement in loop.body]
    for start in range(len(loop.body)):
        if sum(map(len, nodes[start:])) <= MAX_NODES // 3:
            inside = [node for part in nodes[start:] for node in part]
            gain, found = _candidates(inside, structs, unknown, loop.lineno)
            if gain > best[0]:
                best = (gain, start, found)
    _, start, found = best
    if not found:
        return
    rest = loop.body[start:]
    tests = [type_test_of(rest[0], name, names) for name, names in found.items()]
    test = tests[0] if len(tests) == 1 else ast.BoolOp(op=ast.And(), values=tests, **place(rest[0]))
    copy = [clone(statement, origin=False) for statement in rest]
    loop.body[start:] = [ast.If(test=test, body=copy, orelse=rest, **place(rest[0]))]


def _candidates(
    inside: Sequence[ast.AST], structs: dict[str, StructFacts], unknown: set[str], line: int
) -> tuple[int, dict[str, tuple[str, ...]]]:
    """Variables of unknown type that the nodes of some statements use often and do not assign, what they probably are,
    and the number of uses that gain."""
    assigned: set[str] = set()
    for node in inside:
        kind = type(node)
        if kind is ast.Name:
            if type(node.ctx) is not ast.Load:  # type: ignore[attr-defined]
                assigned.add(node.id)  # type: ignore[attr-defined]
        elif kind is ast.FunctionDef or kind is ast.Lambda:
            return 0, {}
    uses: dict[str, Uses] = {}
    counts: dict[str, int] = {}
    for node in inside if unknown - assigned else ():
        for name, use in probable(node):
            if name in unknown and name not in assigned:
                uses.setdefault(name, Uses()).add(use)
                counts[name] = counts.get(name, 0) + 1
    found: dict[str, tuple[str, ...]] = {}
    for name, seen in uses.items():
        names = seen.guess(structs)
        declared = all(each.startswith("_") or structs[each].line < line for each in names)
        if names and declared and counts[name] >= MIN_USES and len(found) < MAX_VARIABLES:
            found[name] = names
    return sum(counts[name] for name in found), found

