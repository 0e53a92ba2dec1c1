"""
A stand-in for the server of WeCom AI bots: one connection a bot, frames acknowledged.

Written from the documents, apart from the code that speaks with it, and spoken with
by the bots' own client library too (``tests/channels/test_peers.py``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from loadtest.play import Said, encode
from loadtest.waiting import until


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """
    A send that a customer would see.

    Attributes:
        answers: ``msgid`` of the message it answers; empty if it says it by itself.

        buttons: Keys of the card that comes along.
    """

    answers: str
    chat: str
    text: str
    buttons: tuple[str, ...] = ()


class AibotServer:
    """
    The platform.

    Args:
        bots: Secrets by bot.
    """

    def __init__(self, bots: dict[str, str]) -> None:
        self.bots = bots
        self.url = ""
        #: ``deaf`` takes a send and says nothing, ``fast`` says "too many".
        self.mode: Literal["good", "deaf", "fast"] = "good"
        self.answers_pings = True
        self.arrived: list[Arrived] = []
        #: Every connection that was let in, by bot; the last one is the bot's.
        self.lines: dict[str, list[ServerConnection]] = {bot: [] for bot in bots}
        self.refused = 0
        #: Every frame but heartbeats, as it came.
        self.frames: list[dict[str, Any]] = []
        self._asked: dict[str, tuple[str, str]] = {}

    def line(self, bot: str) -> ServerConnection | None:
        """The open connection of a bot."""
        last = self.lines[bot][-1:]
        return last[0] if last and last[0].close_code is None else None

    async def connected(
        self, bot: str, lines: int = 1, limit_s: float = 15.0
    ) -> ServerConnection:
        """The connection of a bot, once it has had so many."""
        await until(lambda: len(self.lines[bot]) >= lines and self.line(bot), limit_s)
        return self.lines[bot][-1]

    async def say(self, bot: str, said: Said, group: str = "") -> str:
        """Bring a message; the ``req_id`` of the callback."""
        line = await self.connected(bot)
        req_id = f"cb{len(self._asked)}"
        self._asked[req_id] = (said.message_id, group or said.user)
        body = callback_body(bot, said, group)
        await line.send(_frame("aibot_msg_callback", req_id, body))
        return req_id

    async def tell(self, bot: str, said: Said, event: dict[str, Any]) -> str:
        """Bring an event of a customer's: ``enter_chat``, ``template_card_event``."""
        line = await self.connected(bot)
        req_id = f"ev{len(self._asked)}"
        if event["eventtype"] == "enter_chat":
            self._asked[req_id] = (event["eventtype"], said.user)
        body = {**callback_body(bot, said), "msgtype": "event", "event": event}
        del body["text"]
        await line.send(_frame("aibot_event_callback", req_id, body))
        return req_id

    async def foreign(self, bot: str, said: Said) -> None:
        """A message to another bot."""
        line = await self.connected(bot)
        body = callback_body("another", said)
        await line.send(_frame("aibot_msg_callback", "x", body))

    async def garbage(self, bot: str) -> None:
        """What is no frame."""
        line = await self.connected(bot)
        for data in ("", "{", "[]", '{"cmd":"aibot_msg_callback","body":7}', b"\xff"):
            await line.send(data)

    async def until(self, count: int, limit_s: float = 15.0) -> list[Arrived]:
        """What arrived, once it is *count* or time is up."""
        with suppress(TimeoutError):
            await until(lambda: len(self.arrived) >= count, limit_s)
        return list(self.arrived)

    async def serve(self, socket: ServerConnection) -> None:
        """One connection, until it ends."""
        bot = ""
        try:
            async for data in socket:
                frame = msgspec.json.decode(data)
                if frame["cmd"] != "ping":
                    self.frames.append(frame)
                if frame["cmd"] == "aibot_subscribe":
                    bot = await self._let_in(socket, frame["body"])
                    code: int | None = 0 if bot else 853000
                else:
                    code = await self._take(frame) if bot else 846600
                if code is not None:
                    await socket.send(_ack(frame["headers"]["req_id"], code))
        except ConnectionClosed:
            pass

    async def _let_in(self, socket: ServerConnection, body: dict[str, Any]) -> str:
        bot = str(body.get("bot_id"))
        if self.bots.get(bot) != body.get("secret"):
            self.refused += 1
            return ""
        before = self.line(bot)
        self.lines[bot].append(socket)
        if before is not None:
            event = {"msgtype": "event", "event": {"eventtype": "disconnected_event"}}
            await before.send(_frame("aibot_event_callback", "ev", event))
            await before.close()
        return bot

    async def _take(self, frame: dict[str, Any]) -> int | None:
        if frame["cmd"] == "ping":
            return 0 if self.answers_pings else None
        if self.mode == "fast":
            return 45009
        found = self._read(frame)
        if isinstance(found, int):
            return found
        self.arrived.append(found)
        return None if self.mode == "deaf" else 0

    def _read(self, frame: dict[str, Any]) -> Arrived | int:
        body, cmd = frame["body"], frame["cmd"]
        if cmd == "aibot_respond_msg":
            return self._answer(frame, body)
        if cmd == "aibot_respond_welcome_msg":
            return self._welcome(frame, body)
        if cmd == "aibot_send_msg" and body["msgtype"] == "markdown":
            text = body["markdown"]["content"]
            return Arrived(answers="", chat=body["chatid"], text=text)
        return 40008

    def _answer(self, frame: dict[str, Any], body: dict[str, Any]) -> Arrived | int:
        asked = self._asked.get(frame["headers"]["req_id"])
        if asked is None:
            return 846605
        if body["msgtype"] not in _STREAMS or not body["stream"]["id"]:
            return 40008
        card = body.get("template_card")
        if card and not (card["card_type"] == "button_interaction" and card["task_id"]):
            return 40008
        return Arrived(
            answers=asked[0],
            chat=asked[1],
            text=body["stream"]["content"],
            buttons=tuple(one["key"] for one in card["button_list"]) if card else (),
        )

    def _welcome(self, frame: dict[str, Any], body: dict[str, Any]) -> Arrived | int:
        """Once for every time that a chat is opened."""
        event, chat = self._asked.pop(frame["headers"]["req_id"], ("", ""))
        if event != "enter_chat" or body["msgtype"] != "text":
            return 846605
        return Arrived(answers=event, chat=chat, text=body["text"]["content"])

    def forget_asked(self) -> None:
        """Answers to earlier messages come too late from now on."""
        self._asked.clear()


_STREAMS = ("stream", "stream_with_template_card")


def callback_body(bot: str, said: Said, group: str = "") -> dict[str, Any]:
    """A text message as the document shows it."""
    return {
        "msgid": said.message_id,
        "aibotid": bot,
        "chattype": "group" if group else "single",
        **({"chatid": group} if group else {}),
        "from": {"userid": said.user},
        "create_time": int(said.at_s),
        "msgtype": "text",
        "text": {"content": said.text},
    }


def _frame(cmd: str, req_id: str, body: dict[str, Any]) -> str:
    return encode({"cmd": cmd, "headers": {"req_id": req_id}, "body": body}).decode()


def _ack(req_id: str, code: int) -> str:
    said = {"headers": {"req_id": req_id}, "errcode": code, "errmsg": "ok"}
    return encode(said).decode()


@asynccontextmanager
async def running_aibot(
    bots: dict[str, str], port: int = 0
) -> AsyncIterator[AibotServer]:
    """A stand-in on 127.0.0.1, on a free port unless one is named."""
    server = AibotServer(bots)
    async with serve(server.serve, "127.0.0.1", port) as listening:
        found = next(iter(listening.sockets)).getsockname()[1]
        server.url = f"ws://127.0.0.1:{found}"
        yield server
