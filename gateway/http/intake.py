"""
The door of the customer API: from raw request to accepted message.

:class:`Intake` is what every face of it calls: the idiomatic route, the hot
route and the WebSocket. :class:`HotRoute` is the bare ASGI face of the one hot
call; it stands in front of the application and answers what the idiomatic
route would, in a third of the time. Tests hold the two to the same answers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

import msgspec

from engines.contract import Locale
from gateway.admission.rate import RateLimit
from gateway.dispatch import Dispatcher
from gateway.errors import BadMessage, RateLimited, TooLarge
from gateway.http import bodies
from gateway.http.auth import Authenticator, Principal
from gateway.http.cors import Cors
from gateway.http.problems import CONTENT_TYPE, Table, headers_of, problem_of
from gateway.http.wire import Id, MessageIn
from gateway.language import LocaleOf, language_of
from gateway.outcome import EventBody, MessageOut, encode
from gateway.store.mailbox import NewMessage
from gateway.telemetry import Telemetry


Scope = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[dict[str, Any]], Any]

PREFIX = "/v1/conversations/"
SUFFIX = "/messages"

#: What nearly every id looks like; any other is looked at more closely.
_plain_id = re.compile(r"[A-Za-z0-9_.~-]{1,128}", re.ASCII).fullmatch

_message_decoder = msgspec.json.Decoder(MessageIn)
_JSON = [
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
]


class Intake:
    """
    Checks a message and hands it to the dispatcher.

    Args:
        locale_of: Language of a text; the second argument if it has none.

        wall_ms: Wall clock.

        route_of: Where replies to a shop's channel, user and conversation are
            pushed; empty for nowhere.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        key_rate: RateLimit,
        visitor_rate: RateLimit,
        text_chars: int,
        locale_of: LocaleOf,
        wall_ms: Callable[[], int],
        route_of: Callable[[str, str, str, str], bytes],
    ) -> None:
        self._route_of = route_of
        self._dispatcher = dispatcher
        self._key_rate = key_rate
        self._visitor_rate = visitor_rate
        self._text_chars = text_chars
        self._locale_of = locale_of
        self._wall_ms = wall_ms

    async def take(
        self, principal: Principal, conversation_id: str, message: MessageIn
    ) -> MessageOut | bytes:
        """
        Accept one decoded message and wait for what becomes of it.

        Raises:
            GatewayError: If the message is refused; nothing is stored then.
            StoreUnavailable: If it could not be written.
        """
        self.check_rate(principal)
        principal.check_user(message.user_id)
        if len(message.text) > self._text_chars:
            raise BadMessage(
                f"text is longer than {self._text_chars} characters", "text"
            )
        return await self._dispatcher.submit(
            principal.shop,
            principal.conversation_key(conversation_id),
            self._new_message(principal, conversation_id, message),
        )

    def check_rate(self, principal: Principal) -> None:
        """
        Count one request of a caller.

        Raises:
            RateLimited: If it is one too many.
        """
        is_visitor = principal.user_id is not None
        rate = self._visitor_rate if is_visitor else self._key_rate
        wait_s = rate.wait_s(principal.name, monotonic())
        if wait_s > 0:
            raise RateLimited(wait_s)

    def language(self, text: str, declared: Locale | None) -> Locale:
        """The text's own language; the sender's page may be in another one."""
        return language_of(text, declared, self._locale_of)

    def _new_message(
        self, principal: Principal, conversation_id: str, message: MessageIn
    ) -> NewMessage:
        body = EventBody(
            at_ms=self._wall_ms(),
            text=message.text,
            message_id=message.message_id,
            user_id=message.user_id,
            locale=self.language(message.text, message.locale),
            cards=tuple(card.card() for card in message.cards),
            meta=message.meta,
        )
        said = f"{message.user_id}\0{message.text}".encode()
        return NewMessage(
            channel=principal.channel,
            message_id=message.message_id,
            fingerprint=hashlib.blake2b(said, digest_size=12).hexdigest(),
            event=encode(body),
            route=self._route_of(
                principal.shop, principal.channel, message.user_id, conversation_id
            ),
        )


