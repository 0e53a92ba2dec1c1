"""
Going on with what a customer wants: fill slots, ground, judge, propose.

Several tasks of one message are put in order, each computed on the orders as
the ones before will leave them, and proposed together: one consent covers all
that was shown. What policy refuses is said and left out; what a person must do
comes last. Nothing here calls an effect. A new proposal puts the earlier ones
out of force.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import msgspec

from engines.agent.grounding import ungrounded
from engines.agent.ledger import ActionRecord, ActionState, Ledger
from engines.agent.plan import Companion, Draft, Task, Wants
from engines.agent.policy import Case, Never, Policy, Verdict
from engines.agent.proposals import Judged, Proposals, is_same
from engines.agent.reading.addresses import AddressParts
from engines.agent.reading.text import Simplify
from engines.agent.recipes import Recipe
from engines.agent.replies import Proposed, Replies, person
from engines.contract import Answer, Escalation, Reason, Turn
from engines.shops.port import Order


Outcome = Answer | Escalation

#: What policy lets a customer agree to.
OPEN_TO_CONSENT = frozenset({"allowed", "approve"})


class _Refused(msgspec.Struct, frozen=True):
    """A task that policy does not allow, with the reason."""

    draft: Draft
    order: Order
    verdict: Verdict
    what: str
    offered: str = ""


class _Sorted(msgspec.Struct):
    """Tasks of one message by what becomes of them."""

    shown: list[Judged] = []
    refused: list[_Refused] = []
    people: list[_Refused] = []


class Tasks:
    """
    Brings drafts to a proposal; holds no state of its own.

    Args:
        proposals: Computes, judges and writes them.

        ledger: Where earlier proposals are put out of force.

        policy: Asked before anything is asked of the customer.

        replies: Words.

        recipes: By name, in the order in which tasks are done.

        simplify: As the planner's.

        today: The shop's date.
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
        today: Callable[[], dt.date],
    ) -> None:
        self._proposals = proposals
        self._ledger = ledger
        self._policy = policy
        self._replies = replies
        self._recipes = recipes
        self._ranks = {name: rank for rank, name in enumerate(recipes)}
        self._simplify = simplify
        self._today = today

    async def pursue(
        self,
        turn: Turn,
        orders: Sequence[Order],
        wants: Wants,
        earlier: Sequence[ActionRecord] = (),
        *,
        opening: str = "",
    ) -> Outcome:
        """
        Go on with what is wanted as far as it goes without the customer.

        Args:
            turn: The turn that wants it.

            orders: The customer's orders as they are now.

            wants: Drafts; the order of doing is the recipes'.

            earlier: Open proposals that a new one replaces.

            opening: Sentence that explains why there is a new proposal.
        """
        drafts = sorted(wants.drafts, key=lambda one: self._ranks[one.recipe])
        if wants.foreign or not orders:
            said = self._replies.no_such_order(wants.foreign, orders, turn.locale)
            task = _task(drafts[0], drafts, wants)
            waiting = self._replies.open(task, "order") if orders else None
            return msgspec.structs.replace(said, open_task=waiting)
        found = _Sorted([], [], [])
        asked = await self._sort(turn, orders, drafts, wants, found)
        if asked is not None:
            await self._put_out_of_force(earlier, "more is needed")
            return asked
        outcome = await self._outcome(turn, found, earlier, opening)
        return self._with_left_out(outcome, turn, orders, wants.left_out)

    def _with_left_out(
        self,
        said: Outcome,
        turn: Turn,
        orders: Sequence[Order],
        apart: Sequence[Draft],
    ) -> Outcome:
        """Say which orders are not among "all of them", each with its clause."""
        if isinstance(said, Escalation):
            return said
        board, now = {order.id: order for order in orders}, self._proposals.now()
        for draft in apart:
            order = board[draft.order_id]
            case = Case(recipe=draft.recipe, order=order, now=now)
            clause = self._policy.judge(case).clause
            if clause is not None:
                said = self._replies.left_out(said, clause, draft, turn.locale)
        return said

    async def show(
        self,
        turn: Turn,
        judged: Sequence[Judged],
        earlier: Sequence[ActionRecord],
        *,
        opening: str = "",
        then: tuple[Draft, ...] = (),
    ) -> Answer:
        """Propose what was judged; an equal proposal that stands is kept."""
        records = []
        for one in judged:
            standing = next((old for old in earlier if _stands(old, one)), None)
            records.append(standing or await self._proposals.propose(turn, one))
        kept = {record.id for record in records}
        gone = [old for old in earlier if old.id not in kept]
        await self._put_out_of_force(gone, f"replaced by {records[0].id}")
        first, *more = (
            Companion(one.draft, record.id)
            for one, record in zip(judged, records, strict=True)
        )
        task = Task(
            draft=first.draft, action_id=first.action_id, also=tuple(more), then=then
        )
        shown = [
            Proposed(record, one.computed.text, one.order)
            for one, record in zip(judged, records, strict=True)
        ]
        return self._replies.propose(shown, task, opening=opening)

    async def _sort(
        self,
        turn: Turn,
        orders: Sequence[Order],
        drafts: Sequence[Draft],
        wants: Wants,
        found: _Sorted,
    ) -> Outcome | None:
        """Sort the drafts into *found*; or what has to be asked or handed over first."""
        board = {order.id: order for order in orders}
        for draft in drafts:
            order = board.get(draft.order_id)
            if order is None:
                if draft.order_id:
                    return self._replies.no_such_order(
                        draft.order_id, orders, turn.locale
                    )
                slot = "others" if draft.recipe == "merge_orders" else "order"
                task = _task(draft, drafts, wants)
                return self._replies.ask(slot, task, orders, turn.locale)
            asked = await self._judge(turn, draft, order, drafts, wants, found)
            if asked is not None:
                return asked
            for later in found.shown[-1].computed.projected if found.shown else ():
                board[later.id] = later
        return None

    async def _judge(
        self,
        turn: Turn,
        draft: Draft,
        order: Order,
        drafts: Sequence[Draft],
        wants: Wants,
        found: _Sorted,
    ) -> Outcome | None:
        """One draft on its order: may it be done at all, and what is missing?"""
        case = Case(recipe=draft.recipe, order=order, now=self._proposals.now())
        verdict = self._policy.judge(case)
        if verdict.outcome not in OPEN_TO_CONSENT:
            _forbid(found, _Refused(draft, order, verdict, draft.recipe))
            return None
        slot = self._recipes[draft.recipe].missing(draft, order)
        if slot:
            task = _task(draft, drafts, wants)
            return self._replies.ask(slot, task, [order], turn.locale)
        said = [line.text for line in turn.history if line.role == "customer"]
        bad = ungrounded(
            draft, order, [*said, turn.text], self._simplify, self._today()
        )
        if bad:
            return person(Reason.LOW_CONFIDENCE, f"{draft.recipe}: unfounded {bad}")
        judged = await self._proposals.judge(turn, draft, order)
        if judged.verdict.outcome in OPEN_TO_CONSENT:
            found.shown.append(judged)
        else:
            what, offered = judged.computed.summary, judged.computed.offered
            _forbid(found, _Refused(draft, order, judged.verdict, what, offered))
        return None

    async def _outcome(
        self,
        turn: Turn,
        found: _Sorted,
        earlier: Sequence[ActionRecord],
        opening: str,
    ) -> Outcome:
        """Refusals first, then the proposal; a person if nothing else is left."""
        if not found.shown:
            await self._put_out_of_force(earlier, "no longer allowed")
        if found.people and not found.shown:
            return person(Reason.POLICY, " · ".join(map(_note, found.people)))
        refusals = [self._refusal(one, turn) for one in found.refused]
        if not found.shown:
            return self._replies.together(refusals)
        then = tuple(one.draft for one in found.people)
        said = await self.show(turn, found.shown, earlier, opening=opening, then=then)
        for one in found.people:
            said = self._replies.later(said, one.what, turn.locale)
        return self._replies.together([*refusals, said])

    def _refusal(self, one: _Refused, turn: Turn) -> Answer:
        """Refuse by the deciding clause; another address may still be given."""
        recipe, clause = one.draft.recipe, one.verdict.clause
        assert clause is not None  # noqa: S101 - refusals have a clause
        said = self._replies.refused(clause, recipe, one.order, turn.locale)
        said = self._replies.with_offer(said, one.offered, turn.locale)
        if not isinstance(clause, Never) or clause.mark not in _AGAIN:
            return said
        slot, fields = _AGAIN[clause.mark]
        draft = msgspec.structs.replace(one.draft, **fields)
        again = self._replies.open(Task(draft=draft), slot)
        return msgspec.structs.replace(said, open_task=again)

    async def _put_out_of_force(
        self, earlier: Sequence[ActionRecord], why: str
    ) -> None:
        for record in earlier:
            if record.state is ActionState.PROPOSED:
                await self._ledger.move(record, ActionState.SUPERSEDED, why)


