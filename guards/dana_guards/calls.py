"""Calls that depend on the value: overloads by the first parameter, and the selector ``case`` in a stage.

In: Dana functions and values. Out: Dana functions and values. Calls that Python makes itself never come here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from dana_guards.type_tokens import TYPE_WORDS, accepts

Function = Callable[..., Any]


def overload(kinds: tuple[Any, ...], function: Function, previous: Function) -> Function:
    """``function`` where the first argument is of one of ``kinds``, else ``previous`` (section 7.3).

    Several functions of one name with different first types answer ``area(x)`` by the type of x, as they do in the
    form ``x.area()``. Where no type fits, the first function that was defined answers: annotations are guides.

    Parameters
    ----------
    kinds : struct classes, interfaces, words such as ``"int"``, and none.
    """
    classes = frozenset(kind for kind in kinds if isinstance(kind, type))
    words = [kind for kind in kinds if type(kind) is str and kind in TYPE_WORDS]
    plain = tuple(TYPE_WORDS[word] for word in words)
    other = tuple(kind for kind in kinds if not isinstance(kind, type) and kind not in words)
    parameter = function.__code__.co_varnames[0]

    def fits(value: Any) -> bool:
        return type(value) in classes or isinstance(value, plain) or any(accepts(kind, value) for kind in other)

    @wraps(function)
    def chosen(*args: Any, **kwargs: Any) -> Any:
        if args:
            return (function if fits(args[0]) else previous)(*args, **kwargs)
        return (function if parameter in kwargs and fits(kwargs[parameter]) else previous)(*args, **kwargs)

    # The chain of earlier functions must not be reachable by a public attribute of the new one.
    del chosen.__wrapped__
    return chosen


def case_stage(value: Any, *parts: Any) -> Any:
    """``case((condition, f), …, default)`` as a stage: what is callable gets the piped value (section 8.7).

    Parameters
    ----------
    value : the piped value.
    parts : pairs of condition and choice, and last a default that is no pair. A callable condition is asked about
        the value; a callable choice is applied to it.

    Raises
    ------
    ValueError : no condition holds and there is no default.
    """
    for part in parts:
        if type(part) in (tuple, list) and len(part) == 2:
            condition, choice = part
            if callable(condition):
                condition = condition(value)
            if not condition:
                continue
        else:
            choice = part
        return choice(value) if callable(choice) else choice
    raise ValueError("case: no condition holds, and there is no default")
