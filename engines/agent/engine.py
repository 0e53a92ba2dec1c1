"""
L3: closed-loop tasks, from a turn to a proposal, from consent to a receipt.

    turn ── plan ──> draft ── slots ──> proposal ── consent ──> receipt
                       │                   │           └── refused, unknown: person
                       └── not ours: person└── policy: refused, or person

A planner says what the words mean, and nothing it says is done: its ids are
grounded, its draft is computed from the shop's records, policy judges the
result, the customer confirms exactly that, and all of it is checked again
before the shop is called. The engine keeps no state; what it needs is in the
open task and in the ledger.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec
from opencc import OpenCC

from engines.agent.consents import Consenting
from engines.agent.execution import Executor
from engines.agent.ledger import (
    UNSETTLED,
    ActionConflict,
    ActionNotFound,
    ActionRecord,
    Ledger,
    LedgerError,
    LedgerUnavailable,
    OrderBusy,
)
from engines.agent.lookups import Lookups
from engines.agent.order_holds import OrderHolds
from engines.agent.plan import (
    AsksBack,
    AsksRules,
    Consents,
    Declines,
    Draft,
    HandsOver,
    LooksUp,
    Plan,
    Planner,
    Task,
    Wants,
)
from engines.agent.planner import OfflinePlanner
from engines.agent.policy import Policy
from engines.agent.proposals import Proposals
from engines.agent.recipes import all_recipes
from engines.agent.replies import Replies, person
from engines.agent.scenes import ZONE, scene_of, task_of
from engines.agent.serial_execution import SerialExecutor
from engines.agent.shop_calls import Sleep
from engines.agent.tasks import Outcome, Tasks
from engines.contract import (
    Answer,
    EngineUnavailable,
    Escalation,
    Reason,
    Tier,
    Turn,
    TurnInterrupted,
)
from engines.shops.port import Order, ShopError, ShopPort
from engines.voice import Voice


#: Replies in a row that may miss before a person takes over.
MAX_MISSES = 2
#: Times a turn starts over because another worker moved its record: each time that
#: other one came further, and a life has hardly more moves.
MAX_RACES = 8
#: How long a lost call may still land, unless the shop's connector says else.
GRACE_S = 3.0


class AgentEngine:
    """
    The engine of L3; see the module. One instance serves a shop.

    Use :meth:`load`; the constructor takes parts that tests replace.
    """

    def __init__(
        self,
        shop: ShopPort,
        ledger: Ledger,
        planner: Planner,
        policy: Policy,
        *,
        consenting: Consenting,
        tasks: Tasks,
        replies: Replies,
        lookups: Lookups,
        proposals: Proposals,
        executor: SerialExecutor,
    ) -> None:
        self._shop = shop
        self._ledger = ledger
        self._planner = planner
        self._policy = policy
        self._consenting = consenting
        self._tasks = tasks
        self._replies = replies
        self._lookups = lookups
        self._proposals = proposals
        self._executor = executor

    @classmethod
    def load(
        cls,
        shop: ShopPort,
        ledger: Ledger,
        policy_path: Path,
        voice: Voice,
        clock_ms: Callable[[], int],
        *,
        planner: Planner | None = None,
        grace_s: float = GRACE_S,
        sleep: Sleep = asyncio.sleep,
    ) -> Self:
        """
        Build the engine of one shop.

        Args:
            shop: Its business system.

            ledger: Its records of actions.

            policy_path: What the machine may do there.

            voice: Its sentences, those of ``agent.yaml`` among them.

            clock_ms: Wall clock.

            planner: Another planner than the offline one.

            grace_s: At least the timeout of the shop's connector.

            sleep: Waits that many seconds.

        Raises:
            BadFile: If the policy cannot be used.
            VoiceError: If the voice lacks a sentence.
        """
        policy = Policy.load(policy_path)
        simplify = OpenCC("t2s").convert

        def today() -> dt.date:
            return dt.datetime.fromtimestamp(clock_ms() / 1000, ZONE).date()

        recipes = all_recipes(voice, today)
        replies = Replies(voice, recipes)
        proposals = Proposals(shop, ledger, recipes, policy, clock_ms)

        def carrying_out(fenced: Ledger) -> Executor:
            return Executor(
                shop, fenced, recipes, voice, clock_ms, grace_s=grace_s, sleep=sleep
            )

        holds = OrderHolds(ledger, grace_s=grace_s, sleep=sleep)
        executor = SerialExecutor(carrying_out, holds)
        tasks = Tasks(
            proposals,
            ledger,
            policy,
            replies,
            recipes=recipes,
            simplify=simplify,
            today=today,
        )
        consenting = Consenting(
            shop, ledger, proposals, executor, tasks=tasks, replies=replies
        )
        return cls(
            shop,
            ledger,
            planner or OfflinePlanner.load(),
            policy,
            consenting=consenting,
            tasks=tasks,
            replies=replies,
            lookups=Lookups(shop, voice, replies, today),
            proposals=proposals,
            executor=executor,
        )

    @property
    def tier(self) -> Tier:
        """L3."""
        return Tier.L3

    async def answer(self, turn: Turn) -> Outcome:
        """
        Answer one turn; see :class:`engines.contract.Engine`.

        Raises:
            EngineUnavailable: If the shop does not answer.
            TurnInterrupted: If the ledger does not: the records say later how
                far it came.
            EngineTimeout: If there is no time left to carry something out.
        """
        try:
            return await self._answer_again(turn)
        except ShopError as exc:
            raise EngineUnavailable(Tier.L3, f"{type(exc).__name__}: {exc}") from exc
        except LedgerUnavailable as exc:
            raise TurnInterrupted(Tier.L3, f"ledger: {exc}") from exc
        except LedgerError as exc:
            raise EngineUnavailable(Tier.L3, f"ledger: {exc}") from exc

    async def settle(
        self, shop: str, conversation_id: str, action_id: str, deadline_s: float
    ) -> ActionRecord:
        """
        Bring one record to its end whose turn was given up on its way.

        For sweepers, when people have the conversation; sends no action, and
        says nothing to anybody but the shop's notifications.

        Raises:
            ActionNotFound: If there is no such record.
            ActionConflict: If somebody else moved it meanwhile.
        """
        record = await self._ledger.get(shop, conversation_id, action_id)
        try:
            return await self._executor.conclude(record, deadline_s)
        except OrderBusy:
            # Its turn comes when the other action is through.
            return await self._ledger.get(shop, conversation_id, action_id)

    def needs_supervisor(self, record: ActionRecord) -> bool:
        """Tell if policy wants more than any operator to approve *record*."""
        return self._policy.approver(record.clauses) == "supervisor"

    async def _answer_again(self, turn: Turn) -> Outcome:
        """If another worker moved the record meanwhile, look where it stands now."""
        for _ in range(MAX_RACES):
            try:
                return await self._answer(turn)
            except ActionConflict:
                continue
        return await self._answer(turn)

    async def _answer(self, turn: Turn) -> Outcome:
        task = task_of(turn.open_task)
        records = await self._records_of(turn, task)
        orders = await self._shop.orders(turn.user_id)
        if task is not None and any(one.state in UNSETTLED for one in records):
            return await self._consenting.settle(turn, task, records, orders)
        first = records[0] if records else None
        scene = scene_of(
            turn, orders, task, first, policy=self._policy, now=self._proposals.now()
        )
        plan = await self._planner.plan(scene)
        return await self._follow(turn, plan, orders, task, records)

    async def _records_of(
        self, turn: Turn, task: Task | None
    ) -> tuple[ActionRecord, ...]:
        """The open proposals, if they are this very customer's; all or none."""
        if task is None or not task.action_id:
            return ()
        ids = (task.action_id, *(one.action_id for one in task.also))
        try:
            found = [
                await self._ledger.get(turn.shop, turn.conversation_id, one)
                for one in ids
            ]
        except ActionNotFound:
            return ()
        is_own = all(one.user_id == turn.user_id for one in found)
        return tuple(found) if is_own else ()

    async def _follow(
        self,
        turn: Turn,
        plan: Plan,
        orders: tuple[Order, ...],
        task: Task | None,
        records: tuple[ActionRecord, ...],
    ) -> Outcome:
        match plan:
            case Wants():
                said = await self._tasks.pursue(turn, orders, plan, records)
                return self._replies.with_asides(said, turn, orders)
            case Consents() if task and records:
                return await self._consenting.consent(turn, task, records, orders)
            case Declines() if task:
                return await self._consenting.decline(turn, records)
            case LooksUp():
                return await self._look_up(turn, plan, orders)
            case HandsOver():
                note = f"{plan.note}: {turn.text[:120]}"
                return person(plan.reason, note, turn.open_task)
        return await self._unclear(turn, plan, orders, task, records)

    async def _look_up(
        self, turn: Turn, plan: LooksUp, orders: tuple[Order, ...]
    ) -> Outcome:
        """Tell; a refund that turns out to be late is offered to be chased."""
        said = await self._lookups.look_up(turn, plan, orders)
        late = await self._lookups.late_order(turn, plan, orders)
        if late is None or turn.open_task is not None:
            return said
        wants = Wants((Draft(recipe="chase_refund", order_id=late.id),))
        offered = await self._tasks.pursue(turn, orders, wants)
        if isinstance(offered, Answer) and offered.actions:
            return self._replies.together([said, offered])
        return said

    async def _unclear(
        self,
        turn: Turn,
        plan: Plan,
        orders: tuple[Order, ...],
        task: Task | None,
        records: tuple[ActionRecord, ...],
    ) -> Outcome:
        """Ask again, or show the proposal again; after several tries a person."""
        if task is None:
            reader = Tier.L2 if isinstance(plan, AsksRules) else None
            note = turn.text[:120]
            return Escalation(reason=Reason.NO_MATCH, note=note, to=reader)
        misses = 0 if isinstance(plan, AsksBack) else task.misses + 1
        if misses > MAX_MISSES:
            note = f"not understood: {task.draft.recipe}: {turn.text[:120]}"
            return person(Reason.STUCK, note, turn.open_task)
        task = msgspec.structs.replace(task, misses=misses)
        slot = turn.open_task.waits_for if turn.open_task else "order"
        if records or slot == "consent":
            said = await self._consenting.show_again(
                turn, task, records, orders, "still_open"
            )
            said = self._replies.with_asides(said, turn, orders)
            return self._replies.with_misses(said, misses)
        return self._replies.ask(slot, task, orders, turn.locale)
