"""Dana functions as Python sees them.

In: the plain Python function that the compiler made of a Dana function. Out: for a context, a closure with the same
parameters that converts arguments, arms the limits, runs the function and converts its result. From ``dana_modules`` a
Dana function needs nothing around it. `DanaFunction` recognises both.

The closure is generated for each shape of signature, because ``*args, **kwargs`` would cost more than the call itself
(docs/decisions/conversion.md). The text that is compiled for it holds parameter names and nothing else of the program.
"""

from __future__ import annotations

import ast
import functools
import inspect
import keyword
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from threading import get_ident
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from dana_guards import watchdog
from dana_guards.errors import DanaTypeError
from dana_guards.spelling import dana_name
from dana_guards.type_tokens import TYPE_WORDS
from opendxa.dana.copying import SCALARS
from opendxa.dana.results import SCALAR_RESULTS, SMALL_RESULTS

if TYPE_CHECKING:
    from opendxa.dana.context import DanaContext

_MARK = "__dana_context__"
_EXACT = frozenset({"int", "float", "str", "bool", "list", "dict", "tuple", "set"})


class _FunctionKind(type):
    """``isinstance(f, DanaFunction)`` for what cannot be a subclass: Python functions are final."""

    def __instancecheck__(cls, value: object) -> bool:
        return type(value) is FunctionType and (_MARK in value.__dict__ or is_plain(value))


class DanaFunction(metaclass=_FunctionKind):
    """A callable Dana function. Never instantiated: ``isinstance(f, DanaFunction)`` tells one.

    Every one answers, beside what Python functions answer (`inspect.signature`, ``__doc__``, `inspect.getsource`):

    * ``f.call_async(...)``: awaitable, the call runs in a thread of the event loop;
    * ``f.map(items)``: an iterator of ``f(item)``, made one by one as they are asked for;
    * ``f.stream(items)``: the same as an async iterator, over a sync or async iterable.
    """

    def __new__(cls) -> DanaFunction:
        raise TypeError("Dana functions come from Dana modules")


def is_plain(value: FunctionType) -> bool:
    """Whether a function is compiled Dana code without a context around it."""
    return "_exception_" in getattr(value, "__builtins__", ())


# -- annotations ------------------------------------------------------------------------------------


class Guide(NamedTuple):
    """An annotation at the border: the type words, any of which must fit."""

    text: str
    words: tuple[str, ...]


def guide_of(annotation: str | None) -> Guide | None:
    """The guide of an annotation as Dana wrote it, None where every value fits."""
    if not annotation:
        return None
    words, depth, start = [], 0, 0
    for at, character in enumerate(annotation + "|"):
        depth += (character == "[") - (character == "]")
        if character == "|" and not depth:
            words.append(annotation[start:at].partition("[")[0].strip())
            start = at + 1
    return None if "any" in words else Guide(annotation, tuple(words))


_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int, bool),
    "float": (float, int, bool),
    "str": (str,),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
    "tuple": (tuple,),
    "set": (set, frozenset),
    "None": (type(None),),
    "none": (type(None),),
    "null": (type(None),),
}


def fits(value: Any, guide: Guide, accepts: Callable[[str, Any], bool | None]) -> bool:
    """Whether a Dana value fits an annotation; names that nobody knows accept everything."""
    for word in guide.words:
        kinds = _KINDS.get(word)
        if kinds is None:
            if accepts(word, value) is not False:
                return True
        elif type(value) in kinds:
            return True
    return False


def type_name(value: Any) -> str:
    """The type of a value, as Dana names it."""
    return "none" if value is None else getattr(type(value), "_dana_type_name_", type(value).__name__)


# -- the closure ------------------------------------------------------------------------------------


class Shape(NamedTuple):
    """What the text of a closure depends on."""

    name: str
    positional: tuple[str, ...]
    keyword_only: tuple[str, ...]
    star: str | None
    double_star: str | None
    defaults: tuple[str, ...]
    guides: tuple[tuple[str, str], ...]
    """Parameter, and the exact type word that needs no further test (``""``: always ask)."""
    returns: str | None
    reentrant: bool
    counted: bool = False
    """The meter counts: it is asked at each entry."""


_SCALAR_WORDS = ("int", "float", "str", "bool")


def _first_word(guide: Guide) -> str:
    return guide.words[0] if guide.words[0] in _SCALAR_WORDS else ""


@functools.lru_cache(maxsize=1024)
def _factory(shape: Shape) -> Callable[..., FunctionType]:
    """Compile the maker of closures of one shape."""
    names = _names()
    head = [f"def make({', '.join(_given(shape))}):", " I_leave = I_state.leave"]
    exec(_on_one_line([*head, *_run_lines(shape), " return run"]), names)
    return names["make"]  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=1024)
