"""
``/v1/hooks/{channel}/{shop}``: where IM platforms call.

The body reaches the channel as the very bytes that came: signatures cover them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from gateway.channels.contract import RawRequest
from gateway.channels.hooks import Hooks


#: Platforms send several messages at once: more than a customer may.
MAX_HOOK_BYTES = 1_048_576
ChannelPath = Annotated[str, PathParameter(description="Name of the channel.")]
ShopPath = Annotated[str, PathParameter(description="Id of the shop.")]


class HookController(Controller):
    """Verified by the platform's own signature; no bearer key."""

    path = "/v1/hooks"
    tags = ("hooks",)
    opt = {"is_hook": True}  # noqa: RUF012 - Litestar's own attribute

    @get("/{channel:str}/{shop:str}", summary="A platform's handshake")
    async def handshake(
        self,
        request: Request[Any, Any, Any],
        channel: ChannelPath,
        shop: ShopPath,
        hooks: NamedDependency[Hooks],
    ) -> Response[bytes]:
        """Answers the platform's challenge, if it is signed as it must be."""
        return await _received(request, "GET", channel, shop, hooks)

    @post(
        "/{channel:str}/{shop:str}",
        status_code=200,
        summary="A platform's webhook",
        request_max_body_size=MAX_HOOK_BYTES,
    )
    async def webhook(
        self,
        request: Request[Any, Any, Any],
        channel: ChannelPath,
        shop: ShopPath,
        hooks: NamedDependency[Hooks],
    ) -> Response[bytes]:
        """
        Messages of the platform's customers: on disk when this answers. What the
        answer looks like is the platform's choice.
        """
        return await _received(request, "POST", channel, shop, hooks)


async def _received(
    request: Request[Any, Any, Any],
    method: Literal["GET", "POST"],
    channel: str,
    shop: str,
    hooks: Hooks,
) -> Response[bytes]:
    raw = RawRequest(
        method=method,
        query=_query(request.scope["query_string"]),
        headers=_headers(request.scope["headers"]),
        body=await request.body() if method == "POST" else b"",
    )
    answer = await hooks.receive(shop, channel, raw)
    return Response(
        answer.body, status_code=answer.status, media_type=answer.media_type
    )


def _query(raw: bytes) -> dict[str, str]:
    """The first value of each name counts."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        found.setdefault(name, value)
    return found


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The first of each name counts."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return found
