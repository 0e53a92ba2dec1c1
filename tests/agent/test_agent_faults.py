"""
Lost answers, dead shops, dead workers, races: an action takes effect once or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from agent_talk import Talk
from demo_shop import KEY, DemoShop, ShopProcess

from engines.agent.engine import AgentEngine
from engines.agent.ledger import ActionRecord, ActionState, Ledger
from engines.contract import (
    Answer,
    EngineTimeout,
    EngineUnavailable,
    Escalation,
    Reason,
    Tier,
    Turn,
)
from engines.shops.http import HttpShop
from engines.shops.port import Effect, EffectSupport, ShopPort
from engines.voice import Voice
from gateway.store.ledger import StoreLedger


pytestmark = pytest.mark.anyio

Begin = Callable[..., Talk]
POLICY = Path(__file__).parents[2] / "configs/policies/default.yaml"

#: A request of each recipe: customer, text, path of its effect.
TASKS = {
    "refund_item": ("c1001", "K3002第2件退掉", "/line-refunds"),
    "cancel_order": ("c1002", "取消订单", "/cancellation"),
    "change_address": ("c1002", "地址改成浙江省宁波市中山西路9号", "/address"),
    "paid_address": (
        "c1001",
        "K3001地址改成新疆乌鲁木齐市光明路9号",
        "/address-when-paid",
    ),
}


def effects(demo: DemoShop | ShopProcess) -> list[str]:
    """Kinds of effects that took place, notifications left out."""
    rows = demo.sql("SELECT kind FROM effects WHERE kind != 'notify'")
    return [kind for (kind,) in rows]


def told(demo: DemoShop | ShopProcess) -> int:
    """Notifications that were sent."""
    [(count,)] = demo.sql("SELECT count(*) FROM notifications")
    return int(count)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "mode", ["drop_reply", "error_after", "error_before", "delay_after"]
)
async def test_one_lost_answer_is_settled(
    talk: Begin, demo: DemoShop, task: str, mode: str
) -> None:
    """Whether or not it took effect: it is looked up, and done exactly once."""
    user, text, path = TASKS[task]
    customer = talk(user)
    await customer.answer(text)
    demo.fault(mode, path, delay_s=2.5 if mode == "delay_after" else 0)
    done = await customer.answer("确认")
    assert done.actions[0].state == "done"
    assert len(effects(demo)) == 1
    assert told(demo) == 1
    record = await customer.record(done.actions[0].id)
    # Each intent and the receipt are on disk before anything else happens.
    again = ["executing"] if mode == "error_before" else []
    assert [state for _, state, _ in record.history] == [
        "confirmed",
        "executing",
        "unknown",
        *again,
        "executing",
        "done",
    ]


@pytest.mark.parametrize("task", TASKS)
async def test_lasting_silence_is_parked_for_a_person(
    talk: Begin, demo: DemoShop, task: str
) -> None:
    """If nothing can be found out, a person gets it and the customer no promise."""
    user, text, path = TASKS[task]
    customer = talk(user)
    proposal = await customer.answer(text)
    demo.fault("error_before", path, times=5)
    escalation = await customer.handed_over("确认")
    assert (escalation.reason, escalation.to) == (Reason.UNKNOWN_OUTCOME, Tier.HUMAN)
    assert proposal.actions[0].id in escalation.note
    record = await customer.record(proposal.actions[0].id)
    assert record.state is ActionState.PARKED
    assert effects(demo) == []


@pytest.mark.parametrize("mode", ["drop_reply", "error_after", "error_before"])
async def test_lost_notification_never_undoes_the_action(
    talk: Begin, demo: DemoShop, mode: str
) -> None:
    """The action stands and is told once, even if telling failed at first."""
    customer = talk("c1002")
    await customer.answer("取消订单")
    demo.fault(mode, "/notifications")
    done = await customer.answer("确认")
    assert done.actions[0].state == "done"
    assert (effects(demo), told(demo)) == (["cancel_order"], 1)


async def test_dead_notifications_leave_the_action_done(
    talk: Begin, demo: DemoShop
) -> None:
    """With notifications down the action is done and the record shows what was not."""
    customer = talk("c1002")
    await customer.answer("取消订单")
    demo.fault("error_before", "/notifications", times=9)
    done = await customer.answer("确认")
    record = await customer.record(done.actions[0].id)
    assert record.state is ActionState.DONE
    assert [bool(step.receipt) for step in record.steps] == [True, False]


class Crash(BaseException):
    """The worker dies here."""


class Fuse:
    """Dies at the n-th of the points it is asked about."""

    def __init__(self, at: int) -> None:
        self.left = at

    def point(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Crash


class DyingLedger:
    """A real ledger whose worker may die before or after each move."""

    def __init__(self, ledger: Ledger, fuse: Fuse) -> None:
        self._ledger = ledger
        self._fuse = fuse

    def __getattr__(self, name: str) -> Callable[..., Awaitable[ActionRecord]]:
        real = getattr(self._ledger, name)

        async def call(*args: Any, **kwargs: Any) -> ActionRecord:
            self._fuse.point()
            result: ActionRecord = await real(*args, **kwargs)
            self._fuse.point()
            return result

        return call


class DyingShop:
    """A real shop whose caller may die before or after each effect."""

    def __init__(self, shop: ShopPort, fuse: Fuse) -> None:
        self._shop = shop
        self._fuse = fuse

    @property
    def effect_support(self) -> EffectSupport:
        return self._shop.effect_support

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        real = getattr(self._shop, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._fuse.point()
            result = await real(*args, **kwargs)
            self._fuse.point()
            return result

        return call


def new_engine(
    shop: ShopPort, ledger: Ledger, voice: Voice, clock: Callable[[], int]
) -> AgentEngine:
    return AgentEngine.load(shop, ledger, POLICY, voice, clock, grace_s=0.0)


@pytest.mark.parametrize("task", TASKS)
async def test_worker_that_dies_anywhere_is_continued(
    shop: HttpShop,
    ledger: StoreLedger,
    voice: Voice,
    clock: Callable[[], int],
    demo: DemoShop,
    task: str,
) -> None:
    """At every point between two calls: the repeated turn ends done, with one effect."""
    user, text, _ = TASKS[task]
    healthy = new_engine(shop, ledger, voice, clock)
    points = 0
    for at in range(1, 200):
        conversation = f"crash{at}"
        customer = Talk(healthy, ledger, user, conversation=conversation)
        before = len(effects(demo))
        await customer.answer(text)
        customer.seq += 1
        turn = customer.turn("确认")
        fuse = Fuse(at)
        dying = new_engine(
            DyingShop(shop, fuse), DyingLedger(ledger, fuse), voice, clock
        )
        try:
            await dying.answer(turn)
        except Crash:
            points += 1
        done = await healthy.answer(turn)
        assert isinstance(done, Answer), (at, done)
        assert [action.state for action in done.actions] == ["done"], at
        assert len(effects(demo)) == before + 1, at
        undo(demo)
        if fuse.left > 0:
            break
    assert points >= 14


def undo(demo: DemoShop) -> None:
    """Put the orders of the tasks back as they were; effects and keys stay."""
    for order, paid, freight, region in (
        ("K3001", 8700, 800, "浙江"),
        ("K3002", 26600, 0, "浙江"),
        ("K3004", 9700, 1800, "新疆"),
    ):
        demo.sql(
            "UPDATE orders SET status = 'paid', refunded_minor = 0, paid_minor = ?, "
            "freight_minor = ?, region = ?, city = 'x', street = 'y' WHERE id = ?",
            paid,
            freight,
            region,
            order,
        )
        demo.sql(
            "UPDATE order_lines SET refunded_quantity = 0 WHERE order_id = ?", order
        )


async def test_repeated_turn_says_the_same_and_does_nothing(
    talk: Begin, demo: DemoShop
) -> None:
    """A turn that is delivered three times proposes once and executes once."""
    customer = talk("c1001")
    for text in ("K3002第2件退掉", "确认"):
        customer.seq += 1
        turn = customer.turn(text)
        answers = [await customer.engine.answer(turn) for _ in range(3)]
        assert answers[0] == answers[1] == answers[2]
        customer.commit(turn, answers[0])
    assert effects(demo) == ["refund_line"]
    assert told(demo) == 1


async def test_two_workers_on_one_consent_have_one_effect(
    talk: Begin, demo: DemoShop
) -> None:
    """A stale worker and its successor at once: one effect, both say done."""
    customer = talk("c1001")
    await customer.answer("K3002第2件退掉")
    customer.seq += 1
    turn = customer.turn("确认")
    outcomes = await asyncio.gather(
        *(customer.engine.answer(turn) for _ in range(4)), return_exceptions=True
    )
    answers = [one for one in outcomes if isinstance(one, Answer)]
    assert answers
    assert {answer.actions[0].state for answer in answers} == {"done"}
    assert all(isinstance(one, Answer | EngineUnavailable) for one in outcomes)
    assert effects(demo) == ["refund_line"]


async def test_fifty_conversations_refund_one_unit_between_them(
    talk: Begin, demo: DemoShop
) -> None:
    """Fifty confirm the same two units at once: nobody gets more than was paid."""
    customers = [talk("c1001", conversation=f"race{n}") for n in range(50)]
    for customer in customers:
        await customer.answer("K3002第2件退掉")
    outcomes = await asyncio.gather(*(customer.say("确认") for customer in customers))
    done = [
        outcome
        for outcome in outcomes
        if isinstance(outcome, Answer)
        and outcome.actions
        and outcome.actions[0].state == "done"
    ]
    assert len(done) == 1
    assert demo.sql(
        "SELECT count(*), sum(amount_minor) FROM refunds WHERE order_id = 'K3002'"
    ) == [(1, 4882)]
    again = await customers[-1].say("确认")
    assert isinstance(again, Answer | Escalation)
    assert len(effects(demo)) == 1


async def test_order_that_moved_makes_a_new_proposal(
    talk: Begin, demo: DemoShop
) -> None:
    """Consent to figures that no longer hold is no consent: they are shown anew."""
    customer = talk("c1001")
    first = await customer.answer("K3002第2件退掉")
    demo.sql(
        "UPDATE orders SET version = 2, coupon_minor = 3000, paid_minor = 28600 WHERE id = 'K3002'"
    )
    second = await customer.answer("确认")
    assert "订单刚刚有变动" in second.text
    assert second.actions[0].amount_minor == 5800 - 551
    assert effects(demo) == []
    assert (await customer.record(first.actions[0].id)).state is ActionState.SUPERSEDED
    done = await customer.answer("确认")
    assert done.actions[0].state == "done"
    assert demo.sql("SELECT amount_minor FROM refunds WHERE order_id = 'K3002'") == [
        (5249,)
    ]


async def test_order_that_shipped_meanwhile_is_refused(
    talk: Begin, demo: DemoShop
) -> None:
    """Policy is judged again at consent: what shipped in between is not cancelled."""
    customer = talk("c1002")
    proposal = await customer.answer("取消订单")
    demo.sql("UPDATE orders SET status = 'shipped', version = 2 WHERE id = 'K3004'")
    refused = await customer.answer("确认")
    assert "未发货" in refused.text
    assert refused.citations[0].id == "policy:cancel_order.unshipped"
    assert effects(demo) == []
    record = await customer.record(proposal.actions[0].id)
    assert record.state is ActionState.SUPERSEDED


async def test_shop_that_refuses_in_the_last_moment_changes_nothing(
    talk: Begin, demo: DemoShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order moves between the last look and the call: failed, and proposed anew."""
    customer = talk("c1001")
    proposal = await customer.answer("K3002第2件退掉")
    real = HttpShop.refund_line

    async def late(self: HttpShop, *args: Any) -> Effect:
        demo.sql("UPDATE orders SET version = version + 1 WHERE id = 'K3002'")
        monkeypatch.setattr(HttpShop, "refund_line", real)
        return await real(self, *args)

    monkeypatch.setattr(HttpShop, "refund_line", late)
    again = await customer.answer("确认")
    assert "订单刚刚有变动" in again.text
    assert again.actions[0].state == "proposed"
    assert (await customer.record(proposal.actions[0].id)).state is ActionState.FAILED
    assert effects(demo) == []


