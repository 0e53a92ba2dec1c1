"""
The desk's WebSocket: the board after each change, and the talks on screen.

Client frames: ``ping`` (the operator's sign of life), ``watch`` a handoff's
conversation from an event on, ``unwatch``, ``typing``. Server frames: ``board``,
``events`` of a watched handoff, ``typing`` of its customer, ``pong`` with the
presence, ``error``.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from litestar import WebSocket, websocket
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect

from gateway.handoff.accounts import Session
from gateway.handoff.errors import HandoffError
from gateway.http import bodies
from gateway.http.desk_session import DeskApi, check_origin, session_of
from gateway.http.desk_wire import board_out
from gateway.http.problems import Table, problem_of
from gateway.http.wire import Id
from gateway.live import Typist
from gateway.outcome import encode


#: Close code when the session is not known (application range of RFC 6455).
CLOSE_UNAUTHORIZED = 4401
#: Conversations on one screen.
MAX_WATCHED = 30

_Socket = WebSocket[Any, Any, Any]


class Ping(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag="ping",
    forbid_unknown_fields=True,
):
    """A sign of life of the operator, not of the connection."""


class Watch(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag="watch",
    forbid_unknown_fields=True,
):
    """Push a handoff's conversation from the event after *after* on."""

    handoff_id: Id
    after: Annotated[int, msgspec.Meta(ge=0)] = 0


class Typing(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag="typing",
    forbid_unknown_fields=True,
):
    """The operator types; the customer is told if the talk is the operator's."""

    handoff_id: Id


class Unwatch(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag="unwatch",
    forbid_unknown_fields=True,
):
    """No longer on screen."""

    handoff_id: Id


_decoder = msgspec.json.Decoder(Ping | Watch | Unwatch | Typing)


@websocket("/v1/desk/ws")
async def desk_socket(
    socket: _Socket, desk_api: NamedDependency[DeskApi], table: NamedDependency[Table]
) -> None:
    """Serve one desk until either side ends it, or the session does."""
    await socket.accept()
    try:
        check_origin(socket)
        session = await session_of(socket, desk_api)
    except Exception as exc:  # noqa: BLE001 - the edge: told, then closed
        await _tell(socket, exc, table)
        await socket.close(code=CLOSE_UNAUTHORIZED)
        return
    await _Connection(socket, session, desk_api, table).serve()


class _Connection:
    """One signed-in desk: a task for the board, one for each talk on screen."""

    def __init__(
        self, socket: _Socket, session: Session, api: DeskApi, table: Table
    ) -> None:
        self._socket = socket
        self._session = session
        self._who = session.who
        self._api = api
        self._table = table
        self._watched: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        pushing = asyncio.create_task(self._push_boards())
        try:
            while not pushing.done():
                await self._read_one()
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            tasks = [pushing, *self._watched.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _push_boards(self) -> None:
        async with aclosing(self._api.feed.follow(self._who.shop)) as boards:
            async for board in boards:
                frame = board_out(board, self._who)
                await self._send({"type": "board", **msgspec.to_builtins(frame)})
        await self._socket.close(code=1012)

    async def _read_one(self) -> None:
        text = await self._socket.receive_text()
        try:
            frame = bodies.decode(_decoder, text.encode())
            if isinstance(frame, Watch):
                await self._watch(frame)
            elif isinstance(frame, Unwatch):
                if (task := self._watched.pop(frame.handoff_id, None)) is not None:
                    task.cancel()
            elif isinstance(frame, Typing):
                await self._type(frame.handoff_id)
            else:
                await self._beat()
        except WebSocketDisconnect:
            raise
        except Exception as exc:  # noqa: BLE001 - the edge: told to the sender
            await _tell(self._socket, exc, self._table)

    async def _beat(self) -> None:
        """The session may have ended since; then the desk is closed."""
        await self._api.accounts.session(self._session.token)
        is_present = await self._api.desk.beat(self._who)
        await self._send({"type": "pong", "is_present": is_present})

    async def _type(self, handoff_id: str) -> None:
        """The customer hears of who has the talk, not of who looks on."""
        handoff = await self._api.desk.read(self._who, handoff_id)
        if handoff.is_held and handoff.operator == self._who.name:
            await self._api.live.types(
                self._who.shop, handoff.conversation_id, "operator"
            )

    async def _watch(self, frame: Watch) -> None:
        handoff = await self._api.desk.read(self._who, frame.handoff_id)
        if (old := self._watched.pop(handoff.id, None)) is not None:
            old.cancel()
        if len(self._watched) >= MAX_WATCHED:
            self._watched.pop(next(iter(self._watched))).cancel()
        push = self._push_events(handoff.id, handoff.conversation_id, frame.after)
        self._watched[handoff.id] = asyncio.create_task(push)

    async def _push_events(
        self, handoff_id: str, conversation_id: str, after: int
    ) -> None:

        async def typing(who: Typist) -> None:
            if who == "customer" and await self._may_see(handoff_id):
                await self._send({"type": "typing", "handoff_id": handoff_id})

        follow = self._api.live.follow(self._who.shop, conversation_id, after, typing)
        async for events in follow:
            if events:
                # A colleague may have the talk by now: then it is not ours to see.
                if not await self._may_see(handoff_id):
                    return
                lines = msgspec.to_builtins(events)
                await self._send(
                    {"type": "events", "handoff_id": handoff_id, "events": lines}
                )

    async def _may_see(self, handoff_id: str) -> bool:
        try:
            await self._api.desk.read(self._who, handoff_id)
        except HandoffError:
            return False
        return True

    async def _send(self, frame: dict[str, Any]) -> None:
        await self._socket.send_text(encode(frame).decode())


async def _tell(socket: _Socket, exc: Exception, table: Table) -> None:
    problem = msgspec.to_builtins(problem_of(exc, table))
    frame = {**problem, "type": "error", "problem": problem["type"]}
    await socket.send_text(encode(frame).decode())
