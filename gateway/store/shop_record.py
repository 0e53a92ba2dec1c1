"""
One small record a shop, for all workers: a string that the store cannot read.
"""

from __future__ import annotations

from typing import ClassVar

from gateway.store.connection import Scripts
from gateway.store.keys import shop_key


class ShopRecord:
    """Reads and writes the record of a shop; *KIND* is the end of its key."""

    KIND: ClassVar[str]

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def read(self, shop: str) -> bytes | None:
        """The record, or None."""
        key = shop_key(shop, self.KIND)
        found: bytes | None = await self._scripts.command(key, "GET", key)
        return found

    async def write(self, shop: str, record: bytes) -> None:
        """Replace the record."""
        key = shop_key(shop, self.KIND)
        await self._scripts.command(key, "SET", key, record)

    async def _marks_first(self, key: str, life_ms: int) -> bool:
        """True for one caller of all that set the mark *key* in *life_ms*."""
        reply = await self._scripts.command(key, "SET", key, "1", "NX", "PX", life_ms)
        return reply is not None
