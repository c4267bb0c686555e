"""Tenants, and modules that are loaded again when their text changes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from opendxa.dana import (
    DanaContext,
    DanaContextError,
    DanaImportError,
    DanaLimitError,
    DanaRuntime,
    DanaRuntimeError,
    DanaSyntaxError,
    DanaTimeoutError,
)

Write = Callable[[str, str], Path]
FILL = "kept = []\ndef fill():\n    for i in range(10000):\n        kept.append('x' * 999 + str(i))\n"


def test_a_tenant_sets_the_bounds() -> None:
    """Its contexts have its settings, may have less, and never more."""
    with DanaRuntime().tenant("ann", allowed_capabilities=["env", "file_read:/tmp"], timeout="2s") as tenant:
        with tenant.create_context() as context:
            assert context.eval_dana("get_env('NO_SUCH_NAME')") is None
        with tenant.create_context(allowed_capabilities=[], timeout="100ms") as context:
            with pytest.raises(PermissionError):
                context.eval_dana("get_env('HOME')")
            with pytest.raises(TimeoutError):
                context.eval_dana("while true:\n    pass")
        wrong: list[dict[str, Any]] = [
            {"allowed_capabilities": ["network"]},
            {"allowed_capabilities": ["file_read"]},
            {"timeout": "3s"},
            {"timeout": "unlimited"},
            {"max_memory": "2GB"},
            {"allowed_capabilities": "env"},
        ]
        for settings in wrong:
            with pytest.raises(ValueError, match=r"tenant 'ann'|list of texts"):
                tenant.create_context(**settings)
        with tenant.create_context(allowed_capabilities=["env:HOME"]) as context, pytest.raises(PermissionError):
            context.eval_dana("get_env('PATH')")


def test_a_tenant_has_so_many_contexts() -> None:
    """A closed one makes room; closing the tenant closes all."""
    tenant = DanaRuntime().tenant("bob", max_contexts=2)
    first, second = tenant.create_context(), tenant.create_context()
    with pytest.raises(DanaLimitError, match="may have no more"):
        tenant.create_context()
    first.cleanup()
    third = tenant.create_context()
    assert tenant.contexts == 2
    tenant.close()
    assert second.closed
    assert third.closed
    with pytest.raises(DanaContextError, match="closed"):
        tenant.create_context()


def test_a_context_reaches_no_further_than_its_tenant(tmp_path: Path) -> None:
    """Folders, functions (also inside data) and the kind of isolation are the tenant's; data are free."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    (inside / "sub").mkdir(parents=True)
    runtime = DanaRuntime()
    with runtime.tenant("ann", search_paths=iter([inside]), functions={"now": lambda: 1}) as tenant:
        further: list[dict[str, Any]] = [
            {"search_paths": [outside]},
            {"search_paths": [inside, inside / ".."]},
            {"functions": {"shell": print}},
            {"objects": {"shell": print}},
            {"objects": {"data": {"deep": [(print,)]}}},
        ]
        for settings in further:
            with pytest.raises(ValueError, match="tenant 'ann' does not have"):
                tenant.create_context(**settings)
        for _ in range(2):  # the tenant's own settings can be read more than once
            with tenant.create_context(search_paths=iter([str(inside)]), objects={"data": [5]}) as context:
                assert context.eval_dana("now() + data[0]") == 6
        with tenant.create_context(functions={"now": lambda: 2}) as context:
            assert context.eval_dana("now()") == 2
    with runtime.tenant("bob", isolation="process") as tenant, pytest.raises(ValueError, match="in processes"):
        tenant.create_context(isolation="thread")


def test_capabilities_are_read_once() -> None:
    """An iterator of capabilities grants what it names; the twin names less."""
    with DanaRuntime().tenant("ann", allowed_capabilities=iter(["env"])) as tenant:
        with tenant.create_context(allowed_capabilities=iter(["env"])) as context:
            assert context.eval_dana("get_env('NO_SUCH_NAME')") is None
        with tenant.create_context(allowed_capabilities=iter([])) as context, pytest.raises(PermissionError):
            context.eval_dana("get_env('NO_SUCH_NAME')")


