"""The text of a policy: reading TOML with errors that say where, and writing it.

In: a TOML text and the folder that relative folders are seen from. Out: a `DanaPolicy`, or its text. Every key that is
not understood is an error, for a misspelt limit would else be a limit not set. What a policy means is not decided here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, TypeVar

from dana_guards.capabilities import Grant, parse_grant
from dana_guards.limits import parse_size, parse_time
from dana_guards.spelling import did_you_mean
from opendxa.dana.policy import DanaPolicy, check_module, full_grant
from opendxa.dana.runtime import check_isolation

MAX_BYTES: Final = 1_000_000
_TOP: Final = ("allowed_capabilities", "isolation", "limits", "modules")
_LIMITS: Final[dict[str, Callable[[Any], Any]]] = {
    "timeout": parse_time,
    "max_memory": parse_size,
    "max_output": parse_size,
}
_MODULE: Final = ("allowed_capabilities",)
Checked = TypeVar("Checked")


class _Text:
    """A text, and where its errors are."""

    def __init__(self, text: str, name: str) -> None:
        self.lines = text.splitlines()
        self.name = name

    def wrong(self, message: str, *words: str, table: str = "") -> NoReturn:
        """Raise ValueError with the line that has the first of the words, as far as it is found.

        Parameters
        ----------
        table : part of the header behind which the line is.
        """
        raise ValueError(f"{self.name}{self._line(words, table)}: {message}")

    def _line(self, words: tuple[str, ...], table: str) -> str:
        start = 0
        if table:
            start = next((n for n, line in enumerate(self.lines) if line.startswith("[") and table in line), 0)
        for word in words:
            pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
            for number, line in enumerate(self.lines[start:], start + 1):
                if pattern.search(line.partition("#")[0]):
                    return f":{number}"
        return f":{start + 1}" if table else ""

    def checked(self, check: Callable[[Any], Checked], value: Any, key: str, table: str = "") -> Checked:
        """``check(value)``, its ValueError with the place."""
        try:
            return check(value)
        except ValueError as error:
            written = value if isinstance(value, str) else key
            self.wrong(f"{key}: {error}", written, key, table=table)


def load(path: str | os.PathLike[str]) -> DanaPolicy:
    """The policy in a file; see `DanaPolicy.load`."""
    shown = os.fspath(path)
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{shown}: a policy has at most {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"{shown}:{line}: the file is not UTF-8") from None
    return parse(text, shown, os.path.dirname(os.path.realpath(shown)))


def parse(text: str, name: str, folder: str) -> DanaPolicy:
    """The policy in a text.

    Parameters
    ----------
    name : what messages call the text.
    folder : what relative folders are seen from.
    """
    import tomllib

    where = _Text(text, name)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at line (\d+), column \d+\)$", str(error))
        line = f":{found[1]}" if found else ""
        message = str(error)[: found.start()] if found else str(error)
        raise ValueError(f"{name}{line}: this is not TOML: {message}") from None
    except RecursionError:
        raise ValueError(f"{name}: the tables are nested too deep") from None
    _check_keys(where, table, _TOP, "a policy")
    settings: dict[str, Any] = {"isolation": where.checked(check_isolation, table.get("isolation"), "isolation")}
    settings["allowed_capabilities"] = _grants(where, table.get("allowed_capabilities", []), folder)
    limits = _table(where, table, "limits")
    _check_keys(where, limits, tuple(_LIMITS), "[limits]", "limits")
    for key, value in limits.items():
        where.checked(_LIMITS[key], value, key, "limits")
        settings[key] = value
    settings["modules"] = modules = {}
    for module, value in _table(where, table, "modules").items():
        where.checked(check_module, module, "modules")
        if not isinstance(value, dict):
            where.wrong(f'a module is a table: [modules."{module}"]', module, table="modules")
        _check_keys(where, value, _MODULE, f'[modules."{module}"]', module)
        if "allowed_capabilities" not in value:
            where.wrong(f'[modules."{module}"] needs allowed_capabilities; [] is none', module)
        modules[module] = _grants(where, value["allowed_capabilities"], folder, module)
    return where.checked(lambda known: DanaPolicy(**known), settings, "modules")


def _table(where: _Text, table: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        where.wrong(f"{key} is a table: [{key}]", key)
    return value


def _check_keys(where: _Text, table: Mapping[str, Any], known: tuple[str, ...], what: str, header: str = "") -> None:
    for key in table:
        if key not in known:
            # A key of another table is the likelier mistake.
            elsewhere = "; it belongs into [limits]" if key in _LIMITS else did_you_mean(key, known)
            where.wrong(f"{what} has no key {key!r}{elsewhere} (known: {', '.join(known)})", key, table=header)


def _grants(where: _Text, value: Any, folder: str, module: str = "") -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        where.wrong("allowed_capabilities is a list of texts", "allowed_capabilities", table=module)
    return [
        where.checked(lambda text: full_grant(text, folder), item, "allowed_capabilities", module) for item in value
    ]


# -- writing -----------------------------------------------------------------------------------------------------------


def write(
    policy: DanaPolicy, folder: str | os.PathLike[str] | None, notes: Mapping[str, list[str]] | None = None
) -> str:
    """The text of a policy.

    Parameters
    ----------
    folder : see `DanaPolicy.to_toml`.
    notes : comments above grants, by the grant in full.
    """
    base = None if folder is None else os.path.realpath(folder)
    parts = [_list(policy.allowed_capabilities, base, notes or {})]
    if policy.isolation is not None:
        parts.append(f"isolation = {quoted(policy.isolation)}\n")
    limits = {key: getattr(policy, key) for key in _LIMITS if getattr(policy, key) is not None}
    if limits:
        lines = "".join(f"{key} = {quoted(value)}\n" for key, value in limits.items())
        parts.append(f"\n[limits]\n{lines}")
    for module, allowed in policy.modules.items():
        parts.append(f"\n[modules.{quoted(module)}]\n{_list(allowed, base, {})}")
    return "".join(parts)


def _list(allowed: tuple[str, ...], base: str | None, notes: Mapping[str, list[str]]) -> str:
    if not allowed:
        return "allowed_capabilities = []\n"
    lines = []
    for text in allowed:
        lines += [f"    # {comment(note)}" for note in notes.get(text, ())]
        lines.append(f"    {quoted(_seen_from(parse_grant(text), base))},")
    return "allowed_capabilities = [\n" + "\n".join(lines) + "\n]\n"


def _seen_from(grant: Grant, base: str | None) -> str:
    """A grant with its folder as seen from `base`, if it is below."""
    if base is None or grant.scope is None or grant.capability.in_folder is None:
        return grant.full_text
    path = os.path.relpath(grant.spelled, base)
    if path.startswith((os.pardir, "~")) or os.path.isabs(path):
        return grant.full_text
    return f"{grant.capability.name}:{path}"


def quoted(text: str) -> str:
    """A text as TOML writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'


def comment(text: str) -> str:
    """A text that can stand in a comment: on one line."""
    from dana_guards.output import escape_controls

    return escape_controls(text.encode("utf-8", "backslashreplace").decode("utf-8"))
