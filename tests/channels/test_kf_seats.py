"""
A shop whose people sit on WeCom's own seats: who has the session is the same on both
sides.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import msgspec
import pytest
from inside_gateway import Inside, open_inside
from platform_talk import said

from gateway.channels.contract import Piece, Refused
from gateway.channels.platform_api import Reply
from gateway.channels.wecom_kf import WecomKf
from gateway.config import ChannelConfig, Config
from gateway.store.keys import bucket_of
from loadtest.platform_process import PlatformControl, running_platforms
from loadtest.play import Said
from loadtest.players import PLAYERS
from loadtest.players_china import wecom_kf_row


pytestmark = pytest.mark.anyio

SHOP = "seated"


class Seated(NamedTuple):
    """The gateway, the platform and the account."""

    inside: Inside
    platform: PlatformControl
    settings: Any

    async def bring(self, row: dict[str, Any], message: Said) -> None:
        """Something to pull, and the hint; until it is dealt with."""
        self.platform.pull([row])
        request = PLAYERS["wecom_kf"].hook(self.settings, message)
        answer = await self.inside.http.post(
            f"/v1/hooks/wecom_kf/{SHOP}",
            params=dict(request.query),
            headers=dict(request.headers),
            content=request.body,
        )
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(0.3)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is answered and nothing pushed."""
        await self.inside.rest()
        await self.inside.gateway.channels.deliverer.rest()

    def texts(self) -> list[str]:
        """What the customer heard."""
        return [
            one.body["text"]["content"]
            for one in self.platform.arrived()
            if one.kind == "wecom_kf"
        ]

    async def owner(self, conversation: str) -> str:
        """Who has it."""
        conversations = self.inside.gateway.dispatcher._conversations
        return await conversations.owner(SHOP, conversation)


@pytest.fixture(scope="module")
def own_platform() -> Iterator[PlatformControl]:
    """Nobody else pulls here."""
    with running_platforms() as control:
        yield control


@pytest.fixture(scope="module")
async def seated(
    config: Config, own_platform: PlatformControl
) -> AsyncIterator[Seated]:
    """One shop with one account."""
    settings = msgspec.structs.replace(
        PLAYERS["wecom_kf"].settings(own_platform.url),  # type: ignore[type-var]
        seats="wecom",
        goodbye="感谢咨询。",
    )
    channels = (
        ChannelConfig(name="app"),
        ChannelConfig(name="wecom_kf", platform=settings),
    )
    shop = msgspec.structs.replace(config.shops[0], id=SHOP, channels=channels)
    ours = msgspec.structs.replace(config, shops=(shop,))
    async with open_inside(ours, "a") as inside:
        yield Seated(inside, own_platform, settings)


def ended(customer: str, code: str) -> dict[str, Any]:
    """A seat ends a session."""
    event = {
        "event_type": "session_status_change",
        "open_kfid": "wk1",
        "external_userid": f"wm{customer}",
        "change_type": 3,
        "msg_code": code,
    }
    row = {"msgid": said().message_id, "origin": 4, "msgtype": "event"}
    return {**row, "send_time": int(time.time()), "event": event}


async def test_in_wecoms_line_silent_there_and_back_when_it_ends(
    seated: Seated,
) -> None:
    """Our last word, then their line; we are silent in it; a goodbye; answered again."""
    first = said("转人工")
    chat = f"wecom_kf.wk1:wm{first.user}"
    await seated.bring(wecom_kf_row(first), first)
    before = seated.texts()
    assert before
    assert seated.platform.statuses() == [f"wm{first.user}:2"]
    more = said("多久发货", first.user)
    await seated.bring(wecom_kf_row(more), more)
    assert not any("48 小时" in text for text in seated.texts())
    await seated.bring(ended(first.user, "code-1"), said(user=first.user))
    await seated.inside.gateway._sweeper._sweep(SHOP, bucket_of(chat))
    await seated.settle()
    assert await seated.owner(chat) == ""
    farewells = [
        one.body for one in seated.platform.arrived() if one.kind == "wecom_kf_courtesy"
    ]
    assert [one["text"]["content"] for one in farewells] == ["感谢咨询。"]
    again = said("多久发货", first.user)
    await seated.bring(wecom_kf_row(again), again)
    assert any("48 小时" in text for text in seated.texts())
    assert seated.platform.statuses() == [f"wm{first.user}:2"]


class Full(WecomKf):
    """The platform's answer while a seat has the session."""

    async def _post(self, path: str, body: dict[str, Any]) -> Reply:
        del path, body
        return Reply(status=200, body=b'{"errcode": 95018, "errmsg": "session"}')


async def test_news_of_our_line_are_dropped_while_a_seat_has_it() -> None:
    """WeCom refuses them; they would be stale when it takes sends again."""
    own = PLAYERS["wecom_kf"].settings("http://127.0.0.1:9")
    piece = Piece(
        key="b" * 32,
        address={"user": "wm1", "account": "wk1"},
        text="前面还有 2 位",
        who="notice",
        handoff="h1",
    )
    for seats, is_final in (("wecom", True), ("ours", False)):
        channel = Full(msgspec.structs.replace(own, seats=seats))  # type: ignore[type-var]
        refused = await channel.send(piece)
        await channel.close()
        assert isinstance(refused, Refused)
        assert (refused.reason, refused.is_final) == ("window_closed", is_final)
