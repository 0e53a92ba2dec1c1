"""
What an answer usually takes: quantiles of the last ones.
"""

from __future__ import annotations

from collections import deque


#: Answers remembered.
KEPT = 128
#: Times the declared duration counts as measured.
PRIOR = 8


class Durations:
    """
    Mean, median and p90 of the latest durations, in seconds.

    Read off once a window by :meth:`refresh`, so that asking costs nothing.

    Args:
        usual_s: The declared duration; stands in while little was measured.
    """

    def __init__(self, usual_s: float) -> None:
        self._kept: deque[float] = deque([usual_s] * PRIOR, maxlen=KEPT)
        self._is_stale = False
        self.mean_s = self.p50_s = self.p90_s = usual_s

    def add(self, took_s: float) -> None:
        """One more answer."""
        self._kept.append(took_s)
        self._is_stale = True

    def refresh(self) -> None:
        """Bring the figures up to date."""
        if not self._is_stale:
            return
        order = sorted(self._kept)
        self.mean_s = sum(order) / len(order)
        self.p50_s = order[len(order) // 2]
        self.p90_s = order[len(order) * 9 // 10]
        self._is_stale = False
