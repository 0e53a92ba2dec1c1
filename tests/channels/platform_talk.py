"""
What tests say as a platform, and what they hear.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
from inside_gateway import Inside

from gateway.channels.contract import RawRequest
from gateway.channels.registry import Platform
from loadtest.platform_process import PlatformControl
from loadtest.platform_server import Arrived
from loadtest.play import Said
from loadtest.players import PLAYERS
from loadtest.players_china import wecom_kf_row


Platforms = Mapping[tuple[str, str], Platform]

#: What shops say to who opens a chat.
WELCOME = "您好，我是智能客服，请讲。"

_numbers = itertools.count(1)


def said(text: str = "多久发货", user: str = "", **more: Any) -> Said:
    """A message of a customer whom nobody has seen before."""
    fields = {
        "message_id": f"{secrets.token_hex(6)}{next(_numbers)}",
        "user": user or str(10**9 + secrets.randbelow(10**9)),
        "text": text,
        "at_s": time.time(),
        **more,
    }
    return Said(**fields)


class Talk:
    """The platforms' side of a gateway."""

    def __init__(
        self, inside: Inside, accounts: Platforms, platform: PlatformControl
    ) -> None:
        self.inside = inside
        self.accounts = accounts
        self.platform = platform

    def request(
        self, kind: str, message: Said, shop: str = "demo", *, brings: bool = True
    ) -> RawRequest:
        """The webhook that brings *message*; what is pulled is put there if it *brings*."""
        if kind == "wecom_kf" and brings:
            self.platform.pull([wecom_kf_row(message)])
        return PLAYERS[kind].hook(self.accounts[shop, kind], message)

    async def call(
        self, kind: str, request: RawRequest, shop: str = "demo"
    ) -> httpx.Response:
        """Make a request as the platform does."""
        return await self.inside.http.request(
            request.method,
            f"/v1/hooks/{kind}/{shop}",
            params=dict(request.query),
            headers=dict(request.headers),
            content=request.body,
        )

    async def bring(self, kind: str, message: Said) -> None:
        """Bring a message that must be taken."""
        answer = await self.call(kind, self.request(kind, message))
        assert answer.status_code == 200, answer.text

    async def heard(self, kind: str, count: int = 1, limit_s: float = 15) -> list[str]:
        """Texts that arrived at a platform, once there are so many."""
        return [
            PLAYERS[kind].heard(one.body)[1]
            for one in await self.arrived(kind, count, limit_s)
        ]

    async def all_heard(self, kind: str, answers: int, limit_s: float = 15) -> str:
        """All that arrived as one text, once it holds so many answers."""
        give_up = time.monotonic() + limit_s
        while True:
            text = "\n".join(await self.heard(kind, 0))
            if text.count("【智能客服】") >= answers or time.monotonic() > give_up:
                assert text.count("【智能客服】") == answers, text
                return text
            await asyncio.sleep(0.05)

    async def arrived(
        self, kind: str, count: int = 1, limit_s: float = 15
    ) -> list[Arrived]:
        """Sends that arrived at a platform, once there are so many."""
        give_up = time.monotonic() + limit_s
        while True:
            found = [
                one
                for one in await asyncio.to_thread(self.platform.arrived)
                if one.kind == kind
            ]
            if len(found) >= count or time.monotonic() > give_up:
                return found
            await asyncio.sleep(0.02)

    async def settle(self) -> None:
        """Wait until the gateway has nothing to answer and nothing to push."""
        await self.inside.rest()
        await asyncio.sleep(0.05)
        await self.inside.gateway.channels.deliverer.rest()


def changed(request: RawRequest, **fields: Any) -> RawRequest:
    """The same request with something else in it."""
    return msgspec.structs.replace(request, **fields)
