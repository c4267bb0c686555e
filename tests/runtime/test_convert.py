"""The wall: every kind of value, both ways."""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import fractions
import math
import pickle
import uuid
from collections import Counter, OrderedDict, UserDict, UserList, UserString, defaultdict, deque, namedtuple
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from opendxa.dana import DanaContext, DanaFunction, DanaObject, DanaRuntime, DanaRuntimeError, DanaTypeError
from opendxa.dana.copying import DEPTH, copy_tree

Point = namedtuple("Point", "x y")


class Level(enum.IntEnum):
    """A number with a name."""

    HIGH = 3


class Colour(enum.StrEnum):
    """A text with a name."""

    RED = "red"


class Text(str):
    """A text that lies about itself."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__

    def upper(self) -> str:
        raise AssertionError


class Plain(enum.Enum):
    """No number and no text."""

    ONE = 1


async def no_items() -> AsyncIterator[int]:
    """An async generator."""
    yield 1


class Number(int):
    """A number that lies about itself."""

    def __int__(self) -> int:
        raise AssertionError

    def __add__(self, other: int) -> int:
        raise AssertionError


@dataclass
class Row:
    """An object with data in it."""

    a: int = 1


@pytest.fixture
def echo(context: DanaContext) -> Callable[[Any], Any]:
    """A Dana function that gives back what it gets."""
    return context.eval_dana("def echo(x):\n    return x\necho")  # type: ignore[no-any-return]


@pytest.fixture
def inside(context: DanaContext) -> Callable[[Any], Any]:
    """What a value is inside: the exact object that Dana code would hold."""
    context.eval_dana("0")
    return context._border.admit


@pytest.mark.parametrize(
    "value",
    [
        *(1, -(2**70), 1.5, float("inf"), "", "text", "é\n\U0001f600", True, False, None),
        *([], [1, [2]], {}, {"a": {1: None}}, (1, (2, "x")), (), {1, 2}, frozenset({(1, 2)})),
        *(range(3), [1, 2.0, "x", None, True]),
    ],
)
def test_plain_values_come_back_equal(echo: Callable[[Any], Any], value: Any) -> None:
    """Rows of the type table: the same value and, below results, the same exact type."""
    back = echo(value)
    assert back == value
    kind = type(value)
    assert type(back) is kind or (issubclass(type(back), kind) and kind in (int, float, str, list, dict))


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Level.HIGH, 3),
        (Colour.RED, "red"),
        (Text("abc"), "abc"),
        (Number(7), 7),
        (Point(1, 2), (1, 2)),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (Counter("aab"), {"a": 2, "b": 1}),
        ([Level.HIGH, {Text("k"): Number(2)}], [3, {"k": 2}]),
    ],
)
def test_subclasses_become_exact(inside: Callable[[Any], Any], value: Any, plain: Any) -> None:
    """No override of a subclass gets in."""
    made = inside(value)
    assert type(made) is type(plain)
    assert repr(made) == repr(plain)


class Zone(datetime.tzinfo):
    """A time zone whose methods are the host's code."""


