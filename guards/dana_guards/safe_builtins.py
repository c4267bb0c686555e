"""The table of built-in functions: name, function, capability, reason (language section 8).

In: an environment. Out: `make_table(environment)`, name to function, for the namespace of one context. Not done
here: type words and exception names (`type_tokens`, `exceptions`), hooks, what Python's functions do when cut
into steps (`bounded`), what touches the world (`capabilities`).

Every row says why the function may be there. In the ``limited`` profile each is bounded before it starts
(invariant 5); in the ``unlimited`` profile Python's own is taken where it is harmless. A test pins the set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

from dana_guards import bounded, core_library, iterators, output
from dana_guards.errors import DanaSecurityError
from dana_guards.limits import Meter


class Environment(output.Output, Protocol):
    """What a context gives to its guards; the whole of it is `namespace.Environment`."""

    @property
    def policy(self) -> Any:
        """The policy that code of this context was compiled under."""


@dataclass(frozen=True, slots=True)
class Builtin:
    """One row.

    Parameters
    ----------
    name : as Dana spells it.
    make : environment to function; called once for each context.
    needs : the capability, or None.
    why : why a program may have it.
    """

    name: str
    make: Callable[[Any], Any]
    needs: str | None
    why: str


def _same(function: Any) -> Callable[[Environment], Any]:
    """The same function in every context: it keeps nothing and its work is as small as its arguments."""
    return lambda environment: function


def _by_profile(plain: Any, make: Callable[[Meter], Any]) -> Callable[[Environment], Any]:
    """Python's own where nothing is limited, the bounded one elsewhere."""
    return lambda environment: (
        plain if environment.policy.profile == "unlimited" else make(environment.meter)
    )


def _of_one(make: Callable[[Environment], Any], name: str) -> Callable[[Environment], Any]:
    """``basic_sum`` and its like: the same function for exactly one collection."""

    def make_basic(environment: Environment) -> Callable[[Any], Any]:
        function = make(environment)

        def basic(collection: Any) -> Any:
            if type(collection) not in (list, tuple, set, frozenset, range):
                raise TypeError(f"{name} needs a list, tuple or set, not {type(collection).__name__}")
            return function(collection)

        return basic

    return make_basic


_SUM = _by_profile(sum, bounded.make_sum)
_MIN = _by_profile(min, bounded.make_min)
_MAX = _by_profile(max, bounded.make_max)
_BOUNDED = "bounded: its input comes in steps that look at the meter"
_FLAT = "a flat iterator: nested C iterators crash the process"

PURE: Final[tuple[Builtin, ...]] = (
    Builtin("len", _same(len), None, "no effect, constant time"),
    Builtin("abs", _same(abs), None, "no effect, as large as its argument"),
    Builtin("divmod", _same(divmod), None, "no effect, the cost of // and %"),
    Builtin("chr", _same(chr), None, "no effect, one character"),
    Builtin("ord", _same(ord), None, "no effect, one number"),
    Builtin("range", _same(range), None, "a type word; lazy; who takes it apart is bounded"),
    Builtin("round", _by_profile(round, bounded.make_round), None, "bounded: negative digits are compared first"),
    Builtin("sum", _SUM, None, _BOUNDED + "; a range by arithmetic"),
    Builtin("min", _MIN, None, _BOUNDED),
    Builtin("max", _MAX, None, _BOUNDED),
    Builtin("basic_sum", _of_one(_SUM, "basic_sum"), None, "sum of one collection"),
    Builtin("basic_min", _of_one(_MIN, "basic_min"), None, "min of one collection"),
    Builtin("basic_max", _of_one(_MAX, "basic_max"), None, "max of one collection"),
    Builtin("any", _by_profile(any, bounded.make_any), None, _BOUNDED),
    Builtin("all", _by_profile(all, bounded.make_all), None, _BOUNDED),
    Builtin("sorted", _by_profile(sorted, bounded.make_sorted), None, _BOUNDED + "; long lists are merged from blocks"),
    Builtin("enumerate", _by_profile(enumerate, iterators.make_enumerate), None, _FLAT),
    Builtin("reversed", _by_profile(reversed, iterators.make_reversed), None, _FLAT),
    Builtin("zip", _by_profile(zip, iterators.make_zip), None, _FLAT),
    Builtin("map", _by_profile(map, iterators.make_map), None, _FLAT),
    Builtin("filter", _by_profile(filter, iterators.make_filter), None, _FLAT + "; looks at the meter"),
)

CORE: Final[tuple[Builtin, ...]] = (
    Builtin("sum_range", _same(core_library.sum_range), None, "arithmetic, no loop"),
    Builtin("is_odd", _same(core_library.is_odd), None, "arithmetic"),
    Builtin("is_even", _same(core_library.is_even), None, "arithmetic"),
    Builtin(
        "factorial",
        _by_profile(core_library.plain_factorial, core_library.make_factorial),
        None,
        "bounded: the size is estimated, and it is made in steps",
    ),
    Builtin(
        "capitalize_words",
        lambda environment: core_library.make_title(environment.meter, "capitalize_words"),
        None,
        "text as long as its argument",
    ),
    Builtin(
        "title_case",
        lambda environment: core_library.make_title(environment.meter, "title_case"),
        None,
        "text as long as its argument",
    ),
    Builtin("noop", _same(core_library.noop), None, "gives its argument back"),
    *(
        Builtin(f"add_{word}", _same(core_library.make_add(step)), None, "one addition")
        for step, word in enumerate(("one", "two", "three", "four"), 1)
    ),
    Builtin("case", _same(core_library.case), None, "calls functions of the program"),
    Builtin("log_calls", core_library.make_log_calls, None, "calls a function of the program, prints"),
    Builtin("log_with_prefix", core_library.make_log_with_prefix, None, "calls a function of the program, prints"),
    Builtin("repeat", core_library.make_repeat, None, "calls a function of the program; looks at the meter"),
    Builtin("validate_args", _same(core_library.validate_args), None, "calls functions of the program"),
    Builtin("poet", _same(core_library.poet), None, "gives the function back"),
    Builtin("poet_decorator", _same(core_library.poet), None, "gives the function back"),
    Builtin("poet_call", _same(core_library.poet_call), None, "calls a function of the program"),
    Builtin("apply_poet", _same(core_library.apply_poet), None, "gives the function back"),
    Builtin("print", output.make_print, None, "counted; goes where the host says"),
)

