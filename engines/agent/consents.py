"""
After a proposal: consent, refusal, questions, and records that must go on.

Consent is to the proposal that was shown and to nothing else. Before it is
carried out the order is read again, the proposal computed again and judged
again; whatever differs makes a new proposal.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engines.agent.execution import Executor, has_budget
from engines.agent.ledger import ActionRecord, ActionState, Ledger
from engines.agent.plan import Task, Wants
from engines.agent.proposals import Proposals, is_same
from engines.agent.replies import Replies, person
from engines.agent.tasks import Outcome, Standing, Tasks
from engines.contract import Answer, EngineTimeout, Reason, Tier, Turn
from engines.shops.port import Order, ShopPort


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
        executor: Executor,
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
        self, turn: Turn, task: Task, record: ActionRecord, orders: Sequence[Order]
    ) -> Outcome:
        """The customer agreed to *record*."""
        if record.state in {ActionState.DONE, ActionState.FAILED, ActionState.PARKED}:
            return await self._outcome(turn, task, record)
        order = next((one for one in orders if one.id == record.order_id), None)
        if order is None:
            return self._replies.no_such_order(record.order_id, orders, turn.locale)
        # As it was shown: a proposal is compared in the language it was made in.
        shown = msgspec.structs.replace(turn, locale=record.args["locale"])
        judged = await self._proposals.judge(shown, task.draft, order)
        is_expired = self._proposals.is_expired(record)
        is_open = record.state is ActionState.PROPOSED and not is_expired
        is_allowed = judged.verdict.outcome == "allowed"
        if is_open and is_allowed and is_same(record, judged):
            return await self._carry_out(turn, task, record)
        opening = "expired" if is_expired else "changed"
        at = Standing(
            turn=turn, task=task, order=order, earlier=record, opening=opening
        )
        return await self._anew(at, is_expired=is_expired)

    async def settle(self, turn: Turn, task: Task, record: ActionRecord) -> Outcome:
        """Bring a record to its end that an earlier try left on its way."""
        record = await self._executor.run(record, turn.deadline_s)
        return await self._outcome(turn, task, record)

    async def show_again(
        self, turn: Turn, task: Task, record: ActionRecord, order: Order, opening: str
    ) -> Outcome:
        """Show the proposal once more; it stays open."""
        at = Standing(
            turn=turn, task=task, order=order, earlier=record, opening=opening
        )
        judged = await self._proposals.judge(turn, task.draft, order)
        return await self._tasks.show(at, judged)

    async def decline(self, turn: Turn, record: ActionRecord | None) -> Answer:
        """Put an open proposal away; nothing changes."""
        if record is not None and record.state is ActionState.PROPOSED:
            await self._ledger.move(
                record, ActionState.REJECTED, "the customer declined"
            )
        return self._replies.say("agent.declined", turn.locale, intent="declined")

    async def _anew(self, at: Standing, *, is_expired: bool) -> Outcome:
        """A proposal that ran out or no longer fits is replaced by a fresh one."""
        record = at.earlier
        if is_expired and record and record.state is ActionState.PROPOSED:
            await self._ledger.move(record, ActionState.REJECTED, "expired")
            at = msgspec.structs.replace(at, earlier=None)
        judged = await self._proposals.judge(at.turn, at.task.draft, at.order)
        return await self._tasks.show(at, judged)

    async def _carry_out(self, turn: Turn, task: Task, record: ActionRecord) -> Outcome:
        if not has_budget(turn.deadline_s):
            raise EngineTimeout(Tier.L3)
        record = await self._ledger.move(
            record, ActionState.CONFIRMED, f"customer agreed in {turn.turn_id}"
        )
        return await self.settle(turn, task, record)

    async def _outcome(self, turn: Turn, task: Task, record: ActionRecord) -> Outcome:
        """Say how it ended, and go on with what was also asked for."""
        if record.state is ActionState.DONE:
            return await self._next(turn, task, self._replies.done(record))
        if record.state is ActionState.FAILED:
            return await self._failed(turn, task, record)
        note = f"{record.id} {record.recipe} {record.order_id}: {record.summary}"
        return person(Reason.UNKNOWN_OUTCOME, note)

    async def _failed(self, turn: Turn, task: Task, record: ActionRecord) -> Outcome:
        """If only the order moved on, propose again; else say nothing changed."""
        orders = await self._shop.orders(turn.user_id)
        order = next((one for one in orders if one.id == record.order_id), None)
        if order is None or _is_current(record, order):
            return self._replies.not_done(record)
        wants = Wants((task.draft, *task.then))
        return await self._tasks.pursue(turn, orders, wants, opening="changed")

    async def _next(self, turn: Turn, task: Task, said: Answer) -> Outcome:
        if not task.then:
            return said
        orders = await self._shop.orders(turn.user_id)
        following = await self._tasks.pursue(turn, orders, Wants(task.then))
        if isinstance(following, Answer):
            return self._replies.then(said, following, turn.locale)
        note = f"done: {said.actions[0].summary}; open: {following.note}"
        return msgspec.structs.replace(following, note=note[:500])


def _is_current(record: ActionRecord, order: Order) -> bool:
    return record.order_version == order.version
