"""
Counts contacts as they end, each once, whichever worker looks.

A contact is over when the idle time has passed after its last word and no person has
it. One worker at a time looks at what fell silent since the last look; a mark on the
conversation lets nobody count a contact twice. A worker that dies between mark and
count loses what it held: these are figures, and no customer is waiting for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

import msgspec

from gateway.insight.contacts import cut
from gateway.insight.endings import (
    REPEAT_MS,
    Earlier,
    Ending,
    ending_of,
    repeats,
)
from gateway.store.connection import Scripts
from gateway.store.endings import EndingStore, Silent
from gateway.telemetry import Telemetry


#: Seconds between two looks.
LOOK_S = 15.0
#: What clocks of workers and store may differ by: a contact is over that much later.
SLACK_MS = 1000


class _Cursor(msgspec.Struct, frozen=True):
    """
    Attributes:
        since_ms: When counting began; what ended before is history.

        until_ms: Last activity up to which everything was looked at.
    """

    since_ms: int
    until_ms: int


_cursor = msgspec.json.Decoder(_Cursor).decode
_earlier = msgspec.json.Decoder(Earlier).decode
_encode = msgspec.json.Encoder().encode


class EndingsKeeper:
    """
    Looks for contacts that are over, and counts them.

    Args:
        shops: Shop -> its channels.
    """

    EVERY_S: ClassVar = LOOK_S

    def __init__(
        self,
        scripts: Scripts,
        telemetry: Telemetry,
        shops: Mapping[str, Sequence[str]],
        wall_ms: Callable[[], int],
        *,
        idle_ms: int,
    ) -> None:
        self._store = EndingStore(scripts)
        self._telemetry = telemetry
        self._shops = tuple(shops)
        self._wall_ms = wall_ms
        self._idle_ms = idle_ms
        for shop, channels in shops.items():
            telemetry.contacts_begin(shop, channels)

    async def look(self) -> None:
        """Count what is over in every shop, unless another worker does."""
        for shop in self._shops:
            if await self._store.is_mine(shop, int(LOOK_S * 1000 / 2)):
                await self.count(shop)

    async def count(self, shop: str) -> int:
        """Count what is over in *shop*; how many contacts that were."""
        until_ms = self._wall_ms() - self._idle_ms - SLACK_MS
        known = await self._store.read(shop)
        cursor = _cursor(known) if known else _Cursor(until_ms, until_ms)
        counted = 0
        async for part in self._store.silent(shop, cursor.until_ms, until_ms):
            for one in part:
                counted += await self._conclude(shop, one, cursor.since_ms)
        if until_ms > cursor.until_ms or not known:
            moved = _Cursor(cursor.since_ms, max(until_ms, cursor.until_ms))
            await self._store.write(shop, _encode(moved))
        return counted

    async def _conclude(self, shop: str, silent: Silent, since_ms: int) -> int:
        endings = list(_endings(silent, self._idle_ms))
        if not endings:
            return 0
        last = endings[-1][0]
        if not await self._store.conclude(shop, silent, last):
            return 0
        found = [one for _, one in endings if one.ended_ms > since_ms]
        for one in found:
            earlier = await self._earlier(shop, one)
            self._telemetry.contact_ended(shop, silent.channel, one, earlier)
        return len(found)

    async def _earlier(self, shop: str, one: Ending) -> Earlier | None:
        """What the customer came back to, if so; *one* is the last from now on."""
        if one.end == "small_talk":
            return None
        found = await self._store.take_last(shop, one.customer)
        earlier = _earlier(found) if found else None
        record = _encode(Earlier(one.end, one.tier, one.ended_ms))
        # It is looked at when the next contact has ended: that may take a while.
        life_ms = REPEAT_MS * 2
        await self._store.put_last(shop, one.customer, record, life_ms)
        return earlier if repeats(earlier, one) else None


def _endings(silent: Silent, idle_ms: int) -> Iterator[tuple[int, Ending]]:
    """Each contact that is over, with the number of its last event."""
    events = silent.events
    for contact in cut(((one.kind, one.data) for one in events), idle_ms):
        ending = ending_of(contact)
        if ending is None:
            return
        yield events[contact.last].n, ending
