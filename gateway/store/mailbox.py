"""
What goes into a conversation's mailbox, and what comes out.

Data, results and state are opaque bytes: the store never looks inside.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gateway.store import keys
from gateway.store.errors import StoreMisused


Outcome = Literal["leased", "waiting", "human", "repeat", "conflict"]

#: Kind and data of something that happened; the kind ``m`` is the store's own.
EventIn = tuple[str, bytes]


class NewMessage(msgspec.Struct, frozen=True):
    """
    A customer message at the door.

    Attributes:
        fingerprint: Hash of sender and text: the same id with another
            fingerprint is a conflict, not a repeat.

        event: The message as it will stand in the log.

        route: Where replies are pushed to, opaque; empty if nobody is pushed.

        sent_at_ms: Wall clock when the platform had it, 0 if it does not say, -1 if
            that says nothing of which sends it counts.
    """

    channel: str
    message_id: str
    fingerprint: str
    event: bytes
    route: bytes = b""
    sent_at_ms: int = 0


class Pending(msgspec.Struct, frozen=True):
    """
    A message that nobody has disposed of yet.

    Attributes:
        tries: How often a worker had it before and did not finish.
    """

    seq: int
    message_id: str
    channel: str
    event: bytes
    tries: int


class Accepted(msgspec.Struct, frozen=True):
    """
    What became of a message at the door. It is on disk by now.

    Attributes:
        seq: Event number of the message; of the first one if it is a repeat.

        epoch: Of the lease, if *outcome* is ``leased``; else 0.

        state: Written by the last commit, empty if none; for ``leased`` and
            ``human`` only.

        result: Of a repeated message that was disposed of; None while it is
            still pending.

        owner: Handoff id if a person owns the conversation, else empty.

        head: If leased while older mail waits (a worker died): the message to
            handle first. The accepted one comes with a later commit.
    """

    outcome: Outcome
    seq: int
    epoch: int = 0
    state: bytes = b""
    result: bytes | None = None
    owner: str = ""
    head: Pending | None = None


class Lease(msgspec.Struct, frozen=True):
    """The right to work on a conversation now; *epoch* fences it."""

    shop: str
    conversation: str
    epoch: int


class Committed(msgspec.Struct, frozen=True):
    """
    A message is disposed of, on disk.

    Attributes:
        seqs: Numbers of the events written, in order.

        next: The next message of the conversation, under the same, extended
            lease; None if nothing waits and the lease was given back.

        state: As committed: what *next* starts from.
    """

    seqs: list[int]
    next: Pending | None
    state: bytes


class Takeover(msgspec.Struct, frozen=True):
    """A conversation whose worker is gone, now leased to this one."""

    lease: Lease
    pending: Pending
    state: bytes


class Event(msgspec.Struct, frozen=True):
    """One entry of a conversation's log; customer messages have the kind ``m``."""

    n: int
    kind: str
    data: bytes


class OutboxEntry(msgspec.Struct, frozen=True):
    """
    Something to send or to hand on, written with the commit that caused it.

    Attributes:
        id: Rises within a bucket; handle entries in this order.
    """

    id: str
    conversation: str
    data: bytes


class WakeUp(msgspec.Struct, frozen=True):
    """Something happened in a conversation: *n* is its last event's number."""

    shop: str
    conversation: str
    n: int


def pending(seq: int, tries: int, mail: bytes, event: bytes) -> Pending:
    """Build a pending message from a function's reply."""
    channel, message_id = keys.unmail(mail)
    return Pending(seq, message_id, channel, event, tries)


def accepted(reply: list[Any]) -> Accepted | None:  # noqa: PLR0911 - one per reply
    """Read the reply of ``accept.lua``; None if the mailbox is full."""
    if reply[0] == 1 and len(reply) == 4:  # noqa: PLR2004 - nearly all are this one
        return Accepted("leased", *reply[1:])
    match reply:
        case [1, seq, epoch, state, *head]:
            return Accepted("leased", seq, epoch, state, head=pending(*head))
        case [2, seq]:
            return Accepted("waiting", seq)
        case [3, seq, owner, state]:
            return Accepted("human", seq, 0, state, owner=owner.decode())
        case [4, seq]:
            return Accepted("repeat", seq)
        case [4, seq, result]:
            return Accepted("repeat", seq, result=result)
        case [5, seq]:
            return Accepted("conflict", seq)
    return None


def event(entry: list[Any]) -> Event:
    """Build an event from an entry of the log."""
    number, fields = entry
    kind = fields[1].decode()
    return Event(int(number.partition(b"-")[0]), kind, fields[-1])


def check_kind(kind: str) -> None:
    """
    Refuse to write a customer message as an event.

    Raises:
        StoreMisused: If *kind* is the store's own.
    """
    if kind == "m":
        raise StoreMisused("events of the kind 'm' are customer messages")
