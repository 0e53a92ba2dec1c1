"""
Health, readiness, metrics, and the routing decision alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from engines.llm.client import EndpointState
from gateway.http.customers import KEYED
from gateway.http.judging import Judge, Routed
from gateway.http.wire import RouteIn
from gateway.metrics import CONTENT_TYPE
from gateway.telemetry import Telemetry


class Readiness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Whether this process should get traffic.

    Attributes:
        durability: ``durable``, ``durable-replicated`` or ``best-effort``.

        store: ``up``, ``away``, or ``full``: its disk has too little room.

        why: What the durability probe found.

        shut: Why no message is taken though the store is there; empty if they are.

        arithmetic: How the router adds up: ``native`` or ``plain``.

        llm: Endpoints of language models; one that fails makes nothing unready.
    """

    is_ready: bool
    store: str
    durability: str
    why: str
    model: str
    arithmetic: str
    shops: tuple[str, ...]
    llm: tuple[EndpointState, ...] = ()
    shut: str = ""


class SystemApi(msgspec.Struct, frozen=True, kw_only=True):
    """What the routes below need; handed in by the composition root."""

    telemetry: Telemetry
    readiness: Callable[[], Awaitable[Readiness]]
    judge: Judge


class SystemController(Controller):
    """For load balancers, Prometheus and people with a question."""

    tags = ("system",)

    @get("/healthz", summary="The process is alive")
    async def health(self) -> dict[str, str]:
        """Always 200 while the event loop turns."""
        return {"status": "alive"}

    @get(
        "/readyz",
        summary="The process can take messages",
        responses={503: ResponseSpec(Readiness, description="It cannot, just now")},
    )
    async def ready(self, system: NamedDependency[SystemApi]) -> Readiness:
        """503 while the store is away or the process drains."""
        found = await system.readiness()
        return Response(  # type: ignore[return-value]  # documented as its body
            found, status_code=200 if found.is_ready else 503
        )

    @get("/metrics", summary="Prometheus exposition", media_type="text/plain")
    async def metrics(self, system: NamedDependency[SystemApi]) -> str:
        """All metrics of this process, or of all workers of the port."""
        return Response(  # type: ignore[return-value]  # as above
            system.telemetry.expose(), headers={"content-type": CONTENT_TYPE}
        )

    @post(
        "/v1/route",
        status_code=200,
        summary="Judge a turn without answering it",
        security=[{"bearer": []}],
        opt=KEYED,
    )
    async def route(
        self, data: JSONBody[RouteIn], system: NamedDependency[SystemApi]
    ) -> Routed:
        """The decision, its reasons, and all that led to it. Changes nothing."""
        return system.judge(data)
