"""
How goods travel: one parcel for several orders, two for one, another day or phone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import ClassVar

import msgspec

from engines.agent import money as sums
from engines.agent.ledger import ActionRecord, Step
from engines.agent.plan import Draft
from engines.agent.policy import MoneyRules
from engines.agent.recipes.effect_recipe import (
    EffectRecipe,
    Facts,
    Sentences,
    later,
    money,
)
from engines.agent.recipes.recipe import Computed
from engines.agent.wording import address_text, masked_phone
from engines.contract import Locale, Risk
from engines.shops.effects import (
    ChangePhone,
    Joining,
    MergeOrders,
    RescheduleDelivery,
    SplitShipment,
)
from engines.shops.naming import title
from engines.shops.port import NotFound, Order, ShopPort, ShopRefused
from engines.voice import Voice


_MAX_DAYS = 30
_ON_ITS_LAST_WAY = frozenset({"out_for_delivery", "delivered"})


class MergeParcels(EffectRecipe):
    """Unshipped orders of one person into one parcel; overpaid freight goes back."""

    name = "merge_orders"
    said: ClassVar[Sentences] = {
        "summary": ("order", "others", "old", "new", "refund"),
        "proposal": ("order", "others", "address", "old", "new"),
        "refund": ("refund",),
        "no_refund": (),
        "done": ("order", "others", "new", "receipt"),
        "refunded": ("refund", "expected"),
    }

    def missing(self, draft: Draft, _order: Order) -> str:
        """The orders that join."""
        return "" if draft.others else "others"

    async def compute(
        self,
        draft: Draft,
        order: Order,
        locale: Locale,
        shop: ShopPort,
        _rules: MoneyRules,
    ) -> Computed:
        """Freight of the one parcel by the table, never more than was paid."""
        others = [await shop.order(order.user_id, one) for one in draft.others]
        everyone = [order, *others]
        if any(one.ships_with or one.joined for one in others) or order.ships_with:
            return self.impossible(order, locale, "already_merged")
        if any(one.status != "paid" for one in everyone):
            return self.impossible(order, locale, "not_mergeable")
        travelling = [await shop.order(order.user_id, one) for one in order.joined]
        paid = sum(one.freight_minor for one in everyone)
        goods = [*everyone, *travelling]
        try:
            quoted = await shop.quote_freight(
                order.address.region,
                sum(sums.weight_left(one) for one in goods),
                sum(sums.goods_left(one) for one in goods),
            )
        except ShopRefused:
            return self.impossible(order, locale, "unknown_region")
        return self._computed(order, others, locale, paid, min(paid, quoted))

    def _computed(
        self, order: Order, others: list[Order], locale: Locale, paid: int, new: int
    ) -> Computed:
        facts: Facts = {
            "order": order.id,
            "others": {"zh": "、", "en": ", "}[locale].join(one.id for one in others),
            "address": address_text(order.address, locale),
            "old": money(order, paid, locale),
            "new": money(order, new, locale),
            "refund": money(order, paid - new, locale),
        }
        effect = MergeOrders(
            version=order.version,
            joining=tuple(Joining(one.id, one.version) for one in others),
            freight_minor=new,
            refund_minor=paid - new,
        )
        joined = tuple(one.id for one in others)
        return self.proposed(
            order,
            locale,
            effect,
            facts,
            parts=("proposal", "refund" if paid > new else "no_refund"),
            to_customer=paid - new,
            before={"freight_minor": paid},
            after={"freight_minor": new, "joined": list(joined)},
            projected=(
                later(order, freight_minor=new, joined=order.joined + joined),
                *(later(one, freight_minor=0, ships_with=order.id) for one in others),
            ),
        )

    def _ending(self, _record: ActionRecord, step: Step) -> tuple[str, ...]:
        has_refund = bool(step.detail.get("refund_minor"))
        return ("done", "refunded") if has_refund else ("done",)


class SplitParcels(EffectRecipe):
    """Some lines of an unshipped order go ahead, at the shop's cost."""

    name = "split_shipment"
    said: ClassVar[Sentences] = {
        "summary": ("order", "items"),
        "proposal": ("order", "items"),
        "done": ("order", "items", "receipt"),
    }

    def missing(self, draft: Draft, _order: Order) -> str:
        """The lines that go ahead."""
        return "" if draft.lines else "lines"

    async def compute(
        self,
        draft: Draft,
        order: Order,
        locale: Locale,
        _shop: ShopPort,
        _rules: MoneyRules,
    ) -> Computed:
        """Name what goes ahead; freight stays."""
        left = [one for one in order.lines if one.refunded_quantity < one.quantity]
        first = [one for one in left if one.line in draft.lines]
        if not first or len(first) == len(left) or any(o.shipment > 1 for o in first):
            return self.impossible(order, locale, "nothing_to_split")
        named = [f"{title(one, locale)} ×{one.quantity}" for one in first]
        facts: Facts = {
            "order": order.id,
            "items": {"zh": "、", "en": ", "}[locale].join(named),
        }
        effect = SplitShipment(
            version=order.version, lines=tuple(one.line for one in first)
        )
        return self.proposed(order, locale, effect, facts)


