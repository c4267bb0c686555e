"""Facades: listed members only, values of the closed world only, nothing that a stop cannot reach."""

from __future__ import annotations

import copy
import json
import pickle
import random
from typing import Any

import pytest
from support_environment import FakeEnvironment
from support_stop import call

from dana_guards import facades
from dana_guards.errors import DanaCapabilityError, DanaImportError, DanaMemoryError, DanaTimeoutError
from dana_guards.facades import FREE, GRANTED, NAMES, Facade, get_facade, members_of, open_facade, rows_of
from dana_guards.facades.values import FrozenValue, from_host, to_host, wrap
from dana_guards.iterators import FlatIterator
from dana_guards.limits import Limits


def opened(name: str, **settings: Any) -> Any:
    """The facade in a fresh context that may have all of them."""
    return open_facade(FakeEnvironment(["python"], **settings), name)


@pytest.mark.parametrize("name", NAMES)
def test_every_member_has_a_reason_and_is_closed(name: str) -> None:
    """Each row says why; each member is a plain value, a function, a facade or a frozen value."""
    assert rows_of(name)
    assert all(row.why for row in rows_of(name))
    for member, value in members_of(opened(name)).items():
        assert not member.startswith("_")
        plain = value is None or type(value) in (int, float, str) or isinstance(value, (Facade, FrozenValue))
        assert plain or (callable(value) and not isinstance(value, type)), member


@pytest.mark.parametrize("name", NAMES)
def test_a_facade_shows_nothing_else(name: str) -> None:
    """No attribute beyond the members, no write, no deletion, no copy, no address."""
    facade = opened(name)
    assert dir(facade) == sorted(row.name for row in rows_of(name))
    assert repr(facade) == f"<{name}.py>"
    for attribute in (
        "__class_getitem__",
        "__loader__",
        "__spec__",
        "_members_",
        "sys",
        "os",
        "codecs",
        "enum",
        "builtins",
    ):
        with pytest.raises(AttributeError):
            getattr(facade, attribute)
    with pytest.raises(AttributeError, match="cannot be changed"):
        facade.x = 1
    with pytest.raises(AttributeError, match="cannot be changed"):
        del facade.x
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy, list):
        with pytest.raises(TypeError):
            attempt(facade)
    with pytest.raises(TypeError):
        members_of(facade)["x"] = 1  # type: ignore[index]


def test_free_and_granted() -> None:
    """Modules without effects need no grant; the others name the one they need."""
    plain = FakeEnvironment()
    for name in FREE:
        assert isinstance(open_facade(plain, name), Facade)
    for name in GRANTED:
        with pytest.raises(DanaCapabilityError, match=f"import {name}.py needs the capability 'python'"):
            open_facade(plain, name)
        assert isinstance(open_facade(FakeEnvironment([f"python:{name}"]), name), Facade)
        with pytest.raises(DanaCapabilityError):
            open_facade(FakeEnvironment(["python:math"]), name)


@pytest.mark.parametrize(
    "name", ["os", "sys", "subprocess", "builtins", "maths", "", "math.py", "../math", "__init__", "members"]
)
def test_other_modules_do_not_exist(name: str) -> None:
    """No grant opens a module without a table; the error lists what there is and the near name."""
    with pytest.raises(DanaImportError, match="there is no Python module"):
        open_facade(FakeEnvironment(["python"]), name)


def test_near_names() -> None:
    """A misspelt module or member gets a suggestion."""
    with pytest.raises(DanaImportError, match="did you mean 'math'"):
        get_facade("maths", FakeEnvironment())
    with pytest.raises(AttributeError, match="did you mean 'sqrt'"):
        _ = opened("math").sqrtt


def test_one_facade_for_each_context() -> None:
    """A second import gives the same object; another context has its own."""
    environment = FakeEnvironment()
    assert open_facade(environment, "random") is open_facade(environment, "random")
    assert open_facade(environment, "random") is not open_facade(FakeEnvironment(), "random")


# -- math and statistics ---------------------------------------------------------------------------