def test_the_tenant_hears_of_every_use() -> None:
    """A context with a listener of its own does not take the tenant's away."""
    heard: list[str] = []
    with DanaRuntime().tenant("ann", on_capability=lambda use: heard.append("tenant " + use.capability)) as tenant:
        context = tenant.create_context(on_capability=lambda use: heard.append("context " + use.capability))
        with pytest.raises(PermissionError):
            context.eval_dana("get_env('HOME')")
    assert heard == ["tenant env", "context env"]


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_calls_and_their_time(isolation: str) -> None:
    """Outermost calls are counted, also those that fail or are stopped; a call inside of another one is not."""
    with DanaRuntime().tenant("ann", isolation=isolation, functions={"again": lambda f: f(1)}) as tenant:
        context = tenant.create_context(timeout=0.2, objects={"limit": 3})  # objects are copied, so much is built now
        context.eval_dana("def one(x):\n    return x\ndef twice():\n    return again(one)")
        context.eval_dana("def wrong(x):\n    return 1 / 0")
        module = context.eval_dana("[one, twice, wrong]")
        before = tenant.usage
        assert module[0](5) + module[1]() == 6
        with pytest.raises(DanaRuntimeError):
            module[2](1)
        assert tenant.usage.calls == before.calls + 3
        with pytest.raises(DanaTimeoutError):
            context.eval_dana("while true:\n    pass")
        assert tenant.usage.calls == before.calls + 4
        assert 0.2 <= tenant.usage.seconds - before.seconds < 60
    assert tenant.usage.calls == before.calls + 4


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_usage(isolation: str) -> None:
    """Contexts, uses, denials (also by a listener that raises), and the peak of the memory, also of closed contexts."""

    def refuse(use: Any) -> None:
        if use.argument == "SECRET":
            raise LookupError

    caught = "try:\n    get_env('{}')\nexcept:\n    1\n"
    with DanaRuntime().tenant("ann", allowed_capabilities=["env"], isolation=isolation) as tenant:
        assert tenant.usage == (0, 0, 0, 0, 0, 0)
        with tenant.create_context(on_capability=refuse) as context:
            context.run_dana(caught.format("A") + caught.format("SECRET"))
        with tenant.create_context(allowed_capabilities=[]) as context:
            context.run_dana(caught.format("A"))
        assert tenant.usage[2:5] == (2, 1, 2)
        assert tenant.usage.calls == 2
        with tenant.create_context() as context:
            context.eval_dana(FILL)
            for turn in range(50):  # until the watchdog had a look: a call that is over at once is not looked at
                context.eval_dana(f"fill()\nn = {turn} * 100000\nwhile n > 0:\n    n = n - 1")
                if tenant.usage.peak_memory > 1_000_000:
                    break
            peak = tenant.usage.peak_memory
            assert peak > 1_000_000
        assert tenant.usage.peak_memory >= peak
        assert tenant.usage.contexts == 3


def test_tenants_in_many_threads() -> None:
    """Contexts of one tenant, made and used in threads at once, keep to its bound and leave nothing open."""
    with DanaRuntime().tenant("ann", max_contexts=8) as tenant:

        def work(number: int) -> Any:
            with tenant.create_context() as context:
                context.eval_dana(f"x = {number}")
                return context.eval_dana("x * 2")

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(work, range(40))) == [2 * number for number in range(40)]
        assert tenant.contexts == 0


@pytest.mark.parametrize("settings", [{"timeout": "soon"}, {"max_contexts": 0}, {"allowed_capabilities": ["x"]}])
def test_wrong_tenants(settings: dict[str, Any]) -> None:
    """A wrong setting shows where the tenant is made."""
    with pytest.raises(ValueError, match=r"."):
        DanaRuntime().tenant("x", **settings)


def test_changed_modules_are_loaded_again(write: Write, context: DanaContext) -> None:
    """With those that import them; a broken text keeps the old state and is tried again."""
    write("base.na", "def f():\n    return 1\n")
    write("user.na", "from base import f\ndef g():\n    return f() + 10\n")
    write("other.na", "x = 1\n")
    user = context.import_module("user")
    context.import_module("other")
    assert context.reload_changed() == []
    write("base.na", "def f():\n    return 22\n")
    assert context.reload_changed() == ["base", "user"]
    assert user.g() == 32
    write("base.na", "def f(\n")
    for _ in range(2):
        with pytest.raises((DanaSyntaxError, DanaImportError)):
            context.reload_changed()
    assert user.g() == 32
    write("base.na", "def f():\n    return 333\n")
    context.reload_changed()
    assert user.g() == 343
