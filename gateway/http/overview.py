"""
``/v1/desk/overview``: the essentials of the operator's shop, for the page ``/ops``.
"""

from __future__ import annotations

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.types import ControllerRouterHandler

from gateway.errors import Forbidden
from gateway.handoff.accounts import Session
from gateway.handoff.desk import Desk, Line
from gateway.http.desk_session import signed_in
from gateway.http.tide import TideApi, TideOut, shown
from gateway.overview import Overview, OverviewKeeper


class OverviewApi(msgspec.Struct, frozen=True, kw_only=True):
    """What the route below needs; handed in by the composition root."""

    keeper: OverviewKeeper
    desk: Desk
    tide: TideApi


class OverviewOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    One look.

    Attributes:
        line: The shop's people, who waits for them, and how long a newcomer would.

        tide: As ``/v1/desk/tide`` shows it, of the answering worker.
    """

    overview: Overview
    line: Line
    tide: TideOut


class OverviewController(Controller):
    """The shop's own figures, and what wears the machine; for supervisors."""

    path = "/v1/desk/overview"
    tags = ("desk",)
    security = ({"desk": []},)
    dependencies = {"session": Provide(signed_in)}  # noqa: RUF012 - Litestar reads it

    @get(summary="Traffic, time, line, load, cost and outcomes at a glance")
    async def look(
        self,
        session: NamedDependency[Session],
        overview_api: NamedDependency[OverviewApi],
    ) -> OverviewOut:
        """Counters stand since the start: who looks twice knows what came between."""
        if not session.who.is_supervisor:
            raise Forbidden("only supervisors may see how the shop does")
        shop = session.who.shop
        return OverviewOut(
            overview=await overview_api.keeper.look(shop),
            line=await overview_api.desk.line(shop),
            tide=shown(overview_api.tide, shop),
        )


def overview_routes() -> list[ControllerRouterHandler]:
    """Routes of the overview; they ask for ``overview_api`` by name."""
    return [OverviewController]