def test_math_is_python_s() -> None:
    """The numbers are those of `math`."""
    import math

    m = opened("math")
    assert [m.pi, m.sqrt(2), m.floor(2.5), m.comb(5, 2), m.perm(5, 2), m.gcd(12, 18), m.lcm(4, 6)] == [
        math.pi, math.sqrt(2), 2, 10, 20, 6, 12,
    ]  # fmt: skip
    assert [m.factorial(5), m.fsum([0.1] * 10), m.prod([2, 3]), m.dist([0, 0], [3, 4]), m.isqrt(17)] == [
        120,
        1.0,
        6,
        5.0,
        4,
    ]
    assert m.prod([], start=7) == 7
    for wrong in (lambda: m.sqrt("x"), lambda: m.comb(2.0, 1), lambda: m.prod(["a"]), lambda: m.dist("ab", "cd")):
        with pytest.raises(TypeError):
            wrong()


@pytest.mark.parametrize(
    "work",
    [
        lambda m: m.comb(10**9, 5 * 10**8),
        lambda m: m.perm(10**7),
        lambda m: m.lcm(*range(10**5, 2 * 10**5)),
        lambda m: m.prod([3**1000] * 700),
        lambda m: m.isqrt(1 << (1 << 22)),
    ],
)
def test_large_results_of_math_are_refused(work: Any) -> None:
    """Bits are estimated before the work starts."""
    with pytest.raises(ValueError, match="bits"):
        work(opened("math"))


def test_statistics_are_python_s() -> None:
    """The numbers are those of `statistics`; only numbers come in."""
    s = opened("statistics")
    data = [3, 1, 4, 1, 5]
    assert [s.mean(data), s.median(data), s.mode(data), s.median_low([1, 2]), s.fmean([1, 2])] == [2.8, 3, 1, 1, 1.5]
    assert s.mean([1, 2, 3]) == 2
    assert s.stdev([1, 2, 3]) == 1.0
    assert s.quantiles([1, 2, 3], n=4) == [1.0, 2.0, 3.0]
    assert s.multimode(["a", "b", "a"]) == ["a"]
    assert s.correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1.0)
    assert s.linear_regression([1, 2], [3, 5]) == (2.0, 1.0)
    assert type(s.linear_regression([1, 2], [3, 5])) is tuple
    assert s.fmean([1, 3], weights=[3, 1]) == 1.5
    for wrong in ([], ["a"], [None], [[1]]):
        with pytest.raises((TypeError, ValueError)):
            s.mean(wrong)
    with pytest.raises(TypeError, match="option"):
        s.quantiles([1, 2], n=10**9)


@pytest.mark.parametrize("name", ["mean", "variance", "median", "multimode", "fmean"])
def test_statistics_end_at_the_deadline(name: str) -> None:
    """Python's own loops over the data look at the meter."""
    environment = FakeEnvironment(limits=Limits(timeout=0.05))
    function = getattr(open_facade(environment, "statistics"), name)
    data = [1.5, 2.5] * 1_500_000
    assert isinstance(call(environment.meter, function, data), DanaTimeoutError)


# -- random ----------------------------------------------------------------------------------------


def test_random_is_the_context_s_own() -> None:
    """A seed repeats; the host's generator is neither read nor changed; contexts do not share."""
    random.seed(1)
    expected = random.Random(1).random()
    first, second = opened("random"), opened("random")
    first.seed(7)
    second.seed(7)
    drawn = [
        first.random(),
        first.randint(1, 10**9),
        first.choice("abc"),
        first.sample(range(10**9), 3),
        first.gauss(0, 1),
    ]
    again = [
        second.random(),
        second.randint(1, 10**9),
        second.choice("abc"),
        second.sample(range(10**9), 3),
        second.gauss(0, 1),
    ]
    assert drawn == again
    assert random.random() == expected


def test_random_draws_are_right() -> None:
    """Shuffles keep the items, samples have no item twice, choices follow the weights."""
    r = opened("random")
    r.seed("fixed")
    items = list(range(10_000))
    r.shuffle(items)
    assert items != sorted(items)
    assert sorted(items) == list(range(10_000))
    assert len(set(r.sample(range(20_000), 10_000))) == 10_000
    assert r.choices("ab", weights=[0, 1], k=5) == ["b"] * 5
    assert len(r.choices([1, 2, 3], k=10_000)) == 10_000
    assert 1 <= r.randrange(1, 5) < 5
    for wrong in (lambda: r.choice({1}), lambda: r.sample([1], -1), lambda: r.seed([]), lambda: r.randint("1", 2)):
        with pytest.raises((TypeError, ValueError)):
            wrong()
    with pytest.raises(ValueError, match="larger"):
        r.sample([1], 2)
    with pytest.raises(IndexError):
        r.choice([])


