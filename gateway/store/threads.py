"""
Which conversation a transcript belongs to, for clients that send all of it each time.
"""

from __future__ import annotations

from gateway.store import keys
from gateway.store.connection import Scripts


class Threads:
    """
    Digests of transcripts and their conversations; each is known for *life_s*.
    """

    def __init__(self, scripts: Scripts, *, life_s: int = 7 * 86_400) -> None:
        self._scripts = scripts
        self._life_s = life_s

    async def get(self, shop: str, digest: str) -> str | None:
        """The conversation that went on like this; None if nobody knows it."""
        key = keys.shop_key(shop, "thread", digest)
        found = await self._scripts.command(key, "GET", key)
        return None if found is None else found.decode()

    async def put(self, shop: str, digest: str, conversation: str) -> None:
        """Remember it."""
        key = keys.shop_key(shop, "thread", digest)
        await self._scripts.command(key, "SET", key, conversation, "EX", self._life_s)
