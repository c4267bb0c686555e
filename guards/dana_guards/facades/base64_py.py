"""``import base64.py``: text to base 64 and back, by way of UTF-8."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any, Final

from dana_guards.facades.members import Member, metered
from dana_guards.limits import Meter


def _parts(meter: Meter, data: bytes, size: int) -> Iterator[bytes]:
    """Short parts: some of the functions are loops in Python, where no stop arrives."""
    for start in range(0, len(data) or 1, size):
        meter.check()
        yield data[start : start + size]


def _encoder(name: str) -> Callable[[Meter], Any]:
    function = getattr(base64, name)

    def make(meter: Meter) -> Any:
        def encode(text: Any) -> str:
            if type(text) is not str:
                raise TypeError(f"{name} needs text, not {type(text).__name__}")
            meter.need(8 * len(text), "the encoded text")
            data = text.encode("utf-8")
            return "".join(str(function(part).decode("ascii")) for part in _parts(meter, data, 15_000))

        return encode

    return make


def _decoder(name: str) -> Callable[[Meter], Any]:
    function = getattr(base64, name)

    def make(meter: Meter) -> Any:
        def decode(text: Any) -> str:
            if type(text) is not str:
                raise TypeError(f"{name} needs text, not {type(text).__name__}")
            meter.need(4 * len(text), "the decoded text")
            try:
                data = text.encode("ascii")
                if b"=" in data[:-8] and name == "b32decode":
                    raise binascii.Error
                parts = _parts(meter, data, 16_000) if name == "b32decode" else (data,)
                return b"".join(function(part) for part in parts).decode("utf-8")
            except (binascii.Error, UnicodeError):
                raise ValueError(f"{name}: this is no encoded text") from None

        return decode

    return make


_WHY = "linear, measured first"
MEMBERS: Final[tuple[Member, ...]] = (
    *(metered(name, _encoder(name), _WHY) for name in ("b64encode", "urlsafe_b64encode", "b32encode", "b16encode")),
    *(metered(name, _decoder(name), _WHY) for name in ("b64decode", "urlsafe_b64decode", "b32decode", "b16decode")),
)
