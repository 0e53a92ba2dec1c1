"""
What a worker saw happen since it last wrote it down: sums and highest values by shop.

Plain counting, no I/O: :mod:`gateway.telemetry` adds, :mod:`gateway.history` takes it
away and writes it. A field is its kind and its labels, joined by :data:`JOIN`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec


#: Between the parts of a field; in no tier, outcome, end or state.
JOIN = "|"
#: Kinds of fields.
MESSAGES, ENDED, REPEATED, QUEUE, TIMES = "m", "e", "r", "q", "h"


class Noted(msgspec.Struct):
    """
    What happened in one shop, or in the gateway as a whole.

    Attributes:
        sums: Field -> how many.

        highest: Field -> the highest value seen.
    """

    sums: defaultdict[str, int] = msgspec.field(
        default_factory=lambda: defaultdict(int)
    )
    highest: dict[str, int] = msgspec.field(default_factory=dict)


class Notes:
    """Adds up until :meth:`take`."""

    def __init__(self) -> None:
        self._by_shop: defaultdict[str, Noted] = defaultdict(Noted)

    def add(self, shop: str, amount: int, *field: str) -> None:
        """*amount* more of *field*."""
        self._by_shop[shop].sums[JOIN.join(field)] += amount

    def add_times(self, shop: str, tier: str, counts: Sequence[int]) -> None:
        """Durations by bucket, as :class:`gateway.metrics.Spread` counts them."""
        for bucket, count in enumerate(counts):
            if count:
                self.add(shop, count, TIMES, tier, str(bucket))

    def saw(self, shop: str, value: int, *field: str) -> None:
        """*field* stands at *value* now; the highest is kept."""
        highest, name = self._by_shop[shop].highest, JOIN.join(field)
        highest[name] = max(value, highest.get(name, value))

    def take(self) -> dict[str, Noted]:
        """What was added up since the last time, by shop."""
        taken, self._by_shop = self._by_shop, defaultdict(Noted)
        return taken

    def give_back(self, shop: str, taken: Noted) -> None:
        """Count in again what could not be written."""
        for name, amount in taken.sums.items():
            self._by_shop[shop].sums[name] += amount
        for name, value in taken.highest.items():
            self.saw(shop, value, name)
