"""Dana's operators: ``+`` and the comparisons with coercion, semantic truth, ``|`` (4.2, 5.4, 4.8).

In: two values of any type. Out: what Dana's operator gives. The compiler writes the common cases in line and comes
here for the odd pair, so each hook first tells the exact types apart. Not here: size checks (`size_checks`) and typed
assignment (`coercion`).

Only exact ``str``, ``int``, ``float`` and ``bool`` are converted; anything else gets Python's operator, so what a host
object's own operator does is not second-guessed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from dana_guards.iterators import is_stoppable
from dana_guards.type_tokens import union_of
from dana_guards.watchdog import look_for_stop

_FALSE_TEXTS = frozenset(
    {"", "false", "no", "n", "off", "disabled", "inactive", "nah", "nope", "never", "definitely not", "no way"}
    | {"not really", "hardly", "0", "0.0", "0.00", "zero", "none", "null", "empty", "blank", "0.000", "-0", "f", "nil"}
)
_TRUE_TEXTS = frozenset(
    {"true", "yes", "y", "on", "enabled", "active", "yeah", "yep", "sure", "absolutely", "of course", "certainly"}
    | {"indeed", "1", "positive", "good", "ok", "okay", "fine", "correct", "right"}
)
_LONGEST = max(map(len, _FALSE_TEXTS | _TRUE_TEXTS))
#: Rule 2 of 5.4, in the order in which it asks.
_PARTS = (
    (("yes", "sure", "ok", "fine", "good"), True),
    (("no", "nope", "never", "bad", "wrong"), False),
    (("great", "awesome", "perfect", "excellent", "wonderful"), True),
    (("terrible", "awful", "horrible"), False),
)


# -- truth -----------------------------------------------------------------------------------------


def text_truth(text: str) -> bool:
    """Semantic truth of a text by rules 1, 3 and 4 of 5.4: false is what says so, or nothing."""
    text = text.strip()
    # All words of the table are ASCII, and no letter becomes ASCII with another length.
    return len(text) > _LONGEST or text.lower() not in _FALSE_TEXTS


def substring_truth(text: str) -> bool:
    """The same with rule 2, the search for parts of words (``DANA_SEMANTIC_TRUTH=substring``)."""
    text = text.strip().lower()
    if text in _FALSE_TEXTS or text in _TRUE_TEXTS:
        return text in _TRUE_TEXTS
    for parts, truth in _PARTS:
        if any(part in text for part in parts):
            return truth
    return True


def _truth_(value: Any) -> bool:
    """Truth of a condition (5.4): semantic for text, Python's for the rest."""
    if type(value) is str:
        return text_truth(value)
    return True if value else False  # noqa: SIM210 - twice as fast as the call of bool


def _substring_truth(value: Any) -> bool:
    return substring_truth(value) if type(value) is str else bool(value)


# -- plus ------------------------------------------------------------------------------------------


def number_text(value: float) -> str:
    """A number as text inside ``+``: booleans as Dana writes them (4.2, rule 2)."""
    if value is True:
        return "true"
    return "false" if value is False else str(value)


