"""Recordings: what the world answered to a program, kept in a file and given again without the world.

In: calls of the built-ins that need a capability, and the sources of chance and time of the façades. Out, while
recording: a file of JSON lines with each call, its answer or error, and the grants that it needed. Out, in a replay:
the same answers in the same order; a call that is not the next one in the file ends the run, in a way that no handler
of the program sees. Grants are asked in a replay as in a run, by what the recorded call needed.

A recording is data: JSON with a few tags (`encode`), never a pickle, and every line is looked at before anything runs.
It holds what the program read and sent, secrets included, so it is made for its owner only (mode 0600), and it appears
under its name in one step, when the context ends.

Not here: functions that the host lends; they are the test's to replace.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
import uuid
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NoReturn

from dana_guards.capabilities import known, parse_grant
from dana_guards.capabilities.uses import CapabilityUse
from dana_guards.effect_values import NotData, data_error, decode, encode, error_data, matches_error
from dana_guards.errors import DanaReplayError, DanaReplayWarning
from dana_guards.limits import Meter

MAX_BYTES: Final = 100_000_000
_HEADER: Final = {"dana2py": "effects", "version": 1}
_SHOWN: Final = 200

SOURCES: Final[dict[str, Callable[[], Any]]] = {
    "clock": lambda: datetime.now().astimezone().isoformat(),
    "random": lambda: secrets.randbits(64),
    "uuid4": lambda: str(uuid.uuid4()),
}
"""Where chance and time come from, by name; each gives a text or a number."""


def made(row: Any, environment: Any) -> Any:
    """The built-in of a row, recorded or replayed if its context is."""
    function = row.make(environment)
    tape = getattr(environment, "tape", None)
    return function if tape is None or row.needs is None else tape.wrap(row, environment, function)


def source(environment: Any, name: str) -> Any:
    """A value from one of `SOURCES`, recorded or replayed if the context is."""
    tape = getattr(environment, "tape", None)
    return SOURCES[name]() if tape is None else tape.source(name, environment.meter)


def _shown(name: str, args: Any, named: Any) -> str:
    parts = [json.dumps(each) for each in args] + [f"{key}={json.dumps(each)}" for key, each in named.items()]
    text = f"{name}({', '.join(parts)})"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


# -- recording ---------------------------------------------------------------------------------------------------


class Recorder:
    """Writes what one context gets from the world.

    Parameters
    ----------
    path : of the recording; an older one is replaced when the context ends.

    Raises OSError if there can be no file in that folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        folder, name = os.path.split(self.path)
        if os.path.isdir(self.path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.path)
        self._fresh = os.path.join(folder, f".{name}.{secrets.token_hex(8)}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        self._file = os.fdopen(os.open(self._fresh, flags, 0o600), "wb")
        self._size = self._count = 0
        self._uses: list[CapabilityUse] | None = None
        self._put(_HEADER)

    def note(self, use: CapabilityUse) -> None:
        """Remember what the running call needed."""
        if self._uses is not None:
            self._uses.append(use)

    def wrap(self, row: Any, environment: Any, function: Callable[..., Any]) -> Callable[..., Any]:
        """The built-in, its calls written down. What a provider of the host calls meanwhile is its own affair."""
        meter: Meter = environment.meter

        def recorded(*args: Any, **named: Any) -> Any:
            if self._uses is not None:
                return function(*args, **named)
            entry = {"call": row.name, "arguments": encode(list(args), loose=True), "named": encode(named, loose=True)}
            uses: list[CapabilityUse] = []
            self._uses = uses
            try:
                result = function(*args, **named)
            except Exception as error:
                self._write(meter, {**entry, "uses": _uses_data(uses), "error": error_data(error)})
                raise
            finally:
                self._uses = None
            try:
                answer = encode(result)
            except NotData as problem:
                meter.stop(DanaReplayError(f"what {row.name} gave cannot be recorded: it {problem}"))
            self._write(meter, {**entry, "uses": _uses_data(uses), "result": answer})
            return result

        return recorded

    def source(self, name: str, meter: Meter) -> Any:
        """A value from one of `SOURCES`, written down."""
        value = SOURCES[name]()
        self._write(meter, {"source": name, "value": value})
        return value

    def close(self) -> None:
        """End the recording and put it in its place. OSError if that fails."""
        try:
            with self._file:
                self._file.write(_line({"end": self._count}))
            os.replace(self._fresh, self.path)
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Leave no file."""
        with suppress(OSError, ValueError):
            self._file.close()
        with suppress(OSError):
            os.unlink(self._fresh)

    def _write(self, meter: Meter, entry: dict[str, Any]) -> None:
        # An effect that is not on the tape would make the replay another program: the run ends.
        try:
            self._count += 1
            self._put(entry)
        except (OSError, ValueError, RecursionError) as error:
            meter.stop(DanaReplayError(f"the recording {self.path!r} cannot be written: {error}"))

    def _put(self, entry: dict[str, Any]) -> None:
        line = _line(entry)
        self._size += len(line)
        if self._size > MAX_BYTES:
            raise ValueError(f"it would have more than {MAX_BYTES} bytes")
        self._file.write(line)


def _uses_data(uses: list[CapabilityUse]) -> list[list[Any]]:
    return [[use.capability, use.argument, _portable(use.needs), use.by, use.allowed] for use in uses]


def _portable(needs: str) -> str:
    """A grant with its folder as seen from the working folder, if it is below: a replay may run elsewhere."""
    name, colon, scope = needs.partition(":")
    if not colon or known()[name].in_folder is None:
        return needs
    path = os.path.relpath(scope)
    return needs if path.startswith(os.pardir) else f"{name}:{path}"


# -- replay ------------------------------------------------------------------------------------------------------


class Player:
    """Gives what a recording has.

    Parameters
    ----------
    path : of the recording.

    Raises
    ------
    OSError : it cannot be read.
    ValueError : it is no whole recording; the message has file and line.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._lines = _read(self.path)
        self._next = 0
        for number, line in enumerate(self._lines, 2):
            try:
                _check(json.loads(line, parse_constant=_refuse))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise ValueError(f"{self.path}:{number}: this is no line of a recording: {error}") from None

    def note(self, use: CapabilityUse) -> None:
        """Nothing is remembered."""

    def wrap(self, row: Any, environment: Any, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function with the name of the built-in that answers from the recording; the built-in is never called."""
        meter: Meter = environment.meter

        def replayed(*args: Any, **named: Any) -> Any:
            arguments, more = encode(list(args), loose=True), encode(named, loose=True)
            entry = self._take(meter, _shown(row.name, arguments, more))
            if (entry.get("call"), entry.get("arguments"), entry.get("named")) != (row.name, arguments, more):
                self._mismatch(meter, entry, _shown(row.name, arguments, more))
            self._ask_grants(environment, row, entry)
            if "error" in entry:
                raise data_error(entry["error"])
            return decode(entry["result"])

        return replayed

    def source(self, name: str, meter: Meter) -> Any:
        """A recorded value from one of `SOURCES`."""
        entry = self._take(meter, name)
        if entry.get("source") != name:
            self._mismatch(meter, entry, name)
        return entry["value"]

    def close(self) -> None:
        """Warn of what was not asked for (`DanaReplayWarning`)."""
        left = len(self._lines) - self._next
        if left:
            first = _entry_shown(json.loads(self._lines[self._next]))
            message = f"{left} recorded effects of {self.path!r} were not asked for; the first is {first}"
            warnings.warn(message, DanaReplayWarning, stacklevel=4)

    def abandon(self) -> None:
        """Nothing is left behind."""

    def _take(self, meter: Meter, asked: str) -> dict[str, Any]:
        if self._next >= len(self._lines):
            self._stop(meter, f"it has no more effects, and the program asks for {asked}")
        line = self._lines[self._next]
        meter.need(4 * len(line), "the recorded answer")
        self._next += 1
        entry: dict[str, Any] = json.loads(line)
        return entry

    def _mismatch(self, meter: Meter, entry: dict[str, Any], asked: str) -> NoReturn:
        self._next -= 1
        self._stop(meter, f"line {self._next + 2} is {_entry_shown(entry)}, and the program asks for {asked}")

    def _stop(self, meter: Meter, what: str) -> NoReturn:
        error = DanaReplayError(
            f"the recording {self.path!r} does not fit the program: {what}", hint="record the run again"
        )
        meter.stop(error)
        raise error

    def _ask_grants(self, environment: Any, row: Any, entry: dict[str, Any]) -> None:
        """Raise DanaCapabilityError for what the context may not do now, whatever it might when it was recorded."""
        asked = False
        for name, argument, needs, by, allowed in entry["uses"]:
            if allowed:
                environment.grants.require_text(name, needs, argument, by)
                asked = asked or name == row.needs
            else:
                if needs and environment.grants.opens(parse_grant(needs), surely=True):
                    self._stop(
                        environment.meter, f"{by} was denied {needs!r} when it was recorded, and is granted it now"
                    )
                environment.grants.refused(name, argument, by, needs)
        if "result" in entry and not asked:
            self._stop(environment.meter, f"line {self._next + 1} gives {row.name} an answer without its capability")


def _entry_shown(entry: dict[str, Any]) -> str:
    if "source" in entry:
        return str(entry["source"])
    return _shown(entry["call"], entry["arguments"], entry["named"])


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _read(path: str) -> list[str]:
    """The lines between the head and the end. ValueError for what is no whole recording."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{path} is no regular file")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{path}: a recording has at most {MAX_BYTES} bytes")
    try:
        lines = data.decode("ascii").split("\n")
        if json.loads(lines[0]) != _HEADER:
            raise ValueError
    except (ValueError, RecursionError):
        raise ValueError(f"{path}:1: this is no recording of effects (version 1)") from None
    if len(lines) < 3 or lines[-1] or lines[-2] != json.dumps({"end": len(lines) - 3}, separators=(",", ":")):
        raise ValueError(f"{path}: the recording has no end, or lines are missing: it was cut or changed")
    return lines[1:-2]


def _check(entry: Any) -> None:
    """Raise ValueError, or any error of a wrong shape, for what is no entry."""
    if "source" in entry:
        _check_source(entry)
        return
    if type(entry["call"]) is not str or type(entry["arguments"]) is not list or type(entry["named"]) is not dict:
        raise ValueError("a call has a name, arguments and named arguments")
    if ("result" in entry) == ("error" in entry) or not entry.keys() <= _CALL_KEYS:
        raise ValueError("a call has a result or an error, and nothing that no call has")
    for name, argument, needs, by, allowed in entry["uses"]:
        if {type(each) for each in (name, argument, needs, by)} != {str} or type(allowed) is not bool:
            raise ValueError("a use has texts and an answer")
        if name not in known() or (needs and parse_grant(needs).capability.name != name) or (allowed and not needs):
            raise ValueError(f"{needs!r} is no grant of {name!r}")
    if "error" in entry:
        matches_error(entry["error"])
    else:
        decode(entry["result"])


_CALL_KEYS: Final = {"call", "arguments", "named", "uses", "result", "error"}


def _check_source(entry: dict[str, Any]) -> None:
    name, value = entry["source"], entry["value"]
    if name == "clock":
        fits = datetime.fromisoformat(value).tzinfo is not None
    elif name == "random":
        fits = type(value) is int and 0 <= value < 1 << 64
    else:
        fits = name == "uuid4" and str(uuid.UUID(value)) == value
    if not fits:
        raise ValueError(f"{value!r} is no value of {name!r}")


