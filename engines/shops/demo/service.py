"""
The demo shop as an HTTP service: the port's calls, bearer key, problem details.

Reads are GETs, effects are POSTs with an ``Idempotency-Key``. Payment pages
under ``/pay`` need no bearer key, as a link in a message has none.
"""

from __future__ import annotations

import datetime as dt
import hmac
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from engines.shops.demo import bench, filling, pages, seed
from engines.shops.demo.books import Books, KeyUse, Refusal
from engines.shops.demo.counter import Counter
from engines.shops.demo.desk import Desk
from engines.shops.demo.faults import Saboteur, Switchboard
from engines.shops.wire import Problem


#: Largest body that any call needs, with room to spare.
MAX_BODY_BYTES = 64 * 1024

Call = Request[Any, Any, State]


def create_app(
    db_path: Path,
    api_key: str,
    faults: bool = False,
    clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    seed_path: Path | None = None,
    key_use: KeyUse = KeyUse.HONOURED,
) -> Litestar:
    """
    Build the service over a database, which is filled if it is new.

    Args:
        db_path: File of the database; its folder exists.

        api_key: Bearer key that every call but payment pages needs.

        faults: Allow the switches of :mod:`engines.shops.demo.faults`.

        clock: Wall clock of the shop, with a time zone.

        seed_path: What a new database holds; the shipped seed if None.

        key_use: What the shop does with idempotency keys; one that does not
            honour them compares no versions of orders either.

    Raises:
        BadFile: If the seed cannot be used, with file, line and fix.
    """
    state = State(
        {
            "books": Books(db_path, key_use),
            "key": api_key,
            "clock": clock,
            "fresh": _fresh(seed_path),
        }
    )
    handlers: list[Any] = [Desk, Counter, *pages.OPEN]
    middleware = []
    if faults:
        state.switchboard = Switchboard()
        handlers += bench.SWITCHES
        middleware.append(Saboteur(state.switchboard))
    return Litestar(
        handlers,
        state=state,
        lifespan=[_opened],
        guards=[_require_key],
        middleware=middleware,
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
        exception_handlers={
            Refusal: _refused,
            HTTPException: _http_problem,
            msgspec.ValidationError: _bad_field,
        },
        openapi_config=OpenAPIConfig(
            title="Demo shop",
            version="1",
            path="/docs",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
    )


def serve(
    host: str,
    port: int,
    data_dir: Path,
    api_key: str,
    *,
    faults: bool = False,
    announce: Callable[[str], None] | None = None,
    seed_path: Path | None = None,
    key_use: KeyUse = KeyUse.HONOURED,
) -> None:
    """
    Run the service until it is told to stop; SIGTERM drains it.

    Args:
        host: Address to listen on.

        port: 0 takes a free one.

        data_dir: Folder of ``shop.sqlite3``; made if it is not there.

        api_key: Bearer key of the callers.

        faults: As in :func:`create_app`.

        announce: Called once with the base URL, when connections are taken.

        seed_path: As in :func:`create_app`.

        key_use: As in :func:`create_app`.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    app = create_app(
        data_dir / "shop.sqlite3",
        api_key,
        faults,
        seed_path=seed_path,
        key_use=key_use,
    )
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    with socket.create_server((host, port)) as listener:
        if announce is not None:
            announce(f"http://{host}:{listener.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listener])


def _fresh(seed_path: Path | None) -> tuple[seed.Catalogue, seed.Seed]:
    folder = resources.files(__package__)
    with (
        resources.as_file(folder.joinpath("catalog.yaml")) as catalogue,
        resources.as_file(folder.joinpath("seed.yaml")) as shipped,
    ):
        return seed.load(catalogue, seed_path or shipped)


@asynccontextmanager
async def _opened(app: Litestar) -> AsyncIterator[None]:
    """Keep the books open while the service runs."""
    books: Books = app.state.books
    catalogue, content = app.state.fresh
    await books.open()
    try:
        await books.write(
            lambda db: filling.fill(db, catalogue, content, app.state.clock())
        )
        yield
    finally:
        await books.close()


def _require_key(
    connection: ASGIConnection[Any, Any, Any, State], handler: BaseRouteHandler
) -> None:
    if handler.opt.get("is_open"):
        return
    given = connection.headers.get("authorization", "")
    wanted = f"Bearer {connection.app.state.key}"
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise NotAuthorizedException("a valid bearer key is needed")


def _refused(_request: Call, exc: Refusal) -> Response[Problem]:
    return _problem(exc.status, exc.code, str(exc))


def _http_problem(_request: Call, exc: HTTPException) -> Response[Problem]:
    code = {401: "unauthorized", 404: "no_route", 413: "too_large"}
    return _problem(
        exc.status_code, code.get(exc.status_code, "bad_request"), exc.detail
    )


def _bad_field(_request: Call, exc: msgspec.ValidationError) -> Response[Problem]:
    return _problem(400, "bad_field", str(exc))


def _problem(status: int, code: str, detail: str) -> Response[Problem]:
    title = code.replace("_", " ")
    return Response(
        Problem(title=title, status=status, code=code, detail=detail),
        status_code=status,
        media_type="application/problem+json",
    )
