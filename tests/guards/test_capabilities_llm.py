"""Language models: the host's provider, listed options, answers as data."""

from __future__ import annotations

from typing import Any

import pytest
from support_environment import table

from dana_guards.capabilities.llm import guessed, shaped
from dana_guards.capabilities.mock_llm import answer as mock


class Provider:
    """Remembers what it was asked."""

    def __init__(self, answer: Any = "fine") -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.model = "a"

    def __call__(self, prompt: str, options: dict[str, Any]) -> Any:
        self.asked.append((prompt, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def set_model(self, name: str | None) -> str:
        self.model = name or self.model
        return self.model


@pytest.fixture(autouse=True)
def _no_mock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DANA_MOCK_LLM", raising=False)
    monkeypatch.delenv("DANA_LLM_AUTO_COERCION", raising=False)


def test_the_prompt_goes_to_the_provider() -> None:
    """``reason`` and ``llm`` send the prompt and the listed options, nothing else."""
    provider = Provider()
    builtins = table("llm", provider=provider)
    assert builtins["reason"]("Hello?", temperature=0.2) == "fine"
    assert builtins["llm"]("Hello?", {"max_tokens": 5}) == "fine"
    assert provider.asked == [("Hello?", {"temperature": 0.2}), ("Hello?", {"max_tokens": 5})]


def test_context_is_what_the_program_names() -> None:
    """``context=`` is added to the prompt; no variable of the program goes along by itself."""
    provider = Provider()
    table("llm", provider=provider)["reason"]("Why?", context={"a": 1})
    assert provider.asked == [('Why?\n\nContext:\n{"a": 1}', {})]


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "http://127.0.0.1:1"},
        {"api_key": "x"},
        {"model": "x"},
        {"provider": "x"},
        {"temprature": 1},
        {"temperature": 3},
        {"temperature": "hot"},
        {"temperature": True},
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"format": "xml"},
        {"system_message": 5},
    ],
)
def test_other_options_are_refused(options: dict[str, Any]) -> None:
    """An option could send the host's key elsewhere; only the listed ones are accepted (threat model 5.8)."""
    provider = Provider()
    builtins = table("llm", provider=provider)
    for name in ("reason", "llm", "context_aware_reason"):
        with pytest.raises((TypeError, ValueError), match=name):
            builtins[name]("Hello?", options)
        with pytest.raises((TypeError, ValueError), match=name):
            builtins[name]("Hello?", **options)
    assert provider.asked == []


@pytest.mark.parametrize("prompt", ["", "  ", None, 5, "x" * 2_000_000])
def test_prompts_are_text(prompt: Any) -> None:
    """An empty or endless prompt is an error and is not sent."""
    provider = Provider()
    with pytest.raises((TypeError, ValueError)):
        table("llm", provider=provider)["reason"](prompt)
    assert provider.asked == []


def test_without_a_provider_the_error_is_clear() -> None:
    """A grant alone makes no model."""
    with pytest.raises(RuntimeError, match="connected no language model"):
        table("llm")["reason"]("Hello?")
    with pytest.raises(RuntimeError, match="host offers none"):
        table("llm")["use"]("mcp")


def test_errors_of_the_provider_keep_their_secrets() -> None:
    """Only the kind of a provider's error is told; its text may hold the key."""
    provider = Provider(OSError("401 for key sk-secret"))
    with pytest.raises(RuntimeError) as caught:
        table("llm", provider=provider)["reason"]("Hello?")
    assert "sk-secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("answer", [None, 5, b"x", ["a"]])
def test_an_answer_is_text(answer: Any) -> None:
    """Anything but text from a provider is an error, so no object of the host comes in."""
    with pytest.raises(RuntimeError, match="no text"):
        table("llm", provider=Provider(answer))["llm"]("Hello?")


def test_a_subclass_of_text_comes_in_as_text() -> None:
    """The closed world has exact types only."""

    class Special(str):
        pass

    assert type(table("llm", provider=Provider(Special("a")))["llm"]("Hello?")) is str


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("42", "int", 42),
        ("so: FINAL_ANSWER: 7", "int", 7),
        ("3.5", "float", 3.5),
        ("yes", "bool", True),
        ("no", "bool", False),
        ('```json\n["a"]\n```', "list", ["a"]),
        ('{"a": 1}', "dict", {"a": 1}),
        ("none of it", "int", "none of it"),
        ("5", "Point", "5"),
        ("5", None, "5"),
    ],
)
def test_typed_answers(text: str, kind: str | None, expected: Any) -> None:
    """The keyword ``dana_type`` converts as a typed assignment does; what does not fit stays text (8.4)."""
    assert shaped(text, kind) == expected


def test_type_instructions_are_added() -> None:
    """The prompt says which form is wanted, and the answer comes in it."""
    provider = Provider("42")
    assert table("llm", provider=provider)["reason"]("How many?", dana_type="int") == 42
    assert provider.asked[0][0] == "How many?\n\nAnswer with exactly one whole number and nothing else."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", True),
        (" No ", False),
        ("4", 4),
        ("2.5", 2.5),
        ("Paris", "Paris"),
        ("1", True),
        ("", ""),
        ("9" * 40, "9" * 40),
    ],
)
def test_untyped_answers(text: str, expected: Any) -> None:
    """Words of agreement and numbers become what they are (8.4)."""
    result = guessed(text)
    assert result == expected
    assert type(result) is type(expected)


def test_json_format() -> None:
    """``format="json"`` parses, and keeps the text where that fails."""
    assert table("llm", provider=Provider('{"a": 1}'))["reason"]("x", format="json") == {"a": 1}
    assert table("llm", provider=Provider("{"))["reason"]("x", format="json") == "{"


def test_mock(monkeypatch: pytest.MonkeyPatch) -> None:
    """``DANA_MOCK_LLM=true`` and ``use_mock`` answer locally, but a grant is needed all the same."""
    assert table("llm")["reason"]("What is 2+2?", use_mock=True) == 4
    assert mock("Tell me", {}).endswith("thoughtful answer to: Tell me")
    monkeypatch.setenv("DANA_MOCK_LLM", "true")
    builtins = table("llm")
    assert builtins["llm"]("the capital of France") == "Paris"
    assert builtins["reason"]("Go on?", dana_type="bool") is False
    assert builtins["reason"]("Shall we invest?", dana_type="bool") is True
    assert builtins["reason"]("Items", dana_type="list") == ["item1", "item2", "item3"]
    with pytest.raises(PermissionError):
        table()["reason"]("What is 2+2?")


def test_set_model() -> None:
    """The provider chooses; one that has no choice says so."""
    provider = Provider()
    choose = table("llm", provider=provider)["set_model"]
    assert choose("b") == "b"
    assert choose() == "b"
    for wrong in ("", 5):
        with pytest.raises(ValueError, match="name of a model"):
            choose(wrong)
    with pytest.raises(RuntimeError, match="fixed"):
        table("llm", provider=lambda prompt, options: "x")["set_model"]("b")
