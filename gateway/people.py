"""
From a committed handoff to a place in the human queue, once.

The commit wrote the owner and an outbox entry in one step. Here the entry
becomes a queue entry, however often it is tried: at once by the turn that
wrote it, later by :meth:`People.drain` if that turn's worker died.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from engines.contract import Tier
from gateway.handoff.effects import rfc3339
from gateway.handoff.errors import HandoffNotFound
from gateway.handoff.queue import Handoffs, Placement
from gateway.handoff.reply_clock import ReplyRate
from gateway.handoff.states import HandoffRequest, State, id_of_owner
from gateway.outcome import HandoffOut, MessageOut, ReplyOut, event_out
from gateway.store.conversations import Conversations
from gateway.store.errors import StoreUnavailable


#: Outbox entries carried out in one go.
PAGE = 50
#: Events after the message among which its notice is looked for.
NOTICE_PAGE = 5

_decode_request = msgspec.json.Decoder(HandoffRequest).decode


class People:
    """The dispatcher's side of the human queue."""

    def __init__(self, handoffs: Handoffs, conversations: Conversations) -> None:
        self._handoffs = handoffs
        self._conversations = conversations

    async def hand_over(
        self, shop: str, request: HandoffRequest, result: MessageOut
    ) -> MessageOut:
        """
        Put a committed handoff into the line; *result* with its place.

        If the store is away the outbox still has it: the place is just not
        known yet.
        """
        try:
            placement = await self._handoffs.enqueue(shop, request)
            text = await self._notice(shop, request.conversation_id, result.seq)
        except StoreUnavailable:
            return result
        return _with_place(result, placement, text)

    async def again(
        self, shop: str, conversation: str, result: MessageOut
    ) -> MessageOut:
        """What a repeat of a handed over message gets: the same, its place by now."""
        text = await self._notice(shop, conversation, result.seq)
        return await self.placed(shop, result, text)

    async def placed(self, shop: str, result: MessageOut, text: str = "") -> MessageOut:
        """*result* with the place its handoff has by now, and what was said of it."""
        if result.handoff is None:
            return result
        try:
            placement = await self._handoffs.place(shop, result.handoff.id)
        except HandoffNotFound:
            over = HandoffOut(id=id_of_owner(result.handoff.id))
            return msgspec.structs.replace(result, handoff=over)
        return _with_place(result, placement, text)

    async def heard(self, shop: str, owner: str) -> None:
        """
        A message that a person reads is on disk: the shop's reply clock runs.

        Without the store the round is not rated; the message is safe.
        """
        with suppress(StoreUnavailable):
            await self._handoffs.heard(shop, owner)

    async def reply_rate(self, shop: str) -> ReplyRate | None:
        """The shop's day by its reply clock; None if it has none."""
        return await self._handoffs.reply_rate(shop)

    async def where(self, shop: str, conversation: str) -> HandoffOut | None:
        """Where a conversation stands with people; None if the machine has it."""
        owner = await self._conversations.owner(shop, conversation)
        if not owner:
            return None
        return _place_out(await self._handoffs.place(shop, owner))

    async def cancel(self, shop: str, conversation: str) -> HandoffOut | None:
        """The customer no longer wants a person; None if none was coming."""
        owner = await self._conversations.owner(shop, conversation)
        if not owner:
            return None
        await self._handoffs.abandon(shop, owner)
        return _place_out(await self._handoffs.place(shop, owner))

    async def call_back(self, shop: str, conversation: str) -> HandoffOut | None:
        """The customer would rather be answered later; None if none was coming."""
        owner = await self._conversations.owner(shop, conversation)
        if not owner:
            return None
        return _place_out(await self._handoffs.call_back(shop, owner))

    async def drain(self, shop: str, bucket: int) -> int:
        """Carry out what a bucket's outbox still holds; how much it was."""
        entries = await self._conversations.outbox(shop, bucket, PAGE)
        for entry in entries:
            await self._handoffs.enqueue(shop, _decode_request(entry.data))
        await self._conversations.outbox_done(
            shop, bucket, [entry.id for entry in entries]
        )
        return len(entries)

    async def sweep(self, shop: str) -> Mapping[str, int]:
        """Move what is due in the human queue; handoffs by state."""
        return await self._handoffs.sweep(shop)

    @property
    def waits(self) -> tuple[int, int]:
        """Waits that ended here: of how many a range was told, how many held it."""
        return self._handoffs.waits

    async def _notice(self, shop: str, conversation: str, seq: int) -> str:
        """What the customer was told of the change of owner."""
        events = await self._conversations.events(shop, conversation, seq, NOTICE_PAGE)
        shown = [event_out(event.n, event.kind, event.data) for event in events]
        return next((event.text for event in shown if event.kind == "notice"), "")


def _with_place(result: MessageOut, placement: Placement, text: str) -> MessageOut:
    is_ticket = placement.state is State.TICKETED
    handoff = _place_out(placement)
    return msgspec.structs.replace(
        result,
        status="ticketed" if is_ticket else "queued",
        handoff=handoff,
        reply=ReplyOut(text=text, tier=Tier.HUMAN) if text else result.reply,
    )


def _place_out(placement: Placement) -> HandoffOut:
    return HandoffOut(
        id=placement.handoff_id,
        state=placement.state,
        position=placement.position or None,
        eta_s=placement.eta_s,
        promised_at=rfc3339(placement.promised_ms),
    )
