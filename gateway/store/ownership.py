"""
Conversations in the hands of people.

While a handoff owns a conversation the machine is silent: no lease is given, a
running one has ended, and what customers write counts as disposed of.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.errors import StaleOwner, UnseenMessage
from gateway.store.mailbox import EventIn, check_kind


_NO_EVENT: EventIn = ("", b"")


class Ownership:
    """What an operator's desk does to conversations."""

    def __init__(self, scripts: Scripts, *, dedup_ttl_s: int, log_keep: int) -> None:
        self._scripts = scripts
        self._dedup_ttl_ms = str(dedup_ttl_s * 1000)
        self._log_keep = str(log_keep)

    async def own(
        self,
        shop: str,
        conversation: str,
        handoff_id: str,
        owner_epoch: int,
        *,
        event: EventIn = _NO_EVENT,
        human_result: bytes = b"",
    ) -> int:
        """
        A person takes the conversation; the number of its last event.

        Raises:
            StaleOwner: If another handoff owns it, this one was given back, or
                a newer claim of it holds.
        """
        at = keys.of_conversation(shop, conversation)
        check_kind(event[0])
        reply = await self._scripts.call(
            "own",
            (at.conversation, at.log, at.dedup, at.due, at.deliveries),
            (
                handoff_id,
                owner_epoch,
                human_result,
                *event,
                self._log_keep,
                at.name,
                at.channel,
            ),
        )
        return _unless_stale(reply, shop, conversation, handoff_id)

    async def say(
        self,
        shop: str,
        conversation: str,
        handoff_id: str,
        owner_epoch: int,
        *,
        line_id: str,
        event: EventIn,
        outbox: Sequence[bytes] = (),
    ) -> int:
        """
        Append an event of the owner, once per *line_id*; its number.

        Raises:
            StaleOwner: If this handoff is not the owner, or a newer claim holds.
        """
        at = keys.of_conversation(shop, conversation)
        check_kind(event[0])
        reply = await self._scripts.call(
            "say",
            (
                at.conversation,
                at.log,
                at.dedup + keys.line(line_id),
                at.due,
                at.outbox,
                at.deliveries,
            ),
            (
                handoff_id,
                owner_epoch,
                *event,
                self._dedup_ttl_ms,
                self._log_keep,
                at.name,
                at.channel,
                *outbox,
            ),
        )
        return _unless_stale(reply, shop, conversation, handoff_id)

    async def hand_back(
        self,
        shop: str,
        conversation: str,
        handoff_id: str,
        *,
        event: EventIn = _NO_EVENT,
        outbox: Sequence[bytes] = (),
        seen: int | None = None,
    ) -> int:
        """
        Return the conversation to the machine; the number of its last event.

        With *seen*, the last event its owner has read, nothing happens if a
        customer message came after it: nobody would answer that.

        Raises:
            StaleOwner: If another handoff owns it by now.
            UnseenMessage: If a customer message came after *seen*.
        """
        at = keys.of_conversation(shop, conversation)
        check_kind(event[0])
        reply = await self._scripts.call(
            "hand_back",
            (at.conversation, at.log, at.outbox, at.deliveries),
            (
                handoff_id,
                *event,
                self._log_keep,
                at.name,
                at.channel,
                "" if seen is None else seen,
                *outbox,
            ),
        )
        if reply[0] == 3:  # noqa: PLR2004 - a code of hand_back.lua
            raise UnseenMessage(shop, conversation, reply[1])
        return _unless_stale(reply, shop, conversation, handoff_id)


def _unless_stale(
    reply: list[int], shop: str, conversation: str, handoff_id: str
) -> int:
    if reply[0] == 0:
        raise StaleOwner(shop, conversation, handoff_id)
    return reply[1]
