"""Two entries for a function with annotations: guides that are tested once.

In: the lowered ast, whose functions carry ``dana_guides`` (parameter → type text). Out: the same ast, in
which a function that can gain by it is

    def dana_g_f(n): …          # the general version: nothing is known of n
    def f(n):                   # the public one
        if _type_(n) is not _int_: return dana_g_f(n)
        …                       # here n is an int, and the inference sees the test
    def dana_k_f(n): …          # for calls whose arguments are known to pass: no test at all

Annotations are guides (6.1; design page, section 7): a wrong one costs a call and changes nothing. The
pass runs before the inference; the general version is spelt out the short way, operators by their helpers.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from dana2py.specialise.facts import StructFacts
from dana2py.specialise.forms import clone, load, place, type_test
from dana2py.specialise.gains import gains
from dana2py.specialise.guesses import guesses
from dana_guards.evidence import Evidence
from dana_guards.results import KNOWN_PREFIX
from dana_guards.walking import descendants, listed
from dana_guards.watchdog import look_for_stop

TESTED = {"int": "_int_", "float": "_float_", "str": "_str_", "bool": "_bool_", "list": "_list_", "dict": "_dict_"}


def add_entries(
    body: list[ast.stmt], structs: dict[str, StructFacts], guessing: bool, sized: bool, taken: set[str] | None = None
) -> None:
    """Give every function of a block that gains by it a test at its head, and a general version (``dana_general``).

    The general version is not put into the block: it is added when all else is spelt out, since nothing is to be
    inferred of it.

    Parameters
    ----------
    body : statements; functions inside functions stay as they are, so that nothing is copied twice.
    structs : the struct classes of the module; one that is declared later may not exist at a call.
    guessing : test unannotated parameters for what they will probably be.
    """
    taken = set() if taken is None else taken
    entered: set[str] = set()
    for statement in body:
        look_for_stop()
        if isinstance(statement, ast.FunctionDef):
            _add_entry(statement, structs, guessing, sized, taken, entered)
        else:
            for field in ("body", "orelse", "finalbody"):
                inner = getattr(statement, field, None)
                if inner:
                    add_entries(inner, structs, guessing, sized, taken)


def _add_entry(
    function: ast.FunctionDef,
    structs: dict[str, StructFacts],
    guessing: bool,
    sized: bool,
    taken: set[str],
    entered: set[str],
) -> None:
    """`add_entries` for one function, whose nodes are collected once for all that is asked about it.

    `entered` are the functions of the block that have got an entry so far; this one joins them if it does.
    """
    inside = listed(function.body)
    tested, guessed = _tested_parameters(function, inside, structs, guessing)
    if not tested:
        return
    # A parameter of a class's own name is that class nowhere in the function, so its test tells nothing.
    known = {arg.arg for arg, names in tested if arg.arg not in names}
    instances = {arg.arg for arg, names in tested if arg.arg in known and not all(n.startswith("_") for n in names)}
    if gains(function, inside, known, instances, sized, guessed, entered):
        entered.add(function.name)
        tests = [test for arg, names in tested for test in _test_of(arg, names)]
        general = general_version(function, taken)
        function.dana_general = general  # type: ignore[attr-defined]
        add_head(function, inside, tests, general.name)


def _general_name(name: str, taken: set[str]) -> str:
    """The name of the general version of a function; two functions of one name need two."""
    found = f"dana_g_{name}"
    number = 1
    while found in taken:
        number += 1
        found = f"dana_g{number}_{name}"
    taken.add(found)
    return found


def known_name(name: str) -> str:
    """The name of the entry without tests."""
    return f"{KNOWN_PREFIX}{name}"


def _tested_parameters(
    function: ast.FunctionDef, inside: Sequence[ast.AST], structs: dict[str, StructFacts], guessing: bool
) -> tuple[list[tuple[ast.arg, tuple[str, ...]]], bool]:
    """The parameters whose types an annotation tells, or a guess, with the types to test for; was there a guess?

    ``inside`` are the nodes of the body.
    """
    args = function.args
    if args.vararg or args.kwarg or args.kwonlyargs or args.posonlyargs:
        return [], False
    guides: dict[str, str] = getattr(function, "dana_guides", {})
    guessed = guesses(function, inside, structs) if guessing and len(guides) < len(args.args) else {}
    found: list[tuple[ast.arg, tuple[str, ...]]] = []
    has_guess = False
    for arg in args.args:
        if arg.arg in guides:
            name = TESTED.get(guides[arg.arg], guides[arg.arg])
            names: tuple[str, ...] = (name,) if name in TESTED.values() or name in structs else ()
        else:
            names = guessed.get(arg.arg, ())
            has_guess = has_guess or bool(names)
        if names and all(name.startswith("_") or structs[name].line < function.lineno for name in names):
            found.append((arg, names))
    return found, has_guess


def type_test_of(at: ast.AST, variable: str, names: Sequence[str]) -> ast.expr:
    """A test that is true where the variable has one of the types, in the form that the inference reads."""
    if len(names) == 1:
        return type_test(load(at, variable), names[0])
    others: list[ast.expr] = [type_test(load(at, variable), name, negate=True) for name in names]
    return ast.UnaryOp(op=ast.Not(), operand=ast.BoolOp(op=ast.And(), values=others, **place(at)), **place(at))


def _test_of(arg: ast.arg, names: Sequence[str]) -> list[ast.expr]:
    tests: list[ast.expr] = [type_test(load(arg, arg.arg), name, negate=True) for name in names]
    return [ast.BoolOp(op=ast.And(), values=tests, **place(arg))] if len(tests) > 1 else tests


def general_version(function: ast.FunctionDef, taken: set[str]) -> ast.FunctionDef:
    """The copy for which nothing is known. Its code object keeps the function's name for tracebacks."""
    copy = clone(function, origin=False)
    copy.decorator_list = []
    copy.args.defaults = []
    copy.name = _general_name(function.name, taken)
    copy.dana_shown = getattr(function, "dana_shown", function.name)  # type: ignore[attr-defined]
    copy.dana_compact = True  # type: ignore[attr-defined]
    return copy


