"""
Goods for goods: exchange a line, replace what came wrong, send a gift left out.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from engines.agent.ledger import ActionRecord, Step
from engines.agent.matching import matching
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
from engines.contract import Locale, Risk
from engines.shops.effects import ExchangeItem, ReplaceItem, SendGift
from engines.shops.naming import options, title, variant_title
from engines.shops.port import NotFound, Order, OrderLine, Product, ShopPort


#: Variants that one answer lists.
MAX_VARIANTS = 12
_UNSHIPPED = frozenset({"unpaid", "paid"})
_REASONS = {
    "damaged": ("破损", "damaged"),
    "missing": ("漏发", "missing"),
    "wrong_item": ("发错", "wrong item"),
}


class ExchangeGoods(EffectRecipe):
    """Units of a line for another size, colour or product."""

    name = "exchange_item"
    risk = Risk.MEDIUM
    said: ClassVar[Sentences] = {
        "summary": ("order", "line", "title", "quantity", "target", "difference"),
        "proposal": ("order", "line", "title", "quantity", "target"),
        "same": (),
        "more": ("difference",),
        "less": ("difference",),
        "goods_back": (),
        "done": ("order", "title", "quantity", "target", "receipt"),
        "refunded": ("difference",),
        "send": ("address",),
        "link": ("order", "target", "difference", "url", "receipt"),
    }

    def missing(self, draft: Draft, order: Order) -> str:
        """A line, and what for."""
        if line_of(order, draft.line) is None:
            return "line"
        return "" if draft.target else "target"

    async def compute(
        self,
        draft: Draft,
        order: Order,
        locale: Locale,
        shop: ShopPort,
        _rules: MoneyRules,
    ) -> Computed:
        """Find the product that is meant and what it costs more or less."""
        line = line_of(order, draft.line)
        left = line.quantity - line.refunded_quantity if line else 0
        if line is None or line.is_gift or not left:
            mark = "gift" if line and line.is_gift else "nothing_left"
            return self.impossible(order, locale, mark)
        own, target = await matching(shop, line.sku, draft.target)
        if target is None or own is None:
            there_is = await variants_text(shop, line.sku, locale)
            return self.impossible(
                order, locale, "no_such_product", draft.target, there_is
            )
        if target.sku == line.sku:
            return self.impossible(order, locale, "same_product", draft.target)
        quantity = min(draft.quantity or left, left)
        if target.stock < quantity:
            there_is = await variants_text(shop, line.sku, locale)
            return self.impossible(order, locale, "out_of_stock", target.sku, there_is)
        return self._computed(order, locale, line, quantity, own, target)

    def _computed(
        self,
        order: Order,
        locale: Locale,
        line: OrderLine,
        quantity: int,
        own: Product,
        target: Product,
    ) -> Computed:
        is_family = bool(own.family) and own.family == target.family
        known = own.price_minor if is_family else line.unit_price_minor
        difference = (target.price_minor - known) * quantity
        facts: Facts = {
            "order": order.id,
            "line": line.line,
            "title": title(line, locale),
            "quantity": quantity,
            "target": variant_title(target, locale),
            "difference": money(order, difference, locale),
        }
        effect = ExchangeItem(
            version=order.version,
            line=line.line,
            quantity=quantity,
            sku=target.sku,
            difference_minor=difference,
        )
        kind = "more" if difference > 0 else "less" if difference else "same"
        is_back = order.status not in _UNSHIPPED
        return self.proposed(
            order,
            locale,
            effect,
            facts,
            parts=("proposal", kind, *(("goods_back",) if is_back else ())),
            to_customer=max(0, -difference),
            from_customer=max(0, difference),
            before={"sku": line.sku},
            after={"sku": target.sku},
            projected=(order,) if difference > 0 else (later(order),),
        )

    def _ending(self, record: ActionRecord, step: Step) -> tuple[str, ...]:
        if step.detail.get("status") == "awaiting_payment":
            return ("link",)
        parts = ["done"]
        if step.detail.get("status") == "awaiting_return":
            parts.append("send")
        if record.amount_minor > 0:
            parts.append("refunded")
        return tuple(parts)


class ReplaceGoods(EffectRecipe):
    """Units that came damaged, wrong or not at all are sent again, with evidence."""

    name = "replace_item"
    risk = Risk.HIGH
    said: ClassVar[Sentences] = {
        "summary": ("order", "line", "title", "quantity", "reason"),
        "proposal": ("order", "line", "title", "quantity", "reason"),
        "done": ("order", "title", "quantity", "receipt"),
    }

    def missing(self, draft: Draft, order: Order) -> str:
        """A line, how many units, and what shows it."""
        line = line_of(order, draft.line)
        if line is None:
            return "line"
        if not draft.quantity and line.quantity - line.replaced_quantity > 1:
            return "quantity"
        return "" if draft.evidence else "evidence"

    async def compute(
        self,
        draft: Draft,
        order: Order,
        locale: Locale,
        shop: ShopPort,
        _rules: MoneyRules,
    ) -> Computed:
        """What is sent again; its worth is what policy's ceiling looks at."""
        line = line_of(order, draft.line)
        left = (
            line.quantity - line.refunded_quantity - line.replaced_quantity
            if line
            else 0
        )
        quantity = max(1, draft.quantity)
        if line is None or left < quantity:
            return self.impossible(order, locale, "nothing_left")
        stock = await stock_of(shop, line.sku)
        if stock < quantity:
            return self.impossible(order, locale, "out_of_stock", line.sku)
        reason = draft.reason or "damaged"
        facts: Facts = {
            "order": order.id,
            "line": line.line,
            "title": title(line, locale),
            "quantity": quantity,
            "reason": _REASONS.get(reason, _REASONS["damaged"])[locale == "en"],
        }
        effect = ReplaceItem(
            version=order.version,
            line=line.line,
            quantity=quantity,
            reason=reason,
            evidence=draft.evidence,
        )
        computed = self.proposed(order, locale, effect, facts)
        worth = line.unit_price_minor * quantity
        return msgspec.structs.replace(computed, worth_minor=worth)


