"""``import dana_modules.x``: an ordinary citizen of Python's import system. Each test runs a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Write = Callable[[str, str], Path]
MODULE = '''
"""Areas."""
def calculate_area(width: float, height: float) -> float:
    """The area of a rectangle."""
    return width * height

def fail(x):
    return 1 / x

struct P:
    x: int = 0
    def move(self, dx):
        self.x = self.x + dx
        return self
'''


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Run a program in the folder of the project; its output. ``code=1`` expects it to fail and gives the errors."""

    def run_program(program: str, *, code: int = 0, args: tuple[str, ...] = (), **environment: str) -> str:
        command = [sys.executable, *(args or ("-c", textwrap.dedent(program)))]
        found = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=os.environ | environment, check=False
        )
        assert found.returncode == code, found.stdout + found.stderr
        return found.stderr if code else found.stdout.strip()

    return run_program


def test_functions_are_plain(write: Write, run: Callable[..., str]) -> None:
    """They are Python functions with signature, documentation and source, and count as DanaFunction."""
    write("dana_modules/math_utils.na", MODULE)
    out = run("""
        import inspect, pickle, types
        from dana_modules.math_utils import calculate_area as area
        import dana_modules.math_utils as m
        from opendxa.dana import DanaFunction, DanaModule, DanaObject
        assert type(area) is types.FunctionType and isinstance(area, DanaFunction) and isinstance(m, DanaModule)
        assert not isinstance(len, DanaFunction) and not isinstance(inspect.signature, DanaFunction)
        assert area(2, 3) == 6 and type(area(2, 3)) is int
        assert str(inspect.signature(area)) == "(width: float, height: float) -> float"
        assert area.__doc__ == "The area of a rectangle." and m.__doc__ == "Areas."
        assert "def calculate_area(width: float" in inspect.getsource(area)
        assert inspect.getsourcefile(area).endswith("math_utils.na")
        assert pickle.loads(pickle.dumps(area)) is area
        assert list(m.fail.map([1, 2])) == [1.0, 0.5]
        assert isinstance(m.P(x=1), DanaObject) and m.P(x=1).move(2).x == 3
        print(area.__module__, area.__name__, m.__all__)
    """)
    assert out == "dana_modules.math_utils calculate_area ['P', 'calculate_area', 'fail']"


def test_errors_are_themselves(write: Write, run: Callable[..., str]) -> None:
    """An exception arrives as what it is, and the traceback shows Dana lines and no frame of the import hook."""
    write("dana_modules/m.na", MODULE)
    errors = run("import dana_modules.m as m\nm.fail(0)", code=1)
    assert "in fail\n    return 1 / x" in errors
    assert "ZeroDivisionError: division by zero" in errors
    assert "opendxa" not in errors


def test_specs_and_walking(write: Write, run: Callable[..., str]) -> None:
    """find_spec, walk_packages, resources, reload, and packages with and without __init__.na."""
    write("dana_modules/pk/__init__.na", "from .a import x\n")
    write("dana_modules/pk/a.na", "x = 1\n")
    write("dana_modules/pk/data.txt", "content")
    write("dana_modules/plain/deep/c.na", "from pk.a import *\nimport pk\ny = x + pk.x\n")
    out = run("""
        import importlib, importlib.util, importlib.resources, pkgutil, dana_modules, sys
        names = [info.name for info in pkgutil.walk_packages(dana_modules.__path__, "dana_modules.")]
        assert names == ["dana_modules." + n for n in ("pk", "pk.a", "plain", "plain.deep", "plain.deep.c")], names
        assert importlib.util.find_spec("dana_modules.nowhere") is None
        assert importlib.util.find_spec("dana_modules.plain").origin is None
        import dana_modules.pk
        spec = dana_modules.pk.__spec__
        assert spec.origin.endswith("__init__.na") and spec.loader.is_package("dana_modules.pk")
        assert spec.loader.get_source("dana_modules.pk") == "from .a import x\\n"
        assert importlib.resources.files("dana_modules.pk").joinpath("data.txt").read_text() == "content"
        from dana_modules.plain.deep import c
        assert c.y == 2
        open("dana_modules/pk/a.na", "w").write("x = 10\\n")
        assert importlib.reload(dana_modules.pk.a).x == 10
        open("dana_modules/pk/a.na", "w").write("x = 20\\ny = 1 / 0\\n")
        try:
            importlib.reload(dana_modules.pk.a)
        except ZeroDivisionError:
            print(dana_modules.pk.a.x)
        assert "pk" not in sys.modules and "plain" not in sys.modules
    """)
    assert out == "10"


