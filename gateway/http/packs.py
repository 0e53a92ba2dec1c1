"""
``/v1/packs``: the rule pack that answers for the operator's shop, and what it would say.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from engines.contract import Locale
from gateway.errors import Forbidden, NotFound
from gateway.handoff.accounts import Session
from gateway.http.desk_session import signed_in
from gateway.pack_keeper import PackKeeper, PackTrial, PackView


#: More than a pack reads, so that a long sentence is seen to be too long.
MAX_CHARS: Final = 2000


class TryIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence as a customer might write it."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CHARS)]
    locale: Locale = "zh"


class PackController(Controller):
    """Supervisors see the pack; nothing here changes it or reaches a customer."""

    path = "/v1/packs"
    tags = ("desk",)
    security = ({"desk": []},)
    dependencies = {"session": Provide(signed_in)}  # noqa: RUF012 - Litestar reads it

    @get(summary="The rule pack of the operator's shop")
    async def shown(
        self, session: NamedDependency[Session], packs: NamedDependency[PackKeeper]
    ) -> PackView:
        """Intents as they answer now, and what is wrong with an edit that was refused."""
        return packs.view(_shop(session, packs))

    @post("/try", status_code=200, summary="What the pack would do with a sentence")
    async def tried(
        self,
        data: JSONBody[TryIn],
        session: NamedDependency[Session],
        packs: NamedDependency[PackKeeper],
    ) -> PackTrial:
        """As a first message, without the router before it; supervisors only."""
        return packs.tried(_shop(session, packs), data.text, data.locale)


def _shop(session: Session, packs: PackKeeper) -> str:
    if not session.who.is_supervisor:
        raise Forbidden("only supervisors may look into the pack")
    if session.who.shop not in packs.shops:
        raise NotFound("this shop has no rule pack")
    return session.who.shop


def pack_routes() -> list[ControllerRouterHandler]:
    """Routes of the pack; they ask for ``packs`` by name."""
    return [PackController]
