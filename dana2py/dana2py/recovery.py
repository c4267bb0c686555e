"""Recovery: where a parse goes on after an error, so that one run reports several (panic mode).

In: the states and values at the error, and the tokens. Out: the same stacks cut back to a place where
a statement may begin, and the token to go on with. The rest of the wrong line is skipped, with its
block and the clauses (``else``, ``except``) that belonged to it, so that one mistake makes one message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dana2py import nodes
from dana2py.lexer import Token

if TYPE_CHECKING:
    from dana2py.parser import Automaton

_CLAUSES = frozenset({"ELIF", "ELSE", "EXCEPT", "FINALLY"})


def resume(machine: Automaton, states: list[int], values: list[Any], tokens: list[Token], index: int) -> int:
    """Cut the stacks back and return the index of the next token, which is ``$END`` at the latest."""
    position = _skip_statement(tokens, index)
    while position < len(tokens) and tokens[position].kind in _CLAUSES:
        position = _skip_statement(tokens, position)
    blocks = 0
    while not _statement_may_begin(machine, states[-1]):
        states.pop()
        value = values.pop()
        blocks += type(value) is Token and value.kind == "INDENT"
    goto = machine.gotos[states[-1]]
    if "statements" in goto:
        # The wrong statement was the first of its block, which needs one.
        values.append([nodes.Pass(tokens[index].span)])
        states.append(goto["statements"])
    return _leave_blocks(tokens, position, blocks)


def _statement_may_begin(machine: Automaton, state: int) -> bool:
    row = machine.actions[state]
    return row.get("WHILE", -1) >= 0 and row.get("PASS", -1) >= 0


def _skip_statement(tokens: list[Token], index: int) -> int:
    """Past the end of the line, and past the block that follows it."""
    last = len(tokens) - 1
    while index < last and tokens[index].kind not in ("NEWLINE", "INDENT", "DEDENT"):
        index += 1
    if index < last and tokens[index].kind == "NEWLINE":
        index += 1
    if tokens[index].kind == "EMPTY":
        index += 1
    if tokens[index].kind == "INDENT":
        index = _leave_blocks(tokens, index + 1, 1)
    return min(index, last)


def _leave_blocks(tokens: list[Token], index: int, blocks: int) -> int:
    """Past as many DEDENTs as blocks are open, those of inner blocks not counted."""
    last = len(tokens) - 1
    while blocks and index < last:
        kind = tokens[index].kind
        blocks += (kind == "INDENT") - (kind == "DEDENT")
        index += 1
    return index
