"""Tenants, and modules that are loaded again when their text changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opendxa.dana import DanaContext, DanaContextError, DanaImportError, DanaLimitError, DanaRuntime, DanaSyntaxError

Write = Callable[[str, str], Path]


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
