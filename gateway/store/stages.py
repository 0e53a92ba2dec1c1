"""
Which stage each shop is on: one small record a shop, for all workers.

    {shop:}sg   orders of a shop (string, opaque)
    {shop:}sv:<change>   a change that somebody makes (string, expires)
"""

from __future__ import annotations

from gateway.store.connection import Scripts
from gateway.store.keys import shop_key


class StageStore:
    """Reads and writes the record of a shop."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def read(self, shop: str) -> bytes | None:
        """The record, or None."""
        key = shop_key(shop, "sg")
        found: bytes | None = await self._scripts.command(key, "GET", key)
        return found

    async def write(self, shop: str, orders: bytes) -> None:
        """Replace the record."""
        key = shop_key(shop, "sg")
        await self._scripts.command(key, "SET", key, orders)

    async def is_first(self, shop: str, change: str, life_ms: int) -> bool:
        """True for one caller of all that want to make the same *change*."""
        key = shop_key(shop, "sv", change)
        reply = await self._scripts.command(key, "SET", key, "1", "NX", "PX", life_ms)
        return reply is not None
