"""``dana2py show``: what a program becomes, at each stage, readable.

In: a source. Out: text. The Python that is shown is the ast that runs, unparsed; libcst puts the comments and blank
lines of the Dana text back and writes ``# file.na:12`` at the margin. Four views of it:

* ``readable``: the lowered ast with Dana's operators as plain ones; a short mark names the lines where the compiler
  left a guard in place (``[+]``: text and numbers may meet here).
* ``guards``: the same, and each guard by name, each one that was left out with its reason.
* ``exact``: every node of the guarded ast. Parsed and run under the same hooks, it does what the module does.
* ``lowered`` and ``guarded``: the two stages without comments and marks.

Nothing is executed here.
"""

from __future__ import annotations

import ast
import bisect
import copy
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import Any

import libcst as cst

from dana2py import nodes
from dana2py.compiler import lowered_ast
from dana2py.lexer import Token, tokenize
from dana2py.source import Source
from dana_guards import lattice
from dana_guards.evidence import Evidence, infer_module
from dana_guards.policy import Policy

VIEWS = ("readable", "guards", "exact", "tokens", "tree", "lowered", "guarded")
MARGIN = 64

SIGNS = {
    "_add_": "+", "_cat_": "+", "_mul_": "*", "_pow_": "**", "_mod_": "%", "_lshift_": "<<", "_or_": "|",
    "_eq_": "==", "_ne_": "!=", "_lt_": "<", "_le_": "<=", "_gt_": ">", "_ge_": ">=",
    "_truth_": "truth", "_getattr_": ".", "_setattr_": ".=", "_delattr_": "del .", "_method_": ".()",
}  # fmt: skip
"""Guard → the sign of the operation it stands for, as the short marks show it."""


def show_source(
    source: Source, *, view: str = "readable", profile: str = "limited", lent: Iterable[str] = ()
) -> str:
    """One view of a program, ending with a newline.

    Parameters
    ----------
    view : one of `VIEWS`.
    profile : the policy's profile, ``limited`` (contexts) or ``unlimited`` (``dana_modules``).
    lent : names of functions and objects that the host will lend to the program.

    Raises
    ------
    DanaSyntaxError, DanaSecurityError : the program does not compile.
    ValueError : an unknown view or profile.
    """
    if view == "tokens":
        return "".join(f"{_token_line(token)}\n" for token in tokenize(source).tokens)
    if view == "tree":
        from dana2py.parser import parse

        return "\n".join(_tree_lines(parse(source), 0)) + "\n"
    # The policy itself refuses any other word.
    policy = Policy(profile=profile, names=frozenset(lent))  # type: ignore[arg-type]
    if view in ("lowered", "guarded"):
        return unparse(lowered_ast(source.text, source.path, policy, view)) + "\n"
    if view not in VIEWS:
        raise ValueError(f"view {view!r} is none of {', '.join(VIEWS)}")
    guarded = lowered_ast(source.text, source.path, policy, "guarded")
    if view == "exact":
        return _decorated(guarded, source, {})
    lowered = lowered_ast(source.text, source.path, policy, "lowered")
    notes = _short_marks(guarded) if view == "readable" else _guard_notes(lowered, guarded)
    return _decorated(lowered, source, notes)


# -- unparsing -----------------------------------------------------------------------------------


def unparse(tree: ast.Module) -> str:
    """Python text of a tree; f-strings that this Python cannot write are spelt as joined parts."""
    try:
        return ast.unparse(tree)
    except ValueError:  # before 3.12 no backslash and no further kind of quote may stand inside a field
        return ast.unparse(_JoinedParts().visit(copy.deepcopy(tree)))


class _JoinedParts(ast.NodeTransformer):
    """``f"{a}{b!r}{c:>5}"`` as ``''.join((str-like parts))``: the same text for every value of the closed world."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        self.generic_visit(node)
        parts = [self._part(value) for value in node.values]
        join = ast.Attribute(ast.Constant(""), "join", ast.Load())
        return ast.copy_location(ast.Call(join, [ast.Tuple(parts, ast.Load())], []), node)

    def _part(self, node: ast.expr) -> ast.expr:
        if not isinstance(node, ast.FormattedValue):
            return node
        mark = "" if node.conversion == -1 else f"!{chr(node.conversion)}"
        pattern: ast.expr = ast.Constant("{0" + mark + "}")
        if node.format_spec is not None:
            head = ast.BinOp(ast.Constant("{0" + mark + ":"), ast.Add(), node.format_spec)
            pattern = ast.BinOp(head, ast.Add(), ast.Constant("}"))
        return ast.Call(ast.Attribute(pattern, "format", ast.Load()), [node.value], [])


def _statements(tree: ast.AST) -> Iterator[ast.stmt | ast.ExceptHandler]:
    """All statements and handlers in the order of their text."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.stmt | ast.ExceptHandler):
            yield child
        yield from _statements(child)


