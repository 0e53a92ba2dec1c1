"""
The customer API as Litestar sees it: messages, events, visitors.

The message route here is the idiomatic face of
:class:`~gateway.http.intake.Intake` (and what OpenAPI documents);
:class:`~gateway.http.intake.HotRoute` answers the same call in front of it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage
from litestar.types import Guard

from gateway.admission.rate import RateLimit
from gateway.config import ChannelConfig, ShopConfig
from gateway.errors import Forbidden, NotFound, RateLimited
from gateway.http.auth import Authenticator, Principal, proven_user
from gateway.http.intake import Intake, body_of, check_conversation_id, status_of
from gateway.http.wire import ID_PATTERN, MessageIn, TokenIn, VisitorIn, VisitorOut
from gateway.live import Live
from gateway.outcome import EventOut, HandoffOut, MessageOut, encode
from gateway.people import People


#: Checked by :func:`check_conversation_id`; Litestar only documents it.
ConversationPath = Annotated[
    str,
    PathParameter(
        description="Your id of the conversation.",
        schema_extra={"minLength": 1, "maxLength": 128, "pattern": ID_PATTERN},
    ),
]


#: Said aloud, since Litestar takes the media type from the annotation.
_SSE = {"content-type": "text/event-stream; charset=utf-8"}
#: The number of an event, as a resuming browser sends it.
_SEEN = re.compile(r"[0-9]{1,15}").fullmatch
#: Routes that need a bearer key.
KEYED = {"is_keyed": True}


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """
    Events of a conversation, oldest first.

    Attributes:
        last: Ask with ``after=last`` for what comes next.
    """

    events: list[EventOut]
    last: int


class CustomerApi(msgspec.Struct, frozen=True, kw_only=True):
    """What the routes below need; handed in by the composition root."""

    intake: Intake
    authenticator: Authenticator
    live: Live
    people: People
    shops: Mapping[str, ShopConfig]
    visitor_opens: RateLimit
    is_demo: bool
    wall_ms: Callable[[], int]


def caller(
    connection: ASGIConnection[Any, Any, Any, Any], api: CustomerApi
) -> Principal:
    """Who sent a request; raises Unauthorized."""
    header = connection.headers.get("authorization")
    # The bytes as they came: ASGI reads headers as latin-1.
    return api.authenticator.principal(header.encode("latin-1") if header else None)


def doorkeeper(api: CustomerApi) -> Guard:
    """
    A guard that refuses before a body is read, in the order of the hot route.

    It looks at routes that say ``opt={"is_keyed": True}``.
    """

    def check(
        connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
    ) -> None:
        if handler.opt.get("is_keyed"):
            caller(connection, api)
            if "conversation_id" in connection.path_params:
                check_conversation_id(connection.path_params["conversation_id"])

    return check


class ConversationController(Controller):
    """Messages in, events out."""

    path = "/v1/conversations"
    tags = ("conversations",)

    @post(
        "/{conversation_id:str}/messages",
        status_code=200,
        summary="Send a customer message and get its answer",
        responses={202: ResponseSpec(MessageOut, description="The answer comes later")},
        security=[{"bearer": []}],
        opt=KEYED,
    )
    async def post_message(
        self,
        request: Request[Any, Any, Any],
        conversation_id: ConversationPath,
        data: JSONBody[MessageIn],
        api: NamedDependency[CustomerApi],
    ) -> MessageOut:
        """
        Accept one message, once: a repeat of ``message_id`` gives the same
        result. 202 means that the answer comes later, as an event.
        """
        principal = caller(request, api)
        outcome = await api.intake.take(principal, conversation_id, data)
        return Response(  # type: ignore[return-value]  # the schema is MessageOut, the bytes are encoded already
            body_of(outcome),
            status_code=status_of(outcome),
            media_type="application/json",
        )

    @get(
        "/{conversation_id:str}/events",
        summary="Everything that happened, in order; SSE or JSON by Accept",
        security=[{"bearer": []}],
        opt=KEYED,
    )
    async def events(
        self,
        request: Request[Any, Any, Any],
        conversation_id: ConversationPath,
        api: NamedDependency[CustomerApi],
        after: Annotated[int, QueryParameter(ge=0, le=2**53)] = 0,
    ) -> EventPage:
        """
        Events after number *after*. With ``Accept: text/event-stream`` the
        answer is a stream that goes on; ``Last-Event-ID`` resumes it. Between
        events it may tell a ``draft``: a sentence of an answer that is being
        written, which the reply to the same message replaces.
        """
        principal = caller(request, api)
        key = principal.conversation_key(conversation_id)
        if "text/event-stream" not in request.headers.get("accept", ""):
            events = await api.live.page(principal.shop, key, after)
            return EventPage(events=events, last=events[-1].n if events else after)
        resumed = _SEEN(request.headers.get("last-event-id", ""))
        start = int(resumed[0]) if resumed else after
        return ServerSentEvent(  # type: ignore[return-value]  # documented as its JSON form
            _stream(api.live, principal.shop, key, start), headers=_SSE
        )


class HandoffController(Controller):
    """A customer's place in the human queue, by pull; and the ways out of it."""

    path = "/v1/conversations/{conversation_id:str}/handoff"
    tags = ("conversations",)
    opt = KEYED
    security = ({"bearer": []},)

    @get(summary="Where the conversation stands with people")
    async def where(
        self,
        request: Request[Any, Any, Any],
        conversation_id: ConversationPath,
        api: NamedDependency[CustomerApi],
    ) -> HandoffOut:
        """Position and expected wait as of now; 404 while the machine has it."""
        principal = caller(request, api)
        key = principal.conversation_key(conversation_id)
        return _found(await api.people.where(principal.shop, key))

    @delete(status_code=200, summary="No person is needed any more")
    async def cancel(
        self,
        request: Request[Any, Any, Any],
        conversation_id: ConversationPath,
        api: NamedDependency[CustomerApi],
    ) -> HandoffOut:
        """
        Out of the line and back to the machine, which says so. An operator who is
        with the customer already stays: the state tells.
        """
        principal = caller(request, api)
        key = principal.conversation_key(conversation_id)
        return _found(await api.people.cancel(principal.shop, key))

    @post("/callback", status_code=200, summary="Answer later instead of waiting")
    async def call_back(
        self,
        request: Request[Any, Any, Any],
        conversation_id: ConversationPath,
        api: NamedDependency[CustomerApi],
    ) -> HandoffOut:
        """A place in the line becomes a ticket with a promised time."""
        principal = caller(request, api)
        key = principal.conversation_key(conversation_id)
        return _found(await api.people.call_back(principal.shop, key))


