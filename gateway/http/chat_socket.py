"""
The customer's WebSocket: one conversation, both ways, resumable.

First frame ``{"type":"auth","token":…,"after":N}``; then the server sends every
event after N and each new one, ``typing`` while an operator writes, and ``draft`` with
each sentence of an answer that is being written (shown until the message's reply comes,
which replaces them); the client sends ``message``, ``typing`` and ``ping``. A
message that was sent but not acknowledged is sent again with the same id.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from litestar import WebSocket, websocket
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect
from litestar.params import PathParameter

from engines.contract import Locale
from gateway.errors import GatewayError, Unauthorized
from gateway.http import bodies
from gateway.http.auth import Principal
from gateway.http.customers import CustomerApi
from gateway.http.intake import check_conversation_id
from gateway.http.problems import Table, problem_of
from gateway.http.wire import Cards, Id, MessageIn, Text
from gateway.live import Typist
from gateway.outcome import EventOut, MessageOut, encode
from gateway.store.errors import StoreUnavailable


#: Seconds a new connection may take to say who it is.
AUTH_WAIT_S = 10.0
#: Close code after a failed sign-in (application range of RFC 6455).
CLOSE_UNAUTHORIZED = 4401
#: Close code when this process can push no more; connect again and resume.
CLOSE_COME_BACK = 1012
#: Signs of typing of one connection are passed on at most so often, seconds.
TYPING_EVERY_S = 1.0
#: Messages of one connection in work at once.
MAX_IN_WORK = 8

_Socket = WebSocket[Any, Any, Any]


class AuthFrame(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag="auth",
    forbid_unknown_fields=True,
):
    """Who connects, and the last event it has seen."""

    token: str
    after: Annotated[int, msgspec.Meta(ge=0)] = 0


class MessageFrame(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag="message",
    forbid_unknown_fields=True,
):
    """One customer message; the user comes from the token."""

    message_id: Id
    text: Text
    user_id: Id | None = None
    locale: Locale | None = None
    cards: Cards = ()


class TypingFrame(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag="typing",
    forbid_unknown_fields=True,
):
    """The customer types; operators who look on are told, nothing is kept."""


class PingFrame(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag="ping",
    forbid_unknown_fields=True,
):
    """A sign of life."""


_auth_decoder = msgspec.json.Decoder(AuthFrame)
_frame_decoder = msgspec.json.Decoder(MessageFrame | TypingFrame | PingFrame)


@websocket("/v1/conversations/{conversation_id:str}/ws")
async def chat_socket(
    socket: _Socket,
    conversation_id: Annotated[str, PathParameter()],
    api: NamedDependency[CustomerApi],
    table: NamedDependency[Table],
) -> None:
    """Serve one connection until either side ends it."""
    await socket.accept()
    try:
        frame = await _auth_frame(socket)
        principal = api.authenticator.of_token(frame.token.encode())
        check_conversation_id(conversation_id)
        key = principal.conversation_key(conversation_id)
    except WebSocketDisconnect:
        return
    except Exception as exc:  # noqa: BLE001 - the edge: told, then closed
        await _tell(socket, exc, table)
        await socket.close(code=CLOSE_UNAUTHORIZED)
        return
    connection = _Connection(socket, conversation_id, principal, api, table)
    await connection.serve(key, frame.after)


async def _auth_frame(socket: _Socket) -> AuthFrame:
    """The first frame; who does not say who it is in time is nobody."""
    try:
        text = await asyncio.wait_for(socket.receive_text(), AUTH_WAIT_S)
    except TimeoutError as exc:
        raise Unauthorized(f"no auth frame came within {AUTH_WAIT_S:.0f} s") from exc
    return bodies.decode(_auth_decoder, text.encode())


class _Connection:
    """One signed-in connection: a task that pushes, a loop that reads."""

    def __init__(
        self,
        socket: _Socket,
        conversation_id: str,
        principal: Principal,
        api: CustomerApi,
        table: Table,
    ) -> None:
        self._socket = socket
        self._conversation_id = conversation_id
        self._principal = principal
        self._api = api
        self._table = table
        self._in_work: set[asyncio.Task[None]] = set()
        self._typed_s = 0.0

    async def serve(self, key: str, after: int) -> None:
        pushing = asyncio.create_task(self._push(key, after))
        try:
            while True:
                await self._read_one()
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            pushing.cancel()
            await asyncio.gather(pushing, return_exceptions=True)

    async def _push(self, key: str, after: int) -> None:
        """Push until the end; then the client is told to come back and resume."""
        follow = self._api.live.follow(
            self._principal.shop, key, after, self._told_typing, self._told_draft
        )
        with suppress(StoreUnavailable, WebSocketDisconnect, RuntimeError):
            async for events in follow:
                for event in events:
                    await self._send(encode(_event_frame(event)))
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._socket.close(code=CLOSE_COME_BACK)

    async def _read_one(self) -> None:
        text = await self._socket.receive_text()
        try:
            frame = bodies.decode(_frame_decoder, text.encode())
        except GatewayError as exc:
            await _tell(self._socket, exc, self._table)
            return
        if isinstance(frame, PingFrame):
            await self._send(b'{"type":"pong"}')
            return
        if isinstance(frame, TypingFrame):
            await self._types()
            return
        if len(self._in_work) >= MAX_IN_WORK:
            await asyncio.wait(self._in_work, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(self._take(frame))
        self._in_work.add(task)
        task.add_done_callback(self._in_work.discard)

    async def _told_typing(self, who: Typist) -> None:
        """Only what the other side does."""
        if who == "operator":
            await self._send(b'{"type":"typing"}')

    async def _told_draft(self, draft: bytes) -> None:
        await self._send(b'{"type":"draft",' + draft[1:])

    async def _types(self) -> None:
        if time.monotonic() - self._typed_s >= TYPING_EVERY_S:
            self._typed_s = time.monotonic()
            key = self._principal.conversation_key(self._conversation_id)
            with suppress(StoreUnavailable):
                await self._api.live.types(self._principal.shop, key, "customer")

    async def _take(self, frame: MessageFrame) -> None:
        """Hand one message in and acknowledge it; the reply comes as an event."""
        try:
            outcome = await self._api.intake.take(
                self._principal,
                self._conversation_id,
                self._message(frame),
            )
            await self._send(encode(_ack(outcome)))
        except Exception as exc:  # noqa: BLE001 - the edge: told to the sender
            # The sender may be gone by now; it learns the rest when it is back.
            with suppress(WebSocketDisconnect, RuntimeError):
                await _tell(self._socket, exc, self._table, frame.message_id)

    def _message(self, frame: MessageFrame) -> MessageIn:
        """A visitor's user comes from its token, a channel names one."""
        user_id = frame.user_id or self._principal.user_id
        if user_id is None:
            raise bodies.BadField("user_id is missing", "user_id")
        return MessageIn(
            message_id=frame.message_id,
            user_id=user_id,
            text=frame.text,
            locale=frame.locale,
            cards=frame.cards,
        )

    async def _send(self, data: bytes) -> None:
        await self._socket.send_text(data.decode())


def _event_frame(event: EventOut) -> dict[str, Any]:
    return {"type": "event", **msgspec.to_builtins(event)}


def _ack(outcome: MessageOut | bytes) -> dict[str, Any]:
    result = (
        msgspec.json.decode(outcome, type=MessageOut)
        if isinstance(outcome, bytes)
        else outcome
    )
    ack: dict[str, Any] = {
        "type": "ack",
        "message_id": result.message_id,
        "seq": result.seq,
        "status": result.status,
    }
    if result.handoff is not None:
        ack["handoff"] = msgspec.to_builtins(result.handoff)
    return ack


async def _tell(
    socket: _Socket, exc: Exception, table: Table, message_id: str = ""
) -> None:
    problem = msgspec.to_builtins(problem_of(exc, table))
    frame = {**problem, "type": "error", "problem": problem["type"]}
    if message_id:
        frame["message_id"] = message_id
    await socket.send_text(encode(frame).decode())
