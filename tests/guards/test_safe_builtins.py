"""The table of built-ins: the same answers as Python's, in both profiles, and bounded where it says so."""

from __future__ import annotations

import random
from typing import Any

import pytest
from support_environment import FakeEnvironment, table
from support_stop import call

from dana_guards.errors import DanaLimitError, DanaMemoryError, DanaSecurityError, DanaTimeoutError, Interrupt
from dana_guards.limits import Limits
from dana_guards.safe_builtins import PURE, REFUSED, make_table, refusal, rows

PROFILES = pytest.mark.parametrize("profile", ["limited", "unlimited"])

NAMES = set(
    """
    len abs divmod chr ord range round sum min max basic_sum basic_min basic_max any all sorted enumerate reversed zip
    map filter int float list tuple set frozenset dict sum_range is_odd is_even factorial capitalize_words title_case
    noop add_one add_two add_three add_four case log_calls log_with_prefix repeat validate_args poet poet_decorator
    poet_call apply_poet print read_file load_csv load_json list_dir file_exists write_file append_file save_csv
    save_json http_get http_post get_env reason context_aware_reason llm set_model use get_resource feedback
    """.split()  # noqa: SIM905 - as text it can be read
)


def test_the_set_of_builtins_is_pinned() -> None:
    """A new row is always seen in a diff of this test, and every row gives its reason."""
    assert sorted(row.name for row in rows()) == sorted(NAMES)
    assert all(row.why for row in rows())
    assert set(table()) == NAMES | set(REFUSED) | {"log", "log_level"}


def test_dangerous_names_are_no_rows() -> None:
    """Nothing that reads attributes by name, makes code or opens files of the host has a row."""
    assert not {row.name for row in rows()} & set(REFUSED)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused_names_say_why(name: str) -> None:
    """A refused name is a denial that can be caught, with the reason or what to write in its place."""
    with pytest.raises(DanaSecurityError, match="is not part of Dana"):
        table()[name](1)
    assert refusal(name) is not None
    assert refusal("total") is None


SAMPLES: dict[str, list[tuple[Any, ...]]] = {
    "len": [([1, 2],), ("abc",), ({"a": 1},), (range(3),)],
    "sum": [([1, 2],), ([0.1] * 10,), (range(1, 11, 3),), (range(0),), ([[1], [2]], []), ({1, 2},), ([True, 2],)],
    "min": [([3, 1],), (3, 1), ("hello",), (range(5, 1, -1),), ([(1, "b"), (1, "a")],), ({"b": 1, "a": 2},)],
    "max": [([3, 1],), (3, 1), ("hello",), (range(5, 1, -1),), ([(1, "b"), (1, "a")],), ({"b": 1, "a": 2},)],
    "any": [([0, 1],), ([],), (range(1),), (range(0),), (range(2),), (range(7, 8),)],
    "all": [([0, 1],), ([],), (range(1),), (range(0),), (range(1, 3),), (range(-5, 5),)],
    "sorted": [([3, 1, 2],), ("hello",), ({"b": 1, "a": 2},), ([(2, "x"), (1, "y")],), ([[2], [1]],), ([],)],
    "round": [(2.5,), (3.5,), (2.567, 2), (1234, -2), (5, -1), (-5, -1), (15, -1), (5, -400)],
    "list": [(), ("ab",), (range(3),), ({"a": 1},), ([1],)],
    "tuple": [(), ("ab",), (range(3),), ([1],)],
    "set": [(), ("aab",), (range(3),), ([1, 1, 2],), ([(1, 2), (1, 2)],)],
    "frozenset": [(), ([1, 1],)],
    "dict": [(), ({"a": 1},), ([("a", 1), ("b", 2)],), ([["a", 1]],), (["ab"],)],
    "int": [(), ("5",), (" 7 ",), (3.9,), (True,), ("ff", 16), ("1_000",)],
    "float": [(), ("1.5",), (2,)],
    "divmod": [(7, 2)],
    "chr": [(65,)],
    "ord": [("A",)],
    "abs": [(-3,), (-2.5,)],
}


