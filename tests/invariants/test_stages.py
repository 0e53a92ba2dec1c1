"""
Stages, live: what a change does to running conversations, and what ends a bad one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from inside_gateway import Pair, config_of, open_pair

from engines.contract import Engine, EngineUnavailable, Escalation, Reason, Tier, Turn
from engines.guard import mask_personal_data
from gateway.clock import wall_ms
from gateway.routers import stage_named
from gateway.stage_trial import StageTrial, try_stage
from gateway.stages import (
    BAD,
    StageOrders,
    carried,
    changed,
    encode,
    read_orders,
)
from gateway.store.connection import Scripts
from gateway.store.embedded import EmbeddedStore
from gateway.store.stages import StageStore
from router_models.fleet import LEAST, Ends, is_worse
from router_models.text import locale_of


PARCEL = "我的快递到哪了"


@pytest.fixture(scope="module")
async def pair(
    embedded_store: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    """Two workers on one store, without a business system."""
    folder: Path = tmp_path_factory.mktemp("stages")
    config = config_of(embedded_store.url, "", folder)
    async with open_pair(config) as both:
        for worker in both:
            await worker.gateway.rounds["stages"].stop()
        yield both


async def order(pair: Pair, **fields: Any) -> StageOrders:
    """Write orders as the command line does, and let both workers look."""
    store = pair.a.gateway.stages._store
    before = await read_orders(store, "demo")
    after = changed(before, "a test", "test", wall_ms(), **fields)
    await store.write("demo", encode(after))
    for worker in pair:
        await worker.gateway.stages.look()
    return after


@pytest.fixture
async def as_it_was(pair: Pair) -> AsyncIterator[None]:
    """Nothing is ordered afterwards."""
    yield
    await order(pair, stage="", trial="", share=0.0, shadow="")


def tier_named(result: dict[str, Any]) -> str:
    """Who answered, or ``human``."""
    reply = result.get("reply")
    return str(reply["tier"]) if reply else "human"


@pytest.mark.anyio
@pytest.mark.usefixtures("as_it_was")
async def test_a_stage_holds_in_every_worker_and_for_its_shop_alone(pair: Pair) -> None:
    """At startup L1 answers and people do the rest; the other shop notices nothing."""
    asked = "满300减50和会员券能叠加吗"
    before = await pair.a.say("st-1", asked)
    assert tier_named(before) in {"L2", "human"}
    await order(pair, stage="startup")
    for number, worker in enumerate(pair):
        simple = await worker.say(f"st-2{number}", "多久发货")
        assert tier_named(simple) == "L1"
        parcel = await worker.say(f"st-3{number}", PARCEL)
        assert parcel["status"] != "answered" or parcel["reply"]["tier"] == "L1"
    view = pair.b.gateway.stages.view("rival")
    assert (view.stage, view.orders) == ("growth", StageOrders())
    assert pair.b.gateway.stages.view("demo").tiers == (Tier.L1,)


@pytest.mark.anyio
@pytest.mark.usefixtures("as_it_was")
async def test_changes_between_turns_lose_and_double_nothing(pair: Pair) -> None:
    """Twenty changes in both directions while conversations go on in two workers."""
    names = [f"st-change-{number}" for number in range(5)]
    for round_ in range(20):
        await order(pair, stage=("startup", "growth", "mature")[round_ % 3])
        worker = pair[round_ % 2]
        for name in names:
            await worker.say(name, ("多久发货", PARCEL, "支持七天无理由吗")[round_ % 3])
    for worker in pair:
        await worker.rest()
    assert await pair.findings(*names) == ()


class _Broken:
    """An engine that is away."""

    tier = Tier.L2

    async def answer(self, turn: Turn) -> Escalation:
        """Refuse."""
        raise EngineUnavailable(Tier.L2)


def spoil(_: Engine) -> Engine:
    """Put the broken engine in place."""
    return _Broken()


@pytest.mark.anyio
@pytest.mark.usefixtures("as_it_was")
async def test_a_trial_keeps_its_conversations_and_is_ended_when_tiers_fail(
    pair: Pair,
) -> None:
    """A share is on trial; its failing tier brings everybody back, by one worker, once."""
    stages = pair.a.gateway.stages
    await order(pair, stage="startup", trial="growth", share=0.5)
    shop: Any = stages._shops["demo"]
    turns: dict[str, list[str]] = {"startup": [], "growth": []}
    decided = stages.stage_of
    for number in range(200):
        turn: Any = msgspec.defstruct("T", ["shop", "conversation_id"])(
            "demo", f"app.st-{number}"
        )
        turns[decided(turn).name].append(f"st-{number}")
    assert 60 < len(turns["growth"]) < 140
    with pair.a.instead(Tier.L2, spoil):
        for name in turns["growth"][:2]:
            await pair.a.say(name, PARCEL)
    assert (shop.ends["trial"].n, shop.ends["trial"].bad) == (2, 2)
    assert shop.ends["stage"].n == 0
    for worker in pair:
        ends = worker.gateway.stages._shops["demo"].ends
        ends["trial"], ends["stage"] = Ends(400, 200), Ends(400, 4)
        await worker.gateway.stages.look()
    found = await read_orders(stages._store, "demo")
    assert (found.stage, found.trial) == ("startup", "")
    rolled = [one for one in found.history if one.by == "guard"]
    assert len(rolled) == 1
    assert "200 of 400" in rolled[0].what


def test_a_guard_waits_for_certainty() -> None:
    """Few turns, or a difference that chance may make, end nothing."""
    few = Ends(LEAST - 1, LEAST - 1), Ends(1000, 0)
    near = Ends(200, 22), Ends(200, 20)
    far = Ends(400, 200), Ends(400, 4)
    assert [is_worse(*one) for one in (few, near, far)] == [False, False, True]


@pytest.mark.anyio
@pytest.mark.usefixtures("as_it_was")
async def test_a_shadow_is_asked_and_decides_nothing(pair: Pair) -> None:
    """Who would carry the turn is counted with its price; the answer stays the same."""
    await order(pair, stage="growth", shadow="startup")
    said = await pair.a.say("st-shadow", "多久发货")
    await pair.a.say("st-shadow-2", PARCEL)
    assert tier_named(said) == "L1"
    await pair.a.gateway.stages.look()
    found = pair.a.gateway.stages.view("demo").shadow
    assert found.turns == 2
    assert found.moves["L1>L1"] == 1
    assert found.shadow_milli > found.cost_milli


@pytest.mark.anyio
@pytest.mark.usefixtures("as_it_was")
async def test_a_stage_that_is_not_there_changes_nothing(pair: Pair) -> None:
    """A name written by other means is told of, not obeyed."""
    await order(pair, stage="mature")
    await order(pair, stage="no_such")
    assert pair.a.gateway.stages.view("demo").stage == "mature"


@pytest.mark.anyio
async def test_a_dry_run_tells_who_would_carry_recent_messages(
    pair: Pair, embedded_store: EmbeddedStore
) -> None:
    """The stored messages, judged again under both stages; nothing is written."""
    since_ms = wall_ms()
    for number in range(3):
        await pair.a.say(f"st-dry-{number}", "多久发货")
        await pair.a.say(f"st-dry-{number}", PARCEL)
    router = pair.a.gateway.stages._fleet.active.router
    scripts = await Scripts.connect(embedded_store.url)
    try:
        found = await _tried(scripts, router, since_ms)
        same = await read_orders(StageStore(scripts), "demo")
    finally:
        await scripts.close()
    assert (found.messages, found.now["L1"], found.then["L1"]) == (6, 3, 3)
    assert found.moves == {"L2>human": 3}
    assert found.then_milli > found.cost_milli
    assert found.examples == {"L2>human": [PARCEL] * 3}
    assert same.stage == ""


async def _tried(scripts: Scripts, router: Any, since_ms: int) -> StageTrial:
    return await try_stage(
        scripts,
        "demo",
        router,
        (stage_named("growth"), stage_named("startup")),
        since_ms=since_ms,
        most=100,
        locale_of=locale_of,
        masked=mask_personal_data,
    )


def test_a_turn_goes_to_the_next_tier_that_works() -> None:
    """Upwards only; at last a person."""
    assert carried(Tier.L2, (Tier.L1,)) is Tier.HUMAN
    assert carried(Tier.L2, (Tier.L1, Tier.L3)) is Tier.L3
    assert carried(Tier.L1, (Tier.L1,)) is Tier.L1


def test_reasons_of_a_stage_are_no_failures() -> None:
    """What a stage leaves out must not end its own trial."""

    assert Reason.POLICY not in BAD