@pytest.mark.parametrize("work", [lambda r: r.choices([1], k=10**12), lambda r: r.sample(range(10**12), 10**11)])
def test_random_results_are_measured(work: Any) -> None:
    """Huge draws are refused before they are made."""
    environment = FakeEnvironment(limits=Limits(memory=10**8))
    assert isinstance(call(environment.meter, work, open_facade(environment, "random")), DanaMemoryError)


# -- json ------------------------------------------------------------------------------------------


def test_json_is_python_s() -> None:
    """Text and values as `json` gives them."""
    j = opened("json")
    value = {"b": [1, None, "é"], "a": {"x": 1.5}}
    assert j.dumps(value) == json.dumps(value)
    assert j.dumps(value, indent=2, sort_keys=True) == json.dumps(value, indent=2, sort_keys=True)
    assert j.dumps(value, ensure_ascii=False) == json.dumps(value, ensure_ascii=False)
    assert j.loads(j.dumps(value)) == value
    for wrong in ("{", "[" * 100_000, 5):
        with pytest.raises((ValueError, TypeError)):
            j.loads(wrong)
    with pytest.raises(TypeError):
        j.dumps({1, 2})


# -- datetime, decimal, fractions ------------------------------------------------------------------


def test_dates_compute() -> None:
    """Dates, times and durations with Python's operators and attributes."""
    d = opened("datetime")
    start = d.datetime(2024, 2, 28, 12, 30)
    later = start + d.timedelta(days=2)
    assert str(later) == "2024-03-01 12:30:00"
    assert (later - start).days == 2
    assert (later - start).total_seconds() == 172_800.0
    assert start < later
    assert start == d.datetime.fromisoformat("2024-02-28T12:30")
    assert [later.year, later.month, later.weekday(), later.strftime("%d.%m.%Y")] == [2024, 3, 4, "01.03.2024"]
    assert later.isocalendar() == (2024, 9, 5)
    assert str(later.date()) == "2024-03-01"
    assert str(d.date(2024, 1, 1) - d.timedelta(days=1)) == "2023-12-31"
    assert d.datetime.strptime("1.2.2024", "%d.%m.%Y") == d.datetime(2024, 2, 1)
    assert d.datetime.now(d.UTC).tzinfo == d.timezone.utc
    assert (
        str(d.datetime(2024, 1, 1, tzinfo=d.UTC).astimezone(d.timezone(d.timedelta(hours=2))))
        == "2024-01-01 02:00:00+02:00"
    )
    assert {start: 1}[d.datetime(2024, 2, 28, 12, 30)] == 1
    assert d.datetime._accepts_(start)
    assert not d.datetime._accepts_(5)
    assert start != 5


def test_frozen_values_are_opaque() -> None:
    """Python's object is out of reach: no slot, no class method of its own, no write, no foreign argument."""
    d = opened("datetime")
    moment = d.datetime(2024, 1, 1)
    for attribute in ("min", "now", "fromtimestamp", "dst"):
        assert not hasattr(moment, attribute)
    public = {name for name in dir(moment) if not name.startswith("_")}
    assert {"year", "isoformat"} <= public
    with pytest.raises(AttributeError, match="cannot be changed"):
        moment.year = 5
    for wrong in (
        lambda: d.datetime("x", [], {}),
        lambda: moment.strftime("x" * 2000),
        lambda: moment + "1",
        lambda: moment.replace(year=[]),
    ):
        with pytest.raises((TypeError, ValueError)):
            wrong()
    assert pickle.loads(pickle.dumps(moment)) == moment
    with pytest.raises(TypeError, match="no value of Dana"):
        wrap(object())


def test_frozen_values_cross_the_border() -> None:
    """A host gets the object itself, and its objects become frozen values by exact type."""
    import datetime

    moment = datetime.datetime(2024, 1, 1)
    frozen = from_host(moment)
    assert frozen is not None
    assert to_host(frozen) is moment

    class Special(datetime.datetime):
        pass

    assert from_host(Special(2024, 1, 1)) is None
    assert from_host("x") is None


