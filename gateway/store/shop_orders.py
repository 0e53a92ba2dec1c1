"""
What people ordered, shop by shop, and a notice for all workers that something changed.

    {shop:}<kind>       orders of a shop (string, opaque)
    tg:orders:<kind>    rises with every change, whatever the shop (number)

Workers look every second. Looking is one read of the notice, however many shops there
are; their records are read again when it rose. A writer that dies between record and
notice, or an older one that gives none, is noticed by a whole look now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.store.keys import shop_key
from gateway.store.shop_record import ShopRecord


#: Every so many looks all records are read, notice or not.
WHOLE = 30


class ShopOrders(ShopRecord):
    """Orders of shops; *KIND* is the end of their keys."""

    async def write(self, shop: str, record: bytes) -> None:
        """Replace the orders, whatever they are."""
        await super().write(shop, record)
        await self._notify()

    async def swap(self, shop: str, before: bytes | None, after: bytes) -> bool:
        """
        Replace the orders if they still are *before*; False if somebody was faster.

        Raises:
            StoreUnavailable: If it is not known what happened.
        """
        keys = [shop_key(shop, self.KIND)]
        done = await self._scripts.call("order_swap", keys, [before or b"", after])
        if done:
            await self._notify()
        return bool(done)

    async def notice(self) -> bytes | None:
        """A value that differs after every change of any shop's orders."""
        found: bytes | None = await self._scripts.command(self._mark, "GET", self._mark)
        return found

    @property
    def _mark(self) -> str:
        return f"tg:orders:{self.KIND}"

    async def _notify(self) -> None:
        await self._scripts.command(self._mark, "INCR", self._mark)


class OrderNews:
    """What one worker has not seen yet of the orders of *shops*."""

    def __init__(self, orders: ShopOrders, shops: Sequence[str]) -> None:
        self._orders = orders
        self._shops = tuple(shops)
        self._seen: bytes | None = None
        self._looks = 0

    async def read(self) -> dict[str, bytes | None]:
        """
        All shops' orders if any changed since the last time, else nothing.

        Raises:
            StoreUnavailable: If the store does not answer; ask again.
        """
        # The notice first: a change in between is read twice rather than never.
        notice = await self._orders.notice()
        if notice == self._seen and self._looks % WHOLE:
            self._looks += 1
            return {}
        found = await asyncio.gather(*(self._orders.read(one) for one in self._shops))
        self._seen = notice
        self._looks += 1
        return dict(zip(self._shops, found, strict=True))