@PROFILES
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_same_as_python(name: str, profile: str) -> None:
    """Values and types are those of Python's function, in both profiles."""
    import builtins

    mine = table(profile=profile)[name]
    for arguments in SAMPLES[name]:
        expected = getattr(builtins, name)(*arguments)
        result = mine(*arguments)
        assert result == expected
        assert type(result) is type(expected)


@PROFILES
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("len", (5,)),
        ("sum", (["a"],)),
        ("sum", (["a"], "")),
        ("min", ([],)),
        ("max", (5,)),
        ("max", ([1, "a"],)),
        ("sorted", ([1, "a"],)),
        ("sorted", ([(1,), 1],)),
        ("list", (5,)),
        ("set", ([[1]],)),
        ("dict", ([1],)),
        ("dict", (["abc"],)),
        ("int", ("x",)),
        ("round", ("x",)),
        ("sum_range", ("a", 2)),
        ("is_odd", ("3",)),
        ("factorial", (-1,)),
        ("factorial", (2.0,)),
        ("title_case", (5,)),
        ("zip", (5,)),
        ("map", (len, 5)),
        ("print", None),
        ("basic_sum", ("ab",)),
    ],
)
def test_mistakes_are_type_or_value_errors(name: str, arguments: tuple[Any, ...] | None, profile: str) -> None:
    """A wrong argument raises TypeError or ValueError, as in Python, never something of ours."""
    function = table(profile=profile)[name]
    with pytest.raises((TypeError, ValueError)):
        function("a", sep=1) if arguments is None else function(*arguments)


def test_keywords_are_python_s() -> None:
    """``key``, ``reverse``, ``default``, ``start`` and ``strict`` work (8.1, Want)."""
    builtins = table()
    words = ["bb", "a", "ccc"]
    assert builtins["sorted"](words, key=len, reverse=True) == ["ccc", "bb", "a"]
    assert builtins["max"](words, key=len) == "ccc"
    assert builtins["min"]("bb", "a", key=len) == "a"
    assert builtins["max"]([], default=7) == 7
    assert builtins["max"]({"a": 1, "b": 2}, key=lambda key: -ord(key)) == "a"
    assert builtins["sum"]([1], start=5) == 6
    assert list(builtins["enumerate"]("ab", start=1)) == [(1, "a"), (2, "b")]
    assert builtins["int"]("ff", base=16) == 255
    with pytest.raises(ValueError, match="zip"):
        list(builtins["zip"]([1], [], strict=True))
    assert builtins["dict"]({"a": 1}, b=2) == {"a": 1, "b": 2}


def test_long_sorts_are_stable_and_right() -> None:
    """Beyond one block the merge gives what Python's sort gives, with and without a key."""
    builtins = table()
    numbers = [random.Random(3).randrange(1000) for _ in range(150_000)]
    pairs = [(value, place) for place, value in enumerate(numbers)]
    assert builtins["sorted"](numbers) == sorted(numbers)
    by_first = builtins["sorted"](pairs, key=lambda pair: pair[0], reverse=True)
    assert by_first == sorted(pairs, key=lambda pair: pair[0], reverse=True)


def _outcome(function: Any, *arguments: Any, **options: Any) -> tuple[str, Any]:
    """The value with its type, or the kind of error."""
    try:
        result = function(*arguments, **options)
    except Exception as error:
        return "error", type(error)
    return type(result).__name__, repr(result)


def _drawn(source: random.Random, depth: int = 0) -> Any:
    """A small value of the closed world."""
    kind = source.randrange(7 if depth < 2 else 5)
    if kind < 5:
        plain = [source.randrange(-3, 4), source.random(), source.choice("abc"), source.choice([True, False]), None]
        return plain[kind]
    items = [_drawn(source, depth + 1) for _ in range(source.randrange(3))]
    return items if kind == 5 else tuple(items)


