"""
The action ledger as L3 sees it: records, their states, and the port.

    proposed ──confirm──> confirmed ──begin──> executing ──finish──> done
       │   └─confirm──> awaiting_approval      ▲   │
       │                  │  └─approve─> approved  │
       ├─reject/expire─> rejected <─reject──┘      ├──> failed   (refused, nothing changed)
       │                                           ├──> unknown ──> executing | done
       └─> superseded (a newer proposal of         │               | failed | parked
                       the same task)              └──> compensating ──> compensated
                                                                     └─> parked

A confirmed or approved action may still be rejected, until it is executing.

``executing`` may lead to itself: the receipt of one step is on disk before the
next step is sent, and so is the intent to send a step again that was looked up and
had not taken place. If a later step is refused, the earlier ones are taken back,
last first (``compensating``), each under a key of its own.

An action takes effect at most once: ``begin`` is on disk before the shop is
called, the idempotency key belongs to the record, and an ``executing`` record
found after a crash is looked up at the shop, never blindly sent again.

    LedgerError
    ├── LedgerUnavailable  no answer: whether it was written is not known
    ├── ActionNotFound
    ├── ActionConflict     the record moved since it was read
    └── OrderBusy          another action works on the order
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec


class ActionState(StrEnum):
    """Where an action stands."""

    #: Computed and shown; waits for the customer's consent.
    PROPOSED = "proposed"
    #: The customer agreed; nothing was sent yet.
    CONFIRMED = "confirmed"
    #: The customer agreed; an operator has to.
    AWAITING_APPROVAL = "awaiting_approval"
    #: An operator approved it; nothing was sent yet.
    APPROVED = "approved"
    #: Intent is on disk; the shop may have been called.
    EXECUTING = "executing"
    #: The receipt is in the record.
    DONE = "done"
    #: The shop refused; nothing changed.
    FAILED = "failed"
    #: The customer declined, or the proposal ran out.
    REJECTED = "rejected"
    #: A newer proposal took its place.
    SUPERSEDED = "superseded"
    #: Sent, and nobody knows what became of it.
    UNKNOWN = "unknown"
    #: A later step was refused; what took place is being taken back.
    COMPENSATING = "compensating"
    #: All that took place was taken back; nothing stays changed.
    COMPENSATED = "compensated"
    #: A person settles it.
    PARKED = "parked"


#: The only edges; the store refuses every other.
EDGES: dict[ActionState, frozenset[ActionState]] = {
    ActionState.PROPOSED: frozenset(
        {
            ActionState.CONFIRMED,
            ActionState.AWAITING_APPROVAL,
            ActionState.REJECTED,
            ActionState.SUPERSEDED,
        }
    ),
    ActionState.AWAITING_APPROVAL: frozenset(
        {ActionState.APPROVED, ActionState.REJECTED}
    ),
    ActionState.APPROVED: frozenset({ActionState.EXECUTING, ActionState.REJECTED}),
    ActionState.CONFIRMED: frozenset({ActionState.EXECUTING, ActionState.REJECTED}),
    ActionState.EXECUTING: frozenset(
        {
            ActionState.EXECUTING,
            ActionState.DONE,
            ActionState.FAILED,
            ActionState.UNKNOWN,
            ActionState.COMPENSATING,
        }
    ),
    ActionState.UNKNOWN: frozenset(
        {
            ActionState.EXECUTING,
            ActionState.DONE,
            ActionState.FAILED,
            ActionState.PARKED,
        }
    ),
    ActionState.COMPENSATING: frozenset(
        {ActionState.COMPENSATING, ActionState.COMPENSATED, ActionState.PARKED}
    ),
    ActionState.COMPENSATED: frozenset(),
    ActionState.DONE: frozenset(),
    ActionState.FAILED: frozenset(),
    ActionState.REJECTED: frozenset(),
    ActionState.SUPERSEDED: frozenset(),
    ActionState.PARKED: frozenset(),
}


#: States that must come to an end before anything else is said of the action.
UNSETTLED = frozenset(
    {
        ActionState.CONFIRMED,
        ActionState.APPROVED,
        ActionState.EXECUTING,
        ActionState.UNKNOWN,
        ActionState.COMPENSATING,
    }
)

#: Nothing was changed by the action, or all of it was taken back.
WITHOUT_EFFECT = frozenset({ActionState.FAILED, ActionState.COMPENSATED})

#: In place of a recipe: all that are bounded together.
ALL_RECIPES = "*"

#: What the first hash of a record follows.
UNLINKED = "0" * 64

#: Kind of a step that only tells the customer and is never taken back.
NOTIFY = "notify"


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One effect inside an action: its own key, and its receipt once known.

    Attributes:
        undone: Receipt of the effect that took it back.
    """

    kind: str
    key: str
    receipt: str = ""
    detail: dict[str, Any] = msgspec.field(default_factory=dict)
    undone: str = ""


class ActionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """
    One action with its whole life.

    Attributes:
        id: Derived from turn and recipe, so a repeated turn finds its record.

        version: Rises with every move; a stale mover is refused.

        args: Canonical arguments, grounded and complete.

        order_version: Version of the order the proposal was computed on; if
            the order moved, the proposal is void.

        amount_minor: To the customer positive, from the customer negative.

        clauses: Policy clauses that allowed it, for example
            ``refund_item.window``.

        before / after: What the action read and what it leaves, for people.

        history: (time in ms, state, why) of every move, oldest first.

        chain: A hash for every version that was written, see :func:`linked`;
            empty in records that are not written yet, or were before there were
            chains.
    """

    id: str
    shop: str
    conversation_id: str
    user_id: str
    recipe: str
    state: ActionState
    version: int
    args: dict[str, Any]
    order_id: str
    order_version: int
    amount_minor: int
    currency: str
    summary: str
    clauses: tuple[str, ...]
    steps: tuple[Step, ...]
    created_ms: int
    expires_ms: int
    before: dict[str, Any] = msgspec.field(default_factory=dict)
    after: dict[str, Any] = msgspec.field(default_factory=dict)
    history: tuple[tuple[int, str, str], ...] = ()
    chain: tuple[str, ...] = ()


def linked(record: ActionRecord) -> ActionRecord:
    """*record* as it is to be written: with one more hash, on the one before and on all of it."""
    made = _link(record, record.chain)
    return msgspec.structs.replace(record, chain=(*record.chain, made))


def is_linked(record: ActionRecord) -> bool:
    """
    Tell if the record is what its last hash was made of.

    Whoever changes a record and makes the hash anew is found by an earlier export,
    whose hashes must be the beginning of the record's.
    """
    *before, last = record.chain or ("",)
    return last == _link(record, tuple(before))


def _link(record: ActionRecord, before: tuple[str, ...]) -> str:
    """SHA-256, in hex, of the hash before (zeros for the first) and the rest as JSON."""
    previous = before[-1] if before else UNLINKED
    bare = msgspec.structs.replace(record, chain=())
    body = msgspec.json.encode(bare, order="sorted")
    return hashlib.sha256(previous.encode() + b"\n" + body).hexdigest()


def steps_with(
    record: ActionRecord, position: int, **fields: object
) -> tuple[Step, ...]:
    """The record's steps, with *fields* of one of them changed."""
    steps = list(record.steps)
    steps[position] = msgspec.structs.replace(steps[position], **fields)
    return tuple(steps)


class Ceiling(msgspec.Struct, frozen=True):
    """
    A bound on what is given over time, in minor units.

    Attributes:
        per_shop: Over all customers, instead of this one's.

        over_all: Over all recipes that are bounded so, instead of this one.
    """

    window_ms: int
    minor: int
    per_shop: bool = False
    over_all: bool = False


class Ledger(Protocol):
    """Durable records of actions. Every call returns after the write is on disk."""

    async def propose(self, record: ActionRecord) -> ActionRecord:
        """Write a new record in state ``proposed``; the same id returns what is there."""
        ...

    async def get(
        self, shop: str, conversation_id: str, action_id: str
    ) -> ActionRecord:
        """
        Read one record.

        Raises:
            ActionNotFound: If this conversation has no such action.
        """
        ...

    async def move(
        self,
        record: ActionRecord,
        to: ActionState,
        why: str,
        *,
        steps: tuple[Step, ...] | None = None,
        after: dict[str, Any] | None = None,
    ) -> ActionRecord:
        """
        Move *record* along one edge, atomically, and return the new record.

        Raises:
            ActionConflict: If the stored version is not *record*'s, or the
                edge does not exist.
        """
        ...

    async def spent(
        self, shop: str, user_id: str, recipe: str, window_ms: int, *, but: str = ""
    ) -> int:
        """
        What *recipe* gave a customer within the window, in minor units.

        An empty *user_id* means all customers of the shop; the action *but* is
        not counted.
        """
        ...

    async def reserve(self, record: ActionRecord, ceilings: Sequence[Ceiling]) -> bool:
        """
        Count the record's amount, once, unless it would exceed a ceiling.

        Two actions of one customer can never exceed a ceiling together,
        however close they come.
        """
        ...

    async def release(self, record: ActionRecord) -> None:
        """Take back what was counted for an action that did not take place."""
        ...

    async def hold(self, shop: str, order_id: str, action_id: str, ms: int) -> int:
        """Take an order for an action: the fencing token, or 0 if another has it."""
        ...

    async def keep(self, shop: str, order_id: str, token: int, ms: int) -> bool:
        """Hold on for *ms* more; False if the order was taken since."""
        ...

    async def let_go(self, shop: str, order_id: str, token: int) -> None:
        """Give an order back; one that was taken since stays taken."""
        ...


class LedgerError(Exception):
    """Base of what a ledger may raise."""


class LedgerUnavailable(LedgerError):
    """The ledger does not answer: whether it was written is not known."""


class ActionNotFound(LedgerError):
    """The conversation has no such action."""


class ActionConflict(LedgerError):
    """The record moved since it was read."""


class OrderBusy(LedgerError):
    """Another action works on the order; nothing more is sent by this one."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"another action works on order {order_id}")
        self.order_id = order_id
