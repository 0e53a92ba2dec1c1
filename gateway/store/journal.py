"""
Notes of turns on the store: the port of ``engines.agent.journal``.

One key a turn in the bucket of its conversation; the first note stands, and
goes by itself once no turn of it can come again.
"""

from __future__ import annotations

from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.order_holds import answering


class StoreJournal:
    """
    Durable notes of turns.

    Args:
        ttl_s: As long as a message may come again.
    """

    def __init__(self, scripts: Scripts, ttl_s: int) -> None:
        self._scripts = scripts
        self._ttl_s = ttl_s

    async def read(self, shop: str, conversation_id: str, turn_id: str) -> bytes | None:
        """Return the note of a turn; None if there is none."""
        key = keys.note(shop, conversation_id, turn_id)
        with answering():
            found: bytes | None = await self._scripts.command(key, "GET", key)
        return found

    async def write(
        self, shop: str, conversation_id: str, turn_id: str, note: bytes
    ) -> bytes:
        """Keep *note* if the turn has none yet; return the note that stands."""
        key = keys.note(shop, conversation_id, turn_id)
        with answering():
            earlier: bytes | None = await self._scripts.command(
                key, "SET", key, note, "NX", "GET", "EX", self._ttl_s
            )
        return note if earlier is None else earlier