@pytest.mark.parametrize("name", ["sorted", "max", "min", "sum", "any", "all", "list", "tuple", "set", "dict"])
def test_random_values_give_what_python_gives(name: str) -> None:
    """The same value, or the same kind of error, for lists, tuples and iterators of mixed and of like values."""
    import builtins

    mine, python = table()[name], getattr(builtins, name)
    source = random.Random(11)
    for turn in range(400):
        like = _drawn(source)
        values = [_drawn(source) if turn % 2 else like for _ in range(source.randrange(5))]
        for shape in (list, tuple, lambda items: iter(list(items))):
            assert _outcome(mine, shape(values)) == _outcome(python, shape(values)), values
        if name in ("sorted", "max", "min"):
            options = {"key": lambda value: (str(type(value)), 0)}
            assert _outcome(mine, values, **options) == _outcome(python, values, **options), values
        if name in ("max", "min"):
            assert _outcome(mine, *values) == _outcome(python, *values), values


def test_heavy_comparisons_sort_the_same() -> None:
    """Long text and nested data take the way that looks at the meter, with the same result."""
    builtins = table()
    texts = ["b" * 200_000, "a" * 200_000, "c"]
    nested = [[1, [2]], [1, [1]], [0, []]]
    assert builtins["sorted"](texts) == sorted(texts)
    assert builtins["sorted"](nested, reverse=True) == sorted(nested, reverse=True)


def _deep(levels: int) -> tuple[Any, ...]:
    value: tuple[Any, ...] = ()
    for _ in range(levels):
        value = (value,)
    return value


def _doubled(levels: int, leaf: int) -> tuple[Any, ...]:
    value: tuple[Any, ...] = (leaf,)
    for _ in range(levels):
        value = (value, value)
    return value


@pytest.mark.parametrize("name", ["set", "frozenset", "dict"])
def test_deep_keys_are_refused(name: str) -> None:
    """Hashing a tuple that is 100,000 deep would end the process; it is a RecursionError (cpython #149146)."""
    item = _deep(100_000)
    with pytest.raises(RecursionError):
        table()[name]([(item, 1)])


@pytest.mark.parametrize("name", ["set", "sorted", "max", "min"])
def test_shared_parts_do_not_multiply(name: str) -> None:
    """Data with 2**60 paths is refused before it is hashed or compared."""
    with pytest.raises(ValueError, match="parts"):
        table()[name]([_doubled(60, 1), _doubled(60, 1)])


LONG = range(10**13)


@pytest.mark.parametrize(
    "work",
    [
        lambda b: b["sum"](b["map"](lambda x: x, LONG)),
        lambda b: b["sum"](b["filter"](b["is_odd"], range(0, 10**13, 2))),
        lambda b: b["max"](b["zip"](LONG, LONG)),
        lambda b: b["min"](b["enumerate"](LONG)),
        lambda b: b["any"](b["filter"](None, b["map"](b["is_odd"], range(0, 10**13, 2)))),
        lambda b: b["all"](b["enumerate"](LONG)),
        lambda b: b["set"](b["map"](lambda x: x % 7, LONG)),
        lambda b: b["dict"](b["zip"](b["map"](lambda x: x % 7, LONG), LONG)),
        lambda b: b["factorial"](10**6),
        lambda b: b["repeat"](10**12)(lambda: None)(),
    ],
)
def test_endless_work_ends_at_the_deadline(work: Any) -> None:
    """Builtins that would take hours in C look at the meter on the way (threat model 5.4)."""
    environment = FakeEnvironment(limits=Limits(timeout=0.05, output=1 << 40))
    environment.stdout = lambda text: None  # type: ignore[method-assign]
    builtins = make_table(environment)
    assert isinstance(call(environment.meter, lambda: work(builtins)), DanaTimeoutError)


