"""
``/v1/models``: which router models there are, and which one serves.

For administrators at the desk. A change is written to the registry; every worker
follows within seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

import msgspec
from litestar import Controller, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter
from litestar.types import ControllerRouterHandler

from gateway.errors import Forbidden
from gateway.handoff.accounts import Session
from gateway.http.audit import audited, on_record
from gateway.http.problems import Row, Table
from router_models.errors import ArtifactError, ModelRefused, ModelUnknown
from router_models.registry import Entry, ModelState, Registry


#: What each refusal of the registry looks like on the wire.
MODEL_PROBLEMS: Table = {
    ModelUnknown: Row(404, "model_not_found", "There is no such model"),
    ModelRefused: Row(409, "model_refused", "The model may not serve"),
    ArtifactError: Row(409, "model_unusable", "The model's files are not whole"),
}

Version = Annotated[str, PathParameter(max_length=64)]
_Name = Annotated[str, msgspec.Meta(max_length=64)]


class ModelsApi(msgspec.Struct, frozen=True, kw_only=True):
    """What the routes below need; handed in by the composition root."""

    registry: Registry
    wall_ms: Callable[[], int]


class ModelsOut(msgspec.Struct, frozen=True, kw_only=True):
    """Every model, and which one does what."""

    state: ModelState
    models: list[Entry]


class ShadowIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version that judges beside the active one; empty ends it."""

    version: _Name = ""


class CanaryIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version that decides for a share of the conversations; empty ends it."""

    version: _Name = ""
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05


def _only_administrators(session: Session) -> None:
    """
    Models judge for every shop.

    Raises:
        Forbidden: If the operator is no administrator.
    """
    if session.who.role != "admin":
        raise Forbidden("models are for administrators")


class ModelsController(Controller):
    """The registry, as administrators see it."""

    path = "/v1/models"
    tags = ("models",)
    security = [{"desk": list[str]()}]  # noqa: RUF012 - Litestar reads it
    dependencies = {"session": Provide(on_record)}  # noqa: RUF012 - as above

    @get(summary="Every model, with its role and its figures")
    async def models(
        self, session: NamedDependency[Session], models_api: NamedDependency[ModelsApi]
    ) -> ModelsOut:
        """Files are verified when a model is promoted, not here."""
        _only_administrators(session)
        registry = models_api.registry
        return await asyncio.to_thread(
            lambda: ModelsOut(state=registry.state(), models=registry.entries())
        )

    @post(
        "/{version:str}/promote",
        status_code=200,
        summary="Let a model serve",
        opt=audited("model_promote"),
    )
    async def promote(
        self,
        version: Version,
        session: NamedDependency[Session],
        models_api: NamedDependency[ModelsApi],
    ) -> ModelState:
        """Verified first; refused if a comparison found it worse."""
        _only_administrators(session)
        api = models_api
        return await asyncio.to_thread(api.registry.promote, version, api.wall_ms())

    @post(
        "/rollback",
        status_code=200,
        summary="Go back to the previous model",
        opt=audited("model_rollback"),
    )
    async def rollback(
        self, session: NamedDependency[Session], models_api: NamedDependency[ModelsApi]
    ) -> ModelState:
        """The workers still hold it: it serves within seconds."""
        _only_administrators(session)
        api = models_api
        return await asyncio.to_thread(api.registry.rollback, api.wall_ms())

    @put(
        "/shadow",
        summary="Let a model judge beside the active one",
        opt=audited("model_shadow", "version"),
    )
    async def shadow(
        self,
        data: JSONBody[ShadowIn],
        session: NamedDependency[Session],
        models_api: NamedDependency[ModelsApi],
    ) -> ModelState:
        """It decides nothing; metrics show where it would have."""
        _only_administrators(session)
        api = models_api
        return await asyncio.to_thread(api.registry.shadow, data.version, api.wall_ms())

    @put(
        "/canary",
        summary="Let a model decide for some conversations",
        opt=audited("model_canary", "version", "share"),
    )
    async def canary(
        self,
        data: JSONBody[CanaryIn],
        session: NamedDependency[Session],
        models_api: NamedDependency[ModelsApi],
    ) -> ModelState:
        """Ended by itself when its turns certainly end worse."""
        _only_administrators(session)
        api = models_api
        return await asyncio.to_thread(
            api.registry.canary, data.version, data.share, api.wall_ms()
        )


def model_routes() -> list[ControllerRouterHandler]:
    """Routes of the registry; they ask for ``models_api`` by name."""
    return [ModelsController]
