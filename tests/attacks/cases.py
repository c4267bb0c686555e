"""Attacks as data: programs that must not get through, each beside a harmless twin that must.

In: the files of ``programs`` (Dana) and ``policy`` (Python that no lowering of ours emits). Out: `Case` objects. A file
is one class of attacks. A case begins with a line ``# attack NAME: OUTCOME`` or ``# twin NAME``; outcomes are words:

refused    compiling or running it is an error that names the reason
stopped    a limit ends it (time, memory, size, output)
harmless   it runs, or fails with an ordinary error; what it prints shows nothing

Whatever the outcome: the canaries stay untouched, nothing that a program prints or a host is told contains an address
or a name of Python's inside, and no error is one of ours about ourselves. How cases are run is in `test_attacks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
OUTCOMES = frozenset({"refused", "stopped", "harmless", "fine"})
_HEAD = re.compile(r"# (?:(attack) (.+): (\w+)|(twin) (.+))\Z")


class Case(NamedTuple):
    """One program."""

    file: str
    name: str
    outcome: str
    text: str

    @property
    def label(self) -> str:
        """For the name of a test."""
        return f"{self.file}: {self.name}"


def read(path: Path) -> Iterator[Case]:
    """The cases of a file."""
    name = outcome = ""
    lines: list[str] = []
    for line in [*path.read_text(encoding="utf-8").split("\n"), "# twin end"]:
        head = _HEAD.match(line)
        if head is None:
            lines.append(line)
            continue
        if name:
            assert outcome in OUTCOMES, f"{path.name}: {name}: {outcome} is no outcome"
            yield Case(path.stem, name, outcome, "\n".join(lines).strip("\n") + "\n")
        name, outcome = (head[2], head[3]) if head[1] else (f"twin {head[5]}", "fine")
        lines = []


def cases(folder: str, suffix: str) -> list[Case]:
    """All cases of a folder."""
    return [case for path in sorted((HERE / folder).glob(f"*{suffix}")) for case in read(path)]
