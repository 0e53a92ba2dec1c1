"""
``/v1/lab/corrections``: an operator says what a decision should have been.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
from litestar import Controller, Response, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from engines.contract import Complexity, Emotion, Locale, Risk, Utterance
from engines.guard import mask_personal_data
from gateway.handoff.accounts import Session
from gateway.http.audit import audited, on_record
from gateway.http.wire import ContextLine, Text
from router_models import corrections
from router_models.corrections import Correction
from router_models.text import locale_of


class CorrectionsApi(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the route below needs; handed in by the composition root.

    Attributes:
        path: File of the corrections.

        model: Version of the model that serves.
    """

    path: Path
    model: Callable[[], str]
    wall_ms: Callable[[], int]


class RouterCorrectionIn(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A turn with the labels it should have had."""

    text: Text
    complexity: Complexity
    risk: Risk
    asks_human: bool
    needs_person: bool
    emotion: Emotion = Emotion.CALM
    context: Annotated[tuple[ContextLine, ...], msgspec.Meta(max_length=100)] = ()
    locale: Locale | None = None


class CorrectionsController(Controller):
    """What people know better than the router."""

    path = "/v1/lab/corrections"
    tags = ("lab",)
    security = [{"desk": list[str]()}]  # noqa: RUF012 - Litestar reads it
    dependencies = {"session": Provide(on_record)}  # noqa: RUF012 - as above

    @post(
        status_code=204,
        summary="Say what a decision should have been",
        opt=audited("correct"),
    )
    async def correct(
        self,
        data: JSONBody[RouterCorrectionIn],
        session: NamedDependency[Session],
        corrections_api: NamedDependency[CorrectionsApi],
    ) -> Response[None]:
        """Kept for `tidegate learn`, personal data masked; changes no decision by itself."""
        api = corrections_api
        one = Correction(
            text=mask_personal_data(data.text),
            locale=data.locale or locale_of(data.text),
            complexity=data.complexity,
            risk=data.risk,
            asks_human=data.asks_human,
            needs_person=data.needs_person,
            emotion=data.emotion,
            context=tuple(
                Utterance(line.role, mask_personal_data(line.text))
                for line in data.context
            ),
            by=f"{session.who.shop}/{session.who.name}",
            at_ms=api.wall_ms(),
            model=api.model(),
        )
        await asyncio.to_thread(corrections.append, api.path, one)
        return Response(None, status_code=204)


def correction_routes() -> list[ControllerRouterHandler]:
    """The route; it asks for ``corrections_api`` by name."""
    return [CorrectionsController]
