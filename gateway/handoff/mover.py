"""
Writes steps to the store, settles their effects, and makes offers.

Shared by the two sides of the queue: conversations that come in
(:mod:`gateway.handoff.queue`) and operators who take them
(:mod:`gateway.handoff.desk`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec

from gateway.handoff import eta, matching, moves
from gateway.handoff.effects import Effects, decode_effect, encode_effect
from gateway.handoff.errors import (
    HandoffError,
    HandoffNotFound,
    HandoffTaken,
    OperatorAbsent,
    OperatorFull,
)
from gateway.handoff.hours import ALWAYS, Hours
from gateway.handoff.matching import OperatorSeat
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.reply_clock import ReplyClock, ReplyClocks
from gateway.handoff.states import FINAL, Handoff, Move, State
from gateway.handoff.steps import Effect, Place, Step
from gateway.store.errors import UnseenMessage
from gateway.store.handoff import HandoffStore
from gateway.store.handoff_layout import Change, Look, MoveResult, Seat


#: States in which nobody waits for a person's word.
_ROUND_ENDS = FINAL | {State.WRAP}
#: Handoffs looked at for one round of offers.
OFFER_PAGE = 50

_record_decoder = msgspec.json.Decoder(Handoff)
_encode = msgspec.json.Encoder().encode


class Mover:
    """
    The only writer of handoffs.

    Args:
        clock_ms: Wall clock in milliseconds.

        hours: Working time by shop; any time for one that is not named.

        clocks: Reply clock by shop; none for one that is not named.
    """

    def __init__(
        self,
        store: HandoffStore,
        effects: Effects,
        policy: HandoffPolicy,
        clock_ms: Callable[[], int],
        hours: Mapping[str, Hours] | None = None,
        clocks: Mapping[str, ReplyClock] | None = None,
    ) -> None:
        self.store = store
        self.effects = effects
        self.policy = policy
        self.now_ms = clock_ms
        self.replies = ReplyClocks(store, clocks or {})
        #: Waits that ended with an operator: within the p90 that was told, and all.
        self.waits_within = self.waits_told = 0
        self._hours = hours or {}
        self._relaxation = matching.Relaxation(
            any_skill_ms=int(policy.any_skill_s * 1000),
            any_language_ms=int(policy.any_language_s * 1000),
        )

    async def read(self, shop: str, handoff_id: str) -> Handoff:
        """
        One handoff as it stands.

        Raises:
            HandoffNotFound: If this shop has none of that id.
        """
        record = await self.store.read(shop, handoff_id)
        if record is None:
            raise HandoffNotFound(handoff_id)
        return decode_handoff(record)

    async def write(self, shop: str, step: Step) -> MoveResult:
        """Write one step; only ``done`` has written anything."""
        result, _ = await self.store.move(shop, _change(step, self.policy))
        return result

    async def move(self, shop: str, step: Step) -> Handoff:
        """
        Write one step and carry out its effect.

        Raises:
            HandoffTaken: If the handoff moved since it was read.
            OperatorAbsent: If the gaining operator is not present.
            OperatorFull: If the gaining operator has no free capacity.
        """
        result, record = await self.store.move(shop, _change(step, self.policy))
        after = step.after
        if result == "stale":
            raise HandoffTaken(after.id, decode_handoff(record).state)
        if result == "missing":
            raise HandoffNotFound(after.id)
        if result == "absent":
            raise OperatorAbsent(after.operator)
        if result == "busy":
            raise OperatorFull(after.operator)
        self._score(step)
        if after.state in _ROUND_ENDS:
            await self.replies.ended(shop, after.id, self.now_ms())
        if step.effect is not None:
            return await self.settle(shop, after.id)
        return after

    def _score(self, step: Step) -> None:
        """Compare a wait that is over with what the customer was told."""
        told_s = step.after.told_s
        if step.waited_ms is not None and told_s is not None and not step.after.hops:
            self.waits_told += 1
            self.waits_within += step.waited_ms <= told_s[1] * 1000

    async def settle(self, shop: str, handoff_id: str) -> Handoff:
        """
        Carry out all effects of a handoff, oldest first; the record after it.

        Any process may do it at any time, also two at once.
        """
        # In this order: the record is never older than the effects.
        left = await self.store.effects(shop, handoff_id)
        handoff = await self.read(shop, handoff_id)
        for data in left:
            handoff = await self._settle_one(shop, handoff, decode_effect(data))
            await self.store.settled(shop, handoff_id, data)
        if handoff.state is State.WRAP and handoff.due_ms <= self.now_ms():
            handoff = await self._follow(shop, moves.save(handoff, self.now_ms()))
        return handoff

    async def wrap_up(self, shop: str, handoff_id: str, outcome: str = "") -> Handoff:
        """End the wrapping up of a talk now; harmless where it is over."""
        handoff = await self.settle(shop, handoff_id)
        if handoff.state is not State.WRAP:
            return handoff
        return await self._follow(shop, moves.save(handoff, self.now_ms(), outcome))

    async def _settle_one(self, shop: str, handoff: Handoff, effect: Effect) -> Handoff:
        is_current = handoff.version == effect.version
        try:
            is_owner = await self.effects.apply(shop, handoff, effect)
        except UnseenMessage:
            if not is_current:
                return handoff
            return await self._follow(
                shop, moves.reopen(handoff, self.now_ms(), self.policy)
            )
        if is_owner or not is_current or handoff.state is not State.ACTIVE:
            return handoff
        # A ticket was taken up while its conversation is in another handoff.
        step = moves.become_ticket(
            handoff, Move.DEFER, handoff.promised_ms, self.now_ms()
        )
        return await self._follow(shop, step)

    async def _follow(self, shop: str, step: Step) -> Handoff:
        """Write a step that follows from an effect; another may have been faster."""
        result = await self.write(shop, step)
        if result == "done":
            return step.after
        return await self.read(shop, step.after.id)

    async def offer_round(self, shop: str) -> int:
        """Make every offer that can be made now; how many were made."""
        look = await self.store.look(shop, line=OFFER_PAGE)
        if not look.line:
            return 0
        line = [decode_handoff(record) for record in look.line]
        seats = [seat_of(seat) for seat in look.seats]
        now_ms = self.now_ms()
        made = 0
        for handoff, seat in matching.pairs(line, seats, now_ms, self._relaxation):
            step = moves.offer(handoff, seat.name, seat.display, now_ms, self.policy)
            made += await self.write(shop, step) == "done"
        return made

    async def leave_operator(
        self, shop: str, handoff: Handoff, move: Move, *, wanted: str = ""
    ) -> None:
        """
        An operator loses or passes on a talk: to the line, or to a ticket.

        *wanted*: the colleague who is asked first.
        """
        look = await self.store.look(shop, line=1, deadline_ms=handoff.deadline_ms)
        now_ms = self.now_ms()
        place = self.place(look, kind=handoff.risk, besides=handoff.operator)
        if place is None or handoff.hops >= self.policy.max_hops:
            promised = self.promise(shop, look)
            step = moves.become_ticket(handoff, Move.DEFER, promised, now_ms)
        else:
            step = moves.go_back(
                handoff, move, place, now_ms, self.policy, wanted=wanted
            )
        await self.move(shop, step)

    def place(
        self, look: Look, *, ahead: int | None = None, kind: str = "", besides: str = ""
    ) -> Place | None:
        """
        The place a handoff would get now; None if nobody is there to come.

        *ahead* stand before it, by default as many as the look found; *kind* is the
        class of one that is new.
        """
        now_ms = self.now_ms()
        ahead = look.ahead if ahead is None else ahead
        heads = [decode_handoff(record) for record in look.line[:1]]
        seats = [
            seat_of(seat)
            for seat in look.seats
            if seat.until_ms > now_ms and seat.name != besides
        ]
        load = eta.Load(
            ahead=ahead,
            free=sum(seat.free for seat in seats),
            capacity=sum(seat.capacity for seat in seats if not seat.is_away),
            handled_ms=look.handled_ms,
            now_ms=now_ms,
            waits=look.waits,
            head=next(((now_ms - h.queued_ms, str(h.risk)) for h in heads), None),
            kind=kind,
        )
        eta_s = eta.estimate(load, self.policy)
        return None if eta_s is None else Place(position=ahead + 1, eta_s=eta_s)

    def promise(self, shop: str, look: Look) -> int:
        """Wall time by which a ticket opened now will be answered."""
        return eta.promise_ms(
            look.tickets,
            look.handled_ms,
            self.now_ms(),
            self.policy,
            self._hours.get(shop, ALWAYS),
        )

    async def try_move(self, shop: str, step: Step) -> None:
        """Like :meth:`move`, for sweeps: whoever was faster is right."""
        with suppress(HandoffError):
            await self.move(shop, step)


def decode_handoff(record: bytes) -> Handoff:
    """Read a stored record."""
    return _record_decoder.decode(record)


def seat_of(seat: Seat) -> OperatorSeat:
    """A seat as matching sees it."""
    return OperatorSeat(
        name=seat.name,
        display=seat.display,
        capacity=seat.capacity,
        held=seat.held,
        is_away=seat.is_away,
        until_ms=seat.until_ms,
        offered_ms=seat.offered_ms,
        skills=seat.skills,
    )


def _change(step: Step, policy: HandoffPolicy) -> Change:
    before, after = step.before, step.after
    had = before.operator if before is not None and before.is_held else ""
    has = after.operator if after.is_held else ""
    return Change(
        id=after.id,
        expected=before.version if before is not None else 0,
        version=after.version,
        state=after.state,
        record=_encode(after),
        now_ms=after.since_ms,
        keep_ms=int(policy.retention_s * 1000) if after.state in FINAL else None,
        line=after.deadline_ms if after.state is State.QUEUED else None,
        ticket=after.promised_ms if after.state is State.TICKETED else None,
        due=after.due_ms or None,
        max_line=policy.max_queue if before is None else None,
        effect=encode_effect(step.effect) if step.effect is not None else b"",
        effect_due_ms=after.since_ms + int(policy.effect_grace_s * 1000),
        gains=has if has != had else "",
        loses=had if had != has else "",
        is_miss=step.is_miss,
        max_misses=policy.max_misses,
        handled_ms=step.handled_ms,
        waited_ms=step.waited_ms,
        weight=after.weight,
        kind=after.risk,
        group=after.needs[0] if after.needs else "",
    )
