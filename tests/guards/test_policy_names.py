"""Every attribute of every type of the closed world is decided about, on the Python that runs."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dana_guards import names


class Slots:
    """Stands for a struct class of a program."""

    __slots__ = ("dana_s_x",)


def _function() -> None:
    pass


def _generator() -> Iterator[int]:
    yield 1


async def _coroutine() -> None:
    pass


async def _asynchronous() -> Any:
    yield 1


def _frame_parts() -> list[Any]:
    generator = _generator()
    coroutine = _coroutine()
    coroutine.close()
    try:
        raise ValueError
    except ValueError as error:
        trace = error.__traceback__
    return [generator, coroutine, _asynchronous(), trace, trace.tb_frame if trace else None, _function.__code__]


PLAIN = {kind: set(words.split()) for kinds, words in names.PLAIN.items() for kind in kinds.split()}
VALUES: list[Any] = [
    None,
    True,
    1,
    1.0,
    1j,
    "",
    [],
    {},
    (),
    set(),
    frozenset(),
    range(1),
    {}.keys(),
    {}.values(),
    {}.items(),
    iter([]),
    iter(()),
    iter({}),
    iter({}.values()),
    iter({}.items()),
    iter(set()),
    iter("a"),
    iter("é"),
    iter(range(1)),
    iter(range(10**30)),
    reversed([]),
    reversed({}),
    reversed(range(1)),
    len,
    [].append,
    "".join,
    _function,
    Slots(),
    types.ModuleType("module"),
    Slots.dana_s_x,
    int | str,
    types.MethodType(_function, 1),
    "".__len__,
    str.join,
    property(),
    slice(1),
    type("X", (), {})().__init__,
]
EXCEPTIONS = [
    ValueError(),
    KeyError(),
    AttributeError(),
    ImportError(),
    OSError(),
    UnicodeDecodeError("utf-8", b"", 0, 1, ""),
]


def _public(value: object) -> list[str]:
    return [name for name in dir(value) if not name.startswith("_")]


def _is_decided(value: object, name: str) -> bool:
    kind = type(value).__name__
    if names.is_guarded_attribute(name) or name in PLAIN.get(kind, ()):
        return True
    kinds, _ = names.SIZED.get(name, ("", ""))
    return bool(kinds) and (kind in kinds or "set" in kinds)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_every_attribute_is_decided(value: object) -> None:
    """An attribute that a new Python adds to a type fails here until somebody has looked at it."""
    slots = {"dana_s_x"} | ({"start", "stop", "step"} if isinstance(value, slice) else set())
    undecided = [name for name in _public(value) if name not in slots and not _is_decided(value, name)]
    assert undecided == []


def test_struct_classes_hand_out_nothing() -> None:
    """The attributes that every class has are guarded."""
    undecided = [name for name in _public(type) if not names.is_guarded_attribute(name)]
    assert undecided == []


@pytest.mark.parametrize("value", _frame_parts(), ids=lambda value: type(value).__name__)
def test_inspection_attributes(value: object) -> None:
    """What could reach frames, code or globals is guarded on every object that holds one."""
    plain = {"close", "send", "throw", "asend", "athrow", "aclose", "clear", "replace"}
    open_names = [name for name in _public(value) if not names.is_guarded_attribute(name)]
    assert set(open_names) <= plain


@pytest.mark.parametrize(
    "name",
    [
        *names.GUARDED,
        "gi_frame",
        "cr_await",
        "ag_code",
        "tb_next",
        "f_back",
        "co_consts",
        "func_globals",
        "im_self",
        "gi_yieldfrom",
        "_x",
        "__class__",
        "dana_private_x",
        "dana_stop",
        "dana_p1",
        "dana_t1",
    ],
)
def test_guarded_names(name: str) -> None:
    """Names that are never a plain access; each of the table has its reason."""
    assert names.is_guarded_attribute(name)


@pytest.mark.parametrize(
    "name", ["append", "x", "class_", "dana_s_x", "dana_u_helper", "dana_n_dana_x", "fx", "cow", "tb"]
)
def test_plain_names(name: str) -> None:
    """Names of programs, slots of structs and mangled names are plain."""
    assert not names.is_guarded_attribute(name)


def test_every_table_has_reasons() -> None:
    """No name is decided without a reason, and none twice."""
    assert all(names.GUARDED.values())
    assert all(kinds and reason for kinds, reason in names.SIZED.values())
    for kind, words in PLAIN.items():
        for name in words:
            assert not names.is_guarded_attribute(name)
            sized, _ = names.SIZED.get(name, ("", ""))
            assert kind not in sized.split(), (kind, name)


def _results(receiver: Any) -> Iterator[tuple[str, Any]]:
    """What the plain attributes of a value give, called with nothing or with itself."""
    for name in PLAIN.get(type(receiver).__name__, ()):
        attribute = getattr(receiver, name, None)
        if not isinstance(attribute, Callable):  # type: ignore[arg-type]
            yield name, attribute
            continue
        for arguments in ((), (receiver,), (0,), ("",)):
            try:
                yield name, attribute(*arguments)
            except Exception:  # most methods refuse most arguments; what they give is the question
                continue


CLOSED = (
    bool,
    int,
    float,
    complex,
    str,
    list,
    dict,
    tuple,
    set,
    frozenset,
    range,
    type(None),
    type({}.keys()),
    type({}.values()),
    type({}.items()),
)


@pytest.mark.parametrize(
    "make",
    [
        lambda: True,
        lambda: 5,
        lambda: 1.5,
        lambda: "0x1p3",
        lambda: [1, 2],
        lambda: {"a": 1},
        lambda: (1, 2),
        lambda: {1, 2},
        lambda: frozenset({1}),
        lambda: range(5),
    ],
)
def test_plain_attributes_stay_in_the_closed_world(make: Callable[[], Any]) -> None:
    """What a plain attribute gives is a value of the closed world again."""
    for name, result in _results(make()):
        assert type(result) in CLOSED, name


def test_identifiers() -> None:
    """ASCII letters, digits and underscores, beginning with a letter, no keyword."""
    assert all(map(names.is_identifier, ["x", "X1", "dana_u_x", "print", "match", "type"]))
    assert not any(map(names.is_identifier, ["", "_x", "1x", "é", "x\n", "class", "None", "a-b", "ﬁ", 5, None]))


def test_names_of_the_policy() -> None:
    """The stop flag and the policy's temporaries belong to the policy; caught exceptions have names of their own."""
    assert names.is_reserved_variable("dana_stop")
    assert names.is_reserved_variable("dana_p12")
    assert not names.is_reserved_variable("dana_private_x")
    assert names.is_caught_name("dana_e1")
    assert names.is_caught_name("dana_t20")
    assert not names.is_caught_name("dana_s_x")
