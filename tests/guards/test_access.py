"""Attribute access where nothing is known at compile time (4.4, 4.5), and what it never gives."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support_structs import declare, function

from dana_guards.access import (
    _delattr_,
    _getattr_,
    _manager_,
    _method_,
    _setattr_,
    bounded_reads,
)
from dana_guards.errors import InternalError, Interrupt
from dana_guards.exceptions import KINDS, message_of
from dana_guards.methods import _receiver_
from dana_guards.structs import TypeRegistry


@pytest.fixture
def types() -> TypeRegistry:
    """The types of one context."""
    return TypeRegistry()


def test_attribute_before_key() -> None:
    """An attribute hides a dict key of the same name; names are in Python's spelling."""
    assert _getattr_({"a": 1}, "a") == 1
    assert _getattr_({"keys": 1}, "keys")
    assert callable(_getattr_({"keys": 1}, "keys"))
    assert _getattr_({"class": 1, "_x": 2}, "class_") == 1
    assert _getattr_({"_x": 2}, "dana_u_x") == 2
    assert _getattr_({"format": 3, "f_x": 4}, "format") == 3
    assert _getattr_({"f_x": 4}, "f_x") == 4


@pytest.mark.parametrize(
    ("value", "name", "message"),
    [
        ({"total": 1}, "totl", "dict has no attribute 'totl'; did you mean 'total'"),
        ("abc", "uper", "str has no attribute 'uper'; did you mean 'upper'"),
        (None, "x", "NoneType has no attribute 'x'"),
        (5, "zzz", r"int has no attribute 'zzz'$"),
    ],
)
def test_unknown_names(value: Any, name: str, message: str) -> None:
    """The error tells the type and the near name."""
    with pytest.raises(AttributeError) as caught:
        _getattr_(value, name)
    assert re.match(message, message_of(caught.value))


HOSTILE: list[Any] = [
    "text", 5, 1.5, True, None, [1], (1,), {1}, {}, range(3), len, function("lambda: 1"), "x".upper,
    KINDS["ValueError"], KINDS["ValueError"]("x"), (value for value in [1]), iter([1]), {}.keys(),
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    "name",
    ["__class__", "__globals__", "__self__", "__dict__", "_x", "gi_frame", "f_back", "f_globals", "tb_frame", "co_code",
     "mro", "mapping", "encode", "to_bytes", "from_bytes", "with_traceback", "fget", "cell_contents", "__traceback__",
     "_exception", "_class", "dana_s_x", "dana_m_x"],
)  # fmt: skip
def test_inside_of_python_is_closed(value: Any, name: str) -> None:
    """No guarded name gives anything, on any kind of value (threat model 5.1)."""
    with pytest.raises(AttributeError):
        _getattr_(value, name)
    with pytest.raises(AttributeError):
        _method_(value, name)


def test_format_is_ours() -> None:
    """``x.format`` is the harmless formatter, also when it is kept and passed on."""
    kept = _getattr_("{} {x}", "format")
    assert kept(1, x=2) == "1 2"
    assert "built-in" not in repr(kept)
    with pytest.raises(ValueError, match="position or a name"):
        _getattr_("{0.__class__}", "format")(1)
    assert _getattr_("{x}", "format_map")({"x": 1}) == "1"


def test_question_comes_before_the_fetch() -> None:
    """A guarded name never runs code of the value, not even a property."""
    ran: list[str] = []

    class Host:
        @property
        def _secret(self) -> int:
            ran.append("property")
            return 1

        def __getattr__(self, name: str) -> int:
            ran.append(name)
            return 1

    for name in ("_secret", "f_back", "format"):
        with pytest.raises(AttributeError):
            _getattr_(Host(), name)
    assert ran == []


def test_members_of_runtime_objects() -> None:
    """A module may export guarded names through the protocol, but never one with an underscore."""

    class Module:
        def _dana_member_(self, name: str) -> Any:
            return {"format": 1, "f_x": 2, "_p": 3}[name] if name != "mro" else self._no(name)

        def _no(self, name: str) -> Any:
            raise AttributeError(name)

    assert _getattr_(Module(), "format") == 1
    assert _getattr_(Module(), "f_x") == 2
    for name in ("_p", "mro"):
        with pytest.raises(AttributeError):
            _getattr_(Module(), name)


def test_fields_with_guarded_names(types: TypeRegistry) -> None:
    """Fields and methods that a program declares may be called format or f_x."""
    struct = declare(types, "S", format=("int", 1), f_x=("int", 2))
    _receiver_((struct,), "mro", function("lambda self: 'own'"))
    s = struct()
    assert (_getattr_(s, "format"), _getattr_(s, "f_x")) == (1, 2)
    assert _method_(s, "mro")() == "own"
    _setattr_(s, "format", 5)
    assert s.format == 5


def test_writes(types: TypeRegistry) -> None:
    """Fields with their check, keys of dicts, nothing else."""
    struct = declare(types, "S", total=("int", 1))
    s = struct()
    _setattr_(s, "total", 2)
    assert s.total == 2
    with pytest.raises(TypeError, match=r"S\.total must be int"):
        _setattr_(s, "total", "x")
    with pytest.raises(AttributeError) as caught:
        _setattr_(s, "totl", 1)
    assert message_of(caught.value) == "Struct[S] has no attribute 'totl'; did you mean 'total'?"
    for name in ("dana_s_total", "__class__", "to_dict"):
        with pytest.raises(AttributeError):
            _setattr_(s, name, 1)
    table: dict[str, Any] = {}
    _setattr_(table, "class_", 1)
    assert table == {"class": 1}
    _delattr_(table, "class_")
    assert table == {}
    with pytest.raises(AttributeError, match="has no attribute 'x'"):
        _delattr_(table, "x")