# -- comments and the margin ---------------------------------------------------------------------


def _decorated(tree: ast.Module, source: Source, notes: dict[int, str]) -> str:
    """The unparsed tree with comments, blank lines and marks; `notes` are added to the marks of their lines."""
    text = unparse(tree)
    again = ast.parse(text)
    pairs = list(zip(_statements(again), _statements(tree), strict=True))
    # Several Python statements may stand for one of Dana: the mark stands on each, the comments before the first.
    lines = {shown.lineno: made.lineno for shown, made in pairs}
    comments = Comments(source)
    leading: dict[int, list[str]] = {}
    for shown_line, line in sorted(lines.items()):
        leading[shown_line] = comments.before(line)
    name = PurePath(source.path).name
    writer = _Writer(text.split("\n"), [(shown.lineno, lines[shown.lineno]) for shown, _ in pairs], leading, comments)
    writer.mark = lambda line, noted: f"# {name}:{line}" + (f"  {notes[line]}" if noted and line in notes else "")
    module = cst.parse_module(text)
    footer = [_empty_line(line) for line in comments.rest()]
    return module.with_changes(body=writer.block(module.body), footer=footer).code.rstrip("\n") + "\n"


class Comments:
    """The comments and blank lines of a source; each is given out once, in order."""

    def __init__(self, source: Source) -> None:
        self._own: dict[int, str] = {}
        self._trailing: dict[int, str] = {}
        self._within: dict[int, list[str]] = {}
        ends: dict[int, int] = {}
        inside: set[int] = set()
        tokens = tokenize(source).tokens
        for token in tokens:
            if token.kind not in ("NEWLINE", "INDENT", "DEDENT", "EMPTY", "$END"):
                ends[token.span.end_line] = max(ends.get(token.span.end_line, 0), token.span.end_column)
                inside.update(range(token.span.line, token.span.end_line))
        for number, line in enumerate(source.text.split("\n"), 1):
            rest = line[ends.get(number, 0) :].strip()
            if number in inside:
                continue
            if number in ends and rest.startswith("#"):
                self._trailing[number] = rest
            elif number not in ends:
                self._own[number] = rest if rest.startswith("#") else ""
        for first, last in _long_lines(tokens):
            self._gather(first, last)
        self._free = sorted(self._own)

    def _gather(self, first: int, last: int) -> None:
        """Comments between the lines of one statement, which becomes one: they stand before it, the last beside it."""
        found = []
        for number in range(first + 1, last):
            found += [self._own.pop(number, ""), self._trailing.pop(number, "")]
        comment = self._trailing.pop(last, "")
        if first in self._trailing:
            found.append(comment)
        elif comment:
            self._trailing[first] = comment
        self._within[first] = [comment for comment in found if comment]

    def before(self, line: int) -> list[str]:
        """Comments ("" for a blank line) that belong before the statement at `line` and were not given out yet."""
        cut = bisect.bisect_left(self._free, line)
        taken, self._free = self._free[:cut], self._free[cut:]
        return _squeezed([self._own[number] for number in taken]) + self._within.pop(line, [])

    def at(self, line: int) -> str | None:
        """The comment at the end of `line`, the first time it is asked for."""
        return self._trailing.pop(line, None)

    def rest(self) -> list[str]:
        """What stands after the last statement, without blank lines at the end."""
        found = [self._own[number] for number in self._free]
        while found and not found[-1]:
            found.pop()
        return _squeezed(found)


