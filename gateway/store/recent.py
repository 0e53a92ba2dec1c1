"""
Conversations by their last activity, with all that happened in them.

Stands on the due index, which keeps every conversation at the time it was last
touched: what is older than wanted is never read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from gateway.store import keys, mailbox
from gateway.store.connection import Scripts
from gateway.store.mailbox import Event


#: Conversations read at once: few, so that decoding them never holds the loop up.
AT_ONCE = 16
#: Buckets looked at in one round trip.
_BUCKETS = 32


async def recent(
    scripts: Scripts, shop: str, since_ms: int
) -> AsyncIterator[list[tuple[str, list[Event]]]]:
    """
    Conversations touched since *since_ms* (wall clock), some at a time, each with the
    events that its log still has.

    Raises:
        StoreUnavailable: If the store does not answer.
    """
    for first in range(0, keys.BUCKETS, _BUCKETS):
        buckets = range(first, first + _BUCKETS)
        found = await asyncio.gather(
            *(_touched(scripts, shop, bucket, since_ms) for bucket in buckets)
        )
        names = [name for part in found for name in part]
        for at in range(0, len(names), AT_ONCE):
            part = names[at : at + AT_ONCE]
            logs = await asyncio.gather(*(_log(scripts, shop, one) for one in part))
            yield list(zip(part, logs, strict=True))


async def _touched(
    scripts: Scripts, shop: str, bucket: int, since_ms: int
) -> list[str]:
    """Below 0 stands minus the last activity; above, mail that waits for an answer."""
    due = keys.due(shop, bucket)
    idle, busy = await asyncio.gather(
        scripts.command(due, "ZRANGE", due, "-inf", -since_ms, "BYSCORE"),
        scripts.command(due, "ZRANGE", due, 0, "+inf", "BYSCORE"),
    )
    return [keys.unescape(name) for name in [*idle, *busy]]


async def _log(scripts: Scripts, shop: str, conversation: str) -> list[Event]:
    log = keys.of_conversation(shop, conversation).log
    entries = await scripts.command(log, "XRANGE", log, "-", "+")
    return [mailbox.event(entry) for entry in entries]
