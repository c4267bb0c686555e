"""Texts that are made to hurt: each ends soon, with a tree or with a syntax error of ours.

Time is not asserted. What is: no other exception, and no dependence on how much stack the host has left.
Sizes are such that anything worse than linear would not end while somebody watches.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dana2py.parser import MAX_DEPTH, parse
from dana2py.source import Source
from dana_guards.errors import DanaSyntaxError

_WORDS = "if elif else while for in def sync lambda struct interface agent try except with as import from and not"
_SIGNS = "is True none private x y { } {{ !r : :: := = == ( ) [ ] , . ; | + - ** @ -> $$ 1 2.5 'a' f'{ ' } ! $ ?"
ALPHABET = [
    *_WORDS.split(),
    *_SIGNS.split(),
    *["f\"{", '"b"', "'''", '"""', "r'", "b'", "\\", "é", "__x__", "\x0c", "\u2028"],
    *[" ", "\n", "\n  ", "\n\t", "\\\n", "# c\n", "\r"],
]

REFUSED = {
    "brackets": ("(" * 200_000, "nested more than 100"),
    "closed brackets": ("x = " + "(" * 200_000 + ")" * 200_000, "nested more than 100"),
    "mixed brackets": ("x = " + "[({" * 50_000, "nested more than 100"),
    "one bracket too many": ("x = " + "[" * 101 + "]" * 101, "nested more than 100"),
    "blocks": ("".join("  " * depth + "if a:\n" for depth in range(150)), "nested more than 100"),
    "sum": ("x = " + "+".join(["1"] * 10_000), "a chain of more than 500"),
    "powers": ("x = " + "**".join(["2"] * 10_000), "a chain of more than 500"),
    "signs": ("x = " + "-" * 20_000 + "1", "a chain of more than 500"),
    "nots": ("x = " + "not " * 20_000 + "1", "a chain of more than 500"),
    "conditionals": ("x = " + "a if b else " * 10_000 + "c", "a chain of more than 500"),
    "attributes": ("x = a" + ".b" * 10_000, "a chain of more than 500"),
    "calls": ("x = a" + "()" * 10_000, "a chain of more than 500"),
    "stages in brackets": ("def p(x) = (" + "f|" * 5_000 + "f)", "a chain of more than 500"),
    "lambdas": ("x = " + "lambda :: " * 10_000 + "1", "nested more than 100"),
    "default lambdas": ("x = " + "lambda a = " * 10_000 + "1", "nested more than 100"),
    "elifs": ("if a: b\n" + "elif c: d\n" * 5_000, "more than 1000 branches"),
    "deep by many means": ("x = " + "f(-a.b * [1 + c if d else " * 50 + "1" + "])" * 50, f"more than {MAX_DEPTH} deep"),
    "f-strings in each other": ("f'{" * 150, "nested more than 100"),
    "open fields": ("f'" + "{x}" * 50, "no closing '"),
    "open specs": ("f'" + "{x:" * 50, "nested too deep"),
    "fields": ("f'" + "{x}" * 100_000 + "'", "more than 5000 fields"),
    "exclamation marks": ("f'{x" + "!" * 10_000 + "}'", "conversion"),
    "open names of characters": ("f'" + r"\N{" * 100_000 + "'", r"\N needs"),
    "digits": ("x = " + "9" * 4_301, "at most 4300"),
    "hexadecimal digits": ("x = 0x" + "f" * 100_000, "at most 4300"),
    "underscores": ("1" + "_1" * 100_000, "at most 4300"),
    "exponent": ("1e" + "9" * 100_000, "at most 4300"),
    "backslashes": ("'" + "\\" * 999_999, "no closing '"),
    "open triple quotes": ("'''" + "\\'" * 500_000, "no closing '''"),
    "quotes": ('"""' + '"' * 300_000 + "a", "no closing"),
    "size": ("x" * 10_000_001, "at most 10000000"),
    "tokens": ("x = [" + "1," * 260_000 + "]", "more than 500000 tokens"),
    "NUL": ("x = 1\0", "NUL"),
    "errors": ("= =\n" * 20_000, "'=' is unexpected"),
    "underscore name": ("_" * 1_000_000 + " = 1", "is reserved"),
    "names like __x__": ("x = [" + "__a__, " * 5_000 + "]", "is reserved"),
}

