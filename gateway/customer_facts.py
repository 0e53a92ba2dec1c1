"""
What the shop's own system says of a customer, for who goes first.

Asked only while a tier is contended, remembered for some minutes, and never
waited for long: a customer who is not known in time stands with those of whom
nothing is known. Words of messages have no part in it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Protocol

from engines.shops.port import Order, ShopError
from gateway.admission.priority import UNKNOWN, CustomerFacts


#: Seconds a turn waits for the facts at most.
PATIENCE_S = 0.2
#: Seconds for which facts are remembered.
LIFE_S = 300.0
#: Customers remembered.
KEPT = 20_000
#: Look-ups at once in one process.
AT_ONCE = 16

_OPEN = frozenset({"paid", "shipped"})


class ReadsOrders(Protocol):
    """The part of :class:`engines.shops.port.ShopPort` that is needed."""

    async def orders(self, user_id: str) -> tuple[Order, ...]:
        """A customer's orders."""
        ...


def facts_of(orders: tuple[Order, ...]) -> CustomerFacts:
    """
    A paid order on its way is at stake; money given back in part is a dispute.
    """
    return CustomerFacts(
        has_dispute=any(
            0 < order.refunded_minor < order.paid_minor and order.status != "completed"
            for order in orders
        ),
        has_open_order=any(order.status in _OPEN for order in orders),
    )


class FactsOfCustomers:
    """
    A memory in front of the shops' systems.

    Args:
        shops: By id; a shop without a business system knows nobody.

        clock: Monotonic seconds.
    """

    def __init__(
        self, shops: Mapping[str, ReadsOrders], clock: Callable[[], float]
    ) -> None:
        self._shops = shops
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[float, CustomerFacts]]
        self._known = OrderedDict()
        self._asking: dict[tuple[str, str], asyncio.Task[None]] = {}

    def known(self, shop: str, user: str) -> CustomerFacts | None:
        """What is remembered; None if nothing is."""
        found = self._known.get((shop, user))
        if found is None or found[0] < self._clock():
            return None
        return found[1]

    async def fetch(self, shop: str, user: str) -> CustomerFacts:
        """Remembered, or asked for within :data:`PATIENCE_S`."""
        known = self.known(shop, user)
        if known is not None or shop not in self._shops:
            return known or UNKNOWN
        task = self._asking.get((shop, user))
        if task is None and len(self._asking) < AT_ONCE:
            task = asyncio.create_task(self._ask(shop, user))
            self._asking[shop, user] = task
        if task is not None:
            await asyncio.wait([task], timeout=PATIENCE_S)
        return self.known(shop, user) or UNKNOWN

    async def _ask(self, shop: str, user: str) -> None:
        try:
            facts = facts_of(await self._shops[shop].orders(user))
        except ShopError:
            # Nothing is remembered: the next turn asks again.
            return
        finally:
            del self._asking[shop, user]
        self._known[shop, user] = (self._clock() + LIFE_S, facts)
        self._known.move_to_end((shop, user))
        if len(self._known) > KEPT:
            self._known.popitem(last=False)

    async def close(self) -> None:
        """End what is still being asked."""
        for task in tuple(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