async def test_proposal_runs_out(talk: Begin, demo: DemoShop, clock: Any) -> None:
    """A yes after the time of the proposal gets a fresh one to confirm."""
    customer = talk("c1002")
    first = await customer.answer("取消订单")
    clock.offset_ms = 31 * 60_000
    second = await customer.answer("确认")
    assert "已经过期" in second.text
    assert effects(demo) == []
    assert (await customer.record(first.actions[0].id)).state is ActionState.REJECTED
    done = await customer.answer("确认")
    assert done.actions[0].state == "done"


async def test_too_little_time_sends_nothing(talk: Begin, demo: DemoShop) -> None:
    """With no time to settle it, nothing is begun; the proposal stays open."""
    customer = talk("c1002")
    proposal = await customer.answer("取消订单")
    customer.budget_s = 0.9
    customer.seq += 1
    with pytest.raises(EngineTimeout):
        await customer.engine.answer(customer.turn("确认"))
    assert effects(demo) == []
    record = await customer.record(proposal.actions[0].id)
    assert record.state is ActionState.PROPOSED


async def test_call_that_outlives_the_turn_is_parked_in_time(
    talk: Begin, demo: DemoShop
) -> None:
    """The note for a person is written before the deadline, and nothing is sent twice."""
    customer = talk("c1002")
    proposal = await customer.answer("取消订单")
    demo.fault("delay_after", "/cancellation", delay_s=3)
    customer.budget_s = 1.5
    started = asyncio.get_running_loop().time()
    escalation = await customer.handed_over("确认")
    assert asyncio.get_running_loop().time() - started < 1.5
    assert escalation.reason is Reason.UNKNOWN_OUTCOME
    record = await customer.record(proposal.actions[0].id)
    assert record.state is ActionState.PARKED
    assert effects(demo) == ["cancel_order"]