def _live_factory(shape: Shape) -> Callable[..., FunctionType]:
    """The same for functions without a closure: they have globals of their own, and can become others (`live`)."""
    code, given = _on_one_line([line[1:] for line in _run_lines(shape)]), _given(shape)

    def make(*values: Any) -> FunctionType:
        names = _names() | dict(zip(given, values, strict=True))
        names["I_leave"] = names["I_state"].leave
        exec(code, names)
        made: FunctionType = names.pop("run")
        return made

    return make


def _names() -> dict[str, Any]:
    """What the text of every closure knows. A parameter may have the name of a built-in, hence our own names."""
    names: dict[str, Any] = {"I_S": SCALARS, "I_ident": get_ident, "I_type": type, "I_tuple": tuple}
    names |= {f"I_{kind.__name__}": result for kind, result in SCALAR_RESULTS.items()}
    names |= {"I_clock": watchdog.clock, "I_watch": watchdog.WATCH, "I_small": SMALL_RESULTS}
    names |= {f"I_is_{kind.__name__}": kind for kind in (int, float, str, bool)}
    names |= {"I_Any": BaseException, "__name__": __name__}
    return names


def _on_one_line(lines: list[str]) -> CodeType:
    """The code of the lines; all on one line, so that `dress` can move all of it to that of the Dana function."""
    tree = ast.parse("\n".join(lines))
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = 1  # type: ignore[attr-defined]
    return compile(tree, "<dana border>", "exec")


def _run_lines(shape: Shape) -> list[str]:
    """The text of the function that the host calls, as it stands in another function."""
    for name in [*shape.positional, *shape.keyword_only, shape.star, shape.double_star]:
        if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
            raise DanaTypeError(f"{name!r} cannot be a parameter")
    lines = [f" def run({_parameters(shape)}):"]
    call = f"I_fn({_arguments(shape)})"
    if shape.reentrant:
        lines += [f"  if I_state.thread == I_ident() and not I_state.host_depth: return {call}"]
    lines += [f"  {line}" for line in _admissions(shape)]
    enter, leave = (_ENTER, _LEAVE) if not shape.counted else (_ENTER_COUNTED, _LEAVE_COUNTED)
    lines += [*enter, "  try:", f"   I_result = {call}"]
    lines += ["  except I_Any as I_error:", "   raise I_fail(I_error, I_outer)", *leave]
    return [*lines, *_result(shape.returns)]


# `Meter.enter` and `Meter.leave` for the outermost entry, written out: two Python calls of the eleven that a call into
# a context would take. A test fails when those methods change, so that these lines are changed with them.
_ENTER = [
    "  I_now = I_clock()",
    "  I_ident_ = I_ident()",
    "  I_slot = I_state.slot",
    "  if I_slot.ident != I_ident_ or I_state.thread is not None:",
    "   I_outer, I_slot = I_state.enter(), None",
    "  else:",
    "   I_state.thread = I_ident_",
    "   I_state.serial = I_now",
    "   I_outer = I_slot.meter",
    "   if I_outer is not None: I_state.outer = I_outer",
    "   I_slot.meter = I_state",
    "   if I_now > I_watch.fresh_until: I_state._sample(I_outer)",
]
_LEAVE = [
    "  if I_state.stopped is not None or I_slot is None:",
    "   I_reason = I_leave(I_outer)",
    "   if I_reason is not None: raise I_stopped(I_reason)",
    "  else:",
    "   I_slot.meter = I_outer",
    "   if I_outer is not None: I_state.outer = None",
    "   I_state.thread = None",
]
_ENTER_COUNTED = ["  I_outer = I_state.enter()"]
_LEAVE_COUNTED = ["  I_reason = I_leave(I_outer)", "  if I_reason is not None: raise I_stopped(I_reason)"]


def _result(returns: str | None) -> list[str]:
    """The lines that check the result and hand it out; one of the declared scalar type is asked for nothing more.

    `returns` is what `Shape.returns` says: None for no annotation, ``""`` for one that has to be asked about always.
    """
    made = {kind: f"return I_{kind}(I_result)" for kind in _SCALAR_WORDS} | {"bool": "return I_result"}
    made["int"] = f"return I_small[I_result] if 0 <= I_result < {len(SMALL_RESULTS)} else I_int(I_result)"
    lines = []
    if returns:
        lines += [f"  if I_type(I_result) is I_is_{returns}: {made.pop(returns)}"]
    if returns is not None:
        lines += ["  I_check_return(I_result)"]
    lines += ["  I_kind = I_type(I_result)"]
    lines += [f"  if I_kind is I_is_{kind}: {made[kind]}" for kind in made]
    return [*lines, "  if I_result is None: return None", "  return I_finish(I_result)"]


