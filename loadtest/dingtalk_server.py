"""
A stand-in for DingTalk's Stream mode: tickets, connections, frames acknowledged.

Written from the documents and from what DingTalk's own client library says and
hears, apart from the code that speaks with it, and spoken with by that library too
(``tests/channels/test_peers.py``). The rest of DingTalk is the stand-in of all
platforms, in this process: what arrived is kept there.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import uvicorn

from loadtest.platform_server import Arrived, Platforms, Reply, Send
from loadtest.play import Said, encode
from loadtest.waiting import until


_OPEN = "/v1.0/gateway/connections/open"
_ROBOT = "/v1.0/im/bot/messages/get"


class Line:
    """One connection of an app."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_open = True

    async def send(self, text: str) -> None:
        """Say something."""
        await self._send({"type": "websocket.send", "text": text})

    async def close(self) -> None:
        """End it."""
        self.is_open = False
        with suppress(RuntimeError):
            await self._send({"type": "websocket.close"})


class StreamServer(Platforms):
    """
    The platform.

    Args:
        apps: Secrets by app key; an app's robot has the app key as its code, unless
            ``robots`` says otherwise.
    """

    def __init__(self, apps: dict[str, str]) -> None:
        super().__init__()
        self.apps = apps
        self.robots = {app: app for app in apps}
        self.url = ""
        #: Every connection that was let in, by app; the last one is the app's.
        self.lines: dict[str, list[Line]] = {app: [] for app in apps}
        #: What asked to be let in, and every acknowledgement, as they came.
        self.asked: list[dict[str, Any]] = []
        self.acks: list[dict[str, Any]] = []
        self._tickets: dict[str, str] = {}
        self._open: dict[str, str] = {}

    @property
    def arrived(self) -> list[Arrived]:
        """Every send that a customer would see."""
        return self._arrived

    def line(self, app: str) -> Line | None:
        """The open connection of an app."""
        last = self.lines[app][-1:]
        return last[0] if last and last[0].is_open else None

    async def connected(self, app: str, lines: int = 1, limit_s: float = 15.0) -> Line:
        """The connection of an app, once it has had so many."""
        await until(lambda: len(self.lines[app]) >= lines and self.line(app), limit_s)
        return self.lines[app][-1]

    async def say(self, app: str, said: Said) -> str:
        """Bring a message; the id of its frame. It comes again until it is taken."""
        name = f"f{secrets.token_hex(8)}"
        line = await self.connected(app)
        self._open[name] = self.frame_of(app, said, name)
        await line.send(self._open[name])
        return name

    def frame_of(self, app: str, said: Said, name: str) -> str:
        """A message to the app's robot."""
        body = robot_message(self.robots[app], said, self.url)
        return _frame("CALLBACK", _ROBOT, name, encode(body).decode())

    async def system(self, app: str, topic: str) -> str:
        """``ping``, or ``disconnect``."""
        name = f"s{secrets.token_hex(8)}"
        line = await self.connected(app)
        await line.send(_frame("SYSTEM", topic, name, '{"opaque":"o-1"}'))
        return name

    async def foreign(self, app: str, said: Said) -> None:
        """A message to another robot."""
        body = encode(robot_message("another", said, self.url)).decode()
        await (await self.connected(app)).send(_frame("CALLBACK", _ROBOT, "x", body))

    async def garbage(self, app: str) -> None:
        """What is no frame, or no message."""
        line = await self.connected(app)
        for text in ("", "{", "[]", '{"type":7}', _frame("CALLBACK", _ROBOT, "y", "{")):
            await line.send(text)

    async def until(self, count: int, limit_s: float = 15.0) -> list[Arrived]:
        """What arrived, once it is *count* or time is up."""
        with suppress(TimeoutError):
            await until(lambda: len(self.arrived) >= count, limit_s)
        return list(self.arrived)

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Any], send: Send
    ) -> None:
        """A request, or a connection."""
        if scope["type"] == "websocket":
            await self._serve(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _reply(self, scope: dict[str, Any], body: bytes) -> Reply | None:
        if scope["path"] == _OPEN:
            return self._let_in(msgspec.json.decode(body))
        return await super()._reply(scope, body)

    def _let_in(self, said: dict[str, Any]) -> Reply:
        self.asked.append(said)
        app = str(said.get("clientId"))
        topics = [(one["type"], one["topic"]) for one in said["subscriptions"]]
        if self.apps.get(app) != said.get("clientSecret"):
            return 401, {"code": "authFailed", "message": "鉴权失败"}
        if ("CALLBACK", _ROBOT) not in topics:
            return 400, {"code": "noSubscription"}
        ticket = secrets.token_hex(8)
        self._tickets[ticket] = app
        endpoint = f"{self.url.replace('http', 'ws', 1)}/connect"
        return 200, {"endpoint": endpoint, "ticket": ticket}

    async def _serve(
        self, scope: dict[str, Any], receive: Callable[[], Any], send: Send
    ) -> None:
        ticket = scope["query_string"].decode().removeprefix("ticket=")
        app = self._tickets.pop(ticket, "")
        await receive()
        if not app:
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        line = Line(send)
        self.lines[app].append(line)
        for frame in list(self._open.values()):
            await line.send(frame)
        while (event := await receive())["type"] == "websocket.receive":
            ack = msgspec.json.decode(event.get("text") or event["bytes"])
            self.acks.append(ack)
            self._open.pop(ack["headers"]["messageId"], None)
        line.is_open = False


def robot_message(robot: str, said: Said, url: str) -> dict[str, Any]:
    """A text of a single chat as the document shows it."""
    return {
        "msgId": f"msg{said.message_id}",
        "conversationId": f"cid{said.user}",
        "conversationType": "1",
        "senderId": f"$:{said.user}",
        "senderStaffId": said.user,
        "senderNick": "A",
        "msgtype": "text",
        "text": {"content": said.text},
        "createAt": int(said.at_s * 1000),
        "sessionWebhook": f"{url}/robot/sendBySession?session={said.user}",
        "sessionWebhookExpiredTime": int(said.at_s * 1000) + 5_400_000,
        "robotCode": robot,
    }


def _frame(kind: str, topic: str, name: str, data: str) -> str:
    headers = {"topic": topic, "messageId": name, "contentType": "application/json"}
    frame = {"specVersion": "1.0", "type": kind, "headers": headers, "data": data}
    return encode(frame).decode()


@asynccontextmanager
async def running_stream(
    apps: dict[str, str], port: int = 0
) -> AsyncIterator[StreamServer]:
    """A stand-in on 127.0.0.1, on a free port unless one is named."""
    app = StreamServer(apps)
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off")
    listener = socket.create_server(("127.0.0.1", port))
    app.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield app
    finally:
        server.should_exit = server.force_exit = True
        await serving
        listener.close()
