"""Functions over one short text, for the facades of text modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

MAX_TEXT: Final = 200_000
"""Characters that one call of these functions looks at: well under a second in all of them."""


def over_text(
    name: str, function: Callable[..., Any], kinds: tuple[type, ...] = (int, str, bool), option: int = MAX_TEXT
) -> Callable[..., Any]:
    """`function` for an exact text of bounded length and small further arguments.

    Parameters
    ----------
    option : characters that a further argument may have; few where it comes back with every line.

    Raises TypeError for other values, ValueError for a longer text or a number beyond 100,000.
    """

    def call(text: Any, /, *more: Any, **options: Any) -> Any:
        for value in (text, *more, *options.values()):
            if type(value) is str and len(value) > MAX_TEXT:
                raise ValueError(f"{name} takes at most {MAX_TEXT} characters")
            if type(value) is int and abs(value) > 100_000:
                raise ValueError(f"{name}: {value} is too large")
        if any(type(each) is str and len(each) > option for each in (*more, *options.values())):
            raise ValueError(f"{name}: an option has at most {option} characters")
        if type(text) is not str or not all(type(each) in kinds for each in (*more, *options.values())):
            raise TypeError(f"{name} needs text and plain options")
        return function(text, *more, **options)

    return call
