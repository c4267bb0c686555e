"""``import dana_modules.x``: an ordinary citizen of Python's import system. Each test runs a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opendxa.dana import hook

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


@pytest.mark.parametrize("before", ["", "import opendxa.dana\n", "import dana_modules\n"])
def test_a_thread_that_comes_while_the_hook_is_loaded(write: Write, run: Callable[..., str], before: str) -> None:
    """Python does not make it wait for the package above its module; we do, and not where that would be a deadlock."""
    write("dana_modules/a.na", "x = 1\n")
    write("dana_modules/b.na", "x = 2\n")
    write("pyproject.toml", "[tool.dana2py]\n")
    out = run(before + """
import faulthandler, importlib, sys, threading, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name in ("opendxa", "opendxa.dana.hook_state", "tomllib"):
            started.set()
            time.sleep(0.3)

started, found = threading.Event(), []
sys.meta_path.insert(0, Slow())
open("pyproject.toml", "w").write("[tool.dana2py]\\n")
def work(name):
    found.append(importlib.import_module("dana_modules." + name).x)
first = threading.Thread(target=work, args=("a",))
first.start()
started.wait()
work("b")
first.join()
print(sorted(found), [getattr(f, "__name__", "") for f in sys.meta_path[-1:]])
""")
    assert out == "[1, 2] ['DanaFinder']"


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
    cache = str(tmp_path / "cache")
    run(program, DANA_CACHE_DIR=cache)
    assert run(program, DANA_CACHE_DIR=cache) == "[]"
    times = ("-X", "importtime", "-c", "import dana_modules.m; 1 / 0")
    lines = run("", args=times, code=1, DANA_CACHE_DIR=cache).splitlines()
    listed = {line.rpartition("|")[2].strip() for line in lines}
    assert "dana2py.cache" in listed
    assert not {"lark", "libcst", "RestrictedPython", "dana2py.parser", "dana_guards.transform"} & listed


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
        assert "def calculate_area" in sys.modules["dana_modules.m"].__python_source__
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


def test_wrong_arguments_of_a_program(write: Write, run: Callable[..., str]) -> None:
    """``python -m`` with arguments that __main__ does not take shows the usage, not a traceback."""
    write("dana_modules/tool/__main__.na", "def __main__(class: int, who = 'you'):\n    print(class + 1)\n")
    write("dana_modules/plain.na", "x = 1\n")
    assert run("", args=("-m", "dana_modules.tool", "class=4")) == "5"
    for argument in ("zz=1", "loose", "who=x"):
        errors = run("", args=("-m", "dana_modules.tool", argument), code=2)
        assert errors.startswith("usage: python -m dana_modules.tool class=… [who=…]\nerror: "), errors
        assert "Traceback" not in errors
    assert "no function __main__" in run("", args=("-m", "dana_modules.plain", "n=1"), code=2)


def test_only_plain_names_are_found(write: Write, run: Callable[..., str], tmp_path: Path) -> None:
    """A host that imports a name it was given cannot be led to another folder, as no Dana program can."""
    write("secret.na", "x = 1\n")
    write("dana_modules/pk/a.na", "x = 1\n")
    write("dana_modules/é.na", "x = 1\n")
    out = run(f"""
        import importlib, importlib.util
        assert importlib.import_module("dana_modules.pk.a").x == 1
        for name in ("{tmp_path}/secret", "pk/a", "..secret", ".pk.a", "pk..a", "../secret", "", "a\\0b", "é", "pk.é"):
            try:
                assert importlib.util.find_spec("dana_modules." + name) is None
                importlib.import_module("dana_modules." + name)
            except ModuleNotFoundError:
                continue
            print(name)
    """)
    assert out == ""


def test_a_missing_module_is_explained(write: Write, run: Callable[..., str], tmp_path: Path) -> None:
    """The error of an import has a near name and the folders; who only looks gets None."""
    write("dana_modules/analytics.na", "x = 1\n")
    out = run("""
        import importlib, importlib.util, sys
        from opendxa.dana.hook import DanaFinder
        for name in ("dana_modules.analitics", "dana_modules.analytics.deep"):
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                print(error.name, error)
        assert importlib.util.find_spec("dana_modules.analitics") is None
        assert DanaFinder.find_spec("dana_modules.analitics") is None
        try:
            from dana_modules import analitics
        except ImportError as error:
            print(error)
    """).splitlines()
    assert out[0].startswith("dana_modules.analitics No module named 'dana_modules.analitics'; did you mean")
    assert f"searched: {tmp_path / 'dana_modules'}" in out[0]
    assert out[1].startswith("dana_modules.analytics.deep No module named 'dana_modules.analytics.deep'; ")
    assert out[2].startswith("cannot import name 'analitics'")


def test_a_broken_module_shows_no_frames_of_ours(write: Write, run: Callable[..., str]) -> None:
    """The traceback of a failing import has the host, the place in the Dana text, and one frame of the loader."""
    write("dana_modules/syntax.na", "x = 1\ny = = 2\n")
    write("dana_modules/fails.na", "x = [1]\ny = x[2]\n")
    write("dana_modules/outer.na", "import fails\n")
    for name, told in (
        ("syntax", 'syntax.na", line 2\n    y = = 2\n'),
        ("fails", 'fails.na", line 2, in <module>\n    y = x[2]\n'),
        ("outer", 'outer.na", line 1, in <module>\n    import fails\n'),
    ):
        errors = run(f"import dana_modules.{name}", code=1)
        assert told in errors
        files = [line for line in errors.splitlines() if line.startswith("  File ")]
        assert not [line for line in files if "dana2py" in line or "dana_guards" in line], errors
        assert {line.split(",")[0] for line in files if "opendxa" in line} <= {f'  File "{hook.__file__}"'}


def test_structs_are_pickled_by_name(write: Write, run: Callable[..., str]) -> None:
    """They cross to a pool of processes like functions; what is read is checked; contexts still refuse."""
    write(
        "dana_modules/m.na",
        "struct P:\n    x: int = 0\n    me: any = None\n    _own: int = 1\n"
        "def twice(p: P) -> P:\n    return P(x=p.x * 2)\n",
    )
    out = run("""
        import multiprocessing, pickle
        import dana_modules.m as m
        from opendxa.dana import DanaRuntime
        if __name__ == "__main__":
            point = m.P(x=3)
            point.me = point
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                again = pickle.loads(pickle.dumps(point, protocol))
                assert type(again) is m.P and again.x == 3 and again.me is again
            with multiprocessing.get_context("fork").Pool(1) as pool:
                assert pool.map(m.twice, [m.P(x=4)]) == [m.P(x=8)]
            forged = pickle.dumps(m.P(x=3), 2).replace(b"K\\x03", b"X\\x01\\0\\0\\0a")
            try:
                pickle.loads(forged)
            except TypeError as error:
                print(error)
            with DanaRuntime().create_context() as context:
                try:
                    pickle.dumps(context.import_module("m").P(x=1))
                except TypeError as error:
                    print(error)
    """).splitlines()
    assert out[0].startswith("P.x must be int, not ")
    assert out[1] == "cannot pickle P; to_dict() gives its fields"


def test_tools_that_look_at_a_module(write: Write, run: Callable[..., str]) -> None:
    """``help``, ``dis``, ``inspect.getsource`` and hints work on modules, functions, methods and structs."""
    write("dana_modules/m.na", MODULE)
    out = run("""
        import dis, inspect, io, contextlib, pydoc, sys, typing
        import dana_modules.m as m
        text = pydoc.render_doc(m, renderer=pydoc.plaintext)
        assert "P(x: int)" in text and "The area of a rectangle." in text, text
        assert inspect.getsource(m) == open(m.__file__).read()
        assert inspect.getsource(m.P().move).startswith("    def move(self, dx):")
        assert typing.get_type_hints(m.calculate_area)["return"] is float
        if sys.version_info >= (3, 13):
            assert inspect.getsource(m.P).startswith("struct P:\\n    x: int = 0")
        listing = io.StringIO()
        with contextlib.redirect_stdout(listing):
            dis.dis(m.fail)
        assert "BINARY_OP" in listing.getvalue()
        lines = {line for _, _, line in m.calculate_area.__code__.co_lines()}
        print(sorted(lines - {None}))
    """)
    assert out == "[3, 5]"


def test_debuggers_and_tracers_see_dana_lines(write: Write, run: Callable[..., str]) -> None:
    """A breakpoint of pdb in a .na file stops there and lists its text; a trace function gets its lines."""
    write("dana_modules/m.na", MODULE)
    tracer = """
        import sys
        import dana_modules.m as m
        seen = []
        def trace(frame, event, arg):
            if frame.f_code.co_filename.endswith("m.na"):
                seen.append((event, frame.f_lineno))
            return trace
        sys.settrace(trace)
        m.fail(2)
        sys.settrace(None)
        print(seen)
    """
    assert run(tracer) == "[('call', 7), ('line', 8), ('return', 8)]"
    write("app.py", "import dana_modules.m as m\nm.fail(2)\n")
    commands = [part for command in ("b 2", "c", "b m.fail", "c", "p x + 40", "l", "q") for part in ("-c", command)]
    out = run("", args=("-m", "pdb", *commands, "app.py"))
    assert "\n42\n" in out, out
    assert re.search(r"\n  8.*->\t    return 1 / x\n", out)


def test_a_wheel_with_dana_modules(write: Write, run: Callable[..., str], tmp_path: Path) -> None:
    """Modules that a wheel carries as package data are found where the wheel is installed."""
    import zipfile

    write("dana_modules/unrelated.na", "x = 1\n")
    with zipfile.ZipFile(tmp_path / "shapes-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("shapes.py", "from dana_modules.shapes_dana.area import area\n")
        wheel.writestr("dana_modules/shapes_dana/area.na", MODULE.replace("calculate_area", "area"))
    with zipfile.ZipFile(wheel.filename or "") as wheel:
        wheel.extractall(tmp_path / "site")  # as pip does it
    program = "import shapes; print(shapes.area(2, 3), shapes.area.__code__.co_filename)"
    out = run(program, PYTHONPATH=str(tmp_path / "site"))
    assert out == f"6 {tmp_path / 'site' / 'dana_modules' / 'shapes_dana' / 'area.na'}"


def test_a_wheel_in_the_folder_of_our_package(write: Write, run: Callable[..., str], tmp_path: Path) -> None:
    """pip puts modules of a wheel beside our own __init__.py: packages there are Dana packages, and builds count."""
    import dana_modules

    write("site/dana_modules/__init__.py", Path(str(dana_modules.__file__)).read_text(encoding="utf-8"))
    write("site/dana_modules/pk/__init__.na", "from .a import x\n")
    write("site/dana_modules/pk/a.na", "x = 1\n")
    run("", args=("-m", "dana2py", "build", "site/dana_modules"))
    program = """
        import pkgutil, sys, dana_modules
        import dana_modules.pk as pk
        assert dana_modules.__file__.endswith("site/dana_modules/__init__.py"), dana_modules.__file__
        names = [info.name for info in pkgutil.walk_packages(dana_modules.__path__, "dana_modules.")]
        assert names == ["dana_modules.pk", "dana_modules.pk.a"]
        print(pk.x, pk.__file__, "dana2py.compiler" in sys.modules)
    """
    out = run(program, PYTHONPATH=str(tmp_path / "site"), DANA_CACHE="off")
    assert out == f"1 {tmp_path / 'site' / 'dana_modules' / 'pk' / '__init__.na'} False"
