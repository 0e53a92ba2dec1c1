"""
What people ordered of the ladder: one small record a shop, for all workers
(see :mod:`gateway.store.shop_orders`).

    {shop:}to:             orders of a shop (string, opaque)
"""

from __future__ import annotations

from gateway.store.shop_orders import ShopOrders


class TideStore(ShopOrders):
    """The orders of a shop."""

    KIND = "to"
