"""
What recipes share whose action is one effect of :mod:`engines.shops.effects`.

The effect stands whole in the record's arguments, and the facts that the
sentences say stand beside it as they were shown, so that a proposal, its
summary and its end never differ in a figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from engines.agent.ledger import ActionRecord, Step
from engines.agent.recipes.recipe import Computed
from engines.agent.wording import amount
from engines.contract import Locale, Risk
from engines.shops.effects import OrderEffect, kind_of
from engines.shops.port import Effect, Order, ShopPort
from engines.voice import Voice


Facts = dict[str, str | int]
Sentences = Mapping[str, tuple[str, ...]]


class EffectRecipe:
    """Base of such recipes; a subclass computes."""

    name = ""
    risk = Risk.MEDIUM
    #: Sentences after ``agent.<name>.`` with their blanks.
    said: ClassVar[Sentences] = {}

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    @property
    def sentences(self) -> Mapping[str, tuple[str, ...]]:
        """Sentences of the voice, by their whole keys."""
        return {f"agent.{self.name}.{key}": blanks for key, blanks in self.said.items()}

    async def perform(self, shop: ShopPort, record: ActionRecord, step: Step) -> Effect:
        """Carry out exactly the effect that was confirmed."""
        effect = msgspec.convert(record.args["effect"], OrderEffect)
        return await shop.perform(step.key, record.user_id, record.order_id, effect)

    def done(self, record: ActionRecord, _voice: Voice) -> str:
        """Tell what the receipt says."""
        locale: Locale = record.args["locale"]
        step = record.steps[0]
        facts = {
            **record.args["facts"],
            "receipt": step.receipt,
            "expected": step.detail.get("expected_by") or "",
        }
        return "".join(
            self.say(key, locale, facts | self._more(step, locale))
            for key in self._ending(record, step)
        )

    def say(self, key: str, locale: Locale, facts: Mapping[str, str | int]) -> str:
        """Say one sentence of the recipe with the facts it has blanks for."""
        blanks = {name: facts[name] for name in self.said[key]}
        return self._voice.say(f"agent.{self.name}.{key}", locale, **blanks)

    def proposed(
        self,
        order: Order,
        locale: Locale,
        effect: OrderEffect,
        facts: Facts,
        *,
        parts: tuple[str, ...] = ("proposal",),
        to_customer: int = 0,
        from_customer: int = 0,
        marks: frozenset[str] = frozenset(),
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        projected: tuple[Order, ...] = (),
    ) -> Computed:
        """The proposal of an effect, said in *parts*."""
        return Computed(
            args={
                "order_id": order.id,
                "effect": msgspec.to_builtins(effect),
                "facts": facts,
                "locale": locale,
            },
            steps=(kind_of(effect), "notify"),
            summary=self.say("summary", locale, facts),
            text="".join(self.say(part, locale, facts) for part in parts),
            to_customer_minor=to_customer,
            from_customer_minor=from_customer,
            marks=marks,
            before=before or {},
            after=after or {},
            projected=projected or (later(order),),
        )

    def impossible(
        self,
        order: Order,
        locale: Locale,
        mark: str,
        what: str = "",
        offered: str = "",
    ) -> Computed:
        """What cannot be computed at all; policy says in words why."""
        return Computed(
            args={"order_id": order.id, "locale": locale},
            steps=(),
            summary=f"{self.name} {order.id} {what}".strip(),
            text="",
            marks=frozenset({mark}),
            offered=offered,
        )

    def _ending(self, _record: ActionRecord, _step: Step) -> tuple[str, ...]:
        """Sentences that tell the end, from the receipt alone."""
        return ("done",)

    def _more(self, step: Step, locale: Locale) -> Facts:
        """Facts that only the receipt has."""
        place = step.detail.get("return_to") or {}
        return {
            "url": str(step.detail.get("payment_url", "")),
            "address": str(place.get(locale, "")) if isinstance(place, dict) else "",
        }


def later(order: Order, **changes: Any) -> Order:
    """The order as it will be after one more effect."""
    return msgspec.structs.replace(order, version=order.version + 1, **changes)


def money(order: Order, minor: int, locale: Locale) -> str:
    """An amount of the order's currency in words."""
    return amount(minor, order.currency, locale)
