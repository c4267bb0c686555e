"""The parser: what each construct of the language becomes, and what changes nothing.

Trees are compared by their shape (`support.shapes`). Precedence is compared with Python's own parser,
on random expressions of the part that both languages share.
"""

from __future__ import annotations

import ast
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dana2py import nodes
from dana2py.lexer import KEYWORDS
from dana2py.parser import automaton, parse
from dana2py.source import Source
from support.shapes import shape_of

ROWS = [
    row.strip("\n").split("\n=>\n")
    for row in Path(__file__).with_name("test_parser_shapes.txt").read_text("utf-8").split("---\n")[1:]
]


@pytest.mark.parametrize(("text", "expected"), ROWS, ids=[row[0][:40] for row in ROWS])
def test_shape(text: str, expected: str) -> None:
    """A construct becomes the nodes that the table names."""
    assert shape_of(text) == expected


@pytest.mark.parametrize("text", [row[0] for row in ROWS], ids=[row[0][:40] for row in ROWS])
def test_line_ends_do_not_matter(text: str) -> None:
    """CRLF and lone CR give the same tree as LF, positions included."""
    tree = parse(Source(text))
    assert parse(Source(text.replace("\n", "\r\n"))) == tree
    assert parse(Source(text.replace("\n", "\r"))) == tree


# -- lines, comments, blocks -------------------------------------------------------------------

SAME_AS_PLAIN = [
    ("x = 1;y = 2;", "x = 1\ny = 2"),
    ("  x = 1\n  y = 2", "x = 1\ny = 2"),
    ("\ufeffx = 1", "x = 1"),
    ("if a: b; c\nelse: d", "if a:\n  b\n  c\nelse:\n  d"),
    ("if a:\n\tb\n        c", "if a:\n  b\n  c"),
    ("if a:\n # only\nb", "if a: pass\nb"),
    ("if a:\n # only", "if a: pass"),
    ("def f():\n  # only\n\n  # comments\nb", "def f(): pass\nb"),
    ("if a:\n    x\n  # shallower\n# c\nelif b:\n    y\n        # deeper\nelse:\n    z", "if a: x\nelif b: y\nelse: z"),
    ("try:\n  x\n# c\nexcept:\n  y\n # d\nfinally:\n  z", "try: x\nexcept: y\nfinally: z"),
    ("x = [ # c\n # d\n 1, # e\n # f\n\n 2, # g\n]", "x = [1, 2]"),
    ("x = (\n# c\n1, # d\n# e\n2\n)", "x = (1, 2)"),
    ("x = {\n 'a': 1, # c\n # d\n}", "x = {'a': 1}"),
    ("f( # a\n1, # b\n2 # c\n)", "f(1, 2)"),
    ("def f( # a\n a, # b\n # c\n b = 2, # d\n): pass", "def f(a, b = 2): pass"),
    ("x = a + \\\n  b", "x = a + b"),
    ("@a\n# c\n\n@b\n# d\ndef f(): pass", "@a\n@b\ndef f(): pass"),
    ("@a def f(): pass", "@a\ndef f(): pass"),
    ("struct P:\n  # c\n\n  x: int\n # d\n  y: int\n# e\n", "struct P:\n  x: int\n  y: int"),
    ("struct P:\n  # nothing", "struct P: pass"),
    ("struct P:\n  pass", "struct P: pass"),
    ("interface I:\n  # c\n  f()\n# d\n  g()", "interface I:\n  f()\n  g()"),
    ("interface I:\n  # c\n", "interface I: pass"),
    ("agent A(B):\n  # c\n  x = 1\n", "agent A(B):\n  x = 1"),
    ("def p(x) = f |\n  g |\n  h\ny = 1", "def p(x) = f | g | h\ny = 1"),
    ("def p(x) = f\n  | g # c\n\n  # d\n  | h\ny = 1", "def p(x) = f | g | h\ny = 1"),
    ("def p(x) = (f\n | g\n | h)", "def p(x) = f | g | h"),
    ("if a:\n  def p(x) = f\n    | g\n  b", "if a:\n  def p(x) = f | g\n  b"),
    ("from a import (b, # c\n c as d,\n)", "from a import b, c as d"),
    ("x\x0c = 1", "x = 1"),
    ("x = 1if a else 2", "x = 1 if a else 2"),
    ("def f(): return'x'", "def f(): return 'x'"),
    ("'a' # c", "'a'"),
]


