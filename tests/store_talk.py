"""
Short names for what tests of the store do all the time.
"""

from __future__ import annotations

from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.mailbox import Accepted, Committed, Event, Lease, NewMessage, Pending


SHOP = "demo"


def message(name: str, *, text: str = "", channel: str = "web") -> NewMessage:
    """A message called *name*; the text decides its fingerprint."""
    text = text or f"text of {name}"
    return NewMessage(channel, name, f"fp:{text}", text.encode())


async def answer(
    store: Conversations,
    lease: Lease,
    pending: Pending,
    *,
    owner: str = "",
    outbox: tuple[bytes, ...] = (),
    human_result: bytes = b"",
) -> Committed:
    """Commit a reply that names the message it answers."""
    return await store.commit(
        lease,
        seq=pending.seq,
        message_id=pending.message_id,
        channel=pending.channel,
        result=b"result of " + pending.message_id.encode("utf-8", "surrogatepass"),
        events=[("reply", b"reply to " + pending.event)],
        state=b"state after " + pending.event,
        owner=owner,
        outbox=outbox,
        human_result=human_result,
    )


def lease_of(conversation: str, accepted: Accepted, shop: str = SHOP) -> Lease:
    """The lease that came with an accepted message."""
    assert accepted.outcome == "leased"
    return Lease(shop, conversation, accepted.epoch)


def as_pending(accepted: Accepted, sent: NewMessage) -> Pending:
    """An accepted message as the mail it is."""
    return Pending(accepted.seq, sent.message_id, sent.channel, sent.event, 0)


async def let_lease_run_out(
    scripts: Scripts, conversation: str, shop: str = SHOP
) -> None:
    """What the passing of time does to a lease, without the waiting."""
    at = keys.of_conversation(shop, conversation)
    await scripts.command(at.conversation, "HSET", at.conversation, "u", 1)
    await scripts.command(at.due, "ZADD", at.due, "XX", 1, at.name)


def texts(events: list[Event]) -> list[tuple[str, str]]:
    """Kind and text of each event."""
    return [(event.kind, event.data.decode()) for event in events]
