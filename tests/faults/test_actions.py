"""
Actions whose turn is cut off between any two writes of the ledger: taken up again, or
given up and settled; judged by the shop's books.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from inside_errands import Customers, breaking, open_customers
from inside_gateway import LEASE_S, bucket, crash

from engines.agent.ledger import LedgerUnavailable
from gateway.store.embedded import EmbeddedStore
from loadtest.errands import Errand


pytestmark = pytest.mark.anyio

#: Writes of a consent: confirmed, executing, the receipt, done.
WRITES = 4


@pytest.fixture(scope="module")
async def customers(
    embedded_store: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Customers]:
    folder = tmp_path_factory.mktemp("errands")
    async with open_customers(embedded_store.url, folder, 30) as opened:
        yield opened


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
async def test_a_ledger_that_does_not_answer_interrupts_the_turn(
    customers: Customers, at: int, *, is_after: bool
) -> None:
    """Kept, given back at once, run again elsewhere: done, with one effect."""
    errand = await customers.asks()
    with breaking(LedgerUnavailable("away"), at=at, is_after=is_after):
        answer = await customers.a.post(
            errand.name, errand.consent, user=errand.name, message_id="m2"
        )
    assert (answer.status_code, answer.json()["code"]) == (503, "interrupted")
    await customers.b.sweep(errand.name)
    done = await customers.hears(customers.b, errand, errand.consent, "m2")
    assert [one["state"] for one in done["reply"]["actions"]] == ["done"]
    assert await customers.findings() == ()


@pytest.mark.parametrize("is_after", [False, True])
async def test_a_proposal_that_is_interrupted_is_made_once(
    customers: Customers, *, is_after: bool
) -> None:
    """The same turn finds the record it may have written."""
    errand = customers.next()
    away = LedgerUnavailable("away")
    with breaking(away, at=1, is_after=is_after, name="propose"):
        answer = await customers.a.post(
            errand.name, errand.opening, user=errand.name, message_id="m1"
        )
    assert answer.status_code == 503
    await customers.b.sweep(errand.name)
    await customers.hears(customers.b, errand, errand.opening, "m1")
    assert (await customers.record(errand)).state == "proposed"


async def test_a_long_interruption_does_not_make_it_a_persons(
    customers: Customers,
) -> None:
    """Given back more often than a message may kill workers, and still done."""
    errand = await customers.asks()
    with breaking(LedgerUnavailable("away"), at=2, times=5):
        await customers.a.post(
            errand.name, errand.consent, user=errand.name, message_id="m2"
        )
        for _ in range(4):
            await customers.b.sweep(errand.name)
    await customers.b.sweep(errand.name)
    done = await customers.hears(customers.b, errand, errand.consent, "m2")
    assert [one["state"] for one in done["reply"]["actions"]] == ["done"]
    assert await customers.findings() == ()


@pytest.mark.parametrize(
    ("at", "is_after", "left", "ends"),
    [
        (1, True, "confirmed", "rejected"),
        (2, True, "executing", "parked"),
        (3, False, "executing", "done"),
        (3, True, "executing", "done"),
    ],
)
async def test_what_a_given_up_turn_left_on_its_way_is_settled(
    customers: Customers,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    is_after: bool,
    left: str,
    ends: str,
) -> None:
    """
    The consent kills each worker that tries; a person gets it; the sweeper asks the
    shop what became of the action, and sends nothing.
    """
    errand = await customers.asks()
    killed = asyncio.CancelledError()
    with breaking(killed, at=at, is_after=is_after), crash():
        await customers.a.post(
            errand.name, errand.consent, user=errand.name, message_id="m2"
        )
    await given_up(customers, errand)
    assert (await customers.record(errand)).state == left
    assert {one.kind for one in await customers.findings()} == {"unsettled"}
    settling = customers.b.gateway._sweeper._settling
    assert await settling.settle("demo", bucket(errand.name)) == []
    monkeypatch.setattr(settling, "_after_ms", 0)
    await asyncio.sleep(0.002)
    await customers.b.gateway._sweeper._settle("demo", bucket(errand.name))
    assert (await customers.record(errand)).state == ends
    assert await customers.findings() == ()


async def given_up(customers: Customers, errand: Errand) -> None:
    """Whoever takes the turn over dies at its first look at the ledger, too."""
    with breaking(asyncio.CancelledError(), at=1, name="get"):
        await asyncio.sleep(LEASE_S + 0.05)
        await customers.b.sweep(errand.name)
    await asyncio.sleep(LEASE_S + 0.05)
    await customers.b.sweep(errand.name)
    handed = await customers.hears(customers.b, errand, errand.consent, "m2")
    assert handed["status"] == "ticketed"