@pytest.mark.parametrize("value", [5, "x", [1], len, function("lambda: 1"), KINDS["ValueError"], None])
def test_other_values_are_not_written(value: Any) -> None:
    """Attributes of other values are neither set nor deleted."""
    with pytest.raises(AttributeError, match="cannot be set"):
        _setattr_(value, "x", 1)
    with pytest.raises(AttributeError, match="cannot be deleted"):
        _delattr_(value, "x")


def test_method_order(types: TypeRegistry) -> None:
    """Method, attribute, dict-held callable, then the function in scope with the value first."""
    struct = declare(types, "S", size=("int", 1), action=("any", None))
    _receiver_((struct,), "size", function("lambda self: 'method'"))
    _receiver_((struct,), "own", function("lambda self: 'own'"))
    s = struct(action=function("lambda: 'field'"))
    fallback = function("lambda value, *rest: ('fallback', rest)")
    assert s.size == 1
    assert _method_(s, "size")() == "method"
    assert _method_(s, "own", fallback)() == "own"
    assert _method_(s, "action", fallback)() == "field"
    assert _method_(s, "area", fallback)(1, 2) == ("fallback", (1, 2))
    assert _method_({"f": function("lambda n: n + 1")}, "f")(1) == 2
    assert _method_([3], "total", fallback)() == ("fallback", ())
    for value in (None, s, [3]):
        with pytest.raises(AttributeError):
            _method_(value, "nothing")
    with pytest.raises(AttributeError):
        _method_(None, "area", fallback)


def test_delegation(types: TypeRegistry) -> None:
    """Unknown names go to the _fields in order, recursively, for reading, calling and writing."""
    inner = declare(types, "Inner", x=("int", 1), both=("str", "inner"))
    _receiver_((inner,), "twice", function("lambda self: self.x * 2"))
    middle = declare(types, "Middle", dana_u_inner="Inner", both=("str", "middle"))
    outer = declare(types, "Outer", dana_u_middle="Middle", dana_u_table="dict", own=("int", 0))
    o = outer(middle(inner()), {"k": 1})
    assert (o.x, o.both, o.twice()) == (1, "middle", 2)
    assert list(o.keys()) == ["k"]
    _setattr_(o, "x", 7)
    assert o.dana_u_middle.dana_u_inner.x == 7
    _setattr_(o, "k", 2)
    assert o.dana_u_table == {"k": 2}
    with pytest.raises(TypeError, match=r"Inner\.x must be int"):
        _setattr_(o, "x", "bad")
    o.dana_u_middle = middle(inner(9))
    assert o.x == 9
    with pytest.raises(TypeError, match=r"Outer\._middle must be Middle"):
        o.dana_u_middle = 5
    for read in (lambda: o.nothing, lambda: _getattr_(o, "nothing"), lambda: o.__wrapped__):
        with pytest.raises(AttributeError):
            read()


def test_delegation_gives_no_way_in(types: TypeRegistry) -> None:
    """A guarded name stays guarded behind a _field."""
    struct = declare(types, "S", dana_u_text=("str", "{0.__class__}"), dana_u_f=("any", len))
    s = struct()
    for name in ("__self__", "encode", "mro"):
        with pytest.raises(AttributeError):
            _getattr_(s, name)
    with pytest.raises(ValueError, match="position or a name"):
        _getattr_(s, "format")(1)


def test_bounded_reads(types: TypeRegistry) -> None:
    """In the limited profile methods whose cost the arguments decide come in their bounded version."""
    hooks = bounded_reads(lambda value, name: ("bounded", name))
    assert hooks["_getattr_"]("x", "join") == ("bounded", "join")
    assert hooks["_method_"]("x", "ljust", None) == ("bounded", "ljust")
    assert hooks["_method_"]("x", "update", function("lambda value: 'own'"))() == "own"
    assert hooks["_getattr_"]("x", "upper")() == "X"
    types.sized = lambda value, name: ("bounded", name)
    struct = declare(types, "S", dana_u_text=("str", "x"))
    assert struct().join == ("bounded", "join")
    assert struct().upper() == "X"


def test_struct_as_manager(types: TypeRegistry) -> None:
    """``with p as t`` gives the instance and cleans it up, also after an error."""
    done: list[Any] = []
    struct = declare(types, "S", x=("int", 1))
    _receiver_((struct,), "cleanup", function("lambda self: done.append(self.x)", done=done))
    s = struct()
    with _manager_(s) as same:
        assert same is s
    with pytest.raises(ValueError, match="x"), _manager_(s):
        raise ValueError("x")
    assert done == [1, 1]
    plain = declare(types, "Q", x=("int", 1))
    with _manager_(plain()):
        pass


class Host:
    """A manager that wants to suppress everything."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __enter__(self) -> str:
        return "in"

    def __exit__(self, *details: Any) -> bool:
        self.seen.append(details)
        return True


def test_manager_suppresses_errors_but_no_stop() -> None:
    """A true answer of ``__exit__`` keeps a Dana error, never the stop; a traceback is not handed over."""
    host = Host()
    with _manager_(host) as entered:
        assert entered == "in"
        raise ValueError("x")
    assert host.seen[0][0] is ValueError
    assert host.seen[0][2] is None
    with pytest.raises(Interrupt), _manager_(host):
        raise Interrupt(InternalError("stop"))
    with pytest.raises(TypeError, match="with needs"):
        _manager_(5)
