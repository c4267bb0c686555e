"""Calls that depend on the value: overloads by the first parameter, and the selector ``case`` in a stage.

In: Dana functions and values. Out: Dana functions and values. Calls that Python makes itself never come here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

Function = Callable[..., Any]


def overload(classes: tuple[type, ...], function: Function, previous: Function) -> Function:
    """``function`` where the first argument is of one of ``classes``, else ``previous`` (section 7.3).

    Several functions of one name with different first types answer ``area(x)`` by the type of x, as they do in the
    form ``x.area()``. An interface or a plain type as class never matches here: the newest function answers then.
    """
    accepted = frozenset(item for item in classes if isinstance(item, type))

    @wraps(function)
    def chosen(*args: Any, **kwargs: Any) -> Any:
        first = args[0] if args else next(iter(kwargs.values()), None)
        return (function if type(first) in accepted else previous)(*args, **kwargs)

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
