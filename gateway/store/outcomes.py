"""
The last count of a shop's outcomes: one record, and whose turn it is to count.

    {shop:}oc   the last count (string, opaque)
    {shop:}ol   counted not long ago (string, expires)
"""

from __future__ import annotations

from gateway.store.connection import Scripts
from gateway.store.keys import shop_key


class OutcomeStore:
    """Reads and writes the record of a shop."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def read(self, shop: str) -> bytes | None:
        """The record, or None."""
        key = shop_key(shop, "oc")
        found: bytes | None = await self._scripts.command(key, "GET", key)
        return found

    async def write(self, shop: str, record: bytes) -> None:
        """Replace the record."""
        key = shop_key(shop, "oc")
        await self._scripts.command(key, "SET", key, record)

    async def is_mine(self, shop: str, every_ms: int) -> bool:
        """True for one caller in *every_ms*: that one counts."""
        key = shop_key(shop, "ol")
        reply = await self._scripts.command(key, "SET", key, "1", "NX", "PX", every_ms)
        return reply is not None
