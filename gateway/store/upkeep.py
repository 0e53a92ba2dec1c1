"""
What runs beside the conversation: sending the outbox, retention.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.mailbox import OutboxEntry


class Upkeep:
    """What background loops do to conversations."""

    def __init__(self, scripts: Scripts, worker: str) -> None:
        self._scripts = scripts
        self._worker = worker

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
