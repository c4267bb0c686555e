"""Processor time of callables side by side: interleaved, smallest of the repeats.

In: callables that do the same work. Out: seconds for each. Interleaving lets slow phases of a shared machine
hit all variants alike; the smallest repeat is the one that was disturbed least.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

Work = Callable[[], object]
Key = TypeVar("Key", bound=Hashable)


def interleaved(variants: Mapping[Key, Work], repeats: int) -> dict[Key, float]:
    """Smallest processor time of each variant in seconds, over `repeats` rounds of one call each."""
    best = dict.fromkeys(variants, math.inf)
    enabled = gc.isenabled()
    try:
        for _ in range(repeats):
            for name, work in variants.items():
                gc.collect()
                gc.disable()
                start = time.process_time()
                work()
                best[name] = min(best[name], time.process_time() - start)
                gc.enable()
    finally:
        (gc.enable if enabled else gc.disable)()
    return best


def geometric_mean(ratios: Iterable[float]) -> float:
    """The mean that treats twice as slow and twice as fast alike; nan of nothing."""
    values = list(ratios)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan
