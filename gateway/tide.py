"""
Admission's place in the running process: its clockwork, its orders, its figures.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.admission.admission import Admission, LoadState
from gateway.admission.ladder import TideOrders
from gateway.store.tide import TideStore
from gateway.telemetry import Telemetry


_decode = msgspec.json.Decoder(TideOrders).decode
encode_orders = msgspec.json.Encoder().encode


class Tide:
    """Keeps admission moving and told of what people ordered."""

    def __init__(
        self,
        admission: Admission,
        store: TideStore,
        telemetry: Telemetry,
        shops: Sequence[str],
    ) -> None:
        self._shops = tuple(shops)
        self._admission = admission
        self._store = store
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
        for shop in self._shops:
            self._admission.order(shop, await read_orders(self._store, shop))


async def read_orders(store: TideStore, shop: str) -> TideOrders:
    """What is ordered for a shop now."""
    found = await store.read(shop)
    return _decode(found) if found else TideOrders()
