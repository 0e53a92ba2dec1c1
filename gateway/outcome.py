"""
What became of a message, and what happened in a conversation, as the outside sees it.

A commit stores the encoded :class:`MessageOut` with the message id, so that a
repeat gives the same bytes. The log of a conversation keeps each event as an
encoded body of its kind; :func:`event_out` gives it its public shape.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from engines.contract import ActionRef, Citation, Decision, Tier


Status = Literal["answered", "queued", "ticketed", "pending"]
#: What a reply leaves behind: a question that the customer must answer for the matter
#: to go on, or nothing but the offer of a person.
Leaves = Literal["question", "fallback", ""]
Kind = Literal["message", "reply", "operator", "notice", "rating"]
CardKind = Literal["order", "image", "voice", "video", "file", "location", "sticker"]

#: Begins what the store keeps as the result of a message that a person reads; the
#: name of the conversation's owner follows. No encoded MessageOut begins like it.
WITH_PERSON = b"H"

#: Kind of a log entry in the store -> its public name.
KINDS: dict[str, Kind] = {
    "m": "message",
    "r": "reply",
    "o": "operator",
    "s": "notice",
    "g": "rating",
}


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Something beside a text: an order the customer points at, a picture, a file.

    Attributes:
        ref: The order's number, or the platform's own id.

        url: Where it can be seen; never fetched by the gateway.
    """

    kind: CardKind
    title: str = ""
    ref: str = ""
    url: str = ""
    amount_minor: int | None = None


class ReplyOut(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer is told."""

    text: str
    tier: Tier
    citations: tuple[Citation, ...] = ()
    actions: tuple[ActionRef, ...] = ()


class HandoffOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Where the conversation stands with people.

    Attributes:
        state: Of the handoff, where it is known: ``queued``, ``active``, …

        position: 1 is next; None once an operator has it.

        eta_s: Seconds to an operator, (p50, p90).

        promised_at: For a ticket, when it will be answered (RFC 3339).
    """

    id: str
    state: str = ""
    position: int | None = None
    eta_s: tuple[int, int] | None = None
    promised_at: str | None = None


class MessageOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What became of a message.

    Attributes:
        seq: Its number in the conversation's events.
    """

    message_id: str
    seq: int
    status: Status
    reply: ReplyOut | None = None
    decision: Decision | None = None
    handoff: HandoffOut | None = None


class EventOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Something that happened in a conversation.

    Attributes:
        n: Its number; ask for what came after the last one seen.

        kind: ``message`` (customer), ``reply`` (machine), ``operator``,
            ``notice`` (a change of owner or state), ``rating`` (by the customer).

        score: Of a rating, 1 (worst) to 5.
    """

    n: int
    kind: Kind
    at_ms: int = 0
    text: str = ""
    message_id: str = ""
    user_id: str = ""
    tier: Tier | None = None
    citations: tuple[Citation, ...] = ()
    actions: tuple[ActionRef, ...] = ()
    decision: Decision | None = None
    operator: str = ""
    handoff: HandoffOut | None = None
    cards: tuple[Card, ...] = ()
    score: int = 0


class EventBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    An event as the log keeps it: everything but its number and kind.

    Attributes:
        leaves: Of a reply, for the count of outcomes: what it leaves behind.
    """

    at_ms: int
    text: str = ""
    message_id: str = ""
    user_id: str = ""
    locale: str = ""
    tier: Tier | None = None
    citations: tuple[Citation, ...] = ()
    actions: tuple[ActionRef, ...] = ()
    decision: Decision | None = None
    operator: str = ""
    handoff: HandoffOut | None = None
    cards: tuple[Card, ...] = ()
    score: int = 0
    leaves: Leaves = ""
    meta: dict[str, str | int | float | bool | None] | None = None


_body_decoder = msgspec.json.Decoder(EventBody)
encode = msgspec.json.Encoder().encode


def with_person(owner: str) -> bytes:
    """The stored result of a message that *owner* reads."""
    return WITH_PERSON + owner.encode()


def event_out(n: int, kind: str, data: bytes) -> EventOut:
    """Give a log entry its public shape."""
    body = _body_decoder.decode(data)
    return EventOut(
        n=n,
        kind=KINDS[kind],
        at_ms=body.at_ms,
        text=body.text,
        message_id=body.message_id,
        user_id=body.user_id,
        tier=body.tier,
        citations=body.citations,
        actions=body.actions,
        decision=body.decision,
        operator=body.operator,
        handoff=body.handoff,
        cards=body.cards,
        score=body.score,
    )