def test_decimals_compute_and_stay_short() -> None:
    """28 digits, Python's results, and no number that turns into a billion digits."""
    make = opened("decimal").Decimal
    assert str(make("0.1") + make("0.2")) == "0.3"
    assert str(make(1) / 3) == "0.3333333333333333333333333333"
    assert str(2 * make("1.50") - 1) == "2.00"
    assert [int(make("7.9")), float(make("0.5")), make("2") ** 3 == 8, make(1) < 2] == [7, 0.5, True, True]
    assert str(make("2.345").quantize(make("0.01"), "ROUND_HALF_UP")) == "2.35"
    assert str(round(make("2.345"), 1)) == "2.3"
    assert str(make("2").sqrt())[:6] == "1.4142"
    assert str(abs(-make("1.5"))) == "1.5"
    for text in ("1E+1000000", "nan", "inf", "x", ""):
        with pytest.raises(ValueError, match="not a decimal number"):
            make(text)
    with pytest.raises(ValueError, match="arithmetic"):
        _ = make(10) ** 5000
    with pytest.raises(ZeroDivisionError):
        _ = make(1) / 0
    with pytest.raises(TypeError):
        _ = make(1) + 0.5


def test_fractions_compute_and_stay_small() -> None:
    """Exact results; each operation counts bits."""
    make = opened("fractions").Fraction
    assert str(make(1, 3) + make("1/6")) == "1/2"
    assert (make(1, 2) * 2 == 1, make(3, 4).numerator, int(make(7, 2)), float(make(1, 2))) == (True, 3, 3, 0.5)
    assert str(make(2, 3) ** 2) == "4/9"
    assert str(make(0.5)) == "1/2"
    value = make(3, 2)
    for _ in range(12):
        value = value * value
    with pytest.raises(ValueError, match="bits"):
        _ = value * value
    for wrong in (lambda: make("1e999999999"), lambda: make(1, 0), lambda: make(2, 3) ** 10**9, lambda: make([])):
        with pytest.raises((ValueError, ZeroDivisionError, TypeError)):
            wrong()


# -- iterators and functions -----------------------------------------------------------------------