def test_only_our_names(write: Write, run: Callable[..., str]) -> None:
    """The finder answers for nothing else, and Python's import system is not patched."""
    write("dana_modules/json.na", "x = 1\n")
    write("other.na", "x = 1\n")
    out = run("""
        import sys, importlib.util
        hooks, paths = list(sys.path_hooks), list(sys.path)
        import dana_modules.json, json
        assert not hasattr(json, "x") and dana_modules.json.x == 1
        assert importlib.util.find_spec("other") is None
        assert sys.path_hooks == hooks and sys.path == paths
        print(sum(getattr(finder, "__name__", "") == "DanaFinder" for finder in sys.meta_path))
    """)
    assert out == "1"


def test_dash_m(write: Write, run: Callable[..., str]) -> None:
    """``python -m dana_modules.tool`` runs the top level and then its __main__ with the arguments."""
    write(
        "dana_modules/tool.na", "def __main__(n: int = 1, who = 'you'):\n    print(f'{who} {n + 1}')\nprint(__name__)\n"
    )
    assert run("", args=("-m", "dana_modules.tool", "n=4", "who=Ann")).splitlines() == ["__main__", "Ann 5"]


def test_circular_and_missing(write: Write, run: Callable[..., str]) -> None:
    """Circular imports work as in Python; what is missing is a clear ImportError."""
    write("dana_modules/a.na", "import b\nx = 1\ndef f():\n    return b.g()\n")
    write("dana_modules/b.na", "import a\ndef g():\n    return a.x + 1\n")
    write("dana_modules/c.na", "from d import y\nx = 1\n")
    write("dana_modules/d.na", "from c import x\ny = 1\n")
    write("dana_modules/e.na", "import analitics\n")
    write("dana_modules/analytics.na", "x = 1\n")
    out = run("""
        import dana_modules.a
        print(dana_modules.a.f())
        for name in ("c", "e"):
            try:
                __import__("dana_modules." + name)
            except ImportError as error:
                print(error)
    """).splitlines()
    assert out[0] == "2"
    assert "circular" in out[1]
    assert "did you mean 'analytics'" in out[2]


def test_configure(write: Write, run: Callable[..., str], tmp_path: Path) -> None:
    """Grants, folders and lent functions, before the first import and not after."""
    write("elsewhere/m.na", "def read():\n    return read_file('note.txt') + twice('!')\n")
    write("note.txt", "hello")
    out = run("""
        import dana_modules
        dana_modules.configure(allowed_capabilities=["file_read"], search_paths=["elsewhere"],
                               functions={"twice": lambda text: text * 2})
        import dana_modules.m
        print(dana_modules.m.read())
        from opendxa.dana import DanaContextError
        try:
            dana_modules.configure(allowed_capabilities=[])
        except DanaContextError as error:
            print(error)
        for wrong in ({"allowed_capabilities": ["file_reed"]}, {"search_paths": "x"}, {"functions": {"_x": len}}):
            try:
                dana_modules.configure(**wrong)
            except ValueError:
                print("ValueError")
    """).splitlines()
    assert out[0] == "hello!!"
    assert "before the first import" in out[1]
    assert out[2:] == ["ValueError"] * 3


def test_nothing_is_granted_by_default(write: Write, run: Callable[..., str]) -> None:
    """A module of dana_modules may not read files unless somebody said so; the project file may say so."""
    write("dana_modules/m.na", "def read():\n    return read_file('note.txt')\n")
    write("note.txt", "hello")
    assert "DanaCapabilityError" in run("import dana_modules.m as m; m.read()", code=1)
    write("pyproject.toml", "[tool.dana2py]\nallowed_capabilities = ['file_read']\n")
    assert run("import dana_modules.m as m; print(m.read())") == "hello"
    write("pyproject.toml", "[tool.dana2py]\nalowed_capabilities = []\n")
    assert "did you mean 'allowed_capabilities'" in run("import dana_modules.m", code=1)


