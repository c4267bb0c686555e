"""Syntax errors: each names its place, what was expected, and what to write instead."""

from __future__ import annotations

import pytest

from dana2py.parser import MAX_ERRORS, parse
from dana2py.source import Source
from dana_guards.errors import DanaSyntaxError, IncompleteInput


def error_of(text: str) -> DanaSyntaxError:
    """The error that a program gives."""
    with pytest.raises(DanaSyntaxError) as caught:
        parse(Source(text, "m.na"))
    return caught.value


# text, line, column, words of the message, words of the hint
ROWS = [
    ("x = = 1", 1, 5, "'=' is unexpected", "expected an expression"),
    ("x = 1 +", 1, 8, "the end of the line is unexpected", "expected an expression"),
    ("f(1 2)", 1, 5, "expected ')', ',' or an operator", "comma missing"),
    ("if a\n  b", 1, 5, "has no ':' at its end", "':'"),
    ("for x in y", 1, 11, "has no ':' at its end", "':'"),
    ("x = 5 if y", 1, 11, "needs an 'else'", "a if test else b"),
    ("import", 1, 7, "the end of the line", "expected a name"),
    ("from a", 1, 7, "the end of the line", "'import'"),
    ("def f", 1, 6, "the end of the line", "'('"),
    ("agent A(B, C)", 1, 10, "','", "expected ')'"),
    ("x = {1: 2, 3}", 1, 13, "'}'", "expected ':'"),
    ("@d\nx = 1", 2, 1, "'x'", "expected 'def'"),
    # words that are nearly right
    ("esle:\n  x", 1, 6, "'esle' begins no statement", "did you mean 'else'?"),
    ("if a:\n  b\nesle:\n  c", 3, 6, "'esle'", "did you mean 'else'?"),
    ("retrun 3", 1, 8, "'retrun'", "did you mean 'return'?"),
    ("whlie x:\n  y", 1, 7, "'whlie'", "did you mean 'while'?"),
    ("fro i in x:\n  y", 1, 5, "'fro'", "did you mean 'for'?"),
    ("dfe f():\n  x", 1, 5, "'dfe'", "did you mean 'def'?"),
    ("improt a", 1, 8, "'improt'", "did you mean 'import'?"),
    ("If a:\n  b", 1, 4, "'If'", "did you mean 'if'?"),
    ("from a imprt b", 1, 8, "'imprt'", "did you mean 'import'?"),
    ("for i on x:\n y", 1, 7, "'on'", "for name in values:"),
    # Python and other languages
    ("class Foo:\n  x", 1, 7, "no classes", "struct Name:"),
    ("async def f():\n x", 1, 7, "no 'async'", "call_async"),
    ("x = await f()", 1, 11, "no 'await'", "gives its value"),
    ("yield 3", 1, 1, "no generators", "list"),
    ("def f():\n  x = yield", 2, 7, "no generators", "list"),
    ("x = lambda y: y + 1", 1, 17, "a lambda without '::'", "lambda x :: x + 1"),
    ("sorted(a, key=lambda y: y)", 1, 26, "a lambda without '::'", "lambda x :: x + 1"),
    ("lambda: 3", 1, 7, "a lambda without '::'", "lambda x :: x + 1"),
    ("private.x = 1", 1, 8, "'private.'", "private:name"),
    ("x = private", 1, 12, "a reserved word for a scope", "private:name"),
    ("match x:\n  case 1:\n   y", 1, 7, "no 'match'", "elif"),
    ("print 'a'", 1, 7, "'print' is a function", "print(value)"),
    ("i++", 1, 4, "no operator '++'", "+= 1"),
    ("a && b", 1, 4, "no operator '&&'", "'and'"),
    ("a || b", 1, 4, "no operator '||'", "'or'"),
    ("a = !b", 1, 5, "'!' is not an operator", "'not'"),
    ("x => 3", 1, 4, "no operator '=>'", "lambda"),
    ("a <> b", 1, 4, "no operator '<>'", "'!='"),
    ("x === y", 1, 5, "no operator '==='", "'=='"),
    ("a @ b", 1, 3, "no operator '@'", "decorator"),
    ("...", 1, 1, "'...'", "pass"),
    ("while a {\n}", 1, 9, "not written in braces", "indent"),
    ("if x = 1:\n y", 1, 6, "cannot stand in a condition", "'=='"),
    ("x := 3", 1, 3, "needs brackets", "(name := value)"),
    ("if a:\n  b\nelse if c:\n  d", 3, 6, "'else if'", "'elif'"),
    # blocks
    ("else:\n  y", 1, 1, "'else' belongs to no if", "indent"),
    ("except:\n  y", 1, 1, "'except' belongs to no try", "indent"),
    ("x = 1\n  y = 2", 2, 3, "indented deeper", "remove the spaces"),
    ("if a:\nb", 2, 1, "the block after 'if' in line 1 is missing", "pass"),
    ("if a:\n    b\n  c", 3, 3, "fits no block", "column 1, 5"),
    ("    a\n  b", 2, 3, "fits no block", "column 5"),
    ("try:\n  x\ny = 2", 3, 1, "neither 'except' nor 'finally'", "except:"),
    ("try: x\nexcept: y\nexcept A: z", 2, 1, "must be the last", ""),
    # declarations
    ("x: int", 1, 7, "a declaration needs a value", "x: type = value"),
    ("struct A(B):\n  x: int", 1, 9, "do not inherit", "_"),
    ("struct P:\n  x\n", 2, 4, "a field needs a type", "write x: type"),
    ("struct P:\n  x: int\n  'late'\n", 3, 3, "must be its docstring", "first line"),
    ("struct P:\n  f'x'\n", 2, 3, "f-string cannot be a docstring", "plain"),
    ("def f(a, /, b): x", 1, 10, "no markers", "leave it out"),
    ("def f(*, a): x", 1, 8, "no markers", "leave it out"),
    ("def f(*a, *b): x", 1, 11, "only one parameter can have a '*'", ""),
    ("def f(**a, b): x", 1, 12, "no parameter can follow '**'", ""),
    ("interface I:\n  def f(): pass", 2, 3, "'def' cannot stand here", "area() -> float"),
    ("x: 'int' = 3", 1, 4, "a type is not written as a text", "quotes"),
    ("def f() -> 'int': pass", 1, 12, "a type is not written as a text", "quotes"),
    ("def p(x) = [] | f", 1, 12, "at least one stage", ""),
    # names
    ("deliver = 5", 1, 9, "'deliver' is a reserved word", "another name"),
    ("d.agent", 1, 3, "'agent' is a reserved word", "'agent'"),
    ("def f(with): x", 1, 7, "'with' is a reserved word", "another name"),
    ("agent = 3", 1, 7, "'agent' is a reserved word", "another name"),
    ("__init__ = 3", 1, 1, "'__init__' is reserved", "made from its fields"),
    ("x.__class__", 1, 3, "'__class__' is reserved", "two underscores"),
    ("def f(__x__): pass", 1, 7, "'__x__' is reserved", "two underscores"),
    ("café = 1", 1, 4, "'é' cannot stand in a name", "a-z"),
    ("π = 3", 1, 1, "'π' cannot stand in a name", "a-z"),
    # targets
    ("1 = x", 1, 1, "cannot assign to a literal", "'=='"),
    ("a = f() = 2", 1, 5, "cannot assign to a call", "'=='"),
    ("f() += 1", 1, 1, "'+=' needs a single target, not a call", "index"),
    ("(a, b) += 1", 1, 1, "'+=' needs a single target, not a tuple", "index"),
    ("a, b: int = 3", 1, 1, "an annotation needs a single target", "index"),
    ("x = *a", 1, 5, "'*' can only unpack inside", "[*value]"),
    ("try: x\nexcept *A: y", 2, 8, "'*' can only unpack inside", "[*value]"),
    ("*a = b", 1, 1, "must stand in a list or tuple", "*rest, = values"),
    ("[*a, *b] = c", 1, 1, "only one target", ""),
    ("del f()", 1, 5, "cannot delete a call", ""),
    ("for f() in x: y", 1, 5, "cannot assign to a call", ""),
    ("with a as 1: x", 1, 11, "cannot assign to a literal", ""),
    ("[x for 1 in y]", 1, 8, "cannot assign to a literal", ""),
    # literals and characters
    ("b'x'", 1, 1, "the prefix 'b'", "bytes"),
    ("u'x'", 1, 1, "the prefix 'u'", "Unicode"),
    ("xy'x'", 1, 1, "the prefix 'xy'", "r, f"),
    ("1abc", 1, 1, "'1abc' is neither", "letter"),
    ("1__0", 1, 1, "neither a number", "between digits"),
    ("1_", 1, 1, "neither a number", "between digits"),
    ("0x", 1, 1, "'0x' is neither", ""),
    ("x = 'abc", 1, 5, "no closing ' on its line", "'''"),
    ("'\\ud800'", 1, 2, "surrogate", ""),
    ("'a\\x4'", 1, 3, "two hexadecimal digits", "\\\\"),
    ("'\\N{no such thing}'", 1, 2, "no character is named", ""),
    ("x = $a", 1, 5, "'$' has no meaning", "$$"),
    ("x\u00a0= 1", 1, 2, "U+00A0", "ordinary space"),
    ("x = 1\u2028y = 2", 1, 6, "U+2028", "line feed"),
    ("x = “a”", 1, 5, "'“'", "straight quotes"),
    ("x = \\ 3", 1, 5, "after a backslash", "nothing"),
    ("x = 1)", 1, 6, "')' closes nothing", "opening"),
    ("x = (1\n]", 2, 1, "']' does not close '(' of line 1", "')'"),
]


