"""Fixtures of the embedding tests: a folder for modules, contexts that search it, a cache of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opendxa.dana import DanaContext, DanaRuntime

DATA = Path(__file__).parent / "data"


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the machine counts, and its cache is not touched."""
    monkeypatch.delenv("DANAPATH", raising=False)
    monkeypatch.setenv("DANA_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "dana-cache"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file below the folder of modules."""

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def make_context(tmp_path: Path) -> Iterator[Callable[..., DanaContext]]:
    """Make contexts that search the folder of modules; they are closed at the end."""
    made: list[DanaContext] = []

    def make(**settings: Any) -> DanaContext:
        settings.setdefault("search_paths", [tmp_path])
        made.append(DanaRuntime().create_context(**settings))
        return made[-1]

    yield make
    for context in made:
        context.cleanup()


@pytest.fixture
def context(make_context: Callable[..., DanaContext]) -> DanaContext:
    """One such context with default settings."""
    return make_context()
