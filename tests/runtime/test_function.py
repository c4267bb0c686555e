"""The function that a host gets: its parameters, its metadata, and the two methods of the meter written out in it."""

from __future__ import annotations

import copy
import hashlib
import inspect
import pickle
import pydoc
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dana_guards.errors import DanaTypeError
from dana_guards.limits import Meter
from opendxa.dana import DanaContext, DanaFunction
from opendxa.dana.function import guide_of, python_annotations

Write = Callable[[str, str], Path]

ENTER_AND_LEAVE = "b565f1ac2301ccae"
"""Digest of the source of `Meter.enter` and `Meter.leave` that `function._ENTER` and `function._LEAVE` repeat."""


def test_the_copy_of_enter_and_leave_is_fresh() -> None:
    """Those methods are written out in every closure: when they change, look at `_ENTER` and `_LEAVE` and then here."""
    text = inspect.getsource(Meter.enter) + inspect.getsource(Meter.leave)
    code = "".join(line.split("#")[0].strip() for line in text.splitlines())
    assert hashlib.sha256(code.encode()).hexdigest()[:16] == ENTER_AND_LEAVE


def test_the_copy_does_the_same(context: DanaContext) -> None:
    """During a call the meter looks as it does after `enter`, and after it as after `leave`."""
    meter_states: list[dict[str, Any]] = []

    def state() -> dict[str, Any]:
        meter = context._meter
        names = ("thread", "host_depth", "stopped", "outer", "timeout", "memory")
        return {name: getattr(meter, name) for name in names} | {"armed": meter.entered > 0, "base": meter.baseline > 0}

    seen = context.eval_dana("def probe(f):\n    return f()\nprobe")
    seen(lambda: meter_states.append(state()))
    after_call = state()
    context._run(lambda: meter_states.append(state()))
    assert meter_states[0] | {"host_depth": 0} == meter_states[1]
    assert state() == after_call
    assert after_call["thread"] is None


def test_metadata(write: Write, context: DanaContext) -> None:
    """Name, module, documentation, signature, annotations, source and the function inside."""
    path = write(
        "m.na",
        'def area(width: float, height: float = 2.0, *more, **named) -> float:\n    """Area."""\n    return 1.0\n',
    )
    area = context.import_module("m").area
    assert isinstance(area, DanaFunction)
    assert (area.__name__, area.__module__, area.__doc__) == ("area", "m", "Area.")
    assert str(inspect.signature(area)) == "(width: float, height: float = 2.0, *more, **named) -> float"
    assert area.__annotations__ == {"width": float, "height": float, "return": float}
    assert inspect.getsource(area) == path.read_text()
    assert inspect.getsourcefile(area) == str(path)
    assert area.__wrapped__(1, 2) == 1.0
    assert context.import_module("m").area is area


def test_source_of_a_text(context: DanaContext) -> None:
    """A function from `eval_dana` has source as well."""
    assert inspect.getsource(context.eval_dana("def f(x):\n    return x\nf")) == "def f(x):\n    return x\n"


def test_all_kinds_of_parameters(context: DanaContext) -> None:
    """Defaults that are expressions, names that are Python keywords, stars: as in Dana."""
    context.eval_dana("def f(a, class = [1], *rest, **named):\n    return [a, class, rest, named]\nn = 3\n")
    f = context.eval_dana("f")
    assert f(1) == [1, [1], (), {}]
    assert f(1, 2, (3,), x=[4]) == [1, 2, ((3,),), {"x": [4]}]
    g = context.eval_dana("def g(a = n * 2, b = none):\n    return [a, b]\ng")
    assert g() == [6, None]
    assert g(b=1) == [6, 1]
    with pytest.raises(TypeError):
        g(1, 2, 3)


