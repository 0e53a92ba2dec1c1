"""
After a proposal: consent, refusal, questions, and records that must go on.

Consent is to the proposals that were shown and to nothing else. Before one is
carried out the order is read again, the proposal computed again and judged
again; whatever differs makes a new proposal. Where policy wants an operator's
approval, the consent is written down and the record waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engines.agent.ledger import (
    UNSETTLED,
    WITHOUT_EFFECT,
    ActionRecord,
    ActionState,
    Ledger,
)
from engines.agent.plan import Draft, Task, Wants
from engines.agent.proposals import Judged, Proposals, is_same
from engines.agent.replies import Replies, person
from engines.agent.serial_execution import SerialExecutor
from engines.agent.shop_calls import has_budget
from engines.agent.tasks import OPEN_TO_CONSENT, Outcome, Tasks
from engines.contract import Answer, EngineTimeout, Reason, Tier, Turn
from engines.shops.port import Order, ShopPort


_ENDED = frozenset(
    {
        ActionState.DONE,
        ActionState.PARKED,
        ActionState.AWAITING_APPROVAL,
        *WITHOUT_EFFECT,
    }
)


class Consenting:
    """
    Carries confirmed proposals out; holds no state of its own.

    Args:
        shop: Read again before and after.

        ledger: Where consent is written down.

        proposals: Computes and judges again.

        executor: Calls the shop.

        tasks: Makes new proposals.

        replies: Words.
    """

    def __init__(
        self,
        shop: ShopPort,
        ledger: Ledger,
        proposals: Proposals,
        executor: SerialExecutor,
        *,
        tasks: Tasks,
        replies: Replies,
    ) -> None:
        self._shop = shop
        self._ledger = ledger
        self._proposals = proposals
        self._executor = executor
        self._tasks = tasks
        self._replies = replies

    async def consent(
        self,
        turn: Turn,
        task: Task,
        records: Sequence[ActionRecord],
        orders: Sequence[Order],
    ) -> Outcome:
        """The customer agreed to *records*, which were proposed together."""
        drafts = (task.draft, *(one.draft for one in task.also))
        told: list[Answer] = []
        for position, (draft, record) in enumerate(zip(drafts, records, strict=True)):
            if position and told:
                orders = await self._shop.orders(turn.user_id)
            ended = await self._one(turn, draft, record, orders)
            if isinstance(ended, Outcome):
                left = drafts[position + 1 :]
                waiting = records[position + 1 :]
                return await self._stopped(turn, task, told, ended, left, waiting)
            told.append(self._replies.ended(ended))
        return await self._next(turn, task, told)

    async def settle(
        self,
        turn: Turn,
        task: Task,
        records: Sequence[ActionRecord],
        orders: Sequence[Order],
    ) -> Outcome:
        """Bring records to their end that an earlier try left on their way."""
        return await self.consent(turn, task, records, orders)

    async def show_again(
        self,
        turn: Turn,
        task: Task,
        records: Sequence[ActionRecord],
        orders: Sequence[Order],
        opening: str,
    ) -> Outcome:
        """Show the proposals once more; they stay open."""
        drafts = (task.draft, *(one.draft for one in task.also))
        wants = Wants((*drafts, *task.then))
        return await self._tasks.pursue(turn, orders, wants, records, opening=opening)

    async def decline(self, turn: Turn, records: Sequence[ActionRecord]) -> Answer:
        """Put open proposals away; nothing changes."""
        for record in records:
            if record.state is ActionState.PROPOSED:
                await self._ledger.move(
                    record, ActionState.REJECTED, "the customer declined"
                )
        return self._replies.say("agent.declined", turn.locale, intent="declined")

    async def _one(
        self, turn: Turn, draft: Draft, record: ActionRecord, orders: Sequence[Order]
    ) -> ActionRecord | Outcome:
        """One agreed proposal: its end, or what stands in the way."""
        if record.state in UNSETTLED:
            record = await self._executor.run(record, turn.deadline_s)
        elif record.state not in _ENDED:
            order = next((one for one in orders if one.id == record.order_id), None)
            if order is None:
                return self._replies.no_such_order(record.order_id, orders, turn.locale)
            # As it was shown: compared in the language it was made in.
            shown = msgspec.structs.replace(turn, locale=record.args["locale"])
            judged = await self._proposals.judge(
                shown, draft, order, record_id=record.id
            )
            opening = self._changed(record, judged)
            is_free = judged.verdict.outcome == "approve" or opening
            if not is_free and not await self._proposals.reserve(record):
                # Another action of the same moment used the rest up.
                opening = "changed"
            if opening:
                return await self._anew(turn, draft, record, orders, opening)
            record = await self._carry_out(turn, record, judged)
        if record.state in WITHOUT_EFFECT:
            return await self._failed(turn, draft, record)
        if record.state is ActionState.PARKED:
            note = f"{record.id} {record.recipe} {record.order_id}: {record.summary}"
            return person(Reason.UNKNOWN_OUTCOME, note)
        return record

    def _changed(self, record: ActionRecord, judged: Judged) -> str:
        """Why the proposal cannot be carried out as it was shown; empty if it can."""
        if self._proposals.is_expired(record):
            return "expired"
        is_open = record.state is ActionState.PROPOSED
        is_allowed = judged.verdict.outcome in OPEN_TO_CONSENT
        return "" if is_open and is_allowed and is_same(record, judged) else "changed"

    async def _anew(
        self,
        turn: Turn,
        draft: Draft,
        record: ActionRecord,
        orders: Sequence[Order],
        opening: str,
    ) -> Outcome:
        """A proposal that ran out or no longer fits is replaced by a fresh one."""
        earlier = [record]
        if opening == "expired" and record.state is ActionState.PROPOSED:
            await self._ledger.move(record, ActionState.REJECTED, "expired")
            earlier = []
        return await self._tasks.pursue(
            turn, orders, Wants((draft,)), earlier, opening=opening
        )

    async def _carry_out(
        self, turn: Turn, record: ActionRecord, judged: Judged
    ) -> ActionRecord:
        if not has_budget(turn.deadline_s):
            raise EngineTimeout(Tier.L3)
        why = f"customer agreed in {turn.turn_id}"
        if judged.verdict.outcome == "approve":
            clause = judged.verdict.clauses[-1]
            return await self._ledger.move(
                record, ActionState.AWAITING_APPROVAL, f"{why}; {clause}"
            )
        record = await self._ledger.move(record, ActionState.CONFIRMED, why)
        return await self._executor.run(record, turn.deadline_s)

    async def _failed(self, turn: Turn, draft: Draft, record: ActionRecord) -> Outcome:
        """If only the order moved on, propose again; else say nothing changed."""
        await self._ledger.release(record)
        orders = await self._shop.orders(turn.user_id)
        order = next((one for one in orders if one.id == record.order_id), None)
        has_moved = order is not None and order.version != record.order_version
        if not has_moved or record.state is ActionState.COMPENSATED:
            return self._replies.not_done(record)
        return await self._tasks.pursue(
            turn, orders, Wants((draft,)), opening="changed"
        )

    async def _stopped(
        self,
        turn: Turn,
        task: Task,
        told: Sequence[Answer],
        ended: Outcome,
        left: Sequence[Draft],
        waiting: Sequence[ActionRecord],
    ) -> Outcome:
        """One of several stands in the way: say what is done, keep the rest for later."""
        for record in waiting:
            if record.state is ActionState.PROPOSED:
                await self._ledger.move(
                    record, ActionState.SUPERSEDED, "the one before did not go through"
                )
        then = (*left, *task.then)
        if not isinstance(ended, Answer):
            return _with_done(ended, told)
        if ended.open_task is not None:
            ended = self._replies.with_then(ended, then)
        elif then:
            orders = await self._shop.orders(turn.user_id)
            following = await self._tasks.pursue(turn, orders, Wants(then))
            if not isinstance(following, Answer):
                return _with_done(following, [*told, ended])
            ended = self._replies.together([ended, following])
        return self._replies.together([*told, ended])

    async def _next(self, turn: Turn, task: Task, told: Sequence[Answer]) -> Outcome:
        """What is done is done; what a person must see goes to one now."""
        said = self._replies.together(told)
        waiting = [
            action
            for action in said.actions
            if action.state == ActionState.AWAITING_APPROVAL
        ]
        if waiting:
            note = "; ".join(f"approve {one.id}: {one.summary}" for one in waiting)
            return _with_done(person(Reason.POLICY, note), told)
        if not task.then:
            return said
        orders = await self._shop.orders(turn.user_id)
        following = await self._tasks.pursue(turn, orders, Wants(task.then))
        if isinstance(following, Answer):
            return self._replies.then(said, following, turn.locale)
        return _with_done(following, told)


def _with_done(handed: Outcome, told: Sequence[Answer]) -> Outcome:
    """A hand-over that says what was done before it."""
    assert not isinstance(handed, Answer)  # noqa: S101 - callers looked
    done = [
        action.summary
        for answer in told
        for action in answer.actions
        if action.state == ActionState.DONE
    ]
    if not done:
        return handed
    note = f"done: {'; '.join(done)}; open: {handed.note}"
    return msgspec.structs.replace(handed, note=note[:500])
