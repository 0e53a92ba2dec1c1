"""
Change the address of an unshipped order; freight follows, the customer is told.

A lower freight is refunded with the change; a shop that does so by two calls gets
its address back if the refund is refused. A higher one is asked for by a payment
link, and the shop changes the address when it is paid: until then the order stays
as it is, and the customer is told so.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engines.agent import money
from engines.agent.ledger import NOTIFY, ActionRecord, Step
from engines.agent.plan import Draft
from engines.agent.policy import MoneyRules
from engines.agent.recipes.effect_recipe import later
from engines.agent.recipes.recipe import Computed
from engines.agent.wording import address_text, amount
from engines.contract import Locale, Risk
from engines.shops.effects import OrderEffect, RefundFreight, SetAddress
from engines.shops.port import (
    Address,
    Effect,
    Order,
    OrderAt,
    ShopPort,
    ShopRefused,
)
from engines.voice import Voice


class ChangeAddress:
    """The recipe; see the module."""

    name = "change_address"
    risk = Risk.MEDIUM
    sentences: Mapping[str, tuple[str, ...]] = {
        "agent.change_address.summary": ("order", "address", "old", "new"),
        "agent.change_address.proposal": ("order", "address"),
        "agent.change_address.freight_same": ("new",),
        "agent.change_address.freight_less": ("old", "new", "difference"),
        "agent.change_address.freight_more": ("old", "new", "difference"),
        "agent.change_address.freight_unpaid": ("old", "new"),
        "agent.change_address.done": ("order", "address", "receipt"),
        "agent.change_address.refunded": ("difference",),
        "agent.change_address.link": ("order", "difference", "url", "receipt"),
    }

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def missing(self, draft: Draft, _order: Order) -> str:
        """A place to send the parcel to, or another person at the same place."""
        address = draft.address
        return "" if address.is_place or address.is_contact else "address"

    async def compute(
        self,
        draft: Draft,
        order: Order,
        locale: Locale,
        shop: ShopPort,
        _rules: MoneyRules,
    ) -> Computed:
        """Recompute the freight and say what it means."""
        address = draft.address.filled(order.address)
        marks = {"same_address"} if address == order.address else set()
        if order.ships_with or order.joined:
            marks.add("merged")
        try:
            freight = await shop.quote_freight(
                address.region, money.weight_left(order), money.goods_left(order)
            )
        except ShopRefused:
            marks.add("unknown_region")
            freight = order.freight_minor
        moves = freight - order.freight_minor if order.status == "paid" else 0
        is_apart = shop.moves_freight_apart and order.status == "paid"
        steps = _steps(moves, is_apart=is_apart)
        return self._computed(
            order, locale, address, freight, moves, frozenset(marks), steps
        )

    async def perform(self, shop: ShopPort, record: ActionRecord, step: Step) -> Effect:
        """Change the address now, or when the link is paid; or refund the freight."""
        at = OrderAt(record.user_id, record.order_id, record.order_version)
        address = msgspec.convert(record.args["address"], Address)
        freight = int(record.args["freight_minor"])
        if step.kind == "change_address_when_paid":
            return await shop.change_address_when_paid(step.key, at, address, freight)
        if step.kind == "change_address":
            return await shop.change_address(step.key, at, address, freight)
        effect: OrderEffect = SetAddress(version=at.version, address=address)
        if step.kind == "refund_freight":
            effect = RefundFreight(
                version=at.version + 1, amount_minor=record.amount_minor
            )
        return await shop.perform(step.key, at.user_id, at.order_id, effect)

    async def undo(
        self, shop: ShopPort, record: ActionRecord, _step: Step, key: str
    ) -> Effect:
        """Put the address back; the freight is refunded last, or not at all."""
        effect = SetAddress(
            version=record.order_version + 1,
            address=msgspec.convert(record.before["address"], Address),
        )
        return await shop.perform(key, record.user_id, record.order_id, effect)

    def done(self, record: ActionRecord, voice: Voice) -> str:
        """Tell what the receipt says: changed, or waiting for payment."""
        locale: Locale = record.args["locale"]
        step = record.steps[0]
        address = msgspec.convert(record.args["address"], Address)
        difference = amount(record.amount_minor, record.currency, locale)
        if step.kind == "change_address_when_paid":
            return voice.say(
                "agent.change_address.link",
                locale,
                order=record.order_id,
                difference=difference,
                url=step.detail.get("payment_url", ""),
                receipt=step.receipt,
            )
        said = voice.say(
            "agent.change_address.done",
            locale,
            order=record.order_id,
            address=address_text(address, locale),
            receipt=step.receipt,
        )
        if record.amount_minor > 0:
            said += voice.say(
                "agent.change_address.refunded", locale, difference=difference
            )
        return said

    def _computed(
        self,
        order: Order,
        locale: Locale,
        address: Address,
        freight: int,
        moves: int,
        marks: frozenset[str],
        steps: tuple[str, ...],
    ) -> Computed:
        say = self._voice.say
        old = amount(order.freight_minor, order.currency, locale)
        new = amount(freight, order.currency, locale)
        place = address_text(address, locale)
        text = say(
            "agent.change_address.proposal", locale, order=order.id, address=place
        )
        return Computed(
            args={
                "order_id": order.id,
                "address": msgspec.to_builtins(address),
                "freight_minor": freight,
                "locale": locale,
            },
            steps=steps,
            summary=say(
                "agent.change_address.summary",
                locale,
                order=order.id,
                address=place,
                old=old,
                new=new,
            ),
            text=text + self._freight(order, locale, freight, moves),
            to_customer_minor=max(0, -moves),
            from_customer_minor=max(0, moves),
            marks=marks,
            before={
                "address": msgspec.to_builtins(order.address),
                "freight_minor": order.freight_minor,
            },
            after={
                "address": msgspec.to_builtins(address),
                "freight_minor": freight,
            },
            projected=(order,)
            if moves > 0
            else (later(order, address=address, freight_minor=freight),),
        )

    def _freight(self, order: Order, locale: Locale, freight: int, moves: int) -> str:
        old = amount(order.freight_minor, order.currency, locale)
        new = amount(freight, order.currency, locale)
        key = "agent.change_address.freight"
        if freight == order.freight_minor:
            return self._voice.say(f"{key}_same", locale, new=new)
        if not moves:
            return self._voice.say(f"{key}_unpaid", locale, old=old, new=new)
        difference = amount(moves, order.currency, locale)
        kind = "more" if moves > 0 else "less"
        return self._voice.say(
            f"{key}_{kind}", locale, old=old, new=new, difference=difference
        )


def _steps(moves: int, *, is_apart: bool) -> tuple[str, ...]:
    """Kinds of effects; *moves* is by how much the freight of a paid order rises."""
    if moves > 0:
        return ("change_address_when_paid", NOTIFY)
    if not is_apart:
        return ("change_address", NOTIFY)
    refund = ("refund_freight",) if moves else ()
    return ("set_address", *refund, NOTIFY)
