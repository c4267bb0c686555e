"""``import functools.py``: ``reduce`` and ``partial``, as plain closures.

Python's ``partial`` shows the function and arguments inside as attributes (simpleeval CVE-2026-32640); this one
shows nothing. Caches are left out: they would outlive the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from dana_guards.facades.members import Member, metered, same
from dana_guards.iterators import paced, watched
from dana_guards.limits import Meter


def _make_reduce(meter: Meter) -> Any:
    def reduce(function: Callable[[Any, Any], Any], items: Iterable[Any], *initial: Any) -> Any:
        """``reduce(function, items, initial)``. TypeError for no items and no start."""
        if len(initial) > 1:
            raise TypeError("reduce takes a function, items, and at most one start")
        steps, function = paced(meter, items), watched(meter, function)
        if initial:
            result = initial[0]
        else:
            try:
                result = next(steps)
            except StopIteration:
                raise TypeError("reduce of no items needs a start") from None
        for item in steps:
            result = function(result, item)
        return result

    return reduce


def partial(function: Callable[..., Any], /, *first: Any, **named: Any) -> Callable[..., Any]:
    """The function with its first arguments, and some by name, already given."""
    if not callable(function):
        raise TypeError(f"partial needs a function, not {type(function).__name__}")

    def given(*arguments: Any, **more: Any) -> Any:
        return function(*first, *arguments, **{**named, **more})

    return given


MEMBERS: Final[tuple[Member, ...]] = (
    metered("reduce", _make_reduce, "calls a function of the program; its input in steps"),
    same("partial", partial, "a closure without attributes"),
)
