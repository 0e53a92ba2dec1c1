"""
The connection of a WeCom AI bot: JSON frames, acknowledged one by one.

    ours    {cmd, headers: {req_id}, body}      aibot_subscribe, ping, aibot_respond_msg,
                                                aibot_respond_welcome_msg, aibot_send_msg
    theirs  {cmd, headers: {req_id}, body}      aibot_msg_callback, aibot_event_callback
            {headers: {req_id}, errcode, …}     acknowledges our frame of that req_id

Callbacks are not acknowledged: WeCom does not bring one again that got lost here.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import State

from gateway.channels.contract import Displaced, PlatformDown
from gateway.channels.platform_api import NoAnswer, NotSent
from gateway.channels.sockets import open_socket


#: Seconds for the acknowledgement of one frame.
ACK_S = 5.0
#: Seconds between two heartbeats, and how many may stay without an answer.
HEARTBEAT_S = 30.0
MISSED = 2


class _Headers(msgspec.Struct, frozen=True):
    req_id: str = ""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What came over the connection; an acknowledgement has no *cmd*."""

    cmd: str = ""
    headers: _Headers = _Headers()
    body: msgspec.Raw = msgspec.Raw(b"{}")
    errcode: int | None = None
    errmsg: str = ""


class _EventType(msgspec.Struct, frozen=True):
    eventtype: str = ""


class _Event(msgspec.Struct, frozen=True):
    event: _EventType = _EventType()


_frames = msgspec.json.Decoder(Frame)
_events = msgspec.json.Decoder(_Event)


def read_frame(data: str | bytes) -> Frame | None:
    """A frame; None if it is none."""
    try:
        return _frames.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


class AibotConnection:
    """
    One connection of one bot, open until it fails.

    Args:
        heartbeat_s: Seconds between two heartbeats.
    """

    def __init__(self, socket: ClientConnection, heartbeat_s: float) -> None:
        self._socket = socket
        self._heartbeat_s = heartbeat_s
        self._waiting: dict[str, asyncio.Future[Frame]] = {}

    @classmethod
    async def open(cls, url: str, heartbeat_s: float = HEARTBEAT_S) -> AibotConnection:
        """
        Connect; nothing is said yet.

        Raises:
            PlatformDown: If there is nobody, or not who the certificate should name.
        """
        return cls(await open_socket(url), heartbeat_s)

    async def subscribe(self, bot_id: str, secret: str) -> None:
        """
        Say who we are; needs :meth:`read` to run.

        Raises:
            PlatformDown: If we are not believed.
        """
        said = await self._answered(
            "aibot_subscribe", {"bot_id": bot_id, "secret": secret}
        )
        if said.errcode != 0:
            raise PlatformDown(f"not let in: errcode {said.errcode} {said.errmsg}")

    async def beat(self) -> None:
        """
        Send heartbeats.

        Raises:
            PlatformDown: When several stay without an answer.
        """
        missed = 0
        while True:
            await asyncio.sleep(self._heartbeat_s)
            try:
                await self.call("ping", None)
                missed = 0
            except NoAnswer:
                missed += 1
                if missed >= MISSED:
                    raise PlatformDown("no answer to heartbeats") from None
            except NotSent as exc:
                raise PlatformDown(str(exc)) from exc

    async def read(self, heard: Callable[[Frame], Any]) -> None:
        """
        Read frames; callbacks go to *heard*, which must not wait long.

        Raises:
            Displaced: If another connection took this one's place.
            PlatformDown: When the connection ends.
        """
        try:
            async for data in self._socket:
                frame = read_frame(data)
                if frame is not None:
                    await self._sort(frame, heard)
        except ConnectionClosed as exc:
            raise PlatformDown(f"connection ended: {exc}") from exc
        finally:
            self._give_up()
        raise PlatformDown("connection ended")

    async def _sort(self, frame: Frame, heard: Callable[[Frame], Any]) -> None:
        if frame.cmd == "aibot_msg_callback":
            await heard(frame)
        elif frame.cmd == "aibot_event_callback":
            if _event_type(frame) == "disconnected_event":
                raise Displaced("another connection of this bot was made")
            await heard(frame)
        elif not frame.cmd:
            waiting = self._waiting.get(frame.headers.req_id)
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)

    def _give_up(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(NoAnswer("connection ended"))

    async def call(self, cmd: str, body: Any, req_id: str = "") -> Frame:
        """
        Send a frame; its acknowledgement.

        Args:
            req_id: Of the callback that is answered; a new one if left out.

        Raises:
            NotSent, NoAnswer: As for a call over HTTP.
        """
        name = req_id or f"{cmd}_{secrets.token_hex(12)}"
        if self._socket.state is not State.OPEN:
            raise NotSent("connection ended")
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[name] = waiting
        try:
            async with asyncio.timeout(ACK_S):
                await self._socket.send(_encoded(cmd, name, body), text=True)
                found: Frame = await waiting
        except (TimeoutError, ConnectionClosed) as exc:
            raise NoAnswer(type(exc).__name__) from exc
        finally:
            del self._waiting[name]
        return found

    async def _answered(self, cmd: str, body: Any) -> Frame:
        try:
            return await self.call(cmd, body)
        except (NoAnswer, NotSent) as exc:
            raise PlatformDown(f"{cmd}: {exc}") from exc

    async def close(self) -> None:
        """End it; safe to call twice."""
        with suppress(OSError, WebSocketException):
            await self._socket.close()


def _encoded(cmd: str, req_id: str, body: Any) -> bytes:
    frame = {"cmd": cmd, "headers": {"req_id": req_id}}
    return msgspec.json.encode(frame if body is None else {**frame, "body": body})


def _event_type(frame: Frame) -> str:
    try:
        return _events.decode(frame.body).event.eventtype
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""