#: Marks after which another value of a slot may be given: the slot, and what is
#: forgotten.
_AGAIN: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "same_address": ("address", {"address": AddressParts()}),
    "no_such_product": ("target", {"target": ""}),
    "same_product": ("target", {"target": ""}),
    "past_day": ("day", {"day": ""}),
    "too_far": ("day", {"day": ""}),
    "same_phone": ("phone", {"phone": ""}),
    "no_title": ("invoice", {}),
    "nothing_to_split": ("lines", {"lines": ()}),
}


def _task(draft: Draft, drafts: Sequence[Draft], wants: Wants) -> Task:
    """The task that waits for a slot of *draft*, with all the others behind it."""
    choices = wants.choices if draft == wants.drafts[0] else ()
    then = tuple(one for one in drafts if one is not draft)
    return Task(draft=draft, choices=choices, then=then)


def _forbid(found: _Sorted, one: _Refused) -> None:
    is_refused = one.verdict.outcome == "refuse" and one.verdict.clause is not None
    (found.refused if is_refused else found.people).append(one)


def _note(one: _Refused) -> str:
    return f"{one.verdict.clauses[-1]} · {one.order.id} · {one.what}"


def _stands(record: ActionRecord, judged: Judged) -> bool:
    return record.state is ActionState.PROPOSED and is_same(record, judged)
