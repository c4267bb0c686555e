"""Stubs: a type checker knows what Dana modules offer."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from dana2py.cli_files import write_stubs
from dana2py.source import Source
from dana2py.stubs import stub_text

SHAPES = '''\
"""Shapes."""
struct Circle:
    """Round."""
    radius: float
    name: str = "circle"  # shown to people

def (c: Circle) area(scale: float = 1.0) -> float:
    return 3 * c.radius ** 2 * scale

interface Shape:
    area(scale: float) -> float

def grow(shape: Circle, by: float) -> Circle:
    """A larger one."""
    return Circle(radius=shape.radius + by)

def anything(x, class: int = 1):
    return x

def chain(x: int) -> str = anything | str
LIMIT = 10
rates: dict[str, float] = {}
'''


def stub(text: str) -> str:
    return stub_text(Source(text, "a.na"))


def test_stub_of_a_module() -> None:
    """Signatures, structs with methods, interfaces, values."""
    shown = stub(SHAPES)
    ast.parse(shown)
    for line in (
        "    radius: float",
        "    def __init__(self, radius: float, name: str = ...) -> None: ...",
        "    def area(self, scale: float = ...) -> float: ...",
        "class Shape(Protocol):",
        "def grow(shape: Circle, by: float) -> Circle:",
        '    "A larger one."',
        "def anything(x: Any, class_: int = ...) -> Any: ...",
        "def chain(x: int) -> str: ...",
        "LIMIT: int",
        "rates: dict[str, float]",
    ):
        assert line in shown.splitlines()


@pytest.mark.parametrize(
    ("text", "present", "absent"),
    [
        ("_x = 1\ny = 2\n", "y: int", "_x"),
        ("export a\na = 1\nb = 2\n", "a: int", "b"),
        ('__exports__ = ["a"]\na = 1\nb = 2\n', "a: int", "b"),
        ("private:p = 1\nq = 1\n", "q: int", "p:"),
        ("def class(x): return x\nasync = 1\n", "def class_(x: Any)", "class("),
        ("def list(x: list) -> int:\n    return 1\n", "def list(x: builtins.list[Any]) -> int", "x: list"),
        ("struct Any:\n    x: int\n    y: any\n", "y: typing.Any", "y: Any"),
        ("def f(a=1, *b, c: int, d=1): return a\n", "c: int, d: Any = ...)", "c: int ="),
        ("a = [1, 2]\nb = {'k': (1, 'x')}\nc = -1.5\n", "b: dict[str, tuple[int, str]]", "c: Any"),
        ("a = [1, 'x']\nb = []\nc = {}\nd = {**c}\n", "a: list[Any]", "Any]]"),
        ("def f() -> str:\n    return ''\na = f()\n", "a: str", "a: Any"),
        ("from m import T\ndef f(x: T) -> list[T]:\n    return [x]\n", "def f(x: T) -> list[T]", "x: Any"),
        ("from m import _p, q as _q\nx = 1\n", "x: int", "import _p"),
        ("struct P:\n    one: int\n", "__match_args__ = ('one',)", "('one')"),
        ("x: Unknown = 1\n", "x: Any", "Unknown"),
        ("if 1:\n    a = 1\nelse:\n    b = 's'\n", "b: str", "None"),
        ("a = 1\na: str = 's'\n", "a: str", "a: int"),
        ("struct P:\n    size: int\ndef (p: P) size() -> int:\n    return 1\n", "size: int", "def size"),
    ],
)
def test_what_is_offered(text: str, present: str, absent: str) -> None:
    """Private, unexported and unspellable names are not in the stub; the last binding of a name counts."""
    shown = stub(text)
    ast.parse(shown)
    assert present in shown
    assert absent not in shown


def test_mypy_finds_the_wrong_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A Python program that imports Dana modules: right calls pass, the one wrong call is found."""
    (tmp_path / "shapes.na").write_text(SHAPES)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "more.na").write_text("from shapes import grow\nZERO = 0\n")
    assert write_stubs((str(tmp_path),), str(tmp_path / "typings")) == 0
    assert "2 stubs written" in capsys.readouterr().out
    (tmp_path / "program.py").write_text(
        "from dana_modules.shapes import Circle, LIMIT, Shape, grow\n"
        "from dana_modules.deep.more import ZERO, grow as again\n"
        "def area(shape: Shape) -> float:\n"
        "    return shape.area(1.0)\n"
        "circle = grow(Circle(radius=1), 2.5)\n"
        "again(circle, LIMIT + ZERO)\n"
        "area(circle)\n"
        "grow(circle, 'wrong')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file=", "program.py"],
        cwd=tmp_path,
        env={"MYPYPATH": "typings", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert len(errors) == 1, done.stdout + done.stderr
    assert errors[0].startswith("program.py:8:")
    assert 'expected "float"' in errors[0]


def test_a_module_that_does_not_compile_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are written all the same; exit code 1."""
    (tmp_path / "bad.na").write_text("x = = 1\n")
    (tmp_path / "good.na").write_text("x = 1\n")
    assert write_stubs((str(tmp_path),), str(tmp_path / "typings")) == 1
    captured = capsys.readouterr()
    assert "bad.na:1:5: error:" in captured.err
    assert (tmp_path / "typings" / "dana_modules" / "good.pyi").exists()
    assert not (tmp_path / "typings" / "dana_modules" / "bad.pyi").exists()


def test_the_package_stub_offers_what_the_package_offers() -> None:
    """The stub takes the place of the installed package, so its `configure` must not fall behind."""
    import inspect

    import dana_modules
    from dana2py.stubs import PACKAGE_STUB

    tree = ast.parse(PACKAGE_STUB)
    [function] = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert {argument.arg for argument in function.args.kwonlyargs} == set(
        inspect.signature(dana_modules.configure).parameters
    )


MODULES = {
    "kw.na": "struct S:\n    class: int\n    ok: str = 'a'\n"
    "    def async(self, class: int = 1) -> int:\n        return class\n"
    "def class(x: int) -> int:\n    return x\nasync = 3\n",
    "shapes.na": "struct Circle:\n    radius: float\n    tags: list[str] = []\n"
    "def (c: Circle) area() -> float:\n    return 3.0 * c.radius\n"
    "def make(r: float) -> Circle:\n    return Circle(radius=r)\n"
    "def pick(a: int | str, b: dict[str, list[int]], c: Circle | None = None) -> list[Circle]:\n    return []\n",
    "pk/__init__.na": "from shapes import Circle, make as build\n"
    "from .inner import *\nimport shapes\nimport math.py as math\n"
    "def grow(c: Circle, by: float = 1.0) -> Circle:\n    return Circle(radius=c.radius + by)\n"
    "names = ['a', 'b']\npair = (1, 'a')\n",
    "pk/inner.na": "def inner(x: int, *rest, key: int = 1) -> int:\n    return x\n",
}

RIGHT = """\
from dana_modules import kw, pk
from dana_modules.pk import Circle, build, grow, inner, names, pair
from dana_modules.shapes import pick

s = kw.S(class_=kw.async_)
s.class_ = kw.class_(s.async_(class_=2))
circles = pick("a", {"k": [1]}, grow(build(2.0), by=1))
area: float = circles[0].area() + pk.shapes.make(1.0).radius + inner(1, "x", key=2)
texts: list[str] = names + circles[0].tags + [pair[1]]
match build(1.0):
    case Circle(radius, tags):
        texts = tags
"""

WRONG = [
    "kw.S(ok='a')",
    "kw.class_('a')",
    "pick(1.5, {})",
    "pick(1, {'k': ['a']})",
    "grow(1)",
    "build('x')",
    "inner(1, key='x')",
    "names.append(1)",
    "pair[2]",
    "circles[0].area(1)",
    "circles[0].rdius",
    "pk.shapes.mak(1.0)",
]


def test_mypy_sees_all_shapes(tmp_path: Path) -> None:
    """Keywords as names, unions, generics, packages, re-exports: right uses pass, wrong ones do not."""
    for name, text in MODULES.items():
        path = tmp_path / "dana_modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert write_stubs((str(tmp_path / "dana_modules"),), str(tmp_path / "typings")) == 0
    (tmp_path / "program.py").write_text(RIGHT + "".join(f"{line}\n" for line in WRONG))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file=", "program.py"],
        cwd=tmp_path,
        env={"MYPYPATH": "typings", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = {int(line.split(":")[1]) for line in done.stdout.splitlines() if "error:" in line}
    first = RIGHT.count("\n") + 1
    assert lines == set(range(first, first + len(WRONG))), done.stdout + done.stderr
    program = RIGHT.replace("circles[0]", "pk.Circle(1.0)")
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)
    assert run.returncode == 0