class SendGiftAgain(EffectRecipe):
    """A gift that the order earned and that was not in the parcel."""

    name = "claim_gift"
    risk = Risk.MEDIUM
    said: ClassVar[Sentences] = {
        "summary": ("order", "title"),
        "proposal": ("order", "title"),
        "done": ("order", "title", "receipt"),
    }

    def missing(self, _draft: Draft, _order: Order) -> str:
        """The order is all that is needed."""
        return ""

    async def compute(
        self,
        draft: Draft,
        order: Order,
        locale: Locale,
        shop: ShopPort,
        _rules: MoneyRules,
    ) -> Computed:
        """The gift of the order that can still be sent."""
        gifts = [line for line in order.lines if line.is_gift]
        named = [line for line in gifts if line.line == draft.line]
        gifts = named or gifts
        if not gifts:
            return self.impossible(order, locale, "no_gift")
        open_ = [
            line
            for line in gifts
            if not line.replaced_quantity and line.refunded_quantity < line.quantity
        ]
        if not open_:
            return self.impossible(order, locale, "already_sent")
        gift = open_[0]
        if await stock_of(shop, gift.sku) < gift.quantity:
            return self.impossible(order, locale, "out_of_stock", gift.sku)
        facts: Facts = {"order": order.id, "title": title(gift, locale)}
        effect = SendGift(version=order.version, line=gift.line)
        computed = self.proposed(order, locale, effect, facts)
        worth = gift.unit_price_minor * gift.quantity
        return msgspec.structs.replace(computed, worth_minor=worth)


def line_of(order: Order, number: int) -> OrderLine | None:
    """A line of the order by its number."""
    return next((line for line in order.lines if line.line == number), None)


async def variants_text(shop: ShopPort, sku: str, locale: Locale) -> str:
    """The variants of a product that are in stock, by what tells them apart."""
    try:
        found = (await shop.variants(sku))[:MAX_VARIANTS]
    except NotFound:
        return ""
    said = (" ".join(options(one, locale)) for one in found if one.stock)
    return {"zh": "、", "en": ", "}[locale].join(dict.fromkeys(filter(None, said)))


async def stock_of(shop: ShopPort, sku: str) -> int:
    """Units in stock; none of a product that is no longer sold."""
    try:
        return (await shop.variants(sku))[0].stock
    except NotFound:
        return 0
