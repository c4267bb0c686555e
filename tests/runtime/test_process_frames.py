"""Frames between two processes: exact for values, and a clear error for everything that is none."""

from __future__ import annotations

import json
import os
import random
import select
import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dana_guards.errors import DanaTypeError
from opendxa.dana import DanaLimitError, DanaRuntime
from opendxa.dana.frames import HEADER, MAX_FRAME, FrameError, Leaves, decode, encode, pack, unpack
from opendxa.dana.process_errors import error_from
from opendxa.dana.process_pool import POOL, WorkerProcess
from opendxa.dana.process_tables import Borrowed, Lent


def _no_ref(data: list[Any]) -> Any:
    raise FrameError("no references here")


def _no_struct(number: int, count: int) -> Any:
    raise FrameError("no structs here")


LEAVES = Leaves(_no_ref, _no_struct)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None))
HASHABLE = st.recursive(SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=5)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.tuples(inner)
        | st.sets(HASHABLE, max_size=3)
    ),
    max_leaves=20,
)


def across(value: Any) -> Any:
    """A value after the way to the other side."""
    frame = pack("word", [1], value)
    message = unpack(frame[HEADER:])
    assert message[:2] == ["word", 1]
    return decode(message[2], LEAVES)


def shape(value: Any) -> Any:
    """A value in a form in which nan equals itself and 1 differs from True."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [shape(each) for each in value]
    if isinstance(value, dict):
        return "dict", [(shape(key), shape(each)) for key, each in value.items()]
    if isinstance(value, (set, frozenset)):
        return type(value).__name__, sorted(repr(shape(each)) for each in value)
    return type(value).__name__, repr(value)


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_values_are_exact(value: Any) -> None:
    """What is written is what is read, with its types."""
    assert shape(across(value)) == shape(value)


def test_shared_parts() -> None:
    """Parts that are the same stay the same, circles stay circles."""
    part: list[Any] = []
    part.append(part)
    back = across({"a": part, "b": (part, {1: part})})
    assert back["a"] is back["b"][0] is back["b"][1][1] is back["a"][0]


def test_long_flat_lists_are_json() -> None:
    """A list of scalars is written as it is."""
    items = list(range(10_000))
    assert encode(items, _no_ref) is items
    assert across(items) == items


def test_too_large() -> None:
    """What is too long for a frame is refused by who writes it."""
    with pytest.raises(DanaTypeError, match="in parts"):
        pack("word", [], "x" * (MAX_FRAME + 1))


# -- hostile frames -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b"[]",
        b"[1]",
        b'["ok"',
        b'["ok"] x',
        b"[" * 1_000_000,
        b'{"a":' * 100_000,
        b"9" * 100_000,
        b'["ok",' + b"1" * 50_000 + b"]",
        b"nul",
        bytes(range(256)) * 100,
    ],
    ids=repr,
)
def test_no_messages(data: bytes) -> None:
    """Bytes that are no message are an error, soon."""
    with pytest.raises(FrameError):
        unpack(data)


def test_a_message_that_would_need_more_memory_than_allowed() -> None:
    """A megabyte of brackets is fifty of objects: it is refused before it is read."""
    data = b'["ok",[' + b"[]," * 2_000_000 + b"0]]"
    with pytest.raises(FrameError, match="memory"):
        unpack(data, 100_000_000)


COLLIDING = [index * (2**61 - 1) for index in range(1, 5000)]

FORMS: list[Any] = [
    [[1]],
    {},
    {"x": 1},
    {"o": [1]},
    {"o": {"a": []}},
    {"t": []},
    {"t": [[0], 1]},
    {"t": [[0], []]},
    {"t": [[5], [["l", []]]]},
    {"t": [[-1], [["l", []]]]},
    {"t": [[True], [["l", []]]]},
    {"t": [["0"], [["l", []]]]},
    {"t": [[0], [["l"]]]},
    {"t": [[0], [["z", []]]]},
    {"t": [[0], [[["l"], []]]]},
    {"t": [[0], [["l", {}]]]},
    {"t": [[0], [["l", [[9]]]]]},
    {"t": [[0], [["d", [1]]]]},
    {"t": [[0], [["d", [[1], 1]], ["l", []]]]},
    {"t": [[0], [["o", []]]]},
    {"t": [[0], [["t", [[0]]]]]},
    {"t": [[0], [["t", [[1]]], ["t", []]]]},
    {"t": [[0], [["s", [[1]]], ["l", []]]]},
    {"t": [[0], [["s", COLLIDING]]]},
    {"t": [[0], [["d", [each for key in COLLIDING for each in (key, 0)]]]]},
    {"t": [[0], [["i", 5]]]},
    {"t": [[0], [["i", "0xzz"]]]},
    {"t": [[0], [["r", ["0x1"]]]]},
    {"t": [[0], [["r", ["0x1", "0x2", "0x0"]]]]},
    {"t": [[0], [["x", ["f", 1]]]]},
    {"t": [[0], [["c", []]]]},
    {"t": [[0], [["c", [1, 2]]]]},
    {"t": [[1999], [["t", [[n - 1]] if n else []] for n in range(2000)]]},
    {"t": [[0], [["l", [[n + 1]] if n < 4999 else []] for n in range(5000)]]},
]


@pytest.mark.parametrize("number", range(len(FORMS)))
def test_no_values(number: int) -> None:
    """Forms that nobody writes are an error, whatever is wrong with them."""
    with pytest.raises(FrameError):
        decode(FORMS[number], LEAVES)


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"kinds": []},
        {"kinds": [1]},
        {"kinds": ["DanaError"]},
        {"kinds": ["DanaError"], "message": 1, "place": [None] * 4},
        {"kinds": ["DanaError"], "message": "", "place": ["f", -1, None, None]},
        {"kinds": ["DanaError"], "message": "", "place": [None] * 4, "stack": [[]]},
        {"kinds": ["DanaError"], "message": "", "place": [None] * 4, "stack": [0] * 100_000},
        {"kinds": ["ValueError"], "args": [[]]},
    ],
)
def test_no_errors(data: Any) -> None:
    """An error that is none is an error of the protocol."""
    with pytest.raises(FrameError):
        error_from(data, {})


@pytest.mark.parametrize("kind", ["SystemExit", "KeyboardInterrupt", "BaseException", "Interrupt", "object", "os"])
def test_kinds_are_from_a_list(kind: str) -> None:
    """No name of a worker makes an exception that ends the host."""
    assert isinstance(error_from({"kinds": [kind], "args": ["x"]}, {}), Exception)


# -- a hostile worker -----------------------------------------------------------------------------------------


class HostileWorker(WorkerProcess):
    """A worker that opens a context, and then says what it was told to say and ends."""

    def __init__(self, data: bytes) -> None:
        self.socket, self._theirs = socket.socketpair()
        self._theirs.sendall(framed(["ok", [], None]) + data)
        self._theirs.shutdown(socket.SHUT_WR)
        self.socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self.socket, select.POLLIN)
        self.pending, self.baseline, self.pid = bytearray(), 0, os.getpid()

    def is_ours(self) -> bool:
        return True

    def nudge(self) -> None:
        raise AssertionError("nothing was cancelled")

    def kill(self) -> str:
        self.socket.close()
        self._theirs.close()
        return "dead"

    def reason_of_death(self) -> DanaLimitError:
        return DanaLimitError("the worker process crashed")


def framed(message: Any) -> bytes:
    """A message with its length."""
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    return len(data).to_bytes(4, "big") + data


@pytest.mark.skipif(os.name != "posix", reason="worker processes need POSIX")
@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        framed(b"garbage"),
        framed(["ok"]),
        framed(["ok", [], {"t": [[0], [["x", ["h", 12345]]]]}]),
        framed(["ok", [[1, "x"]], 1]),
        framed(["err", [], {"kinds": []}, None]),
        framed(["nothing", [], None]),
        framed(["host", [], 999, [[], {}]]),
        framed(["host", [], 999, None]),
        framed(["attribute", [], 999, "x", None]),
        framed(["capability", [], "eval", None]),
        framed(["capability", [], "read_file", None]),
        framed(["grant", [], "nothing", None, None, None]),
        framed(["print", [], 5, None]),
        framed(["log", [], "LOUD", "x", None]),
        framed(["find", [], 5, None]),
        framed(["package", [], True, None]),
        framed([["host"], [], 1]),
        b"",
        b"\x00\x00",
    ],
    ids=repr,
)
def test_a_worker_that_breaks_the_protocol(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a worker sends, the host gets a limit error of that call."""
    monkeypatch.setattr(POOL, "take", lambda: HostileWorker(data))
    with (
        DanaRuntime().create_context(isolation="process", timeout="3s") as context,
        pytest.raises(DanaLimitError, match=r"broke the protocol|crashed"),
    ):
        context.eval_dana("2")


