"""Made-up answers in place of a language model, for tests (8.4, ``DANA_MOCK_LLM=true``).

In: a prompt. Out: always the same text for it. Nothing is sent anywhere.
"""

from __future__ import annotations

from typing import Any, Final

_FACTS: Final = (
    ("2+2", "4"),
    ("2 + 2", "4"),
    ("5*3", "15"),
    ("5 * 3", "15"),
    ("10+20", "30"),
    ("10 + 20", "30"),
    ("capital of france", "Paris"),
    ("sky", "blue"),
)
_AGREES: Final = ("invest", "renewable", "proceed", "continue", "approve")


def answer(prompt: str, options: dict[str, Any]) -> str:
    """The made-up answer; the instruction for a type at the end of the prompt chooses its form."""
    text = prompt.lower()
    if text.endswith("yes or no."):
        return "yes" if any(word in text for word in _AGREES) else "no"
    if text.endswith("one whole number and nothing else."):
        return _first(text, (("planet", "8"), ("days", "365" if "year" in text else "7")), "42")
    if text.endswith("one number and nothing else."):
        return _first(text, (("pi", "3.14159"), ("body temperature", "37.0")), "3.14")
    if text.endswith("a json object and nothing else."):
        return '{"result": "mock_data", "status": "success"}'
    if text.endswith("a json array and nothing else."):
        return '["item1", "item2", "item3"]'
    short = prompt[:100] + ("..." if len(prompt) > 100 else "")
    opening = "This is a mock response. In a real scenario, I would provide a thoughtful answer to: "
    return _first(text, _FACTS, opening + short)


def _first(text: str, rows: tuple[tuple[str, str], ...], otherwise: str) -> str:
    return next((found for word, found in rows if word in text), otherwise)