async def test_cancelled_worker_is_continued_by_a_sweeper(
    talk: Begin, demo: DemoShop
) -> None:
    """A turn cut off in the middle of the call is settled without the customer."""
    customer = talk("c1002")
    proposal = await customer.answer("取消订单")
    demo.fault("delay_after", "/cancellation", delay_s=0.5)
    customer.seq += 1
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await customer.engine.answer(customer.turn("确认"))
    id_ = proposal.actions[0].id
    assert (await customer.record(id_)).state is ActionState.EXECUTING
    deadline = asyncio.get_running_loop().time() + 30
    settled = await customer.engine.settle("demo", "talk", id_, deadline)
    assert settled.state is ActionState.DONE
    assert effects(demo) == ["cancel_order"]
    later = await customer.say("确认")
    assert isinstance(later, Answer)
    assert later.actions[0].state == "done"


@pytest.mark.parametrize(
    ("left", "ends"),
    [
        (ActionState.CONFIRMED, ActionState.REJECTED),
        (ActionState.EXECUTING, ActionState.PARKED),
        (ActionState.UNKNOWN, ActionState.PARKED),
        (ActionState.PROPOSED, ActionState.PROPOSED),
    ],
)
async def test_what_was_given_up_is_never_sent_later(
    talk: Begin,
    ledger: StoreLedger,
    demo: DemoShop,
    left: ActionState,
    ends: ActionState,
) -> None:
    """With a person on it by now: looked up, and not found is the person's to settle."""
    customer = talk("c1002")
    proposal = await customer.answer("取消订单")
    record = await customer.record(proposal.actions[0].id)
    way = (ActionState.CONFIRMED, ActionState.EXECUTING, ActionState.UNKNOWN)
    for state in way[: way.index(left) + 1] if left in way else ():
        record = await ledger.move(record, state, "then its turn was given up")
    deadline = asyncio.get_running_loop().time() + 30
    settled = await customer.engine.settle("demo", "talk", record.id, deadline)
    assert settled.state is ends
    assert settled == await customer.record(record.id)
    assert (effects(demo), told(demo)) == ([], 0)


