"""Contexts in a process of their own: the same meaning as in the thread tier, and what crosses between the two."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from opendxa.dana import (
    CapabilityUse,
    DanaCapabilityError,
    DanaContext,
    DanaContextError,
    DanaFunction,
    DanaImportError,
    DanaModule,
    DanaObject,
    DanaRuntime,
    DanaRuntimeError,
    DanaSyntaxError,
    DanaTypeError,
    dana_function,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="worker processes need POSIX")

Make = Callable[..., DanaContext]
Write = Callable[[str, str], Path]


@pytest.fixture
def make(make_context: Make) -> Make:
    """Make contexts whose code runs in a worker."""
    return lambda **settings: make_context(isolation="process", **settings)


@pytest.fixture(scope="module")
def shared() -> Iterator[DanaContext]:
    """One worker for the tests that leave nothing behind."""
    with DanaRuntime().create_context(isolation="process") as context:
        yield context


PROGRAMS = [
    "1 + 2 * 3",
    '"v=" + 5',
    "-2 ** 2",
    "1e308 * 10",
    "[1, 2.5, 'x', true, none]",
    "(1, (2, {3}), {4: [5], (6, 7): 'k'})",
    "{'a': 1, 2: 'b'}",
    "{}",
    "'\\ud800'",
    "def f(:",
    "a = [1]\n[a, a]",
    "range(3)",
    "sum(range(10 ** 13))",
    "struct P:\n    x: int\n    y: list = []\n\nP(x=1, y=[2])",
    "def f(n):\n    if n < 2:\n        return n\n    return f(n - 1) + f(n - 2)\n\nf(12)",
    "1 / 0",
    "x = missing",
    "[1][5]",
    "{'a': 1}['b']",
    "raise ValueError('bad')",
    "def f(n):\n    return f(n + 1)\n\nf(0)",
    "read_file('/etc/passwd')",
    "import nothing_there",
    "import os.py",
    "if :",
    "int('x')",
    "10 ** 10 ** 8",
    "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    r = [e.type, e.message, e.line]\nr",
    "import math.py\nimport datetime.py\n[math.sqrt(2.0), datetime.date(2024, 1, 31)]",
    "print('a', 1)\nprint([2])",
]


def outcomes(isolation: str) -> list[Any]:
    """What each program prints and gives, or how it fails; all run in one context."""
    found: list[Any] = []
    printed: list[str] = []
    with DanaRuntime().create_context(isolation=isolation, on_print=printed.append) as context:
        for program in PROGRAMS:
            try:
                value = context.eval_dana(program)
            except Exception as error:
                result: Any = type(error), str(error), repr(error.__cause__), getattr(error, "stack", None)
            else:
                result = type(value).__name__, repr(value)
            found.append((program, printed[:], result))
            printed.clear()
    return found


def test_both_tiers_agree() -> None:
    """Values, printing, kinds of errors, places and causes are the same."""
    different = [pair for pair in zip(outcomes("thread"), outcomes("process"), strict=True) if pair[0] != pair[1]]
    assert different == []


def test_the_public_types(shared: DanaContext) -> None:
    """Everything is an instance of what the thread tier gives."""
    source = "def area(w: float, h: float = 2.0) -> float:\n    'The area.'\n    return w * h\n\narea"
    function = shared.eval_dana(source)
    point = shared.eval_dana("struct Point:\n    x: int\n\nPoint(x=1)")
    assert isinstance(shared, DanaContext)
    assert isinstance(function, DanaFunction)
    assert isinstance(point, DanaObject)
    assert (function.__name__, function.__doc__) == ("area", "The area.")
    assert str(inspect.signature(function)) == "(w: float, h: float = 2.0) -> float"
    assert inspect.getsource(function).startswith("def area")
    assert function(3).as_float() == 6.0
    assert function(w=1, h=1) == 1.0
    with pytest.raises(DanaTypeError, match="'w' must be float"):
        function("x")
    with pytest.raises(TypeError):
        function()


def test_results_answer(shared: DanaContext) -> None:
    """The outermost result has ``as_int`` and its sisters, its members are plain."""
    result = shared.eval_dana("[1, [2]]")
    assert result.as_list() == [1, [2]]
    assert type(result[1]) is list
    assert shared.eval_dana("'12'").as_int() == 12


# -- values in both directions ---------------------------------------------------------------------------


def test_shared_parts_and_cycles(shared: DanaContext) -> None:
    """A list that holds itself, and one that stands in two places, are the same on the other side."""
    same = shared.eval_dana("def same(v):\n    return v\n\nsame")
    loop: list[Any] = [1]
    loop.append(loop)
    part = {"k": (1, frozenset([2]))}
    back = same([loop, part, part])
    assert back[0][1] is back[0]
    assert back[1] is back[2]
    assert back[1] == part


@pytest.mark.parametrize(
    "value",
    [
        float("inf"),
        -0.0,
        "\ud800\udc00",
        "\x00\n",
        {1: "int", "1": "str", 1.5: "float", None: 0, False: 2},
        {(1, (2,)): {3}},
        [[], {}, set(), (), ""],
        [1, 2.5, None, True, "x"] * 3,
        date(2024, 2, 29),
        datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=-5))),
        timedelta(days=-1, microseconds=5),
        Decimal("1.10"),
    ],
)
def test_values_come_back(shared: DanaContext, value: Any) -> None:
    """What may cross is the same after the way there and back, its type included."""
    same = shared.eval_dana("def same(v):\n    return v\n\nsame")
    back = same(value)
    assert repr(back) == repr(value)
    assert back == value


def test_long_ints(shared: DanaContext) -> None:
    """An int with more digits than Python reads from text crosses, as an argument and inside data."""
    same = shared.eval_dana("def same(v):\n    return v\n\nsame")
    assert same(10**5000) == 10**5000
    assert same([-(10**5000), {"k": 10**5000}]) == [-(10**5000), {"k": 10**5000}]


def test_not_a_number(shared: DanaContext) -> None:
    """A nan crosses, in a container too."""
    same = shared.eval_dana("def same(v):\n    return v\n\nsame")
    assert repr(same([float("nan"), {"x": float("nan")}])) == "[nan, {'x': nan}]"


def test_deep_data(shared: DanaContext) -> None:
    """Data of a thousand levels crosses; deeper data is refused with a sentence, in both directions."""
    same = shared.eval_dana("def same(v):\n    return v\n\nsame")

    def nested(depth: int) -> Any:
        value: Any = 0
        for _ in range(depth):
            value = [value]
        return value

    back, depth = same(nested(1000)), 0
    while isinstance(back, list):
        back, depth = back[0], depth + 1
    assert depth == 1000
    with pytest.raises(DanaTypeError, match="deeper than 1000"):
        same(nested(1001))
    with pytest.raises(DanaTypeError, match="deeper than 1000"):
        shared.eval_dana("v = 0\nfor i in range(1001):\n    v = [v]\nv")


def test_what_cannot_cross(shared: DanaContext) -> None:
    """An object of the host is refused with the way to pass it, and the context goes on."""
    same = shared.eval_dana("def same(v):\n    return v\n\nsame")
    with pytest.raises(DanaTypeError, match="cannot enter") as caught:
        same(object())
    assert "expose" in str(caught.value)
    with pytest.raises(DanaTypeError, match="decode"):
        same([b"bytes"])
    with pytest.raises(DanaTypeError, match="isoformat"):
        same(datetime(2024, 1, 1, tzinfo=type("Zone", (tzinfo,), {})()))
    assert same(1) == 1


def test_tokens_and_modules_cross(shared: DanaContext) -> None:
    """An exception kind and an iterator are handed out and back in."""
    kind = shared.eval_dana("ValueError")
    check = shared.eval_dana("def check(k):\n    return k == ValueError\n\ncheck")
    assert check(kind) is True
    items = shared.eval_dana("map(lambda x :: x * 2, [1, 2, 3])")
    assert next(items) == 2
    assert shared.eval_dana("list")(items) == [4, 6]


def test_structs_cross_by_value(make: Make) -> None:
    """A struct is a copy with live methods; what a method changes is seen on the copy that it was called on."""
    context = make()
    source = "struct Point:\n    x: int\n    tags: list = []\n\ndef (p: Point) move(n: int) -> int:\n    p.x += n\n"
    point = context.eval_dana(source + "    p.tags.append(n)\n    return p.x\n\nkept = Point(x=1)\nkept")
    assert (point.x, point.move(4), point.x, point.tags) == (1, 5, 5, [4])
    assert context.eval_dana("kept.x") == 1
    assert repr(point) == "Point(x=5, tags=[4])"
    with pytest.raises(TypeError, match="x"):
        point.x = "text"
    point.x = 7
    context.eval_dana("def (p: Point) late() -> int:\n    return p.x * 2\n")
    assert point.late() == 14
    assert context.eval_dana("def shift(p: Point) -> Point:\n    p.x += 1\n    return p\n\nshift")(point) == (
        context.eval_dana("Point(x=8, tags=[4])")
    )
    assert point.x == 7
    with pytest.raises(AttributeError, match="did you mean 'tags'"):
        _ = point.tag
    other = make()
    other.eval_dana("def f(v):\n    return v\n")
    with pytest.raises(DanaTypeError, match="another context"):
        other.eval_dana("f")(point)


def test_functions_in_structs(shared: DanaContext) -> None:
    """A field that holds a function is a function here, and the same one back there."""
    source = "struct Hook:\n    call: any\n\ndef seven():\n    return 7\n\n"
    hook = shared.eval_dana(source + "def is_seven(h: Hook):\n    return h.call == seven\n\nHook(call=seven)")
    assert hook.call() == 7
    assert shared.eval_dana("is_seven")(hook) is True
    hook.call = lambda: 8
    assert shared.eval_dana("def run(h):\n    return h.call()\n\nrun")(hook) == 8


def test_structs_in_circles(shared: DanaContext) -> None:
    """Two structs that hold each other cross, and the circle stays one."""
    node = shared.eval_dana("struct Node:\n    other: any = none\n\na = Node()\nb = Node(other=a)\na.other = b\na")
    assert node.other.other is node


# -- host functions and objects -----------------------------------------------------------------------------


def test_host_functions_run_in_the_calling_thread(make: Make) -> None:
    """A lent function gets plain values, in the thread that called, also when it is passed as an argument."""
    seen: list[Any] = []

    def note(value: Any, times: int = 1) -> Any:
        seen.append((threading.get_ident(), type(value)))
        return [value] * times

    context = make(functions={"note": note})
    assert context.eval_dana("note({'a': 1}, times=2)") == [{"a": 1}, {"a": 1}]
    assert seen == [(threading.get_ident(), dict)]
    apply = context.eval_dana("def apply(f, x):\n    return f(x) + 1\n\napply")
    assert apply(lambda x: x * 10, 4) == 41
    assert context.eval_dana("note") is note


def test_calls_nest(make: Make) -> None:
    """The host calls Dana, which calls the host, which calls Dana."""
    contexts: list[DanaContext] = []

    def down(n: int) -> Any:
        return contexts[0].eval_dana(f"step({n})")

    contexts.append(make(functions={"down": down}))
    contexts[0].eval_dana("def step(n):\n    if n == 0:\n        return 'bottom'\n    return down(n - 1)\n")
    assert contexts[0].eval_dana("step(5)") == "bottom"


def test_exceptions_cross(make: Make) -> None:
    """Dana catches a host's exception by kind and name and learns nothing else; uncaught it arrives as the cause."""

    class OutOfStock(LookupError):
        """An exception of the host's own."""

    raised = OutOfStock("secret 4711")

    def buy() -> None:
        raise raised

    context = make(functions={"buy": buy})
    caught = "try:\n    buy()\nexcept {} as e:\n    r = e.type + ': ' + e.message\nr"
    for kind in ("LookupError", "'OutOfStock'", "Exception"):
        assert context.eval_dana(caught.format(kind)) == "OutOfStock: error in a host function"
    with pytest.raises(DanaRuntimeError) as error:
        context.eval_dana("def f():\n    return buy()\n\nf()")
    assert error.value.__cause__ is raised
    assert error.value.lineno == 2
    with pytest.raises(KeyboardInterrupt):
        make(functions={"stop": _interrupt}).eval_dana("try:\n    stop()\nexcept Exception:\n    pass\n")


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_objects(make: Make) -> None:
    """Plain objects are copied, others show the listed names only, and come back as themselves."""

    class Account:
        def __init__(self) -> None:
            self.balance = 10
            self.secret = "s"

        def pay(self, n: int) -> int:
            self.balance -= n
            return self.balance

    account, limits = Account(), {"day": [5]}
    context = make(objects={"limits": limits, "raw": account})
    limits["day"].append(6)
    context.expose("account", account, attrs=["balance"], methods=["pay"])
    assert context.eval_dana("[account.pay(3), account.balance, limits]") == [7, 7, {"day": [5]}]
    with pytest.raises(DanaRuntimeError, match="secret"):
        context.eval_dana("account.secret")
    with pytest.raises(DanaRuntimeError):
        context.eval_dana("raw.balance")
    assert context.eval_dana("account") is account
    assert context.eval_dana("raw") is account