def add_head(
    function: ast.FunctionDef, inside: Sequence[ast.AST], tests: Sequence[ast.expr], general: str
) -> None:
    """``if tests fail: return general(…)`` at the head; a parameter that the body assigns gets a name of
    its own behind it, since a variable has one type for the whole function."""
    first = function.body[0]
    args = [load(arg, arg.arg) for arg in function.args.args]
    call = ast.Call(func=load(first, general), args=list(args), keywords=[], **place(first))
    test = tests[0] if len(tests) == 1 else ast.BoolOp(op=ast.Or(), values=list(tests), **place(first))
    head: list[ast.stmt] = [ast.If(test=test, body=[ast.Return(value=call, **place(first))], orelse=[], **place(first))]
    renamed = {name: f"dana_q_{name}" for name in _assigned(inside) & {arg.arg for arg in function.args.args}}
    for old, new in sorted(renamed.items()):
        target = ast.Name(id=new, ctx=ast.Store(), **place(first))
        head.append(ast.Assign(targets=[target], value=load(first, old), **place(first)))
    for node in inside if renamed else ():
        if type(node) is ast.Name and node.id in renamed:
            node.id = renamed[node.id]
    function.dana_head = head[0]  # type: ignore[attr-defined]
    doc = function.body[:1] if _is_docstring(first) else []
    function.body = [*doc, *head, *function.body[len(doc) :]]


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and type(statement.value.value) is str
    )


def _assigned(inside: Sequence[ast.AST]) -> set[str]:
    """Names that the body assigns, unless a lambda or comprehension has a variable of that name itself."""
    stored: set[str] = set()
    shadowed: set[str] = set()
    for node in inside:
        kind = type(node)
        if kind is ast.Name:
            if type(node.ctx) is not ast.Load:  # type: ignore[attr-defined]
                stored.add(node.id)  # type: ignore[attr-defined]
        elif kind is ast.arg:
            shadowed.add(node.arg)  # type: ignore[attr-defined]
        elif kind is ast.comprehension:
            shadowed.update(part.id for part in descendants(node.target) if isinstance(part, ast.Name))  # type: ignore[attr-defined]
    return stored - shadowed


