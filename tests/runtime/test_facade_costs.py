"""What functions of Python modules may cost, in a context with the grant for them."""

from __future__ import annotations

import pytest

from dana_guards.errors import DanaLimitError
from opendxa.dana import DanaRuntime

HEAVY = [
    ("textwrap", "textwrap.wrap('a' * 200000, 1)"),
    ("textwrap", "textwrap.wrap('\\t' * 2000, tabsize=100000)"),
    ("unicodedata", "unicodedata.normalize('NFD', '\\u0301\\u0316' * 100000)"),
    ("decimal", "decimal.Decimal(1) + n"),
    ("decimal", "decimal.Decimal(n)"),
    ("statistics", "statistics.variance([n, n + 1])"),
    ("statistics", "statistics.fmean([1, 2], weights=[n, n])"),
]


@pytest.mark.parametrize(("module", "text"), HEAVY)
def test_arguments_that_cost_the_square_of_their_length(module: str, text: str) -> None:
    """What takes time that grows with the square is refused before it starts, as a ValueError that a program sees."""
    with DanaRuntime().create_context(allowed_capabilities=["python"]) as context:
        context.eval_dana(f"import {module}.py\nn = 2 ** 2000000\nr = none")
        context.eval_dana(f"try:\n    {text}\nexcept ValueError as e:\n    r = e.type")
        assert context.eval_dana("r") == "ValueError"


LIGHT = [
    ("textwrap", "textwrap.wrap('a bb ccc', 4)", ["a bb", "ccc"]),
    ("unicodedata", "unicodedata.normalize('NFC', 'e\\u0301')", "\xe9"),
    ("decimal", "[decimal.Decimal(1) == n, decimal.Decimal(-5) > -n, decimal.Decimal(2) < n]", [False, True, True]),
    ("base64", "base64.b32decode(base64.b32encode('\xe4b' * 30000)) == '\xe4b' * 30000", True),
    ("base64", "base64.b32encode('')", ""),
    ("itertools", "list(itertools.accumulate([1, 2], max))", [1, 2]),
    ("itertools", "len(list(itertools.product([0, 1], repeat=10)))", 1024),
]


@pytest.mark.parametrize(("module", "text", "wanted"), LIGHT)
def test_the_same_functions_with_ordinary_arguments(module: str, text: str, wanted: object) -> None:
    """The twins of what is refused."""
    with DanaRuntime().create_context(allowed_capabilities=["python"]) as context:
        assert context.eval_dana(f"import {module}.py\nn = 2 ** 2000000\n{text}") == wanted


WIDE = ["itertools.combinations(range(100000), 99999)", "itertools.product([0, 1], repeat=10 ** 6)"]


@pytest.mark.parametrize("text", WIDE)
def test_wide_tuples_come_one_at_a_time(text: str) -> None:
    """A stop does not wait for hundreds of tuples that have a million parts each."""
    with DanaRuntime().create_context(allowed_capabilities=["python"], max_memory="50MB", timeout="1s") as context:
        context.eval_dana("import itertools.py")
        with pytest.raises(DanaLimitError):
            context.eval_dana(f"while true:\n    list({text})")
