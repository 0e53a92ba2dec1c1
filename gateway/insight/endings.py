"""
How a contact ended, told once, when it is over: what counters of outcomes count.

The definitions are those of :mod:`gateway.insight.outcomes`; that module counts a
stretch of time over again, this one says of each contact what it became as it ends.
What comes later (a poor rating next day) changes the former alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

import msgspec

from engines.contract import Tier
from gateway.insight.contacts import Contact
from gateway.insight.outcomes import DAY_MS, DURABLE_DAYS, end_of, tier_of


#: How a contact that is over ended.
End = Literal["resolved", "abandoned", "unsatisfied", "unanswered", "small_talk"]
ENDS: tuple[End, ...] = get_args(End)
#: The same of contacts that asked for something.
REQUESTS = ENDS[:-1]
#: How people came in: not at all, from the line, or by a promise to answer later.
People = Literal["none", "line", "ticket"]
PEOPLE: tuple[People, ...] = get_args(People)
#: How long a customer who comes back comes back to something.
REPEAT_MS = DURABLE_DAYS * DAY_MS


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """
    What became of one contact.

    Attributes:
        tier: Who resolved it; of the others, the highest that answered.

        to_person_s: From the handoff to a person's first word; None without one.
    """

    end: End
    tier: Tier
    people: People
    customer: str
    started_ms: int
    ended_ms: int
    to_person_s: float | None = None


class Earlier(msgspec.Struct, frozen=True):
    """How a customer's contact before ended, as the store keeps it."""

    end: End
    tier: Tier
    ended_ms: int


def possible() -> Iterator[tuple[Tier, End, People]]:
    """Every combination of who, how and people that a contact can end with."""
    for tier in Tier:
        for end in ENDS:
            yield tier, end, "none"
    for end in REQUESTS:
        for people in PEOPLE[1:]:
            yield Tier.HUMAN, end, people


def ending_of(contact: Contact) -> Ending | None:
    """What became of a contact that fell silent; None while people have it."""
    if contact.is_with_people:
        return None
    has_person = bool(contact.spoke_ms and contact.asked_ms)
    waited_ms = max(0, contact.spoke_ms - contact.asked_ms)
    return Ending(
        end=_end(contact),
        tier=tier_of(contact),
        people=_people(contact),
        customer=contact.customer,
        started_ms=contact.started_ms,
        ended_ms=contact.ended_ms,
        to_person_s=waited_ms / 1000 if has_person else None,
    )


def _end(contact: Contact) -> End:
    if not (contact.asks or contact.waits):
        return "small_talk"
    end = end_of(contact, contact.ended_ms + 1, 0)
    # Nobody has it and it is silent: it cannot be open.
    assert end != "open"  # noqa: S101 - said above
    return end


def _people(contact: Contact) -> People:
    if not contact.handoffs:
        return "none"
    return "ticket" if contact.is_ticketed else "line"


def repeats(earlier: Earlier | None, now: Ending) -> bool:
    """Whether *now* is the customer's coming back: a request within 7 days."""
    return (
        earlier is not None
        and now.end != "small_talk"
        and earlier.ended_ms < now.ended_ms
        and now.started_ms <= earlier.ended_ms + REPEAT_MS
    )