@pytest.mark.skipif(os.name != "posix", reason="worker processes need POSIX")
def test_a_worker_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same worker with an answer: what the tests above feed in is really read."""
    monkeypatch.setattr(POOL, "take", lambda: HostileWorker(framed(["print", [], "x", None]) + framed(["ok", [], 5])))
    printed: list[str] = []
    with DanaRuntime().create_context(isolation="process", on_print=printed.append) as context:
        assert context.eval_dana("2") == 5
    assert printed == ["x"]


def test_random_bytes() -> None:
    """Mutated messages decode or are refused; nothing else happens."""
    dice = random.Random(4711)
    good = pack("ok", [[]], {"a": [1, (2, {3: {4}})], "b": [10**5000]})[HEADER:]
    for _ in range(2000):
        data = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.choice(b'[]{},:"0123456789tlds\\')
        try:
            decode(unpack(data)[-1], LEAVES)
        except FrameError:
            continue


# -- numbers for what stays --------------------------------------------------------------------------------------


def test_lent_values_are_counted() -> None:
    """A value is kept until the other side has dropped it as often as it got it."""
    lent = Lent()
    first = lent.number("value", "key")
    assert lent.number("value", "key") == first
    lent.release([[first, 1]])
    assert lent.get(first) == "value"
    lent.release([[first, 1], [77, 1]])
    assert len(lent) == 0
    for number in (first, None, "1", True):
        with pytest.raises(FrameError):
            lent.get(number)


def test_borrowed_values_are_reported_when_they_go() -> None:
    """What stands for a value is made once, and its end is told with the count."""

    class Thing:
        pass

    borrowed = Borrowed()
    thing = borrowed.get(4, Thing)
    assert borrowed.get(4, Thing) is thing
    assert borrowed.take_dropped() == []
    del thing
    assert borrowed.take_dropped() == [[4, 2]]
    assert borrowed.take_dropped() == []
