"""
WeCom AI bot (智能机器人) over its long connection: no public address, no webhook.

The n-th answer in a chat goes out as the answer to its n-th message that still waits
(``aibot_respond_msg``), so that WeCom sees every message answered; whatever else is
said there (operators, tickets, after another process took over) goes out by itself
(``aibot_send_msg``). Only the process that holds the connection can send.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gateway.channels.aibot_frames import HEARTBEAT_S, AibotConnection, Frame
from gateway.channels.contract import (
    Caps,
    Courtesy,
    Delivery,
    HookRefused,
    HookUnreadable,
    InboundMessage,
    Outcome,
    Piece,
    PlatformSettings,
    RawRequest,
    Refused,
    Take,
    WebhookChannel,
)
from gateway.channels.platform_api import Reply, outcome, read_json
from gateway.channels.rendering import spelled
from gateway.channels.sockets import LAST_S, whole
from gateway.channels.wechat import judge_errcode
from gateway.channels.wecom_bot import BotMessage, messages, read_message


CAPS = Caps(
    checked_on="2026-11-23",
    max_text=20_480,
    unit="bytes",
    # 30 a minute and chat, answers included.
    pause_s=2.0,
    choices=6,
    retry_window_s=600.0,
    skew_s=0.0,
    keeps_connection=True,
)
#: Seconds for which a message can be answered as such; WeCom ends streams at 600.
ANSWER_S = 300.0
#: Messages that wait for an answer, in all chats.
MAX_ASKED = 20_000
#: Messages that were read and are not on disk yet; then reading pauses.
MAX_MAIL = 1_000
#: Messages that go to disk together.
BATCH = 64
#: ``req_id`` unknown, or its stream is over: said by itself instead.
_TOO_LATE = frozenset({846605, 846608})


class WecomBotSocketSettings(
    PlatformSettings, frozen=True, kw_only=True, tag="wecom_bot_socket"
):
    """
    A WeCom AI bot (智能机器人) over its long connection.

    Attributes:
        bot_id / secret: Of the bot, as its page shows them for 长连接.

        url: Where to connect; wss://, or ws:// on this machine.

        welcome: Said to who opens the chat. Say there that a machine answers.
    """

    bot_id: str = ""
    secret: str = ""
    secret_file: str = ""
    welcome: str = ""
    url: str = "wss://openws.work.weixin.qq.com"


class Asked:
    """Which messages of which chat wait for an answer; forgets the old and the many."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._chats: OrderedDict[str, deque[tuple[float, str]]] = OrderedDict()

    def add(self, chat: str, req_id: str) -> None:
        """A message came."""
        waiting = self._chats.setdefault(chat, deque(maxlen=16))
        waiting.append((self._clock() + ANSWER_S, req_id))
        self._chats.move_to_end(chat)
        if len(self._chats) > MAX_ASKED:
            self._chats.popitem(last=False)

    def pop(self, chat: str) -> str:
        """The oldest message of a chat that can still be answered; empty if none."""
        waiting = self._chats.get(chat, deque())
        found = ""
        while waiting and not found:
            until_s, req_id = waiting.popleft()
            found = req_id if until_s > self._clock() else ""
        if not waiting:
            self._chats.pop(chat, None)
        return found


