"""The texts that `eval_dana` ran, for as long as a context needs them.

In: a made-up file name and its text. Out: entries in `linecache`, so that tracebacks, `inspect.getsource` and debuggers
show Dana text. Several contexts may run the same text, so each name is counted.
"""

from __future__ import annotations

import io
import linecache
import threading

_lock = threading.Lock()
_counts: dict[str, int] = {}


def lines_of(text: str) -> list[str]:
    """The lines as Dana and Python count them: a form feed or U+2028 ends none."""
    return io.StringIO(text, newline=None).readlines()


def remember(name: str, text: str) -> None:
    """Make a text known under a name."""
    with _lock:
        _counts[name] = _counts.get(name, 0) + 1
        # No time stamp: `linecache.checkcache` then leaves the entry alone.
        linecache.cache[name] = (len(text), None, lines_of(text), name)


def forget(name: str) -> None:
    """Drop one use of a text, and the text with the last one."""
    with _lock:
        left = _counts.get(name, 0) - 1
        if left > 0:
            _counts[name] = left
        else:
            _counts.pop(name, None)
            linecache.cache.pop(name, None)
