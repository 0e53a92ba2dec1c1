"""
``/v1/desk/outcomes``: what became of the contacts of the operator's shop.
"""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from gateway.handoff.accounts import Session
from gateway.http.desk_session import signed_in
from gateway.insight.outcomes import Outcomes
from gateway.outcomes import DAYS, OutcomesKeeper


_Days = Annotated[float | None, QueryParameter(gt=0, le=366)]


class OutcomesController(Controller):
    """Strict counts: abandoned is not resolved, and no model judges itself."""

    path = "/v1/desk/outcomes"
    tags = ("desk",)
    security = ({"desk": []},)
    dependencies = {"session": Provide(signed_in)}  # noqa: RUF012 - Litestar reads it

    @get(summary="What became of the shop's contacts", opt={"has_query": True})
    async def counted(
        self,
        session: NamedDependency[Session],
        outcomes: NamedDependency[OutcomesKeeper],
        days: _Days = None,
    ) -> Outcomes:
        """The last count of 30 days; with *days* they are counted now."""
        shop = session.who.shop
        known = await outcomes.kept(shop) if days is None else None
        return known or await outcomes.fresh(shop, days or DAYS)


def outcome_routes() -> list[ControllerRouterHandler]:
    """Routes of outcomes; they ask for ``outcomes`` by name."""
    return [OutcomesController]