@pytest.mark.parametrize(
    "work",
    [
        lambda b: b["list"](LONG),
        lambda b: b["tuple"](LONG),
        lambda b: b["sorted"](LONG),
        lambda b: b["factorial"](10**12),
        lambda b: b["sum"]([[0] * 10**6] * 10**4, []),
    ],
)
def test_huge_results_are_refused_before_they_are_made(work: Any) -> None:
    """A result that cannot fit is a memory stop at once (threat model 5.5)."""
    environment = FakeEnvironment(limits=Limits(memory=50_000_000))
    builtins = make_table(environment)
    assert isinstance(call(environment.meter, lambda: work(builtins)), DanaMemoryError)


@pytest.mark.parametrize("name", ["list", "tuple", "sorted"])
def test_ranges_beyond_every_length(name: str) -> None:
    """A range longer than any list is an OverflowError, as in Python."""
    with pytest.raises(OverflowError):
        table()[name](range(10**30))


def test_memory_stop_cannot_be_caught() -> None:
    """The refusal is an Interrupt, which ``except Exception`` does not see, and it comes again."""
    environment = FakeEnvironment(limits=Limits(memory=50_000_000))
    builtins = make_table(environment)
    seen = []

    def program() -> None:
        try:
            builtins["list"](LONG)
        except Exception:
            seen.append("caught")
        builtins["sum"](builtins["map"](abs, LONG))

    assert isinstance(call(environment.meter, program), DanaMemoryError)
    assert seen == []


def test_colliding_ints_are_stopped() -> None:
    """Multiples of 2**61-1 share one hash; building a set of them ends at the deadline."""
    environment = FakeEnvironment(limits=Limits(timeout=0.05))
    builtins = make_table(environment)
    colliding = [place * (2**61 - 1) for place in range(60_000)]
    assert isinstance(call(environment.meter, lambda: builtins["set"](colliding)), DanaTimeoutError)


def test_digits_of_text_are_counted() -> None:
    """``int`` of more than 4,300 digits is a ValueError; leading zeros and underscores count as Python's do."""
    builtins = table()
    assert builtins["int"]("9" * 4300) == int("9" * 4300)
    with pytest.raises(ValueError, match="4301 digits"):
        builtins["int"]("9" * 4301)
    with pytest.raises(ValueError, match="digits"):
        builtins["int"]("f" * 10_000, 16)


