"""
Help at the desk: suggested replies, orders, standing lines, corrections.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter
from litestar.types import ControllerRouterHandler

from engines.contract import Complexity, Locale, Risk, Tier
from engines.shops.port import Order
from gateway.desk_help import Correction, DeskHelp, Suggestion
from gateway.errors import NotFound
from gateway.handoff.accounts import Session
from gateway.http.audit import audited, on_record
from gateway.http.desk import SIGNED_IN, HandoffPath
from gateway.http.desk_session import DeskApi


class OrderLineOut(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order."""

    title: str
    quantity: int


class OrderOut(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the desk shows it; money in minor units."""

    id: str
    status: str
    placed_at: str
    paid_minor: int
    refunded_minor: int
    currency: str
    lines: list[OrderLineOut]


class LinesOut(msgspec.Struct, frozen=True, kw_only=True):
    """Standing lines of the shop."""

    lines: list[str]


class CorrectionIn(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    What should have been; leave out what was right.

    Attributes:
        n: Number of the customer's message in the events.
    """

    n: Annotated[int, msgspec.Meta(ge=1)]
    complexity: Complexity | None = None
    risk: Risk | None = None
    tier: Tier | None = None
    answer: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    note: Annotated[str, msgspec.Meta(max_length=4_000)] = ""


class DeskHelpController(Controller):
    """What an operator sees and may use beside the talk."""

    path = "/v1/desk"
    tags = ("desk",)
    security = SIGNED_IN
    dependencies = {"session": Provide(on_record)}  # noqa: RUF012 - Litestar reads it

    @get(
        "/handoffs/{handoff_id:str}/suggestion",
        summary="What L1 or L2 would say to the customer's last words",
    )
    async def suggestion(
        self,
        handoff_id: HandoffPath,
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
        desk_help: NamedDependency[DeskHelp],
    ) -> Suggestion:
        """Nothing is said by it; empty if there is nothing to suggest."""
        handoff = await desk_api.desk.read(session.who, handoff_id)
        return await desk_help.suggest(handoff, session.who.shop)

    @get("/handoffs/{handoff_id:str}/orders", summary="The customer's orders")
    async def orders(
        self,
        handoff_id: HandoffPath,
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
        desk_help: NamedDependency[DeskHelp],
    ) -> list[OrderOut]:
        """From the shop's own system; empty if it has none or does not answer."""
        handoff = await desk_api.desk.read(session.who, handoff_id)
        found = await desk_help.orders(session.who.shop, handoff.user_id)
        return [_order(order, handoff.locale) for order in found]

    @get("/lines/{locale:str}", summary="Standing lines of the shop's voice")
    async def lines(
        self,
        locale: Annotated[str, PathParameter(description="``zh`` or ``en``.")],
        session: NamedDependency[Session],
        desk_help: NamedDependency[DeskHelp],
    ) -> LinesOut:
        """In the order of their keys; any other locale than ``en`` is ``zh``."""
        wanted: Locale = "en" if locale == "en" else "zh"
        return LinesOut(lines=desk_help.standing_lines(session.who.shop, wanted))

    @post(
        "/handoffs/{handoff_id:str}/correct",
        status_code=200,
        summary="Correct a decision or an answer",
        opt=audited("correct"),
    )
    async def correct(
        self,
        handoff_id: HandoffPath,
        data: JSONBody[CorrectionIn],
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
        desk_help: NamedDependency[DeskHelp],
    ) -> Correction:
        """Kept for the training of the router and for the authors of rules."""
        who = session.who
        handoff = await desk_api.desk.read(who, handoff_id)
        facts = {k: v for k, v in msgspec.structs.asdict(data).items() if k != "n"}
        kept = await desk_help.correct(handoff, who.shop, who.name, data.n, **facts)
        if kept is None:
            raise NotFound(f"no customer message {data.n} in this conversation")
        return kept

    @get("/corrections", summary="What operators corrected lately")
    async def corrections(
        self,
        session: NamedDependency[Session],
        desk_help: NamedDependency[DeskHelp],
    ) -> list[Correction]:
        """Each a line that ``tidegate eval`` can read."""
        return await desk_help.corrections(session.who.shop)


def _order(order: Order, locale: Locale) -> OrderOut:
    return OrderOut(
        id=order.id,
        status=order.status,
        placed_at=order.placed_at,
        paid_minor=order.paid_minor,
        refunded_minor=order.refunded_minor,
        currency=order.currency,
        lines=[
            OrderLineOut(
                title=line.title_en if locale == "en" else line.title_zh,
                quantity=line.quantity,
            )
            for line in order.lines
        ],
    )


def desk_help_routes() -> list[ControllerRouterHandler]:
    """Routes of the help; they ask for ``desk_help`` by name."""
    return [DeskHelpController]
