"""``dana2py show``: what is shown is what runs, with the comments of the program."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any, Literal

import pytest

from benchmarks.programs import SIZES
from dana2py.compiler import compile_source, lowered_ast
from dana2py.show import VIEWS, Comments, show_source, unparse
from dana2py.source import Source
from dana_guards.errors import DanaSyntaxError
from dana_guards.namespace import Environment, make_builtins, make_namespace
from dana_guards.policy import Policy

TESTS = Path(__file__).parent
KERNELS = sorted(TESTS.glob("benchmarks/kernels/typed/*.na"))
# Not the web example: its host lends it functions, and what nobody lends does not compile.
PLACES = ("golden/*.na", "../examples/*.na", "../examples/dana_modules/*.na", "corpus/programs/c*.na")
PROGRAMS = sorted(path for place in PLACES for path in TESTS.glob(place))


def source(text: str) -> Source:
    return Source(text, "a.na")


class Negatives(ast.NodeTransformer):
    """A negative constant as the parser gives it: a minus before a positive one."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if type(node.value) in (int, float) and str(node.value).startswith("-"):
            return ast.UnaryOp(ast.USub(), ast.Constant(-node.value))
        return node


def normal(tree: ast.AST) -> str:
    """A tree without positions, with negative numbers and texts in f-strings as the parser gives them."""
    tree = Negatives().visit(copy.deepcopy(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            merged: list[ast.expr] = []
            for part in node.values:
                last = merged[-1] if merged else None
                if isinstance(part, ast.Constant) and isinstance(last, ast.Constant):
                    merged[-1] = ast.Constant(f"{last.value}{part.value}")
                elif not (isinstance(part, ast.Constant) and part.value == ""):
                    merged.append(part)
            node.values = merged
    return ast.dump(tree)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_exact_is_what_runs(path: Path) -> None:
    """The exact view, parsed again, is the guarded ast node by node."""
    text = path.read_text(encoding="utf-8")
    for profile in ("limited", "unlimited"):
        shown = show_source(Source(text, path.name), view="exact", profile=profile)
        guarded = lowered_ast(text, path.name, Policy(profile=profile), "guarded")
        expected = guarded if "''.join((" not in unparse(guarded) else ast.parse(unparse(guarded))
        assert normal(ast.parse(shown)) == normal(expected)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_readable_is_the_lowered_ast(path: Path) -> None:
    """Comments, blank lines and marks change nothing in the Python that is shown; every comment is there once."""
    text = path.read_text(encoding="utf-8")
    lowered = unparse(lowered_ast(text, path.name, stage="lowered"))
    for view in ("readable", "guards"):
        shown = show_source(Source(text, path.name), view=view)
        assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(lowered))
        comments = Comments(Source(text, path.name))
        own = [line for line in comments.before(10**9) if line]
        for comment in own:
            assert comment in shown


def instructions(code: CodeType) -> Iterator[bytes]:
    """The bytes of a code object and of all inside it; not the names, which are made readable afterwards."""
    yield code.co_code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from instructions(constant)


def namespace_of(profile: Literal["limited", "unlimited"]) -> dict[str, Any]:
    """Globals with the hooks of a fresh context."""
    policy = Policy(profile=profile)
    return make_namespace(make_builtins(Environment(policy=policy)), "kernel", "kernel.na")


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_exact_runs_like_the_module(path: Path) -> None:
    """The exact view, parsed again and run under the same hooks, gives the results of the module."""
    text = path.read_text(encoding="utf-8")
    shown = show_source(Source(text, path.name), view="exact", profile="unlimited")
    module, again = namespace_of("unlimited"), namespace_of("unlimited")
    compiled = compile_source(text, path.name, policy=Policy(profile="unlimited"))
    guarded = lowered_ast(text, path.name, Policy(profile="unlimited"), "guarded")
    assert [*instructions(compile(guarded, path.name, "exec", optimize=0))] == [*instructions(compiled.code)]
    exec(compiled.code, module)
    exec(compile(shown, "shown.py", "exec"), again)
    size = min(SIZES[path.stem], 40)
    assert again["run"](size) == module["run"](size)


PROGRAM = '''\
# Head.

# About half.
def half(x):  # the half
    # inside
    return x / 2  # "# no comment" here


text = "# no comment"
many = [  # first
    1,
    # between
    2,
]
if half(2) > 1:
    # deep
    pass
# foot
'''


def test_comments_stand_where_they_stood() -> None:
    """Own lines before their statement with its indentation, ends of lines at the margin, the rest at the end."""
    shown = show_source(source(PROGRAM), view="readable")
    lines = [re.sub(r" {2,}", "  ", line) if "a.na" in line else line for line in shown.splitlines()]
    assert lines[0] == "# Head."
    assert lines[2] == "# About half."
    assert lines[3] == "def half(x):  # a.na:4  # the half"
    assert lines[4] == "    # inside"
    assert lines[5].startswith("  return x / 2  # a.na:6")
    assert lines[5].endswith('# "# no comment" here')
    assert "text = '# no comment'  # a.na:9" in lines
    assert lines[-1] == "# foot"
    assert shown.count("# between") == 1
    assert "    # deep" in shown


LONG = """\
x = [  # open
    # own
    1,  # one

    2,
]  # close
y = (1 +
     2)  # sum
def f(a,  # the a
      b=2  # the b
      ):  # head
    # body
    return g(
        # argument
        a
    )
def g(x) = len | $$ + 1
"""


def test_comments_inside_a_statement_stand_before_it() -> None:
    """A statement of several lines becomes one: the comments between its lines are not lost and stay with it."""
    shown = show_source(source(LONG)).split("\n")
    assert shown[:4] == ["# own", "# one", "# close", "x = [1, 2]" + " " * 54 + "# a.na:1  # open"]
    assert shown[4].endswith("# a.na:7  # sum")
    assert shown[5:8] == ["# the b", "# head", "def f(a, b=2):" + " " * 50 + "# a.na:9  # the a"]
    assert [line.strip() for line in shown[8:10]] == ["# body", "# argument"]


def test_a_function_on_one_line_has_its_marks_on_the_body() -> None:
    """The head of a composition has no guards of its own."""
    head, *body = show_source(source("def g(x) = len | $$ + 1\n")).rstrip().split("\n")
    assert head.endswith("# a.na:1")
    assert all("a.na:1" in line for line in body)


def test_short_marks_name_the_guards_that_stay() -> None:
    """Where text may meet a number the line says so; where types are known it does not."""
    shown = show_source(source("def f(a, b):\n    return a + b\nx = 1 + 2\n"), view="readable")
    assert re.search(r"return a \+ b +# a\.na:2  \[\+\]", shown)
    assert re.search(r"x = 1 \+ 2 +# a\.na:3$", shown, re.MULTILINE)


def test_guards_view_names_guards_and_reasons() -> None:
    """Each guard by name; each one left out with its reason."""
    text = "def f(a, b):\n    return a == b\nx = 1 + 2\ndef g():\n    y = 0.5\n    return y > 1\n"
    shown = show_source(source(text), view="guards")
    assert re.search(r"a == b .*guards: .*_eq_", shown)
    assert re.search(r"x = 1 \+ 2 .*none needed: \+: int\]", shown)
    assert re.search(r"return y > 1 .*none needed: >: float and int", shown)


def test_stages_are_listed() -> None:
    """Tokens with their places, the tree with its lines."""
    tokens = show_source(source("x = 1 # c\n"), view="tokens")
    assert re.search(r"^1:1 +NAME +'x'$", tokens, re.MULTILINE)
    tree = show_source(source("x = f(1)\n"), view="tree")
    assert "Assign  @1" in tree
    assert re.search(r"func: Name name='f'", tree)


def test_fstrings_that_old_pythons_cannot_write() -> None:
    """Backslashes and all kinds of quotes inside a field: the shown text still means the same."""
    text = "def f(d):\n    return f\"{d['a' + \"b\"] + '\\n' + '''x'''}{d!r:>{len('\\t')}}\"\n"
    for view in ("exact", "readable", "lowered", "guarded"):
        shown = show_source(source(text), view=view)
        ast.parse(shown)


def test_all_views_of_an_empty_program() -> None:
    """A program of nothing, or of comments only, can be shown."""
    for view in VIEWS:
        assert isinstance(show_source(source(""), view=view), str)
    assert show_source(source("# only\n"), view="readable") == "# only\n"


def test_wrong_programs_and_views_are_refused() -> None:
    """A syntax error stays one; an unknown view says which there are."""
    with pytest.raises(DanaSyntaxError):
        show_source(source("x = = 1\n"))
    with pytest.raises(ValueError, match="readable"):
        show_source(source("x = 1\n"), view="pretty")
