"""What a program writes: ``print`` to the context's output, ``log`` to logging, both counted.

In: values and an environment. Out: text, handed to ``environment.stdout(text)`` and ``environment.log(level, text)``.
Not done here: where it goes (``on_print``, ``sys.stdout``, ``logging``), and the text of a value (`formatting`).

Log records keep to one line and carry no terminal escapes, so that a program cannot forge or hide records
(CWE-117). What is printed is the program's own output and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Protocol

from dana_guards.facades.members import Facade
from dana_guards.formatting import text_of
from dana_guards.limits import Meter

LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
# C0 and C1 controls, the line and paragraph separators, and the marks that turn the direction of writing.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class Output(Protocol):
    """What this file needs of an environment."""

    meter: Meter

    def stdout(self, text: str) -> None:
        """Take printed text."""

    def log(self, level: str, text: str) -> None:
        """Take one record."""


def byte_length(text: str) -> int:
    """Bytes of `text` as UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def escape_controls(text: str) -> str:
    r"""`text` on one line: control characters as ``\n``, ``\x1b``, ``\u2028`` (CWE-117)."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def make_print(environment: Output) -> Callable[..., None]:
    """``print(*values, sep=" ", end="\\n")`` (8.3).

    Raises TypeError for a separator that is no text; stops the run beyond ``limits.output`` bytes.
    """
    meter, write = environment.meter, environment.stdout

    def dana_print(*values: Any, sep: str | None = " ", end: str | None = "\n") -> None:
        sep = " " if sep is None else sep
        end = "\n" if end is None else end
        if type(sep) is not str or type(end) is not str:
            raise TypeError("sep and end of print must be text")
        parts = [value if type(value) is str else text_of(value) for value in values]
        meter.need(4 * (sum(map(len, parts)) + len(sep) * len(parts)), "the printed text")
        text = sep.join(parts) + end
        meter.count_output(byte_length(text))
        with meter.host():
            write(text)

    return dana_print


def level_name(level: object) -> str:
    """The spelling of a log level; an unknown one is INFO (8.3)."""
    name = level.upper() if type(level) is str and len(level) < 20 else ""
    name = {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(name, name)
    return name if name in LEVELS else "INFO"


def make_log(environment: Output) -> tuple[Facade, Callable[..., None]]:
    """``log(message, level="INFO")`` with ``log.debug info warning error critical``, and ``log_level``.

    The threshold is this context's own: loggers of the process stay as the host has set them.
    """
    meter, write = environment.meter, environment.log
    threshold = 0

    def record(message: Any, name: str) -> None:
        if LEVELS[name] < threshold:
            return
        text = escape_controls(text_of(message))
        meter.count_output(byte_length(text) + 1)
        with meter.host():
            write(name, text)

    def dana_log(message: Any, level: Any = "INFO") -> None:
        record(message, level_name(level))

    def dana_log_level(level: Any, namespace: Any = "dana") -> None:
        nonlocal threshold
        threshold = LEVELS[level_name(level)]

    dana_log.__qualname__, dana_log_level.__qualname__ = "log", "log_level"

    def at(name: str) -> Callable[[Any], None]:
        def log_at(message: Any) -> None:
            record(message, name)

        log_at.__qualname__ = f"log.{name.lower()}"
        return log_at

    return Facade("log", {name.lower(): at(name) for name in LEVELS}, call=dana_log), dana_log_level