@pytest.mark.parametrize(
    ("value", "source"),
    [
        (datetime.date(2026, 1, 31), "v.year * 100 + v.month == 202601"),
        (datetime.datetime(2026, 1, 31, 12, 5, tzinfo=datetime.UTC), "v.hour == 12"),
        (datetime.timedelta(days=2), "v.total_seconds() == 172800.0"),
        (decimal.Decimal("1.50"), "str(v) == '1.50'"),
        (fractions.Fraction(3, 4), "v.numerator == 3"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_immutable_values_cross_both_ways(value: object, source: str) -> None:
    """Dates, times, decimals and fractions work inside Dana and come back as what they were."""
    with DanaRuntime().create_context() as context:
        context.eval_dana("def check(v):\n    return " + source + "\ndef same(v):\n    return [v, {'k': v}]")
        check, same = context.eval_dana("[check, same]")
        assert check(value) is True
        back = same(value)
        assert back == [value, {"k": value}]
        assert type(back[0]) is type(back[1]["k"]) is type(value)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (b"abc", "decode"),
        (bytearray(b"abc"), "decode"),
        (datetime.datetime(2026, 1, 1, tzinfo=Zone()), "isoformat"),
        (1j, "real"),
        (Row(), "asdict"),
        (MappingProxyType({}), "dict(value)"),
        (UserDict(), "dict(value)"),
        (deque([1]), "list(value)"),
        ({}.keys(), "list(value)"),
        (int, "name"),
        (enum, "functions="),
        (Plain.ONE, "value.value"),
        (ValueError("x"), "str(value)"),
        (UserString("x"), "str(value)"),
        (UserList([1]), "list(value)"),
        (Path("x"), "str(value)"),
        (memoryview(b"x"), "decode"),
        (uuid.UUID(int=1), "str(value)"),
        (no_items(), "function.stream(value)"),
        (object(), "expose"),
        ([{"deep": (object(),)}], "expose"),
    ],
)
def test_other_objects_are_refused(echo: Callable[[Any], Any], value: Any, hint: str) -> None:
    """The message says how to pass it instead."""
    with pytest.raises(DanaTypeError, match="cannot enter a context") as caught:
        echo(value)
    assert hint in (caught.value.hint or "")


def test_numpy_scalars_are_numbers(inside: Callable[[Any], Any]) -> None:
    """Numbers of numpy arrive as Python's; arrays are told to be lists."""
    import numpy

    for value, kind in ((numpy.int64(3), int), (numpy.float32(0.5), float), (numpy.bool_(True), bool)):
        assert type(inside(value)) is kind
    for refused, hint in (
        (numpy.arange(3), "tolist"),
        (numpy.array(3), "tolist"),
        (numpy.complex128(1), "value.real"),
        (numpy.datetime64("2026-01-01"), "value.item()"),
    ):
        with pytest.raises(DanaTypeError) as caught:
            inside(refused)
        assert hint in (caught.value.hint or "")


def test_numbers_and_texts_at_the_edge(echo: Callable[[Any], Any]) -> None:
    """Not a number, infinities, signed zero, huge ints and lone surrogates cross as they are; bool stays bool."""
    assert math.isnan(echo(math.nan))
    assert [echo(value) for value in (math.inf, -math.inf, 10**6000)] == [math.inf, -math.inf, 10**6000]
    assert math.copysign(1.0, echo(-0.0)) == -1.0
    assert echo("\ud800a") == "\ud800a"
    assert echo(True) is True
    assert echo([True, 1, 1.0]) == [True, 1, 1.0]
    assert [type(item) for item in echo([True, 1, 1.0])] == [bool, int, float]


def test_copies_both_ways(context: DanaContext) -> None:
    """Neither side sees what the other one changes later."""
    context.eval_dana("kept = []\ndef keep(x):\n    kept.append(x)\n    return kept")
    mine = [1]
    keep = context.eval_dana("keep")
    given = keep(mine)
    mine.append(2)
    given[0].append(3)
    given.append(4)
    assert context.eval_dana("kept") == [[1]]


def test_shared_references_and_cycles(echo: Callable[[Any], Any]) -> None:
    """What is one object stays one object, and what contains itself goes on doing so."""
    shared = [1]
    back = echo({"a": shared, "b": shared, "t": (shared, shared)})
    assert back["a"] is back["b"] is back["t"][0] is back["t"][1]
    assert back["a"] is not shared
    ring: list[Any] = [1]
    ring.append({"ring": ring, "tuple": (ring,)})
    back = echo(ring)
    assert back[1]["ring"][1] is back[1]
    assert back[1]["tuple"][0] is back[1]["ring"]


def nested(depth: int, wrap: Callable[[Any], Any]) -> Any:
    """A value that many levels deep."""
    value: Any = 1
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: {"k": v}, lambda v: (v,), lambda v: frozenset([v])])
def test_depth_is_bounded(inside: Callable[[Any], Any], wrap: Callable[[Any], Any]) -> None:
    """A thousand levels pass from any stack, more is an error and no crash."""

    def deep_in_the_stack(frames: int) -> Any:
        return deep_in_the_stack(frames - 1) if frames else inside(nested(DEPTH, wrap))

    assert deep_in_the_stack(600) is not None
    for depth in (DEPTH + 1, 50_000):
        with pytest.raises(DanaTypeError, match="nested deeper"):
            inside(nested(depth, wrap))


def test_depth_through_shared_tuples() -> None:
    """A tuple that is shared does not hide how deep it goes."""
    inner = nested(DEPTH - 1, lambda v: (v,))
    with pytest.raises(DanaTypeError):
        copy_tree([inner, nested(3, lambda v: (v, inner))], lambda leaf: leaf, subclasses=True)


def test_wide_data_is_no_deep_data(inside: Callable[[Any], Any]) -> None:
    """Many tuples beside each other are one level."""
    value = [tuple([(n, (n,)) for n in range(3000)])]
    assert inside(value) == value


