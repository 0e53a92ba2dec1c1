"""
Which stage each shop is on: one small record a shop, for all workers
(see :mod:`gateway.store.shop_orders`).

    {shop:}sg   orders of a shop (string, opaque)
    {shop:}sv:<change>   a change that somebody makes (string, expires)
"""

from __future__ import annotations

from gateway.store.keys import shop_key
from gateway.store.shop_orders import ShopOrders


class StageStore(ShopOrders):
    """The orders of a shop."""

    KIND = "sg"

    async def is_first(self, shop: str, change: str, life_ms: int) -> bool:
        """True for one caller of all that want to make the same *change*."""
        return await self._marks_first(shop_key(shop, "sv", change), life_ms)
