"""The core library in every program (8.6) and the decorators and selectors (8.7).

In: an environment. Out: plain functions under their Dana names. Not done here: which of them a program sees
(`safe_builtins`). Wrappers made here are ordinary closures that call the Dana function they got.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from dana_guards.formatting import text_of
from dana_guards.limits import Meter
from dana_guards.operators import text_truth
from dana_guards.output import Output, make_print
from dana_guards.spelling import shown_name

Function = Callable[..., Any]

_EXACT_NUMBERS: Final = frozenset({int, float, bool})
_SHORT_FACTORIAL: Final = 2000


# -- numbers and text ------------------------------------------------------------------------------


def _whole(name: str, value: Any) -> int:
    """`value` if it is a whole number, else TypeError."""
    if type(value) is not int and type(value) is not bool:
        raise TypeError(f"{name} needs a whole number, not {type(value).__name__}")
    return value


def _number(name: str, value: Any) -> Any:
    if type(value) not in _EXACT_NUMBERS:
        raise TypeError(f"{name} needs a number, not {type(value).__name__}")
    return value


def sum_range(start: Any, end: Any) -> int:
    """Sum of the whole numbers from `start` to `end`, both included; 0 if there is none."""
    first, last = _whole("sum_range", start), _whole("sum_range", end)
    return (first + last) * (last - first + 1) // 2 if last >= first else 0


def is_odd(number: Any) -> bool:
    """Whether a number leaves 1 when it is divided by 2."""
    return bool(_number("is_odd", number) % 2 == 1)


def is_even(number: Any) -> bool:
    """Whether a number can be divided by 2."""
    return bool(_number("is_even", number) % 2 == 0)


def plain_factorial(number: Any) -> int:
    """``factorial(n)`` without limits. ValueError for negative numbers."""
    return math.factorial(_whole("factorial", number))


def make_factorial(meter: Meter) -> Function:
    """``factorial(n)``: the size is known before it is computed, and long ones are made in steps."""

    def factorial(number: Any) -> int:
        whole = _whole("factorial", number)
        if whole <= _SHORT_FACTORIAL:
            return math.factorial(whole)
        meter.need(int(min(whole, 1 << 62) * (math.log2(whole) - 1)) // 8, "the factorial")
        result = math.factorial(_SHORT_FACTORIAL)
        for start in range(_SHORT_FACTORIAL + 1, whole + 1, 64):
            meter.check()
            result *= math.prod(range(start, min(start + 64, whole + 1)))
        return result

    return factorial


def make_title(meter: Meter, name: str) -> Function:
    """``capitalize_words(text)``, ``title_case(text)``: every word with a capital first letter."""

    def title(text: Any) -> str:
        if type(text) is not str:
            raise TypeError(f"{name} needs text, not {type(text).__name__}")
        meter.need(4 * len(text), "the text")
        return text.title()

    return title


def noop(*values: Any) -> Any:
    """Its argument; several as a tuple, none as None."""
    return values[0] if len(values) == 1 else values or None


def make_add(step: int) -> Function:
    """``add_one`` and its like."""

    def add(number: Any) -> Any:
        return _number("add", number) + step

    return add


# -- selectors -------------------------------------------------------------------------------------


def case(*choices: Any, **context: Any) -> Any:
    """``case((condition, choice), ..., default)``: the first choice whose condition holds.

    In a pipeline the value comes first: then conditions and choices that are functions get it. Without a
    value they are called with nothing. A choice that is no function is the result.

    Raises ValueError if nothing matches and there is no default.
    """
    if context.keys() - {"value"}:
        raise TypeError(f"case does not know {sorted(context.keys() - {'value'})[0]!r}")
    arguments: tuple[Any, ...] = tuple(context.values())
    if not arguments and len(choices) > 1 and not _is_choice(choices[0]):
        arguments, choices = choices[:1], choices[1:]
    for place, choice in enumerate(choices):
        if _is_choice(choice):
            condition, result = choice
            if _holds(condition, arguments):
                return _chosen(result, arguments)
        elif place == len(choices) - 1:
            return _chosen(choice, arguments)
        else:
            raise TypeError("case needs pairs (condition, choice), and at most one default at the end")
    raise ValueError("case: no condition holds, and there is no default")


def _is_choice(value: Any) -> bool:
    return type(value) is tuple and len(value) == 2


def _holds(condition: Any, arguments: tuple[Any, ...]) -> bool:
    result = condition(*arguments) if callable(condition) else condition
    return text_truth(result) if type(result) is str else bool(result)


def _chosen(choice: Any, arguments: tuple[Any, ...]) -> Any:
    return choice(*arguments) if callable(choice) else choice


# -- decorators ------------------------------------------------------------------------------------


def name_of(function: Any) -> str:
    """The Dana name of a function, for what decorators print."""
    name = getattr(function, "__name__", None)
    return shown_name(name) if type(name) is str else "function"


def _callable(name: str, function: Any) -> Function:
    if not callable(function):
        raise TypeError(f"{name} decorates a function, not {type(function).__name__}")
    return function  # type: ignore[no-any-return]


def make_log_calls(environment: Output) -> Function:
    """``@log_calls``: prints the call and the result."""
    say = make_print(environment)

    def log_calls(function: Any) -> Function:
        call = _callable("log_calls", function)
        name = name_of(call)

        @wraps(call)
        def logged(*arguments: Any, **named: Any) -> Any:
            say(f"[log_calls] Wrapper called for {name}")
            say(f"Calling {name} with args: {text_of(arguments)}, kwargs: {text_of(named)}")
            result = call(*arguments, **named)
            say(f"{name} returned: {text_of(result)}")
            return result

        return logged

    return log_calls


def make_log_with_prefix(environment: Output) -> Function:
    """``@log_with_prefix(prefix="[LOG]", include_result=true)``, or bare."""
    say = make_print(environment)

    def log_with_prefix(prefix: Any = "[LOG]", include_result: Any = True) -> Function:
        if callable(prefix):
            return log_with_prefix("[LOG]", include_result)(prefix)  # type: ignore[no-any-return]

        def decorate(function: Any) -> Function:
            call = _callable("log_with_prefix", function)
            name = name_of(call)

            @wraps(call)
            def logged(*arguments: Any, **named: Any) -> Any:
                say(f"{text_of(prefix)} Calling {name} with args: {text_of(arguments)}, kwargs: {text_of(named)}")
                result = call(*arguments, **named)
                if include_result:
                    say(f"{text_of(prefix)} {name} returned: {text_of(result)}")
                return result

            return logged

        return decorate

    return log_with_prefix


def make_repeat(environment: Output) -> Function:
    """``@repeat(times)``: calls the function that often; the last result counts."""
    say, meter = make_print(environment), environment.meter

    def repeat(times: Any = 2) -> Function:
        count = _whole("repeat", times)

        def decorate(function: Any) -> Function:
            call = _callable("repeat", function)
            name = name_of(call)

            @wraps(call)
            def repeated(*arguments: Any, **named: Any) -> Any:
                say(f"[repeat] Executing {name} {count} times")
                result = None
                for turn in range(1, count + 1):
                    meter.check()
                    say(f"[repeat] Execution {turn}/{count}")
                    result = call(*arguments, **named)
                return result

            return repeated

        return decorate

    return repeat


def validate_args(**validators: Any) -> Function:
    """``@validate_args(param=test)``: tests arguments that are passed by keyword; ValueError where one fails."""

    def decorate(function: Any) -> Function:
        call = _callable("validate_args", function)

        @wraps(call)
        def validated(*arguments: Any, **named: Any) -> Any:
            for parameter, test in validators.items():
                if parameter in named and not _holds(test, (named[parameter],)):
                    raise ValueError(f"{name_of(call)}: the argument {shown_name(parameter)!r} is not valid")
            return call(*arguments, **named)

        return validated

    return decorate


def poet(*function: Any, **options: Any) -> Any:
    """``@poet(domain=...)``, or bare: the function as it is; the options are for tools that read the source."""
    if len(function) == 1 and callable(function[0]):
        return function[0]
    return lambda call: _callable("poet", call)


def poet_call(function: Any, *arguments: Any, **named: Any) -> Any:
    """Call a function under poet; the result is the function's."""
    return _callable("poet_call", function)(*arguments, **named)


def apply_poet(function: Any, *_options: Any, **_named: Any) -> Function:
    """The function under poet; the same as decorating it."""
    return _callable("apply_poet", function)
