"""
The sweep of the human queue: what time alone must move.

Any gateway may run it; every move is a compare-and-set, so two sweeps do no more
than one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from gateway.handoff import moves
from gateway.handoff.errors import HandoffError
from gateway.handoff.mover import Mover, decode_handoff, seat_of
from gateway.handoff.states import Handoff, Move, State
from gateway.handoff.steps import Step


#: Due tickets looked at in one sweep.
RECALL_PAGE = 20
#: Time-outs handled in one sweep of one shop.
SWEEP_PAGE = 200


class TimeOuts:
    """Overdue offers, talks, places and tickets, and operators who fell silent."""

    def __init__(self, mover: Mover) -> None:
        self._mover = mover

    async def sweep(self, shop: str) -> Mapping[str, int]:
        """
        Move what is due, heal what a crash left, offer what can be offered.

        Returns:
            Handoffs by state, final states left out.
        """
        mover = self._mover
        await mover.replies.sweep(shop, mover.now_ms())
        due = await mover.store.due(shop, mover.now_ms(), SWEEP_PAGE)
        for handoff_id in due.unsettled:
            with suppress(HandoffError):
                await mover.settle(shop, handoff_id)
        for name, held in due.gone:
            await self.lose_operator(shop, name, held, mover.now_ms())
        for handoff_id in due.ids:
            with suppress(HandoffError):
                await self._time_out(shop, await mover.read(shop, handoff_id))
        depths = await mover.store.depths(shop)
        if depths.get(State.TICKETED):
            await self._recall(shop)
        await mover.offer_round(shop)
        if depths.get(State.QUEUED):
            await self._close_empty(shop)
        return depths

    async def _recall(self, shop: str) -> None:
        """Tickets whose time has nearly come go to the front, while people are there."""
        mover, now_ms = self._mover, self._mover.now_ms()
        look = await mover.store.look(shop, tickets=RECALL_PAGE)
        free = sum(
            seat.free for seat in map(seat_of, look.seats) if seat.until_ms > now_ms
        )
        until_ms = now_ms + int(mover.policy.recall_s * 1000)
        due = [
            h
            for h in map(decode_handoff, look.ticket_records)
            if h.promised_ms <= until_ms
        ]
        for handoff in due[: max(0, free - look.waiting)]:
            await mover.try_move(shop, moves.recall(handoff, now_ms, mover.policy))

    async def _close_empty(self, shop: str) -> None:
        """Nobody is there, not even away: a time is more honest than a place."""
        mover, now_ms = self._mover, self._mover.now_ms()
        look = await mover.store.look(shop, line=SWEEP_PAGE)
        if any(seat.until_ms > now_ms for seat in look.seats):
            return
        for handoff in map(decode_handoff, look.line):
            promised = mover.promise(shop, look)
            step = moves.become_ticket(handoff, Move.OVERDUE, promised, now_ms)
            await mover.try_move(shop, step)

    async def lose_operator(
        self, shop: str, name: str, held: tuple[str, ...], now_ms: int | None
    ) -> None:
        """An operator is gone: what they hold goes back, then their seat."""
        for handoff_id in held:
            with suppress(HandoffError):
                handoff = await self._mover.read(shop, handoff_id)
                if handoff.operator == name:
                    await self._let_go(shop, handoff)
        await self._mover.store.stand_up(shop, name, now_ms)

    async def _let_go(self, shop: str, handoff: Handoff) -> None:
        mover, now_ms = self._mover, self._mover.now_ms()
        if handoff.state is State.ACTIVE:
            await mover.leave_operator(shop, handoff, Move.LOSE)
        elif handoff.state is State.OFFERED:
            step = moves.put_back(handoff, Move.LAPSE, now_ms, mover.policy)
            await mover.move(shop, step)
        elif handoff.state is State.WRAP:
            await mover.wrap_up(shop, handoff.id)

    async def _time_out(self, shop: str, handoff: Handoff) -> None:
        mover, now_ms = self._mover, self._mover.now_ms()
        if not 0 < handoff.due_ms <= now_ms:
            return
        step: Step | None = None
        if handoff.state is State.QUEUED:
            promised = mover.promise(shop, await mover.store.look(shop))
            step = moves.become_ticket(handoff, Move.OVERDUE, promised, now_ms)
        elif handoff.state is State.OFFERED:
            step = moves.put_back(handoff, Move.LAPSE, now_ms, mover.policy)
        elif handoff.state is State.ACTIVE:
            await self._time_out_talk(shop, handoff)
        elif handoff.state is State.WRAP:
            await mover.settle(shop, handoff.id)
        if step is not None:
            await mover.try_move(shop, step)

    async def _time_out_talk(self, shop: str, handoff: Handoff) -> None:
        """An operator who says nothing has not come; where nobody does, it is over."""
        mover, now_ms = self._mover, self._mover.now_ms()
        if not handoff.replied_ms:
            await mover.leave_operator(shop, handoff, Move.LOSE)
            return
        n, at_ms, is_customer = await mover.effects.last_said(
            shop, handoff.conversation_id
        )
        if now_ms - at_ms < mover.policy.idle_s * 1000:
            await mover.write(shop, moves.spoken(handoff, at_ms, mover.policy))
        elif is_customer:
            await mover.leave_operator(shop, handoff, Move.LOSE)
        else:
            await mover.move(shop, moves.finish(handoff, "idle", n, now_ms, wrap_s=0))