def add_known_entries(tree: ast.Module, evidence: Evidence) -> None:
    """Send calls whose arguments are shown to pass the test past it, to a third entry without one."""
    fast = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and hasattr(node, "dana_general") and hasattr(node, "dana_head")
    }
    wanted: set[str] = set()
    called = evidence.found.called
    calling = [each for each in tree.body if not fast.keys().isdisjoint(called.get(id(each), ()))]
    for node in listed(calling):
        if type(node) is not ast.Call or type(node.func) is not ast.Name or node.func.id not in fast:
            continue
        if evidence.results.passes(node.func.id, node, [evidence.type_of(arg) for arg in node.args]):
            wanted.add(node.func.id)
            node.func.id = known_name(node.func.id)
    body: list[ast.stmt] = []
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name in wanted:
            body.append(_without_head(statement))
        body.append(statement)
    tree.body = body


def add_method_entries(body: list[ast.stmt], structs: dict[str, StructFacts]) -> list[ast.stmt]:
    """Make methods of a version that does not test its receiver: the class has done that.

    ``_receiver_((P,), 'area', area)`` gets ``dana_k_P_area``, a copy of the tested version without the test of the
    first parameter; the plain name goes on testing, since it can be called with anything.
    """
    fast: dict[str, ast.FunctionDef] = {}
    result: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            # Several functions of one name are methods of several structs: the newest one is meant.
            fast.pop(statement.name, None)
            if hasattr(statement, "dana_head") and hasattr(statement, "dana_general"):
                fast[statement.name] = statement
        match statement:
            case ast.Expr(
                value=ast.Call(args=[ast.Tuple(elts=[ast.Name(id=owner)]), _, ast.Name(id=name) as function])
            ):
                if owner in structs and name in fast:
                    method = _without_receiver_test(fast[name], owner)
                    if method is not None:
                        result.append(method)
                        function.id = method.name
        result.append(statement)
    return result


def _without_receiver_test(function: ast.FunctionDef, owner: str) -> ast.FunctionDef | None:
    """A copy whose head tests all parameters but the first; None if that is not tested for ``owner``."""
    head: ast.If = function.dana_head  # type: ignore[attr-defined]
    tests = head.test.values if isinstance(head.test, ast.BoolOp) and isinstance(head.test.op, ast.Or) else [head.test]
    receiver = function.args.args[0].arg
    match tests[0]:
        case ast.Compare(left=ast.Call(args=[ast.Name(id=tested)]), comparators=[ast.Name(id=wanted)]):
            if tested != receiver or wanted != owner:
                return None
        case _:
            return None
    copy = clone(function)
    copy.name = known_name(f"{owner}_{function.name}")
    copy.dana_shown = getattr(function, "dana_shown", function.name)  # type: ignore[attr-defined]
    copy.dana_source = function  # type: ignore[attr-defined]
    copy.decorator_list = []
    copy.body = []
    for statement in function.body:
        if statement is not head:
            copy.body.append(clone(statement))
        elif len(tests) > 1:
            rest = [clone(test) for test in tests[1:]]
            test = rest[0] if len(rest) == 1 else ast.BoolOp(op=ast.Or(), values=rest, **place(head))
            copy.body.append(ast.If(test=test, body=[clone(part) for part in head.body], orelse=[], **place(head)))
    return copy


def _without_head(function: ast.FunctionDef) -> ast.FunctionDef:
    """The third entry: its nodes lead to those of the tested version, whose types hold here too."""
    copy = clone(function)
    copy.name = known_name(function.name)
    copy.dana_shown = getattr(function, "dana_shown", function.name)  # type: ignore[attr-defined]
    copy.dana_source = function  # type: ignore[attr-defined]
    copy.decorator_list = []
    copy.args.defaults = []
    head = function.dana_head  # type: ignore[attr-defined]
    copy.body = [clone(statement) for statement in function.body if statement is not head]
    return copy
