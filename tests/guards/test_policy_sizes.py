"""Size checks: what one operation may not make is refused before it starts, and honest programs notice nothing."""

from __future__ import annotations

from typing import Any

import policy_support as support
import pytest

from dana_guards.errors import DanaMemoryError, Interrupt
from dana_guards.limits import Limits, Meter
from dana_guards.size_checks import MAX_INTEGER_BITS, plain_hooks, size_hooks

BOMBS = {
    "repeat text": "x = 'a' * n",
    "repeat text from the left": "x = n * 'a'",
    "repeat list": "x = [0] * n",
    "repeat list of unknown": "x = [s] * n",
    "repeat tuple": "x = (0,) * n",
    "repeat augmented": "x = s\nx *= n",
    "repeat list augmented": "x = [0]\nx *= n",
    "repeat expressions": "x = f(s) * f(n)",
    "repeat in a sum": "x = f(s) + f(s) * f(n)",
    "repeat in a sum, of names": "def g(a, b): return a + a * b\nx = g(s, n)",
    "repeat in an augmented sum": "x = s\nx += f(s) * f(n)",
    "repeat in a comprehension": "x = [y * n for y in [s]]",
    "repeat in the iterable of a comprehension": "x = [y for y in f(s) * f(n)]",
    "repeat in a lambda": "x = (lambda: f(s) * f(n))()",
    "repeat in a default": "def g(x=f(s) * f(n)): pass",
    "padding by an argument that rebinds the text": "def g(m):\n a = 'x'\n return a.ljust((a := 10**9 + m % 2))\ng(n)",
    "power": "x = 10 ** n",
    "power of variables": "x = f(n) ** f(n)",
    "power augmented": "x = n\nx **= n",
    "squares": "x = 7\nfor i in range(40): x = x * x",
    "squares augmented": "x = 7\nfor i in range(40): x *= x",
    "powers of two": "x = 7\nfor i in range(40): x = x ** 2",
    "shift": "x = 1 << n",
    "shift augmented": "x = 1\nx <<= n",
    "double text": "x = s\nwhile True: x = x + x",
    "double text augmented": "x = s\nwhile True: x += x",
    "double text by expressions": "x = s\nwhile True: x = f(x) + f(x)",
    "double known text": "x = 'ab'\nwhile True: x = x + x",
    "double list": "x = [0]\nwhile True: x = x + x",
    "double list augmented": "x = [0]\nwhile True: x += x",
    "double list by slice": "x = [0]\nwhile True: x[0:0] = x",
    "double list by display": "x = [0]\nwhile True: x = [*x, *x]",
    "double set display": "x = [0]\nwhile True: x = [*x, *x, *{*x}]",
    "double tuple by call": "def g(*a): return a\nx = (0,)\nwhile True: x = g(*x, *x)",
    "double text by fields": "x = s\nwhile True: x = f'{x}{x}'",
    "double text by percent": "x = s\nwhile True: x = '%s%s' % (x, x)",
    "percent width": "x = '%1000000000d' % 5",
    "percent width of unknown": "x = t % 5",
    "percent width by star": "x = '%*d' % (n, 5)",
    "percent precision": "x = '%.1000000000f' % 1.5",
    "percent augmented": "x = t\nx %= 5",
    "percent by name": "x = '%(k)1000000000d' % {'k': 5}",
    "double by repr": "x = s\nwhile True: x = '%r%r' % (x, x)",
    "unpack range": "x = [*range(n)]",
    "unpack range in a set": "x = {*range(n)}",
    "unpack range in a call": "def g(*a): pass\ng(*range(n))",
    "unpack range to a star": "x, *y = range(n)",
    "range into a list": "x = []\nx += range(n)",
    "range into a slice": "x = []\nx[:] = range(n)",
    "ljust": "x = s.ljust(n)",
    "rjust stored": "g = s.rjust\nx = g(n)",
    "center": "x = s.center(n, 'é')",
    "zfill": "x = s.zfill(n)",
    "expandtabs": "x = '\\t'.expandtabs(n)",
    "expandtabs by keyword": "x = '\\t'.expandtabs(tabsize=n)",
    "replace": "x = s\nwhile True: x = x.replace('a', 'aaaa')",
    "replace nothing": "x = s\nwhile True: x = x.replace('', x)",
    "translate": "x = s\nwhile True: x = x.translate({97: 'aaaaaaaa'})",
    "join": "x = s\nwhile True: x = x.join([x, x, x])",
    "join separators": "x = (s * 1000).join([''] * 10000)",
    "split": "x = (s * 900000).split('a')",
    "extend": "x = []\nx.extend(range(n))",
    "extend itself": "x = [0]\nwhile True: x.extend(x)",
    "fromkeys": "x = {}.fromkeys(range(n))",
    "set update": "x = {1}\nx.update(range(n))",
    "set union": "x = {1}.union(range(n))",
    "set disjoint": "x = {1}.isdisjoint(range(n))",
    "method of a method": "g = [0].extend\ng(range(n))",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("closed", [True, False])
def test_bombs_are_refused(text: str, closed: bool) -> None:
    """A stop that no handler can catch comes before the memory is taken, with evidence and without, in handlers too."""
    head = "n = 10 ** 9\ns = 'a'\nt = '%1000000000d'\nf = lambda x: x\n"
    lines = "\n".join("  " + line for line in text.splitlines())
    inside = f"{head}def bomb():\n{lines}\nwhile True:\n try:\n  bomb()\n except: pass\n finally: pass"
    for program in (head + text, inside):
        with pytest.raises(Interrupt) as caught:
            support.run(program, meter=support.SmallMeter(1_000_000), closed=closed)
        assert isinstance(caught.value.reason, DanaMemoryError)


ORDERED = {
    "failed and was caught": "  try:\n   x < 0\n  except _type_error_: pass\n  x = x + x",
    "in its own handler": "  try:\n   x < 0\n  except _type_error_:\n   x = x + x",
    "not always asked for": "  x or x < 0\n  x = x + x",
    "second part of a chain": "  5 < 3 < x\n  x = x + x",
    "with what is no number": "  x < y\n  x = x + x",
    "of a variable that the other side binds": "  x < len(x := y)\n  y = x + x\n  x = 1",
    "then rebound by a function": "  x < 0\n  g()\n  y = x + x\n  x = 1",
    "equality": "  x == 0\n  x = x + x",
}
"""Text that doubles twenty times beside an order with a number, which shows nothing here."""


@pytest.mark.parametrize("text", ORDERED.values(), ids=ORDERED)
def test_an_order_that_shows_nothing_leaves_the_check(text: str) -> None:
    """Where the comparison is not surely made, or not with a number, the sum is measured."""
    start = "1" if "x = 1" in text else "'aaaa'"
    nested = "\n def g():\n  nonlocal x\n  x = y" if "g()" in text else ""
    program = f"def bomb(x, y):{nested}\n for i in range(20):\n{text}\nbomb({start}, 'aaaa')"
    with pytest.raises(Interrupt):
        support.run(program, meter=support.SmallMeter(1_000_000))


def test_an_order_with_a_number_spares_the_check() -> None:
    """Behind it a sum stays as it is written, and numbers of all kinds add up."""
    text = "def f(x, y):\n    x = x + (y if y < 0 else y)\n    return x"
    assert support.shown(text) == support.shown(text, support.UNLIMITED)
    found = support.run(text + "\nz = [f(1, 2), f(1.5, -2), f(10 ** 30, 1), f(True, True)]")
    assert found["z"] == [3, -0.5, 10**30 + 1, 2]


def test_escapes_of_a_known_text() -> None:
    """``!r`` doubles backslashes at each step: measured also where the type of the text is known."""
    text = "def g():\n    x = '\\\\'\n    while True:\n        x = f'{x!r}'\ng()"
    assert "_text_(x, 'r', '')" in support.shown(text)
    with pytest.raises(Interrupt):
        support.run(text, meter=support.SmallMeter(1_000_000))
    text = "def g():\n    s = 'é'\n    n = 5\n    return f'{s!r}{s}{n:>3}{s!a:>8}{n + 1}'\nx = g()"
    found = support.run(text)
    assert found["x"] == "'é'é  5  '\\xe9'6"


HONEST = {
    "products": ("[x * y for x in (2, 2.5, 10**30) for y in (3, 1.5, True)]", None),
    "sums of products": (
        "[x + y * z for x in (2, 2.5, 10**30) for y in (3, 1.5, 10**30) for z in (7, 0.5, True, 10**30)]", None
    ),
    "sums of repetitions": (
        "[x + [y][0] * [z][0] for x, y, z in (('a', 'b', 2), ([0], 2, [1]), ((), (1,), True))]", None
    ),
    "repetitions": ("['ab' * 3, [0] * 4, 3 * (1,), [1] * -1, [] * 5, 0 * 'x']", None),
    "powers": ("[2 ** 10, 2 ** -1, 2.5 ** 2, 10 ** 20, (-1) ** 10 ** 9, 0 ** 10 ** 9, 1 ** 10 ** 12]", None),
    "shifts": ("[1 << 5, 0 << 10 ** 9, 5 << 300]", None),
    "sums": ("['a' + 'b', [1] + [2], (1,) + (2,), 1 + 2.5, 10 ** 30 + 1]", None),
    "percent": (
        "['%d %5.2f %s %r %%' % (1, 2.5, 'a', 'b'), '%s' % [1], '%(k)s %(k)r' % {'k': 1}, '%s' % {'k': 1}]",
        None,
    ),
    "percent stars": ("['%*d|%.*f' % (5, 1, 2, 1.5), '%-5s|' % 'a', '%c%x' % (65, 255)]", None),
    "remainders": ("[7 % 3, 7.5 % 2, -7 % 3]", None),
    "methods": (
        "['a'.ljust(3), 'a'.center(5, '*'), '5'.zfill(3), 'a\\tb'.expandtabs(), 'aa'.replace('a', 'b', 1)]",
        None,
    ),
    "texts": (
        "[', '.join(['a', 'b']), 'a b'.split(), 'a,b'.split(','), 'abc'.translate({97: 'x', 98: None}), "
        "'a\\nb'.splitlines()]",
        None,
    ),
    "join of others": ("['-'.join(('a', 'b')), '-'.join({'k': 1}), '-'.join('abc')]", None),
    "ranges": ("[5 in range(10), 5.0 in range(10), 'a' in range(10), 3 not in range(2), True in range(2)]", None),
    "range methods": (
        "[range(0, 10, 2).index(4), range(5).count(3), range(5).count('a'), [1, 2].index(2), 'aa'.count('a')]",
        None,
    ),
    "membership": ("['a' in 'abc', 1 in {1: 2}, 1 in {1}, 1 in [1], 1 in (1,), 1 in {1: 2}.keys()]", None),
    "sets": (
        "[sorted({1}.union([2], range(3))), {1}.issubset([1, 2]), {1}.isdisjoint({2}), sorted({1, 2} & {2})]",
        None,
    ),
    "unpacking": ("[*range(3), *'ab', *{'k': 1}, *(1,)]", None),
    "fields": ("[f'{1}{2.5:.1f}{\"a\"!r}', f'{1:>5}{2}', f'{\"a\"}{\"b\"}']", None),
}


@pytest.mark.parametrize(("text", "_"), HONEST.values(), ids=HONEST)
def test_honest_operations_are_as_in_python(text: str, _: None) -> None:
    """With enough room every checked operation gives what Python gives, of values known and unknown."""
    expected = eval(text)
    direct = support.run(f"x = {text}")["x"]
    hidden = "def hide(v): return v\ndef g():\n return " + text
    assert direct == support.run(hidden + "\nx = g()")["x"] == expected
    assert list(map(type, direct)) == list(map(type, expected))


def test_factors_are_evaluated_once_and_in_order() -> None:
    """The tests of a sum of a product stand before it, and change neither order nor number of evaluations."""
    text = "seen = []\ndef f(v):\n    seen.append(v)\n    return v\n"
    for values in ((1, 2, 3), (1.5, 2, 3), (1, 2.5, 3), (1, 2, 3.5), ("a", "b", 2), ("a", 2, "b")):
        found = support.run(f"{text}x = f({values[0]!r}) + f({values[1]!r}) * f({values[2]!r})")
        assert found["seen"] == list(values)
        assert found["x"] == values[0] + values[1] * values[2]


ERRORS = [
    "(lambda a, b, c: a + b * c)('a', 2, 3)",
    "(lambda a, b, c: a + b * c)([1], 'a', 2)",
    "1 + 'a'",
    "'a' + 1",
    "[1] + (1,)",
    "'a' * 'b'",
    "'a' * 1.5",
    "[1] ** 2",
    "1 << 'a'",
    "1 << -1",
    "'%d' % 'a'",
    "'%d'  % ()",
    "'%s' % (1, 2)",
    "'%(k)s' % {}",
    "{} % 2",
    "1 in 5",
    "'a'.ljust('b')",
    "'a'.join([1])",
    "'a'.join(5)",
    "[].extend(5)",
    "range(3).index(9)",
    "'a'.replace(1, 2)",
    "{}.fromkeys(5)",
    "{1}.union(5)",
    "[*5]",
    "(1).ljust",
    "None.sort()",
    "'%y' % 1",
    "'%' % 1",
    "{1}.update(2)",
    "2 ** 'a'",
    "'a'.translate(5)",
    "'a'.expandtabs('b')",
    "[3, 'a'].sort()",
]


@pytest.mark.parametrize("text", ERRORS)
def test_mistakes_stay_mistakes(text: str) -> None:
    """A wrong operation raises the same kind of error as in Python."""
    with pytest.raises(Exception) as expected:  # noqa: PT011 - the kind is what is compared
        eval(text)
    with pytest.raises(type(expected.value)):
        support.run(f"def g(): return {text}\ng()")


def test_lists_grow_in_place() -> None:
    """``+=`` keeps the list that other names hold, and a text that grows is not copied each time."""
    found = support.run("a = [1]\nb = a\na += [2]\na *= 2\na[1:1] = [9]\nc = b is a")
    assert found["b"] == [1, 9, 2, 1, 2]
    assert found["c"] is True


def test_known_types_need_no_tests() -> None:
    """Where the evidence shows that nothing can grow, the operation stays as it was."""
    text = (
        "def f(p):\n    x = 1.5\n    i = 0\n    for k in range(p):\n        x = x * p\n        i = i + k * k % 7\n"
        "        i += k * 3\n    return x + i"
    )
    assert support.shown(text, closed=True) == support.shown(text, support.UNLIMITED, closed=True)
    tested = (
        "def f(x, y):\n    if _type_(x) is not _float_ or _type_(y) is not _float_:\n        return 0\n"
        "    return x * y ** 2 + x % y"
    )
    assert support.shown(tested) == tested


def test_unlimited_has_no_checks() -> None:
    """The other profile leaves every operator and method as it is."""
    text = "x = y * z + w ** v % u << t\nx += y\nx = s.join(y)\nx = [*y, *z]\nx, *y = z\nx = y in z"
    assert support.shown(text, support.UNLIMITED).replace("(y, z)", "y, z") == text


def test_percent_shows_no_addresses() -> None:
    """Values of ``%`` show themselves by texts of ours: no address of a function leaves."""
    found = support.run("def f(): pass\nx = ['%s' % f, '%r' % f, '%s' % [f], '%(k)s' % {'k': f}, '%a' % (f,)]")
    assert not any("0x" in text for text in found["x"])


def test_members_of_a_long_range() -> None:
    """Looking for what is no int in a long range takes no time."""
    text = "r = range(10 ** 13)\nx = ['a' in r, 1.5 in r, None in r, [] in r, 5.0 in r, r.count('a')]\n"
    assert support.run(text)["x"] == [False, False, False, False, True, 0]


def test_members_of_an_iterator() -> None:
    """An iterator is looked through where a stop arrives."""
    meter = support.SmallMeter()
    room = size_hooks(meter)["_room_"]
    assert 2500 in room(None, iter(range(10_000)), "in")
    assert 5 not in room(None, iter([1, 2]), "in")
    assert meter.checks >= 3


def test_the_bound_of_integers() -> None:
    """An int may be large, but not so large that dividing it takes for ever; also where memory is unlimited."""
    hooks = size_hooks(support.SmallMeter(10**18))
    assert hooks["_pow_"](2, MAX_INTEGER_BITS // 4).bit_length() == MAX_INTEGER_BITS // 4 + 1
    for operation in (("_pow_", 2, MAX_INTEGER_BITS), ("_lshift_", 1, MAX_INTEGER_BITS), ("_pow_", 10**300, 10**9)):
        with pytest.raises(Interrupt, match="too large"):
            hooks[operation[0]](*operation[1:])


def test_a_real_meter() -> None:
    """The checks speak the language of the context's meter: the reason is recorded and raised."""
    meter = Meter(Limits(memory=1_000_000_000))
    hooks = size_hooks(meter)
    outer = meter.enter()
    try:
        with pytest.raises(Interrupt, match="repeated"):
            hooks["_mul_"]("a", 10**10)
    finally:
        reason = meter.leave(outer)
    assert isinstance(reason, DanaMemoryError)


@pytest.mark.parametrize(
    "name", ["_mul_", "_pow_", "_lshift_", "_mod_", "_cat_", "_len_", "_room_", "_glue_", "_sized_"]
)
def test_both_profiles_have_every_hook(name: str) -> None:
    """Code of either profile finds every size hook in its built-ins."""
    plain: dict[str, Any] = plain_hooks()
    checked = size_hooks(support.SmallMeter())
    assert set(plain) == set(checked)
    samples = {
        "_lshift_": (1, 3),
        "_len_": ("abc",),
        "_glue_": ("a", "b"),
        "_sized_": ("abc", "upper"),
        "_cat_": ("a", "b"),
    }
    arguments = samples.get(name, (2, 3))
    if name != "_sized_":
        assert plain[name](*arguments) == checked[name](*arguments)
