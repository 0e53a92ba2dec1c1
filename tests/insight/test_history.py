"""
The last hours of a shop: all workers add to the same steps, and nothing is added twice.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator

import pytest

from engines.contract import Tier
from gateway.history import KEPT_HOURS, MOST_STEPS, STEP_S, HistoryKeeper, quantile
from gateway.metrics import LATENCY_BUCKETS_S
from gateway.noted import MESSAGES, QUEUE
from gateway.store.connection import Scripts
from gateway.store.errors import StoreUnavailable
from gateway.store.history import HistoryStore
from gateway.telemetry import Telemetry


#: Begins a step, whatever its width.
NOON = 12 * 3600 * 1000


class Clock:
    """Wall clock that the test sets."""

    def __init__(self) -> None:
        self.now_ms = NOON

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def workers() -> Iterator[list[Telemetry]]:
    """What two workers see."""
    found = [Telemetry(log_path=os.devnull) for _ in range(2)]
    yield found
    for one in found:
        one.lines._sink.close()


def answered(worker: Telemetry, shop: str, tier: Tier, took_s: float) -> None:
    """One message of *shop* was answered on *tier*, as the hot path counts it."""
    worker._tally["messages", "app", tier, "answered", shop] += 1
    bucket = sum(took_s > edge for edge in LATENCY_BUCKETS_S)
    counts = [0] * (len(LATENCY_BUCKETS_S) + 1)
    counts[bucket] = 1
    worker.notes.add_times("", tier, counts)


@pytest.mark.anyio
async def test_workers_add_to_the_same_steps_and_shops_are_apart(
    every_store_url: str, workers: list[Telemetry]
) -> None:
    """Sums are added, of the queue the highest stands; time is the gateway's."""
    scripts, clock = await Scripts.connect(every_store_url), Clock()
    keepers = [HistoryKeeper(scripts, one, clock) for one in workers]
    try:
        for depth, worker in zip((3, 8), workers, strict=True):
            answered(worker, "demo", Tier.L1, 0.002)
            worker.queue("demo", "queued", depth)
        answered(workers[0], "rival", Tier.L2, 0.8)
        await asyncio.gather(*(one.look() for one in keepers))
        clock.now_ms += STEP_S * 1000
        workers[1].queue("demo", "queued", 1)
        await asyncio.gather(*(one.look() for one in keepers))
        found = await keepers[0].read("demo", 1)
        theirs = await keepers[1].read("rival", 1)
    finally:
        await scripts.close()
    assert [step.queue for step in found.steps[-2:]] == [{"queued": 8}, {"queued": 1}]
    assert found.whole.messages == {"L1": {"answered": 2}}
    assert found.whole.queue == {"queued": 8}
    assert theirs.whole.messages == {"L2": {"answered": 1}}
    assert found.whole.answer_s == theirs.whole.answer_s
    assert LATENCY_BUCKETS_S[1] < found.whole.answer_s["L1"][0] <= 0.0025


@pytest.mark.anyio
@pytest.mark.parametrize("hours", [0.05, 1, 8, 24, KEPT_HOURS])
async def test_any_stretch_is_told_in_a_bounded_number_of_even_steps(
    every_store_url: str, workers: list[Telemetry], hours: float
) -> None:
    """What happened now is in the last step; a day has no more points than an hour."""
    scripts, clock = await Scripts.connect(every_store_url), Clock()
    clock.now_ms += 123_456
    keeper = HistoryKeeper(scripts, workers[0], clock)
    try:
        answered(workers[0], "demo", Tier.L1, 0.002)
        await keeper.look()
        found = await keeper.read("demo", hours)
    finally:
        await scripts.close()
    times = [step.at_ms for step in found.steps]
    assert 1 <= len(times) <= MOST_STEPS + 1
    assert {b - a for a, b in itertools.pairwise(times)} <= {found.step_s * 1000}
    assert times[-1] <= clock.now_ms < times[-1] + found.step_s * 1000
    assert times[-1] + found.step_s * 1000 - times[0] >= hours * 3_600_000
    assert found.steps[-1].messages == {"L1": {"answered": 1}}


@pytest.mark.anyio
async def test_what_could_not_be_written_is_written_later(
    every_store_url: str, workers: list[Telemetry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is away for a while leaves no gap in the sums."""
    scripts = await Scripts.connect(every_store_url)
    keeper = HistoryKeeper(scripts, workers[0], Clock())
    notes = workers[0].notes

    async def away(*_: object) -> None:
        raise StoreUnavailable("away")

    try:
        notes.add("demo", 2, MESSAGES, "L1", "answered")
        notes.saw("demo", 5, QUEUE, "queued")
        with monkeypatch.context() as broken:
            broken.setattr(HistoryStore, "add", away)
            with pytest.raises(StoreUnavailable):
                await keeper.look()
            await keeper.last()
        notes.add("demo", 1, MESSAGES, "L1", "answered")
        notes.saw("demo", 4, QUEUE, "queued")
        await keeper.last()
        await keeper.look()
        found = await keeper.read("demo", 1)
    finally:
        await scripts.close()
    assert found.whole.messages == {"L1": {"answered": 3}}
    assert found.whole.queue == {"queued": 5}


def test_quantiles_lie_in_their_bucket() -> None:
    """Evenly spread within it; above all edges the highest; nothing is 0."""
    counts = [0] * (len(LATENCY_BUCKETS_S) + 1)
    assert quantile(0.5, counts) == 0.0
    counts[4] = 10
    low, high = LATENCY_BUCKETS_S[3], LATENCY_BUCKETS_S[4]
    assert quantile(0.5, counts) == pytest.approx((low + high) / 2)
    counts[-1] = 100
    assert quantile(0.5, counts) == LATENCY_BUCKETS_S[-1]