def _given(shape: Shape) -> list[str]:
    """The names of what a maker is given."""
    checks = [f"I_check_{name}" for name, _ in shape.guides]
    defaults = [f"I_default_{name}" for name in shape.defaults]
    state = ["I_fn", "I_admit", "I_state", "I_fail", "I_stopped", "I_finish", "I_check_return"]
    return [*state, *checks, *defaults]


def _parameters(shape: Shape) -> str:
    def spelt(name: str) -> str:
        return f"{name}=I_default_{name}" if name in shape.defaults else name

    parts = [spelt(name) for name in shape.positional]
    if shape.star is not None:
        parts.append(f"*{shape.star}")
    elif shape.keyword_only:
        parts.append("*")
    parts += [spelt(name) for name in shape.keyword_only]
    if shape.double_star is not None:
        parts.append(f"**{shape.double_star}")
    return ", ".join(parts)


def _arguments(shape: Shape) -> str:
    parts = list(shape.positional)
    if shape.star is not None:
        parts.append(f"*{shape.star}")
    parts += [f"{name}={name}" for name in shape.keyword_only]
    if shape.double_star is not None:
        parts.append(f"**{shape.double_star}")
    return ", ".join(parts)


def _admissions(shape: Shape) -> Iterator[str]:
    guides = dict(shape.guides)
    for name in (*shape.positional, *shape.keyword_only):
        if shape.reentrant and name == shape.positional[0]:
            continue  # the instance
        fast = guides.get(name)
        test = (
            f"I_type({name}) is not I_is_int and I_type({name}) not in I_S"
            if fast is None
            else f"I_type({name}) is not I_is_{fast}"
            if fast
            else "True"
        )
        if name in shape.defaults:
            # A default that was not given is no value from outside; it may be the compiler's "no argument".
            test += f" and {name} is not I_default_{name}"
        change = f"I_admit({name})" if fast is None else f"I_check_{name}({name})"
        yield f"if {test}: {name} = {change}"
    if shape.star is not None:
        yield f"{shape.star} = I_tuple([I_admit(I_item) for I_item in {shape.star}])"
    if shape.double_star is not None:
        yield f"{shape.double_star} = {{I_key: I_admit(I_item) for I_key, I_item in {shape.double_star}.items()}}"


class Description(NamedTuple):
    """What the manifest knows about a function."""

    annotations: dict[str, str]
    """Parameter (Python name) or ``"return"``, and the type as Dana wrote it."""
    defaults: dict[str, Any]


NOTHING_KNOWN = Description({}, {})


def describe(functions: dict[str, Any], function: FunctionType) -> Description:
    """Annotations of a function from a manifest; nothing if it is another function of that name."""
    code = function.__code__
    known = functions.get(dana_name(function.__name__) or "")
    if known is None:
        return NOTHING_KNOWN
    names = [name for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]]
    params = [param for param in known["params"] if param["kind"] == "plain"]
    if [param["name"] for param in params] != [dana_name(name) for name in names]:
        return NOTHING_KNOWN
    notes = {name: param["type"] for name, param in zip(names, params, strict=True) if param["type"]}
    if known["returns"]:
        notes["return"] = known["returns"]
    return Description(notes, {})


def context_function(
    context: DanaContext,
    target: Callable[..., Any],
    source: FunctionType,
    described: Description = NOTHING_KNOWN,
    *,
    method: bool = False,
    skip_first: bool = False,
) -> FunctionType:
    """The function that a host gets for a Dana function.

    Parameters
    ----------
    target : what is called, the function itself or a struct class.
    source : the plain function that has the signature.
    described : annotations to check.
    method : it stands in a struct class, so Dana code calls it too.
    skip_first : the first parameter of `source` is the instance, which `target` makes itself.
    """
    code = source.__code__
    names = code.co_varnames
    positional = names[: code.co_argcount]
    keyword_only = names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    rest = code.co_argcount + code.co_kwonlyargcount
    star = names[rest] if code.co_flags & inspect.CO_VARARGS else None
    double_star = names[rest + (star is not None)] if code.co_flags & inspect.CO_VARKEYWORDS else None
    given = source.__defaults__ or ()
    defaults = dict(zip(positional[len(positional) - len(given) :], given, strict=True)) | (source.__kwdefaults__ or {})
    positional = positional[1:] if skip_first else positional
    guides = {
        name: guide for name in (*positional, *keyword_only) if (guide := guide_of(described.annotations.get(name)))
    }
    returns = guide_of(described.annotations.get("return"))
    shape = Shape(
        source.__name__,
        positional,
        keyword_only,
        star,
        double_star,
        tuple(name for name in (*positional, *keyword_only) if name in defaults),
        tuple((name, _first_word(guide)) for name, guide in guides.items()),
        None if returns is None else _first_word(returns),
        method,
        context._tally is not None,
    )
    border = context._border
    checks = [_argument_check(context, source, name, guide) for name, guide in guides.items()]
    reloader = context._reloader
    made = (_factory if reloader is None else _live_factory)(shape)(
        target,
        border.admit,
        context._meter,
        context._fail,
        context._stopped,
        border.release_result,
        _return_check(context, source, returns),
        *checks,
        *[defaults[name] for name in shape.defaults],
    )
    made.__dict__["__dana_target__"] = target
    dress(made, source, described, context)
    if reloader is not None:
        reloader.add(made, source.__name__ if method else None)
    return made


