"""``import hashlib.py``: digests of text. Dana has no bytes: text goes in as UTF-8, hexadecimal text comes out.

``sha256("a")`` gives a value with ``hexdigest()``, as in Python. Key derivation is left out: its cost is its purpose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

from dana_guards.facades.members import Facade, Member, metered
from dana_guards.limits import Meter

_STEP: Final = 1 << 20


def _digest(name: str) -> Callable[[Meter], Any]:
    def make(meter: Meter) -> Any:
        def digest(text: Any = "") -> Facade:
            if type(text) is not str:
                raise TypeError(f"{name} needs text, not {type(text).__name__}")
            sums = hashlib.new(name, usedforsecurity=False)
            for start in range(0, len(text), _STEP):
                meter.check()
                sums.update(text[start : start + _STEP].encode("utf-8", "surrogatepass"))
            result = sums.hexdigest()
            return Facade(name, {"hexdigest": lambda: result, "name": name, "digest_size": sums.digest_size})

        return digest

    return make


MEMBERS: Final[tuple[Member, ...]] = tuple(
    metered(name, _digest(name), "linear, in steps that look at the meter")
    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "blake2s")
)
