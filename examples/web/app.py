"""A web application that runs Dana: one context for each request, limits for each call, no state that crosses over.

    pip install -e ".[web]"
    uvicorn --app-dir examples/web app:app
    curl localhost:8000/bill -H content-type:application/json \\
        -d '{"customer": "ann", "lines": [{"name": "tea", "price": 4.5, "count": 2}]}'
    curl localhost:8000/programs -H content-type:application/json \\
        -d '{"text": "sum([n * n for n in numbers])", "values": {"numbers": [1, 2, 3]}}'

Dana runs in threads beside the event loop, which only waits. When a client goes away, its task is cancelled, and that
stops the Dana code. `basket.na` is the application's own module; `/programs` runs what strangers send, in a process
that can open nothing and is killed when it does not stop.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from opendxa.dana import (
    DanaCapabilityError,
    DanaContext,
    DanaContextError,
    DanaError,
    DanaLimitError,
    DanaRuntime,
    DanaSyntaxError,
    DanaTenant,
    DanaTimeoutError,
)

T = TypeVar("T")
THREADS = 8
"""Calls of Dana that run at once; the others wait, and hold no thread while they do. More threads compute no faster."""
TIMEOUT = "1s"
"""For each call into a context; the clock of the wall, so it runs on while other threads have their turn."""
WORKERS = 4
"""Programs of strangers that run at once, each in a process."""


def discount(customer: str) -> float:
    """Lent to Dana, which calls it like a built-in."""
    return 0.1 if customer.startswith("friend") else 0.0


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """What all requests share: the bounds of their contexts, and the threads. Nothing outlives the application."""
    runtime = DanaRuntime()
    shop = runtime.tenant(
        "shop",
        search_paths=[Path(__file__).parent],
        functions={"discount": discount},
        timeout=TIMEOUT,
        max_memory="100MB",
        max_output="10KB",
    )
    strangers = runtime.tenant(
        "strangers", isolation="process", timeout=TIMEOUT, max_memory="64MB", max_output="10KB"
    )
    with ThreadPoolExecutor(THREADS, thread_name_prefix="dana") as threads, shop, strangers:
        asyncio.get_running_loop().set_default_executor(threads)
        app.state.shop, app.state.strangers = shop, strangers
        app.state.workers = asyncio.Semaphore(WORKERS)
        yield


app = FastAPI(title="Dana on the web", lifespan=lifespan)


# -- one context for each request -----------------------------------------------------------------------


async def fresh_context(request: Request) -> AsyncIterator[DanaContext]:
    """A context that begins and ends with the request."""
    shop: DanaTenant = request.app.state.shop
    async with shop.create_context() as context:
        yield context


Fresh = Annotated[DanaContext, Depends(fresh_context)]


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client goes away before it is there."""
    task, gone = asyncio.create_task(work), asyncio.create_task(_disconnect(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HTTPException(499, "the client has gone")  # nobody reads it
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


# -- the application's own module -------------------------------------------------------------------------


class Line(BaseModel):
    name: str
    price: float
    count: int = 1


class Basket(BaseModel):
    customer: str
    lines: list[Line] = Field(max_length=100)


@app.post("/bill")
async def bill(basket: Basket, context: Fresh, request: Request) -> dict[str, Any]:
    """What a basket costs."""

    async def work() -> dict[str, Any]:
        module = await context.import_module_async("basket")
        for line in basket.lines:
            await module.add.call_async(line.name, line.price, line.count)
        result: dict[str, Any] = await module.bill.call_async(basket.customer)
        return result

    return await while_connected(request, work())


@app.get("/forecast")
async def forecast(
    context: Fresh, request: Request, price: float, months: int, growth: float = 1.0
) -> dict[str, float]:
    """What a price becomes. Whoever asks for too many months runs into the deadline, and holds nobody else up."""

    async def work() -> dict[str, float]:
        module = await context.import_module_async("basket")
        await module.add.call_async("all", price, 1)
        result = await module.forecast.call_async(months, growth)
        return {"price": result.as_float()}

    return await while_connected(request, work())


@app.post("/archive")
async def archive(context: Fresh) -> None:
    """Refused: the module asks for a capability that the application did not grant."""
    module = await context.import_module_async("basket")
    await module.archive.call_async("basket.txt")


# -- programs of strangers --------------------------------------------------------------------------------


class Program(BaseModel):
    text: str = Field(max_length=10_000)
    values: dict[str, Any] = Field(default={}, description="what the program knows by name", max_length=100)


@app.post("/programs")
async def programs(program: Program, request: Request) -> Response:
    """The value of a program's last expression, and what it printed."""
    printed: list[str] = []

    async def work() -> str:
        async with request.app.state.workers:
            try:
                made = request.app.state.strangers.create_context(objects=program.values, on_print=printed.append)
            except ValueError as error:  # a name that Dana could not write
                raise HTTPException(422, str(error)) from None
            async with made as context:
                result = await context.run_dana_async(program.text)
            return _to_json({"result": result, "printed": "".join(printed)})

    return Response(await while_connected(request, work()), media_type="application/json")


def _to_json(answer: dict[str, Any]) -> str:
    try:
        return json.dumps(answer, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise HTTPException(422, "the result is no plain data: give numbers, texts, lists and dicts") from None


# -- errors -----------------------------------------------------------------------------------------------

STATUS: tuple[tuple[type[DanaError], int], ...] = (
    (DanaSyntaxError, 400),
    (DanaCapabilityError, 403),
    (DanaTimeoutError, 504),
    (DanaLimitError, 413),  # memory, output, depth of calls
    (DanaContextError, 503),
    (DanaError, 422),  # what the program raised, a value that does not fit
)


@app.exception_handler(DanaError)
async def dana_error(_: Request, error: Exception) -> JSONResponse:
    """What went wrong in Dana, without a path of this machine."""
    assert isinstance(error, DanaError)
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    told = {"error": type(error).__name__, "message": error.message, "line": error.lineno, "hint": error.hint}
    return JSONResponse(told, status)
