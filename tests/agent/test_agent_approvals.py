"""
What one customer gets in a day, and what an operator has to approve.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_talk import Talk
from demo_shop import KEY, DemoShop

from engines.agent.engine import AgentEngine
from engines.agent.ledger import ActionState
from engines.contract import Answer, Tier
from engines.shops.http import HttpShop
from engines.voice import Voice
from gateway.approvals import (
    ActionMoved,
    ActionUnknown,
    Approvals,
    NotAllowed,
    NotAwaiting,
)
from gateway.store.ledger import StoreLedger


pytestmark = pytest.mark.anyio

Begin = Callable[..., Talk]
POLICY = Path(__file__).parents[2] / "configs/policies/default.yaml"


async def awaiting(talk: Begin) -> str:
    """An action above the ceiling that the customer agreed to."""
    customer = talk("c1003", "en")
    proposal = await customer.answer("refund the headphones of K3006")
    await customer.handed_over("yes")
    return proposal.actions[0].id


async def test_approval_carries_the_agreed_proposal_out(
    talk: Begin,
    engine: AgentEngine,
    ledger: StoreLedger,
    clock: Callable[[], int],
    demo: DemoShop,
) -> None:
    """Approved once, carried out once, told once; approving again shows the same."""
    action = await awaiting(talk)
    approvals = Approvals(ledger, {"demo": engine}, clock)
    (waiting,) = await approvals.list_actions("demo", ActionState.AWAITING_APPROVAL, 10)
    assert waiting.id == action
    assert demo.sql("SELECT count(*) FROM refunds WHERE order_id = 'K3006'") == [(0,)]
    for _ in range(2):
        record = await approvals.show("demo", "talk", action)
        done = await approvals.approve(
            record, waiting.version, "lin", "ok", is_supervisor=False
        )
        assert done.state is ActionState.DONE
    assert any("approved by lin: ok" in why for _, _, why in done.history)
    assert demo.sql("SELECT amount_minor FROM refunds WHERE order_id = 'K3006'") == [
        (65453,)
    ]
    assert demo.sql("SELECT count(*) FROM notifications") == [(1,)]


async def test_approval_is_refused_late_stale_and_for_strangers(
    talk: Begin, engine: AgentEngine, ledger: StoreLedger, clock: Callable[[], int]
) -> None:
    """Another shop, another version, a rejected action: nothing is carried out."""
    action = await awaiting(talk)
    approvals = Approvals(ledger, {"demo": engine}, clock)
    with pytest.raises(ActionUnknown):
        await approvals.show("rival", "talk", action)
    record = await approvals.show("demo", "talk", action)
    with pytest.raises(ActionMoved):
        await approvals.approve(record, 99, "lin", "", is_supervisor=True)
    rejected = await approvals.reject(record, record.version, "lin", "no")
    assert rejected.state is ActionState.REJECTED
    with pytest.raises(NotAwaiting):
        await approvals.approve(
            rejected, rejected.version, "lin", "", is_supervisor=True
        )


async def test_approval_of_an_order_that_moved_changes_nothing(
    talk: Begin,
    engine: AgentEngine,
    ledger: StoreLedger,
    clock: Callable[[], int],
    demo: DemoShop,
) -> None:
    """The approval is of what was computed; on another order it is void."""
    action = await awaiting(talk)
    demo.sql("UPDATE orders SET version = version + 1 WHERE id = 'K3006'")
    approvals = Approvals(ledger, {"demo": engine}, clock)
    record = await approvals.show("demo", "talk", action)
    ended = await approvals.approve(
        record, record.version, "lin", "", is_supervisor=False
    )
    assert ended.state is ActionState.FAILED
    assert demo.sql("SELECT count(*) FROM refunds WHERE order_id = 'K3006'") == [(0,)]


async def test_an_approval_outlives_its_gateway(
    talk: Begin, engine: AgentEngine, ledger: StoreLedger, demo: DemoShop
) -> None:
    """Approved, and the gateway dies: whoever sweeps carries it out, once."""
    action = await awaiting(talk)
    record = await ledger.get("demo", "talk", action)
    await ledger.move(record, ActionState.APPROVED, "approved by lin")
    deadline_s = asyncio.get_running_loop().time() + 10
    ended = await engine.settle("demo", "talk", action, deadline_s)
    assert ended.state is ActionState.DONE
    assert demo.sql("SELECT count(*) FROM refunds WHERE order_id = 'K3006'") == [(1,)]


def tight(folder: Path, minor: int, approver: str = "operator") -> Path:
    """The default policy with another bound per customer and day."""
    text = POLICY.read_text("utf-8").replace(
        "minor: 200000\n        otherwise: approve",
        f"minor: {minor}\n        otherwise: approve\n        approver: {approver}",
    )
    path = folder / "policy.yaml"
    path.write_text(text, "utf-8")
    return path


async def test_refunds_split_into_small_ones_meet_the_daily_ceiling(
    demo: DemoShop,
    ledger: StoreLedger,
    voice: Voice,
    clock: Callable[[], int],
    tmp_path: Path,
) -> None:
    """Fifty talks at once: what is given stays within the day's bound, to the cent."""
    demo.sql("UPDATE order_lines SET quantity = 50 WHERE order_id = 'K3024'")
    demo.sql("UPDATE orders SET paid_minor = 145000 WHERE id = 'K3024'")
    policy = tight(tmp_path, 10_000)
    async with HttpShop(demo.url, KEY, timeout_s=10.0) as shop:
        engine = AgentEngine.load(shop, ledger, policy, voice, clock, grace_s=0.0)

        async def ask(number: int) -> int:
            customer = Talk(engine, ledger, "c1010", "en", f"t{number}")
            await customer.say("refund 1 of the cables in K3024")
            given = 0
            for _ in range(4):
                if customer.open_task is None:
                    break
                outcome = await customer.say("yes")
                if isinstance(outcome, Answer):
                    done = [one for one in outcome.actions if one.state == "done"]
                    given += sum(one.amount_minor or 0 for one in done)
            return given

        given = await asyncio.gather(*(ask(number) for number in range(50)))
    ((refunded,),) = demo.sql("SELECT refunded_minor FROM orders WHERE id = 'K3024'")
    assert sum(given) <= refunded <= 10_000
    assert refunded > 0


async def test_a_supervisor_approves_what_only_one_may(
    demo: DemoShop,
    ledger: StoreLedger,
    voice: Voice,
    clock: Callable[[], int],
    tmp_path: Path,
) -> None:
    """Policy says who may approve; an operator who may not is refused."""
    policy = tight(tmp_path, 100, "supervisor")
    async with HttpShop(demo.url, KEY, timeout_s=5.0) as shop:
        engine = AgentEngine.load(shop, ledger, policy, voice, clock, grace_s=0.0)
        customer = Talk(engine, ledger, "c1001", "zh", "talk")
        proposal = await customer.answer("K3002第2件退掉")
        handed = await customer.handed_over("确认")
        assert handed.to is Tier.HUMAN
        approvals = Approvals(ledger, {"demo": engine}, clock)
        record = await approvals.show("demo", "talk", proposal.actions[0].id)
        with pytest.raises(NotAllowed):
            await approvals.approve(
                record, record.version, "lin", "", is_supervisor=False
            )
        done = await approvals.approve(
            record, record.version, "mei", "", is_supervisor=True
        )
        assert done.state is ActionState.DONE
