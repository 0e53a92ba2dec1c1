"""
Every route of the gateway as one Litestar application.

Litestar sees the idiomatic faces; the hot route stands in front of it. Errors
leave through the one problem table; pages carry a policy that lets them load
nothing from another host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import litestar_offline_docs
import msgspec
from litestar import Litestar, Request, Response
from litestar.datastructures import ResponseHeader
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler, Method
from litestar.types.internal_types import PathParameterDefinition

from gateway.errors import GatewayError, TooLarge
from gateway.http import bodies, problems
from gateway.http.chat_socket import chat_socket
from gateway.http.customers import (
    ConversationController,
    CustomerApi,
    HandoffController,
    TokenController,
    VisitorController,
    doorkeeper,
)
from gateway.http.desk_session import COOKIE
from gateway.http.hooks import HookController
from gateway.http.identities import IdentityController, LinkCodeController
from gateway.http.openai import ChatController
from gateway.http.ratings import RatingController
from gateway.http.system import SystemApi, SystemController
from gateway.telemetry import Telemetry


_DOCS_ASSETS = "/docs-assets"
_SAFE_HEADERS = [
    ResponseHeader(name="x-content-type-options", value="nosniff"),
    ResponseHeader(name="referrer-policy", value="no-referrer"),
]
#: Routes of people who are signed in.
_SIGNED_IN = (
    "/v1/desk",
    "/v1/actions",
    "/v1/audit",
    "/v1/knowledge",
    "/v1/models",
    "/v1/lab",
    "/v1/packs",
    "/v1/stage",
)
#: Codes of Litestar's own refusals, and what may help.
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}
_HINTS = {
    404: "nothing is at this path; /docs lists what is",
    405: "the path takes another method; see the allow header",
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
    given = {
        "api": api,
        "system": system,
        "table": table,
        "telemetry": telemetry,
        **provided,
    }
    return Litestar(
        route_handlers=[
            ConversationController,
            HandoffController,
            TokenController,
            VisitorController,
            SystemController,
            HookController,
            ChatController,
            IdentityController,
            LinkCodeController,
            RatingController,
            chat_socket,
            _docs_assets(),
            *more,
        ],
        dependencies={name: _constant(value) for name, value in given.items()},
        exception_handlers={Exception: _Refusal(table, telemetry, max_body_bytes)},
        guards=[doorkeeper(api)],
        request_class=WireRequest,
        plugins=[_DocumentedRefusals(table)],
        openapi_config=_openapi(),
        response_headers=_SAFE_HEADERS,
        request_max_body_size=max_body_bytes,
        signature_types=[CustomerApi, SystemApi, Telemetry],
        logging_config=None,
        debug=False,
    )


def _constant(value: Any) -> Provide:
    return Provide(lambda: value, sync_to_thread=False, use_cache=True)


class WireRequest(Request[Any, Any, Any]):
    """A request whose JSON body is decoded once, strictly, by the type of ``data``."""

    async def json(self) -> Any:
        """The body as the Struct that the handler asks for; raises BadJson, BadField."""
        field = self.route_handler.parsed_data_field
        kind = Any if field is None else field.annotation
        return bodies.decode(_decoder(kind), await self.body())


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


class _DocumentedRefusals(ReceiveRoutePlugin):
    """Writes into every route's description what it may answer instead."""

    def __init__(self, table: problems.Table) -> None:
        rows: dict[int, set[str]] = {405: {_CODES[405]}, 500: {problems.FAULT.code}}
        for row in table.values():
            rows.setdefault(row.status, set()).add(row.code)
        self._specs = {
            status: ResponseSpec(
                problems.Problem,
                description=", ".join(sorted(codes)),
                media_type=problems.CONTENT_TYPE,
                generate_examples=False,
            )
            for status, codes in rows.items()
        }

    def receive_route(self, route: BaseRoute) -> None:
        """Called by Litestar with each route while the application is built."""
        if not isinstance(route, HTTPRoute):
            return
        for handler in route.route_handlers:
            wanted = _refusals_of(route, handler)
            documented = {status: self._specs[status] for status in wanted}
            handler.responses = {**documented, **(handler.responses or {})}


