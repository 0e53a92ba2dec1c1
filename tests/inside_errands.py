"""
Customers with errands before two workers in this process, and a ledger that breaks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from demo_shop import DemoShop
from inside_gateway import Inside, Pair, config_of, open_pair

from engines.agent.ledger import ActionRecord
from gateway.store.ledger import StoreLedger
from loadtest.books_check import Told, check_books
from loadtest.errands import Errand, Kind, errands, seed_of
from loadtest.history import Finding
from loadtest.shop_process import OrderBook, read_books


class Customers:
    """Customers with one errand each, before two workers and one shop."""

    def __init__(self, pair: Pair, shop: DemoShop, wanted: list[Errand]) -> None:
        self.a, self.b = pair
        self.pair = pair
        self.shop = shop
        self.told: dict[Errand, Told] = {}
        self._left = list(wanted)

    def next(self, kind: Kind | None = None) -> Errand:
        """A customer who has not been here yet."""
        errand = next(one for one in self._left if kind in (None, one.kind))
        self._left.remove(errand)
        self.told[errand] = Told()
        return errand

    async def asks(self, kind: Kind | None = None) -> Errand:
        """The next customer says what is wanted, and is shown a proposal."""
        errand = self.next(kind)
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

    def order(self, errand: Errand) -> OrderBook:
        """What the shop's books say of a customer's order."""
        return read_books(self.shop.path).orders[errand.order_id]

    async def findings(self) -> tuple[Finding, ...]:
        """What the books checker says of everybody so far."""
        return check_books(
            list(self.told),
            {errand.name: told for errand, told in self.told.items()},
            await self._records(),
            read_books(self.shop.path),
        )

    async def _records(self) -> list[ActionRecord]:
        ledger = self.a.gateway._sweeper._settling._ledger
        return await ledger.list_actions("demo", limit=1000)


@asynccontextmanager
async def open_customers(
    store_url: str, folder: Path, count: int, *more: dict[str, Any]
) -> AsyncIterator[Customers]:
    """
    So many customers, the shop that has their orders, and two workers.

    Args:
        more: Orders of further customers, as in the shop's seed.
    """
    wanted = errands(count)
    seed = seed_of(wanted)
    seed["orders"] += more
    seed["customers"] += [
        {"id": order["customer"], "name": order["address"]["name"], "locale": "zh"}
        for order in more
    ]
    (folder / "seed.yaml").write_bytes(msgspec.json.encode(seed))
    shop = DemoShop(folder, folder / "seed.yaml").start()
    try:
        async with open_pair(config_of(store_url, shop.url, folder)) as pair:
            yield Customers(pair, shop, wanted)
    finally:
        shop.stop()


@contextmanager
def breaking(
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

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(StoreLedger, name, call)
        yield
    assert left[1] == 0, "nothing broke"
