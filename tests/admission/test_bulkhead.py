"""
Pools as coroutines meet them, what a gateway asks of them, and merged messages.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from engines.contract import (
    Answer,
    EngineOverloaded,
    Escalation,
    Reason,
    Tier,
)
from engines.shops.port import ShopUnavailable
from engines.simulated import SimulatedEngine
from gateway.admission.admission import Admission
from gateway.admission.asks import Ask, End, Verdict
from gateway.admission.bulkhead import Bulkhead, Diverted
from gateway.admission.ladder import Rung, TideOrders
from gateway.admission.pools import Pool, PoolPolicy
from gateway.admission.priority import UNKNOWN, Priority
from gateway.coalescing import is_nudge
from gateway.customer_facts import FactsOfCustomers


pytestmark = pytest.mark.anyio


def ask(bulkhead: Bulkhead, wait_s: float = 5.0) -> Ask:
    """A new conversation that has *wait_s*."""
    del bulkhead
    now = time.monotonic()
    return Ask(
        shop="demo",
        priority=Priority.PRESALE,
        is_continuing=False,
        draw=0.5,
        at=now,
        deadline=now + wait_s,
    )


def one_slot() -> Bulkhead:
    """A pool of one slot whose answers take a tenth of a second."""
    policy = PoolPolicy(slots=1, service_s=0.1, target_s=0.1, reserve=0.0)
    return Bulkhead(Pool(policy), time.monotonic)


async def test_who_waits_is_woken_by_who_leaves() -> None:
    """One slot, three turns: one after the other, none at once."""
    bulkhead, inside, most = one_slot(), 0, 0

    async def turn() -> None:
        nonlocal inside, most
        asked = ask(bulkhead)
        await bulkhead.enter(asked)
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        bulkhead.leave(asked, End.DONE)

    await asyncio.gather(*(turn() for _ in range(3)))
    assert most == 1
    assert bulkhead.pool.in_flight == 0
    assert bulkhead.pool.counts[Verdict.RUN] == 3


async def test_a_cancelled_turn_leaves_neither_slot_nor_place() -> None:
    """Cancelled while it waits, or just when it was its turn."""
    bulkhead = one_slot()
    holder = ask(bulkhead)
    await bulkhead.enter(holder)
    waiting = [asyncio.create_task(bulkhead.enter(ask(bulkhead))) for _ in range(3)]
    await asyncio.sleep(0)
    assert len(bulkhead.pool.line) == 3
    waiting[1].cancel()
    await asyncio.gather(waiting[1], return_exceptions=True)
    assert len(bulkhead.pool.line) == 2
    bulkhead.leave(holder, End.DONE)
    waiting[0].cancel()
    await asyncio.gather(waiting[0], return_exceptions=True)
    await asyncio.wait_for(waiting[2], 1)
    assert bulkhead.pool.in_flight == 1


async def test_who_has_no_time_is_diverted() -> None:
    """A turn that no slot can serve in time is told by the sweep, not by its deadline."""
    bulkhead = one_slot()
    await bulkhead.enter(ask(bulkhead))
    waiting = asyncio.create_task(bulkhead.enter(ask(bulkhead, wait_s=0.01)))
    await asyncio.sleep(0.02)
    bulkhead.sweep()
    with pytest.raises(Diverted) as told:
        await waiting
    assert told.value.verdict is Verdict.TOO_LATE


def admission(now: list[float]) -> Admission:
    """Two pools on a clock the test moves."""
    policy = PoolPolicy(slots=2, service_s=1.0, target_s=0.5)
    return Admission(
        {"L2": policy, "L3": policy},
        weights={},
        secret=b"s",
        clock=lambda: now[0],
        wall_ms=lambda: int(now[0] * 1000),
    )


async def test_orders_of_one_shop_hold_for_it_alone() -> None:
    """A pinned rung shuts out that shop's new customers, nobody else's."""
    now = [100.0]
    house = admission(now)
    house.order("a", TideOrders(pin=2, pin_until_ms=200_000))
    asked = {
        shop: house.ask("L3", shop, "u", is_continuing=False, deadline_s=10)
        for shop in ("a", "b")
    }
    assert (asked["a"].is_shut_out, asked["b"].is_shut_out) == (True, False)
    assert not house.ask("L2", "a", "u", is_continuing=False, deadline_s=3).is_shut_out
    assert house.rung_of("a") is Rung.TASKS_FOR_FEW
    house.order("a", TideOrders())
    assert house.rung_of("a") is Rung.NORMAL


async def test_a_late_event_loop_is_a_bad_window() -> None:
    """Our own CPU is a pool too: its lateness leads to cheaper answers."""
    now = [100.0]
    house = admission(now)
    for _ in range(4):
        house.sweep(0.2)
        now[0] += 1.0
    assert house.state().rung == Rung.CHEAPER
    assert house.state().name == "cheaper"


@pytest.mark.parametrize(
    ("text", "previous", "expected"),
    [
        ("在吗", "帮我查下快递", True),
        ("人呢？？", "帮我查下快递", True),
        ("???", "where is my parcel", True),
        ("Hello?", "where is my parcel", True),
        ("帮我查下快递！", "帮我查下快递", True),
        ("转人工", "帮我查下快递", False),
        ("是的", "帮我取消订单", False),
        ("充电器冒烟了", "帮我查下快递", False),
        ("订单号 K3003", "帮我查下快递", False),
    ],
)
async def test_only_what_says_nothing_new_is_merged(
    text: str, previous: str, expected: bool
) -> None:
    """A nudge or the same again; a wish, a consent or a danger is heard."""
    assert is_nudge(text, previous) is expected


async def test_facts_are_asked_once_and_never_waited_for_long() -> None:
    """Many turns of one customer make one call; a slow or broken shop knows nobody."""
    calls = 0

    class Shop:
        def __init__(self, pause_s: float, is_broken: bool = False) -> None:
            self.pause_s, self.is_broken = pause_s, is_broken

        async def orders(self, user_id: str) -> tuple[()]:
            nonlocal calls
            calls += 1
            await asyncio.sleep(self.pause_s)
            if self.is_broken:
                raise ShopUnavailable(user_id)
            return ()

    shops = {"fast": Shop(0), "slow": Shop(60), "broken": Shop(0, is_broken=True)}
    facts = FactsOfCustomers(shops, time.monotonic)
    found = await asyncio.gather(*(facts.fetch("fast", "u") for _ in range(5)))
    assert found == [UNKNOWN] * 5
    assert calls == 1
    assert await facts.fetch("broken", "u") == UNKNOWN
    assert await facts.fetch("nowhere", "u") == UNKNOWN
    started = time.monotonic()
    assert await facts.fetch("slow", "u") == UNKNOWN
    assert time.monotonic() - started < 30
    await facts.close()


async def test_the_simulated_engine_refuses_and_escalates_as_told(turn) -> None:  # type: ignore[no-untyped-def]
    """What a load run leans on does what it says."""
    engine = SimulatedEngine(Tier.L3, 0.001, 0.1, most=1, escalates=0.0)
    results = await asyncio.gather(
        *(engine.answer(turn(n)) for n in range(2)), return_exceptions=True
    )
    assert isinstance(results[0], Answer)
    assert isinstance(results[1], EngineOverloaded)
    always = SimulatedEngine(Tier.L3, 0.001, 0.1, most=0, escalates=1.0)
    found = await always.answer(turn(3))
    assert isinstance(found, Escalation)
    assert found.reason is Reason.NO_MATCH
