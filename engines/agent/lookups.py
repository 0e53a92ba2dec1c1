"""
Questions that L3 settles by reading: where a refund is, where an order is.

They are high in risk or come in the middle of a task; both stay with this tier.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from engines.agent import wording
from engines.agent.plan import LooksUp
from engines.agent.recipes import late_refunds
from engines.agent.replies import Replies
from engines.contract import Answer, Citation, Locale, OpenTask, Turn
from engines.shops.port import NotFound, Order, Parcel, Refund, ShopPort
from engines.voice import Voice


#: Orders whose refunds are looked up for one question.
MAX_ORDERS = 3

SENTENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "agent.refunds": ("order", "refunds"),
    "agent.refunds_none": (),
    "agent.refunds_hint": (),
    "agent.order_status": ("order", "status"),
    "agent.parcel_status": ("parcel",),
}


class Lookups:
    """
    Reads and tells; changes nothing and keeps what is open open.

    Args:
        shop: Whose records are read.

        voice: Says what was found.

        replies: Says what was not.

        today: The shop's date.
    """

    def __init__(
        self,
        shop: ShopPort,
        voice: Voice,
        replies: Replies,
        today: Callable[[], dt.date],
    ) -> None:
        voice.require(SENTENCES)
        self._today = today
        self._shop = shop
        self._voice = voice
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

    async def late_order(
        self, turn: Turn, plan: LooksUp, orders: Sequence[Order]
    ) -> Order | None:
        """The order whose refund is late, if that is what was asked about."""
        if plan.what != "refund_status" or plan.foreign:
            return None
        meant = [one for one in orders if not plan.order_id or one.id == plan.order_id]
        for order in [one for one in meant if one.refunded_minor][:MAX_ORDERS]:
            refunds = await self._shop.refunds(turn.user_id, order.id)
            if late_refunds(refunds, self._today()):
                return order
        return None

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
        return self._tell_refunds(found, turn.locale, turn.open_task)

    async def _status(self, turn: Turn, order: Order) -> Answer:
        parcel: Parcel | None = None
        if order.tracking_id:
            try:
                parcel = await self._shop.parcel(turn.user_id, order.id)
            except NotFound:
                parcel = None
        return self._tell_status(order, parcel, turn.locale, turn.open_task)

    def _tell_refunds(
        self,
        found: Iterable[tuple[Order, Sequence[Refund]]],
        locale: Locale,
        task: OpenTask | None,
    ) -> Answer:
        """How far the refunds of some orders are."""
        text, citations = "", []
        for order, refunds in found:
            said = [wording.refund_text(one, order.currency, locale) for one in refunds]
            text += self._voice.say(
                "agent.refunds",
                locale,
                order=order.id,
                refunds={"zh": "；", "en": "; "}[locale].join(said),
            )
            citations += [
                wording.refund_citation(one, order.currency, locale) for one in refunds
            ]
        key = "agent.refunds_hint" if text else "agent.refunds_none"
        return Answer(
            text=text + self._voice.say(key, locale),
            citations=tuple(citations),
            open_task=task,
            intent="refund_status",
        )

    def _tell_status(
        self,
        order: Order,
        parcel: Parcel | None,
        locale: Locale,
        task: OpenTask | None,
    ) -> Answer:
        """Where an order is, and its parcel if it has one."""
        status = wording.status_text(order, locale)
        text = self._voice.say(
            "agent.order_status", locale, order=order.id, status=status
        )
        citations = [wording.order_citation(order, locale)]
        if parcel is not None:
            where = wording.parcel_text(parcel, locale)
            text += self._voice.say("agent.parcel_status", locale, parcel=where)
            cited = Citation(
                id=f"parcel:{parcel.tracking_id}", title=parcel.carrier, quote=where
            )
            citations.append(cited)
        return Answer(
            text=text.strip(),
            citations=tuple(citations),
            open_task=task,
            intent="order_status",
        )