class WecomBotSocket(WebhookChannel):
    """
    One bot.

    Args:
        heartbeat_s: Seconds between two heartbeats.
    """

    caps = CAPS

    def __init__(
        self, settings: WecomBotSocketSettings, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._settings = settings
        self._heartbeat_s = heartbeat_s
        self._connection: AibotConnection | None = None
        self._mail: asyncio.Queue[InboundMessage | Courtesy] = asyncio.Queue(MAX_MAIL)
        self._asked = Asked(lambda: asyncio.get_running_loop().time())

    @property
    def is_reachable(self) -> bool:
        """Whether this process holds the connection."""
        return self._connection is not None

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """Nothing that comes by webhook is WeCom's."""
        del request, now_s
        raise HookRefused("this bot has a connection and no webhook")

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """The body of a callback."""
        del request
        message = self._read(self._found(trusted))
        return Delivery(messages=(message,) if message else ())

    def _found(self, body: bytes | msgspec.Raw) -> BotMessage:
        found: BotMessage = read_json(messages, bytes(body))
        if found.aibotid and found.aibotid != self._settings.bot_id:
            raise HookUnreadable("for another bot")
        return found

    def _read(self, found: BotMessage) -> InboundMessage | None:
        user = found.sender.userid if found.sender else ""
        kind = "2" if found.chatid else "1"
        return read_message(found, {"chat": found.chatid or user, "type": kind})

    async def listen(self, take: Take) -> None:
        """Hold the connection; see :class:`~gateway.channels.contract.Channel`."""
        connection = await AibotConnection.open(self._settings.url, self._heartbeat_s)
        tasks = [
            asyncio.ensure_future(one)
            for one in (
                connection.read(self._hear),
                self._speak(connection),
                self._empty_mail(take),
            )
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            self._connection = None
            try:
                await connection.close()
                # What was on its way when we closed is read to the end.
                await asyncio.wait(tasks[:1], timeout=LAST_S)
            finally:
                # Also if we are told to stop while we close: no task outlives us.
                await _end(tasks)
                await self._last_mail(take)

    async def _speak(self, connection: AibotConnection) -> None:
        """Once we are let in, sends may leave."""
        settings = self._settings
        await connection.subscribe(settings.bot_id, settings.secret)
        self._connection = connection
        await connection.beat()

    async def _hear(self, frame: Frame) -> None:
        """A callback; what is not as documented is left out, as nobody repeats it."""
        try:
            found = self._found(frame.body)
        except HookUnreadable:
            return
        req_id, welcome, message = (
            frame.headers.req_id,
            self._settings.welcome,
            self._read(found),
        )
        if found.is_arrival and welcome:
            await self._mail.put(Courtesy(code=req_id, text=welcome))
        elif message is not None:
            if found.event is None:
                # A tap on a card has no answer of its own.
                self._asked.add(message.conversation_id, req_id)
            await self._mail.put(message)

    async def _empty_mail(self, take: Take) -> None:
        while True:
            batch = [await self._mail.get()]
            while len(batch) < BATCH and not self._mail.empty():
                batch.append(self._mail.get_nowait())
            await whole(take(_delivery(batch)))

    async def _last_mail(self, take: Take) -> None:
        """What was read must be on disk, whatever ended the connection."""
        left = [self._mail.get_nowait() for _ in range(self._mail.qsize())]
        if left:
            async with asyncio.timeout(LAST_S):
                await take(_delivery(left))

    async def close(self) -> None:
        """Who listens closes the connection; nothing else is open."""

    async def say(self, courtesy: Courtesy) -> Outcome:
        """Greet who opened the chat; WeCom takes it for 5 s."""
        connection = self._connection
        if connection is None:
            return Refused(reason="unreachable", detail="the connection is not here")
        body = {"msgtype": "text", "text": {"content": courtesy.text}}
        return await outcome(_greet(connection, body, courtesy.code), _judge)

    async def send(self, piece: Piece) -> Outcome:
        """As the answer to a message that waits, or by itself."""
        connection = self._connection
        if connection is None:
            return Refused(reason="unreachable", detail="the connection is not here")
        req_id = self._asked.pop(piece.conversation_id)
        return await outcome(_send(connection, piece, req_id), _judge)


async def _send(connection: AibotConnection, piece: Piece, req_id: str) -> Reply:
    if req_id:
        stream = {"id": piece.key, "finish": True, "content": piece.text}
        body: dict[str, Any] = {"msgtype": "stream", "stream": stream, **_card(piece)}
        said = await connection.call("aibot_respond_msg", body, req_id)
        if said.errcode not in _TOO_LATE:
            return _reply(said)
    body = {
        "chatid": piece.address.get("chat", ""),
        "chat_type": int(piece.address.get("type", "1")),
        "msgtype": "markdown",
        # A card holds few words: said by itself, choices are spelled out.
        "markdown": {"content": spelled(piece.text, piece.choices)},
    }
    return _reply(await connection.call("aibot_send_msg", body))


def _card(piece: Piece) -> dict[str, Any]:
    """Buttons under an answer; their keys come back as what was said."""
    if not piece.choices:
        return {}
    buttons = [{"text": one, "style": 1, "key": one} for one in piece.choices]
    card = {
        "card_type": "button_interaction",
        "main_title": {"title": " / ".join(piece.choices)},
        "button_list": buttons,
        "task_id": piece.key,
    }
    return {"msgtype": "stream_with_template_card", "template_card": card}


async def _greet(connection: AibotConnection, body: Any, req_id: str) -> Reply:
    return _reply(await connection.call("aibot_respond_welcome_msg", body, req_id))


def _delivery(mail: Sequence[InboundMessage | Courtesy]) -> Delivery:
    return Delivery(
        messages=tuple(one for one in mail if isinstance(one, InboundMessage)),
        courtesies=tuple(one for one in mail if isinstance(one, Courtesy)),
    )


def _reply(said: Frame) -> Reply:
    """An acknowledgement as the answer over HTTP that it would be."""
    body = {"errcode": said.errcode, "errmsg": said.errmsg}
    return Reply(status=200, body=msgspec.json.encode(body))


def _judge(reply: Reply) -> Outcome | None:
    codes: dict[int, Any] = {
        45009: ("rate_limited", False),
        45002: ("rejected", True),
        40008: ("rejected", True),
    }
    return judge_errcode(reply, frozenset(), codes)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
