"""Parser: a `Source` in, a `nodes.Module` out, or a `DanaSyntaxError` that says what was expected.

The tables are lark's LALR(1) tables of ``grammar.lark`` (`dana2py.tables`); the loop over them is
ours, because it can pass over the thirteen levels of operator precedence in one step: a reduction
whose only child is its value changes nothing but the state, so the state after a run of them is
remembered. Nodes are made while parsing; there is no parse tree and no second pass.

All state of a parse is local to the call; the tables are shared and only grow by remembered steps
that every thread would compute alike. Nothing recurses.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from dana2py import nodes, tables
from dana2py.expectations import explain
from dana2py.fresh_stack import on_fresh_stack
from dana2py.lexer import POLL, Lexer
from dana2py.recovery import resume
from dana2py.source import Source
from dana2py.tree_builder import TreeBuilder
from dana_guards.errors import DanaSyntaxError, IncompleteInput, InternalError
from dana_guards.watchdog import look_for_stop

#: Errors that one parse reports.
MAX_ERRORS = 20
#: With how many tokens before an error of the lexer the text before it is parsed as well.
MAX_TOKENS_BEFORE = 100_000
#: How deep one expression may be, a chain of operators or attributes counted once.
MAX_DEPTH = 200
#: Nodes between two brackets when every level of precedence is used once.
LEVELS = 15


class Automaton:
    """The parser tables with the remembered steps over single-child rules."""

    def __init__(self, table: tables.Tables) -> None:
        self.rules = table.rules
        self.actions = table.actions
        self.gotos = table.gotos
        self.start = table.start
        self.end = table.end
        self.steps: dict[tuple[int, str, str], int] = {}
        # For each rule: whether its only child is all, its size, method, origin and holes. The method
        # is Any because only a rule of a single child may have none.
        self.reductions: list[tuple[bool, int, Any, str, tuple[int, ...]]] = [
            (rule.size == 1 and not rule.holes, rule.size, _method(rule), rule.origin, rule.holes)
            for rule in table.rules
        ]

    def step(self, state: int, origin: str, kind: str) -> int:
        """The state in which the terminal ``kind`` is met after ``origin`` was built in ``state``."""
        goto = self.gotos[state]
        target = goto[origin]
        while True:
            action = self.actions[target].get(kind)
            if action is None or action >= 0:
                break
            rule = self.rules[-1 - action]
            if rule.method or rule.size != 1:
                break
            target = goto[rule.origin]
        self.steps[state, origin, kind] = target
        return target


def _method(rule: tables.Rule) -> Any:
    return getattr(TreeBuilder, rule.method) if rule.method else None


@cache
def automaton() -> Automaton:
    """The automaton of the shipped tables, loaded once for each process."""
    return Automaton(tables.load())


def parse(source: Source) -> nodes.Module:
    """Parse a source.

    Raises
    ------
    DanaSyntaxError : the text is not a Dana program (sections 1 to 9 of the language reference);
        ``others`` holds the further errors of the same text, at most `MAX_ERRORS` in all.
    IncompleteInput : the text ends in the middle of something; more lines could complete it.
    """
    try:
        return _parse(source)
    except RecursionError:
        # Nothing here recurses, so the host has used up its stack: a thread has one of its own.
        return on_fresh_stack(lambda: _parse(source))


def _parse(source: Source) -> nodes.Module:
    lexer = Lexer(source)
    try:
        lexer.run()
    except DanaSyntaxError as error:
        raise _with_errors_before(error, lexer) from None
    run = Run(automaton(), lexer)
    module, errors = run.with_recovery()
    errors += lexer.reserved_names(MAX_ERRORS)
    if errors or module is None:
        raise _joined(errors)
    check_depth(module, source, lexer.deepest, run.builder.longest)
    return module


def _with_errors_before(error: DanaSyntaxError, lexer: Lexer) -> DanaSyntaxError:
    """The lexer's error, after those of the statements before it."""
    tokens = lexer.tokens_before(error)
    if not 1 < len(tokens) < MAX_TOKENS_BEFORE:
        return error
    lexer.tokens = tokens
    _, errors = Run(automaton(), lexer).with_recovery()
    # That the text ends is not its own fault here.
    whole = [one for one in errors if not isinstance(one, IncompleteInput)]
    return _joined([*whole, *lexer.reserved_names(MAX_ERRORS), error])


def _joined(errors: list[DanaSyntaxError]) -> DanaSyntaxError:
    """The first error with the others in it, in source order; that the text ends too early comes last."""
    errors.sort(key=lambda error: (isinstance(error, IncompleteInput), error.lineno or 0, error.column or 0))
    first, *others = errors[:MAX_ERRORS]
    first.others = tuple(others)
    return first


