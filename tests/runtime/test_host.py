"""What a host lends to Dana: functions, values, objects behind handles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from opendxa.dana import CapabilityUse, DanaContext, DanaRuntime, DanaRuntimeError, DanaTypeError

Make = Callable[..., DanaContext]


class Account:
    """An object of the host."""

    def __init__(self) -> None:
        self.balance = 10
        self.log: list[str] = []
        self.secret = "s"

    def pay(self, amount: int) -> int:
        """Take something out."""
        self.balance -= amount
        self.log.append(f"pay {amount}")
        return self.balance

    def close(self) -> None:
        """Not for Dana."""
        raise AssertionError


def test_functions_are_called_like_built_ins(make_context: Make) -> None:
    """Keywords and defaults work, arguments and results are converted, modules see them as well."""
    seen: list[Any] = []

    def lookup(key: str, *, default: Any = None, **more: Any) -> Any:
        seen.append((key, default, more))
        return {"a": (1, 2)}.get(key, default)

    context = make_context(functions={"lookup": lookup})
    assert context.eval_dana("lookup('a')") == (1, 2)
    assert context.eval_dana("lookup('b', default=[1], x=2)") == [1]
    assert seen == [("a", None, {}), ("b", [1], {"x": 2})]
    with pytest.raises(DanaTypeError, match="cannot enter"):
        make_context(functions={"bad": lambda: object()}).eval_dana("bad()")


def test_lent_functions_are_values(make_context: Make) -> None:
    """They can be passed on, and the host gets its own function back."""
    context = make_context(functions={"double": lambda x: x * 2})
    assert context.eval_dana("list(map(double, [1, 2]))") == [2, 4]

    def mine() -> None: ...

    context = make_context(functions={"mine": mine})
    assert context.eval_dana("mine") is mine


def test_a_user_name_comes_before_a_lent_one(make_context: Make) -> None:
    """And a lent one before a built-in."""
    context = make_context(functions={"len": lambda x: "lent"})
    assert context.eval_dana("len([1])") == "lent"
    assert context.eval_dana("def len(x):\n    return 'own'\nlen([1])") == "own"


def test_values(make_context: Make) -> None:
    """Plain data is copied in."""
    limits = {"max": [1, 2]}
    context = make_context(objects={"limits": limits})
    limits["max"].append(3)
    assert context.eval_dana("limits['max']") == [1, 2]


def test_handles_show_what_is_listed(context: DanaContext) -> None:
    """Listed attributes and methods work; everything else is not there, and nothing can be written."""
    account = Account()
    context.expose("account", account, attrs=["balance", "log"], methods=["pay"])
    assert context.eval_dana("account.pay(3) + account.balance") == 14
    assert context.eval_dana("account.pay(amount=1)\naccount.log") == ["pay 3", "pay 1"]
    assert context.eval_dana("account") is account
    for source in ("account.secret", "account.close()", "account.balance = 100", "account.pay = 1", "del account.pay"):
        with pytest.raises(DanaRuntimeError, match="AttributeError"):
            context.eval_dana(source)
    assert account.balance == 6


@pytest.mark.parametrize(
    ("name", "attrs", "methods"),
    [
        ("_x", [], []),
        ("a b", [], []),
        ("len", [], []),
        ("x", ["_secret"], []),
        ("x", "balance", []),
        ("x", [], ["nothing"]),
        ("x", [], ["__init__"]),
    ],
)
def test_wrong_exposures(context: DanaContext, name: str, attrs: Any, methods: Any) -> None:
    """A name that Dana could not write or that is a built-in, a private or missing member: ValueError."""
    with pytest.raises(ValueError, match=r"."):
        context.expose(name, Account(), attrs=attrs, methods=methods)


def test_objects_without_names_are_opaque(make_context: Make) -> None:
    """An object in ``objects=`` that is no data can be passed around and nothing else."""
    account = Account()
    context = make_context(objects={"account": account}, functions={"pay": lambda a, n: a.pay(n)})
    assert context.eval_dana("pay(account, 4)") == 6
    with pytest.raises(DanaRuntimeError, match="AttributeError"):
        context.eval_dana("account.balance")


def test_the_host_is_not_interrupted(make_context: Make) -> None:
    """A host function runs to its end; the stop comes when it has returned."""
    import time

    ended: list[bool] = []

    def slow() -> None:
        time.sleep(0.3)
        ended.append(True)

    context = make_context(functions={"slow": slow}, timeout="100ms")
    with pytest.raises(TimeoutError):
        context.eval_dana("try:\n    slow()\nexcept:\n    1\nwhile true:\n    pass")
    assert ended == [True]


def test_bouncing_between_host_and_dana(make_context: Make) -> None:
    """A host function may call back into its context and into others, with their own grants."""
    inner = make_context(allowed_capabilities=["env"])

    def bounce(n: int) -> Any:
        return outer.eval_dana(f"down({n})")

    outer = make_context(functions={"bounce": bounce, "privileged": lambda: inner.eval_dana("1 + 1")})
    outer.eval_dana("def down(n):\n    if n == 0:\n        return privileged()\n    return bounce(n - 1)")
    assert outer.eval_dana("down(5)") == 2
    with pytest.raises(PermissionError):
        outer.eval_dana("privileged()\nget_env('HOME')")


@pytest.mark.parametrize("setting", ["on_print", "on_capability"])
def test_listeners_are_ordinary_functions(make_context: Make, setting: str) -> None:
    """What could not be called, and what nobody would await, is refused where it is given."""

    async def listen(heard: object) -> None:
        """Nobody would await it."""

    for wrong in (3, "print", listen):
        with pytest.raises(ValueError, match=rf"{setting} is"):
            make_context(**{setting: wrong})
    with pytest.raises(ValueError, match="on_capability is"):
        DanaRuntime().tenant("ann").create_context(on_capability=listen)


def test_print_goes_to_the_host(make_context: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """To on_print, or to sys.stdout as it is at the call."""
    lines: list[str] = []
    make_context(on_print=lines.append).eval_dana("print('a', 1)")
    make_context().eval_dana("print('b')")
    assert "".join(lines) == "a 1\n"
    assert capsys.readouterr().out == "b\n"


def test_use_of_capabilities_is_seen(make_context: Make) -> None:
    """``on_capability`` hears of uses and denials."""
    heard: list[CapabilityUse] = []
    context = make_context(on_capability=heard.append)
    with pytest.raises(PermissionError):
        context.eval_dana("read_file('a.txt')")
    assert [(use.capability, use.argument, use.allowed) for use in heard] == [("file_read", "a.txt", False)]