async def test_dead_shop_is_unavailable_and_nothing_is_lost(
    ledger: StoreLedger, voice: Voice, clock: Callable[[], int], tmp_path: Path
) -> None:
    """With the shop down the turn fails cleanly; when it is back the same turn works."""
    process = ShopProcess(tmp_path).start()
    try:
        async with HttpShop(process.url, KEY, timeout_s=2.0) as shop:
            customer = Talk(new_engine(shop, ledger, voice, clock), ledger, "c1002")
            await customer.answer("取消订单")
            process.kill()
            customer.seq += 1
            turn = customer.turn("确认")
            with pytest.raises(EngineUnavailable):
                await customer.engine.answer(turn)
            process.start()
            done = await customer.engine.answer(turn)
            assert isinstance(done, Answer)
            assert done.actions[0].state == "done"
            assert effects(process) == ["cancel_order"]
    finally:
        process.kill()


@pytest.mark.faults
async def test_shop_killed_at_any_moment_has_one_effect(
    ledger: StoreLedger, voice: Voice, clock: Callable[[], int], tmp_path: Path
) -> None:
    """kill -9 of the shop at moments across a consent: after recovery, one effect."""
    process = ShopProcess(tmp_path).start()
    kinds: set[str] = set()
    try:
        for number, wait_s in enumerate(at * 0.0015 for at in range(12)):
            process.sql(
                "UPDATE orders SET status = 'paid', refunded_minor = 0 WHERE id = 'K3004'"
            )
            process.sql(
                "UPDATE order_lines SET refunded_quantity = 0 WHERE order_id = 'K3004'"
            )
            before = len(effects(process))
            async with HttpShop(process.url, KEY, timeout_s=2.0) as shop:
                engine = new_engine(shop, ledger, voice, clock)
                customer = Talk(engine, ledger, "c1002", conversation=f"kill{number}")
                await customer.answer("取消订单")
                customer.seq += 1
                turn = customer.turn("确认")
                work = asyncio.create_task(engine.answer(turn))
                await asyncio.sleep(wait_s)
                process.kill()
                [first] = await asyncio.gather(work, return_exceptions=True)
                process.start()
                last = await engine.answer(turn)
            kinds.add(type(first).__name__)
            made = len(effects(process)) - before
            assert made <= 1
            if isinstance(last, Answer):
                is_done = last.actions[0].state == "done"
                assert made == (1 if is_done else 0), last
            else:
                assert last.reason is Reason.UNKNOWN_OUTCOME
    finally:
        process.kill()
    assert kinds - {"Answer"}, "no kill fell into the work"


