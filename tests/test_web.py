"""The web application of the examples: many requests at once, each with a context of its own.

The application runs in this process, below httpx or below a hand-written connection that can go away.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from dana_guards.watchdog import _running_now

APP = Path(__file__).resolve().parents[1] / "examples" / "web" / "app.py"
ENDLESS = {"price": 1.0, "months": 10**15}
SPIN = {"text": "while true:\n    pass\n"}


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module of the application, loaded anew."""
    monkeypatch.setenv("DANA_CACHE_DIR", str(tmp_path))
    spec = importlib.util.spec_from_file_location("dana_web_example", APP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "dana_web_example", module)
    spec.loader.exec_module(module)
    return module


@asynccontextmanager
async def client_of(example: ModuleType) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application while it is up."""
    transport = httpx.ASGITransport(example.app)
    async with (
        example.app.router.lifespan_context(example.app),
        httpx.AsyncClient(transport=transport, base_url="http://shop", timeout=None) as client,
    ):
        yield client


def basket(number: int) -> dict[str, Any]:
    """A basket that is unlike all others: so many lines, such prices."""
    lines = [{"name": f"n{line}", "price": number + line, "count": 1 + line} for line in range(1 + number % 5)]
    return {"customer": f"c{number}", "lines": lines}


def price_of(number: int) -> dict[str, Any]:
    """What Python says that it costs."""
    lines = basket(number)["lines"]
    total = sum(line["price"] * line["count"] for line in lines)
    return {"customer": f"c{number}", "lines": len(lines), "total": float(total)}


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run in an event loop of its own; afterwards no thread of it is left, and no Dana code runs."""
    before = {thread.ident for thread in threading.enumerate()}
    result = asyncio.run(main())
    left = [thread for thread in threading.enumerate() if thread.ident not in before and "watchdog" not in thread.name]
    for thread in left:
        thread.join(10)  # threads of the web framework are told to end, and may not have yet
    assert [thread.name for thread in left if thread.is_alive()] == []
    assert not _running_now()
    return result


