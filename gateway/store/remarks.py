"""
What is written or told beside a conversation: ratings, signs of typing, drafts.

A rating is an event like any other, numbered and on disk, which no turn answers. A
sign of typing, and a sentence of an answer that is still being written, are told to
who follows the conversation now, and kept nowhere.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from gateway.store import keys
from gateway.store.connection import Scripts


Typist = Literal["customer", "operator"]

#: What a wake-up says instead of an event's number: nothing was written.
TYPISTS: dict[bytes, Typist] = {b"-1": "customer", b"-2": "operator"}
#: How a draft begins in a wake-up, where others have a number.
DRAFT = b"{"
_SIGNS = {who: sign for sign, who in TYPISTS.items()}


#: What the store says of a rating that was not there before.
_WRITTEN = 1


class Rated(NamedTuple):
    """The number of a rating's event; *is_new* unless it was this very rating already."""

    seq: int
    is_new: bool


class Remarks:
    """
    The store's side of them.

    Args:
        log_keep: Events kept per conversation.
    """

    def __init__(self, scripts: Scripts, *, log_keep: int = 500) -> None:
        self._scripts = scripts
        self._log_keep = log_keep

    async def rate(
        self, shop: str, conversation: str, fingerprint: str, event: bytes
    ) -> Rated | None:
        """
        Write a rating; None if there is nothing to rate.

        The same *fingerprint* with no event since is the same rating.
        """
        at = keys.of_conversation(shop, conversation)
        reply = await self._scripts.call(
            "rate",
            (at.conversation, at.log),
            (fingerprint, event, self._log_keep, at.name, at.channel),
        )
        return Rated(reply[1], reply[0] == _WRITTEN) if len(reply) > 1 else None

    async def draft(self, shop: str, conversation: str, draft: bytes) -> None:
        """Tell a sentence of an answer that is being written; lost as above."""
        at = keys.of_conversation(shop, conversation)
        payload = at.name.encode() + b" " + draft
        await self._scripts.command(at.conversation, "PUBLISH", at.channel, payload)

    async def typing(self, shop: str, conversation: str, who: Typist) -> None:
        """Tell that somebody types; lost if nobody follows."""
        at = keys.of_conversation(shop, conversation)
        payload = at.name.encode() + b" " + _SIGNS[who]
        await self._scripts.command(at.conversation, "PUBLISH", at.channel, payload)
