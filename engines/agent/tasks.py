"""
Going on with a task: fill its slots, ground it, judge it, propose it.

Nothing here calls an effect. A new proposal of the same task puts the earlier
one out of force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from engines.agent.grounding import ungrounded
from engines.agent.ledger import ActionRecord, ActionState, Ledger
from engines.agent.plan import Task, Wants
from engines.agent.policy import Case, Never, Policy, Verdict
from engines.agent.proposals import Judged, Proposals, is_same
from engines.agent.reading.addresses import AddressParts
from engines.agent.reading.text import Simplify
from engines.agent.recipes import Recipe
from engines.agent.replies import Replies, person
from engines.contract import Answer, Escalation, Reason, Turn
from engines.shops.port import Order


Outcome = Answer | Escalation


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a task stands in a turn.

    Attributes:
        earlier: An open proposal that a new one replaces.
        opening: Sentence that explains why the proposal is shown (again).
    """

    turn: Turn
    task: Task
    order: Order
    earlier: ActionRecord | None = None
    opening: str = ""


class Tasks:
    """
    Brings a draft to a proposal; holds no state of its own.

    Args:
        proposals: Computes, judges and writes them.

        ledger: Where earlier proposals are put out of force.

        policy: Asked before anything is asked of the customer.

        replies: Words.

        recipes: By name.

        simplify: As the planner's.
    """

    def __init__(
        self,
        proposals: Proposals,
        ledger: Ledger,
        policy: Policy,
        replies: Replies,
        *,
        recipes: Mapping[str, Recipe],
        simplify: Simplify,
    ) -> None:
        self._proposals = proposals
        self._ledger = ledger
        self._policy = policy
        self._replies = replies
        self._recipes = recipes
        self._simplify = simplify

    async def pursue(
        self,
        turn: Turn,
        orders: Sequence[Order],
        wants: Wants,
        earlier: ActionRecord | None = None,
        *,
        opening: str = "",
    ) -> Outcome:
        """
        Go on with what is wanted as far as it goes without the customer.

        Args:
            turn: The turn that wants it.

            orders: The customer's orders as they are now.

            wants: Drafts, the first one first.

            earlier: An open proposal that a new one replaces.

            opening: Sentence that explains why there is a new proposal.
        """
        draft, *then = wants.drafts
        task = Task(draft=draft, choices=wants.choices, then=tuple(then))
        order = next((one for one in orders if one.id == draft.order_id), None)
        if wants.foreign or not orders or (draft.order_id and order is None):
            said = self._replies.no_such_order(wants.foreign, orders, turn.locale)
            waiting = self._replies.open(task, "order") if orders else None
            return msgspec.structs.replace(said, open_task=waiting)
        if order is None:
            return self._replies.ask("order", task, orders, turn.locale)
        return await self._on_order(
            Standing(
                turn=turn, task=task, order=order, earlier=earlier, opening=opening
            )
        )

    async def _on_order(self, at: Standing) -> Outcome:
        """The order is known: may it be done at all, and what is missing?"""
        draft = at.task.draft
        case = Case(recipe=draft.recipe, order=at.order, now=self._proposals.now())
        verdict = self._policy.judge(case)
        if verdict.outcome != "allowed":
            return await self._forbidden(at, verdict, draft.recipe)
        slot = self._recipes[draft.recipe].missing(draft, at.order)
        if slot:
            return self._replies.ask(slot, at.task, [at.order], at.turn.locale)
        said = [line.text for line in at.turn.history if line.role == "customer"]
        bad = ungrounded(draft, [at.order], [*said, at.turn.text], self._simplify)
        if bad:
            return person(Reason.LOW_CONFIDENCE, f"{draft.recipe}: unfounded {bad}")
        return await self.show(
            at, await self._proposals.judge(at.turn, draft, at.order)
        )

    async def show(self, at: Standing, judged: Judged) -> Outcome:
        """Propose what was judged, or say why not; an equal proposal is kept."""
        if judged.verdict.outcome != "allowed":
            return await self._forbidden(at, judged.verdict, judged.computed.summary)
        record = at.earlier
        if record is None or not _stands(record, judged):
            record = await self._proposals.propose(at.turn, judged)
            await self._put_out_of_force(at.earlier, f"replaced by {record.id}")
        return self._replies.propose(
            record, judged.computed.text, at.order, at.task, opening=at.opening
        )

    async def _forbidden(self, at: Standing, verdict: Verdict, what: str) -> Outcome:
        """Refuse by the deciding clause, or leave it to a person."""
        await self._put_out_of_force(at.earlier, "no longer allowed")
        recipe, clause = at.task.draft.recipe, verdict.clause
        if verdict.outcome == "person" or clause is None:
            name = verdict.clauses[-1]
            return person(Reason.POLICY, f"{name} · {at.order.id} · {what}")
        said = self._replies.refused(clause, recipe, at.order, at.turn.locale)
        if isinstance(clause, Never) and clause.mark == "same_address":
            draft = msgspec.structs.replace(at.task.draft, address=AddressParts())
            task = Task(draft=draft, then=at.task.then)
            again = self._replies.open(task, "address")
            return msgspec.structs.replace(said, open_task=again)
        return said

    async def _put_out_of_force(self, earlier: ActionRecord | None, why: str) -> None:
        if earlier is not None and earlier.state is ActionState.PROPOSED:
            await self._ledger.move(earlier, ActionState.SUPERSEDED, why)


def _stands(record: ActionRecord, judged: Judged) -> bool:
    return record.state is ActionState.PROPOSED and is_same(record, judged)
