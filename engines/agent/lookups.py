"""
Questions that L3 settles by reading: where a refund is, where an order is.

They are high in risk or come in the middle of a task; both stay with this tier.
"""

from __future__ import annotations

from collections.abc import Sequence

from engines.agent.plan import LooksUp
from engines.agent.replies import Replies
from engines.contract import Answer, Turn
from engines.shops.port import NotFound, Order, Parcel, Refund, ShopPort


#: Orders whose refunds are looked up for one question.
MAX_ORDERS = 3


class Lookups:
    """
    Reads and tells; changes nothing and keeps what is open open.

    Args:
        shop: Whose records are read.

        replies: Words.
    """

    def __init__(self, shop: ShopPort, replies: Replies) -> None:
        self._shop = shop
        self._replies = replies

    async def look_up(
        self, turn: Turn, plan: LooksUp, orders: Sequence[Order]
    ) -> Answer:
        """Answer what *plan* asks about this customer's orders."""
        order = next((one for one in orders if one.id == plan.order_id), None)
        if plan.foreign or not orders:
            return self._replies.no_such_order(plan.foreign, orders, turn.locale)
        if plan.what == "refund_status":
            return await self._refunds(turn, [order] if order else orders)
        return await self._status(turn, order or orders[0])

    async def _refunds(self, turn: Turn, orders: Sequence[Order]) -> Answer:
        found: list[tuple[Order, tuple[Refund, ...]]] = []
        likely = [
            order
            for order in orders
            if order.refunded_minor or order.refunded_points_minor
        ]
        for order in likely[:MAX_ORDERS]:
            refunds = await self._shop.refunds(turn.user_id, order.id)
            if refunds:
                found.append((order, refunds))
        return self._replies.refunds(found, turn.locale, turn.open_task)

    async def _status(self, turn: Turn, order: Order) -> Answer:
        parcel: Parcel | None = None
        if order.tracking_id:
            try:
                parcel = await self._shop.parcel(turn.user_id, order.id)
            except NotFound:
                parcel = None
        return self._replies.order_status(order, parcel, turn.locale, turn.open_task)
