"""Programs made from the grammar itself, so that no form of the language is left out.

In: ``grammar.lark`` and a source of randomness. Out: text. A statement is derived from the grammar's rules, one
random alternative after the other until the budget is spent and the shortest way out is taken; names come from pools
that the program defines or that an attacker would try. A statement that the compiler refuses is thrown away (an
assignment to a literal, a `break` on its own), so that what is left gets as far as the policy and the run.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from dana2py.compiler import check_source
from dana2py.tables import GRAMMAR, analyse
from dana_guards.errors import DanaSyntaxError

STATEMENTS = 8
"""How many statements a program has at most."""
BUDGET = 7
"""How often a derivation may branch, one within the other, before it takes the shortest way out."""
LADDER = 0.87
"""How often an operand is no operation of the next higher precedence: most of the grammar is that ladder."""


class Alternative(NamedTuple):
    """One alternative of a rule: what the grammar calls it, and what it is made of."""

    name: str
    symbols: tuple[str, ...]


class Grammar(NamedTuple):
    """The rules by name, how deep each symbol is at least, and the text of the tokens that have one."""

    rules: Mapping[str, Sequence[Alternative]]
    depth: Mapping[str, int]
    texts: Mapping[str, str]


@cache
def grammar() -> Grammar:
    """The grammar of the compiler, as a generator needs it."""
    text = resources.files("dana2py").joinpath(GRAMMAR).read_text("utf-8")
    rules: dict[str, list[Alternative]] = {}
    for rule in sorted(_rules(analyse(text)), key=lambda rule: (len(rule.expansion), str(rule))):
        symbols = tuple(symbol.name for symbol in rule.expansion)
        rules.setdefault(str(rule.origin.name), []).append(Alternative(str(rule.alias or rule.origin.name), symbols))
    return Grammar(rules, _depths(rules), dict(re.findall(r'^([A-Z_]+): "(.+)"$', text, re.MULTILINE)))


def _rules(table: Any) -> set[Any]:
    """The rules that lark reduces by."""
    actions = (action for row in table.states.values() for action in row.values())
    return {argument for _, argument in actions if not isinstance(argument, int)}


def _depths(rules: Mapping[str, Sequence[Alternative]]) -> dict[str, int]:
    """How many derivations each rule needs at least; tokens need none."""
    depth: dict[str, int] = {}
    while len(depth) < len(rules):
        before = dict(depth)
        for name, alternatives in rules.items():
            known = [_depth(one, before, rules) for one in alternatives]
            least = min((deep for deep in known if deep is not None), default=None)
            if name not in depth and least is not None:
                depth[name] = least
        assert depth != before, "a rule of the grammar derives nothing"
    return depth


def _depth(one: Alternative, depth: Mapping[str, int], rules: Mapping[str, Any]) -> int | None:
    """The depth of an alternative, or None while a part's is not known."""
    parts = [depth.get(symbol) if symbol in rules else 0 for symbol in one.symbols]
    step = len(one.symbols) > 1  # one symbol alone is only a step on the ladder of precedences
    return None if None in parts else step + max((part for part in parts if part is not None), default=0)


class GrammarMaker:
    """Makes statements.

    Parameters
    ----------
    source : the randomness.
    pools : what a NAME may be, by the rule or alternative that it stands in; ``""`` is for all others. STRING, NUMBER
        and FSTRING_TEXT are pools as well.
    """

    def __init__(self, source: random.Random, pools: Mapping[str, Sequence[str]]) -> None:
        self.random = source
        self.pools = pools
        self.grammar = grammar()

    def statement(self) -> str:
        """One statement with its line ends."""
        return _layout(self.derive(self.random.choice(("statement", "line", "line")), BUDGET))

    def derive(self, symbol: str, budget: int) -> list[tuple[str, str]]:
        """The tokens of a derivation, each with its text."""
        chosen = self.choose(symbol, budget)
        tokens: list[tuple[str, str]] = []
        for place, part in enumerate(chosen.symbols):
            if part in self.grammar.rules:
                left = budget - (len(chosen.symbols) > 1)
                tokens += self.target(left) if (symbol, chosen.name, place) in _TARGETS else self.derive(part, left)
            else:
                tokens.append((part, self.token(part, chosen.name)))
        return tokens

    def choose(self, symbol: str, budget: int) -> Alternative:
        """One alternative of a rule."""
        alternatives = self.grammar.rules[symbol]
        if budget <= 0:
            depths = [_depth(one, self.grammar.depth, self.grammar.rules) for one in alternatives]
            least = min(deep for deep in depths if deep is not None)
            alternatives = [one for one, deep in zip(alternatives, depths, strict=True) if deep == least]
        elif symbol != "primary" and len(alternatives) < 6 and self.random.random() < LADDER:
            alternatives = [one for one in alternatives if len(one.symbols) == 1] or alternatives
        return self.random.choices(alternatives, [_WEIGHTS.get(one.name, 1.0) for one in alternatives])[0]

    def target(self, budget: int) -> list[tuple[str, str]]:
        """What can be assigned to: any expression may stand there by the grammar, few are accepted."""
        name = [("NAME", self.token("NAME", ""))]
        if self.random.random() < 0.6:
            return name
        if self.random.random() < 0.5:
            return [*name, ("DOT", "."), ("NAME", self.token("NAME", "attribute"))]
        return [*name, ("LSQB", "["), *self.derive("subscripts", budget), ("RSQB", "]")]

    def token(self, kind: str, inside: str) -> str:
        """The text of a token."""
        if kind in self.grammar.texts:
            return self.grammar.texts[kind]
        if kind in _TOKENS:
            return self.random.choice(_TOKENS[kind])
        pool = self.pools.get(inside, self.pools[""]) if kind == "NAME" else self.pools[kind]
        return self.random.choice(pool)


