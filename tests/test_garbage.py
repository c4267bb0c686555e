"""The collector while the compiler works: rarer, never off, and put back whatever happens."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator

import pytest

from dana2py import garbage
from dana2py.compiler import compile_source
from dana2py.garbage import RARE, rare_collections
from dana_guards.errors import DanaSyntaxError


@pytest.fixture(autouse=True)
def _usual() -> Iterator[None]:
    """The thresholds of the tests' own process come back."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_it_is_rarer_inside_and_as_before_behind() -> None:
    """Inside sections, one in the other, the first threshold is raised and the others stay."""
    with rare_collections():
        assert gc.get_threshold() == (RARE, 10, 10)
        with rare_collections():
            assert gc.isenabled()
        assert gc.get_threshold() == (RARE, 10, 10)
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("text", ["x = 1\n", "", "x = = 1\n"])
def test_the_compiler_puts_it_back(text: str) -> None:
    """Also for an empty text, and after an error."""
    try:
        compile_source(text, "a.na")
    except DanaSyntaxError:
        assert "=" in text
    assert gc.get_threshold() == (700, 10, 10)
    assert garbage._sections == 0


def test_sections_of_two_threads_overlap() -> None:
    """The threshold comes back when the last one ends, in whatever order they end."""
    inside, over = threading.Event(), threading.Event()

    def other() -> None:
        with rare_collections():
            inside.set()
            over.wait()

    thread = threading.Thread(target=other)
    with rare_collections():
        thread.start()
        inside.wait()
    assert gc.get_threshold() == (RARE, 10, 10)
    over.set()
    thread.join()
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("chosen", [(0, 10, 10), (RARE, 5, 5), (RARE + 1, 10, 10)])
def test_what_a_host_has_chosen_stays(chosen: tuple[int, int, int]) -> None:
    """A collector that is off, or rarer still, is left alone, and so is what the host sets meanwhile."""
    gc.set_threshold(*chosen)
    with rare_collections():
        assert gc.get_threshold() == chosen
    assert gc.get_threshold() == chosen
    gc.set_threshold(700, 10, 10)
    with rare_collections():
        gc.set_threshold(*chosen)
    assert gc.get_threshold() == (chosen if chosen != (RARE, 10, 10) else (700, 10, 10))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_process_collects_as_usual() -> None:
    """A fork in the middle of another thread's section leaves the child with the usual thresholds."""
    with rare_collections():
        child = os.fork()
        if child == 0:
            os._exit(0 if gc.get_threshold() == (700, 10, 10) and garbage._sections == 0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