def _refusals_of(route: HTTPRoute, handler: HTTPRouteHandler) -> set[int]:
    """A body may be wrong or too large, a caller unknown, a record gone or moved."""
    wanted = {405, 500, 503}
    if handler.opt.get("is_keyed") or route.path.startswith(_SIGNED_IN):
        wanted |= {401, 403}
    if route.path.startswith("/v1/knowledge"):
        wanted |= {400, 404}
    if route.path.startswith("/v1/models"):
        wanted |= {404, 409}
    if handler.opt.get("is_optional"):
        wanted |= {400, 404}
    if handler.opt.get("has_query"):
        wanted |= {400}
    if handler.opt.get("is_hook"):
        wanted |= {401, 413, 429}
    if handler.parsed_data_field is not None:
        wanted |= {400, 401, 403, 404, 409, 413, 429}
    if route.path_parameters:
        wanted |= {400, 404, 409}
    return wanted


class _Refusal:
    """Turns any exception into a problem; a fault of ours is told, not shown."""

    def __init__(
        self, table: problems.Table, telemetry: Telemetry, max_body_bytes: int
    ) -> None:
        self._table = table
        self._telemetry = telemetry
        self._max_body_bytes = max_body_bytes

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
            headers={**_allowed(exc), **problems.headers_of(problem)},
        )

    def _problem(self, exc: Exception) -> problems.Problem:
        ours = _ours(exc, self._max_body_bytes)
        if isinstance(ours, HTTPException):
            return _refused_by_litestar(ours)
        return problems.problem_of(ours, self._table)


def _allowed(exc: Exception) -> dict[str, str]:
    """A 405 must name the methods that are allowed."""
    headers = exc.headers if isinstance(exc, HTTPException) else None
    return {"allow": headers["allow"]} if headers and "allow" in headers else {}


def _ours(exc: Exception, max_body_bytes: int) -> Exception:
    """The same refusal in the words of our table."""
    if isinstance(exc, RequestEntityTooLarge):
        return TooLarge(max_body_bytes)
    if isinstance(exc, ValidationException):
        return _bad_parameter(exc)
    return exc


def _bad_parameter(exc: ValidationException) -> GatewayError:
    """A path or query parameter that is not what it must be, or no body at all."""
    for item in exc.extra if isinstance(exc.extra, list) else ():
        name = str(item.get("key", ""))
        if name == "data":
            return bodies.BadJson(bodies.EMPTY)
        return bodies.BadField(f"{name} is wrong: {item.get('message', '')}", name)
    return bodies.BadField(exc.detail, "")


def _refused_by_litestar(exc: HTTPException) -> problems.Problem:
    """No such route, or not with this method."""
    status = exc.status_code
    code = _CODES.get(status, "http")
    return problems.Problem(
        type=f"/problems/{code}",
        title=exc.detail.split("\n")[0][:200] or "The request is refused",
        status=status,
        code=code,
        detail=_HINTS.get(status, ""),
    )


def _openapi() -> OpenAPIConfig:
    """An API page that loads nothing from another host."""
    return OpenAPIConfig(
        title="Tidegate",
        version="1",
        description="Customer messages in, answers out; people where needed.",
        path="/docs",
        use_handler_docstrings=True,
        operation_id_creator=_operation_id,
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(type="http", scheme="bearer"),
                "desk": SecurityScheme(
                    type="apiKey", name=COOKIE, security_scheme_in="cookie"
                ),
            }
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


def _operation_id(
    handler: HTTPRouteHandler,
    method: Method,
    parts: list[str | PathParameterDefinition],
) -> str:
    """A name for a generated client: what stands in the path, and what is done."""
    del method
    words = [part for part in parts if isinstance(part, str) and part != "v1"]
    name = handler.handler_name
    return "_".join([*words, *([] if words[-1:] == [name] else [name])]).replace(
        "-", "_"
    )


def _docs_assets() -> ControllerRouterHandler:
    folder = Path(litestar_offline_docs.__file__).parent / "static"
    return create_static_files_router(
        path=_DOCS_ASSETS, directories=[folder], include_in_schema=False
    )
