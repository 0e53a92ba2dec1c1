"""
What a recipe is: a computation on records, and the steps that carry it out.

Steps are effects with keys of their own. The first one is the action itself; if a
later one is refused, those before it are taken back (:class:`Reversible`). Telling
the customer is a step, too, that never undoes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import msgspec

from engines.agent.ledger import ActionRecord, Step
from engines.agent.plan import Draft
from engines.agent.policy import MoneyRules
from engines.contract import Locale, Risk
from engines.shops.port import Effect, Order, ShopPort
from engines.voice import Voice


class Computed(msgspec.Struct, frozen=True, kw_only=True):
    """
    A proposal in figures, not yet judged and not yet written down.

    Attributes:
        args: Canonical arguments; with the order's version they fix every
            figure. Plain JSON.
        to_customer_minor / from_customer_minor: Money that moves.
        marks: What policy may want to know.
        steps: Kinds of effects, in order; the first one is the action itself.
        before / after: What changes, for people. Plain JSON.
        summary: One line in the customer's language.
        text: The proposal in the customer's language, without the question.
        worth_minor: Worth of goods that leave without money moving.
        offered: What there is instead of what cannot be had, in the customer's
            language; empty if nothing is known.
        projected: The orders as they will be afterwards, for what is asked for
            in the same message.
    """

    args: dict[str, Any]
    steps: tuple[str, ...]
    summary: str
    text: str
    to_customer_minor: int = 0
    from_customer_minor: int = 0
    marks: frozenset[str] = frozenset()
    before: dict[str, Any] = msgspec.field(default_factory=dict)
    after: dict[str, Any] = msgspec.field(default_factory=dict)
    worth_minor: int = 0
    offered: str = ""
    projected: tuple[Order, ...] = ()


class Recipe(Protocol):
    """One closed-loop task. Immutable; holds nothing of a conversation."""

    @property
    def name(self) -> str:
        """Name in plans, policies, ledger and metrics."""
        ...

    @property
    def risk(self) -> Risk:
        """Risk of the task, by the labels of the router."""
        ...

    @property
    def sentences(self) -> Mapping[str, tuple[str, ...]]:
        """Sentences of the voice that the recipe says, with their blanks."""
        ...

    def missing(self, draft: Draft, order: Order) -> str:
        """Name of the slot to ask for next; empty if the draft is complete."""
        ...

    async def compute(
        self,
        draft: Draft,
        order: Order,
        locale: Locale,
        shop: ShopPort,
        rules: MoneyRules,
    ) -> Computed:
        """
        Compute the proposal for a complete draft, on the order as it is now.

        Only reads. The same draft, order and tables give the same result.
        """
        ...

    async def perform(self, shop: ShopPort, record: ActionRecord, step: Step) -> Effect:
        """Carry out one step of a record, with the step's own key."""
        ...

    def done(self, record: ActionRecord, voice: Voice) -> str:
        """Tell the customer what was done, from the record's receipts alone."""
        ...


@runtime_checkable
class Reversible(Protocol):
    """A recipe of several effects, of which all but the last can be taken back."""

    async def undo(
        self, shop: ShopPort, record: ActionRecord, step: Step, key: str
    ) -> Effect:
        """Take the effect of *step* back, under *key*."""
        ...
