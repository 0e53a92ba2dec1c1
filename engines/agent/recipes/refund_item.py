"""
Refund units of one line and keep the rest, split to the cent.

The coupon's and the points' shares of the units are taken off; points come
back as points. A gift that a line earned goes back with it, or its worth is
deducted if the customer keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engines.agent import money
from engines.agent.ledger import ActionRecord, Step
from engines.agent.plan import Draft
from engines.agent.policy import MoneyRules
from engines.agent.recipes.effect_recipe import later
from engines.agent.recipes.recipe import Computed
from engines.agent.wording import amount
from engines.contract import Locale, Risk
from engines.shops.naming import title
from engines.shops.port import (
    Effect,
    LineRefund,
    Order,
    OrderAt,
    OrderLine,
    ShopPort,
    ShopRefused,
)
from engines.voice import Voice


class RefundItem:
    """The recipe; see the module."""

    name = "refund_item"
    risk = Risk.HIGH
    sentences: Mapping[str, tuple[str, ...]] = {
        "agent.refund_item.summary": ("order", "line", "title", "quantity", "split"),
        "agent.refund_item.proposal": ("order", "line", "title", "quantity"),
        "agent.refund_item.part_goods": ("amount",),
        "agent.refund_item.part_coupon": ("amount",),
        "agent.refund_item.part_points": ("amount",),
        "agent.refund_item.part_freight": ("amount",),
        "agent.refund_item.part_reclaimed": ("amount",),
        "agent.refund_item.part_kept_gift": ("amount",),
        "agent.refund_item.part_total": ("amount",),
        "agent.refund_item.gift_back": (),
        "agent.refund_item.at_most": ("left",),
        "agent.refund_item.goods_back": (),
        "agent.refund_item.rest": (),
        "agent.refund_item.done": ("order", "line", "title", "quantity", "receipt"),
        "agent.refund_item.back": ("amount", "expected"),
        "agent.refund_item.send": ("amount", "address"),
        "agent.refund_item.points_back": ("points",),
    }

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def missing(self, draft: Draft, order: Order) -> str:
        """A line of this order."""
        known = {line.line for line in order.lines}
        return "" if draft.line in known else "line"

    async def compute(
        self,
        draft: Draft,
        order: Order,
        locale: Locale,
        shop: ShopPort,
        rules: MoneyRules,
    ) -> Computed:
        """Work out what the units are worth and what goes back with them."""
        line = next(line for line in order.lines if line.line == draft.line)
        left = line.quantity - line.refunded_quantity
        if line.is_gift or not left:
            mark = "gift" if line.is_gift else "nothing_left"
            return _impossible(order, line, locale, mark)
        quantity = min(draft.quantity or left, left)
        gifts = _earned(order, line) if quantity == left else ()
        refund = money.refund(
            order,
            line.line,
            quantity,
            reclaims_coupon=rules.below_coupon_threshold == "reclaim",
            lost_freight=await _lost_freight(order, line, quantity, shop, rules),
            kept_gifts=_worth(gifts) if draft.keeps_gift else 0,
        )
        back = () if draft.keeps_gift else tuple(gift.line for gift in gifts)
        wanted = draft.quantity or quantity
        return self._computed(
            order,
            locale,
            LineRefund(
                line=line.line,
                quantity=quantity,
                amount_minor=refund.amount,
                points_minor=refund.share.points,
                gifts=back,
            ),
            refund,
            is_less=wanted > quantity,
        )

    async def perform(self, shop: ShopPort, record: ActionRecord, step: Step) -> Effect:
        """Refund exactly the units and amounts that were confirmed."""
        at = OrderAt(record.user_id, record.order_id, record.order_version)
        refund = msgspec.convert(record.args["refund"], LineRefund)
        return await shop.refund_line(step.key, at, refund)

    def done(self, record: ActionRecord, voice: Voice) -> str:
        """Tell what the receipt says: on its way, or after the goods are back."""
        locale: Locale = record.args["locale"]
        step = record.steps[0]
        refund = msgspec.convert(record.args["refund"], LineRefund)
        back = amount(refund.amount_minor, record.currency, locale)
        said = voice.say(
            "agent.refund_item.done",
            locale,
            order=record.order_id,
            line=refund.line,
            title=record.args["title"],
            quantity=refund.quantity,
            receipt=step.receipt,
        )
        if step.detail.get("status") == "awaiting_return":
            place = (step.detail.get("return_to") or {}).get(locale, "")
            said += voice.say(
                "agent.refund_item.send", locale, amount=back, address=place
            )
        else:
            expected = step.detail.get("expected_by") or ""
            said += voice.say(
                "agent.refund_item.back", locale, amount=back, expected=expected
            )
        if refund.points_minor:
            points = amount(refund.points_minor, record.currency, locale)
            said += voice.say("agent.refund_item.points_back", locale, points=points)
        return said

    def _computed(
        self,
        order: Order,
        locale: Locale,
        asked: LineRefund,
        refund: money.Refund,
        *,
        is_less: bool,
    ) -> Computed:
        line = next(line for line in order.lines if line.line == asked.line)
        left = order.paid_minor - order.refunded_minor
        is_odd = refund.amount < 0 or refund.amount > left
        split = self._split(order, locale, refund)
        facts = {
            "order": order.id,
            "line": line.line,
            "title": title(line, locale),
            "quantity": asked.quantity,
        }
        say = self._voice.say
        text = say("agent.refund_item.proposal", locale, **facts) + split
        text += self._notes(order, locale, asked, is_less=is_less)
        return Computed(
            args={
                "order_id": order.id,
                "refund": msgspec.to_builtins(asked),
                "title": title(line, locale),
                "locale": locale,
            },
            steps=("refund_line", "notify"),
            summary=say("agent.refund_item.summary", locale, **facts, split=split),
            text=text,
            to_customer_minor=max(0, refund.amount),
            marks=frozenset({"loss"}) if is_odd else frozenset(),
            before={
                "refunded_quantity": line.refunded_quantity,
                "refunded_minor": order.refunded_minor,
            },
            after={
                "refunded_quantity": line.refunded_quantity + asked.quantity,
                "refunded_minor": order.refunded_minor + asked.amount_minor,
            },
            projected=(_afterwards(order, asked),),
        )

    def _split(self, order: Order, locale: Locale, refund: money.Refund) -> str:
        """The sum as it is worked out, every part of it named that is not zero."""
        parts = (
            ("goods", refund.share.goods),
            ("coupon", refund.share.coupon),
            ("points", refund.share.points),
            ("freight", refund.freight),
            ("reclaimed", refund.reclaimed),
            ("kept_gift", refund.kept_gifts),
        )
        said = [
            self._voice.say(
                f"agent.refund_item.part_{name}",
                locale,
                amount=amount(minor, order.currency, locale),
            )
            for name, minor in parts
            if minor or name == "goods"
        ]
        total = amount(refund.amount, order.currency, locale)
        return "".join(said) + self._voice.say(
            "agent.refund_item.part_total", locale, amount=total
        )

    def _notes(
        self, order: Order, locale: Locale, asked: LineRefund, *, is_less: bool
    ) -> str:
        say = self._voice.say
        text = ""
        if is_less:
            text += say("agent.refund_item.at_most", locale, left=asked.quantity)
        if asked.gifts:
            text += say("agent.refund_item.gift_back", locale)
        if order.status not in money.UNSHIPPED:
            text += say("agent.refund_item.goods_back", locale)
        if money.units_left(order) > asked.quantity:
            text += say("agent.refund_item.rest", locale)
        return text


def _afterwards(order: Order, asked: LineRefund) -> Order:
    """The order once the units and their gifts have gone back."""

    def gone(line: OrderLine) -> OrderLine:
        if line.line in asked.gifts:
            units = line.quantity
        elif line.line == asked.line:
            units = line.refunded_quantity + asked.quantity
        else:
            return line
        return msgspec.structs.replace(line, refunded_quantity=units)

    is_last = order.status == "paid" and money.units_left(order) == asked.quantity
    return later(
        order,
        status="cancelled" if is_last else order.status,
        lines=tuple(gone(line) for line in order.lines),
        refunded_minor=order.refunded_minor + asked.amount_minor,
        refunded_points_minor=order.refunded_points_minor + asked.points_minor,
    )


def _impossible(order: Order, line: OrderLine, locale: Locale, mark: str) -> Computed:
    """A line of which nothing can go back; policy says so in words."""
    return Computed(
        args={"order_id": order.id, "line": line.line, "locale": locale},
        steps=(),
        summary=f"{order.id} {title(line, locale)}",
        text="",
        marks=frozenset({mark}),
    )


def _earned(order: Order, line: OrderLine) -> tuple[OrderLine, ...]:
    """Gifts that this line earned and that are still with the customer."""
    return tuple(
        gift
        for gift in order.lines
        if gift.is_gift
        and gift.gift_of == line.line
        and gift.refunded_quantity < gift.quantity
    )


def _worth(gifts: tuple[OrderLine, ...]) -> int:
    return sum(
        gift.unit_price_minor * (gift.quantity - gift.refunded_quantity)
        for gift in gifts
    )


async def _lost_freight(
    order: Order, line: OrderLine, quantity: int, shop: ShopPort, rules: MoneyRules
) -> int:
    """Waived freight that what stays would cost, beyond what was deducted before."""
    if rules.below_free_shipping == "keep" or order.freight_minor:
        return 0
    gone = money.refunded_units(order)
    weight = money.weight_left(order)
    goods = money.goods_left(order)
    price = line.unit_price_minor * quantity
    if money.units_left(order) == quantity:
        return -await _waived(order, shop, weight, goods) if any(gone.values()) else 0
    after = await _waived(order, shop, weight - line.weight_g * quantity, goods - price)
    before = await _waived(order, shop, weight, goods) if any(gone.values()) else 0
    return after - before


async def _waived(order: Order, shop: ShopPort, weight: int, goods: int) -> int:
    try:
        return await shop.quote_freight(order.address.region, weight, goods)
    except ShopRefused:
        return 0
