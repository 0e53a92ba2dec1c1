"""
``/v1/desk/history``: the last hours of the operator's shop, for the page ``/ops``.
"""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from gateway.errors import Forbidden
from gateway.handoff.accounts import Session
from gateway.history import KEPT_HOURS, History, HistoryKeeper
from gateway.http.desk_session import signed_in


_Hours = Annotated[float, QueryParameter(gt=0, le=KEPT_HOURS)]


class HistoryController(Controller):
    """Traffic, ends, line and time of the last hours; for supervisors."""

    path = "/v1/desk/history"
    tags = ("desk",)
    security = ({"desk": []},)
    dependencies = {"session": Provide(signed_in)}  # noqa: RUF012 - Litestar reads it

    @get(summary="The last hours in even steps", opt={"has_query": True})
    async def read(
        self,
        session: NamedDependency[Session],
        history: NamedDependency[HistoryKeeper],
        hours: _Hours = 6.0,
    ) -> History:
        """Steps of 5 minutes, longer ones above 8 hours; 48 hours are kept."""
        if not session.who.is_supervisor:
            raise Forbidden("only supervisors may see how the shop did")
        return await history.read(session.who.shop, hours)


def history_routes() -> list[ControllerRouterHandler]:
    """Routes of the history; they ask for ``history`` by name."""
    return [HistoryController]
