"""Contexts: one isolated place each, from creation to cleanup."""

from __future__ import annotations

import asyncio
import gc
import linecache
import threading
import time
import weakref
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from opendxa.dana import (
    DanaContext,
    DanaContextError,
    DanaImportError,
    DanaRuntime,
    DanaRuntimeError,
    DanaSyntaxError,
    DanaTimeoutError,
    dana_function,
)

Make = Callable[..., DanaContext]
Write = Callable[[str, str], Path]
FOREVER = "def spin():\n    while true:\n        pass\n"


def test_one_runtime_for_each_process() -> None:
    """Every call gives the same object, from any thread."""
    found: list[DanaRuntime] = []
    threads = [threading.Thread(target=lambda: found.append(DanaRuntime())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {id(runtime) for runtime in found} == {id(DanaRuntime())}


@pytest.mark.parametrize(
    "setting",
    [
        {"timeout": "-1s"},
        {"timeout": float("nan")},
        {"timeout": "soon"},
        {"timeout": True},
        {"timeout": timedelta(seconds=-1)},
        {"max_memory": "100XB"},
        {"max_memory": 0},
        {"allowed_capabilities": ["file_reed"]},
        {"allowed_capabilities": ["file_read:"]},
        {"allowed_capabilities": [""]},
        {"allowed_capabilities": "file_read"},
        {"search_paths": "folder"},
        {"isolation": "none"},
        {"functions": {"f": 3}},
        {"functions": {"_f": print}},
        {"functions": {"a b": print}},
        {"objects": {"class": 1}},
    ],
)
def test_wrong_settings(setting: dict[str, Any]) -> None:
    """A setting that is not understood is a ValueError that says something."""
    with pytest.raises(ValueError, match=r".{10}"):
        DanaRuntime().create_context(**setting)


@pytest.mark.parametrize(
    "setting", [{"timeout": "0.3s"}, {"timeout": timedelta(seconds=3)}, {"timeout": 2.5}, {"max_memory": "64MiB"}]
)
def test_accepted_settings(make_context: Make, setting: dict[str, Any]) -> None:
    """The documented spellings work."""
    assert make_context(**setting).eval_dana("1 + 1") == 2


def test_eval_keeps_definitions(context: DanaContext) -> None:
    """What one text defines, the next one knows; the value is that of the last expression."""
    assert context.eval_dana("def double(x):\n    return x * 2\ny = 20") is None
    assert context.eval_dana("double(y) + 2") == 42
    context.eval_dana("private:n = 1\npublic:m = 2\nsystem:k = 3")
    assert context.eval_dana("private:n + public:m + system:k + n + m") == 9


def test_effects_before_an_error_remain(context: DanaContext) -> None:
    """A text that fails half way has done its first half."""
    with pytest.raises(DanaRuntimeError, match="ZeroDivisionError"):
        context.eval_dana("a = 1\nb = 1 / 0\nc = 3")
    assert context.eval_dana("a") == 1


def test_import_twice_is_one_module(write: Write, context: DanaContext) -> None:
    """The top level runs once."""
    write("m.na", "items = []\nitems.append(1)\ndef count():\n    return len(items)\n")
    assert context.import_module("m") is context.import_module("m")
    assert context.import_module("m").count() == 1


def test_module_attributes(write: Write, context: DanaContext) -> None:
    """Attributes are live, listed, documented, and private ones are refused."""
    path = write("m.na", '"""About m."""\nlimit = 3\n_hidden = 4\nclass = 5\ndef set(n):\n    public:limit2 = n\n')
    module = context.import_module("m")
    assert (module.__name__, module.__doc__, module.__file__) == ("m", "About m.", str(path))
    assert module.limit == 3
    assert getattr(module, "class") == 5
    assert {"limit", "class", "set"} <= set(dir(module))
    assert not any(name.startswith("dana_") for name in dir(module))
    with pytest.raises(AttributeError, match=r"did you mean 'limit'"):
        module.limitt  # noqa: B018
    with pytest.raises(AttributeError, match="private"):
        module._hidden  # noqa: B018
    with pytest.raises(AttributeError, match="cannot be changed"):
        module.limit = 4
    module.set(7)
    assert module.limit2 == 7
    assert module.__manifest__["functions"]["set"]["params"][0]["name"] == "n"


def test_a_module_that_is_not_there(write: Write, context: DanaContext) -> None:
    """The error names the nearest module and the folders."""
    write("analytics.na", "x = 1\n")
    with pytest.raises(DanaImportError, match=r"did you mean 'analytics'\?.*searched"):
        context.import_module("analitics")


@pytest.mark.parametrize("name", ["../m", "a/b", "m\0", "m.", ".m", "", "mé", "a..b"])
def test_names_that_are_none(write: Write, context: DanaContext, name: str) -> None:
    """Nothing but dotted plain names reaches the disk."""
    write("m.na", "x = 1\n")
    with pytest.raises(DanaImportError, match="not a module name"):
        context.import_module(name)


def test_a_link_out_of_the_folder(write: Write, make_context: Make, tmp_path: Path) -> None:
    """A linked module that lies elsewhere is not found, a local .py file never."""
    outside = write("outside/secret.na", "x = 1\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "secret.na").symlink_to(outside)
    (inside / "local.py").write_text("raise SystemExit")
    context = make_context(search_paths=[inside])
    for name in ("secret", "local"):
        with pytest.raises(DanaImportError, match="not found"):
            context.import_module(name)


def test_the_package_file_of_a_search_folder_does_not_replace_builtins(write: Write, context: DanaContext) -> None:
    """Texts are compiled in the certainty that `len` gives a small int; its own functions see what the file defines."""
    write("__init__.na", "def len(x):\n    return 'aaaa'\ndef mine(x):\n    return len(x)\n")
    assert context.eval_dana("[mine([1]), len([1])]") == ["aaaa", 1]
    assert context.eval_dana("def f(n, k: int):\n    return len(n) * k\nf([1], 1000)") == 1000
    assert context.run_dana("len([1]) * 1000") == 1000


def test_packages(write: Write, context: DanaContext) -> None:
    """Packages with and without __init__.na, relative imports, submodules as attributes, stars and aliases."""
    write("pk/__init__.na", "from .a import one\nname = 'pk'\n")
    write("pk/a.na", "one = 1\n__exports__ = ['one']\ntwo = 2\n")
    write("pk/deep/b.na", "from ..a import two\nfrom .. import a as sibling\nthree = two + sibling.one\n")
    write(
        "plain/c.na", "from pk.a import *\nimport pk.deep.b\nimport pk.deep.b as short\nfour = pk.deep.b.three + one\n"
    )
    assert context.import_module("plain.c").four == 4
    assert context.import_module("plain.c").short.three == 3
    assert context.import_module("pk").a.two == 2
    assert context.import_module("pk").one == 1
    with pytest.raises(AttributeError):
        context.import_module("plain.c").two  # noqa: B018


def test_circular_imports(write: Write, context: DanaContext) -> None:
    """As in Python: the module that is being loaded is handed out, a name it lacks is explained."""
    write("a.na", "import b\nx = 1\ndef f():\n    return b.g()\n")
    write("b.na", "import a\ndef g():\n    return a.x + 1\n")
    assert context.import_module("a").f() == 2
    write("c.na", "from d import y\nx = 1\n")
    write("d.na", "from c import x\ny = 1\n")
    with pytest.raises(DanaImportError, match="circular"):
        context.import_module("c")
    write("d.na", "y = 1\n")
    assert context.import_module("c").x == 1


def test_relative_import_above_the_root(write: Write, context: DanaContext) -> None:
    """It stays inside the package."""
    write("top.na", "from ..m import x\n")
    with pytest.raises(DanaImportError, match="out of the package"):
        context.import_module("top")


def test_a_failing_module_leaves_no_trace(write: Write, context: DanaContext) -> None:
    """It can be mended and imported again."""
    path = write("m.na", "x = 1 / 0\n")
    with pytest.raises(DanaImportError, match="ZeroDivisionError") as caught:
        context.import_module("m")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert (caught.value.filename, caught.value.lineno) == (str(path), 1)
    path.write_text("x = 2\n")
    assert context.import_module("m").x == 2


def test_dana_code_can_catch_a_failed_import(write: Write, context: DanaContext) -> None:
    """Whatever is wrong with a module, ImportError catches it, and the message says no path of the host."""
    write("bad_syntax.na", "x = (\n")
    write("bad_run.na", "x = 1 / 0\n")
    write("analytics.na", "x = 1\n")
    for name, said in (("bad_syntax", "closed"), ("bad_run", "ZeroDivisionError"), ("analitics", "did you mean")):
        source = f"m = ''\ntry:\n    import {name}\nexcept ImportError as e:\n    m = e.message\nm"
        message = context.eval_dana(source)
        assert said in message
        assert str(write("x.na", "").parent) not in message
    with pytest.raises(DanaImportError, match="bad_syntax") as caught:
        context.eval_dana("import bad_syntax")
    assert str(caught.value.filename).endswith("bad_syntax.na")


def test_reload(write: Write, context: DanaContext) -> None:
    """What the host holds sees the new text; a reload that fails changes nothing."""
    path = write("m.na", "def f():\n    return 1\n")
    module = context.import_module("m")
    path.write_text("def f():\n    return 2\nadded = 3\n")
    assert module.f() == 1
    assert context.reload(module) is module
    assert (module.f(), module.added) == (2, 3)
    for broken in ("x = (", "added = 4\nx = 1 / 0\n"):
        path.write_text(broken)
        with pytest.raises((DanaImportError, DanaSyntaxError)):
            context.reload(module)
        assert (module.f(), module.added) == (2, 3)
    with pytest.raises(TypeError, match="of this context"):
        context.reload("m")  # type: ignore[arg-type]


# -- isolation -----------------------------------------------------------------------------------------


def test_two_contexts_share_nothing(write: Write, make_context: Make) -> None:
    """Module state, scopes, struct classes and defaults are each context's own."""
    write("m.na", "items = []\nstruct P:\n    x: int = 0\ndef add(x, seen=[]):\n    seen.append(x)\n    return seen\n")
    one, two = make_context(), make_context()
    first, second = one.import_module("m"), two.import_module("m")
    assert first.add(1) == [1]
    assert second.add(2) == [2]
    one.eval_dana("public:shared = 1")
    with pytest.raises(Exception, match="shared"):
        two.eval_dana("public:shared")
    assert type(first.P()) is not type(second.P())
    with pytest.raises(TypeError, match="another context"):
        two.eval_dana("def f(x):\n    return x\nf")(first.P())


def test_threads_have_their_own_contexts(write: Write, make_context: Make) -> None:
    """Many contexts in many threads give each its own result."""
    write(
        "m.na",
        "def work(n):\n    public:t = 0\n    for i in range(n):\n        public:t += n\n    return public:t\n",
    )
    results: dict[int, Any] = {}

    def run(number: int) -> None:
        results[number] = make_context().import_module("m").work(number * 10)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: (number * 10) ** 2 for number in range(1, 7)}


def test_a_second_thread_is_refused(make_context: Make) -> None:
    """One running call for each context."""
    entered, leave = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        leave.wait(10)

    context = make_context(functions={"wait": wait})
    thread = threading.Thread(target=lambda: context.eval_dana("wait()"))
    thread.start()
    entered.wait(10)
    with pytest.raises(DanaContextError, match="another thread"):
        context.eval_dana("1")
    leave.set()
    thread.join()
    assert context.eval_dana("1") == 1


# -- limits ---------------------------------------------------------------------------------------------


def test_the_deadline_is_for_each_call(make_context: Make) -> None:
    """A call that runs too long is stopped; the next one has its whole time."""
    context = make_context(timeout="100ms")
    context.eval_dana(FOREVER)
    with pytest.raises(DanaTimeoutError) as caught:
        context.eval_dana("spin()")
    assert isinstance(caught.value, TimeoutError)
    assert context.eval_dana("1 + 1") == 2


def test_a_stop_cannot_be_swallowed(make_context: Make) -> None:
    """Neither a bare except nor a finally keeps the context running."""
    context = make_context(timeout="100ms")
    text = "def f():\n  while true:\n    try:\n      while true:\n        pass\n    except:\n      pass\n"
    context.eval_dana(text)
    with pytest.raises(DanaTimeoutError):
        context.eval_dana("f()")


def test_nested_contexts_take_the_nearer_deadline(make_context: Make) -> None:
    """A context without a deadline of its own, called from one that has one, is stopped as well."""
    inner = make_context(timeout="unlimited")
    inner.eval_dana(FOREVER)
    outer = make_context(timeout="150ms", functions={"inner": lambda: inner.eval_dana("spin()")})
    with pytest.raises(DanaTimeoutError):
        outer.eval_dana("inner()")
    assert inner.eval_dana("1") == 1


# -- the end ----------------------------------------------------------------------------------------------


def test_after_cleanup_everything_is_refused(write: Write, make_context: Make) -> None:
    """Functions, modules, structs, iterators and the context itself raise DanaContextError."""
    write(
        "m.na",
        "struct P:\n    x: int = 0\n    def m(self):\n        return self.x\ndef f():\n    return 1\nit = map(f, [])\n",
    )
    context = make_context()
    module = context.import_module("m")
    function, point, items = module.f, module.P(), module.it
    context.cleanup()
    context.cleanup()
    assert context.closed
    uses: list[Callable[[], Any]] = [
        function,
        lambda: module.f,
        point.m,
        lambda: next(items),
        lambda: context.eval_dana("1"),
        lambda: context.import_module("m"),
        lambda: context.expose("x", object()),
        context.__enter__,
    ]
    for use in uses:
        with pytest.raises(DanaContextError, match="closed"):
            use()


def test_a_module_of_a_closed_context_can_be_shown(write: Write, make_context: Make) -> None:
    """A debugger or a log may meet a module after the end of its context."""
    write("shown.na", "x = 1\n")
    context = make_context()
    module = context.import_module("shown")
    assert "shown" in repr(module)
    context.cleanup()
    assert repr(module) == "<DanaModule of a closed context>"


def test_lines_of_a_text_are_counted_as_by_the_parser(make_context: Make) -> None:
    """A form feed, U+2028 or U+0085 inside a text does not shift the line that an error shows."""
    with pytest.raises(DanaRuntimeError) as caught:
        make_context().eval_dana("a = '\u2028'  # \u0085 \x0c\nb = 1 / 0\n")
    assert (caught.value.lineno, caught.value.source_line) == (2, "b = 1 / 0")


def test_cleanup_during_a_call(make_context: Make) -> None:
    """From another thread it stops the call; from inside, the end comes when the call returns."""
    context = make_context(timeout="unlimited")
    errors: list[BaseException] = []

    def run() -> None:
        try:
            context.eval_dana(FOREVER + "spin()")
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while context._meter.thread is None:
        time.sleep(0.001)
    context.cleanup()
    thread.join(10)
    assert not thread.is_alive()
    assert isinstance(errors[0], DanaContextError)
    inside = make_context(functions={"close": lambda: inside.cleanup()})
    with pytest.raises(DanaContextError):
        inside.eval_dana("close()")
    assert inside.closed


def test_nothing_of_a_context_stays(write: Write, make_context: Make) -> None:
    """After cleanup no module, namespace, struct class or text is left, although the host holds a function."""
    write("m.na", "struct P:\n    x: int = 0\ndef f():\n    return P()\n")
    context = DanaRuntime().create_context(search_paths=[write("x.na", "").parent])
    module = context.import_module("m")
    kept = module.f
    alive = [weakref.ref(type(kept())), weakref.ref(module), weakref.ref(context._importer.modules["m"])]
    context.eval_dana("leftover = 'text'")
    assert any(name.startswith("<eval") for name in linecache.cache)
    threads = threading.active_count()
    context.cleanup()
    del module
    gc.collect()
    assert [reference() for reference in alive] == [None, None, None]
    assert not any(name.startswith("<eval") for name in linecache.cache)
    assert threading.active_count() <= threads
    with pytest.raises(DanaContextError):
        kept()


def test_a_context_that_is_forgotten_is_closed() -> None:
    """The safety net: garbage collection ends what nobody holds."""
    context = DanaRuntime().create_context()
    function = context.eval_dana("def f():\n    return 1\nf")
    reference = weakref.ref(context)
    assert function() == 1
    del context, function
    for _ in range(100):  # a collection that another thread has begun makes this one do nothing
        gc.collect()
        if reference() is None:
            break
        time.sleep(0.02)
    assert reference() is None


def test_with_makes_it_current(write: Write, make_context: Make) -> None:
    """Only `with` sets the current context, and the decorated stub uses it."""
    write("m.na", "def who():\n    return name\n")

    @dana_function("m.who")
    def who() -> str: ...

    with make_context(objects={"name": "outer"}):
        assert who() == "outer"
        with make_context(objects={"name": "inner"}):
            assert who() == "inner"
        assert who() == "outer"


# -- async --------------------------------------------------------------------------------------------------


def test_async_calls_queue(write: Write, make_context: Make) -> None:
    """Calls of one context wait for each other; two contexts run side by side."""
    write("m.na", "def double(x):\n    return x * 2\n")

    async def main() -> list[Any]:
        async with make_context() as context:
            double = context.import_module("m").double
            calls = [double.call_async(number) for number in range(10)]
            return [*await asyncio.gather(*calls), await context.eval_dana_async("1 + 1")]

    assert asyncio.run(main()) == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 2]


def test_cancelling_stops_the_call(make_context: Make) -> None:
    """A cancelled task leaves no Dana code running, and the context can be used again."""

    async def main() -> Any:
        context = make_context(timeout="unlimited")
        task = asyncio.ensure_future(context.eval_dana_async(FOREVER + "spin()"))
        while context._meter.thread is None:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await context.eval_dana_async("3")

    assert asyncio.run(main()) == 3


def test_map_and_stream_read_nothing_ahead(context: DanaContext) -> None:
    """The next item is taken when the last result was."""
    taken: list[int] = []

    def numbers() -> Any:
        for number in range(5):
            taken.append(number)
            yield number

    double = context.eval_dana("def double(x):\n    return x * 2\ndouble")
    results = double.map(numbers())
    assert (next(results), taken) == (0, [0])
    assert list(results) == [2, 4, 6, 8]
    taken.clear()

    async def main() -> list[Any]:
        seen = []
        async for result in double.stream(numbers()):
            seen.append(result)
            assert len(taken) == len(seen)
        return seen

    assert asyncio.run(main()) == [0, 2, 4, 6, 8]


def test_context_variables_cross(make_context: Make) -> None:
    """An async call sees the context variables of its task."""
    from contextvars import ContextVar

    tenant: ContextVar[str] = ContextVar("tenant", default="nobody")
    context = make_context(functions={"tenant": tenant.get})

    async def main() -> Any:
        tenant.set("ann")
        return await context.eval_dana_async("tenant()")

    assert asyncio.run(main()) == "ann"


def test_attributes_stay_live(write: Write, context: DanaContext) -> None:
    """A function that the module rebinds, and a submodule that takes the name of a function, are seen."""
    write(
        "m.na",
        "def a():\n    return 1\ndef b():\n    return 2\ndef swap():\n    global a\n    a = b\n",
    )
    module = context.import_module("m")
    assert module.a() == 1
    assert module.swap is module.swap
    module.swap()
    assert module.a() == 2
    write("pk/__init__.na", "def sub():\n    return 1\n")
    write("pk/sub.na", "x = 5\n")
    package = context.import_module("pk")
    assert package.sub() == 1
    context.import_module("pk.sub")
    assert package.sub.x == 5
