"""
What a customer may claim: a price that fell, another invoice, a refund that is late.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import ClassVar

from engines.agent.plan import Draft
from engines.agent.policy import MoneyRules
from engines.agent.reading.particulars import is_company
from engines.agent.recipes.effect_recipe import (
    EffectRecipe,
    Facts,
    Sentences,
    later,
    money,
)
from engines.agent.recipes.goods import line_of
from engines.agent.recipes.recipe import Computed
from engines.contract import Locale, Risk
from engines.shops.effects import ChaseRefund, ProtectPrice, ReissueInvoice
from engines.shops.naming import title
from engines.shops.port import Invoice, NotFound, Order, Refund, ShopPort
from engines.voice import Voice


class ClaimPrice(EffectRecipe):
    """The price fell since: the difference of the units still kept goes back."""

    name = "price_protection"
    risk = Risk.HIGH
    said: ClassVar[Sentences] = {
        "summary": ("order", "line", "title", "quantity", "old", "new", "amount"),
        "proposal": ("order", "line", "title", "quantity", "old", "new", "amount"),
        "done": ("order", "title", "amount", "expected", "receipt"),
    }

    def missing(self, draft: Draft, order: Order) -> str:
        """A line."""
        return "" if line_of(order, draft.line) else "line"

    async def compute(
        self,
        draft: Draft,
        order: Order,
        locale: Locale,
        shop: ShopPort,
        _rules: MoneyRules,
    ) -> Computed:
        """What was paid for one unit against what it costs now."""
        line = line_of(order, draft.line)
        left = line.quantity - line.refunded_quantity if line else 0
        if line is None or line.is_gift or not left:
            mark = "gift" if line and line.is_gift else "nothing_left"
            return self.impossible(order, locale, mark)
        try:
            now = (await shop.variants(line.sku))[0].price_minor
        except NotFound:
            return self.impossible(order, locale, "not_cheaper", line.sku)
        paid = line.unit_price_minor - line.protected_minor
        if now >= paid:
            return self.impossible(order, locale, "not_cheaper", line.sku)
        back = (paid - now) * left
        facts: Facts = {
            "order": order.id,
            "line": line.line,
            "title": title(line, locale),
            "quantity": left,
            "old": money(order, paid, locale),
            "new": money(order, now, locale),
            "amount": money(order, back, locale),
        }
        effect = ProtectPrice(
            version=order.version, line=line.line, quantity=left, amount_minor=back
        )
        is_odd = back > order.paid_minor - order.refunded_minor
        return self.proposed(
            order,
            locale,
            effect,
            facts,
            to_customer=back,
            marks=frozenset({"loss"}) if is_odd else frozenset(),
            before={"protected_minor": line.protected_minor},
            after={"protected_minor": line.protected_minor + paid - now},
        )


class IssueInvoice(EffectRecipe):
    """Another invoice in place of the earlier one, over what was paid and kept."""

    name = "reissue_invoice"
    said: ClassVar[Sentences] = {
        "summary": ("order", "title", "amount"),
        "proposal": ("order", "title", "amount"),
        "tax_id": ("tax_id",),
        "void": ("earlier",),
        "done": ("order", "title", "amount", "receipt"),
    }

    def missing(self, draft: Draft, _order: Order) -> str:
        """A title, and of a company its tax id."""
        parts = draft.invoice
        if not parts.title and not parts.tax_id and not parts.email:
            return "invoice"
        return "tax_id" if is_company(parts.title) and not parts.tax_id else ""

    async def compute(
        self,
        draft: Draft,
        order: Order,
        locale: Locale,
        shop: ShopPort,
        _rules: MoneyRules,
    ) -> Computed:
        """What the new invoice says; what was not said stays as it was."""
        issued = [
            one
            for one in await shop.invoices(order.user_id, order.id)
            if one.status == "issued"
        ]
        earlier = issued[0] if issued else None
        name = draft.invoice.title or (earlier.title if earlier else "")
        if not name:
            return self.impossible(order, locale, "no_title")
        tax_id = draft.invoice.tax_id
        if not tax_id and earlier and earlier.title == name:
            tax_id = earlier.tax_id
        return self._computed(order, locale, draft, name, tax_id, earlier)

    def _computed(
        self,
        order: Order,
        locale: Locale,
        draft: Draft,
        name: str,
        tax_id: str,
        earlier: Invoice | None,
    ) -> Computed:
        facts: Facts = {
            "order": order.id,
            "title": name,
            "tax_id": tax_id,
            "earlier": earlier.id if earlier else "",
            "amount": money(order, order.paid_minor - order.refunded_minor, locale),
        }
        effect = ReissueInvoice(
            version=order.version,
            title=name,
            invoice_kind="company" if tax_id or is_company(name) else "personal",
            tax_id=tax_id,
            email=draft.invoice.email,
        )
        parts = ["proposal"]
        parts += ["tax_id"] if tax_id else []
        parts += ["void"] if earlier else []
        return self.proposed(order, locale, effect, facts, parts=tuple(parts))


class UrgeRefund(EffectRecipe):
    """A refund that is late is chased at the payment provider."""

    name = "chase_refund"
    risk = Risk.HIGH
    said: ClassVar[Sentences] = {
        "summary": ("order", "refund", "amount", "due"),
        "proposal": ("order", "amount", "due"),
        "done": ("order", "amount", "expected", "receipt"),
    }

    def __init__(self, voice: Voice, today: Callable[[], dt.date]) -> None:
        super().__init__(voice)
        self._today = today

    def missing(self, _draft: Draft, _order: Order) -> str:
        """The order is all that is needed."""
        return ""

    async def compute(
        self,
        _draft: Draft,
        order: Order,
        locale: Locale,
        shop: ShopPort,
        _rules: MoneyRules,
    ) -> Computed:
        """The late refund of the order, if there is one."""
        refunds = await shop.refunds(order.user_id, order.id)
        late = late_refunds(refunds, self._today())
        if not late:
            waiting = any(one.status != "paid_back" for one in refunds)
            mark = "not_late" if waiting else "paid_back" if refunds else "no_refund"
            return self.impossible(order, locale, mark)
        one = late[0]
        facts: Facts = {
            "order": order.id,
            "refund": one.id,
            "amount": money(order, one.amount_minor, locale),
            "due": one.expected_by or "",
        }
        effect = ChaseRefund(version=order.version, refund_id=one.id)
        return self.proposed(order, locale, effect, facts, projected=(later(order),))


def late_refunds(refunds: Sequence[Refund], today: dt.date) -> list[Refund]:
    """Refunds on their way whose day has passed."""
    return [
        one
        for one in refunds
        if one.status == "processing"
        and one.expected_by
        and one.expected_by < today.isoformat()
    ]
