"""
Conversations: accepted once, handled in order by one worker at a time.

    accept ──leased──> work ──commit──> done, or the next message
       │ waiting            │ renew while it takes long
       │ human              ├─ release: drain, another worker sweeps it at once
       │ repeat, conflict   └─ worker dies: sweep takes it over with a new epoch

A person takes over with :meth:`Conversations.own` (any lease ends), talks with
:meth:`Conversations.say` and returns it with :meth:`Conversations.hand_back`.

Every method is one atomic function on the server and is safe to repeat after
:class:`StoreUnavailable`: repeated, it tells what happened and writes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from gateway.store import keys, mailbox
from gateway.store.connection import Scripts
from gateway.store.errors import (
    MailboxFull,
    StaleLease,
    StaleOwner,
    StoreMisused,
    UnseenMessage,
)
from gateway.store.mailbox import (
    Accepted,
    Committed,
    Event,
    EventIn,
    Lease,
    NewMessage,
    OutboxEntry,
    Takeover,
    WakeUp,
)


_NO_EVENT: EventIn = ("", b"")


class Conversations:
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
        self._scripts = scripts
        self._worker = worker
        self._lease_ms = str(lease_ms)
        self._dedup_ttl_ms = str(dedup_ttl_s * 1000)
        self._log_keep = str(log_keep)
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

        *human_result* becomes its result if a person owns the conversation:
        then the message needs nothing further from the machine.

        Raises:
            MailboxFull: If too much undisposed mail waits.
            StoreUnavailable: If it is not known whether it was accepted.
        """
        at = keys.of_conversation(shop, conversation)
        mail = keys.mail(message.channel, message.message_id)
        reply = await self._scripts.call(
            "accept",
            (at.conversation, at.log, at.dedup + mail, at.due),
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
            (at.conversation, at.log, at.dedup, at.due, at.outbox),
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

    async def events(
        self, shop: str, conversation: str, after: int, limit: int
    ) -> list[Event]:
        """Events with a number above *after*, oldest first; old ones may be trimmed."""
        log = keys.of_conversation(shop, conversation).log
        entries = await self._scripts.command(
            log, "XRANGE", log, f"{after + 1}-0", "+", "COUNT", limit
        )
        return [mailbox.event(entry) for entry in entries]

    async def own(
        self,
        shop: str,
        conversation: str,
        handoff_id: str,
        owner_epoch: int,
        *,
        event: EventIn = _NO_EVENT,
        human_result: bytes = b"",
    ) -> int:
        """
        A person takes the conversation; the number of its last event.

        Raises:
            StaleOwner: If another handoff owns it, this one was given back, or
                a newer claim of it holds.
        """
        at = keys.of_conversation(shop, conversation)
        _check_kind(event[0])
        reply = await self._scripts.call(
            "own",
            (at.conversation, at.log, at.dedup, at.due),
            (
                handoff_id,
                owner_epoch,
                human_result,
                *event,
                self._log_keep,
                at.name,
                at.channel,
            ),
        )
        return _unless_stale(reply, shop, conversation, handoff_id)

    async def say(
        self,
        shop: str,
        conversation: str,
        handoff_id: str,
        owner_epoch: int,
        *,
        line_id: str,
        event: EventIn,
        outbox: Sequence[bytes] = (),
    ) -> int:
        """
        Append an event of the owner, once per *line_id*; its number.

        Raises:
            StaleOwner: If this handoff is not the owner, or a newer claim holds.
        """
        at = keys.of_conversation(shop, conversation)
        _check_kind(event[0])
        reply = await self._scripts.call(
            "say",
            (
                at.conversation,
                at.log,
                at.dedup + keys.line(line_id),
                at.due,
                at.outbox,
            ),
            (
                handoff_id,
                owner_epoch,
                *event,
                self._dedup_ttl_ms,
                self._log_keep,
                at.name,
                at.channel,
                *outbox,
            ),
        )
        return _unless_stale(reply, shop, conversation, handoff_id)

    async def hand_back(
        self,
        shop: str,
        conversation: str,
        handoff_id: str,
        *,
        event: EventIn = _NO_EVENT,
        outbox: Sequence[bytes] = (),
        seen: int | None = None,
    ) -> int:
        """
        Return the conversation to the machine; the number of its last event.

        With *seen*, the last event its owner has read, nothing happens if a
        customer message came after it: nobody would answer that.

        Raises:
            StaleOwner: If another handoff owns it by now.
            UnseenMessage: If a customer message came after *seen*.
        """
        at = keys.of_conversation(shop, conversation)
        _check_kind(event[0])
        reply = await self._scripts.call(
            "hand_back",
            (at.conversation, at.log, at.outbox),
            (
                handoff_id,
                *event,
                self._log_keep,
                at.name,
                at.channel,
                "" if seen is None else seen,
                *outbox,
            ),
        )
        if reply[0] == 3:  # noqa: PLR2004 - a code of hand_back.lua
            raise UnseenMessage(shop, conversation, reply[1])
        return _unless_stale(reply, shop, conversation, handoff_id)

    async def outbox(
        self, shop: str, bucket: int, limit: int, *, lease_ms: int = 30_000
    ) -> list[OutboxEntry]:
        """
        Oldest entries of a bucket's outbox; empty while another worker drains it.

        At least once: after a crash the entries come again, with the same ids.
        """
        rows = await self._scripts.call(
            "outbox",
            (keys.outbox(shop, bucket), keys.outbox_lease(shop, bucket)),
            (self._worker, lease_ms, limit),
        )
        return [
            OutboxEntry(id_.decode(), keys.unescape(fields[1]), fields[3])
            for id_, fields in rows
        ]

    async def outbox_done(self, shop: str, bucket: int, ids: Sequence[str]) -> None:
        """Forget entries that were handled."""
        if ids:
            box = keys.outbox(shop, bucket)
            await self._scripts.command(box, "XDEL", box, *ids)

    async def idle(
        self, shop: str, bucket: int, before_ms: int, limit: int
    ) -> list[str]:
        """
        Conversations without waiting mail and silent since *before_ms* (wall clock).

        The hook of retention: read their events, put them into the archive,
        then :meth:`forget` them.
        """
        due = keys.due(shop, bucket)
        names = await self._scripts.command(
            due, "ZRANGE", due, -before_ms, "(0", "BYSCORE", "LIMIT", 0, limit
        )
        return [keys.unescape(name) for name in names]

    async def forget(self, shop: str, conversation: str, last: int) -> bool:
        """
        Drop log and state of an idle conversation archived up to event *last*.

        False if something happened since, waits, or a person owns it. Numbers
        of events go on where they stood.
        """
        at = keys.of_conversation(shop, conversation)
        reply = await self._scripts.call(
            "forget", (at.conversation, at.log, at.due), (last, at.name)
        )
        return bool(reply)

    async def wake_ups(self) -> AsyncIterator[WakeUp]:
        """What happens in any conversation, at best effort; never ends."""
        async with self._scripts.subscribe(keys.WAKE_UPS) as heard:
            async for channel, payload in heard:
                shop, _ = keys.of_wake_up(channel)
                name, _, n = payload.rpartition(b" ")
                yield WakeUp(shop, keys.unescape(name), int(n))


def _flat(events: Sequence[EventIn]) -> list[str | bytes]:
    flat: list[str | bytes] = []
    for kind, data in events:
        _check_kind(kind)
        flat += (kind, data)
    return flat


def _check_kind(kind: str) -> None:
    if kind == "m":
        raise StoreMisused("events of the kind 'm' are customer messages")


def _unless_stale(
    reply: list[int], shop: str, conversation: str, handoff_id: str
) -> int:
    if reply[0] == 0:
        raise StaleOwner(shop, conversation, handoff_id)
    return reply[1]
