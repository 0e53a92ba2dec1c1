"""
The customer's side of the queue: into the line, where am I, out again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from gateway.handoff import moves
from gateway.handoff.errors import HandoffError
from gateway.handoff.mover import Mover, decode_handoff
from gateway.handoff.reply_clock import ReplyRate
from gateway.handoff.states import (
    FINAL,
    Handoff,
    HandoffRequest,
    Move,
    State,
    id_of_owner,
)
from gateway.handoff.steps import Place
from gateway.handoff.timeouts import TimeOuts


__all__ = ["HandoffRequest", "Handoffs", "Placement"]


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a handoff stands, as the customer may know it.

    Attributes:
        position: In the line, 1 is next (also while it is offered to an
            operator, which is none of the customer's business); else 0.

        eta_s: Seconds to an operator, (p50, p90); None if not in the line, or
            if nobody is present to estimate it from.

        promised_ms: Wall time promised, if it is a ticket; else 0.
    """

    handoff_id: str
    state: State
    position: int = 0
    eta_s: tuple[int, int] | None = None
    promised_ms: int = 0


class Handoffs:
    """Handoffs of all shops, as conversations come in and as time goes by."""

    def __init__(self, mover: Mover) -> None:
        self._mover = mover
        self._timeouts = TimeOuts(mover)

    @property
    def waits(self) -> tuple[int, int]:
        """Waits of this process: of how many a range was told, how many held it."""
        return self._mover.waits_told, self._mover.waits_within

    async def enqueue(self, shop: str, request: HandoffRequest) -> Placement:
        """
        Give a handoff its place in the line, or a ticket with a promised time.

        Once per ``request.id``: repeated, it finishes what was left undone and
        tells where the handoff stands now. The customer has been told on
        return.

        Raises:
            StoreUnavailable: If it is not known what happened; repeat it.
        """
        mover = self._mover
        if await mover.store.read(shop, request.id) is None:
            await self._admit(shop, request)
            await mover.replies.asked(shop, request.id, request.created_ms)
        await mover.settle(shop, request.id)
        await mover.offer_round(shop)
        return await self.place(shop, request.id)

    async def _admit(self, shop: str, request: HandoffRequest) -> None:
        mover, now_ms = self._mover, self._mover.now_ms()
        credit_ms = await self._credit_ms(shop, request)
        deadline_ms = now_ms + mover.policy.target_ms(request.risk) - credit_ms
        look = await mover.store.look(shop, line=1, deadline_ms=deadline_ms)
        place = mover.place(look, kind=request.risk)
        if place is not None and self._has_room(request, place):
            step = moves.enqueue(
                request, place, now_ms, mover.policy, credit_ms=credit_ms
            )
            if await mover.write(shop, step) != "full":
                return
        ticket = moves.open_ticket(
            request, mover.promise(shop, look), now_ms, mover.policy
        )
        await mover.write(shop, ticket)

    async def _credit_ms(self, shop: str, request: HandoffRequest) -> int:
        """What a customer who left the line a moment ago had waited before."""
        mover = self._mover
        owner = await mover.effects.last_owner(shop, request.conversation_id)
        record = await mover.store.read(shop, id_of_owner(owner)) if owner else None
        if record is None:
            return 0
        before = decode_handoff(record)
        is_fresh = mover.now_ms() - before.closed_ms < mover.policy.credit_s * 1000
        if before.state is not State.ABANDONED or not is_fresh:
            return 0
        return max(0, before.closed_ms - before.queued_ms)

    def _has_room(self, request: HandoffRequest, place: Place) -> bool:
        """A wait that will outlast the customer's patience is no place."""
        return place.eta_s[1] * 1000 <= self._mover.policy.limit_ms(request.risk)

    async def place(self, shop: str, owner: str) -> Placement:
        """
        Where a handoff stands; *owner* is its id or a conversation's owner.

        A conversation that a handoff still owns after its end, because a paused
        process claimed it late, is given back.

        Raises:
            HandoffNotFound: If this shop has none of that id, or no longer.
        """
        handoff = await self._mover.read(shop, id_of_owner(owner))
        if handoff.state in FINAL or handoff.state is State.TICKETED:
            await self._mover.settle(shop, handoff.id)
            await self._mover.effects.release(shop, handoff, owner)
        if handoff.state not in {State.QUEUED, State.OFFERED}:
            is_ticket = handoff.state is State.TICKETED
            return Placement(
                handoff_id=handoff.id,
                state=handoff.state,
                promised_ms=handoff.promised_ms if is_ticket else 0,
            )
        return await self._in_line(shop, handoff)

    async def _in_line(self, shop: str, handoff: Handoff) -> Placement:
        mover = self._mover
        position = max(1, await mover.store.position(shop, handoff.id))
        place = mover.place(await mover.store.look(shop, line=1), ahead=position - 1)
        eta_s = place.eta_s if place is not None else None
        if handoff.state is State.OFFERED:
            eta_s = round(mover.policy.pickup_s), round(mover.policy.offer_s)
        return Placement(
            handoff_id=handoff.id, state=handoff.state, position=position, eta_s=eta_s
        )

    async def abandon(self, shop: str, owner: str) -> bool:
        """
        The customer no longer wants a person; False if one is with them already.

        Raises:
            HandoffNotFound: If this shop has none of that id, or no longer.
        """
        handoff = await self._mover.read(shop, id_of_owner(owner))
        if handoff.state not in {State.QUEUED, State.OFFERED}:
            return False
        with suppress(HandoffError):
            await self._mover.move(shop, moves.leave(handoff, self._mover.now_ms()))
            return True
        return False

    async def call_back(self, shop: str, owner: str) -> Placement:
        """
        The customer would rather be answered later: a promise instead of a place.

        Raises:
            HandoffNotFound: If this shop has none of that id, or no longer.
        """
        mover = self._mover
        handoff = await mover.read(shop, id_of_owner(owner))
        if handoff.state is State.QUEUED:
            promised = mover.promise(shop, await mover.store.look(shop))
            step = moves.become_ticket(handoff, Move.OVERDUE, promised, mover.now_ms())
            await mover.try_move(shop, step)
        return await self.place(shop, owner)

    async def heard(self, shop: str, owner: str) -> None:
        """The customer said something to a person: the reply clock runs."""
        mover = self._mover
        await mover.replies.asked(shop, id_of_owner(owner), mover.now_ms())

    async def reply_rate(self, shop: str) -> ReplyRate | None:
        """The shop's day by its reply clock; None if it has none."""
        return await self._mover.replies.today(shop, self._mover.now_ms())

    async def sweep(self, shop: str) -> Mapping[str, int]:
        """What time alone must move, see :mod:`gateway.handoff.timeouts`."""
        return await self._timeouts.sweep(shop)

    async def lose_operator(
        self, shop: str, name: str, held: tuple[str, ...], now_ms: int | None
    ) -> None:
        """An operator is gone: what they hold goes back, then their seat."""
        await self._timeouts.lose_operator(shop, name, held, now_ms)
