"""``dana2py repl``: lines are read until they make something whole, then they run in one context.

In: a function that reads a line, a context, a stream. Out: results and errors on the stream. What is whole is
decided by the parser (`IncompleteInput`); an open block ends at an empty line, as in Python.
"""

from __future__ import annotations

import contextlib
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from dana2py.cli_run import RunOptions, make_context
from dana2py.cli_support import FINE, tell
from dana_guards.errors import DanaContextError, DanaError, IncompleteInput

PROMPT, MORE = "dana> ", "  ... "
BANNER = f"Dana on Python {platform.python_version()}; an empty line ends a block, Ctrl-D leaves."


class Console:
    """A conversation with one context.

    Parameters
    ----------
    context : where the text runs; its definitions stay from one input to the next.
    read : returns a line without its end for a prompt; EOFError ends the conversation.
    stream : where results and errors go.
    """

    def __init__(self, context: Any, read: Callable[[str], str], stream: IO[str]) -> None:
        self._context = context
        self._read = read
        self._stream = stream
        self._lines: list[str] = []

    def talk(self) -> None:
        """Read and run until the input ends."""
        while True:
            try:
                line = self._read(MORE if self._lines else PROMPT)
            except EOFError:
                self._finish()
                return
            except KeyboardInterrupt:
                self._lines.clear()
                print("\nKeyboardInterrupt", file=self._stream)
                continue
            self.feed(line)

    def feed(self, line: str) -> None:
        """Take one more line; run what is there if it is whole."""
        self._lines.append(line)
        text = "\n".join(self._lines)
        if not text.strip() or (not self._in_block() and self._run(text + "\n", last=False)):
            self._lines.clear()

    def _finish(self) -> None:
        """The input has ended: what was begun is an error now, or runs."""
        if self._lines:
            self._run("\n".join(self._lines) + "\n", last=True)
            self._lines.clear()

    def _in_block(self) -> bool:
        """Whether the last line may be followed by more of its block: only an empty line ends one."""
        last = self._lines[-1]
        opened = len(self._lines) > 1 and any(line.rstrip().endswith(":") for line in self._lines)
        return bool(last.strip()) and (last[0] in " \t" or opened or last.startswith("@"))

    def _run(self, text: str, last: bool) -> bool:
        """False if more lines are needed first."""
        try:
            value = self._context.eval_dana(text)
        except IncompleteInput as problem:
            # An empty line cannot help a header without a block; it may be part of a text or of a display.
            filled = [line for line in self._lines if line.strip()]
            if not last and not (filled[-1].rstrip().endswith(":") and not self._lines[-1].strip()):
                return False
            tell(problem, self._stream)
        except DanaContextError:
            raise
        except DanaError as problem:
            tell(problem, self._stream)
        except KeyboardInterrupt:
            print("KeyboardInterrupt", file=self._stream)
        else:
            if value is not None:
                print(repr(value), file=self._stream)
        return True


def reader() -> Callable[[str], str]:
    """`input`, with line editing where the terminal has it."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - importing it is what gives `input` its editing
    return input if sys.stdin.isatty() else lambda prompt: input()


def start(allow: tuple[str, ...], timeout: str | None) -> int:
    """Talk on the terminal, or run what is piped in."""
    if sys.stdin.isatty():
        print(BANNER)
    with make_context(Path.cwd(), RunOptions(allow=allow, timeout=timeout), None) as context:
        Console(context, reader(), sys.stdout).talk()
    return FINE
