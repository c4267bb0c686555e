"""What a worker process gives up before it sees a program (threat model 8).

In: the calling process, which is a worker that has just started. Out: the same process with less: limits of resources,
no new privileges, files that can only be read and only in the named folders (Landlock), and a short list of system
calls (seccomp). What the system does not have is left out, and the report says so: ``limits`` exist on every POSIX
system, ``no_new_privileges``, ``landlock`` and ``seccomp`` on Linux only, on x86-64 and ARM64. None of it is the wall
by itself: the policy stays on inside the worker, and the parent kills from outside.

All of it is for ever: nothing here can be taken back by this process.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
import platform
import struct
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from dana_guards.limits import UNLIMITED

MEMORY_SLACK: Final = 192 * 1024 * 1024
"""Bytes of address space beyond ``max_memory``: reservations of the allocator are address space, not memory."""
_FILE_BYTES: Final = 1 << 20
_FILES: Final = 64
_PR_SET_NO_NEW_PRIVS: Final = 38


def confine_files(readable: Iterable[str]) -> dict[str, bool]:
    """Give up new privileges, and every file but those to be read in some folders.

    Landlock holds for the calling thread and those that it starts: call this before there is another one.

    Parameters
    ----------
    readable : folders with code that the process will still load.

    Returns what the system could do: ``no_new_privileges``, ``landlock``.
    """
    library = _library()
    if library is None:
        return {"no_new_privileges": False, "landlock": False}
    calm = library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    return {"no_new_privileges": calm, "landlock": calm and _landlock(library, readable)}


def confine_calls() -> dict[str, bool]:
    """Give up processes, threads, sockets, and every system call that computing does not need.

    Returns what the system could do: ``limits``, ``seccomp``.
    """
    limits = _limit_resources()
    library = _library()
    return {"limits": limits, "seccomp": library is not None and _seccomp(library)}


def _library() -> Any:
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return None
    try:
        return ctypes.CDLL(None, use_errno=True)
    except OSError:
        return None


# -- limits of resources -------------------------------------------------------------------------------


def _limit_resources() -> bool:
    try:
        import resource
    except ImportError:
        return False
    for name, value in (("CORE", 0), ("FSIZE", _FILE_BYTES), ("NOFILE", _FILES), ("NPROC", 0)):
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            # A hard limit below ours stays.
            hard = resource.getrlimit(kind)[1]
            bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, (bound, bound))
    return True


def limit_memory(size: int) -> None:
    """Bound the address space to what it is now and `size` bytes more; nothing happens for `UNLIMITED`."""
    if size >= UNLIMITED - MEMORY_SLACK:
        return
    import resource

    try:
        with open("/proc/self/statm", "rb") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return  # the parent watches what the worker really holds
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (now + size + MEMORY_SLACK, now + size + MEMORY_SLACK))


def limit_processor(seconds: float) -> float:
    """Bound the processor time to twice `seconds` and a minute from now; again before that is used up.

    The kill at the deadline is the parent's. This is for a worker whose parent has died.

    Returns the time on `time.perf_counter` at which it is due again; infinity where there is no bound.
    """
    if seconds == math.inf:
        return math.inf
    import resource

    soft = int(time.process_time() + 2 * seconds + 60)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
    return time.perf_counter() + seconds + 30


# -- Landlock --------------------------------------------------------------------------------------------

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ: Final = 1 << 2 | 1 << 3
"""LANDLOCK_ACCESS_FS_READ_FILE, LANDLOCK_ACCESS_FS_READ_DIR."""
_READ_FILE: Final = 1 << 2
_FS_BITS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many kinds of access to files each version of Landlock knows; the last one counts for later versions."""
_SYSTEM: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/localtime", "/proc/self")


def _landlock(library: Any, readable: Iterable[str]) -> bool:
    version = library.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    files = (1 << _FS_BITS.get(version, _FS_BITS[5])) - 1
    network = 3 if version >= 4 else 0  # bind and connect of TCP
    scoped = 3 if version >= 6 else 0  # abstract sockets and signals to processes outside
    attributes = struct.pack("=QQQ", files, network, scoped)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = library.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        folders = {os.path.realpath(path) for path in (*readable, *_SYSTEM, os.path.join(sys.base_prefix, "lib"))}
        for folder in folders:
            _allow_reading(library, ruleset, folder)
        return library.syscall(_RESTRICT_SELF, ruleset, 0) == 0  # type: ignore[no-any-return]
    finally:
        os.close(ruleset)


