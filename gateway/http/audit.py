"""
``/v1/audit``: who did what, and the lines that every changing route leaves.

A route marked with :func:`audited` whose ``session`` comes from :func:`on_record`
leaves a line before it begins, and another one if it is refused or fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from gateway.admission.rate import RateLimit
from gateway.audit_log import AuditLine, AuditLog
from gateway.errors import Forbidden
from gateway.handoff.accounts import Session
from gateway.http.desk_session import DeskApi, signed_in
from gateway.store.audit import HOUSE


#: Above all numbers.
_END = 2**53
_OPT = "audit"
#: Failed sign-ins that are written down one by one, a second and shop, and at once.
_RATE_PER_S, _BURST = 0.2, 50

Before = Annotated[int, QueryParameter(ge=1, le=_END)]
Limit = Annotated[int, QueryParameter(ge=1, le=500)]


class AuditApi(msgspec.Struct, frozen=True):
    """
    What the routes need; handed in by the composition root.

    Attributes:
        shops: Whose lines there are: no stranger makes another one's.
    """

    log: AuditLog
    shops: frozenset[str]
    failed: RateLimit = msgspec.field(
        default_factory=lambda: RateLimit(_RATE_PER_S, _BURST)
    )

    async def sign_in_failed(self, shop: str, name: str, now_s: float) -> None:
        """Write a refused sign-in down, unless too many come."""
        if shop in self.shops and not self.failed.wait_s(shop, now_s):
            await self.log.write(shop, name, "sign_in", result="failed")


def audited(act: str, *fields: str) -> dict[str, Any]:
    """Mark a route: *act*, and the fields of its body that may be written down."""
    return {_OPT: (act, fields)}


async def on_record(
    request: Request[Any, Any, Any],
    desk_api: NamedDependency[DeskApi],
    audit_api: NamedDependency[AuditApi],
) -> AsyncIterator[Session]:
    """
    The session of a request, as :func:`signed_in`; a marked route leaves its line.

    Raises:
        StoreUnavailable: If the line cannot be written; nothing is done.
    """
    session = await signed_in(request, desk_api)
    marked = request.route_handler.opt.get(_OPT)
    if marked is None:
        yield session
        return
    act, fields = marked
    about = await _about(request, fields)
    async with audit_api.log.acting(session.who.shop, session.who.name, act, about):
        yield session


async def _about(
    request: Request[Any, Any, Any], fields: tuple[str, ...]
) -> dict[str, object]:
    """Path and query, and the named fields of the body."""
    about: dict[str, object] = {**request.query_params.dict(), **request.path_params}
    if fields:
        body: Mapping[str, msgspec.Raw] = {}
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            body = msgspec.json.decode(
                await request.body(), type=dict[str, msgspec.Raw]
            )
        for name in fields:
            if name in body:
                about[name] = msgspec.json.decode(body[name])
    return about


class AuditOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    Lines, newest first.

    Attributes:
        next: Ask with it as ``before`` for older ones; 0 if there are none here.
    """

    lines: list[AuditLine]
    next: int


class AuditController(Controller):
    """Who did what in the operator's shop."""

    path = "/v1/audit"
    tags = ("desk",)
    security = ({"desk": []},)
    dependencies = {"session": Provide(signed_in)}  # noqa: RUF012 - Litestar reads it

    @get(summary="Who did what, newest first", opt={"has_query": True})
    async def lines(
        self,
        session: NamedDependency[Session],
        audit_api: NamedDependency[AuditApi],
        before: Before = _END,
        limit: Limit = 100,
        is_house: Annotated[bool, QueryParameter(name="house")] = False,
    ) -> AuditOut:
        """Supervisors see their shop's; administrators also what is of no shop."""
        who = session.who
        if not who.is_supervisor or (is_house and who.role != "admin"):
            raise Forbidden("only supervisors may read the audit log")
        shop = HOUSE if is_house else who.shop
        found = await audit_api.log.latest(shop, before, limit)
        return AuditOut(lines=found, next=found[-1].n if len(found) == limit else 0)


def audit_routes() -> list[ControllerRouterHandler]:
    """Routes of the audit log; they ask for ``audit_api`` by name."""
    return [AuditController]