def status_of(outcome: MessageOut | bytes) -> int:
    """200 for a result, 202 when the answer comes later."""
    is_later = isinstance(outcome, MessageOut) and outcome.status == "pending"
    return 202 if is_later else 200


def body_of(outcome: MessageOut | bytes) -> bytes:
    """The encoded body of a result."""
    return outcome if isinstance(outcome, bytes) else encode(outcome)


class _Gone(Exception):
    """The client went away in the middle of its body; nobody reads an answer."""


class HotRoute:
    """
    Answers ``POST /v1/conversations/{id}/messages`` itself, passes the rest on.
    """

    def __init__(
        self,
        app: Any,
        intake: Intake,
        authenticator: Authenticator,
        telemetry: Telemetry,
        table: Table,
        max_body_bytes: int,
        cors: Cors,
    ) -> None:
        self._app = app
        self._cors = cors
        self._intake = intake
        self._authenticator = authenticator
        self._telemetry = telemetry
        self._table = table
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] == "http" and (origin := self._cors.origin_of(scope)):
            if self._cors.is_preflight(scope):
                await self._cors.allow(send, origin)
                return
            send = self._cors.marking(send, origin)
        if scope["type"] == "http" and scope["method"] == "POST":
            path: str = scope["path"]
            if path.startswith(PREFIX) and path.endswith(SUFFIX):
                conversation_id = path[len(PREFIX) : -len(SUFFIX)]
                if conversation_id and "/" not in conversation_id:
                    await self._post(scope, receive, send, conversation_id)
                    return
        await self._app(scope, receive, send)

    async def _post(
        self, scope: Scope, receive: Receive, send: Send, conversation_id: str
    ) -> None:
        try:
            authorization, length = _headers(scope["headers"])
            principal = self._authenticator.principal(authorization)
            check_conversation_id(conversation_id)
            body = await self._read(length, receive)
            message = bodies.decode(_message_decoder, body)
            outcome = await self._intake.take(principal, conversation_id, message)
        except _Gone:
            return
        except Exception as exc:  # noqa: BLE001 - the edge: all become problems
            await self._refuse(send, exc)
            return
        await _respond(send, status_of(outcome), _JSON, body_of(outcome))

    async def _read(self, length: bytes | None, receive: Receive) -> bytes:
        limit = self._max_body_bytes
        if length is not None and length.isdigit() and int(length) > limit:
            raise TooLarge(limit)
        body, is_more = b"", True
        while is_more:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise _Gone
            body += event.get("body", b"")
            is_more = event.get("more_body", False)
            if len(body) > limit:
                raise TooLarge(limit)
        return body

    async def _refuse(self, send: Send, exc: Exception) -> None:
        problem = problem_of(exc, self._table)
        self._telemetry.problem(problem.code)
        if problem.status == 500:  # noqa: PLR2004 - a fault of ours is logged
            self._telemetry.loop_failed("request", exc)
        headers = [(b"content-type", CONTENT_TYPE.encode())]
        headers += [(k.encode(), v.encode()) for k, v in headers_of(problem).items()]
        await _respond(send, problem.status, headers, encode(problem))


def check_conversation_id(conversation_id: str) -> None:
    """
    Refuse an id that is empty, too long or has control characters.

    Raises:
        BadField: With the reason.
    """
    if _plain_id(conversation_id) is not None:
        return
    try:
        msgspec.convert(conversation_id, Id)
    except msgspec.ValidationError:
        # Once more, as a field, so that the refusal can name it.
        bodies.convert({"conversation_id": conversation_id}, _ConversationPath)


class _ConversationPath(msgspec.Struct):
    conversation_id: Id


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> tuple[bytes | None, bytes | None]:
    """``Authorization`` and ``Content-Length``; the first of each counts."""
    authorization = length = None
    for name, value in pairs:
        if name == b"authorization" and authorization is None:
            authorization = value
        elif name == b"content-length" and length is None:
            length = value
    return authorization, length


async def _respond(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, length],
        }
    )
    await send({"type": "http.response.body", "body": body})