def test_search_folders(write: Write, run: Callable[..., str], tmp_path: Path) -> None:
    """The project's folders come first, then DANAPATH, then dana_modules on sys.path, then the working folder."""
    write("one/m.na", "x = 1\n")
    write("two/m.na", "x = 2\n")
    write("dana_modules/m.na", "x = 3\n")
    write("m.na", "x = 4\n")
    program = "import dana_modules.m as m; print(m.x)"
    assert run(program, DANAPATH=str(tmp_path / "two")) == "2"
    assert run(program) == "3"
    write("pyproject.toml", "[tool.dana2py]\nsearch_paths = ['one']\n")
    assert run(program, DANAPATH=str(tmp_path / "two")) == "1"


def test_a_hiding_package_is_explained(write: Write, run: Callable[..., str]) -> None:
    """A user's own dana_modules/__init__.py gets a sentence, not a riddle."""
    write("dana_modules/__init__.py", "")
    write("dana_modules/m.na", "x = 1\n")
    errors = run("import opendxa.dana\nimport dana_modules.m", code=1)
    assert "hides the package dana_modules" in errors
    assert "remove it" in errors


def test_first_import_from_many_threads(write: Write, run: Callable[..., str]) -> None:
    """The top level runs once."""
    write("dana_modules/m.na", "print('loaded')\nimport other\nx = other.y\n")
    write("dana_modules/other.na", "y = 5\n")
    out = run("""
        import threading, importlib
        found = []
        def work():
            found.append(importlib.import_module("dana_modules.m").x)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(found == [5] * 8)
    """).splitlines()
    assert out == ["loaded", "True"]


def test_warm_import_is_light(write: Write, run: Callable[..., str], tmp_path: Path) -> None:
    """The second process loads neither the compiler nor its libraries."""
    write("dana_modules/m.na", MODULE)
    program = """
        import sys
        import dana_modules.m as m
        assert m.calculate_area(2, 3) == 6
        heavy = {"lark", "libcst", "RestrictedPython", "platformdirs", "click", "tomllib", "dana2py.parser",
                 "dana2py.compiler", "dana2py.nodes", "dana_guards.transform", "difflib", "asyncio"}
        print(sorted(heavy & set(sys.modules)))
    """
    run(program, DANA_CACHE_DIR=str(tmp_path / "cache"))
    assert run(program, DANA_CACHE_DIR=str(tmp_path / "cache")) == "[]"


def test_a_warm_context_is_light(write: Write, run: Callable[..., str], tmp_path: Path) -> None:
    """The same for a module that a context imports."""
    write("dana_modules/m.na", MODULE)
    program = """
        import sys
        from opendxa.dana import DanaRuntime
        with DanaRuntime().create_context() as context:
            assert context.import_module("m").calculate_area(2, 3) == 6
        heavy = {"lark", "libcst", "RestrictedPython", "platformdirs", "click", "dana2py.parser", "dana2py.compiler",
                 "dana2py.nodes", "dana_guards.transform", "asyncio"}
        print(sorted(heavy & set(sys.modules)))
    """
    run(program, DANA_CACHE_DIR=str(tmp_path / "cache"))
    assert run(program, DANA_CACHE_DIR=str(tmp_path / "cache")) == "[]"


def test_async_and_metadata(write: Write, run: Callable[..., str]) -> None:
    """Plain functions can be awaited, mapped and streamed as well."""
    write("dana_modules/m.na", "def double(x: int) -> int:\n    return x * 2\n")
    out = run("""
        import asyncio
        from dana_modules.m import double
        async def main():
            return [await double.call_async(2), [x async for x in double.stream([1, 2])]]
        print(asyncio.run(main()), double.__annotations__)
    """)
    assert out == "[4, [2, 4]] {'x': <class 'int'>, 'return': <class 'int'>}"


def test_what_a_module_became(write: Write, run: Callable[..., str]) -> None:
    """The Python that a module became can be read, and what it offers, by both ways of use."""
    write("dana_modules/m.na", MODULE)
    out = run("""
        import dana_modules.m as m
        from opendxa.dana import DanaRuntime
        with DanaRuntime().create_context() as context:
            for module in (m, context.import_module("m")):
                assert "def calculate_area(width, height" in module.__python_source__, module.__python_source__
                assert module.__manifest__["functions"]["calculate_area"]["returns"] == "float"
                assert list(module.__manifest__["structs"]) == ["P"]
        print("ok")
    """)
    assert out == "ok"


