"""
The human queue's part of the store: records, places, seats, effects.

    {shop:}h:<id>          a handoff (hash: v version, s state, r record; expires)
    {shop:}hx:<id>         its effects that are not carried out yet (list)
    {shop:}hn:<id>         notes of operators on it (list, expires)
    {shop:}hf              what operators corrected (list)
    {shop:}hl / ht / hd    line by deadline, tickets by promise, time-outs (zset)
    {shop:}hu / hc         unsettled effects (zset), handoffs by state (hash)
    {shop:}hm / hw         handling times, waits that ended (list)
    {shop:}hg              in the line by skill group (hash)
    {shop:}ha / hk         unanswered words (hash), rounds that run (zset)
    {shop:}hr:<day>        rounds of a day: met, missed (hash, expires)
    {shop:}p               present operators by end of presence (zset)
    {shop:}ps:<name>       an operator's seat (hash)
    {shop:}ph:<name>       what an operator holds (set)
    tg:desk:{shop:}        wake-ups of the shop's desks (publish/subscribe)

One slot per shop: people are few, and a move touches line, seat and record at
once. Records and effects are opaque bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from gateway.store.connection import Scripts
from gateway.store.handoff_layout import (
    RESULTS,
    Change,
    Due,
    Look,
    MoveResult,
    Round,
    clock_args,
    desk_channel,
    look,
    move_args,
    move_keys,
    prefixes,
    seat_keys,
    text_of,
)
from gateway.store.keys import escape, shop_key, unescape


#: Notes kept per handoff, and their life.
NOTES = 100
#: Corrections kept per shop.
CORRECTIONS = 5_000
NOTE_LIFE_MS = 30 * 86_400_000


class HandoffStore:
    """The human queues of all shops; every method is one atomic call."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def move(self, shop: str, change: Change) -> tuple[MoveResult, bytes]:
        """Write one move; for ``stale`` the record that is there instead."""
        reply = await self._scripts.call(
            "handoff_move", move_keys(shop, change), move_args(shop, change)
        )
        return RESULTS[reply[0]], bytes(reply[2]) if len(reply) > 1 else b""

    async def read(self, shop: str, handoff_id: str) -> bytes | None:
        """One record, or None."""
        key = shop_key(shop, "h", handoff_id)
        record: bytes | None = await self._scripts.command(key, "HGET", key, "r")
        return record

    async def position(self, shop: str, handoff_id: str) -> int:
        """Place in the line, 1 is next; 0 if it is not in the line."""
        key = shop_key(shop, "hl")
        rank = await self._scripts.command(key, "ZRANK", key, escape(handoff_id))
        return 0 if rank is None else int(rank) + 1

    async def look(
        self,
        shop: str,
        *,
        line: int = 0,
        tickets: int = 0,
        with_held: bool = False,
        deadline_ms: int | None = None,
    ) -> Look:
        """
        The queue as it is now.

        *line* and *tickets* bound the records wanted of each, the most urgent
        first; *deadline_ms* counts who stands in the line before it.
        """
        names = ("hl", "ht", "p", "hm")
        reply = await self._scripts.call(
            "handoff_board",
            [
                *(shop_key(shop, n) for n in names),
                *prefixes(shop, "h", "ps", "ph"),
                *(shop_key(shop, n) for n in ("hw", "ha")),
            ],
            (line, tickets, int(with_held), text_of(deadline_ms)),
        )
        return look(reply)

    async def due(self, shop: str, now_ms: int, limit: int) -> Due:
        """Time-outs, silent operators with what they hold, unsettled effects."""
        ids, gone, unsettled = await self._scripts.call(
            "handoff_due",
            [*(shop_key(shop, n) for n in ("hd", "p", "hu")), *prefixes(shop, "ph")],
            (now_ms, limit),
        )
        return Due(
            ids=tuple(map(unescape, ids)),
            gone=tuple((unescape(r[0]), tuple(map(unescape, r[1:]))) for r in gone),
            unsettled=tuple(map(unescape, unsettled)),
        )

    async def effects(self, shop: str, handoff_id: str) -> list[bytes]:
        """Effects not carried out yet, oldest first."""
        key = shop_key(shop, "hx", handoff_id)
        found: list[bytes] = await self._scripts.command(key, "LRANGE", key, 0, -1)
        return found

    async def settled(self, shop: str, handoff_id: str, effect: bytes) -> int:
        """Forget an effect that was carried out; effects left."""
        keys = (shop_key(shop, "hx", handoff_id), shop_key(shop, "hu"))
        left = await self._scripts.call(
            "handoff_settled", keys, (escape(handoff_id), effect)
        )
        return int(left)

    async def clock(self, shop: str, round_: Round) -> int:
        """Begin, end or count rounds of the reply clock; how many were counted."""
        counted = await self._scripts.call(
            "handoff_clock",
            [*(shop_key(shop, n) for n in ("ha", "hk")), *prefixes(shop, "hr")],
            clock_args(shop, round_),
        )
        return int(counted)

    async def replies(self, shop: str, day: str) -> tuple[int, int]:
        """Rounds of a day that were met, and missed."""
        key = shop_key(shop, "hr", day)
        met, missed = await self._scripts.command(key, "HMGET", key, "met", "missed")
        return int(met or 0), int(missed or 0)

    async def note(self, shop: str, handoff_id: str, note: bytes) -> None:
        """Append a note of an operator; the oldest beyond a bound are dropped."""
        key = shop_key(shop, "hn", handoff_id)
        await self._scripts.command(key, "RPUSH", key, note)
        await self._scripts.command(key, "LTRIM", key, -NOTES, -1)
        await self._scripts.command(key, "PEXPIRE", key, NOTE_LIFE_MS)

    async def notes(self, shop: str, handoff_id: str) -> list[bytes]:
        """Notes on a handoff, oldest first."""
        key = shop_key(shop, "hn", handoff_id)
        found: list[bytes] = await self._scripts.command(key, "LRANGE", key, 0, -1)
        return found

    async def correct(self, shop: str, correction: bytes) -> None:
        """Append a correction; the oldest beyond a bound are dropped."""
        key = shop_key(shop, "hf")
        await self._scripts.command(key, "RPUSH", key, correction)
        await self._scripts.command(key, "LTRIM", key, -CORRECTIONS, -1)

    async def corrections(self, shop: str) -> list[bytes]:
        """Corrections of a shop, oldest first."""
        key = shop_key(shop, "hf")
        found: list[bytes] = await self._scripts.command(key, "LRANGE", key, 0, -1)
        return found

    async def depths(self, shop: str) -> dict[str, int]:
        """Handoffs by state, final states left out."""
        key = shop_key(shop, "hc")
        flat: list[bytes] = await self._scripts.command(key, "HGETALL", key)
        pairs = zip(flat[::2], flat[1::2], strict=True)
        return {state.decode(): int(count) for state, count in pairs}

    async def sit(
        self,
        shop: str,
        name: str,
        *,
        until_ms: int,
        display: str,
        capacity: int,
        is_away: bool,
        skills: Sequence[str] = (),
    ) -> None:
        """An operator is present from now on."""
        args = (until_ms, display, capacity, int(is_away), " ".join(skills))
        await self._presence(shop, name, "set", *args)

    async def beat(self, shop: str, name: str, until_ms: int) -> bool:
        """A sign of life; False if the operator is not present."""
        return bool(await self._presence(shop, name, "beat", until_ms, "", 0, 0, ""))

    async def stand_up(self, shop: str, name: str, now_ms: int | None) -> bool:
        """
        An operator who holds nothing is gone; False if that is not so.

        With *now_ms*, only if no sign of life came in the meantime.
        """
        args = (text_of(now_ms), "", 0, 0, "")
        return bool(await self._presence(shop, name, "gone", *args))

    async def _presence(self, shop: str, name: str, mode: str, *args: str | int) -> int:
        reply = await self._scripts.call(
            "handoff_presence",
            (shop_key(shop, "p"), *seat_keys(shop, name)),
            (mode, escape(name), *args, desk_channel(shop)),
        )
        return int(reply)

    async def wake_ups(self, shop: str) -> AsyncIterator[str]:
        """
        What moves in a shop's queue, at best effort; never ends.

        The first item is empty: subscribed, look now.
        """
        async with self._scripts.subscribe(desk_channel(shop)) as heard:
            yield ""
            async for _, payload in heard:
                yield payload.decode()
