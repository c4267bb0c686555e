"""Fewer looks for cyclic garbage while the compiler works.

In: a section of work that makes very many objects and drops hardly any. Out: nothing; while it runs, Python looks for
cycles after `RARE` new objects instead of 700. Not done here: turning the collector off. It belongs to the whole
process, and another thread may make garbage just then.

A third of the time of a long text went into walks over trees that were all alive (docs/decisions/parser.md).
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

RARE: Final = 100_000
"""New objects between two looks. More gains nothing that can be measured; this is some 10 MB."""

_lock = threading.Lock()
_sections = 0
_usual: tuple[int, int, int] | None = None


@contextmanager
def rare_collections() -> Iterator[None]:
    """A section in which the cyclic collector runs rarely; sections of several threads may overlap.

    A host that has turned the collector off, or made it rarer still, is left alone; so is what it sets meanwhile.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _sections, _usual
    with _lock:
        _sections += 1
        usual = gc.get_threshold()
        if _sections == 1 and 0 < usual[0] < RARE:
            _usual = usual
            gc.set_threshold(RARE, *usual[1:])


def _leave() -> None:
    global _sections, _usual
    with _lock:
        _sections -= 1
        if _sections == 0 and _usual is not None:
            if gc.get_threshold() == (RARE, *_usual[1:]):
                gc.set_threshold(*_usual)
            _usual = None


def _after_fork() -> None:
    """In a child process no other thread is left, so no section of one."""
    global _lock, _sections
    _lock = threading.Lock()
    _sections = 1
    _leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
