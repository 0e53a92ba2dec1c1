"""
Who did what, by shop: a stream whose entries bear the numbers 1, 2, 3 and so on.

    {shop:}au    entries of a shop (stream, id <n>-0, one field with the line)
    tg:au        entries of no shop

The server itself refuses a number that is not above all it ever gave, taken-away
ones included: two writers never get the same place, and nothing is put in between.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.store.connection import Scripts
from gateway.store.errors import ScriptError
from gateway.store.keys import shop_key


#: Stands where a shop's name stands: what is of no shop.
HOUSE = ""
_FIELD = "l"
#: What the server says of a number that was given before.
_TAKEN = "equal or smaller"
_MISSING = "no such key"


class Head(NamedTuple):
    """
    Where a stream ends.

    Attributes:
        n: Highest number ever given; 0 in a new stream.

        line: The last entry that is there; None if there is none.
    """

    n: int
    line: bytes | None


class AuditStore:
    """Adds to the streams, reads them, and drops what is kept elsewhere."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def head(self, shop: str) -> Head:
        """
        Where the stream of *shop* ends.

        Raises:
            StoreUnavailable: If the store does not answer.
        """
        key = _key(shop)
        try:
            reply = await self._scripts.command(key, "XINFO", "STREAM", key)
        except ScriptError as exc:
            if _MISSING in str(exc):
                return Head(0, None)
            raise
        known = dict(zip(reply[::2], reply[1::2], strict=True))
        last = known[b"last-entry"]
        given = int(known[b"last-generated-id"].partition(b"-")[0])
        return Head(given, last[1][1] if last else None)

    async def add(self, shop: str, n: int, line: bytes) -> bool:
        """
        Put *line* at place *n*; False if the place is taken.

        Raises:
            StoreUnavailable: If no answer came; it may have been written.
        """
        key = _key(shop)
        try:
            await self._scripts.command(key, "XADD", key, f"{n}-0", _FIELD, line)
        except ScriptError as exc:
            if _TAKEN in str(exc):
                return False
            raise
        return True

    async def read(self, shop: str, first: int, most: int) -> list[tuple[int, bytes]]:
        """At most *most* entries from number *first* on, oldest first."""
        key = _key(shop)
        words = ("XRANGE", key, f"{first}-0", "+", "COUNT", most)
        return [_entry(row) for row in await self._scripts.command(key, *words)]

    async def latest(
        self, shop: str, before: int, most: int
    ) -> list[tuple[int, bytes]]:
        """At most *most* entries below number *before*, newest first."""
        key = _key(shop)
        # Ids are <n>-0: nothing lies between the end of one number and the next.
        words = ("XREVRANGE", key, f"({before}-0", "-", "COUNT", most)
        return [_entry(row) for row in await self._scripts.command(key, *words)]

    async def drop(self, shop: str, below: int) -> None:
        """Forget the entries with numbers under *below*; they are kept elsewhere."""
        key = _key(shop)
        await self._scripts.command(key, "XTRIM", key, "MINID", "=", f"{below}-0")


def _entry(row: tuple[bytes, list[bytes]]) -> tuple[int, bytes]:
    return int(row[0].partition(b"-")[0]), row[1][1]


def _key(shop: str) -> str:
    return shop_key(shop, "au") if shop else "tg:au"
