"""
What is written or told beside a conversation: ratings, and signs of typing.

A rating is an event like any other, numbered and on disk, which no turn answers. A
sign of typing is told to who follows the conversation now, and kept nowhere.
"""

from __future__ import annotations

from typing import Literal

from gateway.store import keys
from gateway.store.connection import Scripts


Typist = Literal["customer", "operator"]

#: What a wake-up says instead of an event's number: nothing was written.
TYPISTS: dict[bytes, Typist] = {b"-1": "customer", b"-2": "operator"}
_SIGNS = {who: sign for sign, who in TYPISTS.items()}


class Remarks:
    """
    The store's side of both.

    Args:
        log_keep: Events kept per conversation.
    """

    def __init__(self, scripts: Scripts, *, log_keep: int = 500) -> None:
        self._scripts = scripts
        self._log_keep = log_keep

    async def rate(
        self, shop: str, conversation: str, fingerprint: str, event: bytes
    ) -> int | None:
        """
        Write a rating; the number of its event, None if there is nothing to rate.

        The same *fingerprint* with no event since is the same rating.
        """
        at = keys.of_conversation(shop, conversation)
        reply = await self._scripts.call(
            "rate",
            (at.conversation, at.log),
            (fingerprint, event, self._log_keep, at.name, at.channel),
        )
        return reply[1] if len(reply) > 1 else None

    async def typing(self, shop: str, conversation: str, who: Typist) -> None:
        """Tell that somebody types; lost if nobody follows."""
        at = keys.of_conversation(shop, conversation)
        payload = at.name.encode() + b" " + _SIGNS[who]
        await self._scripts.command(at.conversation, "PUBLISH", at.channel, payload)
