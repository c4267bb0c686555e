"""Worker processes: starting them clean, keeping one warm, ending them for good.

In: nothing from the host but its own interpreter and the folders of this project. Out: `WorkerProcess`, a running
worker with a socket to it. A worker serves one context and is never used again. One spare worker is started when the
first is taken, so that the next context does not wait for the imports; it is the only process that outlives a context,
and it ends with the interpreter.

A worker gets an empty environment, its own session, an empty folder of its own as working folder, and no descriptor but
the socket. What it then gives up by itself is in `dana_guards.confinement`.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final

from dana_guards.errors import DanaContextError, DanaLimitError, DanaMemoryError, DanaTimeoutError
from opendxa.dana.frames import HEADER, MAX_FRAME, FrameError, unpack
from opendxa.dana.process_errors import error_from

SPARES: Final = 1
"""Workers that are kept warm."""
_START_SECONDS: Final = 60.0
_BOOT: Final = "import sys; sys.path[:0] = sys.argv[1:]; from opendxa.dana.worker import main; main()"
_FIRST_CHUNK, _CHUNK = 1 << 14, 1 << 20
"""Bytes of one read: most frames are short, and a large buffer costs more than the call."""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_NEEDED: Final = ("dana_guards", "dana2py", "opendxa.dana", "RestrictedPython", "lark", "platformdirs")


class WorkerProcess:
    """A worker, from its start to its end."""

    def __init__(self, on_end: Callable[[WorkerProcess], object] = id) -> None:
        _require_posix()
        self._on_end = on_end
        self._owner = os.getpid()
        self.folder = tempfile.mkdtemp(prefix="dana-worker-")
        ours, theirs = socket.socketpair()
        try:
            with theirs, open(os.path.join(self.folder, "stderr"), "wb") as errors:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-E", "-B", "-X", "utf8", "-c", _BOOT, *_folders()],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    cwd=self.folder,
                    env={},
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        ours.setblocking(False)
        self.socket = ours
        self.pid = self._process.pid
        self._poll = select.poll()
        self._poll.register(ours, select.POLLIN)
        self.pending = bytearray()
        self.ended = False
        self._words = ""
        self.confinement: dict[str, Any] = {}
        self.baseline = 0

    # -- the socket ----------------------------------------------------------------------------------

    def readable(self, seconds: float) -> bool:
        """Wait for bytes, at most so long."""
        return bool(self._poll.poll(seconds * 1000))

    def read(self) -> bool:
        """Take what has come; False at the end of the worker."""
        try:
            data = self.socket.recv(_CHUNK if self.pending else _FIRST_CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.pending += data
        return bool(data)

    def frame(self) -> bytes | bytearray | None:
        """The next whole frame without its header, None if it has not come yet. FrameError for one that is too long."""
        pending = self.pending
        if len(pending) < HEADER:
            return None
        size = int.from_bytes(pending[:HEADER], "big")
        if size > MAX_FRAME:
            raise FrameError(f"a message of {size} bytes is announced; at most {MAX_FRAME} are taken")
        end = HEADER + size
        if len(pending) < end:
            return None
        data = pending[HEADER:end]
        del pending[:end]
        return data

    def write(self, data: memoryview, seconds: float) -> int:
        """Send what fits within so long; bytes that were sent.

        Raises OSError at the end of the worker.
        """
        try:
            return self.socket.send(data)
        except BlockingIOError:
            waiting = select.poll()
            waiting.register(self.socket, select.POLLOUT)
            waiting.poll(seconds * 1000)
            return 0

    # -- start and end -------------------------------------------------------------------------------

    def wait_ready(self) -> None:
        """Wait until the worker has loaded everything and confined itself.

        Raises DanaContextError with what it said if it did not come so far.
        """
        end = _now() + _START_SECONDS
        while (data := self.frame()) is None:
            if _now() > end or (self.readable(0.5) and not self.read()):
                said = self.kill()
                raise DanaContextError(f"a worker process did not start ({said})", hint=self._last_words())
        message = unpack(data)
        if message[0] != "ready":
            self.kill()
            raise DanaContextError(f"a worker process did not start: {error_from(message[2], {})}")
        self.confinement = message[2]
        self.baseline = self.resident()

    def resident(self) -> int:
        """Bytes of memory that the worker holds; 0 where the system does not tell."""
        try:
            with open(f"/proc/{self.pid}/statm", "rb", buffering=0) as file:
                return int(file.read().split()[1]) * _PAGE
        except (OSError, IndexError, ValueError):
            return 0

    def nudge(self) -> None:
        """Ask the worker to stop what it runs."""
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGUSR1)

    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def is_ours(self) -> bool:
        """False in a process that was forked from the one that started the worker."""
        return self._owner == os.getpid()

    def kill(self) -> str:
        """End the worker and everything in its session, and remove its folder; how it ended. May be called again."""
        if not self.is_ours():
            self.socket.close()
            return "it belongs to another process"
        # Each step may be tried again: where the stack is full, any of them can fail.
        if not self.ended:
            if self._process.poll() is None:
                for end in (os.killpg, os.kill):  # the group, and the worker itself if it has none yet
                    with contextlib.suppress(OSError):
                        end(self.pid, signal.SIGKILL)
            self._process.wait()
            self.socket.close()
            self._words = self._words or self._read_words()
            shutil.rmtree(self.folder, ignore_errors=True)
            self.ended = True
            self._on_end(self)
        return _told(self._process.returncode)

    def reason_of_death(self) -> DanaLimitError:
        """The error for a worker that has ended by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.poll()
        said = self.kill()
        if code == -signal.SIGKILL:
            return DanaMemoryError("the worker process was killed, probably because the memory ran out")
        if code == -getattr(signal, "SIGXCPU", 24):
            return DanaTimeoutError("the worker process used up its processor time")
        return DanaLimitError(f"the worker process crashed ({said})")

    def _last_words(self) -> str | None:
        lines = self._words.strip().splitlines()
        return lines[-1] if lines else None

    def _read_words(self) -> str:
        try:
            with open(os.path.join(self.folder, "stderr"), encoding="utf-8", errors="replace") as file:
                return file.read(20_000)
        except OSError:
            return ""


