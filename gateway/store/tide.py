"""
What people ordered of the ladder: one small record a shop, for all workers.

    {shop:}to:             orders of a shop (string, opaque)
"""

from __future__ import annotations

from gateway.store.connection import Scripts
from gateway.store.keys import shop_key


class TideStore:
    """Reads and writes the record of a shop."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def read(self, shop: str) -> bytes | None:
        """The record, or None."""
        key = shop_key(shop, "to")
        found: bytes | None = await self._scripts.command(key, "GET", key)
        return found

    async def write(self, shop: str, orders: bytes) -> None:
        """Replace the record."""
        key = shop_key(shop, "to")
        await self._scripts.command(key, "SET", key, orders)