def test_core_library() -> None:
    """The functions of 8.6."""
    builtins = table()
    assert builtins["sum_range"](1, 10**12) == 10**12 * (10**12 + 1) // 2
    assert builtins["sum_range"](5, 1) == 0
    assert builtins["sum_range"](-3, 3) == 0
    assert [builtins["is_odd"](3), builtins["is_even"](-2), builtins["is_odd"](4)] == [True, True, False]
    assert builtins["factorial"](5) == 120
    assert str(builtins["factorial"](2500) // builtins["factorial"](2499)) == "2500"
    assert builtins["capitalize_words"]("ab cd") == "Ab Cd"
    assert [builtins["noop"](), builtins["noop"](1), builtins["noop"](1, 2)] == [None, 1, (1, 2)]
    assert [builtins[f"add_{word}"](1) for word in ("one", "two", "three", "four")] == [2, 3, 4, 5]
    assert builtins["basic_sum"]([1, 2]) == 3


def test_case_selects() -> None:
    """``case`` with and without a value (8.7): conditions and choices may be functions or values."""
    case = table()["case"]
    assert case((False, "a"), (True, "b"), "c") == "b"
    assert case((False, "a"), "c") == "c"
    assert case((lambda: True, lambda: 5)) == 5
    assert case(7, (lambda x: x > 5, lambda x: x * 2), lambda x: x) == 14
    assert case(3, (lambda x: x > 5, lambda x: x * 2), lambda x: x + 1) == 4
    assert case(("no", "a"), "c") == "c"
    assert case((lambda x: x, lambda x: [x]), value=1) == [1]
    with pytest.raises(ValueError, match="no condition holds"):
        case((False, 1))


def test_decorators_print_what_the_language_says() -> None:
    """``log_calls`` and ``repeat`` write the lines of 8.7."""
    environment = FakeEnvironment()
    builtins = make_table(environment)

    def double(x: int) -> int:
        return 2 * x

    assert builtins["log_calls"](double)(4) == 8
    assert builtins["repeat"](2)(double)(x=1) == 2
    assert builtins["log_with_prefix"](prefix="[A]", include_result=False)(double)(1) == 2
    assert builtins["log_with_prefix"](double)(1) == 2
    assert builtins["poet"](domain="x")(double) is double
    lines = "".join(environment.printed).splitlines()
    assert lines[:3] == [
        "[log_calls] Wrapper called for double",
        "Calling double with args: (4,), kwargs: {}",
        "double returned: 8",
    ]
    assert lines[3:6] == ["[repeat] Executing double 2 times", "[repeat] Execution 1/2", "[repeat] Execution 2/2"]
    assert "[A] Calling double with args: (1,), kwargs: {}" in lines


def test_validate_args_tests_keywords_only() -> None:
    """Only arguments passed by name are tested; one that fails is a ValueError."""
    decorate = table()["validate_args"](x=lambda value: value > 0)
    function = decorate(lambda x: x)
    assert function(-1) == -1
    assert function(x=1) == 1
    with pytest.raises(ValueError, match="'x' is not valid"):
        function(x=-1)


def test_print_goes_to_the_environment() -> None:
    """``print`` joins text as Python does, and knows ``sep`` and ``end`` (8.3)."""
    environment = FakeEnvironment()
    builtins = make_table(environment)
    assert builtins["print"]("a", 1, None, [True, "x"]) is None
    builtins["print"]("b", "c", sep="-", end="!")
    builtins["print"]()
    assert environment.printed == ["a 1 None [True, 'x']\n", "b-c!", "\n"]


@pytest.mark.parametrize("size", [10, 10_000])
def test_output_is_limited(size: int) -> None:
    """Small and large calls count towards the same limit; the stop is no Dana exception."""
    environment = FakeEnvironment(limits=Limits(output=50_000))
    builtins = make_table(environment)

    def program() -> None:
        while True:
            builtins["print"]("é" * size)

    assert isinstance(call(environment.meter, program), DanaLimitError)
    assert sum(len(text.encode()) for text in environment.printed) <= 50_000


def test_log_cannot_forge_records() -> None:
    """Line breaks, escapes and direction marks are written out (CWE-117)."""
    environment = FakeEnvironment()
    builtins = make_table(environment)
    builtins["log"]("a\r\nERROR forged \x1b[31m\u2028\u202e", "warning")
    builtins["log"].error("plain")
    builtins["log"](5, "nonsense")
    builtins["log_level"]("ERROR")
    builtins["log"].info("hidden")
    assert environment.logged == [
        ("WARNING", r"a\r\nERROR forged \x1b[31m\u2028\u202e"),
        ("ERROR", "plain"),
        ("INFO", "5"),
    ]


def test_log_threshold_is_the_context_s_own() -> None:
    """``log_level`` of one context changes nothing in another."""
    first, second = FakeEnvironment(), FakeEnvironment()
    one, other = make_table(first), make_table(second)
    one["log_level"]("CRITICAL")
    other["log"]("seen")
    one["log"]("not seen")
    assert (first.logged, second.logged) == ([], [("INFO", "seen")])


def test_contexts_share_nothing_mutable() -> None:
    """Functions made for one environment are not those of another, unless they keep nothing."""
    stateless = {row.name for row in PURE}
    one, other = table(), table()
    shared = {name for name in one if one[name] is other[name]}
    assert shared <= stateless | NAMES
    assert not any(getattr(one[name], "__dict__", None) for name in shared if not isinstance(one[name], type))


def test_interrupt_is_no_exception() -> None:
    """What the builtins raise at a limit is a BaseException only (invariant 4)."""
    assert not issubclass(Interrupt, Exception)
