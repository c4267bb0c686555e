"""Hot reload: changed modules are swapped in between calls, wherever and however a context runs them."""

from __future__ import annotations

import asyncio
import copy
import gc
import logging
import os
import shutil
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opendxa.dana import (
    DanaContext,
    DanaContextError,
    DanaError,
    DanaImportError,
    DanaRuntime,
    DanaSyntaxError,
    DanaTypeError,
)
from opendxa.dana.reload import forget_retired

Write = Callable[[str, str], Path]
Make = Callable[..., DanaContext]
TIERS = ("thread", "process")


def until(done: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for a watcher; fails if it never happens."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def settled(context: DanaContext, call: Callable[[], object], seconds: float = 20.0) -> None:
    """Call until what the watcher has seen is swapped in."""
    until(lambda: call() is True, seconds)


@pytest.fixture(params=TIERS)
def tier(request: pytest.FixtureRequest) -> str:
    """Each way to run a context."""
    return str(request.param)


# -- the setting ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["always", "", True, False, 1, b"auto", ["auto"]])
def test_what_is_accepted(wrong: Any) -> None:
    """Anything but the three settings is a ValueError that names them."""
    with pytest.raises(ValueError, match=r'give "auto".*"manual".*None'):
        DanaRuntime().create_context(reload=wrong)


def test_off_costs_nothing(write: Write, make_context: Make) -> None:
    """Without the setting no thread is started, functions have closures as before, and structs no spare room."""
    write("m.na", "struct P:\n    x: int\n\ndef f():\n    return P(x=1)\n")
    context = make_context()
    function = context.import_module("m").f
    assert function.__closure__
    assert type(function()).__mro__[1].__name__ == "DanaObject"
    assert type(function()).__dict__["__slots__"] == ("dana_s_x",)
    assert "dana-reload" not in [thread.name for thread in threading.enumerate()]


# -- watching ------------------------------------------------------------------------------------------


def test_auto(write: Write, make_context: Make, tier: str) -> None:
    """A saved file is what the next call runs, in the module and in those that import from it, handles included."""
    write("base.na", "def f(n):\n    return n\n")
    write("user.na", "from base import f\nimport base\n\ndef g(n):\n    return f(n) + base.f(n)\n")
    context = make_context(reload="auto", isolation=tier)
    held = context.import_module("user").g
    assert held(1) == 2
    write("base.na", "def f(n):\n    return n * 10\n")
    settled(context, lambda: held(1) == 20)
    assert context.import_module("base").f(2) == 20


def test_auto_without_watchfiles(write: Write, make_context: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the folders are listed."""
    monkeypatch.setattr("opendxa.dana.watching.find_watch", lambda: None)
    write("m.na", "def f():\n    return 1\n")
    context = make_context(reload="auto")
    f = context.import_module("m").f
    assert f() == 1
    write("m.na", "def f():\n    return 2\n")
    settled(context, lambda: f() == 2)


def test_error_keeps_the_old_code(
    write: Write, make_context: Make, tier: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A file with an error is reported once, the old code runs on, and the file is swapped in when it is right."""
    caplog.set_level(logging.ERROR, "opendxa.dana.reload")
    write("m.na", "def f():\n    return 1\n")
    context = make_context(reload="auto", isolation=tier)
    f = context.import_module("m").f
    assert f() == 1
    for broken, message in (("def f(:\n", "m.na:1"), ("x = 1 / 0\n", "division by zero")):
        caplog.clear()
        write("m.na", broken)
        settled(context, lambda: (f() == 1) and bool(caplog.records))
        assert message in caplog.text
        assert "the old code runs on" in caplog.text
        for _ in range(3):
            context._reloader.notice()  # type: ignore[union-attr]
            assert f() == 1
        assert len(caplog.records) == 1
    write("m.na", "def f():\n    return 3\n")
    settled(context, lambda: f() == 3)


def test_nothing_lingers(write: Write, make_context: Make) -> None:
    """The watcher's thread ends with the last context that watches, closed or dropped."""
    write("m.na", "def f():\n    return 1\n")

    def running() -> bool:
        return "dana-reload" in [thread.name for thread in threading.enumerate()]

    first, second = (make_context(reload="auto") for _ in range(2))
    assert not running()
    for context in (first, second):
        context.import_module("m")
    assert running()
    first.cleanup()
    assert running()
    second.cleanup()
    assert not running()
    third = DanaRuntime().create_context(reload="auto", search_paths=[write("m.na", "x = 1\n").parent])
    third.import_module("m")
    gone = weakref.ref(third)
    del third
    gc.collect()
    assert gone() is None
    until(lambda: not running())


# -- what a reload does --------------------------------------------------------------------------------


def test_all_or_nothing(write: Write, make_context: Make, tier: str) -> None:
    """If one of several changed files is wrong, all keep their old state."""
    write("a.na", "x = 1\n\ndef f():\n    return x\n")
    write("b.na", "from a import f\n\ndef g():\n    return f()\n")
    write("c.na", "from b import g\n\ndef h():\n    return g()\n")
    context = make_context(reload="manual", isolation=tier)
    modules = [context.import_module(name) for name in "abc"]
    held = modules[2].h
    write("a.na", "x = 2\n\ndef f():\n    return x\n")
    write("b.na", "from a import nothing\n")
    for _ in range(2):
        with pytest.raises(DanaImportError, match="nothing"):
            context.reload_changed()
        assert (modules[0].x, modules[0].f(), held()) == (1, 1, 1)
    write("b.na", "from a import f\n\ndef g():\n    return f() + 10\n")
    assert sorted(context.reload_changed()) == ["a", "b", "c"]
    assert (modules[0].x, held(), context.reload_changed()) == (2, 12, [])


def test_old_calls_finish_on_the_old_code(write: Write, make_context: Make) -> None:
    """A call that runs, and a generator that was begun, see nothing of a reload, helpers and globals included."""
    write("m.na", "k = 1\n\ndef helper():\n    return k\n\n"
                  "def items():\n    return map(lambda i :: helper(), [1, 2])\n\n"
                  "def call(host):\n    first = helper()\n    host()\n    return [first, helper()]\n")  # fmt: skip
    context = make_context(reload="auto")
    module = context.import_module("m")
    begun = module.items()
    assert next(begun) == 1
    fresh = "k = 2\n\ndef helper():\n    return k\n\ndef call(host):\n    return helper()\n"

    def during() -> None:
        write("m.na", fresh)
        context._reloader.notice()  # type: ignore[union-attr]
        assert module.call(lambda: None) == [1, 1]  # an inner call

    assert module.call(during) == [1, 1]
    settled(context, lambda: module.call(lambda: None) == 2)
    assert next(begun) == 1


def test_held_functions_follow(write: Write, make_context: Make, tier: str) -> None:
    """A function that the host holds is its successor: parameters, defaults, documentation, types; a lost one stays."""
    write("m.na", "def f(n: int):\n    return n\n\ndef gone():\n    return 1\n\nstruct P:\n    x: int\n")
    context = make_context(reload="manual", isolation=tier)
    module = context.import_module("m")
    f, gone, make = module.f, module.gone, module.P
    text = "def f(text: str, times=2):\n    '''Repeats.'''\n    return text * times\n\n"
    write("m.na", text + "struct P:\n    y: int = 5\n")
    assert context.reload_changed() == ["m"]
    assert f("a", times=3) == "aaa"
    assert f(text="b") == "bb"
    assert gone() == 1
    assert make().y == 5
    with pytest.raises(AttributeError):
        _ = module.gone
    if tier == "thread":
        assert f.__doc__ == "Repeats."
        with pytest.raises(DanaTypeError, match="must be str"):
            f(1)


def test_a_version_without_a_function(write: Write, make_context: Make, tier: str) -> None:
    """A file that was empty for a moment, as some editors leave it, cuts no function off from its successors."""
    text = "def f():\n    return {0}\n\nstruct P:\n    x: int\n"
    write("m.na", text.format(1))
    context = make_context(reload="manual", isolation=tier)
    module = context.import_module("m")
    f, make, mine = module.f, module.P, module.P(x=1)
    context.eval_dana("from m import f")
    write("m.na", "")
    context.reload_changed()
    assert (f(), mine.x) == (1, 1)
    write("m.na", text.format(2) + "    y: int = 5\n")
    context.reload_changed()
    assert (f(), make(x=1).y, context.eval_dana("f()")) == (2, 5, 2)
    assert tier == "process" or mine.y == 5


def test_held_function_gets_new_parameters_at_once(write: Write, make_context: Make) -> None:
    """The first call after a change may already have the new arguments, and may come from another thread."""
    write("m.na", "def f():\n    return 1\n")
    context = make_context(reload="auto")
    f = context.import_module("m").f
    assert f() == 1
    write("m.na", "def f(a, b):\n    return a + b\n")
    context._reloader.notice()  # type: ignore[union-attr]
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(f(1, b=2)))
    thread.start()
    thread.join()
    assert results == [3]


def test_many_reloads(write: Write, make_context: Make) -> None:
    """Each of many versions is run once, whenever the garbage collector comes by."""
    write("m.na", "def f():\n    return 0\n")
    context = make_context(reload="auto")
    f = context.import_module("m").f
    for number in range(1, 40):
        write("m.na", f"def f():\n    return {number}\n")
        context._reloader.notice()  # type: ignore[union-attr]
        assert f() == number


def test_only_between_calls(write: Write, make_context: Make, tier: str) -> None:
    """A host function cannot reload its own caller, and is told so; what it asks of another context works."""
    path = write("m.na", "def f(host):\n    return [host(), g()]\n\ndef g():\n    return 1\n")
    context, other = make_context(reload="auto", isolation=tier), make_context(reload="manual")
    module, view = context.import_module("m"), other.import_module("m")

    def host() -> str:
        path.write_text(path.read_text().replace("return 1", "return 2"))
        assert other.reload_changed() == ["m"]
        with pytest.raises(DanaContextError, match="between calls") as caught:
            context.reload(module)
        with pytest.raises(DanaContextError, match="between calls"):
            context.reload_changed()
        return str(caught.value)

    assert module.f(host)[1] == 1
    assert view.g() == 2
    settled(context, lambda: module.g() == 2)


async def _calls(context: DanaContext, change: Callable[[], object]) -> None:
    f = context.import_module("m").f
    assert await f.call_async(1) == 1
    change()
    for _ in range(2000):
        found = await asyncio.gather(*[f.call_async(1) for _ in range(3)])
        if found == [10] * 3:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(found)


async def _closed_after(context: DanaContext) -> None:
    async with context:
        context.import_module("m")
    assert "dana-reload" not in [thread.name for thread in threading.enumerate()]


def test_async_calls(write: Write, make_context: Make, tier: str) -> None:
    """Awaited calls see the new text as others do, and the watcher's thread has ended after ``async with``."""
    write("m.na", "def f(n):\n    return n\n")
    context = make_context(reload="auto", isolation=tier)
    asyncio.run(_calls(context, lambda: write("m.na", "def f(n):\n    return n * 10\n")))


def test_threads_with_contexts_of_their_own(write: Write, make_context: Make, tmp_path: Path) -> None:
    """While files change, every call in every thread sees one version, never a mixture."""
    text = "v = {0}\n\ndef f():\n    return [v, g()]\n\ndef g():\n    return v\n"
    write("m.na", text.format(0))
    over, wrong, seen = threading.Event(), [], [set[int](), set[int]()]
    contexts = [make_context(reload="auto") for _ in seen]

    def work(context: DanaContext, mine: set[int]) -> None:
        f = context.import_module("m").f
        while not over.is_set():
            first, second = f()
            mine.add(first)
            if first != second:
                wrong.append((first, second))

    threads = [threading.Thread(target=work, args=each) for each in zip(contexts, seen, strict=True)]
    for thread in threads:
        thread.start()
    for number in range(1, 4):
        write("m.na.new", text.format(number)).replace(tmp_path / "m.na")
        until(lambda number=number: all(number in each for each in seen))  # type: ignore[misc]
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_folder_that_is_replaced(write: Write, make_context: Make, tmp_path: Path) -> None:
    """A folder that was removed and made again is watched again; until then the old code runs."""
    write("pk/__init__.na", "")
    write("pk/m.na", "def f():\n    return 1\n")
    context = make_context(reload="auto")
    f = context.import_module("pk.m").f
    assert f() == 1
    shutil.rmtree(tmp_path / "pk")
    assert f() == 1
    write("pk/__init__.na", "")
    write("pk/m.na", "def f():\n    return 2\n")
    settled(context, lambda: f() == 2)
    write("pk/m.na", "def f():\n    return 3\n")
    settled(context, lambda: f() == 3)


def test_links_that_are_turned(write: Write, make_context: Make, tmp_path: Path) -> None:
    """Files behind a link to a folder, as Kubernetes mounts them, change when the link does."""
    for number in (1, 2):
        write(f"v{number}/m.na", f"def f():\n    return {number}\n")
    (tmp_path / "..data").symlink_to("v1")
    (tmp_path / "m.na").symlink_to("..data/m.na")
    context = make_context(reload="auto")
    f = context.import_module("m").f
    assert f() == 1
    (tmp_path / "..new").symlink_to("v2")
    (tmp_path / "..new").replace(tmp_path / "..data")
    settled(context, lambda: f() == 2)


def test_a_worker_that_died(write: Write, make_context: Make) -> None:
    """A fresh worker has the text of now, and follows from there."""
    write("m.na", "def f():\n    return 1\n")
    context = make_context(reload="auto", isolation="process")
    f = context.import_module("m").f
    assert f() == 1
    write("m.na", "def f():\n    return 2\n")
    context._link.process.kill()  # type: ignore[attr-defined]
    until(lambda: not context._link or not context._link.alive or _fails(f))  # type: ignore[attr-defined]
    settled(context, lambda: f() == 2)
    write("m.na", "def f():\n    return 3\n")
    settled(context, lambda: f() == 3)


def _fails(call: Callable[[], object]) -> bool:
    try:
        call()
    except DanaError:
        return True
    return False


def test_a_parameter_may_be_called_type(write: Write, make_context: Make) -> None:
    """Parameters with the names of Python's built-ins disturb nothing, with reload and without."""
    write("m.na", "def f(type: str, tuple, int: int = 1) -> str:\n    return type + tuple + int\n")
    for reload in (None, "manual"):
        f = make_context(reload=reload).import_module("m").f
        assert f("a", tuple="b", int=2) == "ab2"


def test_kinds_with_fields_of_their_own(write: Write, make_context: Make) -> None:
    """Resources and agents keep what all of their kind have, and get the new fields; delegation goes on."""
    text = (
        "resource R:\n    url: str = 'a'\n\nagent_blueprint B:\n    domain: str = 'x'\n\n"
        "struct In:\n    x: int = 1\n\nstruct Out:\n    _in: In\n\n"
        "def make():\n    return [R(url='z'), B(domain='b'), Out(_in=In())]\n\ndef read(o):\n    return [o.x]\n"
    )
    write("m.na", text)
    context = make_context(reload="manual")
    module = context.import_module("m")
    resource, agent, outer = module.make()
    states = [each.state for each in (resource, agent)]
    for old, new in (("'a'\n", "'a'\n    port: int = 5\n"), ("'x'\n", "'x'\n    more: int = 3\n"),
                     ("    _in: In", "    y: int = 2\n    _in: In"), ("[o.x]", "[o.x, o.y, copy_of(o)]")):  # fmt: skip
        text = text.replace(old, new)
    write("m.na", text + "\ndef copy_of(o):\n    return Out(_in=o._in).x\n")
    context.reload_changed()
    assert (resource.url, resource.port, agent.domain, agent.more) == ("z", 5, "b", 3)
    assert [each.state for each in (resource, agent)] == states
    assert module.read(outer) == [1, 2, 1]
    assert copy.deepcopy(outer).to_dict() == outer.to_dict()


def test_instances_that_the_collector_does_not_know(write: Write, make_context: Make) -> None:
    """After `gc.freeze` an instance is migrated when it enters the context."""
    write("m.na", POINT)
    context = make_context(reload="manual")
    module = context.import_module("m")
    mine = module.Point(x=1)
    gc.freeze()
    try:
        write("m.na", "struct Point:\n    x: int\n    z: int = 7\n\ndef read(p):\n    return p.z\n")
        context.reload_changed()
        assert module.read(mine) == 7
        assert mine.z == 7
    finally:
        gc.unfreeze()


def test_sessions_follow(write: Write, make_context: Make) -> None:
    """Names that `eval_dana` imported mean the new things; values that were read stay what they were."""
    write("m.na", "k = 1\n\ndef f():\n    return k\n")
    context = make_context(reload="manual")
    context.eval_dana("import m\nfrom m import f, k\ndef g():\n    return [f(), m.f(), k]")
    assert context.eval_dana("g()") == [1, 1, 1]
    write("m.na", "k = 2\n\ndef f():\n    return k\n")
    context.reload_changed()
    assert context.eval_dana("g()") == [2, 2, 1]


def test_the_package_file_of_a_search_folder(write: Write, make_context: Make, tier: str) -> None:
    """What an ``__init__.na`` beside the modules gives to texts follows as well."""
    write("__init__.na", "def f():\n    return 1\n")
    context = make_context(reload="manual", isolation=tier)
    assert context.eval_dana("f()") == 1
    assert context.reload_changed() == []
    write("__init__.na", "def f():\n    return 2\n")
    assert context.reload_changed() == ["__init__"]
    assert (context.eval_dana("f()"), context.reload_changed()) == (2, [])
    os.utime(write("__init__.na", "def f():\n    return 2\n"))
    assert context.reload_changed() == []


def test_packages(write: Write, make_context: Make, tier: str) -> None:
    """An ``__init__.na`` and the modules beside it are reloaded each by its own change, and stay attributes."""
    write("shop/__init__.na", "rate = 1\n")
    write("shop/prices.na", "from shop import rate\n\ndef price(n):\n    return n * rate\n")
    write("shop/other.na", "x = 1\n")
    context = make_context(reload="manual", isolation=tier)
    prices, _ = context.import_module("shop.prices"), context.import_module("shop.other")
    write("shop/__init__.na", "rate = 3\n")
    assert context.reload_changed() == ["shop", "shop.prices"]
    assert (prices.price(2), context.import_module("shop").other.x) == (6, 1)
    write("shop/prices.na", "def price(n):\n    return -n\n")
    assert context.reload_changed() == ["shop.prices"]
    assert context.import_module("shop").prices.price(2) == -2
    write("shop/other.na", "x = (")
    with pytest.raises(DanaSyntaxError):
        context.reload_changed()
    assert context.import_module("shop").other.x == 1


def test_files_that_come_and_go(write: Write, make_context: Make, tmp_path: Path, tier: str) -> None:
    """Renamed over, saved as it was, with the old time, gone and back, behind a link: contents are what counts."""
    path = write("m.na", "v = 1\n")
    write("user.na", "import m\n\ndef f():\n    return m.v\n")
    context = make_context(reload="manual", isolation=tier)
    f = context.import_module("user").f
    facts = path.stat()
    path.write_text("v = 2\n")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert (context.reload_changed(), f()) == (["m", "user"], 2)
    write("m.na", "v = 2\n")
    os.utime(path)
    assert context.reload_changed() == []
    write("m.na.tmp", "v = 3\n").replace(path)
    assert (context.reload_changed(), f()) == (["m", "user"], 3)
    path.unlink()
    write("user.na", "import m\n\ndef f():\n    return m.v + 100\n")
    assert (context.reload_changed(), f()) == (["user"], 103)
    write("m.na", "v = 4\n")
    assert (context.reload_changed(), f()) == (["m", "user"], 104)
    write("v5.txt", "v = 5\n")
    path.unlink()
    path.symlink_to(tmp_path / "v5.txt")
    assert (context.reload_changed(), f()) == (["m", "user"], 105)


def test_change_during_the_compile(write: Write, make_context: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is saved while it is compiled is seen as changed afterwards, at its first load as at a reload."""
    from opendxa.dana.library import Library

    path = write("m.na", "v = 1\n")
    context = make_context(reload="manual")
    plain = Library.load

    def slow(library: Library, *args: Any) -> Any:
        compiled = plain(library, *args)
        if later:
            path.write_text(later.pop(0))
        return compiled

    monkeypatch.setattr(Library, "load", slow)
    later = ["v = 2\n"]
    module = context.import_module("m")
    assert module.v == 1
    assert (context.reload_changed(), module.v) == (["m"], 2)
    assert context.reload_changed() == []


def test_two_contexts(write: Write, make_context: Make) -> None:
    """A context that does not reload keeps its version beside one that does."""
    write("m.na", "def f():\n    return 1\n")
    old, new = make_context(), make_context(reload="manual")
    functions = [each.import_module("m").f for each in (old, new)]
    write("m.na", "def f():\n    return 2\n")
    new.reload_changed()
    assert [f() for f in functions] == [1, 2]


def test_tenants(write: Write, tmp_path: Path) -> None:
    """``reload`` is a setting of tenants like any other."""
    write("m.na", "def f():\n    return 1\n")
    with DanaRuntime().tenant("acme", search_paths=[tmp_path], reload="manual") as tenant:
        context = tenant.create_context()
        f = context.import_module("m").f
        write("m.na", "def f():\n    return 2\n")
        assert context.reload_changed() == ["m"]
        assert f() == 2


def test_limits_hold(write: Write, make_context: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A new text whose top level never ends is stopped like any call, and so is what still runs the old text."""
    write("m.na", "def spin(go):\n    while go:\n        pass\n\ndef f():\n    return 1\n")
    context = make_context(reload="manual", timeout="300ms")
    module = context.import_module("m")
    f = module.f
    context.eval_dana("import m\nkeep = [m.spin]")
    write("m.na", "while True:\n    pass\n")
    with pytest.raises(DanaError, match=r"300|0\.3|time"):
        context.reload_changed()
    assert f() == 1
    write("m.na", "def f():\n    return 2\n")
    context.reload_changed()
    with pytest.raises(TimeoutError):
        context.eval_dana("keep[0](True)")
    assert f() == 2


def test_old_versions_are_let_go(write: Write, make_context: Make) -> None:
    """After many reloads the context holds one version, and no code or namespace of the others."""
    context = make_context(reload="manual")
    write("m.na", "def f():\n    return 0\n")
    context.import_module("m")

    def held() -> tuple[int, int, int]:
        gc.collect()
        forget_retired(context)
        return len(context._meter._namespaces), len(context._meter.codes), len(context._retired)

    before = held()
    for number in range(1, 6):
        write("m.na", f"def f():\n    return {number}\n")
        context.reload_changed()
        write("m.na", f"x = {number} / 0\n")
        with pytest.raises(DanaImportError):
            context.reload_changed()
    assert held() == before


# -- structs -------------------------------------------------------------------------------------------

POINT = "struct Point:\n    x: int\n    y: int = 0\n\ndef (p: Point) total():\n    return p.x + p.y\n"


def test_structs_are_migrated(write: Write, make_context: Make) -> None:
    """Instances held by the host, by a session and in containers are of the new struct, the same objects as before."""
    write("m.na", POINT)
    context = make_context(reload="manual")
    module = context.import_module("m")
    mine = module.Point(x=3)
    assert mine.total() == 3
    context.eval_dana("import m\nkept = {'a': [m.Point(x=1, y=2)]}\npublic:one = kept['a'][0]")
    # y is gone, x takes fractions, label is new and has a default, and the order is another one
    write("m.na", "struct Point:\n    label: str = 'none'\n    tags: list = []\n    x: float\n\n"
                  "def (p: Point) total():\n    return p.x * 100\n\ndef is_point(p):\n"
                  "    return isinstance(p, Point)\n")  # fmt: skip
    context.reload_changed()
    assert mine.to_dict() == {"label": "none", "tags": [], "x": 3.0}
    assert type(mine.x) is float
    assert (mine.total(), module.is_point(mine)) == (300.0, True)
    assert context.eval_dana("[kept['a'][0].total(), public:one.label, public:one == kept['a'][0]]") == [
        100.0, "none", True,
    ]  # fmt: skip
    mine.label = "new"
    assert mine.label == "new"
    with pytest.raises(TypeError):
        mine.label = 5
    with pytest.raises(AttributeError):
        _ = mine.y
    assert mine == module.Point(label="new", x=3.0)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [("x: str", "must be str, not int"), ("x: int\n    z: int", "'z'")],
)
def test_structs_that_do_not_fit(
    write: Write, make_context: Make, fields: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An instance whose fields do not fit says so at every use, still tells its fields, and fits again later."""
    write("m.na", POINT + "\ndef read(p):\n    return p.x\n")
    context = make_context(reload="manual")
    module = context.import_module("m")
    mine = module.Point(x=3)
    write("m.na", f"struct Point:\n    {fields}\n\ndef read(p):\n    return p.x\n")
    context.reload_changed()
    for use in (lambda: mine.x, lambda: setattr(mine, "x", 1), lambda: mine.total(), lambda: module.read(mine)):
        with pytest.raises(DanaTypeError, match=f"this Point was made before 'm' was loaded again.*{reason}"):
            use()
    assert mine.to_dict() == {"x": 3, "y": 0}
    assert repr(mine) == "Point(x=3, y=0)"
    assert "fit no more: 1" in str(context._reloader.migration.refused)  # type: ignore[union-attr]
    write("m.na", "struct Point:\n    x: int\n    z: int = 9\n\ndef read(p):\n    return p.z\n")
    context.reload_changed()
    assert (mine.x, mine.z, module.read(mine)) == (3, 9, 9)


def test_structs_that_grow_too_much(write: Write, make_context: Make) -> None:
    """More new fields than there is room for is refused with a reason; new instances are as declared."""
    write("m.na", POINT)
    context = make_context(reload="manual")
    module = context.import_module("m")
    mine = module.Point(x=3)
    write("m.na", "struct Point:\n    x: int\n" + "".join(f"    f{n}: int = {n}\n" for n in range(40)))
    context.reload_changed()
    with pytest.raises(DanaTypeError, match="more fields"):
        _ = mine.x
    assert module.Point(x=1).f39 == 39


def test_structs_of_structs(write: Write, make_context: Make) -> None:
    """Cycles and structs inside structs are migrated as one; a module that was not changed keeps its own."""
    write("m.na", "struct Node:\n    name: str\n    next: any = None\n")
    write("other.na", "struct Other:\n    x: int\n")
    context = make_context(reload="manual")
    module, other = context.import_module("m"), context.import_module("other")
    a, b, kept = module.Node(name="a"), module.Node(name="b"), other.Other(x=1)
    a.next, b.next = b, a
    write("m.na", "struct Node:\n    name: str\n    next: Node\n    seen: bool = False\n")
    context.reload_changed()
    assert a.next is b
    assert b.next is a
    assert (a.seen, kept.x, type(kept)) == (False, 1, type(other.Other(x=2)))


def test_structs_by_value(write: Write, make_context: Make) -> None:
    """In the process tier copies of the host follow when they are next used."""
    write("m.na", POINT)
    context = make_context(reload="manual", isolation="process")
    module = context.import_module("m")
    mine = module.Point(x=3)
    write("m.na", "struct Point:\n    x: float\n    k: int = 7\n\ndef (p: Point) total():\n    return p.x + p.k\n\n"
                  "def read(p):\n    return p.k\n")  # fmt: skip
    context.reload_changed()
    assert module.read(mine) == 7
    assert mine.total() == 10.0
    assert (mine.k, mine.x) == (7, 3.0)
    write("m.na", "struct Point:\n    x: str\n\ndef read(p):\n    return p.x\n")
    context.reload_changed()
    with pytest.raises(DanaTypeError, match="this Point was made before 'm' was loaded again"):
        module.read(mine)