def add_with(cat: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The hook ``_add_``; ``cat`` joins what needs no coercion: Python's ``+``, or one that looks at sizes first."""

    def _add_(a: Any, b: Any) -> Any:
        """``a + b`` (4.2): a number beside a text becomes text, all else is Python's."""
        if type(a) is str:
            if type(b) is int or type(b) is float or type(b) is bool:
                b = number_text(b)
        elif type(b) is str and (type(a) is int or type(a) is float or type(a) is bool):
            a = number_text(a)
        return cat(a, b)

    return _add_


_add_ = add_with(operator.add)


# -- comparisons -----------------------------------------------------------------------------------


def _number_from(text: str, other: float) -> Any:
    """``text`` as the type of ``other``, or None where it is no such number (4.2, rule 3)."""
    try:
        if type(other) is bool:
            return text_truth(text)
        return int(text) if type(other) is int else float(text)
    except ValueError:
        return None


def _matched(a: Any, b: Any) -> tuple[Any, Any]:
    """A text and another value before they are compared: the text as a number, where the other is one (4.2)."""
    if type(a) is str:
        if type(b) is int or type(b) is float or type(b) is bool:
            number = _number_from(a, b)
            return (a if number is None else number), b
    elif type(a) is int or type(a) is float or type(a) is bool:
        number = _number_from(b, a)
        return a, (b if number is None else number)
    return a, b


def _eq_(a: Any, b: Any) -> Any:
    """``a == b``; a text that is no number is unequal to every number."""
    if (type(a) is str) is not (type(b) is str):
        a, b = _matched(a, b)
    return a == b


def _ne_(a: Any, b: Any) -> Any:
    """``a != b``."""
    if (type(a) is str) is not (type(b) is str):
        a, b = _matched(a, b)
    return a != b


def _lt_(a: Any, b: Any) -> Any:
    """``a < b``; raises TypeError for a number and a text that is none, as Python."""
    if (type(a) is str) is not (type(b) is str):
        a, b = _matched(a, b)
    return a < b


def _le_(a: Any, b: Any) -> Any:
    """``a <= b``; errors as ``_lt_``."""
    if (type(a) is str) is not (type(b) is str):
        a, b = _matched(a, b)
    return a <= b


def _gt_(a: Any, b: Any) -> Any:
    """``a > b``; errors as ``_lt_``."""
    if (type(a) is str) is not (type(b) is str):
        a, b = _matched(a, b)
    return a > b


def _ge_(a: Any, b: Any) -> Any:
    """``a >= b``; errors as ``_lt_``."""
    if (type(a) is str) is not (type(b) is str):
        a, b = _matched(a, b)
    return a >= b


# -- the bar ---------------------------------------------------------------------------------------


def _or_(a: Any, b: Any) -> Any:
    """``a | b``: two types give a union, two other callables a composition (``a`` first), the rest Python's ``|``."""
    union = union_of(a, b)
    if union is not None:
        return union
    if callable(a) and callable(b):
        return _compose(a, b)
    return a | b


def _compose(first: Callable[..., Any], second: Callable[..., Any]) -> Callable[..., Any]:
    def composition(*args: Any, **named: Any) -> Any:
        return second(first(*args, **named))

    def built_in_composition(*args: Any, **named: Any) -> Any:
        # ``f = f | f`` sixty times over calls for ever, and no function of the program is there to stop at.
        look_for_stop()
        return second(first(*args, **named))

    if is_stoppable(first) or is_stoppable(second):
        return composition
    built_in_composition.__name__ = built_in_composition.__qualname__ = composition.__name__
    return built_in_composition


# -- the table -------------------------------------------------------------------------------------


def operator_hooks(
    coerce: bool = True, substring: bool = False, cat: Callable[[Any, Any], Any] = operator.add
) -> dict[str, Any]:
    """The operator hooks of one context.

    Parameters
    ----------
    coerce : False where ``DANA_AUTO_COERCION=0`` makes every operator and condition Python's own (4.2, 5.4).
    substring : True where ``DANA_SEMANTIC_TRUTH=substring`` asks for rule 2 of semantic truth.
    cat : how ``_add_`` joins values that need no coercion.
    """
    if not coerce:
        plain = {name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
        return {"_add_": cat, "_truth_": operator.truth, "_or_": _or_} | {f"_{k}_": v for k, v in plain.items()}
    truth = _substring_truth if substring else _truth_
    compare = {"_eq_": _eq_, "_ne_": _ne_, "_lt_": _lt_, "_le_": _le_, "_gt_": _gt_, "_ge_": _ge_}
    return {"_add_": add_with(cat), "_truth_": truth, "_or_": _or_} | compare
