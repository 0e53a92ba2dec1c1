"""
Many kills under conversations, small: ``tidegate loadtest kills`` runs hundreds.
"""

import asyncio
import signal

import msgspec
import pytest

from gateway.config_file import load
from gateway.store.conversations import Conversations
from loadtest import kill_places
from loadtest.history import Finding
from loadtest.kill_report import PROMISED_S, KillReport, Spread, spread
from loadtest.kills import run_kills


KEPT = KillReport(
    kills=3,
    places={},
    messages=9,
    takeover=Spread(kills=3, p50_s=1.0, p95_s=2.0, max_s=3.0),
    lease_ms=1_000,
    unacknowledged=0,
    seconds=1.0,
    findings=(),
)


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_kills_at_random_and_at_named_places_lose_and_double_nothing():
    """Each message ends once and in order, and every take-over is in time."""
    overrides = {"router.arithmetic": "plain", "store.lease_ms": 1_000}
    told = []
    report = run_kills(
        load(None, {}, overrides), kills=5, seed=3, has_tasks=False, tell=told.append
    )
    assert report.kills >= 5
    assert sum(report.places.values()) == report.kills
    assert report.findings == ()
    assert report.is_kept, report.takeover
    assert report.takeover.kills > 0
    assert told[-1].startswith("killed")


def test_quantiles_are_of_the_nearest_rank():
    """Half, nineteen of twenty, and the longest; nothing makes zeros."""
    found = spread([float(second) for second in range(100, 0, -1)])
    assert (found.p50_s, found.p95_s, found.max_s) == (50.0, 95.0, 100.0)
    assert spread([]).max_s == 0.0


@pytest.mark.parametrize(
    "change",
    [
        {"takeover": Spread(kills=1, p50_s=1.0, p95_s=1.0, max_s=PROMISED_S + 1)},
        {"unacknowledged": 1},
        {
            "findings": (
                Finding(kind="lost", conversation="", message_id="", detail=""),
            )
        },
    ],
)
def test_a_broken_promise_fails_the_run(change):
    """A late take-over, a sender who gave up, or any finding."""
    assert KEPT.is_kept
    assert not msgspec.structs.replace(KEPT, **change).is_kept


def test_an_order_kills_at_its_place_and_only_once(tmp_path, monkeypatch):
    """Other places let pass; whoever takes the order away kills whom it names."""
    killed, called = [], []
    monkeypatch.setattr(kill_places.os, "kill", lambda *args: killed.append(args))

    async def call(*_args):
        called.append(list(killed))
        return ()

    for name in ("accept", "commit", "sweep"):
        monkeypatch.setattr(Conversations, name, call)
    kill_places.plant(tmp_path)
    store = Conversations.__new__(Conversations)
    kill_places.give_order(tmp_path, "commit.before", 77)
    asyncio.run(store.accept())
    assert kill_places.is_ordered(tmp_path)
    asyncio.run(store.commit())
    asyncio.run(store.commit())
    assert called == [[], [(77, signal.SIGKILL)], [(77, signal.SIGKILL)]]
    assert not kill_places.withdraw(tmp_path)