@pytest.mark.parametrize(("text", "line", "column", "message", "hint"), ROWS, ids=[row[0] for row in ROWS])
def test_message(text: str, line: int, column: int, message: str, hint: str) -> None:
    """A wrong program gives one clear message at the right place, with a hint."""
    error = error_of(text)
    assert (error.lineno, error.column) == (line, column)
    assert message in error.message
    assert hint in (error.hint or "")
    assert error.filename == "m.na"
    assert error.source_line == text.split("\n")[line - 1]
    assert not isinstance(error, IncompleteInput)


INCOMPLETE = [
    "if a:",
    "if a:\n",
    "def f():\n  # c\n  if x:\n",
    "try:\n  x\n",
    "@d\n",
    "x = (1,",
    "x = [\n",
    "f(a, {",
    'x = """abc\n',
    "x = f'''a{b}",
    "x = f'{a",
    "x = f'{a:{b",
    "x = 1 + \\\n",
    "def p(x) = f |\n",
    "struct P:\n",
    "while a:\n  b\nelse:",
]


@pytest.mark.parametrize("text", INCOMPLETE)
def test_incomplete(text: str) -> None:
    """A text that more lines could complete says so, for a prompt."""
    assert isinstance(error_of(text), IncompleteInput)


SEVERAL = [
    ("a = = 1\nb = 2\nc = = 3\n", [(1, 5), (3, 5)]),
    ("def f():\n  a = = 1\n  b\n  c = = 2\nd = = 3\n", [(2, 7), (4, 7), (5, 5)]),
    ("def f():\n  yield x\ne = = 1", [(2, 3), (3, 5)]),
    ("if x y:\n  c = = 3\nelse:\n  d = = 4\ne = = 5\n", [(1, 6), (5, 5)]),
    ("try x:\n  a\nexcept:\n  b\nfinally:\n  c\ne = = 5\n", [(1, 5), (7, 5)]),
    ("struct P:\n  x: int\n  y = = 3\n  z: int\n\nclass Q:\n  x\n\ny", [(3, 5), (6, 7)]),
    ("1 = 2\nf() = 3\nx = 4", [(1, 1), (2, 1)]),
    ("x = = 1\nif a:\n", [(1, 5), (2, 6)]),
    ("x = = 1\ny = 2\ndef f(:\n  return 1\n", [(1, 5), (3, 6)]),
    ("if a:\n  b b\n  c = 'open\n  d d", [(2, 5), (3, 7)]),
    ("a = __b__\nc = = 1\nd.__e__()", [(1, 5), (2, 5), (3, 3)]),
    ("if a:\n  b = (1]\n", [(2, 9)]),
    ("  a b\n  c d", [(1, 5), (2, 5)]),
    ("while a:\n  b b\n  if c:\n    d d\n  e e\nf f", [(2, 5), (4, 7), (5, 5), (6, 3)]),
]


@pytest.mark.parametrize(("text", "places"), SEVERAL, ids=[row[0] for row in SEVERAL])
def test_several_errors(text: str, places: list[tuple[int, int]]) -> None:
    """Independent errors are reported at once, in source order, and one mistake only once."""
    error = error_of(text)
    found = [(one.lineno, one.column) for one in (error, *error.others)]
    assert found == places


def test_number_of_errors_is_limited() -> None:
    """A file full of errors gives the first twenty."""
    error = error_of("a b\n" * 1000)
    assert len(error.others) == MAX_ERRORS - 1