def test_values_cross_as_they_are(write: Write, run: Callable[..., str]) -> None:
    """The host trusts the module: no copy, no wrapper."""
    write("dana_modules/m.na", "def same(x):\n    return x\ndef call(f):\n    return f(2)\n")
    out = run("""
        from dana_modules.m import same, call
        value = object()
        items = []
        print(same(value) is value, same(items) is items, call(lambda n: n + 1))
    """)
    assert out == "True True 3"


def test_no_code_without_guards(write: Write, run: Callable[..., str]) -> None:
    """Whatever the loader hands out runs under the guards, also in a namespace of somebody else."""
    write("dana_modules/m.na", "x = len([1, 2])\ndef f():\n    return read_file('x')\n")
    out: Any = run("""
        import importlib.util
        loader = importlib.util.find_spec("dana_modules.m").loader
        names = {"__name__": "somebody"}
        exec(loader.get_code("dana_modules.m"), names)
        try:
            names["f"]()
        except PermissionError as error:
            print(names["x"], type(error).__name__)
    """)
    assert out == "2 DanaCapabilityError"


def test_modules_in_a_zip_file(write: Write, run: Callable[..., str], tmp_path: Path) -> None:
    """An archive on sys.path is searched like a folder: modules, packages, walking, sources, resources, contexts."""
    import zipfile

    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.writestr("dana_modules/m.na", MODULE)
        archive.writestr("dana_modules/pk/__init__.na", "from .a import x\n")
        archive.writestr("dana_modules/pk/a.na", "x = 1\n")
        archive.writestr("dana_modules/pk/note.txt", "content")
        archive.writestr("dana_modules/plain/b.na", "import pk\ny = pk.x + 1\n")
    out = run("""
        import sys; sys.path.insert(0, "app.zip")
        import inspect, pkgutil, importlib.resources, traceback, dana_modules
        from dana_modules.m import calculate_area, fail
        from dana_modules.plain.b import y
        assert (calculate_area(2, 3), y) == (6, 2)
        names = [info.name for info in pkgutil.walk_packages(dana_modules.__path__, "dana_modules.")]
        assert names == ["dana_modules." + n for n in ("m", "pk", "pk.a", "plain", "plain.b")], names
        assert "def calculate_area" in inspect.getsource(calculate_area)
        assert importlib.resources.files("dana_modules.pk").joinpath("note.txt").read_text() == "content"
        try:
            fail(0)
        except ZeroDivisionError:
            assert "return 1 / x" in traceback.format_exc()
        from opendxa.dana import DanaRuntime
        with DanaRuntime().create_context() as context:
            print(context.import_module("plain.b").y)
    """)
    assert out == "2"


def test_modules_that_were_built_ahead(write: Write, run: Callable[..., str], tmp_path: Path) -> None:
    """What ``dana2py build`` wrote is used without a cache, if Python trusts the place and nobody else can write it."""
    for folder in ("dana_modules", "uploads"):
        write(f"{folder}/{folder[0]}m.na", MODULE)
        write(f"{folder}/{folder[0]}pk/a.na", "x = 1\n")
        run("", args=("-m", "dana2py", "build", folder), DANA_CACHE="off")
    program = """
        import sys, dana_modules
        dana_modules.configure(search_paths=["uploads"])
        import dana_modules.{0}m, dana_modules.{0}pk.a
        print("dana2py.compiler" in sys.modules)
    """
    assert run(program.format("d"), DANA_CACHE="off") == "False"
    # A folder that only the host named may have come out of an archive: its owner proves nothing.
    assert run(program.format("u"), DANA_CACHE="off") == "True"
    only_nested = program.replace("dana_modules.{0}m, ", "").format("u")
    assert run(only_nested, DANA_CACHE="off") == "True"
    built = tmp_path / "dana_modules" / "__dana_cache__"
    built.chmod(0o777)
    assert run(program.format("d"), DANA_CACHE="off") == "True"
