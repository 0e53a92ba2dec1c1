"""
What comes and goes over the wire of the desk.

Operators see records of the queue through these shapes; shop and name never
come from a body.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from engines.contract import Locale, Risk
from gateway.handoff.accounts import Operator, OperatorRole, Session
from gateway.handoff.desk import Board
from gateway.handoff.matching import OperatorSeat
from gateway.handoff.reply_clock import ReplyRate
from gateway.handoff.states import Handoff, State
from gateway.http.wire import Id, Text


Presence = Literal["online", "away", "offline"]
Outcome = Literal["solved", "unsolved", "spam", "other"]
Version = Annotated[int, msgspec.Meta(ge=1)]


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who wants to work at which shop's desk."""

    shop: Id
    name: Id
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class SessionOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    Who is signed in.

    Attributes:
        csrf: Send it as ``X-CSRF-Token`` with every call that changes something.

        presence: ``offline`` if the desk gets no offers and holds nothing.
    """

    shop: str
    name: str
    display: str
    role: OperatorRole
    capacity: int
    csrf: str
    presence: Presence = "offline"


class PresenceIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``away`` keeps what is held and gets no offers; ``offline`` gives it back."""

    state: Presence


class PresenceOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    Attributes:
        beat_s: Show a sign of life (WebSocket ``ping``, or this call again) at
            least this often; three missed ones count as gone.
    """

    state: Presence
    beat_s: float


class AtVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The version of the handoff that the operator saw."""

    version: Version


class ReplyIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A line to the customer.

    Attributes:
        line_id: The desk's id of the line; a repeat is said once.
    """

    line_id: Id
    text: Text


class NoteIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A note for colleagues."""

    text: Text


class CloseIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The end of a talk.

    Attributes:
        seen: Number of the last event the operator has read; a customer's
            later message keeps the talk open.
    """

    version: Version
    seen: Annotated[int, msgspec.Meta(ge=0)]
    outcome: Outcome = "solved"


class WrapUpIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What an operator writes down of a talk that is over.

    Attributes:
        outcome: Instead of the one of the close; left out it stays.
    """

    outcome: Outcome | None = None
    note: Annotated[str, msgspec.Meta(max_length=4_000)] = ""


class TransferIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Pass a talk on, with a note for whoever gets it.

    Attributes:
        to: Account of the colleague who is asked first; empty for anybody.
    """

    version: Version
    to: Annotated[str, msgspec.Meta(max_length=32)] = ""
    note: Annotated[str, msgspec.Meta(max_length=4_000)] = ""


class SaidOut(msgspec.Struct, frozen=True, kw_only=True):
    """Number of the event that the line became."""

    n: int


class HandoffView(msgspec.Struct, frozen=True, kw_only=True):
    """One handoff, as a desk shows it; times are wall-clock milliseconds."""

    id: str
    state: State
    version: int
    channel: str
    user_id: str
    reason: str
    risk: Risk
    summary: str
    locale: Locale
    operator: str
    operator_display: str
    created_ms: int
    queued_ms: int
    deadline_ms: int
    due_ms: int
    claimed_ms: int
    promised_ms: int
    hops: int
    needs: tuple[str, ...]
    weight: int
    is_recalled: bool
    replied_ms: int
    outcome: str
    context: dict[str, Any]


class NoteOut(msgspec.Struct, frozen=True, kw_only=True):
    """A colleague's note."""

    at_ms: int
    operator: str
    text: str


class DetailOut(msgspec.Struct, frozen=True, kw_only=True):
    """One handoff with its notes."""

    handoff: HandoffView
    notes: list[NoteOut]


class BoardOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    The queue as one operator sees it.

    Attributes:
        now_ms: The gateway's clock, to draw timers by.

        waiting: All in the line; *line* holds the most urgent.

        offers: Shown to this operator, each until its ``due_ms``.

        mine: Talks and wrap-ups of this operator.

        open_tickets: All tickets; *tickets* holds those due first.

        held: What colleagues hold; only supervisors see it.

        asked: Who waits for a person's word, by handoff: since when, and until when
            the shop's reply clock wants it (0: not rated).

        replies: The shop's day by that clock; None if it has none.
    """

    now_ms: int
    presence: Presence
    waiting: int
    open_tickets: int
    line: list[HandoffView]
    offers: list[HandoffView]
    mine: list[HandoffView]
    tickets: list[HandoffView]
    operators: list[OperatorSeat]
    held: list[HandoffView] = []
    asked: dict[str, tuple[int, int]] = {}
    replies: ReplyRate | None = None


def session_out(session: Session, presence: Presence = "offline") -> SessionOut:
    """What a desk may know of its session: everything but the token."""
    who = session.who
    return SessionOut(
        shop=who.shop,
        name=who.name,
        display=who.display,
        role=who.role,
        capacity=who.capacity,
        csrf=session.csrf,
        presence=presence,
    )


def view(handoff: Handoff) -> HandoffView:
    """A record in its public shape."""
    return msgspec.convert(handoff, HandoffView, from_attributes=True)


def presence_on(board: Board, name: str) -> Presence:
    """Whether an operator has a seat on the board."""
    for seat in board.seats:
        if seat.name == name:
            return "away" if seat.is_away else "online"
    return "offline"


def board_out(board: Board, who: Operator) -> BoardOut:
    """The board with one operator's own things apart."""
    name = who.name
    own = [handoff for handoff in board.held if handoff.operator == name]
    others = [h for h in board.held if h.operator != name and who.is_supervisor]
    shown = {h.id for h in (*board.line, *board.tickets, *own, *others)}
    return BoardOut(
        now_ms=board.now_ms,
        presence=presence_on(board, name),
        waiting=board.waiting,
        open_tickets=board.open_tickets,
        line=[view(handoff) for handoff in board.line],
        offers=[view(h) for h in own if h.state is State.OFFERED],
        mine=[view(h) for h in own if h.state is not State.OFFERED],
        tickets=[view(handoff) for handoff in board.tickets],
        operators=list(board.seats),
        held=[view(handoff) for handoff in others],
        asked={name: at for name, at in board.asked.items() if name in shown},
        replies=board.replies,
    )
