"""
What people ordered of the ladder: one small record a shop, for all workers.

    {shop:}to:             orders of a shop (string, opaque)
"""

from __future__ import annotations

from gateway.store.shop_record import ShopRecord


class TideStore(ShopRecord):
    """The orders of a shop."""

    KIND = "to"