CONSTRUCTORS: Final[tuple[Builtin, ...]] = (
    Builtin("int", _by_profile(int, bounded.make_int), None, "bounded: digits are counted first"),
    Builtin("float", _same(float), None, "linear in its argument"),
    Builtin("list", _by_profile(list, bounded.make_list), None, _BOUNDED + "; measured first"),
    Builtin("tuple", _by_profile(tuple, bounded.make_tuple), None, _BOUNDED + "; measured first"),
    Builtin("set", _by_profile(set, bounded.make_set), None, _BOUNDED + "; short steps, as colliding ints are slow"),
    Builtin(
        "frozenset",
        _by_profile(frozenset, lambda meter: bounded.make_set(meter, frozenset)),
        None,
        _BOUNDED + "; short steps, as colliding ints are slow",
    ),
    Builtin("dict", _by_profile(dict, bounded.make_dict), None, _BOUNDED + "; short steps, as colliding ints are slow"),
)
"""What stands behind the type words: `type_tokens` makes them callable tokens."""

REFUSED: Final[dict[str, str]] = {
    "__import__": "it loads Python modules; write `import math.py`",
    "ascii": 'it shows Python\'s inside of values; write f"{value!a}"',
    "bin": 'write f"{number:b}"',
    "bytes": "Dana has no bytes; use text",
    "bytearray": "Dana has no bytes; use text",
    "breakpoint": "it stops the host",
    "callable": 'write isinstance(value, "function")',
    "classmethod": "Dana has no classes; use a struct and functions with a receiver",
    "compile": "it makes code from text",
    "delattr": "it takes names as text; use a dict and `del d[key]`",
    "dir": "it lists Python's inside of values",
    "eval": "it runs text as code; use a dict of functions",
    "exec": "it runs text as code; use a dict of functions",
    "exit": "it ends the host; use return, or raise an error",
    "format": 'write f"{value:spec}"',
    "getattr": "it takes names as text; use a dict, or value.name",
    "globals": "it opens Python's namespace; use public: and private:",
    "hasattr": "it takes names as text; use `key in d`, or try and except AttributeError",
    "hash": "it shows addresses; use the value itself as a key",
    "help": "it is for the prompt of Python",
    "hex": 'write f"{number:x}"',
    "id": "it shows addresses; use `is`",
    "input": "it waits at the host's terminal; take parameters, or functions of the host",
    "issubclass": "Dana has no classes; use isinstance(value, Type)",
    "iter": "write a for loop",
    "locals": "it opens Python's namespace; use a dict",
    "memoryview": "Dana has no bytes",
    "next": "write a for loop with break",
    "object": "Dana has no classes; use a struct",
    "oct": 'write f"{number:o}"',
    "open": "it opens files of the host; use read_file and write_file, with a grant",
    "pow": "write a ** b",
    "property": "Dana has no classes; use a function with a receiver",
    "quit": "it ends the host; use return, or raise an error",
    "repr": 'write f"{value!r}"',
    "setattr": "it takes names as text; use a dict, or value.name = v",
    "slice": "write value[a:b]",
    "staticmethod": "Dana has no classes; use a function",
    "super": "Dana has no classes; call the other function by its name",
    "vars": "it opens Python's namespace; use value.to_dict()",
}
"""Names of Python that Dana refuses (8.2), each with the reason or what to write in its place."""


def refusal(name: str) -> str | None:
    """The sentence for a refused name, or None where the name is not one of Python's."""
    why = REFUSED.get(name)
    return None if why is None else f"{name!r} is not part of Dana: {why}"


def _refused(name: str) -> Callable[..., NoReturn]:
    def refused(*arguments: Any, **named: Any) -> NoReturn:
        raise DanaSecurityError(refusal(name) or name)

    return refused


def rows() -> tuple[Builtin, ...]:
    """Every row, the ones of the capabilities included, in the order of the README's table."""
    # Capabilities read this file's row type.
    from dana_guards import capabilities

    return (*PURE, *CONSTRUCTORS, *CORE, *capabilities.rows())


def make_table(environment: Environment) -> dict[str, object]:
    """Every built-in function of one context, refused names included (they raise DanaSecurityError).

    Parameters
    ----------
    environment : policy, meter, grants, output of the context (`namespace.Environment`).
    """
    table: dict[str, object] = {name: _refused(name) for name in REFUSED}
    table.update((row.name, row.make(environment)) for row in rows())
    table["log"], table["log_level"] = output.make_log(environment)
    return table