def test_iterators_are_lazy(make: Make) -> None:
    """Items of a host's iterator are taken one by one, items of Dana's too."""
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for n in range(1000):
            taken.append(n)
            yield n

    context = make()
    first = context.eval_dana("def first(xs):\n    for x in xs:\n        if x > 2:\n            return x\n\nfirst")
    assert first(numbers()) == 3
    assert taken == [0, 1, 2, 3]


def test_nothing_piles_up(make: Make) -> None:
    """Functions that went across and were dropped are let go of, on both sides."""
    context = make()
    apply = context.eval_dana("def apply(f):\n    return f()\n\napply")
    closure = context.eval_dana("def closure(n):\n    def get():\n        return n\n    return get\n\nclosure")
    for n in range(50):
        assert apply(lambda: 7) == 7
        assert closure(n)() == n
    gc.collect()  # a function refers to itself by `call_async`
    context.eval_dana("1")
    values = context._link.values  # type: ignore[attr-defined]
    assert len(values.lent) <= 1
    assert len(values._borrowed._refs) == 2


# -- modules, printing, capabilities --------------------------------------------------------------------------


def test_modules(make: Make, write: Write) -> None:
    """Packages, private names, manifests, sources, reload: all as in the thread tier."""
    write("shop/__init__.na", "'The shop.'\nfrom shop.prices import price\n")
    write("shop/prices.na", "base = 2\n_hidden = 1\n\ndef price(n: int) -> int:\n    return n * base\n")
    context = make()
    shop = context.import_module("shop")
    assert isinstance(shop, DanaModule)
    assert (shop.price(4), shop.__name__, shop.__doc__) == (8, "shop", "The shop.")
    prices = context.import_module("shop.prices")
    assert [name for name in dir(prices) if not name.startswith("_")] == ["base", "price"]
    assert prices.__manifest__["functions"]["price"]["returns"] == "int"
    assert "def price" in prices.__python_source__
    assert inspect.getsourcefile(prices.price) == prices.__file__
    for name in ("_hidden", "pric"):
        with pytest.raises(AttributeError):
            getattr(prices, name)
    write("shop/prices.na", "base = 3\n\ndef price(n: int) -> int:\n    return n * base\n")
    assert context.reload(prices).price(4) == 12
    with pytest.raises(DanaImportError, match="did you mean 'shop'"):
        context.import_module("shopp")
    write("broken.na", "def f(:\n")
    with pytest.raises(DanaSyntaxError) as error:
        context.import_module("broken")
    assert (Path(str(error.value.filename)).name, error.value.lineno) == ("broken.na", 1)


