"""
Actions of several steps, and what is told once: before shops that honour no keys, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_talk import Talk
from demo_shop import KEY, DemoShop

from engines.agent.engine import AgentEngine
from engines.agent.ledger import ActionState
from engines.contract import Escalation
from engines.shops.demo.books import KeyUse
from engines.shops.http import HttpShop
from engines.shops.port import Effect, EffectSupport
from engines.voice import Voice
from gateway.store.ledger import StoreLedger


pytestmark = pytest.mark.anyio

POLICY = Path(__file__).parents[2] / "configs/policies/default.yaml"
#: To where freight is cheaper: c1002's order K3004 goes to Xinjiang at first.
NEARER = "地址改成浙江省宁波市中山西路9号"


class Crash(BaseException):
    """The worker dies here."""


class DiesAfterTelling(HttpShop):
    """Its caller dies when the customer has been told and nobody wrote it down."""

    async def notify(self, *args: Any) -> Effect:
        await super().notify(*args)
        raise Crash


@pytest.fixture
def careless(tmp_path: Path) -> Iterator[DemoShop]:
    """A shop that carries out whatever comes; keys can only be looked up."""
    shop = DemoShop(tmp_path, key_use=KeyUse.KEPT).start()
    yield shop
    shop.stop()


@pytest.fixture
async def apart(demo: DemoShop) -> AsyncIterator[HttpShop]:
    """A shop that changes address and freight by two calls."""
    async with HttpShop(demo.url, KEY, 2.0, moves_freight_apart=True) as port:
        yield port


def load(
    shop: HttpShop, ledger: StoreLedger, voice: Voice, clock: Callable[[], int]
) -> AgentEngine:
    return AgentEngine.load(shop, ledger, POLICY, voice, clock, grace_s=0.0)


def made(shop: DemoShop) -> list[str]:
    rows = shop.sql("SELECT kind FROM effects ORDER BY rowid")
    return [kind for (kind,) in rows]


@pytest.mark.parametrize("support", [EffectSupport.FINDABLE, EffectSupport.BLIND])
async def test_a_customer_is_told_once_where_keys_are_not_honoured(
    careless: DemoShop,
    ledger: StoreLedger,
    voice: Voice,
    clock: Callable[[], int],
    support: EffectSupport,
) -> None:
    """Looked up, or left alone where nobody can tell; the action is done once."""
    async with (
        HttpShop(careless.url, KEY, 2.0, support) as shop,
        DiesAfterTelling(careless.url, KEY, 2.0, support) as deadly,
    ):
        customer = Talk(load(shop, ledger, voice, clock), ledger, "c1002")
        await customer.answer("取消订单")
        customer.seq += 1
        turn = customer.turn("确认")
        with pytest.raises(Crash):
            await load(deadly, ledger, voice, clock).answer(turn)
        again = await customer.engine.answer(turn)
    assert not isinstance(again, Escalation)
    assert [one.state for one in again.actions] == ["done"]
    assert made(careless) == ["cancel_order", "notify"]


async def test_a_call_sent_again_has_its_own_grace(
    careless: DemoShop, ledger: StoreLedger, voice: Voice, clock: Callable[[], int]
) -> None:
    """Each time it goes out anew the time is on disk first, and counts from there."""
    support = EffectSupport.FINDABLE
    async with HttpShop(careless.url, KEY, 2.0, support) as shop:
        customer = Talk(load(shop, ledger, voice, clock), ledger, "c1002")
        proposal = await customer.answer("取消订单")
        record = await customer.record(proposal.actions[0].id)
        for state in (ActionState.CONFIRMED, ActionState.EXECUTING):
            record = await ledger.move(record, state, "its worker died before the call")
        await customer.answer("确认")
    record = await customer.record(record.id)
    assert [(state, why) for _, state, why in record.history[2:4]] == [
        ("executing", "not found at the shop; sent again"),
        ("executing", record.steps[0].receipt),
    ]
    assert made(careless) == ["cancel_order", "notify"]


async def test_address_and_freight_may_be_two_calls(
    apart: HttpShop,
    demo: DemoShop,
    ledger: StoreLedger,
    voice: Voice,
    clock: Callable[[], int],
) -> None:
    """Both take place, each under its own key, and the customer hears one end."""
    customer = Talk(load(apart, ledger, voice, clock), ledger, "c1002")
    await customer.answer(NEARER)
    done = await customer.answer("确认")
    assert [one.state for one in done.actions] == ["done"]
    assert made(demo) == ["set_address", "refund_freight", "notify"]
    assert demo.sql(
        "SELECT freight_minor, refunded_minor FROM orders WHERE id='K3004'"
    ) == [(800, 1000)]


async def test_a_refused_step_takes_the_earlier_one_back(
    apart: HttpShop,
    demo: DemoShop,
    ledger: StoreLedger,
    voice: Voice,
    clock: Callable[[], int],
) -> None:
    """No freight back: the address is what it was, and nobody says it was changed."""
    customer = Talk(load(apart, ledger, voice, clock), ledger, "c1002")
    before = demo.sql("SELECT city, street, freight_minor FROM orders WHERE id='K3004'")
    proposal = await customer.answer(NEARER)
    demo.sql("UPDATE orders SET refunded_minor = paid_minor WHERE id='K3004'")
    told = await customer.answer("确认")
    record = await customer.record(proposal.actions[0].id)
    assert record.state is ActionState.COMPENSATED
    assert record.steps[0].undone
    assert "没有任何变动" in told.text
    assert made(demo) == ["set_address", "set_address"]
    after = demo.sql("SELECT city, street, freight_minor FROM orders WHERE id='K3004'")
    assert after == before


async def test_what_cannot_be_taken_back_is_a_persons(
    apart: HttpShop,
    demo: DemoShop,
    ledger: StoreLedger,
    voice: Voice,
    clock: Callable[[], int],
) -> None:
    """The parcel left meanwhile: neither done nor undone, and a person knows."""
    engine = load(apart, ledger, voice, clock)
    customer = Talk(engine, ledger, "c1002")
    proposal = await customer.answer(NEARER)
    record = await customer.record(proposal.actions[0].id)
    way = (ActionState.CONFIRMED, ActionState.EXECUTING)
    for state in way:
        record = await ledger.move(record, state, "")
    deadline = asyncio.get_running_loop().time() + 30
    step = record.steps[0]
    recipe = engine._executor._executor(ledger)._recipes["change_address"]
    effect = await recipe.perform(apart, record, step)
    steps = (
        type(step)(kind=step.kind, key=step.key, receipt=effect.receipt),
        *record.steps[1:],
    )
    record = await ledger.move(
        record, ActionState.EXECUTING, effect.receipt, steps=steps
    )
    demo.sql("UPDATE orders SET status = 'shipped' WHERE id='K3004'")
    ended = await engine._executor.run(record, deadline)
    assert ended.state is ActionState.PARKED
    assert "already_shipped" in ended.history[-1][2]