def _argument_check(context: DanaContext, source: FunctionType, name: str, guide: Guide) -> Callable[[Any], Any]:
    admit, accepts = context._border.admit, context._accepts

    def check(value: Any) -> Any:
        value = admit(value)
        if not fits(value, guide, accepts):
            shown = dana_name(name) or name
            raise DanaTypeError(
                f"{function_label(source)}: the argument {shown!r} must be {guide.text}, not {type_name(value)}"
            )
        return value

    return check


def _return_check(context: DanaContext, source: FunctionType, guide: Guide | None) -> Callable[[Any], None] | None:
    if guide is None:
        return None
    accepts = context._accepts

    def check(value: Any) -> None:
        if not fits(value, guide, accepts):
            raise DanaTypeError(
                f"{function_label(source)} is declared to give {guide.text}, but gave {type_name(value)}",
                filename=source.__code__.co_filename,
                lineno=source.__code__.co_firstlineno,
            )

    return check


def function_label(source: FunctionType) -> str:
    """A function as messages name it."""
    return f"{dana_name(source.__name__) or 'a lambda'}()"


def dress(made: FunctionType, source: FunctionType, described: Description, context: DanaContext) -> FunctionType:
    """Give a closure the names, documentation and signature of the function it stands for."""
    code = source.__code__
    # Tracebacks and `inspect.getsourcefile` name the Dana function, not the text of the closure.
    made.__code__ = made.__code__.replace(co_filename=code.co_filename, co_firstlineno=code.co_firstlineno)
    made.__name__ = made.__qualname__ = dana_name(source.__name__) or source.__name__
    made.__doc__, made.__module__ = source.__doc__, source.__module__
    annotations = python_annotations(described.annotations)
    made.__annotations__ = annotations
    if not source.__annotations__:
        # `inspect.signature` follows ``__wrapped__``; to the compiled code annotations mean nothing.
        source.__annotations__ = dict(annotations)
    made.__dict__[_MARK] = context
    made.__dict__["__wrapped__"] = source
    made.__dict__["call_async"] = functools.partial(_call_async, made)
    made.__dict__["map"] = functools.partial(map_items, made)
    made.__dict__["stream"] = functools.partial(stream_items, made)
    return made


_PYTHON_TYPES: dict[str, Any] = TYPE_WORDS | {"any": Any, "None": None, "none": None, "null": None}


def python_annotations(written: dict[str, str]) -> dict[str, Any]:
    """Annotations as Python tools want them: real types where Dana's words are Python's, else the text."""
    return {name: PYTHON_TYPES[text] for name, text in written.items()}


class _PythonTypes(dict[str, Any]):
    """Annotation to Python type, made at the first use; bounded, because annotations are text of a program."""

    def __missing__(self, text: str) -> Any:
        found = _python_type(text)
        if len(self) < 1024:
            self[text] = found
        return found


PYTHON_TYPES = _PythonTypes()


def _python_type(text: str) -> Any:
    names = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text))
    if not names <= _PYTHON_TYPES.keys() or not re.fullmatch(r"[A-Za-z0-9_\[\], |]*", text):
        return text
    try:
        return eval(text, {"__builtins__": {}}, dict(_PYTHON_TYPES))
    except (SyntaxError, TypeError, RecursionError, MemoryError):
        return text


def context_of(function: Any) -> DanaContext | None:
    """The context of a context function, None for anything else."""
    return function.__dict__.get(_MARK) if type(function) is FunctionType else None


def _call_async(function: FunctionType, /, *args: Any, **named: Any) -> Any:
    from opendxa.dana.asynchronous import call_async

    return call_async(function, args, named)


def map_items(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """``function(item)`` for each item, made when it is asked for: nothing is read ahead."""
    for item in items:
        yield function(item)


def stream_items(function: Any, items: Any) -> AsyncIterator[Any]:
    """The same as an async iterator; the next item is taken when the last result was."""
    from opendxa.dana.asynchronous import stream

    return stream(function, items)