ACCEPTED = {
    "hundred brackets": "x = " + "[" * 100 + "]" * 100,
    "hundred blocks": "".join(" " * depth + "if a:\n" for depth in range(100)) + " " * 100 + "b",
    "long line": "x = '" + "a" * 9_999_000 + "'",
    "long name": "a" * 9_999_999,
    "long comment": "#" * 9_999_999,
    "boolean chain": "x = " + " and ".join(["a"] * 10_000),
    "comparison chain": "x = " + " < ".join(["a"] * 10_000),
    "digits": "x = " + "9" * 4_300,
    "blank lines": " \n" * 1_000_000,
    "spaces": " " * 1_000_000 + "x",
    "comments": "#\n" * 1_000_000,
    "strings": "'a' " * 20_000,
    "semicolons": "x;" * 20_000,
    "joined lines": "x = \\\n" * 20_000 + "1",
    "statements": "if a:\n" + "  b\n" * 20_000,
    "targets": "a=" * 20_000 + "1",
    "clauses": "[a " + "for b in c if d " * 10_000 + "]",
    "union": "x: " + "a|" * 20_000 + "b = 1",
    "stages": "def p(x) = f\n" + "| f\n" * 5_000,
    "lambdas beside each other": "[" + "lambda a, b = 2 :: f(a, b), " * 2_000 + "]",
    "lambdas as keywords": "f(" + ",".join(f"a{i}=lambda :: 1" for i in range(2_000)) + ")",
    "nested lambdas": "x = " + "lambda :: " * 90 + "1",
    "quotes in fields": 'f"{' * 90 + "x" + '}"' * 90,
    "doubled braces": "f'" + "{{" * 100_000 + "'",
    "specs": "f'{x:" + "{y}" * 4_000 + "}'",
    "elifs": "if a: b\n" + "elif c: d\n" * 900,
    "tuples": "x = " + "(" * 99 + "1," + ")," * 98 + ")",
    "targets in targets": "(" * 100 + "a" + ",)" * 100 + " = 1",
    "lone carriage returns": "x = 1\r" * 1_000,
    "tabs and spaces": "if a:\n\tb\n        c\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """A text beyond a limit is a syntax error that names the limit."""
    text, message = REFUSED[name]
    with pytest.raises(DanaSyntaxError) as caught:
        parse(Source(text))
    assert message in caught.value.message


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(ALPHABET), max_size=30), st.sampled_from(["", " "]))
def test_any_tokens(pieces: list[str], space: str) -> None:
    """Any sequence of tokens gives a tree, or errors that stand inside the text."""
    source = Source(space.join(pieces))
    try:
        parse(source)
    except DanaSyntaxError as error:
        for one in (error, *error.others):
            assert one.lineno is not None
            assert one.column is not None
            assert 1 <= one.column <= len(source.line_text(one.lineno)) + 1


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    """What is only long, or just within a limit, is parsed."""
    parse(Source(ACCEPTED[name]))


def at_depth(depth: int, work: Callable[[], object]) -> object:
    """Call ``work`` under so many frames."""
    return work() if depth == 0 else at_depth(depth - 1, work)


def frames_left() -> int:
    """How many frames the caller may still open."""
    frame, used = sys._getframe(), 0
    while frame is not None:
        frame, used = frame.f_back, used + 1  # type: ignore[assignment]
    return sys.getrecursionlimit() - used


@pytest.mark.parametrize("spare", [25, 30, 40, 60, 100])
@pytest.mark.parametrize("name", ["hundred brackets", "hundred blocks", "nested lambdas", "specs"])
def test_a_host_deep_in_its_stack(name: str, spare: int) -> None:
    """With next to no stack left a parse still gives the tree: it moves to a stack of its own."""
    source = Source(ACCEPTED[name])
    expected = parse(source)
    assert at_depth(frames_left() - spare, lambda: parse(source)) == expected


@pytest.mark.parametrize("spare", [25, 30, 40, 60, 100])
@pytest.mark.parametrize("name", ["brackets", "sum", "open specs", "deep by many means"])
def test_errors_deep_in_the_stack(name: str, spare: int) -> None:
    """Errors too are ours, however little stack is left."""
    source = Source(REFUSED[name][0])
    with pytest.raises(DanaSyntaxError):
        at_depth(frames_left() - spare, lambda: parse(source))


