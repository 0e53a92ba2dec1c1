"""
The operator's side of the queue: present, claim, talk, close.

The operator's shop and name come from the session, never from a request. What
an operator may do to a handoff is decided here against its record, and again,
for words to the customer, by the conversation itself.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.handoff import moves
from gateway.handoff.accounts import Operator
from gateway.handoff.errors import (
    ConversationBusy,
    HandoffTaken,
    IllegalMove,
    NotYours,
    ReplyFenced,
    UnreadMessages,
)
from gateway.handoff.matching import OperatorSeat
from gateway.handoff.mover import Mover, decode_handoff, seat_of
from gateway.handoff.queue import Handoffs
from gateway.handoff.reply_clock import ReplyRate
from gateway.handoff.states import HELD, Handoff, Move, State
from gateway.outcome import encode
from gateway.store.errors import StaleOwner


#: Handoffs and tickets shown on one board.
BOARD_PAGE = 100


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator wrote for colleagues; the customer never sees it."""

    at_ms: int
    operator: str
    text: str


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """
    A shop's queue, as its desks see it.

    Attributes:
        waiting: All in the line; *line* holds the most urgent of them.

        held: What operators hold: offers, talks, wrap-ups.

        open_tickets: All tickets; *tickets* holds those due first.

        asked: Who waits for a person's word, by handoff: since when, and until when
            the shop's reply clock wants it (0: not rated).

        replies: The shop's day by that clock; None if it has none.
    """

    now_ms: int
    waiting: int
    open_tickets: int
    line: tuple[Handoff, ...]
    held: tuple[Handoff, ...]
    tickets: tuple[Handoff, ...]
    seats: tuple[OperatorSeat, ...]
    asked: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    replies: ReplyRate | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """
    A shop's line in a few numbers.

    Attributes:
        capacity / free: Units of work of people who are there.

        oldest_s: Longest wait so far among the first in the line.

        eta_s: What a newcomer would be told, (p50, p90); None if nobody is there.
    """

    waiting: int
    tickets: int
    people: int
    capacity: int
    free: int
    oldest_s: int
    eta_s: tuple[int, int] | None


