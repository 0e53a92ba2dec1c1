"""
A conversation's events cut into contacts: what an outcome is counted of.

A conversation lasts for ever; a *contact* is one visit. It begins with a customer's
word and is over when nobody has said anything for an idle time and no person has the
conversation, a place in the line or a ticket for it. What a ticket gets as an answer
next morning still belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from engines.contract import Tier


#: Intents that ask for nothing.
SMALL_TALK = frozenset(
    {"", "greeting", "acknowledgement", "filler", "chitchat", "gibberish", "thanks"}
)
#: Ratings up to this say that the customer was not helped.
POOR = 2
#: States of a handoff in which people still have to do something.
_WITH_PEOPLE = frozenset({"queued", "offered", "active", "ticketed"})


class _Said(msgspec.Struct):
    intent: str = ""
    emotion: str = ""


class _Handed(msgspec.Struct):
    id: str
    state: str = ""


class Heard(msgspec.Struct):
    """The parts of a log entry that outcomes look at."""

    at_ms: int
    user_id: str = ""
    tier: Tier | None = None
    decision: _Said | None = None
    handoff: _Handed | None = None
    score: int = 0
    leaves: str = ""


class Contact(msgspec.Struct):
    """
    One visit of a customer.

    Attributes:
        messages: Words of the customer.

        asks: True once a word asked for something.

        replies: Answers by tier, fallbacks left out.

        leaves: What the last word of the machine left behind.

        waits: True while the customer's last word has no reply at all.

        handoffs: Ids of handoffs to people, oldest first.

        people: Where the last handoff stands, as the customer was told.

        asked_ms: When the first handoff was made.

        spoke_ms: When a person first said something.

        score: The customer's last rating; 0 for none.

        is_ticketed: True once a person's answer was promised for later.

        last: Place of its last event among those that were cut, from 0.
    """

    customer: str
    started_ms: int
    ended_ms: int
    messages: int = 0
    asks: bool = False
    replies: dict[Tier, int] = msgspec.field(default_factory=dict)
    leaves: str = ""
    emotion: str = ""
    waits: bool = False
    handoffs: list[str] = msgspec.field(default_factory=list)
    people: str = ""
    first_ms: int = 0
    asked_ms: int = 0
    spoke_ms: int = 0
    score: int = 0
    is_ticketed: bool = False
    last: int = 0

    @property
    def is_with_people(self) -> bool:
        """True while people still have to do something."""
        return self.people in _WITH_PEOPLE

    def takes(self, kind: str, heard: Heard) -> None:
        """Count one event in."""
        self.ended_ms = max(self.ended_ms, heard.at_ms)
        if kind == "m":
            self.messages += 1
            self.waits = True
        elif kind == "r":
            self._replied(heard)
        elif kind == "o":
            self.spoke_ms = self.spoke_ms or heard.at_ms
            self._responded(heard.at_ms)
        elif kind == "s":
            self._noticed(heard)
        elif kind == "g":
            self.score = heard.score

    def _replied(self, heard: Heard) -> None:
        self.leaves = heard.leaves
        if heard.decision is not None:
            self.asks = self.asks or heard.decision.intent not in SMALL_TALK
            self.emotion = heard.decision.emotion
        if heard.tier is not None and heard.leaves != "fallback":
            self.replies[heard.tier] = self.replies.get(heard.tier, 0) + 1
        self._responded(heard.at_ms)

    def _responded(self, at_ms: int) -> None:
        self.waits = False
        self.first_ms = self.first_ms or at_ms

    def _noticed(self, heard: Heard) -> None:
        if heard.handoff is None:
            return
        self.waits = False
        self.people = heard.handoff.state
        self.is_ticketed = self.is_ticketed or self.people == "ticketed"
        if heard.handoff.id not in self.handoffs:
            self.handoffs.append(heard.handoff.id)
            self.asked_ms = self.asked_ms or heard.at_ms
            self.asks = True


_decode = msgspec.json.Decoder(Heard).decode


def cut(events: Iterable[tuple[str, bytes]], idle_ms: int) -> Iterator[Contact]:
    """
    The contacts of one conversation, oldest first.

    Args:
        events: Kind and encoded body of every log entry, oldest first. What came
            before the first customer's word (the log is trimmed) is passed over.

        idle_ms: Silence after which the next word begins a new contact.
    """
    now: Contact | None = None
    for place, (kind, data) in enumerate(events):
        heard = _decode(data)
        if kind == "m" and _is_new(now, heard, idle_ms):
            if now is not None:
                yield now
            now = Contact(heard.user_id, heard.at_ms, heard.at_ms)
        if now is not None:
            now.takes(kind, heard)
            now.last = place
    if now is not None:
        yield now


def _is_new(now: Contact | None, heard: Heard, idle_ms: int) -> bool:
    if now is None or now.customer != heard.user_id:
        return True
    return not now.is_with_people and heard.at_ms - now.ended_ms > idle_ms
