"""``llm``: questions to a language model that the host provides.

In: a prompt and a few options. Out: what the model answered, as text or as the type that was asked for. The model,
its address and its key are the host's alone: options that a program may give are listed here, only the prompt and
what it names is sent, and an answer is data, never code (threat model 5.8). Not done here: talking to a service.

A provider is anything callable as ``provider(prompt, options) -> str``. If it has ``set_model(name) -> str``, that
chooses the model. With ``DANA_MOCK_LLM=true`` in the environment, or ``use_mock=true``, answers are made up locally
(`mock_llm`), so that programs can be tested.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Final, NoReturn

from dana_guards.capabilities import Capability
from dana_guards.capabilities.files import json_text
from dana_guards.coercion import _coerce_, split_type
from dana_guards.safe_builtins import Builtin
from dana_guards.spelling import did_you_mean

CAPABILITIES: Final = (Capability("llm", "asking a language model"),)

OPTIONS: Final = frozenset({"system_message", "temperature", "max_tokens", "format"})
MAX_PROMPT: Final = 1_000_000

_INSTRUCTIONS: Final = {
    "bool": "Answer with exactly one word: yes or no.",
    "int": "Answer with exactly one whole number and nothing else.",
    "float": "Answer with exactly one number and nothing else.",
    "str": "",
    "list": "Answer with a JSON array and nothing else.",
    "dict": "Answer with a JSON object and nothing else.",
}
_TRUE_WORDS: Final = frozenset({"yes", "true", "correct", "right", "valid", "ok", "okay", "1"})
_FALSE_WORDS: Final = frozenset({"no", "false", "wrong", "0"})


def _options(by: str, options: object, more: dict[str, Any]) -> dict[str, Any]:
    """The options of a call, checked one by one. TypeError or ValueError says what is accepted."""
    if options is not None and type(options) is not dict:
        raise TypeError(f"{by}: options are a dict, not {type(options).__name__}")
    given = {**(options or {}), **more}
    for name in given:
        if name not in OPTIONS:
            near = did_you_mean(str(name), OPTIONS)
            raise TypeError(f"{by} does not know the option {name!r}{near}; there are {', '.join(sorted(OPTIONS))}")
    temperature, tokens = given.get("temperature", 0.7), given.get("max_tokens", 1)
    if type(temperature) not in (int, float) or not 0 <= temperature <= 2:
        raise ValueError(f"{by}: temperature is a number from 0 to 2")
    if type(tokens) is not int or tokens < 1:
        raise ValueError(f"{by}: max_tokens is a positive whole number")
    if given.get("format", "text") not in ("text", "json"):
        raise ValueError(f'{by}: format is "text" or "json"')
    if type(given.get("system_message", "")) is not str:
        raise TypeError(f"{by}: system_message is text")
    return given


def _ask(environment: Any, by: str, prompt: object, options: dict[str, Any], use_mock: object) -> str:
    """Ask the provider. DanaCapabilityError without a grant, RuntimeError without a provider or with a failing one."""
    environment.grants.require("llm", by=by)
    if type(prompt) is not str:
        raise TypeError(f"{by} needs a prompt as text, not {type(prompt).__name__}")
    if not prompt.strip() or len(prompt) > MAX_PROMPT:
        raise ValueError(f"{by} needs a prompt of 1 to {MAX_PROMPT} characters")
    provider = _provider(environment, by, use_mock)
    meter = environment.meter
    try:
        with meter.host():
            answer = provider(prompt, dict(options))
    except Exception as error:
        # Only the kind: the text of a provider's error may hold its key.
        raise RuntimeError(f"{by}: the language model failed ({type(error).__name__})") from None
    if not isinstance(answer, str):
        raise RuntimeError(f"{by}: the language model gave no text")
    meter.need(4 * len(answer), "the answer")
    return str(answer)


def _provider(environment: Any, by: str, use_mock: object) -> Callable[[str, dict[str, Any]], object]:
    if use_mock is None:
        use_mock = os.environ.get("DANA_MOCK_LLM", "").lower() == "true"
    if use_mock:
        from dana_guards.capabilities.mock_llm import answer  # tests only

        return answer
    provider = getattr(environment, "provider", None)
    if provider is None:
        raise RuntimeError(f"{by}: the host has connected no language model (DANA_MOCK_LLM=true makes one up)")
    return provider  # type: ignore[no-any-return]


def shaped(answer: str, type_text: str | None) -> Any:
    """An answer as the type of a typed assignment (8.4); the text itself where it does not fit."""
    if type_text is not None and split_type(type_text)[0].lower() in _INSTRUCTIONS:
        text = answer.rpartition("FINAL_ANSWER:")[2].strip() if "FINAL_ANSWER:" in answer else answer
        try:
            return _coerce_(text, type_text)
        except (TypeError, ValueError):
            return answer
    return answer


def guessed(answer: str) -> Any:
    """An untyped answer: yes and no, whole numbers and numbers as what they are (8.4)."""
    if os.environ.get("DANA_LLM_AUTO_COERCION", "") == "0":
        return answer
    word = answer.strip().lower()
    if word in _TRUE_WORDS or word in _FALSE_WORDS:
        return word in _TRUE_WORDS
    if len(word) > 30:
        return answer
    for convert in (int, float):
        try:
            return convert(word)
        except ValueError:
            continue
    return answer


def _with_context(environment: Any, prompt: Any, context: object) -> Any:
    """The prompt and the data that the program names for it."""
    if context is None or type(prompt) is not str:
        return prompt
    return f"{prompt}\n\nContext:\n{json_text(environment.meter, context)}"


def make_reason(environment: Any, by: str = "reason") -> Callable[..., Any]:
    """``reason(prompt, options=None, use_mock=None, context=None, **options)``.

    The keyword ``dana_type`` is the compiler's: the type that a typed assignment asks for.
    """

    def reason(
        prompt: Any,
        options: Any = None,
        use_mock: Any = None,
        *,
        context: Any = None,
        dana_type: str | None = None,
        **more: Any,
    ) -> Any:
        chosen = _options(by, options, more)
        asked = _with_context(environment, prompt, context)
        word = split_type(dana_type)[0].lower() if dana_type is not None else ""
        if type(asked) is str and _INSTRUCTIONS.get(word):
            asked = f"{asked}\n\n{_INSTRUCTIONS[word]}"
        answer = _ask(environment, by, asked, chosen, use_mock)
        if word in _INSTRUCTIONS:
            return shaped(answer, dana_type)
        if chosen.get("format") == "json":
            try:
                return json.loads(answer)
            except (ValueError, RecursionError):
                return answer
        return guessed(answer)

    return reason


def make_llm(environment: Any) -> Callable[..., str]:
    """``llm(prompt, options=None, use_mock=None, **options)``: the answer as text."""

    def llm(prompt: Any, options: Any = None, use_mock: Any = None, *, context: Any = None, **more: Any) -> str:
        chosen = _options("llm", options, more)
        return _ask(environment, "llm", _with_context(environment, prompt, context), chosen, use_mock)

    return llm


def make_set_model(environment: Any) -> Callable[..., Any]:
    """``set_model(name=None, options=None)``: the model that the provider uses from now on; its name."""

    def set_model(name: Any = None, options: Any = None) -> Any:
        environment.grants.require("llm", by="set_model")
        if name is not None and (type(name) is not str or not name.strip()):
            raise ValueError("set_model needs the name of a model")
        choose = getattr(_provider(environment, "set_model", False), "set_model", None)
        if choose is None:
            raise RuntimeError("set_model: the host has fixed the language model")
        with environment.meter.host():
            return str(choose(name))

    return set_model


def _make_missing(name: str, instead: str) -> Callable[[Any], Callable[..., NoReturn]]:
    """A builtin of the reference that needs services which this runtime leaves to the host."""

    def make(environment: Any) -> Callable[..., NoReturn]:
        def missing(*arguments: Any, **named: Any) -> NoReturn:
            environment.grants.require("llm", by=name)
            raise RuntimeError(f"{name}: the host offers none; {instead}")

        return missing

    return make


_WHY = "sends the prompt to the model of the host"
_OBJECTS = "objects= and functions= of create_context hand services to a program"
ROWS: Final = (
    Builtin("reason", make_reason, "llm", _WHY),
    Builtin("context_aware_reason", lambda environment: make_reason(environment, "context_aware_reason"), "llm", _WHY),
    Builtin("llm", make_llm, "llm", _WHY),
    Builtin("set_model", make_set_model, "llm", "chooses among the models of the host"),
    Builtin("use", _make_missing("use", _OBJECTS), "llm", "refuses: services are the host's to give"),
    Builtin("get_resource", _make_missing("get_resource", _OBJECTS), "llm", "refuses, as use"),
    Builtin("feedback", _make_missing("feedback", _OBJECTS), "llm", "refuses, as use"),
)
