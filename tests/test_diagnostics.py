"""What a person sees of an error: places, carets, hints, the Dana call stack."""

from __future__ import annotations

import linecache

import pytest

from dana2py.diagnostics import describe, display_width, place_of, render, render_traceback
from dana_guards.errors import DanaError, DanaRuntimeError, DanaSyntaxError, DanaTypeError, InternalError
from dana_guards.spelling import near_name


def error(text: str, column: int, message: str = "wrong", **more: object) -> DanaError:
    return DanaError(message, filename="a.na", lineno=12, column=column, source_line=text, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "candidates", "answer"),
    [
        ("lenght", ["len", "length", "list"], "length"),
        ("pirnt", ["print", "private"], "print"),
        ("Total", ["total", "totals"], "total"),
        ("x", ["y", "z"], None),
        ("print", ["print"], None),
        ("anything", [], None),
    ],
)
def test_near_name(name: str, candidates: list[str], answer: str | None) -> None:
    """The nearest name is suggested, a name that is not near and the name itself are not."""
    assert near_name(name, candidates) == answer


def test_render_shows_place_line_caret_and_hint() -> None:
    """All that is known stands in its place."""
    assert render(error("    x = half(y)", 14, "name 'y' is not defined", hint="did you mean 'z'?")) == (
        "a.na:12:14: error: name 'y' is not defined\n"
        " 12 |     x = half(y)\n"
        "    |              ^\n"
        "    = hint: did you mean 'z'?"
    )


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("abc !", 5),
        ("\tabc !", 6),
        ("ab\tc !", 6),
        ("日本語 !", 5),
        ("é = 'ü' !", 9),
        ("e\u0301 !", 4),
        ("'\u202e' !", 5),
        ("'\x1b[31m' !", 9),
        ("😀😀 !", 4),
        ("!", 1),
    ],
)
def test_caret_stands_under_its_character(text: str, column: int) -> None:
    """Tabs, wide, combining and control characters before the place do not move the caret away from it."""
    _, shown, caret = render(error(text, column)).splitlines()
    before = shown[: shown.index("!")]
    assert caret.index("^") == display_width(before)
    assert caret.count("^") == 1


def test_control_characters_never_reach_the_terminal() -> None:
    """A program cannot colour, move or retitle a terminal through an error about it."""
    shown = render(error("x = '\x1b]0;gotcha\x07'", 1, "bad \x1b[2J text", hint="\x9b31m"))
    assert not any((character < " " and character != "\n") or character in "\x7f\x9b" for character in shown)
    assert "\\x1b" in shown


def test_long_lines_are_cut_around_the_caret() -> None:
    """A line of a megabyte shows the part that matters, with the caret under it."""
    text = "a" * 500_000 + "!" + "b" * 500_000
    _, shown, caret = render(error(text, 500_001)).splitlines()
    assert len(shown) < 200
    assert shown[caret.index("^")] == "!"
    assert shown.count("…") == 2


@pytest.mark.parametrize("column", [0, 1, 7, 8, 500])
def test_columns_out_of_range_do_not_fail(column: int) -> None:
    """A column at or past the end of the line (an unexpected end of the line) still gives a caret."""
    assert render(error("x = (1", column)).splitlines()[-1].count("^") == 1


def test_parts_that_are_not_known_are_left_out() -> None:
    """An error without a place, without a column or without a line of source prints what it has."""
    assert render(DanaError("no file")) == "error: no file"
    assert render(DanaError("bad", filename="a.na")) == "a.na: error: bad"
    assert render(DanaError("bad", filename="/no/such/a.na", lineno=3)) == "/no/such/a.na:3: error: bad"
    assert render(DanaError("bad", lineno=3, source_line="x")) == "<dana>:3: error: bad\n 3 | x"


def test_internal_errors_ask_for_a_report() -> None:
    """A mistake of ours is called one."""
    assert "please report" in render(InternalError("oops"))


def test_others_follow_in_order() -> None:
    """All independent errors of one file are shown."""
    others = tuple(DanaSyntaxError(f"e{n}", filename="a.na", lineno=n, column=1, source_line="x") for n in (2, 3))
    shown = render(DanaSyntaxError("e1", filename="a.na", lineno=1, column=1, source_line="x", others=others))
    assert [line for line in shown.splitlines() if "error" in line] == [f"a.na:{n}:1: error: e{n}" for n in (1, 2, 3)]


def test_colour_changes_nothing_but_colour() -> None:
    """Coloured text without its colours is the plain text."""
    import re

    wrong = error("\té = y", 6, hint="look")
    assert re.sub(r"\x1b\[[0-9;]*m", "", render(wrong, color=True)) == render(wrong)


def test_describe_is_plain_data() -> None:
    """What ``--json`` prints of an error."""
    assert describe(error("x", 3, hint="h")) == {
        "file": "a.na",
        "line": 12,
        "column": 3,
        "kind": "DanaError",
        "message": "wrong",
        "hint": "h",
    }


# -- call stacks, from Python code compiled under a Dana file name ------------------------------

SOURCE = """\
def dana_u_half(x):
    return ("é" and 1) / x
def class_(x):
    return dana_u_half(x)
def down(n):
    return down(n - 1)
def again(x):
    try:
        class_(x)
    except ZeroDivisionError as e:
        raise ValueError("no half") from e
"""


@pytest.fixture
def functions() -> dict[str, object]:
    """Functions whose frames are Dana frames by their file name."""
    name = "stack.na"
    linecache.cache[name] = (len(SOURCE), None, SOURCE.splitlines(keepends=True), name)
    namespace: dict[str, object] = {}
    exec(compile(SOURCE, name, "exec"), namespace)
    return namespace


def caught(function: object, *args: object) -> BaseException:
    with pytest.raises(Exception) as info:  # noqa: PT011 - the kind is what the test looks at
        function(*args)  # type: ignore[operator]
    return info.value


def test_traceback_shows_dana_calls_only(functions: dict[str, object]) -> None:
    """Dana frames under their Dana names and columns; no frame of Python."""
    assert render_traceback(caught(functions["class_"], 0)) == (
        "stack.na:4:12: in class\n"
        " 4 |     return dana_u_half(x)\n"
        "   |            ^^^^^^^^^^^^^^\n"
        "stack.na:2:12: error: ZeroDivisionError: division by zero\n"
        ' 2 |     return ("é" and 1) / x\n'
        "   |            ^^^^^^^^^^^^^^^"
    )


def test_traceback_joins_what_a_border_translated(functions: dict[str, object]) -> None:
    """A translated error is told once, with its own text and the frames of its origin."""
    origin = caught(functions["class_"], 0)
    try:
        raise DanaRuntimeError("ZeroDivisionError: division by zero", hint="look at x") from origin
    except DanaRuntimeError as translated:
        shown = render_traceback(translated)
    assert shown.count("error:") == 1
    assert shown.splitlines()[0] == "stack.na:4:12: in class"
    assert shown.splitlines()[-1] == "   = hint: look at x"
    assert place_of(origin) == ("stack.na", 2, 12)


def test_traceback_tells_causes_first(functions: dict[str, object]) -> None:
    """``raise … from e`` in Dana shows both stories."""
    first, second = render_traceback(caught(functions["again"], 0)).split("that was the cause of:")
    assert "ZeroDivisionError: division by zero" in first
    assert "stack.na:11:9: error: ValueError: no half" in second


def test_traceback_of_deep_recursion_is_short(functions: dict[str, object]) -> None:
    """A thousand equal calls take a few lines."""
    shown = render_traceback(caught(functions["down"], 5))
    assert len(shown.splitlines()) < 12
    assert "more of this call" in shown


def test_traceback_without_dana_frames() -> None:
    """Errors that no Dana frame saw are still told: a type error at the border, an exception of Python."""
    assert render_traceback(DanaTypeError("'x' must be int")) == "error: 'x' must be int"
    assert render_traceback(ValueError("no")) == "error: ValueError: no"
    assert place_of(ValueError("no")) == (None, None, None)


def test_traceback_of_an_exception_that_cannot_be_described() -> None:
    """A host's exception with a broken ``__str__`` does not break the report."""

    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert render_traceback(Broken()) == "error: Broken"