class PutOffDelivery(EffectRecipe):
    """Deliver on another day, before the courier is on the last way."""

    name = "reschedule_delivery"
    risk = Risk.MEDIUM
    said: ClassVar[Sentences] = {
        "summary": ("order", "day"),
        "proposal": ("order", "day"),
        "done": ("order", "day", "receipt"),
    }

    def __init__(self, voice: Voice, today: Callable[[], dt.date]) -> None:
        super().__init__(voice)
        self._today = today

    def missing(self, draft: Draft, _order: Order) -> str:
        """A day."""
        return "" if draft.day else "day"

    async def compute(
        self,
        draft: Draft,
        order: Order,
        locale: Locale,
        shop: ShopPort,
        _rules: MoneyRules,
    ) -> Computed:
        """Check the day against today and against the parcel."""
        day, today = dt.date.fromisoformat(draft.day), self._today()
        if day <= today:
            return self.impossible(order, locale, "past_day", draft.day)
        if day > today + dt.timedelta(days=_MAX_DAYS):
            return self.impossible(order, locale, "too_far", draft.day)
        if await _status(shop, order) in _ON_ITS_LAST_WAY:
            return self.impossible(order, locale, "out_for_delivery")
        facts: Facts = {"order": order.id, "day": draft.day}
        effect = RescheduleDelivery(version=order.version, deliver_on=draft.day)
        return self.proposed(
            order,
            locale,
            effect,
            facts,
            before={"deliver_on": order.deliver_on},
            after={"deliver_on": draft.day},
            projected=(later(order, deliver_on=draft.day),),
        )


class ChangeContact(EffectRecipe):
    """Another phone for the courier; the place stays."""

    name = "change_phone"
    said: ClassVar[Sentences] = {
        "summary": ("order", "name", "phone"),
        "proposal": ("order", "name", "phone"),
        "done": ("order", "name", "phone", "receipt"),
    }

    def missing(self, draft: Draft, _order: Order) -> str:
        """A phone."""
        return "" if draft.phone else "phone"

    async def compute(
        self,
        draft: Draft,
        order: Order,
        locale: Locale,
        _shop: ShopPort,
        _rules: MoneyRules,
    ) -> Computed:
        """Name and phone as they will be."""
        name = draft.name or order.address.name
        if (draft.phone, name) == (order.address.phone, order.address.name):
            return self.impossible(order, locale, "same_phone")
        facts: Facts = {
            "order": order.id,
            "name": name,
            "phone": masked_phone(draft.phone),
        }
        effect = ChangePhone(version=order.version, phone=draft.phone, name=draft.name)
        address = msgspec.structs.replace(order.address, phone=draft.phone, name=name)
        return self.proposed(
            order, locale, effect, facts, projected=(later(order, address=address),)
        )


async def _status(shop: ShopPort, order: Order) -> str:
    if not order.tracking_id:
        return ""
    try:
        return (await shop.parcel(order.user_id, order.id)).status
    except NotFound:
        return ""