class Desk:
    """What signed-in operators can do."""

    def __init__(self, mover: Mover, handoffs: Handoffs) -> None:
        self._mover = mover
        self._handoffs = handoffs

    async def board(self, shop: str) -> Board:
        """The queue of a shop as it is now."""
        now_ms = self._mover.now_ms()
        look = await self._mover.store.look(
            shop, line=BOARD_PAGE, tickets=BOARD_PAGE, with_held=True
        )
        return Board(
            now_ms=now_ms,
            waiting=look.waiting,
            open_tickets=look.tickets,
            line=_decoded(look.line),
            held=_decoded(r for seat in look.seats for r in seat.records),
            tickets=_decoded(look.ticket_records),
            seats=tuple(seat_of(s) for s in look.seats if s.until_ms > now_ms),
            asked={
                handoff_id: (at_ms, self._mover.replies.due_ms(shop, at_ms))
                for handoff_id, at_ms in look.asked.items()
            },
            replies=await self._mover.replies.today(shop, now_ms),
        )

    async def line(self, shop: str) -> Line:
        """The line of a shop as it is now."""
        now_ms = self._mover.now_ms()
        look = await self._mover.store.look(shop, line=BOARD_PAGE)
        seats = [seat_of(s) for s in look.seats if s.until_ms > now_ms]
        here = [seat for seat in seats if not seat.is_away]
        since = [one.queued_ms for one in _decoded(look.line)]
        place = self._mover.place(look, ahead=look.waiting)
        return Line(
            waiting=look.waiting,
            tickets=look.tickets,
            people=len(here),
            capacity=sum(seat.capacity for seat in here),
            free=sum(seat.free for seat in here),
            oldest_s=max(0, now_ms - min(since, default=now_ms)) // 1000,
            eta_s=None if place is None else place.eta_s,
        )

    async def come(self, who: Operator, *, is_away: bool) -> None:
        """Be present, with or without getting offers."""
        await self._mover.store.sit(
            who.shop,
            who.name,
            until_ms=self._until_ms(),
            display=who.display,
            capacity=who.capacity,
            skills=who.skills,
            is_away=is_away,
        )
        await self._mover.offer_round(who.shop)

    async def beat(self, who: Operator) -> bool:
        """A sign of life; False if the operator is not present."""
        return await self._mover.store.beat(who.shop, who.name, self._until_ms())

    def _until_ms(self) -> int:
        return self._mover.now_ms() + int(self._mover.policy.presence_s * 1000)

    async def go(self, who: Operator) -> None:
        """Leave at once; what the operator holds goes back to the line."""
        board = await self.board(who.shop)
        held = tuple(h.id for h in board.held if h.operator == who.name)
        await self._handoffs.lose_operator(who.shop, who.name, held, None)
        await self._mover.offer_round(who.shop)

    async def read(self, who: Operator, handoff_id: str) -> Handoff:
        """
        One handoff of the operator's shop.

        Raises:
            HandoffNotFound: If there is none of that id.
            NotYours: If a colleague holds it; supervisors may look.
        """
        handoff = await self._mover.read(who.shop, handoff_id)
        is_other = handoff.is_held and handoff.operator != who.name
        if is_other and not who.is_supervisor:
            raise NotYours(handoff_id)
        return handoff

    async def claim(self, who: Operator, handoff_id: str, version: int) -> Handoff:
        """
        Take what was offered; from here the operator owns the conversation.

        Raises:
            HandoffTaken: If it moved since *version*, or the offer ran out.
            NotYours: If it was offered to somebody else.
        """
        handoff = await self._at_version(who, handoff_id, version)
        now_ms = self._mover.now_ms()
        if handoff.state is State.OFFERED:
            _check_holder(handoff, who)
            if handoff.due_ms <= now_ms:
                raise HandoffTaken(handoff_id, State.QUEUED)
        return await self._mover.move(
            who.shop, moves.claim(handoff, now_ms, self._mover.policy)
        )

    async def decline(self, who: Operator, handoff_id: str, version: int) -> None:
        """
        Leave an offer to others; it is not offered to this operator for a while.

        Raises:
            HandoffTaken, NotYours: As :meth:`claim`.
        """
        handoff = await self._at_version(who, handoff_id, version)
        if handoff.state is State.OFFERED:
            _check_holder(handoff, who)
        step = moves.put_back(
            handoff, Move.DECLINE, self._mover.now_ms(), self._mover.policy
        )
        await self._mover.move(who.shop, step)
        await self._mover.offer_round(who.shop)

    async def take(self, who: Operator, handoff_id: str, version: int) -> Handoff:
        """
        Work on a ticket: the conversation is the operator's again.

        Raises:
            HandoffTaken: If it moved since *version*.
            OperatorAbsent, OperatorFull: If the operator can't hold it.
            ConversationBusy: If another handoff has the conversation.
        """
        handoff = await self._at_version(who, handoff_id, version)
        step = moves.take(
            handoff, who.name, who.display, self._mover.now_ms(), self._mover.policy
        )
        after = await self._mover.move(who.shop, step)
        if after.state is State.TICKETED:
            raise ConversationBusy(handoff_id)
        return after

    async def reply(
        self, who: Operator, handoff_id: str, line_id: str, text: str
    ) -> int:
        """
        Say something to the customer, once per *line_id*; its event number.

        Raises:
            ReplyFenced: If the conversation is no longer the operator's; the
                text was kept as a note.
        """
        handoff = await self._mover.read(who.shop, handoff_id)
        now_ms = self._mover.now_ms()
        is_theirs = handoff.state is State.ACTIVE and handoff.operator == who.name
        if is_theirs:
            try:
                n = await self._mover.effects.reply(
                    who.shop, handoff, line_id, text, now_ms
                )
            except StaleOwner:
                pass
            else:
                if not handoff.replied_ms:
                    await self._mover.write(
                        who.shop, moves.spoken(handoff, now_ms, self._mover.policy)
                    )
                await self._mover.replies.replied(who.shop, handoff_id, now_ms)
                return n
        await self.note(who, handoff_id, text)
        raise ReplyFenced(handoff_id)

    async def note(self, who: Operator, handoff_id: str, text: str) -> None:
        """
        Keep a note for colleagues.

        Raises:
            HandoffNotFound: If there is none of that id.
        """
        await self._mover.read(who.shop, handoff_id)
        note = Note(at_ms=self._mover.now_ms(), operator=who.name, text=text)
        await self._mover.store.note(who.shop, handoff_id, encode(note))

    async def notes(self, who: Operator, handoff_id: str) -> list[Note]:
        """Notes on a handoff, oldest first."""
        found = await self._mover.store.notes(who.shop, handoff_id)
        return [_note_decoder.decode(data) for data in found]

    async def close(
        self, who: Operator, handoff_id: str, version: int, outcome: str, seen: int
    ) -> Handoff:
        """
        End the talk and give the conversation back to the machine.

        What the operator still has to write down comes after it, see :meth:`wrap_up`.
        Two steps in two slots of the store: a crash in between is finished by
        the sweep. *outcome* says for reports how it ended; *seen* is the number
        of the last event the operator has read.

        Raises:
            UnreadMessages: If the customer wrote after *seen*; still active.
            HandoffTaken: If it moved since *version*.
        """
        handoff = await self._at_version(who, handoff_id, version)
        if handoff.state is State.ACTIVE:
            _check_holder(handoff, who)
        now_ms = self._mover.now_ms()
        step = moves.finish(handoff, outcome, seen, now_ms, self._mover.policy.wrap_s)
        after = await self._mover.move(who.shop, step)
        if after.state is State.ACTIVE:
            raise UnreadMessages(handoff_id)
        await self._mover.offer_round(who.shop)
        return after

    async def wrap_up(
        self, who: Operator, handoff_id: str, outcome: str, note: str
    ) -> Handoff:
        """
        Wrapped up: the operator is free for the next one. Harmless to repeat.

        Raises:
            NotYours: If a colleague holds it.
            IllegalMove: If the talk still goes on.
        """
        handoff = await self.read(who, handoff_id)
        if handoff.state not in {State.WRAP, State.CLOSED}:
            raise IllegalMove(handoff_id, handoff.state, Move.SAVE)
        if note:
            await self.note(who, handoff_id, note)
        after = await self._mover.wrap_up(who.shop, handoff_id, outcome)
        await self._mover.offer_round(who.shop)
        return after

    async def transfer(
        self, who: Operator, handoff_id: str, version: int, note: str, to: str = ""
    ) -> None:
        """
        Pass a talk on: back to the line, deadline kept, with a note.

        The colleague *to* alone is asked for a while; supervisors may pass on what
        others hold.

        Raises:
            HandoffTaken, NotYours: As :meth:`claim`.
        """
        handoff = await self._at_version(who, handoff_id, version)
        if handoff.state is not State.ACTIVE:
            raise IllegalMove(handoff_id, handoff.state, Move.TRANSFER)
        if not who.is_supervisor:
            _check_holder(handoff, who)
        if note:
            await self.note(who, handoff_id, note)
        await self._mover.leave_operator(who.shop, handoff, Move.TRANSFER, wanted=to)
        await self._mover.offer_round(who.shop)

    async def _at_version(
        self, who: Operator, handoff_id: str, version: int
    ) -> Handoff:
        handoff = await self._mover.read(who.shop, handoff_id)
        if handoff.version != version:
            raise HandoffTaken(handoff_id, handoff.state)
        return handoff


def _check_holder(handoff: Handoff, who: Operator) -> None:
    if handoff.state in HELD and handoff.operator != who.name:
        raise NotYours(handoff.id)


def _decoded(records: Iterable[bytes]) -> tuple[Handoff, ...]:
    return tuple(decode_handoff(record) for record in records)


_note_decoder = msgspec.json.Decoder(Note)
