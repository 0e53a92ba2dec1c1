"""
Cancel an order before it ships; all that was paid for it goes back.

The order goes as a whole: money, freight and points that were not given back
before. A single item is another recipe.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engines.agent.ledger import ActionRecord, Step
from engines.agent.plan import Draft
from engines.agent.policy import MoneyRules
from engines.agent.recipes.recipe import Computed
from engines.agent.wording import amount
from engines.contract import Locale, Risk
from engines.shops.naming import goods_named
from engines.shops.port import Effect, Order, OrderAt, ShopPort
from engines.voice import Voice


class CancelOrder:
    """The recipe; see the module."""

    name = "cancel_order"
    risk = Risk.HIGH
    sentences: Mapping[str, tuple[str, ...]] = {
        "agent.cancel_order.summary": ("order", "amount", "points"),
        "agent.cancel_order.proposal": ("order", "goods"),
        "agent.cancel_order.money": ("amount",),
        "agent.cancel_order.points": ("points",),
        "agent.cancel_order.unpaid": (),
        "agent.cancel_order.done": ("order", "receipt"),
        "agent.cancel_order.back": ("amount", "expected"),
    }

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def missing(self, _draft: Draft, _order: Order) -> str:
        """The order is all that is needed."""
        return ""

    async def compute(
        self,
        _draft: Draft,
        order: Order,
        locale: Locale,
        _shop: ShopPort,
        _rules: MoneyRules,
    ) -> Computed:
        """Give back what was paid and not yet given back."""
        back = order.paid_minor - order.refunded_minor
        points = order.points_minor - order.refunded_points_minor
        return Computed(
            args={
                "order_id": order.id,
                "amount_minor": back,
                "points_minor": points,
                "locale": locale,
            },
            steps=("cancel_order", "notify"),
            summary=self._voice.say(
                "agent.cancel_order.summary",
                locale,
                order=order.id,
                amount=amount(back, order.currency, locale),
                points=amount(points, order.currency, locale),
            ),
            text=self._text(order, locale, back, points),
            to_customer_minor=back,
            before={"status": order.status, "refunded_minor": order.refunded_minor},
            after={"status": "cancelled", "refunded_minor": order.paid_minor},
            projected=(
                msgspec.structs.replace(
                    order, version=order.version + 1, status="cancelled"
                ),
            ),
        )

    async def perform(self, shop: ShopPort, record: ActionRecord, step: Step) -> Effect:
        """Cancel, with exactly the amounts that were confirmed."""
        at = OrderAt(record.user_id, record.order_id, record.order_version)
        return await shop.cancel_order(
            step.key,
            at,
            int(record.args["amount_minor"]),
            int(record.args["points_minor"]),
        )

    def done(self, record: ActionRecord, voice: Voice) -> str:
        """Tell that it is cancelled, and when the money is there."""
        locale: Locale = record.args["locale"]
        step = record.steps[0]
        said = voice.say(
            "agent.cancel_order.done",
            locale,
            order=record.order_id,
            receipt=step.receipt,
        )
        if record.amount_minor:
            said += voice.say(
                "agent.cancel_order.back",
                locale,
                amount=amount(record.amount_minor, record.currency, locale),
                expected=step.detail.get("expected_by") or "",
            )
        return said

    def _text(self, order: Order, locale: Locale, back: int, points: int) -> str:
        say = self._voice.say
        goods = goods_named(order, locale)
        text = say("agent.cancel_order.proposal", locale, order=order.id, goods=goods)
        if back:
            money = amount(back, order.currency, locale)
            text += say("agent.cancel_order.money", locale, amount=money)
        else:
            text += say("agent.cancel_order.unpaid", locale)
        if points:
            worth = amount(points, order.currency, locale)
            text += say("agent.cancel_order.points", locale, points=worth)
        return text
