"""
Playing the server of WeCom AI bots for a gateway that connects to this machine.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.channels.wecom_bot_socket import WecomBotSocketSettings
from loadtest.aibot_server import AibotServer, callback_body, running_aibot, until
from loadtest.play import Said, encode


#: Seconds in which a gateway comes back that could not connect for a while.
CONNECT_S = 45.0
#: Seconds for an answer, and in which an answer too many would come.
ANSWER_S = 30.0
QUIET_S = 2.0


class Played(NamedTuple):
    """One step: what came back, what should, and how long it took."""

    step: str
    found: int
    expected: int
    ms: float


def port_of(settings: WecomBotSocketSettings) -> int:
    """Where to play; 0 if the bot connects to the real platform."""
    parts = urlsplit(settings.url)
    return parts.port or 0 if parts.scheme == "ws" else 0


async def play(settings: WecomBotSocketSettings, user: str, text: str) -> list[Played]:
    """
    Every step with the number of answers to it.

    Raises:
        OSError: If the port is taken.
    """
    bots = {settings.bot_id: settings.secret}
    async with running_aibot(bots, port_of(settings)) as server:
        began = time.perf_counter()
        try:
            await server.connected(settings.bot_id, limit_s=CONNECT_S)
        except TimeoutError:
            return [Played("connected", 0, 1, _ms(began))]
        steps = [Played("connected", 1, 1, _ms(began))]
        return steps + await _talk(server, settings.bot_id, user, text)


async def _talk(server: AibotServer, bot: str, user: str, text: str) -> list[Played]:
    first = _said(user, text)
    older, newer = _said(user, f"{text}？", 2.0), _said(user, f"{text}?")
    return [
        await _step(server, "valid", 1, server.say(bot, first)),
        await _step(server, "duplicate", 0, server.say(bot, first)),
        await _step(server, "reordered, newer first", 1, server.say(bot, newer)),
        await _step(server, "reordered, older second", 1, server.say(bot, older)),
        await _step(server, "for another bot", 0, _foreign(server, bot, user, text)),
        await _step(server, "no frame", 0, _garbage(server, bot)),
        await _step(server, "connection cut", 1, _cut(server, bot, _said(user, text))),
    ]


async def _step(
    server: AibotServer, name: str, expected: int, doing: Awaitable[object]
) -> Played:
    server.arrived.clear()
    began = time.perf_counter()
    await doing
    if expected:
        await server.until(expected, ANSWER_S)
        took_ms = _ms(began)
    else:
        await asyncio.sleep(QUIET_S)
        took_ms = 0.0
    return Played(name, len(server.arrived), expected, took_ms)


async def _foreign(server: AibotServer, bot: str, user: str, text: str) -> None:
    line = await server.connected(bot)
    body = callback_body("another", _said(user, text))
    frame = {"cmd": "aibot_msg_callback", "headers": {"req_id": "x"}, "body": body}
    await line.send(encode(frame).decode())


async def _garbage(server: AibotServer, bot: str) -> None:
    line = await server.connected(bot)
    for data in ("", "{", "[]", '{"cmd":"aibot_msg_callback","body":7}', b"\xff\x00"):
        await line.send(data)


async def _cut(server: AibotServer, bot: str, said: Said) -> None:
    """The connection ends at once after a message; the answer comes over the next."""
    line = await server.connected(bot)
    await server.say(bot, said)
    await line.close()
    await until(lambda: server.line(bot), CONNECT_S)


def _said(user: str, text: str, ago_s: float = 0.0) -> Said:
    return Said(secrets.token_hex(8), user, text, time.time() - ago_s)


def _ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1e3, 1)
