"""
The desk's routes on a real server and a real store, without the rest.

The whole gateway serves the same routes; here the clock is the test's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import argon2
import httpx
import uvicorn
from litestar import Litestar, Request, Response
from litestar.di import Provide
from people import People, operator

from gateway.audit_log import AuditLog
from gateway.handoff.accounts import Accounts, Operator
from gateway.handoff.feed import DeskFeed
from gateway.handoff.single_sign_on import SingleSignOn
from gateway.http.audit import AuditApi
from gateway.http.corrections import CorrectionsApi, correction_routes
from gateway.http.desk import DESK_PROBLEMS, desk_routes
from gateway.http.desk_session import DeskApi
from gateway.http.models import MODEL_PROBLEMS, ModelsApi, model_routes
from gateway.http.problems import GATEWAY, problem_of
from gateway.http.sign_on import SignOnApi, sign_on_routes
from gateway.live import Live
from gateway.store.audit import AuditStore
from gateway.store.operators import OperatorStore
from gateway.store.remarks import Remarks
from gateway.store.wakeups import Wakeups
from router_models.registry import Registry


PASSWORD = "correct horse battery"
TABLE = {**GATEWAY, **DESK_PROBLEMS, **MODEL_PROBLEMS}
RELEASED = Path(__file__).parents[2] / "router_models" / "released"


class DeskServer:
    """A served desk, and what stands behind it."""

    def __init__(self, people: People, accounts: Accounts, url: str) -> None:
        self.people = people
        self.accounts = accounts
        self.url = url

    async def hire(self, name: str, **facts: object) -> Operator:
        """Make an account; its password is :data:`PASSWORD`."""
        who = operator(name, **facts)  # type: ignore[arg-type]
        await self.accounts.add_operator(who, PASSWORD)
        return who

    @asynccontextmanager
    async def signed_in(
        self, name: str, *, presence: str = "online"
    ) -> AsyncIterator[httpx.AsyncClient]:
        """A client with cookie and CSRF token."""
        async with httpx.AsyncClient(base_url=self.url) as client:
            body = {"shop": "demo", "name": name, "password": PASSWORD}
            answer = await client.post("/v1/desk/session", json=body)
            assert answer.status_code == 201, answer.text
            client.headers["x-csrf-token"] = answer.json()["csrf"]
            if presence:
                sent = await client.put("/v1/desk/presence", json={"state": presence})
                assert sent.status_code == 200, sent.text
            yield client


def _refused(_: Request[Any, Any, Any], exc: Exception) -> Response[object]:
    problem = problem_of(exc, TABLE)
    return Response(problem, status_code=problem.status)


@asynccontextmanager
async def serve(
    people: People, folder: Path, provider: SingleSignOn | None = None
) -> AsyncIterator[DeskServer]:
    """Serve the desk on a free port; models and corrections are kept in *folder*."""
    scripts = people.store._scripts
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    accounts = Accounts(OperatorStore(scripts), hasher=cheap)
    live = Live(people.conversations, Wakeups(scripts), Remarks(scripts))
    feed = DeskFeed(people.desk, people.store)
    api = DeskApi(
        desk=people.desk,
        accounts=accounts,
        feed=feed,
        live=live,
        session_s=3600,
        beat_s=15,
    )
    log = AuditLog(AuditStore(scripts), lambda: 7)
    audit = AuditApi(log, frozenset({"demo", "rival"}))
    models = ModelsApi(
        registry=Registry(folder / "models", RELEASED), wall_ms=lambda: 7
    )
    corrections = CorrectionsApi(
        path=folder / "corrections.jsonl", model=lambda: "router-x", wall_ms=lambda: 7
    )
    sign_on = SignOnApi(
        provider=provider,
        public_url="",
        secret="s" * 32,
        wall_s=time.time,
        tell=lambda _: None,
    )
    app = Litestar(
        route_handlers=[
            *desk_routes(),
            *sign_on_routes(),
            *model_routes(),
            *correction_routes(),
        ],
        dependencies={
            "audit_api": Provide(lambda: audit, sync_to_thread=False),
            "desk_api": Provide(lambda: api, sync_to_thread=False),
            "models_api": Provide(lambda: models, sync_to_thread=False),
            "corrections_api": Provide(lambda: corrections, sync_to_thread=False),
            "sign_on": Provide(lambda: sign_on, sync_to_thread=False),
            "table": Provide(lambda: TABLE, sync_to_thread=False),
        },
        exception_handlers={
            kind: _refused for kind in TABLE if not issubclass(kind, UnicodeError)
        },
    )
    config = uvicorn.Config(
        app, port=0, lifespan="off", log_level="warning", ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn sets a flag, no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield DeskServer(people, accounts, f"http://127.0.0.1:{port}")
    finally:
        feed.close()
        live.close()
        server.should_exit = True
        await serving
