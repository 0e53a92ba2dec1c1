"""
What happened lately, by shop and stretch of time: numbers with short names.

    {shop:}hs:<n>   stretch n of a shop (hash: field -> whole number, expires)
    tg:hs:<n>       stretch n of the whole gateway

All workers of all gateways add to the same stretches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from gateway.store.connection import Scripts
from gateway.store.keys import shop_key


#: Stands where a shop's name stands: what is of no shop.
HOUSE = ""
#: Stretches read in one round trip.
AT_ONCE = 64


class HistoryStore:
    """Adds to stretches of time, and reads them."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def add(
        self,
        shop: str,
        stretch: int,
        sums: Mapping[str, int],
        highest: Mapping[str, int],
        life_ms: int,
    ) -> None:
        """
        Add *sums* to a stretch, and raise the *highest* values; kept for *life_ms*.

        Raises:
            StoreUnavailable: If no answer came; it may have been added.
        """
        pairs = [str(one) for pair in sums.items() for one in pair]
        pairs += [str(one) for pair in highest.items() for one in pair]
        await self._scripts.call(
            "history_add", (_key(shop, stretch),), (life_ms, len(sums), *pairs)
        )

    async def read(self, shop: str, stretches: Sequence[int]) -> list[dict[str, int]]:
        """Each of *stretches*, in their order; empty where nothing is kept."""
        found: list[dict[str, int]] = []
        for at in range(0, len(stretches), AT_ONCE):
            part = stretches[at : at + AT_ONCE]
            found += await asyncio.gather(*(self._stretch(shop, n) for n in part))
        return found

    async def _stretch(self, shop: str, stretch: int) -> dict[str, int]:
        key = _key(shop, stretch)
        reply = await self._scripts.command(key, "HGETALL", key)
        return {
            name.decode(): int(value)
            for name, value in zip(reply[::2], reply[1::2], strict=True)
        }


def _key(shop: str, stretch: int) -> str:
    return shop_key(shop, "hs", str(stretch)) if shop else f"tg:hs:{stretch}"
