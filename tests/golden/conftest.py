"""The option ``--update-golden``: ``python -m pytest tests/golden --update-golden`` rewrites what is expected."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Only known when ``tests/golden`` is named on the command line: nobody rewrites golden files by the way."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing")