def test_pickling(write: Write, make_context: Callable[..., DanaContext]) -> None:
    """A function of a context is not its name: it cannot be pickled, also where Python has a module of that name."""
    path = write("json.na", "def loads(x):\n    return x\ndef once(x):\n    return x\n")
    context = make_context(search_paths=[path.parent])
    module = context.import_module("json")
    made = context.eval_dana("def f(x):\n    return x\nf")
    iterator = context.eval_dana("map(f, [1])")
    for each in (module.loads, module.once, made):
        with pytest.raises(pickle.PicklingError, match="Can't pickle"):
            pickle.dumps(each)
        assert copy.deepcopy(each) is each
    for each in (context, module, iterator):
        for way in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be pickled or copied"):
                way(each)
    assert (made(1), list(iterator)) == (1, [1])


def test_tools_of_python(write: Write, context: DanaContext) -> None:
    """``help``, ``typing.get_type_hints`` and `dir` show what the Dana text says."""
    write("m.na", '"""A module."""\ndef half(x: float, y: int = 2) -> float:\n    """A half."""\n    return x / y\n')
    module = context.import_module("m")
    text = pydoc.render_doc(module.half, renderer=pydoc.plaintext)
    assert "half(x: float, y: int = 2) -> float\n    A half." in text
    assert "A module." in pydoc.render_doc(module, renderer=pydoc.plaintext)
    assert typing.get_type_hints(module.half) == {"x": float, "y": int, "return": float}
    assert {"half", "__file__", "__name__"} <= set(dir(module))
    with pytest.raises(AttributeError, match="did you mean 'half'"):
        module.hafl  # noqa: B018


def test_only_dana_functions_count() -> None:
    """The metaclass is not fooled by look-alikes, and nobody can make one."""
    assert not isinstance(len, DanaFunction)
    assert not isinstance(lambda: 1, DanaFunction)
    assert not isinstance(DanaFunction, DanaFunction)
    with pytest.raises(TypeError):
        DanaFunction()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("int", ("int",)),
        ("list[int | str] | None", ("list", "None")),
        ("dict[str, list[int]]", ("dict",)),
        ("any", None),
        ("int | any", None),
        ("", None),
        (None, None),
    ],
)
def test_guides(text: str | None, words: tuple[str, ...] | None) -> None:
    """The words of an annotation that are tested."""
    guide = guide_of(text)
    assert (None if guide is None else guide.words) == words


def test_annotations_for_python_tools() -> None:
    """Type words become types, other words stay text, and nothing is evaluated but type words."""
    found = python_annotations({"a": "list[int]", "b": "int | None", "c": "Point", "d": "any", "e": "list[Point]"})
    assert found == {"a": list[int], "b": int | None, "c": "Point", "d": Any, "e": "list[Point]"}
    assert python_annotations({"x": "int.__class__", "y": "int[[[", "z": "int int"}) == {
        "x": "int.__class__",
        "y": "int[[[",
        "z": "int int",
    }


@pytest.mark.parametrize("guide", ["", " -> int", " -> any", " -> int | str"])
@pytest.mark.parametrize("number", [-1, 0, 256, 257, 2**70])
def test_small_results_are_results_too(context: DanaContext, guide: str, number: int) -> None:
    """Whether a result is shared or made, it is an int with `as_int`, whatever the function declares."""
    result = context.eval_dana(f"def same(x){guide}:\n    return x\nsame")(number)
    assert result == number
    assert type(result.as_int()) is int
    assert result.as_str() == str(number)


def test_results_of_other_types_than_declared(context: DanaContext) -> None:
    """true fits an int and stays true; none and a wrong scalar are checked before anything is shared."""
    same = context.eval_dana("def same(x) -> int:\n    return x\nsame")
    assert same(True) is True
    for wrong in (None, 1.0, "1"):
        with pytest.raises(DanaTypeError, match="declared to give int"):
            same(wrong)
    listed = context.eval_dana("def listed(x) -> list:\n    return x\nlisted")
    with pytest.raises(DanaTypeError, match="declared to give list"):
        listed(3)