def _allow_reading(library: Any, ruleset: int, path: str) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not there, so nothing to read
    try:
        rule = struct.pack("=Qi", _READ if os.path.isdir(path) else _READ_FILE, descriptor)
        library.syscall(_ADD_RULE, ruleset, 1, rule, 0)
    finally:
        os.close(descriptor)


# -- seccomp ---------------------------------------------------------------------------------------------

_MACHINES: Final = {"x86_64": (0xC000003E, 317, 0), "aarch64": (0xC00000B7, 277, 1)}
"""Machine to AUDIT_ARCH, the number of seccomp(2), and the column of `_CALLS`."""

_CALLS: Final[dict[str, tuple[int, int]]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "lseek": (8, 62), "pread64": (17, 67),
    "fstat": (5, 80), "newfstatat": (262, 79), "statx": (332, 291), "stat": (4, -1), "lstat": (6, -1),
    "access": (21, -1), "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, -1),
    "readlinkat": (267, 78), "getdents64": (217, 61), "getcwd": (79, 17),
    "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226), "brk": (12, 214),
    "madvise": (28, 233), "futex": (202, 98), "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101), "gettimeofday": (96, 169), "time": (201, -1), "times": (100, 153),
    "getrandom": (318, 278), "getpid": (39, 172), "gettid": (186, 178), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "getrusage": (98, 165),
    "sysinfo": (99, 179), "uname": (63, 160), "getrlimit": (97, -1), "setrlimit": (160, -1),
    "poll": (7, -1), "ppoll": (271, 73), "select": (23, -1), "pselect6": (270, 72),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "restart_syscall": (219, 128), "set_robust_list": (273, 99), "rseq": (334, 293), "membarrier": (324, 283),
    "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
"""Calls that are allowed: reading, memory, clocks, waiting, ending; no process, thread, socket, signal, change of a
file. Name to the numbers on x86-64 and on ARM64, -1 where there is none."""
_OPENAT: Final = (257, 56)
_PRLIMIT: Final = (302, 261)
_WRITING: Final = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000 | 0o20000000
"""O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, and the bit of O_TMPFILE."""
_LOAD, _JUMP_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_AT_NUMBER, _AT_MACHINE, _AT_FIRST, _AT_THIRD = 0, 4, 16, 32


def seccomp_program(machine: str) -> bytes:
    """The filter in BPF: it allows the calls of `_CALLS`, opening files to read, and limits of the process itself."""
    audit, _, column = _MACHINES[machine]
    numbers = [row[column] for row in _CALLS.values() if row[column] >= 0]
    steps = [(_LOAD, 0, 0, _AT_MACHINE), (_JUMP_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _AT_NUMBER)]
    for at, number in enumerate(numbers):
        steps.append((_JUMP_EQUAL, len(numbers) - at + 6, 0, number))
    return b"".join(struct.pack("=HBBI", *step) for step in [*steps, *_last_steps(column)])


def _last_steps(column: int) -> list[tuple[int, int, int, int]]:
    """Calls that depend on an argument, then the two answers."""
    return [
        (_JUMP_EQUAL, 0, 2, _OPENAT[column]),
        (_LOAD, 0, 0, _AT_THIRD),
        (_JUMP_SET, 3, 4, _WRITING),
        (_JUMP_EQUAL, 0, 2, _PRLIMIT[column]),
        (_LOAD, 0, 0, _AT_FIRST),
        (_JUMP_EQUAL, 1, 0, 0),  # of this process itself
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _seccomp(library: Any) -> bool:
    machine = platform.machine()
    code = seccomp_program(machine)
    program = _Program(len(code) // 8, code)
    set_filter, all_threads = 1, 1
    result = library.syscall(_MACHINES[machine][1], set_filter, all_threads, ctypes.byref(program))
    return result == 0  # type: ignore[no-any-return]
