"""
Every route of the gateway as one Litestar application.

Litestar sees the idiomatic faces; the hot route stands in front of it. Errors
leave through the one problem table; pages carry a policy that lets them load
nothing from another host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import litestar_offline_docs
import msgspec
from litestar import Litestar, Request, Response
from litestar.datastructures import ResponseHeader
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from gateway.http import problems
from gateway.http.chat_socket import chat_socket
from gateway.http.customers import (
    ConversationController,
    CustomerApi,
    VisitorController,
)
from gateway.http.system import SystemApi, SystemController
from gateway.telemetry import Telemetry


_DOCS_ASSETS = "/docs-assets"
_SAFE_HEADERS = [
    ResponseHeader(name="x-content-type-options", value="nosniff"),
    ResponseHeader(name="referrer-policy", value="no-referrer"),
]
#: Codes of Litestar's own refusals.
_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "bad_media_type",
}


def build_routes(
    api: CustomerApi,
    system: SystemApi,
    telemetry: Telemetry,
    *,
    table: problems.Table,
    more: Sequence[ControllerRouterHandler],
    provided: Mapping[str, Any],
    max_body_bytes: int,
) -> Litestar:
    """
    The application behind the hot route.

    Args:
        more: Routes of other rooms (desk, pages).

        provided: What those routes ask for by name.
    """
    given = {"api": api, "system": system, "table": table, **provided}
    return Litestar(
        route_handlers=[
            ConversationController,
            VisitorController,
            SystemController,
            chat_socket,
            _docs_assets(),
            *more,
        ],
        dependencies={name: _constant(value) for name, value in given.items()},
        exception_handlers={Exception: _Refusal(table, telemetry)},
        openapi_config=_openapi(),
        response_headers=_SAFE_HEADERS,
        request_max_body_size=max_body_bytes,
        signature_types=[CustomerApi, SystemApi],
        logging_config=None,
        debug=False,
    )


def _constant(value: Any) -> Provide:
    return Provide(lambda: value, sync_to_thread=False, use_cache=True)


class _Refusal:
    """Turns any exception into a problem; a fault of ours is told, not shown."""

    def __init__(self, table: problems.Table, telemetry: Telemetry) -> None:
        self._table = table
        self._telemetry = telemetry

    def __call__(
        self, _: Request[Any, Any, Any], exc: Exception
    ) -> Response[problems.Problem]:
        problem = self._problem(exc)
        self._telemetry.problem(problem.code)
        if problem.status >= 500 and problem.code == problems.FAULT.code:  # noqa: PLR2004 - the class of our own faults
            self._telemetry.loop_failed("request", exc)
        return Response(
            problem,
            status_code=problem.status,
            media_type=problems.CONTENT_TYPE,
            headers=problems.headers_of(problem),
        )

    def _problem(self, exc: Exception) -> problems.Problem:
        cause = exc.__cause__
        if isinstance(cause, msgspec.DecodeError | UnicodeDecodeError):
            return problems.problem_of(cause, self._table)
        if not isinstance(exc, HTTPException):
            return problems.problem_of(exc, self._table)
        status = exc.status_code
        return problems.Problem(
            type=f"/problems/{_CODES.get(status, 'http')}",
            title=exc.detail.split("\n")[0][:200] or "The request is refused",
            status=status,
            code=_CODES.get(status, "http"),
            detail=_validation_detail(exc),
        )


def _validation_detail(exc: HTTPException) -> str:
    extra = exc.extra
    if not isinstance(extra, list):
        return ""
    parts = [
        f"{item.get('key', '')}: {item.get('message', '')}"
        for item in extra
        if isinstance(item, dict)
    ]
    return "; ".join(parts)[:500]


def _openapi() -> OpenAPIConfig:
    """An API page that loads nothing from another host."""
    return OpenAPIConfig(
        title="Tidegate",
        version="1",
        description="Customer messages in, answers out; people where needed.",
        path="/docs",
        use_handler_docstrings=True,
        components=Components(
            security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")}
        ),
        render_plugins=[
            SwaggerRenderPlugin(
                path="/",
                js_url=f"{_DOCS_ASSETS}/swagger-ui-bundle.js",
                css_url=f"{_DOCS_ASSETS}/swagger-ui.css",
                standalone_preset_js_url=f"{_DOCS_ASSETS}/swagger-ui-standalone-preset.js",
                favicon='<link rel="icon" href="data:,">',
            )
        ],
    )


def _docs_assets() -> ControllerRouterHandler:
    folder = Path(litestar_offline_docs.__file__).parent / "static"
    return create_static_files_router(
        path=_DOCS_ASSETS, directories=[folder], include_in_schema=False
    )
