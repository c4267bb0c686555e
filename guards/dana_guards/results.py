"""What functions give back, for the evidence.

In: the functions that a module binds once, and the types of their ``return`` statements. Out: the type of a call.

A function may begin with a test of its parameters, ``if _type_(n) is not _int_: return …``. Then it has two results:
one for calls whose arguments are shown to pass the test, and one for all calls. Nothing is believed about arguments
that is not shown at the call itself, and a function that could be another one at run time is not looked at.

A function that the module only ever calls, by its own name, gets exactly the arguments of those calls: the types of
its parameters are their join. Only names of the compiler (``dana_k_…``) are taken so, since no program can spell them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import NamedTuple

from dana_guards.lattice import ANY, NOTHING, STRUCT, Type, join
from dana_guards.scopes import Collected
from dana_guards.type_hooks import TYPE_HOOKS

KNOWN_PREFIX = "dana_k_"
_MAX_CHANGES = 6


class Results:
    """Types that the ``return`` statements of one function give: behind its head, and in all."""

    def __init__(self, node: ast.AST) -> None:
        head = head_of(node)
        self._refusal = None if head is None else head.body[0]
        self.passing = NOTHING
        self.all = NOTHING

    def add(self, node: ast.Return | None, kind: Type) -> None:
        """A ``return``, or the end of the body (None)."""
        kind = kind.plain()
        self.all = join(self.all, kind)
        if node is None or node is not self._refusal:
            self.passing = join(self.passing, kind)


class Demand(NamedTuple):
    """What the head asks of one parameter: its position, and the types or the struct class that pass."""

    position: int
    flags: int
    struct: str | None

    def is_met(self, kind: Type) -> bool:
        """Whether an argument of this type surely passes."""
        if self.struct is not None:
            return kind.is_only(STRUCT) and kind.struct == self.struct
        return kind.is_only(self.flags)


def head_of(node: ast.AST) -> ast.If | None:
    """``if tests: return …`` at the head of a function, behind a docstring, or None."""
    if not isinstance(node, ast.FunctionDef):
        return None
    first, *rest = node.body
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        # Nothing else may stand there: it could bind a parameter before the test.
        first = rest[0] if rest else first
    if not isinstance(first, ast.If) or first.orelse or len(first.body) != 1:
        return None
    return first if isinstance(first.body[0], ast.Return) else None


def demands_of(node: ast.FunctionDef) -> list[Demand] | None:
    """What the head of a function asks; None if it has none that is understood."""
    head = head_of(node)
    if head is None or node.args.posonlyargs:
        return None
    positions = {each.arg: index for index, each in enumerate(node.args.args)}
    tests = head.test.values if isinstance(head.test, ast.BoolOp) and isinstance(head.test.op, ast.Or) else [head.test]
    demands = [_demand(test, positions) for test in tests]
    found = [each for each in demands if each is not None]
    return found if len(found) == len(demands) else None


def _demand(test: ast.expr, positions: dict[str, int]) -> Demand | None:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        parts = [_demand(each, positions) for each in test.values]
        indexes = {each.position for each in parts if each is not None and each.struct is None}
        if None in parts or len(indexes) != 1 or any(each is not None and each.struct for each in parts):
            return None
        flags = 0
        for each in parts:
            flags |= each.flags if each is not None else 0
        return Demand(indexes.pop(), flags, None)
    match test:
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="_type_"), args=[ast.Name(id=name)]),
            ops=[ast.IsNot()],
            comparators=[ast.Name(id=wanted)],
        ) if name in positions:
            if wanted in TYPE_HOOKS:
                return Demand(positions[name], TYPE_HOOKS[wanted], None)
            return None if wanted.startswith("_") else Demand(positions[name], STRUCT, wanted)
    return None


class FunctionResults:
    """The results of the functions of one module, growing until they settle."""

    def __init__(self) -> None:
        self._functions: dict[str, tuple[ast.FunctionDef, list[Demand] | None]] = {}
        self._found: dict[str, tuple[Type, Type]] = {}
        self._parameters: dict[str, list[Type]] = {}
        self.grown: dict[int, ast.AST] = {}
        """Functions whose parameters have got new types: they have to be walked again."""
        self._changes: dict[str, int] = {}
        self.callers: dict[str, dict[int, ast.AST]] = {}

    def know(self, name: str, node: ast.FunctionDef, is_struct_class: Callable[[str], bool]) -> None:
        """A function that is bound once, without decorators; `is_struct_class` tells what a name means inside it."""
        demands = demands_of(node)
        if demands is not None and any(each.struct and not is_struct_class(each.struct) for each in demands):
            demands = None
        self._functions[name] = (node, demands)
        self._found[name] = (NOTHING, NOTHING)

    def of_call(self, name: str, call: ast.Call, arguments: Sequence[Type], caller: ast.AST) -> Type:
        """Type of a call of the function `name`."""
        known = self._functions.get(name)
        if known is None:
            return ANY
        self.callers.setdefault(name, {})[id(caller)] = caller
        if name in self._parameters:
            self._pass(name, call, arguments)
        passing, every = self._found[name]
        if any(not each.flags for each in arguments) and known[1] is not None:
            return NOTHING
        return passing if self.passes(name, call, arguments) else every

    def passes(self, name: str, call: ast.Call, arguments: Sequence[Type]) -> bool:
        """Whether the arguments of a call are shown to pass the test at the head of the function `name`."""
        node, demands = self._functions.get(name, (None, None))
        if node is None or demands is None or not is_plain(call) or len(arguments) != len(node.args.args):
            return False
        return all(each.is_met(arguments[each.position]) for each in demands)

    def _pass(self, name: str, call: ast.Call, arguments: Sequence[Type]) -> None:
        """Arguments reach the parameters of a function that is only called."""
        node = self._functions[name][0]
        count = len(node.args.args)
        given = list(arguments) if is_plain(call) and len(arguments) == count else [ANY] * count
        before = self._parameters[name]
        after = [join(one, other.plain()) for one, other in zip(before, given, strict=True)]
        if after != before:
            self._changes[name] = self._changes.get(name, 0) + 1
            self._parameters[name] = after if self._changes[name] <= _MAX_CHANGES else [ANY] * count
            self.grown[id(node)] = node

    def parameters_of(self, node: ast.AST) -> list[Type] | None:
        """Types of the parameters of a function that is only called; None for any other."""
        if not isinstance(node, ast.FunctionDef) or self._functions.get(node.name, (None,))[0] is not node:
            return None
        return self._parameters.get(node.name)

    def only_called(self, found: Collected, is_struct_class: Callable[[str], bool]) -> None:
        """Find the functions of the compiler that the module does nothing with but call them, or make them a method.

        A method gets an instance of its class as first argument, whoever calls it, because a class shows its
        methods to nobody; its other arguments can be anything.
        """
        names = {name for name in self._functions if name.startswith(KNOWN_PREFIX)} - found.escaped
        if not names:
            return
        owners: dict[str, list[str]] = {}
        for owner, function in found.receivers:
            if is_struct_class(owner):
                owners.setdefault(function, []).append(owner)
            else:
                names.discard(function)
        for name in names:
            self._follow(name, owners.get(name, []))

    def _follow(self, name: str, owners: list[str]) -> None:
        args = self._functions[name][0].args
        if args.vararg or args.kwarg or args.kwonlyargs or args.posonlyargs or (args.defaults and not owners):
            return
        parameters = [NOTHING] * len(args.args)
        for owner in owners:
            given = [Type(STRUCT, None, owner), *[ANY] * (len(parameters) - 1)]
            parameters = [join(one, other) for one, other in zip(parameters, given, strict=False)]
        self._parameters[name] = parameters

    def settle(self, node: ast.AST, results: Results) -> list[ast.AST]:
        """Note what a walk found; the functions that have to be walked again."""
        if not isinstance(node, ast.FunctionDef) or self._functions.get(node.name, (None,))[0] is not node:
            return []
        before = self._found[node.name]
        after = (join(before[0], results.passing), join(before[1], results.all))
        if after == before:
            return []
        self._changes[node.name] = self._changes.get(node.name, 0) + 1
        if self._changes[node.name] > _MAX_CHANGES:
            after = (ANY, ANY)
        self._found[node.name] = after
        return list(self.callers.get(node.name, {}).values())


def is_plain(call: ast.Call) -> bool:
    """Whether a call has positional arguments only."""
    if call.keywords:
        return False
    for each in call.args:  # noqa: SIM110  (a generator costs more than the few arguments of a call)
        if isinstance(each, ast.Starred):
            return False
    return True


def call_order(tree: ast.AST, found: Collected) -> dict[int, int]:
    """Position of each function of a module, by ``id``: those that it calls come before it, as far as that can be."""
    functions = {each.name: each for each in getattr(tree, "body", ()) if isinstance(each, ast.FunctionDef)}
    calls = {name: [n for n in found.called[id(node)] if n in functions] for name, node in functions.items()}
    order: dict[int, int] = {id(tree): 0}
    seen: set[str] = set()
    for name in functions:
        # Depth first, with a stack of our own: a chain of calls may be as long as the module.
        stack = [(name, iter(calls[name]))] if name not in seen else []
        seen.add(name)
        while stack:
            current, rest = stack[-1]
            following = next((each for each in rest if each not in seen), None)
            if following is None:
                stack.pop()
                order[id(functions[current])] = len(order)
            else:
                seen.add(following)
                stack.append((following, iter(calls[following])))
    return order
