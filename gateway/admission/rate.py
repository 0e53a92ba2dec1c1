"""
How fast one key may send: the generic cell rate algorithm, in this process.

Source: ITU-T I.371, virtual scheduling form. One number per key; memory is
bounded by forgetting the keys that were silent longest.
"""

from __future__ import annotations

from collections import OrderedDict


#: Nobody is refused for what only the arithmetic of floats made early.
ROUNDING_S = 1e-9


class RateLimit:
    """
    Admits *rate_per_s* events a second per key, *burst* at once.

    Args:
        max_keys: Keys remembered; a forgotten key starts fresh.
    """

    def __init__(self, rate_per_s: float, burst: int, max_keys: int = 100_000) -> None:
        self._interval_s = 1.0 / rate_per_s
        self._tolerance_s = self._interval_s * max(burst - 1, 0)
        self._due: OrderedDict[str, float] = OrderedDict()
        self._max_keys = max_keys

    def wait_s(self, key: str, now_s: float) -> float:
        """Count one event of *key*; 0.0 if it may pass, else seconds to wait."""
        due = max(self._due.get(key, now_s), now_s)
        early_s = due - self._tolerance_s - now_s
        if early_s > ROUNDING_S:
            return early_s
        self._due[key] = due + self._interval_s
        self._due.move_to_end(key)
        if len(self._due) > self._max_keys:
            self._due.popitem(last=False)
        return 0.0
