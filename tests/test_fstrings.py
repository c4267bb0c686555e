"""f-strings: text, fields, specs, Dana's own colons, true positions, and errors (section 1.6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dana2py import nodes
from dana2py.fstrings import MAX_FIELDS
from dana2py.parser import parse
from dana2py.source import Source
from dana_guards.errors import DanaSyntaxError, IncompleteInput
from support.shapes import all_nodes, shape_of


def parts_of(text: str) -> str:
    """The parts of the only f-string of a program, as a shape."""
    shown = shape_of(text)
    assert shown.startswith("FString([")
    return shown[len("FString([") : -2]


def field(value: str, conversion: str = "-", spec: str = "-", debug: str = "-") -> str:
    """The shape of a field."""
    return f"FormatField({value}, {conversion}, {spec}, {debug})"


def spec(*parts: str) -> str:
    """The shape of a format spec."""
    return f"FString([{', '.join(parts)}])"


FORMS = [
    ('f"{d["k"]}"', field("d['k']")),
    ("f'{d['k']}'", field("d['k']")),
    ("F'{x}' 't'", field("x") + ", t"),
    ("'s' f'{x}' 'a' 'b'", "s, " + field("x") + ", ab"),
    ("f'a{{b}}c{{{x}}}'", "a{b}c{, " + field("x") + ", }"),
    ("f'{x:.2f}'", field("x", spec=spec(".2f"))),
    ("f'{x!r}{x!s:>3}{x !a}'", ", ".join([field("x", "r"), field("x", "s", spec(">3")), field("x", "a")])),
    ("f'{x:{w}.{p}}'", field("x", spec=spec(field("w"), ".", field("p")))),
    ("f'{x:{y:{z}}}'", field("x", spec=spec(field("y", spec=spec(field("z")))))),
    ("f'{x:{y!r:>3}}'", field("x", spec=spec(field("y", "r", spec(">3"))))),
    ("f'{x:%H:%M}'", field("x", spec=spec("%H:%M"))),
    ("f'{x::>5}{x:=5}{x:!r}'", ", ".join(field("x", spec=spec(text)) for text in (":>5", "=5", "!r"))),
    ("f'{x=}{ x + 1 = }'", field("x", debug="x=") + ", " + field("(x + 1)", debug=" x + 1 = ")),
    ("f'{x=!s:3}'", field("x", "s", spec("3"), "x=")),
    ("f'{x==y}{x!=y}{x<=y}'", ", ".join(map(field, ["(x == y)", "(x != y)", "(x <= y)"]))),
    ("f'{private:x + 1}'", field("(private:x + 1)")),
    ("f'{private:x:>5}'", field("private:x", spec=spec(">5"))),
    ("f'{ public : x : y }'", field("public:x", spec=spec(" y "))),
    ("f'{a + system:x:3}'", field("(a + system:x)", spec=spec("3"))),
    ("f'{(private:x):private:x}'", field("private:x", spec=spec("private:x"))),
    ("f'{lambda z: int :: z}'", field("Lambda(-, [Param(z, int, -, plain)], z)")),
    ("f'{lambda :: x:3}'", field("Lambda(-, [], x)", spec=spec("3"))),
    ("f'{(lambda q :: q)(1)}'", field("Lambda(-, [Param(q, -, -, plain)], q)(1)")),
    ("f'{x[1:2]}{x[::2]}'", field("x[Slice(1:2:-)]") + ", " + field("x[Slice(-:-:2)]")),
    ("f'{ {1: 2}[1] }'", field("DictExpr([[1, 2]])[1]")),
    ("f'{a, b}{*a, b}'", field("T[a, b]") + ", " + field("T[*a, b]")),
    ("f'{a if b else c}'", field("(a if b else c)")),
    ("f'{(n := 1)}'", field("(n := 1)")),
    ("f'''a\n{x\n + # }}} '''\n y}\n'b'''", "a\n, " + field("(x + y)") + ", \n'b"),
    ("f'{\n x\n}'", field("x")),
    (r"f'\t\N{BULLET}\x41{x}'", "\t•A, " + field("x")),
    (r"f'\q\{x}'", "\\q\\, " + field("x")),
    (r"rf'\t{x:\d}'", r"\t, " + field("x", spec=spec(r"\d"))),
    (r"fR'\N{x}'", r"\N, " + field("x")),
    ("f'{f'{f'{x}'}'}'", field(spec(field(spec(field("x")))))),
    ("f'{'a' if x else '}'}'", field("('a' if x else '}')")),
    ("f'{'{'}'", field("'{'")),
    ("f'{x}{y}'", field("x") + ", " + field("y")),
    ("f'a\\\nb{x}'", "ab, " + field("x")),
]


@pytest.mark.parametrize(("text", "expected"), FORMS, ids=[row[0] for row in FORMS])
def test_forms(text: str, expected: str) -> None:
    """Fields, conversions, specs and colons are read as in Python 3.12, with Dana's own colons."""
    assert parts_of(text) == expected


@pytest.mark.parametrize("text", ["f''", 'f""""""', "rf''"])
def test_empty(text: str) -> None:
    """An f-string without anything in it has no parts."""
    assert shape_of(text) == "FString([])"


PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"))


@given(st.lists(PLAIN, min_size=1, max_size=5))
def test_text_between_fields_survives(texts: list[str]) -> None:
    """Any text, escaped and with its braces doubled, stands unchanged between the fields."""
    escaped = [repr(text + "'\"")[1:-1].replace("{", "{{").replace("}", "}}") for text in texts]
    (statement,) = parse(Source("f'" + "{x}".join(escaped) + "'")).body
    assert isinstance(statement, nodes.ExprStmt)
    assert isinstance(statement.value, nodes.FString)
    found = [part for part in statement.value.parts if isinstance(part, str)]
    assert found == [text + "'\"" for text in texts]


@given(PLAIN.filter(lambda text: '"""' not in text and not text.endswith('"') and not set(text) & set("{}\\")))
def test_raw_text_survives(text: str) -> None:
    """Between triple quotes everything but braces and backslashes stands for itself."""
    (statement,) = parse(Source(f'f"""{text}"""')).body
    assert isinstance(statement, nodes.ExprStmt)
    assert isinstance(statement.value, nodes.FString)
    assert statement.value.parts == ((text,) if text else ())


def test_positions_are_those_of_the_file() -> None:
    """Every name inside f-strings, nested and over several lines, stands where its span says."""
    text = "'é'; x = 1\nx = f'''a{ alpha }\n  {beta!r:>{gamma}}{f\"{delta.epsilon[zeta]}\"\n} {private:eta:3}'''\n"
    source = Source(text)
    names = [node for node in all_nodes(parse(source)) if isinstance(node, nodes.Name | nodes.ScopedName)]
    assert len(names) == 8
    for node in names:
        line, column, end_line, end_column = node.span
        written = node.name if isinstance(node, nodes.Name) else f"{node.scope}:{node.name}"
        assert line == end_line
        assert source.line_text(line)[column:end_column] == written


ERRORS = [
    ("f'{}'", 3, "no expression", DanaSyntaxError),
    ("f'a{ }'", 4, "no expression", DanaSyntaxError),
    ("f'{!r}'", 3, "no expression", DanaSyntaxError),
    ("f'{:3}'", 3, "no expression", DanaSyntaxError),
    ("f'{x:{}}'", 6, "no expression", DanaSyntaxError),
    ("f'}'", 3, "'}' alone", DanaSyntaxError),
    ("f'{x'", 3, "no closing }", DanaSyntaxError),
    ("f'{'", 3, "no closing }", DanaSyntaxError),
    ("f'{x", 3, "no closing }", IncompleteInput),
    ("f'{x:'", 6, "ends inside a format spec", DanaSyntaxError),
    ("f'{x:a\nb}'", 1, "no closing ' on its line", DanaSyntaxError),
    ("f'{x!z}'", 5, "conversion", DanaSyntaxError),
    ("f'{x!}'", 5, "conversion", DanaSyntaxError),
    ("f'{x!r y}'", 7, "after the conversion", DanaSyntaxError),
    ("f'{x y}'", 6, "'y' cannot follow 'x'", DanaSyntaxError),
    ("f'{1 +}'", 7, "'}' is unexpected", DanaSyntaxError),
    ("f'{x = 3}'", 6, "cannot assign", DanaSyntaxError),
    ("f'{x)}'", 5, "')' does not close", DanaSyntaxError),
    ("f'{(x}'", 6, "'}' does not close '('", DanaSyntaxError),
    ("f'{x;y}'", 5, "';' cannot stand", DanaSyntaxError),
    ("f'{*x}'", 4, "'*' can only unpack", DanaSyntaxError),
    ("f'{x", 3, "no closing", IncompleteInput),
    ("f'abc", 1, "no closing '", DanaSyntaxError),
    ("f'''abc", 1, "no closing '''", IncompleteInput),
    (r"f'\x4{x}'", 3, "two hexadecimal digits", DanaSyntaxError),
    ("f'{x:{y:{z:{w}}}}'", 11, "nested too deep", DanaSyntaxError),
    ("f'{private.x}'", 11, "'private.' is not how", DanaSyntaxError),
    ("f'{lambda x: x + 1}'", 16, "a lambda without '::'", DanaSyntaxError),
]


@pytest.mark.parametrize(("text", "column", "message", "kind"), ERRORS, ids=[row[0] for row in ERRORS])
def test_errors(text: str, column: int, message: str, kind: type[DanaSyntaxError]) -> None:
    """What cannot be read is a syntax error at its own place."""
    with pytest.raises(DanaSyntaxError) as caught:
        parse(Source(text))
    assert message in caught.value.message
    assert caught.value.column == column
    assert type(caught.value) is kind


def test_number_of_fields_is_limited() -> None:
    """The limit itself is fine, one field more is an error."""
    parse(Source("f'" + "{x}" * MAX_FIELDS + "'"))
    with pytest.raises(DanaSyntaxError, match="fields"):
        parse(Source("f'" + "{x}" * (MAX_FIELDS + 1) + "'"))
