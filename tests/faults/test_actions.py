"""
Actions whose turn is cut off between any two writes of the ledger: taken up again, or
given up and settled; judged by the shop's books.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from demo_shop import DemoShop
from inside_gateway import LEASE_S, Inside, bucket, config_of, crash, open_pair

from engines.agent.ledger import ActionRecord, LedgerUnavailable
from gateway.store.embedded import EmbeddedStore
from gateway.store.ledger import StoreLedger
from loadtest.books_check import Told, check_books
from loadtest.errands import Errand, errands, seed_of
from loadtest.history import Finding
from loadtest.shop_process import read_books


pytestmark = pytest.mark.anyio

#: Writes of a consent: confirmed, executing, the receipt, done.
WRITES = 4


class Customers:
    """Customers with one errand each, before two workers and one shop."""

    def __init__(
        self, a: Inside, b: Inside, shop: DemoShop, all_: list[Errand]
    ) -> None:
        self.a, self.b = a, b
        self._shop = shop
        self._left = list(all_)
        self.told: dict[Errand, Told] = {}

    async def asks(self) -> Errand:
        """The next customer says what is wanted, and is shown a proposal."""
        errand = self._left.pop()
        self.told[errand] = Told()
        result = await self.hears(self.a, errand, errand.opening, "m1")
        assert [one["state"] for one in result["reply"]["actions"]] == ["proposed"]
        return errand

    async def hears(
        self, worker: Inside, errand: Errand, text: str, message_id: str
    ) -> dict[str, Any]:
        """Say something; remember the answer."""
        result = await worker.say(
            errand.name, text, user=errand.name, message_id=message_id
        )
        self.told[errand].hear_result(result)
        return result

    async def record(self, errand: Errand) -> ActionRecord:
        """The one action of a customer."""
        [record] = [one for one in await self._records() if one.user_id == errand.name]
        return record

    async def findings(self) -> tuple[Finding, ...]:
        """What the books checker says of everybody so far."""
        return check_books(
            list(self.told),
            {errand.name: told for errand, told in self.told.items()},
            await self._records(),
            read_books(self._shop.path),
        )

    async def _records(self) -> list[ActionRecord]:
        ledger = self.a.gateway._sweeper._settling._ledger
        return await ledger.list_actions("demo", limit=1000)


@pytest.fixture(scope="module")
def wanted() -> list[Errand]:
    return errands(30)


@pytest.fixture(scope="module")
def shop(
    wanted: list[Errand], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DemoShop]:
    """A shop that has the customers and their orders."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "seed.yaml").write_bytes(msgspec.json.encode(seed_of(wanted)))
    opened = DemoShop(folder, folder / "seed.yaml").start()
    yield opened
    opened.stop()


@pytest.fixture(scope="module")
async def customers(
    embedded_store: EmbeddedStore,
    shop: DemoShop,
    wanted: list[Errand],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Customers]:
    folder = tmp_path_factory.mktemp("pair")
    async with open_pair(config_of(embedded_store.url, shop.url, folder)) as (a, b):
        yield Customers(a, b, shop, wanted)


@contextmanager
def breaking(
    monkeypatch: pytest.MonkeyPatch,
    exc: BaseException,
    *,
    at: int,
    is_after: bool = False,
    times: int = 1,
    name: str = "move",
) -> Iterator[None]:
    """The ledger's *at*-th call raises, before or after it was written; so often."""
    real, left = getattr(StoreLedger, name), [at, times]

    async def call(self: StoreLedger, *args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        is_now = left[0] <= 0 and left[1] > 0
        if is_now:
            left[1] -= 1
            if is_after:
                await real(self, *args, **kwargs)
            raise exc
        return await real(self, *args, **kwargs)

    with monkeypatch.context() as broken:
        broken.setattr(StoreLedger, name, call)
        yield
    assert left[1] == 0, "nothing broke"


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
async def test_a_ledger_that_does_not_answer_interrupts_the_turn(
    customers: Customers, monkeypatch: pytest.MonkeyPatch, at: int, *, is_after: bool
) -> None:
    """Kept, given back at once, run again elsewhere: done, with one effect."""
    errand = await customers.asks()
    with breaking(monkeypatch, LedgerUnavailable("away"), at=at, is_after=is_after):
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
    customers: Customers, monkeypatch: pytest.MonkeyPatch, *, is_after: bool
) -> None:
    """The same turn finds the record it may have written."""
    errand = customers._left.pop()
    customers.told[errand] = Told()
    away = LedgerUnavailable("away")
    with breaking(monkeypatch, away, at=1, is_after=is_after, name="propose"):
        answer = await customers.a.post(
            errand.name, errand.opening, user=errand.name, message_id="m1"
        )
    assert answer.status_code == 503
    await customers.b.sweep(errand.name)
    await customers.hears(customers.b, errand, errand.opening, "m1")
    assert (await customers.record(errand)).state == "proposed"


async def test_a_long_interruption_does_not_make_it_a_persons(
    customers: Customers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given back more often than a message may kill workers, and still done."""
    errand = await customers.asks()
    with breaking(monkeypatch, LedgerUnavailable("away"), at=2, times=5):
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
    with breaking(monkeypatch, killed, at=at, is_after=is_after), crash():
        await customers.a.post(
            errand.name, errand.consent, user=errand.name, message_id="m2"
        )
    await given_up(customers, errand, monkeypatch)
    assert (await customers.record(errand)).state == left
    assert {one.kind for one in await customers.findings()} == {"unsettled"}
    settling = customers.b.gateway._sweeper._settling
    assert await settling.settle("demo", bucket(errand.name)) == []
    monkeypatch.setattr(settling, "_after_ms", 0)
    await asyncio.sleep(0.002)
    await customers.b.gateway._sweeper._settle("demo", bucket(errand.name))
    assert (await customers.record(errand)).state == ends
    assert await customers.findings() == ()


async def given_up(
    customers: Customers, errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes the turn over dies at its first look at the ledger, too."""
    with breaking(monkeypatch, asyncio.CancelledError(), at=1, name="get"):
        await asyncio.sleep(LEASE_S + 0.05)
        await customers.b.sweep(errand.name)
    await asyncio.sleep(LEASE_S + 0.05)
    await customers.b.sweep(errand.name)
    handed = await customers.hears(customers.b, errand, errand.consent, "m2")
    assert handed["status"] == "ticketed"
