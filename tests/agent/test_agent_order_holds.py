"""
Two actions on one order never run at once, whichever process carries them out.

The shop ignores versions and keys, so nothing but our own hold keeps them apart.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from agent_talk import Talk
from conftest import POLICY, Clock
from demo_shop import KEY, DemoShop
from order_worker import GRACE_S

from engines.agent.engine import AgentEngine
from engines.agent.ledger import ActionRecord, ActionState, OrderBusy
from engines.agent.order_holds import CALLS, FencedLedger, Hold, orders_of
from engines.shops.demo.books import KeyUse
from engines.shops.http import HttpShop
from engines.shops.port import EffectSupport
from engines.voice import Voice
from gateway.store.ledger import StoreLedger


pytestmark = pytest.mark.anyio

WORKER = Path(__file__).with_name("order_worker.py")
HOLD_S = 1.0 + CALLS * GRACE_S


@pytest.fixture
def careless(tmp_path: Path) -> Iterator[DemoShop]:
    """A shop that compares no versions and carries out whatever comes."""
    shop = DemoShop(tmp_path, key_use=KeyUse.KEPT).start()
    yield shop
    shop.stop()


@pytest.fixture
async def agreed(
    careless: DemoShop, ledger: StoreLedger, voice: Voice, clock: Clock
) -> AsyncIterator[list[ActionRecord]]:
    """Refunds of two lines of one order, agreed to in two conversations."""
    records = []
    async with HttpShop(careless.url, KEY, 2.0, EffectSupport.FINDABLE) as shop:
        engine = AgentEngine.load(shop, ledger, POLICY, voice, clock, grace_s=0.1)
        for line in (1, 2):
            talk = Talk(engine, ledger, "c1001", "zh", f"talk{line}")
            proposal = await talk.answer(f"订单K3002第{line}件退掉，其他保留")
            record = await talk.record(proposal.actions[0].id)
            records.append(await ledger.move(record, ActionState.CONFIRMED, "agreed"))
        yield records


class Workers:
    """Real processes, each with one action."""

    def __init__(self, store_url: str, shop: DemoShop, notes: Path) -> None:
        self._where = (store_url, shop.url)
        self._notes = notes

    def start(self, record: ActionRecord, call_s: float) -> subprocess.Popen[str]:
        words = [*self._where, record.conversation_id, record.id]
        return subprocess.Popen(
            [sys.executable, str(WORKER), *words, str(self._notes), str(call_s)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait(self) -> None:
        """Until somebody has begun."""
        while not self.notes():
            time.sleep(0.01)

    def notes(self) -> list[tuple[float, str]]:
        lines = self._notes.read_text().split("\n") if self._notes.exists() else []
        pairs = [line.split() for line in lines if line]
        return [(float(at), word) for at, word in pairs]


@pytest.fixture
def workers(store_url: str, careless: DemoShop, tmp_path: Path) -> Workers:
    return Workers(store_url, careless, tmp_path / "notes")


async def ended(process: subprocess.Popen[str]) -> str:
    return (await asyncio.to_thread(process.communicate))[0]


async def test_two_workers_take_turns_on_one_order(
    agreed: list[ActionRecord], workers: Workers, careless: DemoShop
) -> None:
    """Both refunds take place, the second one begins when the first one has ended."""
    both = [workers.start(record, 0.5) for record in agreed]
    assert await asyncio.gather(*map(ended, both)) == ["done", "done"]
    assert [word for _, word in workers.notes()] == ["begin", "end", "begin", "end"]
    assert careless.sql("SELECT count(*) FROM effects WHERE kind='refund_line'") == [
        (2,)
    ]


async def test_order_of_a_killed_worker_is_free_again_after_its_hold(
    agreed: list[ActionRecord], workers: Workers
) -> None:
    """Nobody else calls before a call of the dead worker must have landed."""
    first = workers.start(agreed[0], 30.0)
    await asyncio.to_thread(workers.wait)
    first.kill()
    await ended(first)
    assert await ended(workers.start(agreed[1], 0.0)) == "done"
    (began, _), (second, _), _ = workers.notes()
    # The intent, and with it the hold, is a moment older than the call.
    assert second - began > HOLD_S - 0.2


async def test_whoever_lost_the_order_sends_nothing_more(
    agreed: list[ActionRecord], ledger: StoreLedger
) -> None:
    """A worker that slept past its hold is refused by its token before the call."""
    one, other = agreed
    token = await ledger.hold(one.shop, one.order_id, one.id, 1)
    fenced = FencedLedger(ledger, Hold(one.shop, {one.order_id: token}), 1000)
    await asyncio.sleep(0.05)
    assert await ledger.hold(one.shop, one.order_id, other.id, 1000) > token
    with pytest.raises(OrderBusy):
        await fenced.move(one, ActionState.EXECUTING, "intent")
    assert not await ledger.keep(one.shop, one.order_id, token, 1000)
    await ledger.let_go(one.shop, one.order_id, token)
    assert await ledger.hold(one.shop, one.order_id, one.id, 1000) == 0


async def test_busy_order_is_waited_for_until_the_deadline(
    agreed: list[ActionRecord], ledger: StoreLedger, shop: HttpShop, voice: Voice
) -> None:
    """Then nothing was sent, and the action stays agreed."""
    one = agreed[0]
    assert await ledger.hold(one.shop, one.order_id, "another", 60_000)
    engine = AgentEngine.load(shop, ledger, POLICY, voice, Clock(), grace_s=0.1)
    deadline_s = asyncio.get_running_loop().time() + 0.6
    with pytest.raises(OrderBusy):
        await engine._executor.run(one, deadline_s)
    settled = await engine.settle(one.shop, one.conversation_id, one.id, deadline_s)
    assert settled == one


async def test_tenants_never_wait_for_each_other(ledger: StoreLedger) -> None:
    """The same order number of another shop is another order."""
    assert await ledger.hold("demo", "K1", "a", 60_000) == 1
    assert await ledger.hold("other", "K1", "b", 60_000) == 1
    assert await ledger.hold("demo", "K1", "b", 60_000) == 0
    assert await ledger.hold("demo", "K1", "a", 60_000) == 2


async def test_orders_that_join_a_parcel_are_held_too(
    agreed: list[ActionRecord],
) -> None:
    """In one sequence everywhere, so that no two actions wait for each other."""
    import msgspec

    joining = {"joining": [{"order_id": "K1"}, {"order_id": "K9"}]}
    merged = msgspec.structs.replace(agreed[0], args={"effect": joining})
    assert orders_of(merged) == ["K1", "K3002", "K9"]
    assert orders_of(agreed[0]) == ["K3002"]