def test_code_from_the_cache(make: Make, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the thread tier compiled is executed by the worker; what the worker compiled enters no cache."""
    from dana2py.cache import Cache

    write("kept.na", "def f():\n    return 1\n")
    stored: list[object] = []
    put = Cache.put
    monkeypatch.setattr(Cache, "put", lambda self, key, module: stored.append(key) or put(self, key, module))
    assert make().import_module("kept").f() == 1
    assert stored == []
    found: list[object] = []
    get = Cache.get
    folder = write("kept.na", "def f():\n    return 1\n").parent
    DanaRuntime().create_context(search_paths=[folder]).import_module("kept")
    assert len(stored) == 1
    monkeypatch.setattr(Cache, "get", lambda self, key: found.append(get(self, key)) or found[-1])
    assert make().import_module("kept").f() == 1
    assert [module is not None for module in found] == [True]


def test_output(make: Make, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """Printed text arrives piece by piece, log records in the host's logging; an error of the sink is the program's."""
    pieces: list[str] = []
    make(on_print=pieces.append).eval_dana("for i in range(3):\n    print(i)\n")
    assert pieces == ["0\n", "1\n", "2\n"]
    make().eval_dana("print('out')")
    assert capsys.readouterr().out == "out\n"
    with caplog.at_level(logging.INFO):
        make().eval_dana("log('line\\nbreak')")
    assert "line\\nbreak" in caplog.text


def test_capabilities_are_the_parents(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grants are checked by this process, which does the work, and told to the audit hook."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("k,v\nx,1\n", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("s", encoding="utf-8")
    monkeypatch.setenv("DANA_TEST_WORD", "value")
    uses: list[CapabilityUse] = []
    context = make(
        allowed_capabilities=[f"file_read:{tmp_path / 'in'}", "env:DANA_TEST_WORD", "llm", "python:hashlib"],
        on_capability=uses.append,
        llm=lambda prompt, **options: f"<{prompt}>",
    )
    inside, outside = str(tmp_path / "in" / "a.csv"), str(tmp_path / "secret.txt")
    assert context.eval_dana(f"load_csv({inside!r})") == [{"k": "x", "v": "1"}]
    assert context.eval_dana("get_env('DANA_TEST_WORD')") == "value"
    assert context.eval_dana("import hashlib.py\nhashlib.sha256('').hexdigest()[:4]") == "e3b0"
    for denied in (f"read_file({outside!r})", "get_env('PATH')", "import decimal.py", "write_file('x', 'y')"):
        with pytest.raises(DanaCapabilityError) as error:
            context.eval_dana(denied)
        assert "allowed_capabilities" in str(error.value)
        assert error.value.lineno == 1
    caught = context.eval_dana(
        f"try:\n    read_file({str(tmp_path / 'in' / 'none')!r})\nexcept FileNotFoundError as e:\n    r = e.message\nr"
    )
    assert "no such file" in caught
    told = [(use.capability, use.argument, use.allowed, use.module, use.function, use.line) for use in uses]
    assert ("env", "PATH", False, "__main__", "<module>", 1) in told
    assert ("file_read", inside, True, "__main__", "<module>", 1) in told
    assert ("python", "hashlib", True, "__main__", "<module>", 1) in told


# -- the rest of the interface ----------------------------------------------------------------------------------


def test_current_context_and_stubs(make: Make, write: Write) -> None:
    """A stub calls into the context of the ``with`` block."""
    write("stubbed.na", "def double(n: int) -> int:\n    return n * 2\n")

    @dana_function("stubbed.double")
    def double(n: int) -> int: ...

    with make():
        assert double(4) == 8


def test_values_of_another_context(make: Make, make_context: Make) -> None:
    """What has no form outside of its worker goes back there, and into no other context; no class of ours is named."""
    context = make()
    look = "def look(x):\n    return str(x)\nlook"
    view = context.eval_dana("from datetime.py import datetime\ndatetime")
    assert context.eval_dana(look)(view)
    for other in (make(), make_context()):
        with pytest.raises(DanaTypeError, match="of another context cannot enter") as caught:
            other.eval_dana(look)(view)
        assert "opendxa" not in str(caught.value)


def test_async_calls(make: Make) -> None:
    """Async calls queue, and cancelling one that runs stops it and leaves the context as it was."""
    context = make(timeout="20s")

    async def main() -> list[Any]:
        context.eval_dana("x = 1\ndef spin():\n    while true:\n        pass\n")
        values = await asyncio.gather(*[context.eval_dana_async(f"x + {n}") for n in range(3)])
        task = asyncio.create_task(context.eval_dana("spin").call_async())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return values

    assert asyncio.run(main()) == [1, 2, 3]
    for _ in range(1000):
        if context._meter.thread is None:
            break
        threading.Event().wait(0.01)
    assert context.eval_dana("x") == 1


def test_after_the_end(make: Make) -> None:
    """After cleanup everything of the context refuses, and a second cleanup does nothing."""
    context = make()
    function = context.eval_dana("def f():\n    return 1\n\nf")
    context.cleanup()
    context.cleanup()
    assert context.closed
    for use in (function, lambda: context.eval_dana("1"), lambda: context.import_module("m")):
        with pytest.raises(DanaContextError, match="closed"):
            use()


def test_one_thread_at_a_time(make: Make) -> None:
    """A second thread's call is refused while the first runs."""
    inside, leave = threading.Event(), threading.Event()

    def wait() -> None:
        inside.set()
        leave.wait(20)

    context = make(functions={"wait": wait})
    thread = threading.Thread(target=context.eval_dana, args=("wait()",))
    thread.start()
    try:
        assert inside.wait(20)
        with pytest.raises(DanaContextError, match="another thread"):
            context.eval_dana("1")
    finally:
        leave.set()
        thread.join()


def test_command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """``dana2py run --isolation process`` prints, and fails with the place."""
    import subprocess

    program = tmp_path / "p.na"
    program.write_text("print('from afar')\n1 / 0\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "dana2py", "run", "--isolation", "process", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "from afar\n")
    assert "p.na:2:1" in done.stderr