class BlindShop(DyingShop):
    """A shop that cannot tell what became of a key."""

    @property
    def effect_support(self) -> EffectSupport:
        return EffectSupport.BLIND


async def test_blind_shop_parks_instead_of_guessing(
    shop: HttpShop,
    ledger: StoreLedger,
    voice: Voice,
    clock: Callable[[], int],
    demo: DemoShop,
) -> None:
    """Where keys mean nothing, a lost answer goes to a person at once, sent once."""
    engine = new_engine(BlindShop(shop, Fuse(0)), ledger, voice, clock)
    customer = Talk(engine, ledger, "c1002")
    proposal = await customer.answer("取消订单")
    demo.fault("drop_reply", "/cancellation")
    escalation = await customer.handed_over("确认")
    assert escalation.reason is Reason.UNKNOWN_OUTCOME
    assert effects(demo) == ["cancel_order"]
    record = await customer.record(proposal.actions[0].id)
    assert record.state is ActionState.PARKED


async def test_intent_is_on_disk_before_the_shop_is_called(
    shop: HttpShop,
    ledger: StoreLedger,
    voice: Voice,
    clock: Callable[[], int],
) -> None:
    """When the shop is called, the ledger already says executing, with this very key."""
    seen: list[tuple[str, str]] = []
    holder: dict[str, Talk] = {}

    class Watched(DyingShop):
        async def cancel_order(self, key: str, *args: Any) -> Effect:
            customer = holder["customer"]
            assert customer.open_task is not None
            record = await customer.record(customer.open_task.data["action_id"])
            seen.append((record.state, record.steps[0].key))
            assert record.steps[0].key == key
            return await shop.cancel_order(key, *args)

    engine = new_engine(Watched(shop, Fuse(0)), ledger, voice, clock)
    customer = holder["customer"] = Talk(engine, ledger, "c1002")
    await customer.answer("取消订单")
    await customer.answer("确认")
    assert [state for state, _ in seen] == ["executing"]


async def test_open_task_of_another_version_starts_over(
    talk: Begin, demo: DemoShop
) -> None:
    """A task written by another version, or damaged, is not guessed at."""
    customer = talk("c1002")
    await customer.answer("取消订单")
    task = customer.open_task
    assert task is not None
    for odd in (
        msgspec.structs.replace(task, version="agent/0"),
        msgspec.structs.replace(task, data={"draft": 3}),
        msgspec.structs.replace(task, data={**task.data, "action_id": "act_unknown"}),
        msgspec.structs.replace(task, tier=Tier.L1),
    ):
        customer.seq += 1
        turn: Turn = msgspec.structs.replace(customer.turn("确认"), open_task=odd)
        outcome = await customer.engine.answer(turn)
        is_done = isinstance(outcome, Answer) and any(
            a.state == "done" for a in outcome.actions
        )
        assert not is_done
    assert effects(demo) == []