def _long_lines(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """First and last line of each statement, or head of one, that goes over several lines."""
    first = 0
    for before, token in itertools.pairwise(tokens):
        if before.kind in ("NEWLINE", "INDENT", "DEDENT", "EMPTY") or not first:
            first = (before if not first else token).span.line
        if token.kind == "NEWLINE" and before.span.end_line > first:
            yield first, before.span.end_line


def _squeezed(lines: list[str]) -> list[str]:
    """Runs of blank lines become one."""
    return [line for index, line in enumerate(lines) if line or index == 0 or lines[index - 1]]


def _empty_line(comment: str) -> cst.EmptyLine:
    return cst.EmptyLine(comment=cst.Comment(comment)) if comment else cst.EmptyLine(indent=False)


class _Writer:
    """Writes leading lines and margin marks into the parsed text.

    It steps through statements and handlers in the order of their text, as `_statements` does, and leaves expressions
    alone: visiting those would take a hundred times longer.
    """

    def __init__(
        self,
        text: Sequence[str],
        places: Sequence[tuple[int, int]],
        leading: dict[int, list[str]],
        comments: Comments,
    ) -> None:
        self._text = text
        self._places = list(reversed(places))
        self._leading = leading
        self._comments = comments
        self.mark: Callable[[int, bool], str] = lambda line, noted: str(line)

    def block(self, body: Sequence[Any]) -> list[Any]:
        """The statements of one block with their marks."""
        return [self._statement(node) for node in body]

    def _statement(self, node: Any) -> Any:
        """A statement or a handler, and everything in its blocks."""
        shown_line, line = self._places.pop()
        leading = [_empty_line(comment) for comment in self._leading.pop(shown_line, [])]
        if isinstance(node, cst.SimpleStatementLine):
            # Only a text over several lines makes a simple statement long; its mark stands after its last line.
            last = self._text[shown_line - 1 + cst.Module([node]).code.strip("\n").count("\n")]
            return node.with_changes(leading_lines=leading, trailing_whitespace=self._trailing(line, last))
        parts: dict[str, Any] = {"leading_lines": leading}
        # A function on one line of Dana: the guards are those of its body.
        on_one_line = bool(self._places) and self._places[-1][1] == line
        header = self._trailing(line, self._text[shown_line - 1], noted=not on_one_line)
        parts["body"] = node.body.with_changes(header=header, body=self.block(node.body.body))
        for name in ("handlers", "orelse", "finalbody"):
            part = getattr(node, name, None)
            if isinstance(part, cst.If):
                parts[name] = self._statement(part)
            elif part is not None and name == "handlers":
                parts[name] = self.block(part)
            elif part is not None:
                parts[name] = part.with_changes(body=part.body.with_changes(body=self.block(part.body.body)))
        return node.with_changes(**parts)

    def _trailing(self, line: int, code: str, noted: bool = True) -> cst.TrailingWhitespace:
        space = " " * max(2, MARGIN - len(code))
        comment = self._comments.at(line)
        mark = self.mark(line, noted)
        text = f"{mark}  {comment}" if comment else mark
        return cst.TrailingWhitespace(whitespace=cst.SimpleWhitespace(space), comment=cst.Comment(text))


# -- marks of guards -----------------------------------------------------------------------------


def _hook(node: ast.AST) -> str | None:
    """The name of the hook that `node` calls, or None."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name = node.func.id
        if len(name) > 2 and name.startswith("_") and name.endswith("_"):
            return name
    return None


def _hooks_by_line(tree: ast.Module) -> dict[int, Counter[str]]:
    found: dict[int, Counter[str]] = {}
    for node in ast.walk(tree):
        name = _hook(node)
        if name is not None and name != "_type_":
            found.setdefault(node.lineno, Counter())[name] += 1  # type: ignore[attr-defined]
    return found


def _short_marks(guarded: ast.Module) -> dict[int, str]:
    """``[+ ==]`` for each line where such operations still have a guard."""
    marks = {}
    for line, hooks in _hooks_by_line(guarded).items():
        signs = sorted({SIGNS[name] for name in hooks if name in SIGNS})
        if signs:
            marks[line] = f"[{' '.join(signs)}]"
    return marks


def _guard_notes(lowered: ast.Module, guarded: ast.Module) -> dict[int, str]:
    """For each line its guards by name, and the operations that need none, with the reason."""
    kept = _hooks_by_line(guarded)
    places = {_place(node) for node in ast.walk(guarded) if _hook(node) in SIGNS}
    evidence = infer_module(lowered, closed=True)
    left_out: dict[int, list[str]] = {}
    for node in ast.walk(lowered):
        sign = _guardable(node)
        if sign is not None and _place(node) not in places:
            left_out.setdefault(node.lineno, []).append(f"{sign}: {_reason(node, evidence)}")  # type: ignore[attr-defined]
    notes = {}
    for line in sorted({*kept, *left_out}):
        parts = []
        if line in kept:
            shown = [f"{name}×{count}" if count > 1 else name for name, count in sorted(kept[line].items())]
            parts.append(f"guards: {' '.join(shown)}")
        if line in left_out:
            parts.append(f"none needed: {'; '.join(dict.fromkeys(left_out[line]))}")
        notes[line] = f"[{' | '.join(parts)}]"
    return notes


def _place(node: ast.AST) -> tuple[int, int, int, int]:
    place = (getattr(node, name, -1) for name in ("lineno", "col_offset", "end_lineno", "end_col_offset"))
    return tuple(place)  # type: ignore[return-value]


_OPERATORS = {
    ast.Add: "+", ast.Mult: "*", ast.Pow: "**", ast.LShift: "<<", ast.Mod: "%", ast.Eq: "==", ast.NotEq: "!=",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.BitOr: "|",
}  # fmt: skip


def _guardable(node: ast.AST) -> str | None:
    """The sign of an operation that has a guard unless something is known about it, else None."""
    if isinstance(node, ast.BinOp | ast.AugAssign):
        return _OPERATORS.get(type(node.op))
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _OPERATORS.get(type(node.ops[0]))
    if getattr(node, "dana_truth", False):
        return "truth"
    if isinstance(node, ast.Attribute) and getattr(node, "dana_attr", False):
        return f".{node.attr}"
    return None


def _reason(node: ast.AST, evidence: Evidence) -> str:
    """Why an operation can do without its guard: the types on its sides, as the policy itself infers them."""
    if isinstance(node, ast.Attribute):
        return "read in line, a dict is tested for"
    sides: list[Any] = [getattr(node, name, None) for name in ("left", "right", "target", "value")]
    sides += getattr(node, "comparators", []) or ([] if isinstance(node, ast.BinOp | ast.AugAssign) else [node])
    known = [_type_words(evidence.type_of(side)) for side in sides if isinstance(side, ast.expr)]
    if known and all(known):
        return " and ".join(dict.fromkeys(known))
    return f"one side is {next(filter(None, known))}" if any(known) else "tested in line"


_TYPE_WORDS = {
    lattice.NONE: "none", lattice.BOOL: "bool", lattice.INT: "int", lattice.FLOAT: "float", lattice.STR: "str",
    lattice.LIST: "list", lattice.DICT: "dict", lattice.TUPLE: "tuple", lattice.SET: "set", lattice.RANGE: "range",
    lattice.FUNCTION: "a function", lattice.STRUCT: "a struct",
}  # fmt: skip


def _type_words(kind: lattice.Type) -> str:
    """``int or none``; empty if too little is known to say something."""
    words = [word for flag, word in _TYPE_WORDS.items() if kind.may_be(flag)]
    return " or ".join(words) if len(words) <= 3 and kind.is_only(sum(_TYPE_WORDS)) else ""


# -- tokens and tree -----------------------------------------------------------------------------


def _token_line(token: Token) -> str:
    place = f"{token.span.line}:{token.span.column + 1}"
    return f"{place:<9}{token.kind:<14}{'' if token.value is None else repr(token.value)}".rstrip()


def _tree_lines(node: nodes.Node, depth: int, label: str = "") -> Iterator[str]:
    """One line for each node: its field, its class, its plain values and its line."""
    fields = [(name, getattr(node, name)) for name in node.__dataclass_fields__ if name != "span"]
    plain = [f"{name}={value!r}" for name, value in fields if not _has_nodes(value) and value not in (None, ())]
    yield f"{'  ' * depth}{label}{type(node).__name__} {' '.join(plain)}".rstrip() + f"  @{node.span.line}"
    for name, value in fields:
        yield from _members(value, depth + 1, f"{name}: ")


def _members(value: Any, depth: int, label: str) -> Iterator[str]:
    if isinstance(value, nodes.Node):
        yield from _tree_lines(value, depth, label)
    elif isinstance(value, tuple) and _has_nodes(value):
        for member in value:
            if isinstance(member, nodes.Node | tuple):
                yield from _members(member, depth, label)
            elif member is not None:
                yield f"{'  ' * depth}{label}{member!r}"


def _has_nodes(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(_has_nodes(member) for member in value)
    return isinstance(value, nodes.Node)