def test_items_of_iterators_come_one_by_one(context: DanaContext) -> None:
    """A generator is read as far as Dana reads it, each item converted; what Dana makes lazily is lazy outside."""
    taken: list[int] = []

    def numbers() -> Iterator[Any]:
        for number in range(10):
            taken.append(number)
            yield Level.HIGH if number == 1 else number

    first = context.eval_dana(
        "def first(items):\n    found = []\n    for item in items:\n        found.append(item)\n"
        "        if len(found) == 2:\n            return found\nfirst"
    )
    assert first(numbers()) == [0, 3]
    assert taken == [0, 1]
    lazy = context.eval_dana("def pairs(xs):\n    return map(double, xs)\ndef double(x):\n    return [x, x]\npairs")
    items = lazy(iter([1, 2]))
    assert next(items) == [1, 1]
    assert list(items) == [[2, 2]]


def test_a_failing_iterator(context: DanaContext) -> None:
    """What it yields is checked, and its error is the host's."""

    def bad() -> Iterator[Any]:
        yield 1
        yield object()

    total = context.eval_dana("def total(xs):\n    n = 0\n    for x in xs:\n        n += 1\n    return n\ntotal")
    with pytest.raises(DanaTypeError, match="cannot enter"):
        total(bad())


def test_functions_cross(context: DanaContext) -> None:
    """A Python function is wrapped; a Dana function is a DanaFunction and comes home as what it was."""
    apply = context.eval_dana("def apply(f, x):\n    return f(x)\napply")
    assert apply(lambda value: [value, value], 2) == [2, 2]
    assert apply(len, [1, 2, 3]) == 3
    adder = context.eval_dana("def adder(n):\n    def add(x):\n        return x + n\n    return add\nadder")
    add = adder(5)
    assert isinstance(add, DanaFunction)
    assert (add(1), apply(add, 2)) == (6, 7)
    assert context.eval_dana("def same(f, g):\n    return f == g\nsame")(add, add) is True
    original = [1].append
    assert context.eval_dana("def echo2(f):\n    return f\necho2")(original) is original


def test_functions_inside_data(context: DanaContext) -> None:
    """Also deep in a result a function enters the context."""
    found = context.eval_dana("def f():\n    return 1 / 0\n{'calls': [f]}")
    with pytest.raises(DanaRuntimeError, match="ZeroDivisionError"):
        found["calls"][0]()


# -- structs ----------------------------------------------------------------------------------------------


STRUCT = """
struct Point:
    x: int = 0
    tags: list = []
    back: any = none

def (p: Point) move(dx: int) -> Point:
    p.x = p.x + dx
    return p

def (p: Point) spin():
    while true:
        pass

def look(p):
    return p.x

def tags(p):
    return p.tags
Point
"""


def test_structs_cross_by_reference(context: DanaContext) -> None:
    """The instance is the DanaObject: fields, methods, equality, repr, to_dict; changes are seen on both sides."""
    make = context.eval_dana(STRUCT)
    point = make(x=1)
    assert isinstance(point, DanaObject)
    assert (point.x, point.move(4) is point, point.x) == (1, True, 5)
    point.x = 9
    assert context.eval_dana("look")(point) == 9
    assert point == make(x=9)
    assert repr(point).startswith("Point(x=9")
    assert point.to_dict()["x"] == 9
    assert copy.copy(point) == point
    assert copy.copy(point) is not point
    match point:
        case DanaObject(x=x):
            assert x == 9
    with pytest.raises(TypeError, match="x"):
        point.x = "text"
    with pytest.raises(TypeError):
        pickle.dumps(point)


def test_fields_are_checked_at_the_wall(context: DanaContext) -> None:
    """What the host writes is converted, what it reads is released: neither side gets a live list or a raw function."""
    point = context.eval_dana(STRUCT)()
    mine = [1]
    point.tags = mine
    mine.append(2)
    assert context.eval_dana("tags")(point) == [1]
    point.tags.append(3)
    assert context.eval_dana("tags")(point) == [1]
    with pytest.raises(DanaTypeError, match="cannot enter"):
        point.back = object()
    context.eval_dana("def hook():\n    return 1 / 0\ndef arm(p):\n    p.back = hook\n    return p\narm")(point)
    with pytest.raises(DanaRuntimeError):
        point.back()
    with pytest.raises(DanaRuntimeError):
        point.to_dict()["back"]()