class Run:
    """One parse: the stacks of the LALR loop, which a recovery can cut back."""

    def __init__(self, machine: Automaton, lexer: Lexer) -> None:
        self.machine = machine
        self.tokens = lexer.tokens
        self.source = lexer.source
        self.builder = TreeBuilder(lexer.source, lexer.comments, lexer.strict)
        self.states = [machine.start]
        self.values: list[Any] = []
        self.index = 0

    def with_recovery(self) -> tuple[nodes.Module | None, list[DanaSyntaxError]]:
        """The module and no errors, or the errors of the whole text."""
        errors: list[DanaSyntaxError] = []
        while True:
            try:
                module = self.to_the_end()
            except DanaSyntaxError as error:
                errors.append(error)
                if len(errors) == MAX_ERRORS or isinstance(error, IncompleteInput) or not self.recover():
                    return None, errors
            else:
                return (None if errors else module), errors

    def to_the_end(self) -> nodes.Module:
        """Shift tokens and reduce by rules until the whole text is one module.

        Raises
        ------
        DanaSyntaxError : a token fits nowhere, or the builder refuses what it is part of.
        """
        machine, builder, tokens, states, values = self.machine, self.builder, self.tokens, self.states, self.values
        actions, steps, step, reductions = machine.actions, machine.steps, machine.step, machine.reductions
        state = states[-1]
        index = first = self.index
        try:
            for index in range(first, len(tokens)):
                if not index & POLL:
                    look_for_stop()
                token = tokens[index]
                kind = token[0]
                while True:
                    action = actions[state].get(kind)
                    if action is None:
                        return self.accept(index)
                    if action >= 0:
                        state = action
                        states.append(state)
                        values.append(token)
                        break
                    single, size, method, origin, holes = reductions[-1 - action]
                    if single:
                        if method is not None:
                            values[-1] = method(builder, [values[-1]])
                        state = states[-2]
                        state = steps.get((state, origin, kind)) or step(state, origin, kind)
                        states[-1] = state
                        continue
                    if size:
                        children = values[-size:]
                        del values[-size:], states[-size:]
                    else:
                        children = []
                    for hole in holes:
                        children.insert(hole, None)
                    value = method(builder, children)
                    state = states[-1]
                    state = steps.get((state, origin, kind)) or step(state, origin, kind)
                    values.append(value)
                    states.append(state)
        except DanaSyntaxError:
            self.index = index
            raise
        raise InternalError("the tokens ended without $END")

    def accept(self, index: int) -> nodes.Module:
        """The finished module, or the error for a token without an action."""
        if self.states[-1] == self.machine.end:
            module = self.values[0]
            assert isinstance(module, nodes.Module)
            return module
        raise explain(self.machine, self.states, self.tokens, index, self.source)

    def recover(self) -> bool:
        """Make ready to go on after an error; False when nothing is left."""
        self.index = resume(self.machine, self.states, self.values, self.tokens, self.index)
        return self.index < len(self.tokens) - 1


#: Nodes that hold each other down one side; a chain of them is as deep as one node, because later
#: passes walk it in a loop and the tree builder has limited its length.
_SPINES = {
    nodes.BinOp: ("left", "right"),
    nodes.Attribute: ("value",),
    nodes.Call: ("func",),
    nodes.Index: ("value",),
    nodes.UnaryOp: ("operand",),
    nodes.Conditional: ("orelse",),
}
_TRAILERS = (nodes.Attribute, nodes.Call, nodes.Index)


def check_depth(module: nodes.Module, source: Source, nesting: int, chain: int) -> None:
    """Refuse expressions that are too deep for the passes behind, which recurse over them.

    Parameters
    ----------
    nesting, chain : the deepest bracket and the longest chain of the source; together they bound the
        depth, so that an ordinary program is not walked at all.
    """
    if (nesting + 1) * (LEVELS + chain) <= MAX_DEPTH:
        return
    pending: list[tuple[Any, int]] = [(module, 0)]
    while pending:
        node, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise source.error(
                f"an expression is more than {MAX_DEPTH} deep",
                node.span.line,
                node.span.column,
                "give the inner parts names of their own",
            )
        spine = _SPINES.get(type(node), ())
        for name in node.__match_args__:
            child = getattr(node, name)
            if isinstance(child, nodes.Node):
                same = name in spine and _continues(node, child)
                pending.append((child, depth if same else depth + 1))
            elif type(child) is tuple:  # not a Span, which has a type of its own
                _push_all(child, 0 if isinstance(node, nodes.Stmt | nodes.Module) else depth + 1, pending)


def _continues(node: nodes.Node, child: nodes.Node) -> bool:
    if isinstance(node, _TRAILERS):
        return isinstance(child, _TRAILERS)
    return type(node) is type(child)


def _push_all(items: tuple[Any, ...], depth: int, pending: list[tuple[Any, int]]) -> None:
    """Note the nodes of a tuple, which may hold tuples itself (pairs of a dict)."""
    for item in items:
        if isinstance(item, nodes.Node):
            pending.append((item, depth))
        elif type(item) is tuple:
            _push_all(item, depth, pending)
