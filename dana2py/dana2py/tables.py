"""Parser tables: lark's LALR analysis of ``grammar.lark``, written down as plain JSON.

In: the grammar, through lark. Out: ``grammar.json``, which the parser loads in a few milliseconds,
so a compilation needs neither lark's grammar reader (which alone costs more than most programs) nor
a pickle. States and rules are numbered in an order that depends on the grammar only, so the same
grammar gives the same bytes. ``python -m dana2py.tables`` writes the file again; a test compares.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

GRAMMAR = "grammar.lark"
TABLES = "grammar.json"


class Rule(NamedTuple):
    """One alternative of the grammar.

    ``method`` names the tree builder's method, or is empty where the only child is the value;
    ``holes`` are the places where an absent ``[part]`` becomes None.
    """

    origin: str
    size: int
    method: str
    holes: tuple[int, ...]


class Tables(NamedTuple):
    """What the parser needs.

    ``actions[state]`` maps a terminal to a state to shift to (0 or more), or to ``-1 - rule``;
    ``gotos[state]`` maps the origin of a rule to the next state. ``end`` is the accepting state.
    """

    rules: list[Rule]
    actions: list[dict[str, int]]
    gotos: list[dict[str, int]]
    start: int
    end: int


def load() -> Tables:
    """The tables that were shipped with the package."""
    text = resources.files(__package__).joinpath(TABLES).read_text("utf-8")
    return from_data(json.loads(text))


def from_data(data: dict[str, Any]) -> Tables:
    """Tables from what `to_data` wrote."""
    terminals, origins = data["terminals"], data["origins"]
    rules = [Rule(origins[origin], size, method, tuple(holes)) for origin, size, method, holes in data["rules"]]
    rows = [{terminals[key]: value for key, value in zip(*row, strict=True)} for row in data["rows"]]
    gotos = [{origins[key]: value for key, value in zip(*row, strict=True)} for row in data["gotos"]]
    return Tables(rules, [rows[row] for row in data["actions"]], gotos, data["start"], data["end"])


def generate() -> str:
    """The text of ``grammar.json`` for the grammar as it is now (imports lark)."""
    data = to_data(analyse(resources.files(__package__).joinpath(GRAMMAR).read_text("utf-8")))
    lines = ",\n".join(f'"{key}":{json.dumps(value, separators=(",", ":"))}' for key, value in data.items())
    return f"{{\n{lines}\n}}\n"


def analyse(grammar: str, debug: bool = False) -> Any:
    """lark's parse table of a grammar; reduce/reduce conflicts are errors.

    Parameters
    ----------
    debug : let lark log the shift/reduce conflicts that it resolves; states are then no numbers.
    """
    from lark import Lark
    from lark.lexer import Lexer

    class NoLexer(Lexer):
        """Our lexer makes the tokens; lark only needs to know that it builds none."""

        def __init__(self, _conf: Any) -> None:
            pass

        def lex(self, lexer_state: Any, parser_state: Any) -> Any:
            raise NotImplementedError("the tables are not for lark's own loop")

    parser = Lark(
        grammar,
        parser="lalr",
        lexer=NoLexer,
        debug=debug,
        start="module",
        keep_all_tokens=True,
        maybe_placeholders=True,
    )
    return parser.parser.parser._parse_table


def to_data(table: Any) -> dict[str, Any]:
    """lark's parse table in our numbering: states in breadth-first order, everything else sorted."""
    order = _state_order(table)
    rules = sorted(
        {action[1] for row in table.states.values() for action in row.values() if not _is_state(action[1])},
        key=_rule_key,
    )
    number = {id(rule): index for index, rule in enumerate(rules)}
    by_value = {rule: number[id(rule)] for rule in rules}
    names = {rule.origin.name for rule in rules}
    terminals = sorted({key for row in table.states.values() for key in row} - names)
    origins = sorted(names)
    actions, gotos = [], []
    for state in order:
        row = sorted(table.states[state].items())
        actions.append([(terminals.index(k), _code(v, order, by_value)) for k, v in row if k not in names])
        gotos.append(_columns([(origins.index(k), order[v[1]]) for k, v in row if k in names]))
    rows = [list(row) for row in dict.fromkeys(map(tuple, actions))]
    places = {tuple(row): index for index, row in enumerate(rows)}
    return {
        "terminals": terminals,
        "origins": origins,
        "rules": [[origins.index(r.origin.name), len(r.expansion), _method(r), _holes(r)] for r in rules],
        "rows": [_columns(row) for row in rows],
        "actions": [places[tuple(row)] for row in actions],
        "gotos": gotos,
        "start": order[table.start_states["module"]],
        "end": order[table.end_states["module"]],
    }


def _is_state(argument: Any) -> bool:
    return isinstance(argument, int)


def _state_order(table: Any) -> dict[int, int]:
    """New number of each state: breadth first from the start, symbols in alphabetical order."""
    start = table.start_states["module"]
    order = {start: 0}
    queue = [start]
    for state in queue:
        for _, (_, target) in sorted(table.states[state].items(), key=lambda item: item[0]):
            if _is_state(target) and target not in order:
                order[target] = len(order)
                queue.append(target)
    return order


def _rule_key(rule: Any) -> tuple[str, tuple[str, ...]]:
    return rule.origin.name, tuple(symbol.name for symbol in rule.expansion)


def _code(action: tuple[Any, Any], order: dict[int, int], rules: dict[Any, int]) -> int:
    target = action[1]
    return order[target] if _is_state(target) else -1 - rules[target]


def _columns(pairs: list[tuple[int, int]]) -> list[list[int]]:
    return [[key for key, _ in pairs], [value for _, value in pairs]]


def _method(rule: Any) -> str:
    """The builder's method for a rule; empty where lark would inline the only child."""
    if rule.alias:
        return str(rule.alias)
    if rule.options.expand1 and len(rule.expansion) == 1:
        return ""
    return str(rule.origin.name).partition("{")[0]


def _holes(rule: Any) -> list[int]:
    """Where the absent optional parts of this alternative stand, as indexes into the full list."""
    return [index for index, empty in enumerate(rule.options.empty_indices) if empty]


def main() -> None:
    """Write the tables beside the grammar."""
    path = Path(__file__).with_name(TABLES)
    path.write_text(generate(), "utf-8")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
