"""What the parser expected: a clear sentence, and a hint, for a token that fits nowhere.

In: the parser's states, the tokens, and the place where they disagree. Out: one `DanaSyntaxError`.
The set of what was possible is exact: each terminal is tried on a copy of the states, because a row
of an LALR table alone also names terminals that fail one reduction later. Hints look at the tokens
of the line only; a hint never changes whether a text is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from dana2py.lexer import KEYWORDS, Token
from dana2py.source import Source
from dana_guards.errors import DanaSyntaxError, IncompleteInput

if TYPE_CHECKING:
    from dana2py.parser import Automaton

#: Terminals that begin an expression; together they are called "an expression".
_EXPRESSION = frozenset({"NUMBER", "STRING", "LSQB", "LBRACE", "TRUE", "NONE"})
#: Terminals that continue an expression; together they are called "an operator".
_OPERATOR_WORDS = (
    "PLUS MINUS STAR SLASH DOUBLESLASH PERCENT DOUBLESTAR VBAR CARET AMPER LSHIFT RSHIFT LESS GREATER LESSEQUAL "
    "GREATEREQUAL EQEQUAL NOTEQUAL IN IS AND OR NOT IF DOT LPAR LSQB AUGMENTED"
)
_OPERATOR = frozenset(_OPERATOR_WORDS.split())
_STATEMENT = frozenset({"PASS", "RETURN", "IMPORT"})

#: What is named, in the order in which it is named, with its words.
_TERMS: dict[str, str] = {
    "INDENT": "an indented block",
    "COLON": "':'",
    "RPAR": "')'",
    "RSQB": "']'",
    "RBRACE": "'}'",
    "FIELD_END": "'}'",
    "EQUAL": "'='",
    "COMMA": "','",
    "NAME": "a name",
    "ELSE": "'else'",
    "IN": "'in'",
    "IMPORT": "'import'",
    "DEF": "'def'",
    "EXCEPT": "'except'",
    "FINALLY": "'finally'",
    "DOUBLECOLON": "'::'",
    "FOR": "'for'",
    "AS": "'as'",
    "ARROW": "'->'",
    "STRING": "a text",
    "PASS": "'pass'",
    "LPAR": "'('",
    "DOT": "'.'",
    "SEMICOLON": "';'",
    "NEWLINE": "the end of the line",
}
#: How many things a message names before it stops.
_MOST = 4

_NAMES_OF_TOKENS = {
    "NEWLINE": "the end of the line",
    "INDENT": "a deeper indentation",
    "DEDENT": "the end of the block",
    "$END": "the end of the text",
    "EMPTY": "the comment",
    "STRING": "this text",
    "FSTRING_START": "this f-string",
    "FSTRING_END": "the end of the f-string",
    "FIELD_END": "'}'",
    "FIELD_SPEC": "':'",
    "FIELD_CONVERSION": "'!'",
    "FIELD_DEBUG": "'='",
}


def explain(machine: Automaton, states: list[int], tokens: list[Token], index: int, source: Source) -> DanaSyntaxError:
    """The error for ``tokens[index]``, which has no action on top of ``states``."""
    token = tokens[index]
    accepted = accepted_terminals(machine, states)
    message, hint, complete = _find_hint(tokens, index, accepted)
    if not message:
        message = f"{_described(token)} is unexpected here"
    wanted = "" if complete else _expected(accepted)
    if wanted and not hint:
        hint = f"expected {wanted}"
    elif wanted:
        message = f"{message}: expected {wanted}"
    kind = IncompleteInput if _text_ends(tokens, index) else DanaSyntaxError
    line, column = token.span.line, token.span.column
    next_line = token.kind == "NEWLINE" and index > 0 and tokens[index - 1].span.end_line < line
    if next_line or (token.kind in ("$END", "DEDENT") and index):
        line, column = _last_place(tokens, index)
    return source.error(message, line, column, hint, kind)


def accepted_terminals(machine: Automaton, states: list[int]) -> frozenset[str]:
    """The terminals that could really stand after ``states``."""
    return frozenset(kind for kind in machine.actions[states[-1]] if _accepts(machine, states, kind))


def _accepts(machine: Automaton, states: list[int], kind: str) -> bool:
    stack = states[:]
    while True:
        action = machine.actions[stack[-1]].get(kind)
        if action is None:
            return kind == "$END" and stack[-1] == machine.end
        if action >= 0:
            return True
        rule = machine.rules[-1 - action]
        if rule.size:
            del stack[-rule.size :]
        stack.append(machine.gotos[stack[-1]][rule.origin])


def _text_ends(tokens: list[Token], index: int) -> bool:
    """Whether only the end of the text is missing: an open block, or a line that ends with ``|``."""
    if tokens[index].kind == "NEWLINE" and index and tokens[index - 1].kind == "VBAR":
        index += 1
    return all(token.kind in ("DEDENT", "$END") for token in tokens[index:])


def _last_place(tokens: list[Token], index: int) -> tuple[int, int]:
    """Where the text before the end stopped."""
    while index and tokens[index].kind in ("$END", "DEDENT", "NEWLINE", "INDENT"):
        index -= 1
    span = tokens[index].span
    return span.end_line, span.end_column


def _described(token: Token) -> str:
    if token.kind in _NAMES_OF_TOKENS:
        return _NAMES_OF_TOKENS[token.kind]
    text = str(token.value)
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _expected(accepted: frozenset[str]) -> str:
    """``':' or an expression``: what could have stood here, the most telling first."""
    if accepted >= _STATEMENT:
        return "a statement"
    terms = []
    rest = set(accepted)
    if accepted >= _EXPRESSION:
        terms.append("an expression")
        rest -= {"NAME", "NUMBER", "STRING", "LPAR", "LSQB", "LBRACE", "LAMBDA", "NOT", "FOR"}
    elif len(accepted & _OPERATOR) > 5:
        rest -= _OPERATOR | {"STRING", "FOR"}
        terms = [word for kind, word in _TERMS.items() if kind in rest]
        terms.append("an operator")
        rest = set()
    terms += [word for kind, word in _TERMS.items() if kind in rest]
    return _either(dict.fromkeys(terms[:_MOST]))


def _either(terms: Iterable[str]) -> str:
    *front, last = terms or [""]
    return f"{', '.join(front)} or {last}" if front else last


# -- hints -------------------------------------------------------------------------------------

Hint = tuple[str, str]
Look = Callable[[list[Token], int, frozenset[str]], Hint | None]


def _find_hint(tokens: list[Token], index: int, accepted: frozenset[str]) -> tuple[str, str | None, bool]:
    """Message, hint, and whether they say it all, so that a list of what was expected would only distract."""
    for look in _LOOKS:
        hint = look(tokens, index, accepted)
        if hint is not None:
            return *hint, look in _COMPLETE
    return "", None, False


def _line_start(tokens: list[Token], index: int) -> int:
    """Index of the first token of the statement that holds ``tokens[index]``."""
    while index and tokens[index - 1].kind not in ("NEWLINE", "INDENT", "DEDENT", "SEMICOLON"):
        index -= 1
    return index


def _previous(tokens: list[Token], index: int) -> Token | None:
    return tokens[index - 1] if index else None


def _scope_word(tokens: list[Token], index: int, _accepted: frozenset[str]) -> Hint | None:
    """``private.x`` and a scope word alone."""
    before = _previous(tokens, index)
    if before is None or before.kind != "SCOPE":
        return None
    if tokens[index].kind == "DOT":
        return f"'{before.value}.' is not how a scope is written", f"write {before.value}:name"
    return f"{before.value!r} is a reserved word for a scope", f"write {before.value}:name"


def _lambda_colon(tokens: list[Token], index: int, _accepted: frozenset[str]) -> Hint | None:
    """``lambda x: x + 1``: the body follows ``::``."""
    start = _line_start(tokens, index)
    colon = False
    for position in range(min(index, len(tokens) - 1), start - 1, -1):
        kind = tokens[position].kind
        if kind == "DOUBLECOLON":
            return None
        colon = colon or kind == "COLON"
        if kind == "LAMBDA":
            hint = "the body of a lambda follows '::', as in lambda x :: x + 1"
            return ("a lambda without '::'", hint) if colon else None
    return None


def _foreign_statement(tokens: list[Token], index: int, _accepted: frozenset[str]) -> Hint | None:
    """Statements of Python that Dana does not have, where a name is followed by another name."""
    start = _line_start(tokens, index)
    first = tokens[start]
    if first.kind == "YIELD" or tokens[index].kind == "YIELD":
        return "Dana has no generators, so nothing can be yielded", "collect the values in a list and return it"
    if first.kind == "NAME" and first.value in _FOREIGN and _begins_foreign(tokens, start, index):
        return _FOREIGN[str(first.value)]
    before = _previous(tokens, index)
    if before is not None and before.kind == "NAME" and before.value in ("await", "async", "new"):
        return _FOREIGN[str(before.value)]
    return None


def _begins_foreign(tokens: list[Token], start: int, index: int) -> bool:
    """Is the first word meant as a statement? Then something follows it directly, or it heads a block in brackets."""
    if index <= start + 1:
        return index == start + 1 and tokens[index].kind != "LPAR"
    token, before = tokens[index], tokens[index - 1]
    heads_block = token.kind == "LBRACE" or (token.kind == "NEWLINE" and before.kind == "COLON")
    return heads_block and tokens[start + 1].kind == "LPAR" and tokens[start].value in ("match", "switch", "function")


_FOREIGN: dict[str, Hint] = {
    "class": ("Dana has no classes", "write 'struct Name:' with fields, and methods in its body"),
    "async": ("Dana has no 'async'", "write a plain def; the host awaits it with call_async"),
    "await": ("Dana has no 'await'", "a call gives its value, leave the word out"),
    "match": ("Dana has no 'match' statement", "use if and elif"),
    "case": ("Dana has no 'match' statement", "use if and elif"),
    "switch": ("Dana has no 'switch' statement", "use if and elif, or a dict"),
    "function": ("Dana has no 'function'", "write 'def name():'"),
    "func": ("Dana has no 'func'", "write 'def name():'"),
    "fn": ("Dana has no 'fn'", "write 'def name():'"),
    "new": ("Dana has no 'new'", "a struct is made by calling it, as in Point(x=1)"),
    "let": ("Dana has no 'let'", "write 'name = value'"),
    "var": ("Dana has no 'var'", "write 'name = value'"),
    "const": ("Dana has no 'const'", "write 'name = value'"),
    "catch": ("Dana has no 'catch'", "write 'except as e:'"),
    "throw": ("Dana has no 'throw'", "write 'raise'"),
    "elseif": ("Dana has no 'elseif'", "write 'elif'"),
    "elsif": ("Dana has no 'elsif'", "write 'elif'"),
    "foreach": ("Dana has no 'foreach'", "write 'for name in values:'"),
    "unless": ("Dana has no 'unless'", "write 'if not'"),
    "until": ("Dana has no 'until'", "write 'while not'"),
    "print": ("'print' is a function", "write print(value)"),
    "use": ("'use' is a function", 'write use("name")'),
}

_WORDS = (
    "if elif else while for in break continue pass return deliver def sync struct resource workflow interface agent "
    "agent_blueprint try except finally raise assert with import from export global nonlocal del lambda"
)
_STATEMENT_WORDS = _WORDS.split()


def _misspelt_word(tokens: list[Token], index: int, _accepted: frozenset[str]) -> Hint | None:
    """``esle:`` or ``retrun x``: a name at the start of the statement that is nearly a word of Dana."""
    start = _line_start(tokens, index)
    first = tokens[start]
    second = tokens[start + 1] if start + 1 < len(tokens) else first
    if first.kind != "NAME" or index == start:
        return None
    if not (index == start + 1 or (second.kind == "COLON" and index <= start + 2) or second.kind == "NAME"):
        return None
    near = _near_word(str(first.value))
    return (f"{first.value!r} begins no statement", f"did you mean {near!r}?") if near else None


def _near_word(word: str) -> str | None:
    # The lists are short, but difflib is slow to import: only a wrong program pays for it.
    from dana_guards.spelling import near_name

    word = word.lower()
    swapped = [known for known in _STATEMENT_WORDS if known == word or sorted(known) == sorted(word)]
    return swapped[0] if swapped else near_name(word, _STATEMENT_WORDS)


def _misspelt_inside(tokens: list[Token], index: int, accepted: frozenset[str]) -> Hint | None:
    """``for x on y``: a name where only a word of Dana can stand."""
    token = tokens[index]
    if token.kind != "NAME" or "NAME" in accepted:
        return None
    words = [word for word, kind in KEYWORDS.items() if kind in accepted and word == kind.lower()]
    if tokens[_line_start(tokens, index)].kind == "FOR" and "IN" in accepted and len(str(token.value)) < 4:
        return f"{token.value!r} is unexpected here", "a loop is written 'for name in values:'"
    from dana_guards.spelling import near_name

    near = near_name(str(token.value), words)
    return (f"{token.value!r} is unexpected here", f"did you mean {near!r}?") if near else None


#: Reserved words that a person would rather take for a name than for the start of something.
_NOUNS = frozenset({"AGENT", "RESOURCE", "WORKFLOW", "INTERFACE", "STRUCT", "SYNC", "EXPORT", "DELIVER"})


def _word_as_name(tokens: list[Token], index: int, accepted: frozenset[str]) -> Hint | None:
    """A reserved word where a name is wanted, or one that is assigned to."""
    token = tokens[index]
    hint = f"write another name; as a key, {{'{token.value}': …}} is fine"
    if _is_word(token) and "NAME" in accepted and not accepted >= _STATEMENT:
        if accepted >= _EXPRESSION and token.kind not in _NOUNS:
            return None
        return f"{token.value!r} is a reserved word and cannot be a name", hint
    before = _previous(tokens, index)
    if token.kind in ("EQUAL", "AUGMENTED", "DOT") and before is not None and _is_word(before):
        return f"{before.value!r} is a reserved word and cannot be a name", "write another name"
    return None


def _is_word(token: Token) -> bool:
    return token.value in KEYWORDS and token.kind == KEYWORDS[str(token.value)]


def _assignment_in_condition(tokens: list[Token], index: int, accepted: frozenset[str]) -> Hint | None:
    """``if x = 1:``, ``f((x = 1))``, and ``x := 1`` as a statement."""
    first = tokens[_line_start(tokens, index)]
    if tokens[index].kind == "EQUAL" and first.kind in ("IF", "ELIF", "WHILE", "ASSERT"):
        return "'=' assigns and cannot stand in a condition", "write '==' to compare"
    if tokens[index].kind == "EQUAL" and _OPERATOR - {"AUGMENTED"} <= accepted:
        return "'=' assigns and cannot stand inside an expression", "write '==' to compare"
    if tokens[index].kind == "WALRUS":
        return "':=' needs brackets here", "write '=' to assign, or (name := value)"
    return None


def _lonely_clause(tokens: list[Token], index: int, accepted: frozenset[str]) -> Hint | None:
    """``else`` and its like without their statement, and ``else if``."""
    token = tokens[index]
    before = _previous(tokens, index)
    if token.kind == "IF" and before is not None and before.kind == "ELSE":
        return "'else if' is one word in Dana", "write 'elif'"
    owners = {"ELIF": "if", "ELSE": "if, for, while or try", "EXCEPT": "try", "FINALLY": "try"}
    if token.kind in owners and accepted >= _STATEMENT:
        return f"{token.value!r} belongs to no {owners[token.kind]}", "indent it like the statement that it belongs to"
    return None


_HEADERS = frozenset({
    "IF", "ELIF", "ELSE", "FOR", "WHILE", "DEF", "SYNC", "TRY", "EXCEPT", "FINALLY", "WITH", "STRUCT", "RESOURCE",
    "WORKFLOW", "INTERFACE", "AGENT_BLUEPRINT",
})  # fmt: skip
"""Words that begin a line with a block."""


_AFTER_COLON = frozenset({"NAME", "RETURN", "PASS", "BREAK", "CONTINUE", "RAISE", "ASSERT", "IMPORT", "DEL"})
"""What begins the block when only the colon was forgotten."""


def _block(tokens: list[Token], index: int, accepted: frozenset[str]) -> Hint | None:
    """Indentation that is missing or too much, and a header without its colon."""
    token = tokens[index]
    if token.kind == "INDENT":
        hint = "remove the spaces at its start, or end the line before with ':'"
        return "this line is indented deeper than its block", hint
    if "INDENT" in accepted:
        start = _line_start(tokens, max(index - 1, 0))
        header = tokens[start]
        message = f"the block after {header.value!r} in line {header.span.line} is missing"
        return message, "indent it; 'pass' does nothing"
    if "EXCEPT" in accepted and "FINALLY" in accepted and "ELSE" not in accepted:
        if token.value == "catch":
            return _FOREIGN["catch"]
        return "this 'try' has neither 'except' nor 'finally'", "add 'except:' at the indentation of its 'try'"
    if token.kind == "NEWLINE" and "COLON" in accepted and tokens[_line_start(tokens, index)].kind in _HEADERS:
        header = tokens[_line_start(tokens, index)]
        return f"the line of {header.value!r} has no ':' at its end", "add ':'"
    if token.kind in _AFTER_COLON and "COLON" in accepted and tokens[_line_start(tokens, index)].kind in _HEADERS:
        header = tokens[_line_start(tokens, index)]
        if token.value == "then":
            return "Dana has no 'then'", "end the line with ':'"
        if header.kind == "EXCEPT" and token.kind == "NAME":
            return f"{_described(token)} cannot follow the kind of error", f"write 'as {token.value}'"
        end = next(at for at in range(index, len(tokens)) if tokens[at].kind in ("NEWLINE", "$END"))
        if tokens[end - 1].kind != "COLON":
            return f"a ':' is missing before {_described(token)}", f"the block of {header.value!r} begins after a ':'"
    if token.kind == "NEWLINE" and "ELSE" in accepted and "COLON" not in accepted:
        return "a conditional expression needs an 'else'", "write a if test else b"
    if token.kind == "LBRACE" and "COLON" in accepted:
        return "a block is not written in braces", "end the line with ':' and indent the block"
    return None


def _operators(tokens: list[Token], index: int, _accepted: frozenset[str]) -> Hint | None:
    """Operators of other languages that lex as two of ours."""
    before = _previous(tokens, index)
    token = tokens[index]
    pair = f"{before.value}{token.value}" if before is not None else ""
    if token.kind in ("NEWLINE", "RPAR") and before is not None and before.value in ("+", "-"):
        pair = f"{tokens[index - 2].value}{before.value}" if index > 1 else pair
    found = _PAIRS.get(pair)
    if found is not None:
        return f"there is no operator {pair!r}", found
    if token.kind == "AT" and before is not None and before.kind != "NEWLINE":
        return "there is no operator '@'", "a decorator stands alone on the line before its def"
    if token.kind in ("DOUBLESLASH", "SLASH") and index == _line_start(tokens, index):
        return "a comment does not begin with '/'", "write # text"
    if token.kind == "DOT" and index + 2 < len(tokens) and tokens[index + 1].kind == tokens[index + 2].kind == "DOT":
        return "'...' has no meaning here", "write pass" if index == _line_start(tokens, index) else "leave it out"
    return None


_PAIRS = {
    "&&": "write 'and'",
    "||": "write 'or'",
    "++": "write += 1",
    "--": "write -= 1",
    "<>": "write '!='",
    "=>": "a lambda is written lambda x :: x",
    "===": "write '=='",
    "!==": "write '!='",
    "..": "there is one dot between names",
    "**=": "write '**='",
}


_STATEMENTS = frozenset({
    "IF", "FOR", "WHILE", "TRY", "WITH", "PASS", "RETURN", "RAISE", "ASSERT", "DEL", "GLOBAL", "NONLOCAL", "IMPORT",
    "FROM", "BREAK", "CONTINUE", "STRUCT", "INTERFACE", "RESOURCE", "WORKFLOW", "AGENT", "AGENT_BLUEPRINT",
})  # fmt: skip
"""Words that begin a statement, but no part of a declaration."""


def _declarations(tokens: list[Token], index: int, accepted: frozenset[str]) -> Hint | None:
    """Declarations: no value after ``x: int``, no inheritance, no parameter markers."""
    start = _line_start(tokens, index)
    first, token = tokens[start], tokens[index]
    if token.kind == "NEWLINE" and first.kind == "NAME" and index > start + 2 and tokens[start + 1].kind == "COLON":
        return "a declaration needs a value", f"write {first.value}: type = value"
    if token.kind == "LPAR" and first.kind in ("STRUCT", "RESOURCE", "WORKFLOW", "AGENT_BLUEPRINT", "INTERFACE"):
        return "declared types do not inherit", "embed the other one in a field whose name starts with _"
    in_body = index == start and {"NAME", "DEF", "AT", "DEDENT"} <= accepted and "RETURN" not in accepted
    if (in_body and token.kind in _STATEMENTS) or (accepted == {"COLON"} and token.kind in ("LPAR", "DOT", "LSQB")):
        return "a declaration has fields and methods only", "statements stand in a method, or after the declaration"
    if accepted == {"COLON"} and index == start + 1 and first.kind == "NAME":
        value = " = value" if token.kind == "EQUAL" else ""
        return "a field needs a type", f"write {first.value}: type{value}"
    if token.kind == "COLON" and index == start + 1 and first.kind == "NAME" and accepted == {"LPAR", "NEWLINE"}:
        return "an interface lists methods, not fields", f"write {first.value}() -> type"
    if "DEF" in accepted and "AT" in accepted and "PASS" not in accepted and token.kind in _HEADERS:
        return f"a decorator stands before a 'def', not before {token.value!r}", "call the function on a later line"
    if token.kind == "DEF" and "PASS" in accepted and "RETURN" not in accepted:
        hint = "an interface lists signatures, as in area() -> float; an agent's methods belong to its blueprint"
        return "'def' cannot stand here", hint
    if token.kind == "STRING" and accepted == {"NAME", "NONE"}:
        return "a type is not written as a text", "leave out the quotes"
    if token.kind == "LSQB" and accepted == {"NAME", "NONE"}:
        return "a type is no list", "a function's type is callable, a list's is list or list[int]"
    if token.kind == "OR" and "VBAR" in accepted and "AND" not in accepted:
        return "types are not joined by 'or'", "write int | str"
    if first.kind in ("DEF", "SYNC") and token.kind in ("SLASH", "COMMA", "RPAR"):
        before = _previous(tokens, index)
        if token.kind == "SLASH" or (before is not None and before.kind == "STAR"):
            return "Dana has no markers for keyword-only or positional-only parameters", "leave it out"
    return None


def _call_without_brackets(tokens: list[Token], index: int, accepted: frozenset[str]) -> Hint | None:
    """``say "x"`` and two values beside each other."""
    before = _previous(tokens, index)
    token = tokens[index]
    if before is None or before.kind not in ("NAME", "NUMBER", "STRING", "RPAR", "RSQB"):
        return None
    if token.kind in ("STRING", "FSTRING_START", "NUMBER", "NAME"):
        in_brackets = not accepted.isdisjoint(("RPAR", "RSQB", "RBRACE", "FIELD_END"))
        is_call = before.kind == "NAME" and not in_brackets
        hint = f"write {before.value}(…) to call it" if is_call else "is an operator or a comma missing?"
        return f"{_described(token)} cannot follow {_described(before)}", hint
    return None


_COMPLETE = (_foreign_statement, _misspelt_word, _misspelt_inside, _word_as_name, _operators, _block, _declarations)
_LOOKS: tuple[Look, ...] = (
    _scope_word,
    _foreign_statement,
    _lambda_colon,
    _misspelt_word,
    _misspelt_inside,
    _lonely_clause,
    _assignment_in_condition,
    _declarations,
    _block,
    _word_as_name,
    _operators,
    _call_without_brackets,
)

