"""Running a piece of work on a stack of its own.

In: a function without arguments. Out: its result, or its exception. Used where a host calls us deep in
its own recursion: the depth that our passes need is bounded by the parser, but the room that the host
has left is not.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

from dana_guards.watchdog import standing_for

T = TypeVar("T")


def on_fresh_stack(work: Callable[[], T]) -> T:
    """``work()`` in a thread that is joined at once; context variables are those of the caller, and what stops the
    caller stops the work.

    Raises
    ------
    Whatever ``work`` raises, with its own traceback.
    """
    caller = threading.get_ident()
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with standing_for(caller):
                results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="dana2py-compile")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
