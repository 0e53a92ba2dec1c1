"""
Load as operators, machines and the customers' page see it, and orders about it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec
from litestar import Controller, get, put
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter
from litestar.types import ControllerRouterHandler

from engines.contract import Locale
from engines.voice import Voice
from gateway.admission.admission import Admission, LoadState
from gateway.admission.ladder import Rung, TideOrders
from gateway.errors import Forbidden, NotFound
from gateway.handoff.accounts import Session
from gateway.http.audit import audited, on_record
from gateway.store.tide import TideStore
from gateway.tide import encode_orders, read_orders


#: Longest that a rung may be pinned, or a sale last, in one order.
LONGEST_MIN = 7 * 24 * 60
ShopPath = Annotated[str, PathParameter(max_length=128)]
_LOCALES: tuple[Locale, ...] = ("zh", "en")


class NoticeOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    What customers may know of the load.

    Attributes:
        notice: One honest sentence by language; empty while all is normal.
    """

    rung: int
    notice: dict[str, str]


class TideOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    The load as a shop's desk sees it.

    Attributes:
        rung: What holds for the shop: its orders over the ladder's own.
    """

    rung: int
    is_pinned: bool
    is_sale: bool
    orders: TideOrders
    load: LoadState


class TideIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Orders of a supervisor. What is left out stays as it is.

    Attributes:
        pin: The rung that holds, for *pin_min* minutes; ``-1`` lets go.

        sale_min: Minutes of a sale that starts *sale_in_min* from now; 0 ends it.
    """

    pin: Annotated[int, msgspec.Meta(ge=-1, le=int(Rung.RULES_ONLY))] | None = None
    pin_min: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_MIN)] = 60
    sale_min: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_MIN)] | None = None
    sale_in_min: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_MIN)] = 0


class TideApi(msgspec.Struct, frozen=True, kw_only=True):
    """What the routes below need; handed in by the composition root."""

    admission: Admission
    store: TideStore
    voices: Mapping[str, Voice]
    wall_ms: Callable[[], int]


class LoadController(Controller):
    """For machines and for the customers' page."""

    path = "/v1/load"
    tags = ("system",)

    @get(summary="Live state of admission in the answering worker")
    async def load(self, tide: NamedDependency[TideApi]) -> LoadState:
        """Rung, pools, cursors, budgets; no customer, no shop, no text."""
        return tide.admission.state()

    @get("/{shop:str}/notice", summary="What customers may know of the load")
    async def notice(self, shop: ShopPath, tide: NamedDependency[TideApi]) -> NoticeOut:
        """A sentence to show above a chat while not everything is done at once."""
        voice = tide.voices.get(shop)
        if voice is None:
            raise NotFound(f"no shop {shop[:100]!r} here")
        rung = tide.admission.rung_of(shop)
        key = f"load.{rung.name.lower()}"
        is_said = key in voice.keys
        notice: dict[str, str] = {}
        if is_said:
            notice = {one: voice.say(key, one) for one in _LOCALES}
        return NoticeOut(rung=rung, notice=notice)


class TideController(Controller):
    """Supervisors hold a rung, or tell that a sale is coming."""

    path = "/v1/desk/tide"
    tags = ("desk",)
    security = ({"desk": []},)
    dependencies = {"session": Provide(on_record)}  # noqa: RUF012 - Litestar reads it

    @get(summary="The load, and what is ordered for the operator's shop")
    async def looked(
        self, session: NamedDependency[Session], tide: NamedDependency[TideApi]
    ) -> TideOut:
        """*rung* is what holds for the shop; *load* as ``/v1/load`` shows it."""
        return shown(tide, session.who.shop)

    @put(
        summary="Pin a rung; start or end a sale",
        opt=audited("tide", "pin", "pin_min", "sale_min", "sale_in_min"),
    )
    async def order(
        self,
        data: JSONBody[TideIn],
        session: NamedDependency[Session],
        tide: NamedDependency[TideApi],
    ) -> TideOut:
        """Holds in all workers within a second; supervisors only."""
        if not session.who.is_supervisor:
            raise Forbidden("only supervisors may change how much the house does")
        who, now_ms = session.who, tide.wall_ms()
        before = await read_orders(tide.store, who.shop)
        orders = ordered(before, data, now_ms, f"{who.shop}/{who.name}")
        await tide.store.write(who.shop, encode_orders(orders))
        tide.admission.order(who.shop, orders)
        return shown(tide, who.shop)


def shown(tide: TideApi, shop: str) -> TideOut:
    """The load as the desk of *shop* sees it, in this worker."""
    admission, orders = tide.admission, tide.admission.orders_of(shop)
    now_ms = tide.wall_ms()
    return TideOut(
        rung=admission.rung_of(shop),
        is_pinned=orders.pinned(now_ms) is not None,
        is_sale=orders.is_sale(now_ms),
        orders=orders,
        load=admission.state(),
    )


def ordered(before: TideOrders, data: TideIn, now_ms: int, by: str) -> TideOrders:
    """The orders after *data*."""
    changes: dict[str, object] = {"by": by}
    if data.pin is not None:
        is_on = data.pin >= 0
        changes["pin"] = data.pin if is_on else None
        changes["pin_until_ms"] = now_ms + data.pin_min * 60_000 if is_on else 0
    if data.sale_min is not None:
        start_ms = now_ms + data.sale_in_min * 60_000 if data.sale_min else 0
        changes["sale_from_ms"] = start_ms
        changes["sale_until_ms"] = start_ms + data.sale_min * 60_000
    return msgspec.structs.replace(before, **changes)


def tide_routes() -> list[ControllerRouterHandler]:
    """Routes of the load; they ask for ``tide`` by name."""
    return [LoadController, TideController]
