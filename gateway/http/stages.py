"""
``/v1/stage``: which stage the operator's shop is on, and orders about it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from litestar import Controller, get, put
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from gateway.errors import ConfigError, Forbidden, OrdersChanged
from gateway.handoff.accounts import Session
from gateway.http.audit import audited, on_record
from gateway.http.bodies import BadField
from gateway.stages import StageOrders, Stages, StageView, change_orders, changed
from gateway.store.stages import StageStore
from router_models.policy import Stage


_Name = Annotated[str, msgspec.Meta(max_length=100)]


class StagesApi(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the routes below need; handed in by the composition root.

    Attributes:
        load: Name -> stage; raises ConfigError for one that is not there.
    """

    stages: Stages
    store: StageStore
    load: Callable[[str], Stage]
    wall_ms: Callable[[], int]


class StageIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    An order of a supervisor.

    Attributes:
        stage: Decides, for *share* of the conversations; below 1 it is on trial.

        shadow: Only asked; empty ends it, left out it stays.

        version: Of the orders that the caller saw; left out, whatever they are.
    """

    stage: _Name | None = None
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    shadow: _Name | None = None
    version: Annotated[int, msgspec.Meta(ge=0)] | None = None


class StageController(Controller):
    """Any operator sees the stage, supervisors change it."""

    path = "/v1/stage"
    tags = ("desk",)
    security = ({"desk": []},)
    dependencies = {"session": Provide(on_record)}  # noqa: RUF012 - Litestar reads it

    @get(summary="The stage of the operator's shop")
    async def shown(
        self,
        session: NamedDependency[Session],
        stages_api: NamedDependency[StagesApi],
    ) -> StageView:
        """As the answering worker has it; a change arrives within two seconds."""
        return stages_api.stages.view(session.who.shop)

    @put(
        summary="Change the stage, try one on a share, or shadow one",
        opt=audited("stage", "stage", "share", "shadow"),
    )
    async def order(
        self,
        data: JSONBody[StageIn],
        session: NamedDependency[Session],
        stages_api: NamedDependency[StagesApi],
    ) -> StageOrders:
        """
        Holds in all workers within two seconds; supervisors only.

        Two orders at once both hold, one after the other; one with a *version* only if
        nobody ordered anything since that version.
        """
        if not session.who.is_supervisor:
            raise Forbidden("only supervisors may change the stage")
        who = session.who
        for field, name in (("stage", data.stage), ("shadow", data.shadow)):
            _check(stages_api, field, name)
        by, now_ms = f"{who.shop}/{who.name}", stages_api.wall_ms()

        def change(before: StageOrders) -> StageOrders:
            if data.version not in {None, before.version}:
                raise OrdersChanged("the stage was changed meanwhile; look again")
            return ordered(before, data, by, now_ms)

        return await change_orders(stages_api.store, who.shop, change)


def _check(api: StagesApi, field: str, name: str | None) -> None:
    try:
        if name:
            api.load(name)
    except ConfigError as exc:
        raise BadField(f"{field}: {exc}", field) from exc


def ordered(before: StageOrders, data: StageIn, by: str, now_ms: int) -> StageOrders:
    """The orders after *data*."""
    after = before
    if data.stage and data.share < 1:
        what = f"{data.stage} on trial for {data.share:.0%}"
        fields = {"trial": data.stage, "share": data.share}
        after = changed(after, what, by, now_ms, **fields)
    elif data.stage:
        fields = {"stage": data.stage, "trial": "", "share": 0.0}
        after = changed(after, f"{data.stage} for all", by, now_ms, **fields)
    if data.shadow is not None:
        what = f"shadow {data.shadow or 'ended'}"
        after = changed(after, what, by, now_ms, shadow=data.shadow)
    return after


def stage_routes() -> list[ControllerRouterHandler]:
    """Routes of the stage; they ask for ``stages_api`` by name."""
    return [StageController]