@pytest.mark.parametrize(("text", "plain"), SAME_AS_PLAIN)
def test_layout_does_not_matter(text: str, plain: str) -> None:
    """Comments, blank lines, brackets and one-line forms change nothing (1.1, 1.2)."""
    assert shape_of(text) == shape_of(plain)


@pytest.mark.parametrize("text", ["", "\n\n", "# c", "  # c\n\n", "\t"])
def test_empty_programs(text: str) -> None:
    """A text without statements is a module without statements (1.1)."""
    assert parse(Source(text)).body == ()


@pytest.mark.parametrize(
    ("text", "strict"),
    [
        ("# dana: strict\nx = 1", True),
        ("# first\n\n  #  dana:  strict \nx = 1", True),
        ("x = 1\n# dana: strict\n", False),
        ("# dana: strictly\nx", False),
        ("'# dana: strict'\nx", False),
    ],
)
def test_strict_pragma(text: str, strict: bool) -> None:
    """Only a leading comment sets the pragma."""
    assert parse(Source(text)).strict is strict


def test_docstrings() -> None:
    """A leading string is the docstring of a module and of a function, and still a statement there."""
    module = parse(Source('"""M."""\ndef f():\n  "F."\n  pass\nstruct S:\n  "S."\n  x: int\n'))
    _, function, struct = module.body
    assert module.docstring == "M."
    assert isinstance(module.body[0], nodes.ExprStmt)
    assert isinstance(function, nodes.FunctionDef)
    assert isinstance(struct, nodes.StructDef)
    assert (function.docstring, struct.docstring) == ("F.", "S.")
    assert parse(Source("x = 1\n'late'")).docstring is None
    assert parse(Source("f'x'")).docstring is None


# -- names and literals ------------------------------------------------------------------------

WORDS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True).filter(
    lambda word: word not in KEYWORDS and not (word.startswith("__") and word.endswith("__"))
)


@given(WORDS)
def test_every_name_survives(word: str) -> None:
    """Any identifier that is no reserved word is a name everywhere (1.3)."""
    text = f"{word} = {word}.{word}({word}={word})\ndef {word}({word}: {word}): pass"
    expected = f"{word} = {word}.{word}({word}={word}); "
    assert shape_of(text).startswith(expected + f"FunctionDef({word}, -, [Param({word}, {word}, -, plain)]")


def test_reserved_words() -> None:
    """Exactly the 53 words of section 1.3 are reserved; Python's other keywords are names."""
    assert len(KEYWORDS) == 53
    assert shape_of("class = async = await = match = type = int = nothing = case") == (
        "class = async = await = match = type = int = nothing = case"
    )


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"))


@given(TEXTS)
def test_every_text_survives(text: str) -> None:
    """A string written with Python's escapes has Python's value (1.5)."""
    (statement,) = parse(Source(repr(text))).body
    assert isinstance(statement, nodes.ExprStmt)
    assert isinstance(statement.value, nodes.Constant)
    assert statement.value.value == text


@given(TEXTS.filter(lambda text: '"""' not in text and "\\" not in text and not text.endswith('"')))
def test_raw_text_survives(text: str) -> None:
    """Between triple quotes everything stands for itself, line ends and other alphabets included."""
    for prefix in ("", "r", "R"):
        assert shape_of(f'{prefix}"""{text}"""') == repr(text)


ESCAPES = [r"\a\b\f\n\r\t\v", r"\\\'\"", r"\0\12\101\777", r"\x41\u00e9\U0001F600", r"\N{BULLET}"]
ESCAPES += [r"\q\ \%", "a\\\nb", r"\8"]


@pytest.mark.parametrize("text", ESCAPES)
@pytest.mark.filterwarnings("ignore")
def test_escapes(text: str) -> None:
    """Escapes are those of Python; unknown ones stay as they are."""
    assert shape_of(f"'''{text}'''") == repr(ast.literal_eval(f"'''{text}'''"))
    assert shape_of(f"r'''{text}'''") == repr(ast.literal_eval(f"r'''{text}'''"))


@given(st.one_of(st.integers(min_value=0), st.floats(min_value=0, allow_nan=False, allow_infinity=False)))
def test_every_number_survives(number: float) -> None:
    """Numbers have Python's value, in all bases (1.4)."""
    assert shape_of(repr(number)) == repr(number)
    if isinstance(number, int):
        forms = f"[{number:#x}, {number:#o}, {number:#b}, {number:_}, 00{number}]"
        assert shape_of(forms) == f"L[{', '.join([repr(number)] * 5)}]"


