"""
The last count of a shop's outcomes: one record, and whose turn it is to count.

    {shop:}oc   the last count (string, opaque)
    {shop:}ol   counted not long ago (string, expires)
"""

from __future__ import annotations

from gateway.store.keys import shop_key
from gateway.store.shop_record import ShopRecord


class OutcomeStore(ShopRecord):
    """The last count of a shop."""

    KIND = "oc"

    async def is_mine(self, shop: str, every_ms: int) -> bool:
        """True for one caller in *every_ms*: that one counts."""
        return await self._marks_first(shop_key(shop, "ol"), every_ms)

    async def rest(self, shop: str, life_ms: int) -> None:
        """Nobody counts for *life_ms* from now."""
        key = shop_key(shop, "ol")
        await self._scripts.command(key, "SET", key, "1", "PX", life_ms)