def _found(place: HandoffOut | None) -> HandoffOut:
    if place is None:
        raise NotFound("no person has, or is coming to, this conversation")
    return place


async def _stream(
    live: Live, shop: str, conversation: str, after: int
) -> AsyncIterator[ServerSentEventMessage]:
    drafts: list[bytes] = []

    async def keep(draft: bytes) -> None:
        drafts.append(draft)

    async for events in live.follow(shop, conversation, after, draft=keep):
        for draft in drafts:
            # Without an id: it is kept nowhere, so nothing resumes from it.
            yield ServerSentEventMessage(event="draft", data=draft.decode())
        if not events and not drafts:
            yield ServerSentEventMessage(data=None, comment="still here")
        for event in events:
            yield ServerSentEventMessage(
                id=event.n, event=event.kind, data=encode(event).decode()
            )
        drafts.clear()


class VisitorController(Controller):
    """Browsers without an account."""

    path = "/v1/visitors"
    tags = ("visitors",)

    @post(status_code=201, summary="Open a conversation for a browser visitor")
    async def open(
        self,
        request: Request[Any, Any, Any],
        data: JSONBody[VisitorIn],
        api: NamedDependency[CustomerApi],
    ) -> VisitorOut:
        """
        A token for one conversation of one visitor: a new one for somebody unknown,
        where the channel allows that; the same on every device for whom the shop's
        server vouches. Only to the channel's own web origins.
        """
        channel = _channel(api, data.shop, data.channel)
        _check_origin(request, channel)
        _check_address(request, api)
        is_proven = data.identity is not None or data.user_hash is not None
        user = _user(channel, data, is_proven=is_proven, is_demo=api.is_demo)
        token, principal, expires = api.authenticator.visitor_token(
            data.shop, data.channel, user, is_proven=is_proven
        )
        return _visitor_out(token, principal, expires)


class TokenController(Controller):
    """Apps without the channel's key."""

    path = "/v1/tokens"
    tags = ("visitors",)

    @post(
        status_code=201,
        summary="A short-lived token for one user's conversation",
        security=[{"bearer": []}],
        opt=KEYED,
    )
    async def issue(
        self,
        request: Request[Any, Any, Any],
        data: JSONBody[TokenIn],
        api: NamedDependency[CustomerApi],
    ) -> VisitorOut:
        """
        For the shop's own server: the key stays there, the app gets the token and
        speaks with it over REST, SSE and WebSocket, as this user and nobody else.
        """
        principal = caller(request, api)
        if principal.user_id is not None:
            raise Forbidden("a token makes no tokens; use the channel's key")
        token, made, expires = api.authenticator.app_token(
            principal, data.user_id, data.conversation_id, data.life_s
        )
        return _visitor_out(token, made, expires)


def _visitor_out(token: str, principal: Principal, expires: int) -> VisitorOut:
    return VisitorOut(
        token=token,
        conversation_id=principal.conversation_id or "",
        user_id=principal.user_id or "",
        expires_at=datetime.fromtimestamp(expires, UTC).isoformat(),
    )


def _user(
    channel: ChannelConfig, data: VisitorIn, *, is_proven: bool, is_demo: bool
) -> str | None:
    """Whom the visitor speaks for; None for nobody in particular."""
    if is_proven:
        return proven_user(
            channel.identity_secret, data.identity, data.user_id, data.user_hash
        )
    if not channel.allows_visitors:
        raise Forbidden(f"channel {data.channel!r} takes no anonymous visitors")
    if data.user_id is not None and not is_demo:
        raise Forbidden("a user_id needs its user_hash, or an identity token")
    return data.user_id


def _check_address(request: Request[Any, Any, Any], api: CustomerApi) -> None:
    """One address can't make conversations, and with them tokens, without end."""
    address = request.client.host if request.client is not None else ""
    wait_s = api.visitor_opens.wait_s(address, monotonic())
    if wait_s > 0:
        raise RateLimited(wait_s, "too many conversations opened from this address")


def _channel(api: CustomerApi, shop: str, name: str) -> ChannelConfig:
    found = api.shops.get(shop)
    if found is None:
        raise NotFound(f"no shop {shop!r} here")
    for channel in found.channels:
        if channel.name == name:
            return channel
    raise NotFound(f"shop {shop!r} has no channel {name!r}")


def _check_origin(request: Request[Any, Any, Any], channel: ChannelConfig) -> None:
    """A browser names its origin; another site may not use our visitors."""
    origin = request.headers.get("origin")
    if origin is None:
        return
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if origin != own and origin not in channel.origins:
        raise Forbidden(f"origin {origin} is not allowed for this channel")