def test_itertools_are_python_s() -> None:
    """Items as `itertools` gives them, in flat iterators; groups are lists."""
    i = opened("itertools")
    made = {
        "count": i.islice(i.count(5, 2), 3), "cycle": i.islice(i.cycle("ab"), 3), "repeat": i.repeat(1, 2),
        "chain": i.chain([1], (2,)), "from": i.chain_from_iterable([[1], [], [2]]), "pairwise": i.pairwise("abc"),
        "takewhile": i.takewhile(lambda x: x < 2, [1, 2, 1]), "dropwhile": i.dropwhile(lambda x: x < 2, [1, 2, 1]),
        "filterfalse": i.filterfalse(None, [0, 1]), "compress": i.compress("abc", [1, 0, 1]),
        "accumulate": i.accumulate([1, 2, 3]), "starmap": i.starmap(pow, [(2, 3)]), "groupby": i.groupby("aab"),
        "permutations": i.permutations([1, 2]), "combinations": i.combinations("abc", 2),
        "product": i.product("ab", repeat=2), "batched": i.batched("abc", 2),
        "zip_longest": i.zip_longest("a", "bc", fillvalue=0),
    }  # fmt: skip
    assert all(type(value) is FlatIterator for value in made.values())
    assert {name: list(value) for name, value in made.items()} == {
        "count": [5, 7, 9], "cycle": ["a", "b", "a"], "repeat": [1, 1], "chain": [1, 2], "from": [1, 2],
        "pairwise": [("a", "b"), ("b", "c")], "takewhile": [1], "dropwhile": [2, 1], "filterfalse": [0],
        "compress": ["a", "c"], "accumulate": [1, 3, 6], "starmap": [8], "groupby": [("a", ["a", "a"]), ("b", ["b"])],
        "permutations": [(1, 2), (2, 1)], "combinations": [("a", "b"), ("a", "c"), ("b", "c")],
        "product": [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")], "batched": [("a", "b"), ("c",)],
        "zip_longest": [("a", "b"), (0, "c")],
    }  # fmt: skip


@pytest.mark.parametrize(
    "work",
    [
        lambda i: "".join(i.cycle("ab")),
        lambda i: set(i.cycle("ab")),
        lambda i: max(i.repeat(1)),
        lambda i: list(i.islice(i.count(), 10**9 - 1, 10**9)),
        lambda i: list(i.filterfalse(None, i.repeat(1))),
        lambda i: list(i.dropwhile(bool, i.repeat(1))),
        lambda i: list(i.compress(i.count(), i.repeat(0))),
        lambda i: list(i.chain_from_iterable(i.repeat(()))),
        lambda i: set(i.accumulate(i.repeat(0))),
        lambda i: list(i.groupby(i.repeat(1))),
        lambda i: any(map(sum, i.product([0], repeat=3000))) or any(map(any, i.permutations([0] * 12))),
    ],
)
def test_endless_iterators_end_at_the_deadline(work: Any) -> None:
    """Also where C code reads them, and where nothing ever comes out."""
    environment = FakeEnvironment(["python:itertools"], limits=Limits(timeout=0.05))
    assert isinstance(call(environment.meter, work, open_facade(environment, "itertools")), DanaTimeoutError)


def test_functools_are_closures() -> None:
    """``reduce`` and ``partial`` work, and ``partial`` shows neither function nor arguments."""
    f = opened("functools")
    assert f.reduce(lambda a, b: a + b, [1, 2, 3], 10) == 16
    assert f.reduce(lambda a, b: a * b, range(1, 5)) == 24
    with pytest.raises(TypeError, match="no items"):
        f.reduce(lambda a, b: a, [])
    given = f.partial(lambda a, b=0, **more: (a, b, more), 1, c=3)
    assert given(2) == (1, 2, {"c": 3})
    assert not hasattr(given, "func")
    assert not hasattr(given, "args")


def test_collections_are_plain() -> None:
    """Counts and groups are dicts."""
    c = opened("collections")
    counts = c.Counter("abracadabra")
    assert type(counts) is dict
    assert c.most_common(counts, 2) == [("a", 5), ("b", 2)]
    assert c.group([1, 2, 3], lambda x: x % 2) == {1: [1, 3], 0: [2]}


# -- text ------------------------------------------------------------------------------------------


def test_text_modules() -> None:
    """Digests, encodings, paragraphs, characters and identifiers."""
    import hashlib

    assert opened("hashlib").sha256("é").hexdigest() == hashlib.sha256("é".encode()).hexdigest()
    b = opened("base64")
    assert b.b64decode(b.b64encode("é")) == "é"
    assert opened("textwrap").fill("a b c", 3) == "a b\nc"
    assert opened("textwrap").dedent("  a\n  b") == "a\nb"
    u = opened("unicodedata")
    assert (u.normalize("NFD", "é") == "e\u0301", u.name("a"), u.category("A")) == (True, "LATIN SMALL LETTER A", "Lu")
    s = opened("string")
    assert (s.digits, s.capwords("a b")) == ("0123456789", "A B")
    i = opened("uuid")
    assert len({i.uuid4(), i.uuid4()}) == 2
    assert i.uuid5(i.NAMESPACE_DNS, "a") == i.uuid5(i.NAMESPACE_DNS, "a")
    assert i.UUID("{12345678123456781234567812345678}") == "12345678-1234-5678-1234-567812345678"


@pytest.mark.parametrize(
    "work",
    [
        lambda: opened("textwrap").wrap("a" * 300_000),
        lambda: opened("textwrap").fill("a", width=10**9),
        lambda: opened("unicodedata").normalize("NFC", "a" * 300_000),
        lambda: opened("base64").b64decode("a"),
        lambda: opened("base64").b64encode(b"x"),
        lambda: opened("hashlib").sha256(b"x"),
        lambda: opened("uuid").UUID("x"),
        lambda: opened("textwrap").fill(["a"]),
        lambda: opened("string").Template,
        lambda: opened("uuid").getnode,
    ],
)
def test_text_modules_refuse(work: Any) -> None:
    """Long text, bytes, nonsense and what is left out."""
    with pytest.raises((ValueError, TypeError, AttributeError)):
        work()


def test_no_table_lists_what_looks_up_by_name() -> None:
    """Nothing that reads attributes by name, runs text or opens files is in any table."""
    dangerous = {
        "attrgetter",
        "methodcaller",
        "Template",
        "Formatter",
        "namedtuple",
        "load",
        "dump",
        "getnode",
        "open",
        "system",
    }
    for name in NAMES:
        assert not {row.name for row in rows_of(name)} & dangerous
    assert tuple(sorted(facades.FREE)) == facades.FREE