def _told(code: int | None) -> str:
    if code is None:
        return "still running"
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _now() -> float:
    from time import monotonic

    return monotonic()


def _require_posix() -> None:
    if os.name != "posix" or not hasattr(select, "poll"):
        raise DanaContextError('isolation="process" needs a POSIX system', hint='use isolation="thread"')
    if not sys.executable:
        raise DanaContextError("the path of the Python interpreter is not known (sys.executable)")


def _folders() -> list[str]:
    """The folders from which a worker imports: those of this project's packages and of what they need."""
    folders: dict[str, None] = {}
    for name in _NEEDED:
        spec = find_spec(name)
        for place in (spec.submodule_search_locations or ()) if spec is not None else ():
            for _ in name.split("."):
                place = os.path.dirname(os.path.abspath(place))
            folders[place] = None
    return list(folders)


# -- the pool --------------------------------------------------------------------------------------------


class Pool:
    """The workers of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spares: list[WorkerProcess] = []
        # Held until they have ended: a process must not be forgotten while it runs.
        self._all: set[WorkerProcess] = set()
        self._registered = False

    def take(self) -> WorkerProcess:
        """A worker that is ready and that nobody else has or had; another one is started for the next taker."""
        with self._lock:
            if not self._registered:
                self._registered = True
                atexit.register(self.close)
                os.register_at_fork(after_in_child=self._after_fork)
            worker = self._spares.pop() if self._spares else self._start()
            if not worker.is_running():  # a spare that somebody has ended meanwhile
                worker.kill()
                worker = self._start()
        worker.wait_ready()
        with self._lock:
            self._spares += [self._start() for _ in range(SPARES - len(self._spares))]
        return worker

    def _start(self) -> WorkerProcess:
        worker = WorkerProcess(self._all.discard)
        self._all.add(worker)
        return worker

    def close(self) -> None:
        """End every worker, those of open contexts too. The next `take` begins anew."""
        with self._lock:
            self._spares.clear()
            for worker in list(self._all):
                worker.kill()
            self._all.clear()

    def _after_fork(self) -> None:
        """The workers are those of the parent process; this one has only copies of the sockets."""
        self._lock = threading.Lock()
        for worker in list(self._all):
            worker.socket.close()
        self._spares.clear()
        self._all.clear()


POOL: Final = Pool()
