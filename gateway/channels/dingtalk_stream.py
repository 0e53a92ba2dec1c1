"""
DingTalk robots over Stream mode: no public address, no webhook.

    POST /v1.0/gateway/connections/open      who we are -> address and a ticket
    theirs  {type, headers: {topic, messageId}, data}      SYSTEM (ping, disconnect),
                                                           CALLBACK (a robot's message)
    ours    {code, headers: {messageId}, message, data}    acknowledges one of theirs

A message is acknowledged once it is on disk. Answers leave by DingTalk's HTTP
interface, as a webhook robot's do, so from every process.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import quote_plus

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from gateway.channels import dingtalk
from gateway.channels.contract import (
    Delivery,
    HookRefused,
    HookUnreadable,
    PlatformDown,
    PlatformSettings,
    RawRequest,
    Take,
)
from gateway.channels.dingtalk import DingTalk, DingTalkSettings
from gateway.channels.platform_api import NoAnswer, NotSent, PlatformApi
from gateway.channels.sockets import LAST_S, is_private, open_socket, whole


CAPS = msgspec.structs.replace(
    dingtalk.CAPS, checked_on="2026-11-24", skew_s=0.0, keeps_connection=True
)
#: What we want to hear: messages to the robot.
_TOPIC = "/v1.0/im/bot/messages/get"
_OPEN = "/v1.0/gateway/connections/open"
_PING_S = 30.0


class DingTalkStreamSettings(
    PlatformSettings, frozen=True, kw_only=True, tag="dingtalk_stream"
):
    """
    A DingTalk robot in Stream mode.

    Attributes:
        app_key / app_secret: Of the app (Client ID and Client Secret).

        robot_code: Of the robot; messages of another robot are left out.

        api_url: https://, or http:// on this machine.
    """

    app_key: str = ""
    app_secret: str = ""
    app_secret_file: str = ""
    robot_code: str = ""
    api_url: str = "https://api.dingtalk.com"
    session_url: str = "https://oapi.dingtalk.com"


class _Headers(msgspec.Struct, frozen=True, rename="camel"):
    topic: str = ""
    message_id: str = ""


class Frame(msgspec.Struct, frozen=True):
    """What came over the connection; *data* is JSON in a text."""

    type: str
    headers: _Headers = _Headers()
    data: str = ""


_frames = msgspec.json.Decoder(Frame)


def read_frame(data: str | bytes) -> Frame | None:
    """A frame; None if it is none."""
    try:
        return _frames.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


class DingTalkStream(DingTalk):
    """One robot."""

    caps = CAPS

    def __init__(self, settings: DingTalkStreamSettings) -> None:
        super().__init__(
            DingTalkSettings(
                app_key=settings.app_key,
                app_secret=settings.app_secret,
                robot_code=settings.robot_code,
                api_url=settings.api_url,
                session_url=settings.session_url,
            )
        )
        self._gateway = PlatformApi(settings.api_url)

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """Nothing that comes by webhook is DingTalk's."""
        del request, now_s
        raise HookRefused("this robot has a connection and no webhook")

    async def listen(self, take: Take) -> None:
        """Hold the connection; see :class:`~gateway.channels.contract.Channel`."""
        socket = await open_socket(await self._ticketed(), _PING_S)
        reading = asyncio.create_task(self._follow(socket, take))
        try:
            await asyncio.shield(reading)
        finally:
            try:
                await _close(socket)
                # What was on its way when we closed is read to the end.
                await asyncio.wait([reading], timeout=LAST_S)
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _ticketed(self) -> str:
        """Where to connect, with a ticket that is good once."""
        body = {
            "clientId": self._settings.app_key,
            "clientSecret": self._settings.app_secret,
            "subscriptions": [{"type": "CALLBACK", "topic": _TOPIC}],
            "ua": "tidegate",
        }
        try:
            said = (await self._gateway.post(_OPEN, body)).json()
        except (NotSent, NoAnswer) as exc:
            raise PlatformDown(f"connections/open: {exc}") from exc
        endpoint, ticket = str(said.get("endpoint", "")), str(said.get("ticket", ""))
        if not ticket or not is_private(endpoint, "ws"):
            raise PlatformDown(
                f"not let in: {str(said.get('code', 'no ticket'))[:100]}"
            )
        return f"{endpoint}?ticket={quote_plus(ticket)}"

    async def _follow(self, socket: ClientConnection, take: Take) -> None:
        """One frame after the other until the end; returns if we were asked to go."""
        is_asked = False
        try:
            async for data in socket:
                frame = read_frame(data)
                if frame is not None:
                    await whole(self._heard(socket, frame, take))
                    is_asked |= _is_farewell(frame)
                if is_asked:
                    # What they sent before is still read.
                    await _close(socket)
        except ConnectionClosed as exc:
            raise PlatformDown(f"connection ended: {exc}") from exc
        if not is_asked:
            raise PlatformDown("connection ended")

    async def _heard(self, socket: ClientConnection, frame: Frame, take: Take) -> None:
        said = frame.data
        if frame.type == "CALLBACK" and frame.headers.topic == _TOPIC:
            delivery = self._delivery(frame.data)
            if delivery is not None:
                await take(delivery)
            said = '{"response":"OK"}'
        with suppress(WebSocketException):
            await socket.send(_ack(frame, said), text=True)

    def _delivery(self, data: str) -> Delivery | None:
        """What is not as documented, or another robot's, is left out for good."""
        try:
            return self.decode(RawRequest(method="POST"), data.encode())
        except (HookRefused, HookUnreadable, UnicodeError):
            return None

    async def close(self) -> None:
        """Close the connections."""
        await super().close()
        await self._gateway.close()


def _is_farewell(frame: Frame) -> bool:
    return frame.type == "SYSTEM" and frame.headers.topic == "disconnect"


def _ack(frame: Frame, data: str) -> bytes:
    headers = {
        "messageId": frame.headers.message_id,
        "contentType": "application/json",
    }
    body: dict[str, Any] = {"code": 200, "headers": headers, "message": "OK"}
    return msgspec.json.encode({**body, "data": data})


async def _close(socket: ClientConnection) -> None:
    with suppress(OSError, WebSocketException):
        await socket.close()
