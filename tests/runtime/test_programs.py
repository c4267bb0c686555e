"""`run_dana`: a whole program in a namespace of its own."""

from __future__ import annotations

import gc
import weakref

import pytest

from opendxa.dana import DanaContextError, DanaRuntime, DanaRuntimeError, DanaTypeError

PROGRAM = """
struct Point:
    x: int
def double(p: Point) -> int:
    return p.x * 2
def len(x):
    return -1
total = 0
for i in range(4):
    total += double(Point(x=i))
[total, len([1, 2])]
"""


def test_a_program_gives_its_last_value_and_leaves_nothing() -> None:
    """Names of a program are its own: the session beside it and the next program do not see them."""
    with DanaRuntime().create_context() as context:
        context.eval_dana("total = 7")
        assert context.run_dana(PROGRAM) == [12, -1]
        assert context.run_dana(PROGRAM) == [12, -1]
        assert context.eval_dana("[total, len([1])]") == [7, 1]


def test_a_failing_program_is_an_error_with_its_place() -> None:
    """As with `eval_dana`, the error has file and line, and the context stays open."""
    with DanaRuntime().create_context() as context:
        with pytest.raises(DanaRuntimeError) as caught:
            context.run_dana("x = 1\ny = x / 0\n", filename="prog.na")
        assert (caught.value.filename, caught.value.lineno) == ("prog.na", 2)
        with pytest.raises(DanaTypeError, match="needs text"):
            context.run_dana(b"x = 1")  # type: ignore[arg-type]
        assert context.run_dana("1 + 1") == 2


def test_nothing_of_a_program_outlives_the_context() -> None:
    """A function that the host still holds is dead after cleanup, and its namespace is empty."""
    context = DanaRuntime().create_context()
    for _ in range(5):
        context.run_dana("x = 1")
    assert len(context._programs) <= 2
    function = context.run_dana("big = [0] * 10000\ndef get():\n    return big\nget")
    module = weakref.ref(context._programs[-1])
    assert function() == [0] * 10000
    context.cleanup()
    with pytest.raises(DanaContextError):
        function()
    del function
    gc.collect()
    assert module() is None
