"""
Admission of one process: its pools, its ladder, and what they show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from gateway.admission.asks import Ask
from gateway.admission.bulkhead import Bulkhead
from gateway.admission.ladder import Ladder, Rung, TideOrders, closed_from, rung_under
from gateway.admission.pools import Pool, PoolPolicy
from gateway.admission.priority import (
    UNKNOWN,
    CustomerFacts,
    UserDraw,
    priority_of,
)


#: The pool of the agent, which changes things.
AGENT = "L3"
#: Seconds between two looks of the ladder.
WINDOW_S = 1.0
NO_ORDERS = TideOrders()
#: Lateness of the event loop, at every look of a window, that counts as trouble, in
#: seconds; a single hiccup does not.
LAG_S = 0.05


class PoolState(msgspec.Struct, frozen=True, kw_only=True):
    """
    A pool as ``/v1/load`` shows it.

    Attributes:
        cursor: 4 lets all classes in; 1.5 half of the second one.

        load: Mean queueing time of the last window over its target.

        counts: Turns by verdict or end since the start.
    """

    in_flight: int
    limit: int
    most: int
    waiting: int
    cursor: float
    load: float
    usual_s: float
    counts: dict[str, int]


class LoadState(msgspec.Struct, frozen=True, kw_only=True):
    """
    How much this process has to do, and what it does about it.

    Attributes:
        rung: Number of the ladder's rung; *name* is its name. People may hold
            another one for their shop.

        merged: Impatient messages merged into the turn under way.
    """

    rung: int
    name: str
    merged: int
    pools: dict[str, PoolState]


class Admission:
    """
    Pools by the name of the tier, and the ladder over them.

    Args:
        policies: Limits by name; :data:`AGENT` is the agent's.

        weights: Share of a shop under overload; 1 if it is not named.

        secret: Of the users' hourly draw.

        clock: Monotonic seconds.

        wall_ms: Wall clock.
    """

    def __init__(
        self,
        policies: Mapping[str, PoolPolicy],
        *,
        weights: Mapping[str, float],
        secret: bytes,
        clock: Callable[[], float],
        wall_ms: Callable[[], int],
    ) -> None:
        self.bulkheads = {
            name: Bulkhead(Pool(policy, weights), clock)
            for name, policy in policies.items()
        }
        self.ladder = Ladder()
        self.merged = 0
        self._draw = UserDraw(secret)
        self._clock = clock
        self._wall_ms = wall_ms
        self._orders: dict[str, TideOrders] = {}
        self._observed = float("-inf")
        self._least_lag_s = float("inf")

    def rung_of(self, shop: str) -> Rung:
        """The rung that holds for a shop now."""
        orders = self._orders.get(shop)
        if orders is None:
            return self.ladder.rung
        return rung_under(orders, self.ladder.rung, self._wall_ms())

    def ask(
        self,
        pool: str,
        shop: str,
        user: str,
        *,
        is_continuing: bool,
        deadline_s: float,
        facts: CustomerFacts = UNKNOWN,
    ) -> Ask:
        """What a turn of *user* that must end within *deadline_s* asks of *pool*."""
        now, rung, priority = self._clock(), self.rung_of(shop), priority_of(facts)
        return Ask(
            shop=shop,
            priority=priority,
            is_continuing=is_continuing,
            is_shut_out=priority >= closed_from(rung, is_agent=pool == AGENT),
            draw=self._draw.of(shop, user, self._wall_ms() / 1000),
            at=now,
            deadline=now + deadline_s,
        )

    def order(self, shop: str, orders: TideOrders) -> None:
        """Take over what people ordered for a shop."""
        if orders == NO_ORDERS:
            self._orders.pop(shop, None)
        else:
            self._orders[shop] = orders

    def orders_of(self, shop: str) -> TideOrders:
        """What people ordered for a shop."""
        return self._orders.get(shop, NO_ORDERS)

    def sweep(self, lag_s: float) -> None:
        """
        Called a few times a second.

        Args:
            lag_s: Lateness of the event loop: what our own CPU is short of.
        """
        self._least_lag_s = min(self._least_lag_s, lag_s)
        for bulkhead in self.bulkheads.values():
            bulkhead.sweep()
        now = self._clock()
        if now - self._observed < WINDOW_S:
            return
        pools = {name: one.pool for name, one in self.bulkheads.items()}
        is_beyond_agent = any(
            pool.is_severe for name, pool in pools.items() if name != AGENT
        )
        self.ladder.observe(
            now,
            is_bad=self._least_lag_s > LAG_S
            or any(pool.is_bad for pool in pools.values()),
            is_severe=any(pool.is_severe for pool in pools.values()),
            top=Rung.RULES_ONLY if is_beyond_agent else Rung.TASKS_FOR_FEW,
        )
        self._observed, self._least_lag_s = now, float("inf")

    def state(self) -> LoadState:
        """Everything that is no shop's own, as it is now."""
        rung = self.ladder.rung
        return LoadState(
            rung=rung,
            name=rung.name.lower(),
            merged=self.merged,
            pools={name: _state(one) for name, one in self.bulkheads.items()},
        )


def _state(bulkhead: Bulkhead) -> PoolState:
    pool = bulkhead.pool
    return PoolState(
        in_flight=pool.in_flight,
        limit=pool.limit.value,
        most=pool.limit.most,
        waiting=len(pool.line),
        cursor=round(pool.cursor.value, 3),
        load=round(pool.load, 3),
        usual_s=round(pool.durations.p50_s, 3),
        counts=dict(pool.counts),
    )
