"""
From a complete draft to a proposal in the ledger, judged by policy.

The same turn on the same state of the order gives the same record, so a turn
that is answered twice proposes once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping

import msgspec

from engines.agent.ledger import (
    ALL_RECIPES,
    ActionRecord,
    ActionState,
    Ceiling,
    Ledger,
    Step,
)
from engines.agent.plan import Draft
from engines.agent.policy import Case, Policy, Verdict
from engines.agent.recipes import Computed, Recipe
from engines.agent.shop_calls import step_key
from engines.contract import Turn
from engines.shops.port import Order, ShopPort


DAY_MS = 86_400_000


class Judged(msgspec.Struct, frozen=True):
    """A computed proposal and what policy says of it."""

    draft: Draft
    order: Order
    computed: Computed
    verdict: Verdict


class Proposals:
    """
    Computes, judges and writes proposals; holds no state of its own.

    Args:
        shop: Whose records are read.

        ledger: Where proposals are kept.

        recipes: By name.

        policy: Judges every proposal, now and again before it is carried out.

        clock_ms: Wall clock.
    """

    def __init__(
        self,
        shop: ShopPort,
        ledger: Ledger,
        recipes: Mapping[str, Recipe],
        policy: Policy,
        clock_ms: Callable[[], int],
    ) -> None:
        self._shop = shop
        self._ledger = ledger
        self._recipes = recipes
        self._policy = policy
        self._clock_ms = clock_ms

    async def judge(
        self, turn: Turn, draft: Draft, order: Order, *, record_id: str = ""
    ) -> Judged:
        """
        Compute *draft* on *order* as it is now and let policy judge it.

        What *record_id* may have counted already is not held against it.
        """
        computed = await self._recipes[draft.recipe].compute(
            draft, order, turn.locale, self._shop, self._policy.money
        )
        case = Case(
            recipe=draft.recipe,
            order=order,
            now=self.now(),
            to_customer_minor=computed.to_customer_minor,
            from_customer_minor=computed.from_customer_minor,
            worth_minor=computed.worth_minor,
            marks=computed.marks,
            spent=await self._spent(turn, draft.recipe, record_id),
        )
        return Judged(draft, order, computed, self._policy.judge(case))

    async def propose(self, turn: Turn, judged: Judged) -> ActionRecord:
        """Write a proposal that policy allows; the same one comes back unchanged."""
        return await self._ledger.propose(self._record(turn, judged))

    async def reserve(self, record: ActionRecord) -> bool:
        """Count what is about to be given against the ceilings over time."""
        ceilings = [
            Ceiling(one.days * DAY_MS, one.minor, one.per == "shop", one.over == "all")
            for one in self._policy.totals(record.recipe)
        ]
        if not ceilings or record.amount_minor <= 0:
            return True
        return await self._ledger.reserve(record, ceilings)

    async def _spent(self, turn: Turn, recipe: str, record_id: str) -> dict[str, int]:
        return {
            one.id: await self._ledger.spent(
                turn.shop,
                "" if one.per == "shop" else turn.user_id,
                ALL_RECIPES if one.over == "all" else recipe,
                one.days * DAY_MS,
                but=record_id,
            )
            for one in self._policy.totals(recipe)
        }

    def is_expired(self, record: ActionRecord) -> bool:
        """Tell if a proposal waited for consent too long."""
        return self._clock_ms() > record.expires_ms

    def now(self) -> dt.datetime:
        """Wall time with a time zone."""
        return dt.datetime.fromtimestamp(self._clock_ms() / 1000, dt.UTC)

    def _record(self, turn: Turn, judged: Judged) -> ActionRecord:
        order, computed = judged.order, judged.computed
        id_ = action_id(turn, judged)
        now_ms = self._clock_ms()
        return ActionRecord(
            id=id_,
            shop=turn.shop,
            conversation_id=turn.conversation_id,
            user_id=turn.user_id,
            recipe=judged.draft.recipe,
            state=ActionState.PROPOSED,
            version=1,
            args=computed.args,
            order_id=order.id,
            order_version=order.version,
            amount_minor=computed.to_customer_minor - computed.from_customer_minor,
            currency=order.currency,
            summary=computed.summary,
            clauses=judged.verdict.clauses,
            steps=tuple(
                Step(kind=kind, key=step_key(id_, position, kind))
                for position, kind in enumerate(computed.steps)
            ),
            created_ms=now_ms,
            expires_ms=now_ms + self._policy.proposal_ms,
            before=computed.before,
            after=computed.after,
        )


def action_id(turn: Turn, judged: Judged) -> str:
    """Id of a proposal: who, in which turn, what, on which version of the order."""
    parts = (
        turn.shop,
        turn.conversation_id,
        turn.user_id,
        turn.turn_id,
        judged.draft.recipe,
        judged.order.id,
        judged.order.version,
        judged.computed.args,
    )
    digest = hashlib.sha256(_canonical(parts)).hexdigest()
    return f"act_{digest[:24]}"


def is_same(record: ActionRecord, judged: Judged) -> bool:
    """Tell if a proposal would come out again exactly as it was shown."""
    return (
        record.order_version == judged.order.version
        and record.recipe == judged.draft.recipe
        and _canonical(record.args) == _canonical(judged.computed.args)
    )


def _canonical(value: object) -> bytes:
    """Bytes that are equal for equal arguments, fresh or read from the ledger."""
    return msgspec.json.encode(value, order="sorted")