def test_200_requests_at_once(example: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 200 concurrent requests gets the answer to its own basket, and their contexts end with them."""
    monkeypatch.setattr(example, "TIMEOUT", "60s")  # a busy machine is no mistake

    async def main() -> None:
        async with client_of(example) as client:
            answers = await asyncio.gather(*[client.post("/bill", json=basket(number)) for number in range(200)])
            assert [answer.json() for answer in answers] == [price_of(number) for number in range(200)]
            assert example.app.state.shop.contexts == 0

    run(main)
    gc.collect()
    assert not [each for each in gc.get_objects() if type(each).__name__ == "DanaContext" and not each.closed]


def test_a_shared_context_would_be_noticed(example: ModuleType) -> None:
    """The twin: with one context for all, baskets run together, so the answers above do show that nothing crosses."""

    async def main() -> list[Any]:
        async with client_of(example) as client, example.app.state.shop.create_context() as context:
            example.app.dependency_overrides[example.fresh_context] = lambda: context
            answers = await asyncio.gather(*[client.post("/bill", json=basket(number)) for number in range(10)])
            return [answer.json() for answer in answers]

    assert run(main) != [price_of(number) for number in range(10)]


def test_a_slow_request_holds_nobody_up(example: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """While requests run towards their deadline, others are answered and the event loop goes on."""
    monkeypatch.setattr(example, "TIMEOUT", "4s")

    async def main() -> None:
        async with client_of(example) as client:
            slow = [asyncio.create_task(client.get("/forecast", params=ENDLESS)) for _ in range(3)]
            while len(_running_now()) < 3:
                await asyncio.sleep(0.001)
            answers = [(await client.post("/bill", json=basket(number))).json() for number in range(5)]
            assert not any(task.done() for task in slow)
            assert answers == [price_of(number) for number in range(5)]
            for answer in await asyncio.gather(*slow):
                assert (answer.status_code, answer.json()["error"]) == (504, "DanaTimeoutError")

    run(main)


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "error"),
    [
        ("POST", "/bill", {"customer": "a", "lines": [{"name": "x", "price": -1}]}, 422, "DanaRuntimeError"),
        ("POST", "/archive", None, 403, "DanaCapabilityError"),
        ("POST", "/programs", {"text": "1 +"}, 400, "DanaSyntaxError"),
        ("POST", "/programs", {"text": "'x' * 10**9"}, 413, "DanaMemoryError"),
        ("POST", "/programs", {"text": "read_file('/etc/passwd')"}, 403, "DanaCapabilityError"),
        ("POST", "/programs", {"text": "1", "values": {"class": 1}}, 422, None),
        ("POST", "/programs", {"text": "1e308 * 10"}, 422, None),
        ("POST", "/programs", {"text": "def f():\n    return 1\nf"}, 422, None),
        ("POST", "/programs", {"text": "x" * 10_001}, 422, None),
    ],
)
def test_errors_have_a_status(
    example: ModuleType, method: str, path: str, content: Any, status: int, error: str | None
) -> None:
    """What goes wrong is told with its kind and its status, without a path of the machine."""

    async def main() -> httpx.Response:
        async with client_of(example) as client:
            return await client.request(method, path, json=content)

    answer = run(main)
    assert (answer.status_code, answer.json().get("error")) == (status, error)
    assert str(APP.parent) not in answer.text


def test_programs_of_strangers(example: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs run at once in processes of their own, see their own values, and print to their own answer."""
    monkeypatch.setattr(example, "TIMEOUT", "4s")

    async def one(client: httpx.AsyncClient, number: int) -> None:
        text = "public:seen = values\nprint('number', values[0])\nsum(public:seen)"
        answer = await client.post("/programs", json={"text": text, "values": {"values": [number, 1]}})
        assert answer.json() == {"result": number + 1, "printed": f"number {number}\n"}

    async def main() -> None:
        async with client_of(example) as client:
            spinning = asyncio.create_task(client.post("/programs", json=SPIN))
            await asyncio.gather(*[one(client, number) for number in range(5)])
            assert (await spinning).status_code == 504
            assert example.app.state.strangers.contexts == 0

    run(main)


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", "/forecast", b"price=1&months=1000000000000000", b""),
        ("POST", "/programs", b"", json.dumps(SPIN).encode()),
    ],
)
def test_a_client_that_goes_away_stops_its_dana(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch, method: str, path: str, query: bytes, body: bytes
) -> None:
    """Endless code without a near deadline ends when the connection is lost; so does its context."""
    monkeypatch.setattr(example, "TIMEOUT", "1h")
    left = asyncio.Event()
    parts = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        part = next(parts, None)
        if part is None:
            await left.wait()
            return {"type": "http.disconnect"}
        return part

    async def send(message: Any) -> None:
        """Nobody reads."""

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": query, "root_path": "", "scheme": "http",
        "headers": [(b"content-type", b"application/json")], "client": ("client", 1), "server": ("shop", 80),
    }  # fmt: skip

    async def main() -> None:
        async with example.app.router.lifespan_context(example.app):
            request = asyncio.create_task(example.app(scope, receive, send))
            while not _running_now():
                assert not request.done()
                await asyncio.sleep(0.001)
            left.set()
            await request
            assert (example.app.state.shop.contexts, example.app.state.strangers.contexts) == (0, 0)

    run(main)


def test_a_cancelled_request_stops_its_dana(example: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that cancels the task of a request ends its Dana code as well."""
    monkeypatch.setattr(example, "TIMEOUT", "1h")

    async def main() -> None:
        async with client_of(example) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.get("/forecast", params=ENDLESS)
            assert example.app.state.shop.contexts == 0
            assert (await client.post("/bill", json=basket(3))).json() == price_of(3)

    run(main)
