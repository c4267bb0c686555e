"""Patterns: what Python's engine finds, in time that grows with the text and no faster."""

from __future__ import annotations

import itertools
import random
import re
from typing import Any

import pytest
from support_environment import FakeEnvironment
from support_stop import call

from dana_guards.errors import DanaTimeoutError
from dana_guards.facades import Facade, members_of, open_facade
from dana_guards.facades.re_engine import Program, _Machine
from dana_guards.limits import Limits, Meter

PATTERNS = [
    "a", "ab", "a|b", "a*", "a+?", "(a)(b)?", "(a|ab)(c|bcd)", "a{2,3}", "a{2,3}?", "(?:ab)*", "[a-c]+", "[^a]", ".",
    "a.c", "^a", "a$", r"\bab\b", r"\Bb", r"\d+", r"\w+\s*", "(a*)(b*)", "(?i:A)b", "(?P<x>a)b", "|a", "a|",
    "(a+)(b+)|c", "(a|b)*c", "x*", r"\Aa", r"b\Z", "(?:a|b|ab)+", "a??b", "(ab|a)(bc|c)?", "[\n ]a", "a(?:b|c)d*",
]  # fmt: skip


def texts() -> list[str]:
    """Short texts over few letters, and some with lines and case."""
    drawn = random.Random(5)
    made = ["".join(drawn.choice("abc \n1") for _ in range(drawn.randrange(9))) for _ in range(60)]
    return ["", "a", "ab", "abcd", "aab", "Ab", "ab ab", "a\nb\n", *made]


def by_machine(program: Program, text: str) -> list[tuple[int, ...]]:
    """All matches, by the linear engine even for short texts."""
    program._longest = -1
    return list(program.matches(Meter(), text))


@pytest.mark.parametrize("flags", [0, re.I | re.M, re.S | re.A])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_machine_finds_what_python_finds(pattern: str, flags: int) -> None:
    """Places and groups of all matches, of the match at the beginning, and of the whole text."""
    program, python = Program(pattern, int(flags)), re.compile(pattern, flags)
    for text in texts():
        expected = [
            tuple(itertools.chain(*(m.span(g) for g in range(python.groups + 1)))) for m in python.finditer(text)
        ]
        assert by_machine(program, text) == expected, (pattern, text)
        for anchored, whole, found in ((True, False, python.match(text)), (True, True, python.fullmatch(text))):
            spans = _Machine(program, Meter(), text, whole).run(0, anchored)
            assert (spans and spans[:2]) == (found and found.span()), (pattern, text)


@pytest.mark.parametrize(
    "pattern", [r"(a|aa)+$", r"(a+)+$", r"(a*)*b", r"a*a*a*a*a*b", r"(.*)(.*)(.*)(.*)x", r"(?:a?){30}a{30}"]
)
def test_slow_patterns_are_linear(pattern: str) -> None:
    """Patterns that take Python's engine hours on this text give an answer at once (threat model 5.4)."""
    environment = FakeEnvironment(["python:re"], limits=Limits(timeout=20.0))
    regex = open_facade(environment, "re")
    found: list[Any] = []
    assert call(environment.meter, lambda: found.append(regex.search(pattern, "a" * 2000 + "!"))) is None
    assert len(found) == 1


def test_a_search_ends_at_the_deadline() -> None:
    """A long text is looked at letter by letter, with looks at the meter."""
    environment = FakeEnvironment(["python:re"], limits=Limits(timeout=0.05))
    regex = open_facade(environment, "re")
    reason = call(environment.meter, lambda: regex.findall("(a|b|ab)*c", "ab" * 500_000))
    assert isinstance(reason, DanaTimeoutError)


@pytest.mark.parametrize(
    "pattern",
    ["(?=a)", "(?<!a)b", r"(a)\1", "(?>a)", "a*+", "(", "a{5000}", "(?:a{100}){100}", "a" * 3000, "[", "(?P<1>a)"],
)
def test_other_patterns_are_refused(pattern: str) -> None:
    """What no linear engine can do, what is too large, and what is no pattern is a ValueError."""
    with pytest.raises(ValueError, match="pattern"):
        open_facade(FakeEnvironment(["python:re"]), "re").compile(pattern)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("findall", (r"\d+", "a1b22")), ("findall", (r"(\w)(\d)", "a1b2")), ("findall", ("a*", "baac")),
        ("findall", ("(a)|b", "ab")), ("split", (r",\s*", "a, b,c")), ("split", ("(,)", "a,b")),
        ("split", (",", "a,b,c", 1)), ("split", ("x*", "axb")),
        ("sub", ("a", "b", "aXa")), ("sub", (r"(\w)(\d)", r"\2\1", "a1 b2")), ("sub", (r"(?P<n>a)", r"<\g<n>>", "a")),
        ("sub", ("a", "b", "aaa", 2)), ("sub", ("x*", "-", "abc")), ("sub", ("a", r"\n\\", "a")),
    ],
)  # fmt: skip
def test_functions_are_python_s(name: str, arguments: tuple[Any, ...]) -> None:
    """`findall`, `split` and `sub` give what Python's give."""
    mine = open_facade(FakeEnvironment(["python:re"]), "re")
    if len(arguments) == (4 if name == "sub" else 3):
        more = {"count" if name == "sub" else "maxsplit": arguments[-1]}
        assert getattr(mine, name)(*arguments) == getattr(re, name)(*arguments[:-1], **more)
    else:
        assert getattr(mine, name)(*arguments) == getattr(re, name)(*arguments)


def test_patterns_and_matches_are_closed() -> None:
    """Listed members only; a match shows its groups and not the text behind it."""
    mine = open_facade(FakeEnvironment(["python:re"]), "re")
    pattern = mine.compile("(?P<key>[a-z]+)=([0-9]*)", mine.I)
    match = pattern.search("see A=5!")
    assert isinstance(match, Facade)
    assert [match.group(), match.group(1, 2), match.group("key")] == ["A=5", ("A", "5"), "A"]
    assert match.groups() == ("A", "5")
    assert [match.span(2), match.start(), match.end("key")] == [(6, 7), 4, 5]
    assert match.groupdict() == {"key": "A"}
    assert set(members_of(match)) == {"group", "groups", "groupdict", "span", "start", "end"}
    assert set(members_of(pattern)) == {
        "search",
        "match",
        "fullmatch",
        "findall",
        "finditer",
        "sub",
        "split",
        "pattern",
        "groups",
    }
    assert pattern.fullmatch("a=5!") is None
    assert pattern.match("x") is None
    assert [each.group(2) for each in pattern.finditer("a=1 b=2")] == ["1", "2"]
    assert mine.sub(r"\d", lambda found: found.group() * 2, "a1") == "a11"
    assert mine.search(pattern, "b=") is not None
    assert mine.findall(mine.escape("a.b"), "a.b axb") == ["a.b"]
    for wrong in (
        lambda: match.group(3), lambda: match.group("no"), lambda: mine.sub("a", r"\1", "a"),
        lambda: mine.sub("a", r"\q", "a"), lambda: mine.search(5, "a"), lambda: mine.search("a", 5),
        lambda: mine.sub("a", lambda found: 5, "a"),
        lambda: mine.compile("a", 1 << 30), lambda: mine.compile("a", int(re.DEBUG)),
    ):  # fmt: skip
        with pytest.raises((IndexError, ValueError, TypeError)):
            wrong()
