"""
Conversations: accepted once, handled in order by one worker at a time.

    accept ──leased──> work ──commit──> done, or the next message
       │ waiting            │ renew while it takes long
       │ human              ├─ release: drain, another worker sweeps it at once
       │ repeat, conflict   └─ worker dies: sweep takes it over with a new epoch

A person takes over with :meth:`Ownership.own` (any lease ends), talks with
:meth:`Ownership.say` and returns it with :meth:`Ownership.hand_back`.

Every method is one atomic function on the server and is safe to repeat after
:class:`StoreUnavailable`: repeated, it tells what happened and writes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from gateway.store import keys, mailbox
from gateway.store.connection import Scripts
from gateway.store.errors import (
    MailboxFull,
    StaleLease,
)
from gateway.store.mailbox import (
    Accepted,
    Committed,
    Event,
    EventIn,
    Lease,
    NewMessage,
    Takeover,
    WakeUp,
    check_kind,
)
from gateway.store.ownership import Ownership
from gateway.store.upkeep import Upkeep


class Conversations(Ownership, Upkeep):
    """
    The mailboxes of all shops, as one worker uses them.

    Args:
        worker: Name of this worker; another worker has another name.

        lease_ms: A worker that is silent for longer loses its conversations.

        dedup_ttl_s: A message id is remembered for this long; at least the
            longest time in which a channel repeats a delivery.

        log_keep: Events kept per conversation; undisposed mail always is.

        max_pending: Undisposed messages of one conversation; more are refused.
    """

    def __init__(
        self,
        scripts: Scripts,
        worker: str,
        *,
        lease_ms: int = 15_000,
        dedup_ttl_s: int = 7 * 86_400,
        log_keep: int = 500,
        max_pending: int = 1_000,
    ) -> None:
        Ownership.__init__(self, scripts, dedup_ttl_s=dedup_ttl_s, log_keep=log_keep)
        Upkeep.__init__(self, scripts, worker)
        self._lease_ms = str(lease_ms)
        self._max_pending = max_pending

    async def accept(
        self,
        shop: str,
        conversation: str,
        message: NewMessage,
        human_result: bytes = b"",
    ) -> Accepted:
        """
        Take a message in: deduplicated, numbered, logged, on disk.

        *human_result* and the owner's name become its result if a person owns
        the conversation: it needs nothing further from the machine.

        Raises:
            MailboxFull: If too much undisposed mail waits.
            StoreUnavailable: If it is not known whether it was accepted.
        """
        at = keys.of_conversation(shop, conversation)
        mail = keys.mail(message.channel, message.message_id)
        reply = await self._scripts.call(
            "accept",
            (at.conversation, at.log, at.dedup + mail, at.due, at.deliveries),
            (
                message.fingerprint,
                message.event,
                mail,
                self._worker,
                self._lease_ms,
                self._dedup_ttl_ms,
                self._max_pending,
                human_result,
                self._log_keep,
                at.name,
                at.channel,
                message.route,
                message.sent_at_ms,
            ),
        )
        accepted = mailbox.accepted(reply)
        if accepted is None:
            raise MailboxFull(shop, conversation, self._max_pending)
        return accepted

    async def commit(
        self,
        lease: Lease,
        *,
        seq: int,
        message_id: str,
        channel: str,
        result: bytes,
        events: Sequence[EventIn],
        state: bytes,
        owner: str = "",
        outbox: Sequence[bytes] = (),
        human_result: bytes = b"",
    ) -> Committed:
        """
        Dispose of the oldest undisposed message.

        With *owner* (a handoff id) the machine falls silent from here on:
        mail that waits gets *human_result* and belongs to the person.

        Raises:
            StaleLease: If another worker or a person has the conversation.
            ScriptError: ``NOTOLDEST`` if *seq* is not the oldest message.
            StoreUnavailable: If it is not known whether it was committed.
        """
        at = keys.of_conversation(lease.shop, lease.conversation)
        reply = await self._scripts.call(
            "commit",
            (
                at.conversation,
                at.log,
                at.dedup,
                at.due,
                at.outbox,
                at.deliveries,
            ),
            (
                lease.epoch,
                seq,
                keys.mail(channel, message_id),
                result,
                state,
                owner,
                self._lease_ms,
                self._log_keep,
                at.name,
                at.channel,
                human_result,
                len(events),
                *_flat(events),
                *outbox,
            ),
        )
        if reply[0] == 0:
            raise StaleLease(lease.shop, lease.conversation, lease.epoch)
        first = reply[1]
        return Committed(
            list(range(first, first + len(events))) if first else [],
            mailbox.pending(*reply[2:]) if len(reply) > 2 else None,  # noqa: PLR2004
            state,
        )

    async def renew(self, lease: Lease) -> bool:
        """Hold on to a lease; False if it is lost."""
        at = keys.of_conversation(lease.shop, lease.conversation)
        reply = await self._scripts.call(
            "renew",
            (at.conversation, at.due),
            (lease.epoch, self._lease_ms, at.name),
        )
        return bool(reply)

    async def release(self, lease: Lease) -> bool:
        """Give a lease back unfinished; the next sweep takes it. False if lost."""
        at = keys.of_conversation(lease.shop, lease.conversation)
        reply = await self._scripts.call(
            "release", (at.conversation, at.due), (lease.epoch, at.name)
        )
        return bool(reply)

    async def sweep(self, shop: str, bucket: int, limit: int) -> list[Takeover]:
        """Take over conversations of a bucket whose lease ran out with mail left."""
        rows = await self._scripts.call(
            "sweep",
            (
                keys.due(shop, bucket),
                keys.conversation_prefix(shop, bucket),
                keys.log_prefix(shop, bucket),
            ),
            (self._worker, self._lease_ms, limit),
        )
        return [
            Takeover(
                Lease(shop, keys.unescape(name), epoch), mailbox.pending(*head), state
            )
            for name, epoch, state, *head in rows
        ]

    async def owner(self, shop: str, conversation: str) -> str:
        """Name under which people own a conversation; empty for the machine."""
        at = keys.of_conversation(shop, conversation)
        found = await self._scripts.command(
            at.conversation, "HGET", at.conversation, "o"
        )
        return bytes(found).decode() if found else ""

    async def given_back(self, shop: str, conversation: str) -> str:
        """Name of the owner that gave a conversation back last; empty for none."""
        at = keys.of_conversation(shop, conversation)
        found = await self._scripts.command(
            at.conversation, "HGET", at.conversation, "b"
        )
        return bytes(found).decode() if found else ""

    async def events(
        self, shop: str, conversation: str, after: int, limit: int
    ) -> list[Event]:
        """Events with a number above *after*, oldest first; old ones may be trimmed."""
        log = keys.of_conversation(shop, conversation).log
        entries = await self._scripts.command(
            log, "XRANGE", log, f"{after + 1}-0", "+", "COUNT", limit
        )
        return [mailbox.event(entry) for entry in entries]

    async def last_event(self, shop: str, conversation: str) -> Event | None:
        """The newest event; None if there is none any more."""
        log = keys.of_conversation(shop, conversation).log
        entries = await self._scripts.command(
            log, "XREVRANGE", log, "+", "-", "COUNT", 1
        )
        return mailbox.event(entries[0]) if entries else None

    async def wake_ups(self) -> AsyncGenerator[WakeUp, None]:
        """What happens in any conversation, at best effort; never ends."""
        async with self._scripts.subscribe(keys.WAKE_UPS) as heard:
            async for channel, payload in heard:
                shop, _ = keys.of_wake_up(channel)
                name, _, n = payload.rpartition(b" ")
                yield WakeUp(shop, keys.unescape(name), int(n))


def _flat(events: Sequence[EventIn]) -> list[str | bytes]:
    flat: list[str | bytes] = []
    for kind, data in events:
        check_kind(kind)
        flat += (kind, data)
    return flat
