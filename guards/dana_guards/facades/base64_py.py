"""``import base64.py``: text to base 64 and back, by way of UTF-8."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

from dana_guards.facades.members import Member, metered
from dana_guards.limits import Meter


def _encoder(name: str) -> Callable[[Meter], Any]:
    function = getattr(base64, name)

    def make(meter: Meter) -> Any:
        def encode(text: Any) -> str:
            if type(text) is not str:
                raise TypeError(f"{name} needs text, not {type(text).__name__}")
            meter.need(8 * len(text), "the encoded text")
            return str(function(text.encode("utf-8")).decode("ascii"))

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
                return str(function(text.encode("ascii")).decode("utf-8"))
            except (binascii.Error, UnicodeError):
                raise ValueError(f"{name}: this is no encoded text") from None

        return decode

    return make


_WHY = "linear, measured first"
MEMBERS: Final[tuple[Member, ...]] = (
    *(metered(name, _encoder(name), _WHY) for name in ("b64encode", "urlsafe_b64encode", "b32encode", "b16encode")),
    *(metered(name, _decoder(name), _WHY) for name in ("b64decode", "urlsafe_b64decode", "b32decode", "b16decode")),
)
