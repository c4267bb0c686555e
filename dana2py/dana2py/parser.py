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
from dana2py.lexer import Token, tokenize
from dana2py.source import Source
from dana2py.tree_builder import TreeBuilder
from dana_guards.errors import DanaSyntaxError, IncompleteInput, InternalError


class Automaton:
    """The parser tables with the remembered steps over single-child rules."""

    def __init__(self, table: tables.Tables) -> None:
        self.rules = table.rules
        self.actions = table.actions
        self.gotos = table.gotos
        self.start = table.start
        self.end = table.end
        self.steps: dict[tuple[int, str, str], int] = {}

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


@cache
def automaton() -> Automaton:
    """The automaton of the shipped tables, loaded once for each process."""
    return Automaton(tables.load())


def parse(source: Source) -> nodes.Module:
    """Parse a source.

    Raises
    ------
    DanaSyntaxError : the text is not a Dana program (sections 1 to 9 of the language reference).
    IncompleteInput : the text ends in the middle of something; more lines could complete it.
    """
    lexer = tokenize(source)
    builder = TreeBuilder(source, lexer.comments, lexer.strict)
    machine = automaton()
    try:
        module = _run(machine, lexer.tokens, builder)
    except _Unexpected as found:
        raise _explain(machine, found, source) from None
    if not isinstance(module, nodes.Module):
        raise InternalError("the parser ended without a module")
    return module


class _Unexpected(Exception):
    """The loop met a token that has no action; holds what is needed to explain it."""

    def __init__(self, tokens: list[Token], index: int, states: list[int]) -> None:
        super().__init__()
        self.tokens = tokens
        self.index = index
        self.states = states


def _run(machine: Automaton, tokens: list[Token], builder: TreeBuilder) -> Any:
    """The LALR loop: shift a token or reduce by a rule until the whole text is one module."""
    actions, steps, step = machine.actions, machine.steps, machine.step
    bound = {rule.method: getattr(builder, rule.method) for rule in machine.rules if rule.method}
    rules = [(rule.size, bound.get(rule.method), rule.origin, rule.holes) for rule in machine.rules]
    state, end = machine.start, machine.end
    states: list[int] = [state]
    values: list[Any] = []
    for index, token in enumerate(tokens):
        kind = token[0]
        while True:
            action = actions[state].get(kind)
            if action is None:
                if state == end:
                    return values[0]
                raise _Unexpected(tokens, index, states)
            if action >= 0:
                state = action
                states.append(state)
                values.append(token)
                break
            size, method, origin, holes = rules[-1 - action]
            if size:
                children = values[-size:]
                del values[-size:], states[-size:]
            else:
                children = []
            for hole in holes:
                children.insert(hole, None)
            values.append(children[0] if method is None else method(children))
            state = states[-1]
            state = steps.get((state, origin, kind)) or step(state, origin, kind)
            states.append(state)
    raise InternalError("the tokens ended without $END")


def _explain(machine: Automaton, found: _Unexpected, source: Source) -> DanaSyntaxError:
    token = found.tokens[found.index]
    kind = IncompleteInput if token.kind == "$END" else DanaSyntaxError
    expected = sorted(machine.actions[found.states[-1]])
    return source.error(
        f"unexpected {token.value!r}", token.span.line, token.span.column, f"expected {', '.join(expected)}", kind
    )
