"""
Turns that are overtaken, kill their workers, are interrupted or drained: two workers
on one real store, step by step.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from demo_shop import DemoShop
from inside_gateway import (
    LEASE_S,
    Deadly,
    Gate,
    Pair,
    bucket,
    config_of,
    crash,
    kept,
    open_inside,
    open_pair,
)

from engines.contract import Tier
from gateway.people import People
from gateway.store.embedded import EmbeddedStore


pytestmark = pytest.mark.anyio

#: A lease that nobody renews is over after this.
EXPIRED_S = LEASE_S + 0.05


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoShop]:
    """A demo shop for the whole module."""
    opened = DemoShop(tmp_path_factory.mktemp("shop")).start()
    yield opened
    opened.stop()


@pytest.fixture(scope="module")
async def pair(
    embedded_store: EmbeddedStore,
    shop: DemoShop,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Pair]:
    """Two workers of one shop."""
    folder = tmp_path_factory.mktemp("pair")
    async with open_pair(config_of(embedded_store.url, shop.url, folder)) as opened:
        yield opened


async def test_a_worker_that_slept_past_its_lease_says_nothing(pair: Pair) -> None:
    """B answers meanwhile; A's late commit is refused and its caller gets B's answer."""
    a, b = pair
    gates: list[Gate] = []
    with a.instead(Tier.L1, lambda engine: kept(gates, Gate(engine))):
        late = asyncio.create_task(a.say("slept", "多久发货", message_id="m1"))
        await gates[0].reached.wait()
        await asyncio.sleep(EXPIRED_S)
        await b.sweep("slept")
        answered = await b.say("slept", "多久发货", message_id="m1")
        gates[0].is_open.set()
        assert await late == answered
    assert answered["status"] == "answered"
    assert len(await a.texts("slept", "reply")) == 1
    assert await pair.findings("slept") == ()


async def test_what_kills_its_workers_is_handed_to_a_person(pair: Pair) -> None:
    """After its tries no engine sees the message again; the customer is told."""
    a, b = pair
    killers: list[Deadly] = []

    def killer(engine: Any) -> Deadly:
        killers.append(Deadly(engine))
        return killers[-1]

    with a.instead(Tier.L1, killer), b.instead(Tier.L1, killer):
        with crash():
            await a.post("deadly", "多久发货", message_id="m1")
        for _ in range(2):
            await asyncio.sleep(EXPIRED_S)
            await b.sweep("deadly")
    assert sum(one.asked for one in killers) == 2
    assert len(await b.texts("deadly", "notice")) == 1
    result = await b.say("deadly", "多久发货", message_id="m1")
    assert result["status"] == "ticketed"
    assert result["decision"]["reasons"] == ["taken over 2 times"]
    assert await pair.findings("deadly") == ()


async def test_a_crash_between_commit_and_queue_leaves_one_entry(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outbox has it: however many drain it at once, it is one entry, told once."""
    a, b = pair

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as broken, crash():
        broken.setattr(People, "hand_over", dies)
        await a.post("outbox", "转人工", message_id="m1")
    assert await b.texts("outbox", "notice") == []
    people = (a.gateway.dispatcher._people, b.gateway.dispatcher._people)
    before = await depths(people[0])
    await asyncio.gather(*(one.drain("demo", bucket("outbox")) for one in people * 2))
    assert await depths(people[0]) == before + 1
    assert len(await b.texts("outbox", "notice")) == 1
    assert await people[1].drain("demo", bucket("outbox")) == 0
    assert (await b.say("outbox", "转人工", message_id="m1"))["status"] == "ticketed"


async def depths(people: People) -> int:
    """Handoffs in the shop's queue, whatever their state."""
    return sum((await people._handoffs._mover.store.depths("demo")).values())


async def test_draining_finishes_what_is_in_work_and_takes_no_more(
    embedded_store: EmbeddedStore, shop: DemoShop, tmp_path: Path
) -> None:
    """SIGTERM in the middle of a turn: it is answered; the next message is refused."""
    config = config_of(embedded_store.url, shop.url, tmp_path)
    async with open_inside(config, "drained") as worker:
        gates: list[Gate] = []
        worker.instead(Tier.L1, lambda engine: kept(gates, Gate(engine)))
        work = asyncio.create_task(worker.say("drain", "多久发货"))
        await gates[0].reached.wait()
        worker.gateway.begin_drain()
        refused = await worker.post("drain", "怎么退货")
        assert (refused.status_code, refused.json()["code"]) == (503, "draining")
        gates[0].is_open.set()
        assert (await work)["status"] == "answered"


async def test_a_drain_that_cannot_wait_gives_the_turn_to_the_next_worker(
    pair: Pair, embedded_store: EmbeddedStore, shop: DemoShop, tmp_path: Path
) -> None:
    """No lease has to run out first, and the turn does not count as a failed try."""
    config = config_of(embedded_store.url, shop.url, tmp_path)
    async with open_inside(config, "stopped") as worker:
        gates: list[Gate] = []
        worker.instead(Tier.L1, lambda engine: kept(gates, Gate(engine)))
        work = asyncio.create_task(worker.say("given", "多久发货", message_id="m1"))
        await gates[0].reached.wait()
        await worker.gateway.dispatcher.drain(0.05)
        [found] = await pair.b.gateway.dispatcher._conversations.sweep(
            "demo", bucket("given"), 5
        )
        assert (found.lease.conversation, found.pending.tries) == ("app.given", 0)
        pair.b.gateway.dispatcher.take_over(found.lease, found.pending, found.state)
        await pair.b.rest()
        gates[0].is_open.set()
        assert (await work)["status"] == "answered"
    assert len(await pair.b.texts("given", "reply")) == 1


@pytest.mark.parametrize("gap_ms", [0, 1, 5, 20, 50])
async def test_two_first_messages_of_a_customer_stay_in_one_conversation(
    pair: Pair, gap_ms: int
) -> None:
    """A moment apart and to two workers: numbered, and answered in that order."""
    a, b = pair
    name = f"new{gap_ms}"
    first = asyncio.create_task(a.say(name, "在吗", user="new", message_id="m1"))
    await asyncio.sleep(gap_ms / 1000)
    second = await b.say(name, "多久发货", user="new", message_id="m2")
    results = [await first, second]
    assert [one["status"] for one in results] == ["answered", "answered"]
    if gap_ms >= 5:
        assert results[0]["seq"] < results[1]["seq"]
    assert await pair.findings(name) == ()


async def test_a_burst_of_thirty_is_answered_in_order(pair: Pair) -> None:
    """Sent at once to two workers, some of them twice: thirty replies, in order."""
    texts = ["多久发货", "怎么退货", "运费怎么算", "hello", "在吗"] * 6
    sent = [
        worker.say("burst", text, message_id=f"m{number}")
        for number, text in enumerate(texts)
        for worker in (pair if number % 7 == 0 else pair[number % 2 : number % 2 + 1])
    ]
    results = await asyncio.gather(*sent)
    await asyncio.gather(pair.a.rest(), pair.b.rest())
    assert all(one["status"] in {"answered", "pending"} for one in results)
    assert len(await pair.a.texts("burst", "reply")) == 30
    assert await pair.findings("burst") == ()
