"""
Conversations that fell silent, each of their contacts to be counted once.

    {shop:}oe   up to when silence was looked at (string, opaque)
    {shop:}om   somebody looks, or did not long ago (string, expires)

Stands on the due index, which keeps every conversation at the time it was last
touched: a look costs what fell silent since the last one, however many others there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from gateway.store import keys, mailbox
from gateway.store.mailbox import Event
from gateway.store.shop_record import ShopRecord


#: Conversations read at once: few, so that decoding them never holds the loop up.
AT_ONCE = 16
#: Buckets looked at in one round trip.
_BUCKETS = 32


class Silent(msgspec.Struct, frozen=True, kw_only=True):
    """
    A conversation that fell silent.

    Attributes:
        channel: Of its last customer message; empty if the log has none.

        mark: Number of the last event that was counted before, 0 for none.

        events: What came after it, oldest first.
    """

    conversation: str
    channel: str
    mark: int
    events: tuple[Event, ...]


class EndingStore(ShopRecord):
    """What fell silent in a shop, and what was counted of it."""

    KIND = "oe"

    async def is_mine(self, shop: str, every_ms: int) -> bool:
        """True for one caller in *every_ms*: that one looks."""
        return await self._marks_first(keys.shop_key(shop, "om"), every_ms)

    async def silent(
        self, shop: str, after_ms: int, until_ms: int
    ) -> AsyncIterator[list[Silent]]:
        """
        Conversations last touched after *after_ms* and up to *until_ms* (the store's
        clock) for which no mail waits, some at a time.
        """
        for first in range(0, keys.BUCKETS, _BUCKETS):
            found = await asyncio.gather(
                *(
                    self._touched(shop, bucket, after_ms, until_ms)
                    for bucket in range(first, first + _BUCKETS)
                )
            )
            names = [name for part in found for name in part]
            for at in range(0, len(names), AT_ONCE):
                part = names[at : at + AT_ONCE]
                yield await asyncio.gather(*(self._read(shop, one) for one in part))

    async def conclude(self, shop: str, seen: Silent, last: int) -> bool:
        """Take the contacts up to event *last* for counting; False if others did."""
        at = keys.of_conversation(shop, seen.conversation)
        reply = await self._scripts.call(
            "conclude", (at.conversation,), (seen.mark, last)
        )
        return bool(reply)

    async def take_last(self, shop: str, customer: str) -> bytes | None:
        """How *customer*'s last contact ended; it is forgotten with this."""
        key = keys.ending(shop, customer)
        found: bytes | None = await self._scripts.command(key, "GETDEL", key)
        return found

    async def put_last(
        self, shop: str, customer: str, ending: bytes, life_ms: int
    ) -> None:
        """Keep how *customer*'s contact ended for *life_ms*."""
        key = keys.ending(shop, customer)
        await self._scripts.command(key, "SET", key, ending, "PX", life_ms)

    async def _touched(
        self, shop: str, bucket: int, after_ms: int, until_ms: int
    ) -> list[str]:
        due = keys.due(shop, bucket)
        names = await self._scripts.command(
            due, "ZRANGE", due, -until_ms, f"({-after_ms}", "BYSCORE"
        )
        return [keys.unescape(name) for name in names]

    async def _read(self, shop: str, conversation: str) -> Silent:
        at = keys.of_conversation(shop, conversation)
        found = await self._scripts.command(
            at.conversation, "HGET", at.conversation, "z"
        )
        mark = int(found or 0)
        entries = await self._scripts.command(
            at.log, "XRANGE", at.log, f"{mark + 1}-0", "+"
        )
        return Silent(
            conversation=conversation,
            channel=_channel(entries),
            mark=mark,
            events=tuple(mailbox.event(entry) for entry in entries),
        )


def _channel(entries: list[Any]) -> str:
    """Messages of customers name their mail, and with it their channel."""
    for _, fields in reversed(entries):
        if fields[1] == b"m":
            return keys.unmail(fields[3])[0]
    return ""