_TARGETS = {
    ("assign_chain", "list_pair", 0), ("assign_chain", "list_next", 2), ("simple", "typed_assign", 0),
    ("simple", "augmented_assign", 0), ("simple", "delete_stmt", 1), ("for_stmt", "for_stmt", 1),
    ("clause", "clause", 1), ("with_item", "with_item", 2),
}  # fmt: skip
"""Rule, alternative and place of what is assigned to."""
_WEIGHTS = {
    "placeholder": 0.02, "break_stmt": 0.1, "continue_stmt": 0.1, "return_stmt": 0.1, "global_stmt": 0.1,
    "nonlocal_stmt": 0.02, "export_stmt": 0.1, "pass_stmt": 0.2, "import_absolute": 0.3, "import_relative": 0.1,
    "import_stmt": 0.3, "expression_stmt": 4.0, "assign": 3.0, "name": 4.0, "trailer_chain": 0.8,
}  # fmt: skip
"""How often an alternative is taken, where others are 1: what seldom compiles or says little is rare."""
_TOKENS = {
    "NEWLINE": ["\n"], "INDENT": [""], "DEDENT": [""], "EMPTY": ["# nothing"],
    "TRUE": ["true", "True"], "FALSE": ["false"], "NONE": ["none", "null"], "SCOPE": ["private", "public", "system"],
    "FSTRING_START": ['f"'], "FSTRING_END": ['"'], "FIELD_START": ["{ "], "FIELD_DEBUG": ["="],
    "FIELD_CONVERSION": ["!r", "!s", "!a"], "FIELD_SPEC": [":"], "FIELD_END": ["}"],
    "AUGMENTED": ["+=", "-=", "*=", "/=", "//=", "%=", "|=", "&=", "^=", "<<="],
}  # fmt: skip


def _layout(tokens: list[tuple[str, str]]) -> str:
    """Tokens as text: blocks are indented, parts of f-strings stand together."""
    lines: list[str] = []
    line, indent, close = "", 0, True
    for kind, text in tokens:
        if kind == "NEWLINE":
            lines.append("    " * indent + line)
            line, close = "", True
        elif kind in ("INDENT", "DEDENT"):
            indent += 1 if kind == "INDENT" else -1
        elif kind == "EMPTY":
            lines.append("    " * (indent + 1) + text)
        else:
            joined = kind.startswith(("FSTRING", "FIELD"))
            line += text if close or (joined and kind != "FSTRING_START") else " " + text
            close = joined and kind != "FSTRING_END"
    return "\n".join([*lines, line] if line else lines) + "\n"


def grammar_program(source: random.Random, head: str, pools: Mapping[str, Sequence[str]]) -> str:
    """A program that compiles, after the head that defines its names."""
    maker = GrammarMaker(source, pools)
    program = head
    for _ in range(STATEMENTS):
        statement = maker.statement()
        inner = "".join(f"    {line}\n" for line in statement.splitlines())
        guarded = f"try:\n{inner}except Exception as e:\n    print(e)\n"
        # An error ends its statement alone; what cannot stand in a block stands as it is.
        kept = next((text for text in (guarded, statement) if _compiles(program + text)), None)
        program += kept or ""
    return program


def _compiles(text: str) -> bool:
    """Whether the names and forms of a program are accepted."""
    try:
        check_source(text, "program.na")
    except DanaSyntaxError:
        return False
    return True
