"""Methods of texts whose time in C is the product of two lengths, made the sum of them.

In: a text, the method of it, and the arguments; or an argument alone. Out: what the method gives, or the argument that
stands in for it. Where these are called is decided in `dana_guards.size_rewrites`, by way of `dana_guards.size_checks`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

BACKWARDS: Final = 1 << 22
"""Product of the lengths of a text and of what is looked for in it from the end, at which that takes milliseconds."""
CHARACTERS: Final = 256
"""Different characters that ``strip`` takes away."""


class Pieces(Protocol):
    """The part of `size_checks.Room` that is asked here."""

    def pieces(self, left: Any, value: Any) -> Any:
        """Measure a text that will be split."""


def prefixes(room: object, left: object, value: Any) -> Any:
    """What ``startswith`` compares with: a text of a tuple only once, so that memory bounds them."""
    if type(value) is tuple and len(value) > 16 and all(type(each) is str for each in value):
        return tuple(dict.fromkeys(value))
    return value


def characters(room: object, left: object, value: Any) -> Any:
    """The characters that ``strip`` takes away, each only once. ValueError if there are very many."""
    if type(value) is not str or len(value) <= CHARACTERS:
        return value
    different = "".join(dict.fromkeys(value))
    if len(different) > CHARACTERS:
        raise ValueError(f"strip takes at most {CHARACTERS} different characters")
    return different


def first_measured(room: object, text: str, method: Callable[..., Any], *given: Any) -> Any:
    """``strip``, ``startswith`` and their like, taken as a value."""
    if not given:
        return method()
    measure = characters if method.__name__.endswith("strip") else prefixes
    return method(measure(room, None, given[0]), *given[1:])


def found_backwards(room: object, text: str, method: Callable[..., Any], part: Any, *bounds: Any) -> Any:
    """``rfind``, ``rindex``, ``rpartition``: what is long is looked for forwards, in both texts reversed.

    Python's search backwards takes the product of both lengths, its search forwards their sum.
    """
    if type(part) is not str or len(part) < 2 or len(part) * len(text) < BACKWARDS or len(bounds) > 2:
        return method(part, *bounds)
    if not all(type(each) is int or each is None for each in bounds):
        return method(part, *bounds)
    start, end = (*bounds, None, None)[:2]
    first, last, _ = slice(start, end).indices(len(text))
    place = text[first:last][::-1].find(part[::-1])
    found = -1 if place < 0 else last - place - len(part)
    if method.__name__ == "rfind":
        return found
    if method.__name__ == "rindex":
        if found < 0:
            raise ValueError("substring not found")
        return found
    return ("", "", text) if found < 0 else (text[:found], part, text[found + len(part) :])


def split_backwards(room: Pieces, text: str, method: Callable[..., Any], sep: Any = None, maxsplit: Any = -1) -> Any:
    """``rsplit``: as `found_backwards`."""
    room.pieces(None, text)
    if type(sep) is not str or len(sep) < 2 or len(sep) * len(text) < BACKWARDS:
        return method(sep, maxsplit)
    return [piece[::-1] for piece in text[::-1].split(sep[::-1], maxsplit)][::-1]