def test_methods_enter_the_context(make_context: Callable[..., DanaContext]) -> None:
    """A method that the host calls has a deadline, and arguments are converted."""
    context = make_context(timeout="100ms")
    point = context.eval_dana(STRUCT)()
    with pytest.raises(TimeoutError):
        point.spin()
    with pytest.raises(DanaTypeError, match="'dx' must be int"):
        point.move("far")
    context.eval_dana("def (p: Point) late():\n    while true:\n        pass\n")
    with pytest.raises(TimeoutError):
        point.late()


def test_a_struct_in_its_own_methods(context: DanaContext) -> None:
    """Dana code goes on using opened classes: methods call methods, fields are live."""
    point = context.eval_dana(STRUCT)(tags=[1])
    context.eval_dana("def (p: Point) twice(n):\n    p.move(n)\n    p.tags.append(n)\n    return p.move(n).x")
    assert point.twice(3) == 6
    assert point.tags == [1, 3]


# -- results --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "answers"),
    [
        ("5", {"as_int": 5, "as_float": 5.0, "as_str": "5"}),
        ("1", {"as_bool": True}),
        ("2.0", {"as_int": 2, "as_float": 2.0, "as_str": "2.0"}),
        ("'12'", {"as_int": 12, "as_float": 12.0, "as_str": "12"}),
        ("'True'", {"as_bool": True}),
        ("[1, 2]", {"as_list": [1, 2]}),
        ("{'a': 1}", {"as_dict": {"a": 1}}),
    ],
)
def test_results_answer(context: DanaContext, source: str, answers: dict[str, Any]) -> None:
    """Each answer is a plain value of its type."""
    result = context.eval_dana(source)
    for name, expected in answers.items():
        found = getattr(result, name)()
        assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("2.5", "as_int"),
        ("5", "as_bool"),
        ("2 ** 53 + 1", "as_float"),
        ("10 ** 400", "as_float"),
        ("'x'", "as_int"),
        ("'2.5'", "as_int"),
        ("'yes'", "as_bool"),
        ("5", "as_list"),
        ("[1]", "as_dict"),
        ("{'a': 1}", "as_list"),
        ("{'a': 1}", "as_object"),
        ("'text'", "as_list"),
        ("10 ** 5000", "as_str"),
        ("10 ** 5000", "as_bool"),
        ("10 ** 5000", "as_float"),
        ("'1e999'", "as_float"),
        ("1e308 * 10", "as_int"),
    ],
)
def test_a_lossy_answer_is_refused(context: DanaContext, source: str, name: str) -> None:
    """What would lose something is a DanaTypeError that shows the value."""
    with pytest.raises(DanaTypeError, match="cannot be read as"):
        getattr(context.eval_dana(source), name)()


def test_results_are_plain_values(context: DanaContext) -> None:
    """They pickle, copy and go back in as what they are; true, false and none are Python's own."""
    number = context.eval_dana("5")
    assert isinstance(number, int)
    assert type(pickle.loads(pickle.dumps(number))) is int
    assert type(copy.deepcopy(context.eval_dana("[1]"))) is list
    assert type(context._border.admit([number])[0]) is int
    assert context.eval_dana("[true, none]") == [True, None]
    assert context.eval_dana("1 == 1") is True
    assert context.eval_dana("none") is None
    assert type(context.eval_dana("[[1]]")[0]) is list


# -- annotations ----------------------------------------------------------------------------------------------


def test_annotations_are_checked_at_the_border(context: DanaContext) -> None:
    """Arguments and results that do not fit are DanaTypeErrors; an int fits a float; inside nothing is checked."""
    context.eval_dana(
        "def f(a: float, b: list[int] | none = none, c: str = 'x') -> str:\n    return c\n"
        "def wrong() -> int:\n    return 'text'\ndef inner():\n    return f('no', 'no', 5)\n"
    )
    f, wrong, inner = (context.eval_dana(name) for name in ("f", "wrong", "inner"))
    assert f(1) == f(1.5, [1], c="x") == f(a=2, b=None) == "x"
    for arguments in (("1",), (1, "text"), (1, None, 3)):
        with pytest.raises(DanaTypeError, match="must be"):
            f(*arguments)
    with pytest.raises(DanaTypeError, match="declared to give int"):
        wrong()
    assert inner() == 5
    with pytest.raises(TypeError):
        f()
    with pytest.raises(TypeError):
        f(1, unknown=2)