# -- precedence, against Python ----------------------------------------------------------------

BINARY = ["+", "-", "*", "/", "//", "%", "**", "|", "&", "^", "<<", ">>"]
COMPARE = ["<", ">", "<=", ">=", "==", "!=", "in", "not in", "is", "is not"]


def _extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, st.sampled_from([*BINARY, *COMPARE, "and", "or"]), inner).map(" ".join)
    return st.one_of(
        two,
        two,
        inner.map("({})".format),
        inner.map("not {}".format),
        inner.map("[{}, 1]".format),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
        st.tuples(st.sampled_from("abc"), inner).map(lambda parts: f"{parts[0]}.m({parts[1]}, k=1)[{parts[1]}:]"),
    )


EXPRESSIONS = st.recursive(st.sampled_from(["a", "b", "c", "1", "'t'"]), _extend, max_leaves=12)
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.BitOr: "|", ast.BitAnd: "&", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.And: "and", ast.Or: "or",
    ast.Lt: "<", ast.Gt: ">", ast.LtE: "<=", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.In: "in",
    ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip


def python_shape(node: ast.AST) -> str:
    """The shape of a Python expression in the notation of `support.shapes`."""
    match node:
        case ast.BinOp():
            return f"({python_shape(node.left)} {_OPERATORS[type(node.op)]} {python_shape(node.right)})"
        case ast.BoolOp():
            return "(" + f" {_OPERATORS[type(node.op)]} ".join(map(python_shape, node.values)) + ")"
        case ast.Compare():
            links = zip(node.ops, node.comparators, strict=True)
            tail = "".join(f" {_OPERATORS[type(op)]} {python_shape(right)}" for op, right in links)
            return f"({python_shape(node.left)}{tail})"
        case ast.UnaryOp():
            return f"(not {python_shape(node.operand)})"
        case ast.IfExp():
            return f"({python_shape(node.body)} if {python_shape(node.test)} else {python_shape(node.orelse)})"
        case ast.List():
            return f"L[{', '.join(map(python_shape, node.elts))}]"
        case ast.Subscript(slice=ast.Slice(lower=ast.AST() as lower)):
            return f"{python_shape(node.value)}[Slice({python_shape(lower)}:-:-)]"
        case ast.Call():
            parts = [*map(python_shape, node.args), *(f"{k.arg}={python_shape(k.value)}" for k in node.keywords)]
            return f"{python_shape(node.func)}({', '.join(parts)})"
        case ast.Attribute():
            return f"{python_shape(node.value)}.{node.attr}"
        case _:
            return ast.unparse(node)


@settings(deadline=None)
@given(EXPRESSIONS)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_precedence_is_that_of_python(text: str) -> None:
    """Where both languages have the operators, both give the same tree (4.1), signs under `**` apart."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        with pytest.raises(SyntaxError):
            parse(Source(text))
        return
    assert shape_of(text) == python_shape(tree.body)


def test_signs_bind_tighter_than_powers() -> None:
    """``-2 ** 2`` is 4 in Dana (4.1)."""
    assert shape_of("-2 ** 2") == "((- 2) ** 2)"


# -- long chains -------------------------------------------------------------------------------


@pytest.mark.parametrize("joint", [" and ", " or ", " < ", " == ", ", ", " 'b' "])
def test_flat_chains_have_no_limit(joint: str) -> None:
    """Ten thousand terms of a chain that is one node are fine."""
    term = "'a'" if "'" in joint else "a"
    parse(Source(f"x = {joint.join([term] * 10_000)}"))


@pytest.mark.parametrize("text", ["+".join(["a"] * 501), "**".join(["a"] * 501), "a" + ".b" * 500, "not " * 500 + "a"])
def test_chains_of_five_hundred(text: str) -> None:
    """Chains that nest are accepted up to five hundred links."""
    parse(Source(text))


# -- several threads ---------------------------------------------------------------------------


def test_threads_give_the_same_trees() -> None:
    """Four threads that switch all the time parse like one: no state is shared that could be torn."""
    texts = [row[0] for row in ROWS]
    expected = [parse(Source(text)) for text in texts]
    results: list[list[nodes.Module]] = [[] for _ in range(4)]
    automaton.cache_clear()  # the threads also load the tables and remember the first steps

    def work(index: int) -> None:
        results[index] = [parse(Source(text)) for text in texts]

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert results == [expected] * 4
