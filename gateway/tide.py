"""
Admission's place in the running process: its clockwork, its orders, its figures.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from engines.contract import Tier
from gateway.admission.admission import Admission, LoadState
from gateway.admission.ladder import TideOrders
from gateway.admission.pools import PoolPolicy
from gateway.config import Config
from gateway.store.shop_orders import OrderNews
from gateway.store.tide import TideStore
from gateway.telemetry import Telemetry


#: Usual time of an answer until measured, and mean queueing time above which too
#: many are in: a few percent of the tier's deadline.
L2_USUAL_S, L2_TARGET_S = 0.05, 0.1
L3_USUAL_S, L3_TARGET_S = 1.0, 0.5

#: So long before a sale everything is made ready.
WARM_MS = 300_000

_decode = msgspec.json.Decoder(TideOrders).decode
encode_orders = msgspec.json.Encoder().encode


class Tide:
    """
    Keeps admission moving and told of what people ordered.

    Args:
        warm: Opens the connections to language models; how many it opened. Called
            once in each process, some minutes before a sale.
    """

    def __init__(
        self,
        admission: Admission,
        store: TideStore,
        telemetry: Telemetry,
        shops: Sequence[str],
        warm: Callable[[], Awaitable[int]],
        wall_ms: Callable[[], int],
    ) -> None:
        self._warm = warm
        self._wall_ms = wall_ms
        self._warmed_ms: dict[str, int] = {}
        self._news = OrderNews(store, shops)
        self._orders: dict[str, TideOrders] = {}
        self._admission = admission
        self._telemetry = telemetry
        self._shown: LoadState | None = None

    def pulse(self, lag_s: float) -> None:
        """A few times a second: windows, those who wait too long, figures."""
        self._admission.sweep(lag_s)
        state = self._admission.state()
        self._telemetry.tide(state, self._shown)
        if self._shown is not None and self._shown.rung != state.rung:
            self._telemetry.event(
                "rung_changed", rung=state.rung, to=state.name, was=self._shown.rung
            )
        self._shown = state

    async def follow_orders(self) -> None:
        """Once a second: what people ordered, perhaps at another worker."""
        for shop, record in (await self._news.read()).items():
            self._orders[shop] = _orders(record)
            self._admission.order(shop, self._orders[shop])
        for shop, orders in self._orders.items():
            await self._prepare(shop, orders)

    async def _prepare(self, shop: str, orders: TideOrders) -> None:
        """The first customers of a sale must not wait for what could be ready."""
        starts_ms, now_ms = orders.sale_from_ms, self._wall_ms()
        is_near = starts_ms - WARM_MS <= now_ms < orders.sale_until_ms
        if not is_near or self._warmed_ms.get(shop) == starts_ms:
            return
        self._warmed_ms[shop] = starts_ms
        self._telemetry.event("sale_prepared", shop=shop, opened=await self._warm())


async def read_orders(store: TideStore, shop: str) -> TideOrders:
    """What is ordered for a shop now."""
    return _orders(await store.read(shop))


def _orders(record: bytes | None) -> TideOrders:
    return _decode(record) if record else TideOrders()


def open_admission(
    config: Config, secret: str, wall_ms: Callable[[], int]
) -> Admission:
    """L1 needs no pool: it answers without suspending, its limit is the CPU."""
    limits = config.dispatch
    return Admission(
        {
            Tier.L2: PoolPolicy(
                slots=limits.l2_slots, service_s=L2_USUAL_S, target_s=L2_TARGET_S
            ),
            Tier.L3: PoolPolicy(
                slots=limits.l3_slots, service_s=L3_USUAL_S, target_s=L3_TARGET_S
            ),
        },
        weights={shop.id: shop.weight for shop in config.shops},
        secret=secret.encode(),
        clock=time.monotonic,
        wall_ms=wall_ms,
    )
