"""
Playing the server of WeCom AI bots, or of DingTalk's Stream mode, for a gateway that
connects to this machine.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.channels.dingtalk_stream import DingTalkStreamSettings
from gateway.channels.wecom_bot_socket import WecomBotSocketSettings
from loadtest.aibot_server import AibotServer, running_aibot
from loadtest.dingtalk_server import StreamServer, running_stream
from loadtest.play import Said
from loadtest.waiting import until


Server = AibotServer | StreamServer
Connecting = WecomBotSocketSettings | DingTalkStreamSettings

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


def address_of(settings: Connecting) -> tuple[str, str]:
    """Name and value of the setting that says where to connect."""
    if isinstance(settings, DingTalkStreamSettings):
        return "api_url", settings.api_url
    return "url", settings.url


def port_of(settings: Connecting) -> int:
    """Where to play; 0 if it connects to the real platform."""
    parts = urlsplit(address_of(settings)[1])
    return parts.port or 0 if parts.scheme in ("ws", "http") else 0


async def play(settings: Connecting, user: str, text: str) -> list[Played]:
    """
    Every step with the number of answers to it.

    Raises:
        OSError: If the port is taken.
    """
    port = port_of(settings)
    if isinstance(settings, DingTalkStreamSettings):
        apps = {settings.app_key: settings.app_secret}
        async with running_stream(apps, port) as stream:
            stream.robots[settings.app_key] = settings.robot_code
            return await _play(stream, settings.app_key, user, text)
    bots = {settings.bot_id: settings.secret}
    async with running_aibot(bots, port) as server:
        return await _play(server, settings.bot_id, user, text)


async def _play(server: Server, name: str, user: str, text: str) -> list[Played]:
    began = time.perf_counter()
    try:
        await server.connected(name, limit_s=CONNECT_S)
    except TimeoutError:
        return [Played("connected", 0, 1, _ms(began))]
    steps = [Played("connected", 1, 1, _ms(began))]
    return steps + await _talk(server, name, user, text)


async def _talk(server: Server, bot: str, user: str, text: str) -> list[Played]:
    first = _said(user, text)
    older, newer = _said(user, f"{text}？", 2.0), _said(user, f"{text}?")
    return [
        await _step(server, "valid", 1, server.say(bot, first)),
        await _step(server, "duplicate", 0, server.say(bot, first)),
        await _step(server, "reordered, newer first", 1, server.say(bot, newer)),
        await _step(server, "reordered, older second", 1, server.say(bot, older)),
        await _step(
            server, "for another bot", 0, server.foreign(bot, _said(user, text))
        ),
        await _step(server, "no frame", 0, server.garbage(bot)),
        await _step(server, "connection cut", 1, _cut(server, bot, _said(user, text))),
    ]


async def _step(
    server: Server, name: str, expected: int, doing: Awaitable[object]
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


async def _cut(server: Server, bot: str, said: Said) -> None:
    """The connection ends at once after a message; the answer comes over the next."""
    line = await server.connected(bot)
    await server.say(bot, said)
    await line.close()
    await until(lambda: server.line(bot), CONNECT_S)


def _said(user: str, text: str, ago_s: float = 0.0) -> Said:
    return Said(secrets.token_hex(8), user, text, time.time() - ago_s)


def _ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1e3, 1)
