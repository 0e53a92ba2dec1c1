"""
The life of a handoff: states, moves, and the table of the only edges.

                      enqueue (has a place)            enqueue (no place)
                              │                               │
          ┌───────────────> queued ───overdue──────────> ticketed
          │                 │<───┼──────recall───────────┤    │
          │                 │    │                       ^    │
          │               offer  └─leave─> abandoned     │   take
          │                 v                            │    │
          ├─decline,lapse─ offered ─leave─> abandoned    │    │
          │                 │                            │    │
          │               claim                          │    │
          │                 v                            │    │
          └─lose,transfer─ active ───────defer───────────┘    │
                            │  ^──────────────────────────────┘
                          finish
                            v
                           wrap ───save───> closed
                            └──reopen──> active

``closed`` and ``abandoned`` are final. ``lose`` is the operator's console
falling silent; ``defer`` is ``lose`` or ``transfer`` after too many hops;
``reopen`` is a customer who wrote before the close took effect; ``recall`` brings
a ticket that is due to the front of the line, without taking the conversation
from the machine before somebody claims it. Each move raises the version and is one atomic compare-and-set in the store;
what it means for the conversation (owner, notice, hand-back) is written with
it as effects and carried out afterwards, in order, by the mover or the sweep.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from engines.contract import Locale, Risk
from gateway.handoff.errors import IllegalMove


class State(StrEnum):
    """Where a handoff stands."""

    #: In the line; waits for an operator.
    QUEUED = "queued"
    #: Shown to one operator, under a lease.
    OFFERED = "offered"
    #: One operator talks with the customer.
    ACTIVE = "active"
    #: The talk is over and the machine has the conversation; the operator wraps up.
    WRAP = "wrap"
    #: Done.
    CLOSED = "closed"
    #: A promise to answer by a time; the machine has the conversation.
    TICKETED = "ticketed"
    #: The customer no longer wants a person.
    ABANDONED = "abandoned"


class Move(StrEnum):
    """What may happen to a handoff."""

    OFFER = "offer"
    DECLINE = "decline"
    LAPSE = "lapse"
    CLAIM = "claim"
    FINISH = "finish"
    REOPEN = "reopen"
    SAVE = "save"
    LOSE = "lose"
    TRANSFER = "transfer"
    DEFER = "defer"
    OVERDUE = "overdue"
    TAKE = "take"
    RECALL = "recall"
    LEAVE = "leave"


#: The only edges. Whatever is not here is refused.
EDGES: dict[tuple[State, Move], State] = {
    (State.QUEUED, Move.OFFER): State.OFFERED,
    (State.QUEUED, Move.OVERDUE): State.TICKETED,
    (State.QUEUED, Move.LEAVE): State.ABANDONED,
    (State.OFFERED, Move.CLAIM): State.ACTIVE,
    (State.OFFERED, Move.DECLINE): State.QUEUED,
    (State.OFFERED, Move.LAPSE): State.QUEUED,
    (State.OFFERED, Move.LEAVE): State.ABANDONED,
    (State.ACTIVE, Move.FINISH): State.WRAP,
    (State.ACTIVE, Move.LOSE): State.QUEUED,
    (State.ACTIVE, Move.TRANSFER): State.QUEUED,
    (State.ACTIVE, Move.DEFER): State.TICKETED,
    (State.WRAP, Move.REOPEN): State.ACTIVE,
    (State.WRAP, Move.SAVE): State.CLOSED,
    (State.TICKETED, Move.TAKE): State.ACTIVE,
    (State.TICKETED, Move.RECALL): State.QUEUED,
}

#: States in which an operator's capacity is used.
HELD = frozenset({State.OFFERED, State.ACTIVE, State.WRAP})

#: States that nothing leaves.
FINAL = frozenset({State.CLOSED, State.ABANDONED})

#: Stands between the id and the era in an owner's name; in no id.
ERA = "~"


class HandoffRequest(msgspec.Struct, frozen=True, kw_only=True):
    """
    A conversation that needs a person, as the dispatcher asks for it.

    Attributes:
        id: Made with the turn's commit; a retried request keeps it.

        reason: Code of :class:`engines.contract.Reason`.

        summary: One line for the operator: what the customer wants.

        context: What the operator should see of the decision, plain JSON:
            tier, complexity, intent, emotion, confidence, open task.
    """

    id: str
    conversation_id: str
    user_id: str
    channel: str
    reason: str
    risk: Risk
    summary: str
    locale: Locale
    created_ms: int
    context: dict[str, Any] = msgspec.field(default_factory=dict)


class Handoff(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One handoff. Times are wall-clock milliseconds; 0 means "not yet".

    Attributes:
        version: Rises with every move; a mover who read another is refused.

        epoch: Rises whenever the owner of the conversation changes; a reply
            under an older one is refused by the conversation.

        queued_ms: When it first came to the line; going back keeps it.

        deadline_ms: Orders the line, earliest first; going back keeps it.

        expires_ms: In the line after this: a ticket.

        due_ms: When the present state times out; 0 if it does not.

        operator: Who holds it, by account name.

        excluded: Operators it is not offered to, and until when.

        era: Times people took the conversation anew after it was given back.

        hops: Times it went back to the line from an operator.

        promised_ms: Time promised to the customer, once it was a ticket.

        needs: Skills it is offered for first; the language is one of them.

        weight: Units of an operator's capacity that it takes.

        wanted / wanted_until_ms: Only this operator gets it until then.

        is_recalled: A due ticket in the line; the machine has the conversation.

        told_s: Wait the customer was told, (p50, p90) seconds; None if none.

        replied_ms: When the operator who has it first said something.
    """

    id: str
    conversation_id: str
    user_id: str
    channel: str
    reason: str
    risk: Risk
    summary: str
    locale: Locale
    created_ms: int
    state: State
    version: int
    queued_ms: int
    deadline_ms: int
    expires_ms: int
    since_ms: int
    context: dict[str, Any] = msgspec.field(default_factory=dict)
    epoch: int = 0
    era: int = 0
    due_ms: int = 0
    operator: str = ""
    operator_display: str = ""
    excluded: dict[str, int] = msgspec.field(default_factory=dict)
    hops: int = 0
    promised_ms: int = 0
    claimed_ms: int = 0
    closed_ms: int = 0
    outcome: str = ""
    needs: tuple[str, ...] = ()
    weight: int = 1
    wanted: str = ""
    wanted_until_ms: int = 0
    is_recalled: bool = False
    told_s: tuple[int, int] | None = None
    replied_ms: int = 0

    @property
    def owner(self) -> str:
        """
        Name under which people own the conversation.

        A name that gave the conversation back can't own it again, so a ticket
        that is taken up gets a new one.
        """
        return f"{self.id}{ERA}{self.era}" if self.era else self.id

    @property
    def is_held(self) -> bool:
        """True while it uses an operator's capacity."""
        return self.state in HELD


def id_of_owner(owner: str) -> str:
    """The handoff behind the name that owns a conversation."""
    return owner.partition(ERA)[0]


def target(handoff: Handoff, move: Move) -> State:
    """
    The state *move* leads to.

    Raises:
        IllegalMove: If the table has no such edge.
    """
    try:
        return EDGES[handoff.state, move]
    except KeyError:
        raise IllegalMove(handoff.id, handoff.state, move) from None
