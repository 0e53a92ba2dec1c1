"""
A DingTalk robot over Stream mode: two gateways of one shop, and a stand-in of DingTalk.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inside_gateway import Inside, open_inside
from platform_talk import said

from gateway.channels import connector
from gateway.channels.accounts import troubles
from gateway.channels.contract import (
    Delivery,
    HookRefused,
    PlatformDown,
    RawRequest,
)
from gateway.channels.dingtalk_stream import (
    DingTalkStream,
    DingTalkStreamSettings,
    read_frame,
)
from gateway.config import ChannelConfig, Config
from loadtest.dingtalk_server import StreamServer, running_stream
from loadtest.platform_server import Arrived
from loadtest.waiting import until


pytestmark = pytest.mark.anyio

SHOP = "streamed"
APP = "ding1"
SECRET = "s" * 32
KIND = "dingtalk_stream"


class Two(NamedTuple):
    """Two workers of one shop, and the platform that one of them is connected to."""

    a: Inside
    b: Inside
    server: StreamServer

    async def settle(self) -> None:
        """Wait until nothing is answered and nothing pushed."""
        for one in (self.a, self.b):
            await one.rest()
            await one.gateway.channels.deliverer.rest()


def to(arrived: Arrived) -> str:
    """Who hears a send."""
    user: str = arrived.body["userIds"][0]
    return user


def words(arrived: Arrived) -> str:
    """What it says."""
    text: str = msgspec.json.decode(arrived.body["msgParam"])["content"]
    return text


def settings_of(server: StreamServer, secret: str = SECRET) -> DingTalkStreamSettings:
    """The app at that stand-in."""
    return DingTalkStreamSettings(
        app_key=APP,
        app_secret=secret,
        robot_code=APP,
        api_url=server.url,
        session_url=server.url,
    )


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[StreamServer]:
    """The platform."""
    async with running_stream({APP: SECRET}) as found:
        yield found


@pytest.fixture(scope="module")
async def pair(config: Config, server: StreamServer) -> AsyncIterator[Two]:
    """Two gateways with one robot."""
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(connector, "LOOK_AGAIN_S", 0.1)
        quick.setattr(connector, "FIRST_PAUSE_S", 0.02)
        channels = (
            ChannelConfig(name="app"),
            ChannelConfig(name=KIND, platform=settings_of(server)),
        )
        shop = msgspec.structs.replace(config.shops[0], id=SHOP, channels=channels)
        ours = msgspec.structs.replace(config, shops=(shop,))
        async with open_inside(ours, "a") as a, open_inside(ours, "b") as b:
            yield Two(a, b, server)


@pytest.fixture
async def two(pair: Two) -> Two:
    """One of them has the connection."""
    for one in (pair.a, pair.b):
        if not one.gateway.channels.connector._tasks:
            one.gateway.channels.connector.start()
    await pair.server.connected(APP)
    await pair.settle()
    pair.server.arrived.clear()
    pair.server.acks.clear()
    return pair


async def test_a_message_is_acknowledged_and_answered(two: Two) -> None:
    """Taken once it is on disk; the answer goes to the member by HTTP."""
    message = said("多久发货")
    name = await two.server.say(APP, message)
    (found,) = await two.server.until(1)
    assert to(found) == message.user
    assert words(found).startswith("【智能客服】")
    assert "48 小时" in words(found)
    assert [ack["headers"]["messageId"] for ack in two.server.acks] == [name]
    assert two.server.acks[0]["code"] == 200


async def test_copies_and_a_replay_are_one_message(two: Two) -> None:
    """Fifty frames of one message, each acknowledged: one answer."""
    message = said("怎么退货")
    await asyncio.gather(*(two.server.say(APP, message) for _ in range(50)))
    await two.server.until(1)
    await until(lambda: len(two.server.acks) == 50)
    await two.settle()
    assert len(two.server.arrived) == 1


async def test_two_messages_of_a_new_customer_keep_their_order(two: Two) -> None:
    """The first one is answered first."""
    user = said().user
    for text in ("多久发货", "怎么退货"):
        await two.server.say(APP, said(text, user))
    found = await two.server.until(2)
    assert "48 小时" in words(found[0])
    assert "退货" in words(found[1])


async def test_a_ping_is_answered_with_its_own_data(two: Two) -> None:
    """As DingTalk checks that somebody is there."""
    name = await two.server.system(APP, "ping")
    await until(lambda: two.server.acks)
    ack = two.server.acks[0]
    assert ack["headers"]["messageId"] == name
    assert msgspec.json.decode(ack["data"]) == {"opaque": "o-1"}


async def test_asked_to_go_it_comes_back_at_once(two: Two) -> None:
    """DingTalk moves connections about: what it says meanwhile is not lost."""
    lines, messages = len(two.server.lines[APP]), [said() for _ in range(6)]
    for number, one in enumerate(messages):
        if number == 3:
            await two.server.system(APP, "disconnect")
        await two.server.say(APP, one)
    await two.server.until(len(messages))
    await two.settle()
    assert sorted(map(to, two.server.arrived)) == sorted(one.user for one in messages)
    assert len(two.server.lines[APP]) == lines + 1


async def test_a_holder_that_stops_loses_and_doubles_nothing(two: Two) -> None:
    """Messages all the time while the connection goes to the other worker."""
    messages = [said() for _ in range(12)]
    holder = two.a if two.a.gateway.channels.connector._tasks else two.b
    for number, one in enumerate(messages):
        if number == 6:
            await holder.gateway.channels.disconnect()
        await two.server.say(APP, one)
    await two.server.until(len(messages))
    await two.settle()
    assert sorted(map(to, two.server.arrived)) == sorted(one.user for one in messages)


async def test_what_was_not_acknowledged_comes_again_and_is_answered_once(
    two: Two,
) -> None:
    """Cut in the middle: DingTalk brings it over the next connection."""
    message = said()
    line = await two.server.connected(APP)
    lines = len(two.server.lines[APP])
    await line.close()
    name = f"again-{message.message_id}"
    two.server._open[name] = two.server.frame_of(APP, message, name)
    await two.server.connected(APP, lines + 1)
    (found,) = await two.server.until(1)
    assert to(found) == message.user
    await until(lambda: name not in two.server._open)


async def test_strange_frames_and_other_robots_are_left(two: Two) -> None:
    """And the connection stays."""
    lines = len(two.server.lines[APP])
    await two.server.garbage(APP)
    await two.server.foreign(APP, said())
    message = said()
    await two.server.say(APP, message)
    (found,) = await two.server.until(1)
    assert to(found) == message.user
    assert len(two.server.lines[APP]) == lines


async def take_nothing(delivery: Delivery) -> None:
    """Nobody is there."""
    del delivery


async def test_a_wrong_secret_is_not_let_in(server: StreamServer) -> None:
    """It ends at once, and says so."""
    robot = DingTalkStream(settings_of(server, "wrong"))
    with pytest.raises(PlatformDown, match="authFailed"):
        await robot.listen(take_nothing)
    await robot.close()


def test_nothing_comes_in_by_webhook(server: StreamServer) -> None:
    """Whoever posts to the hook of such a channel is refused."""
    robot = DingTalkStream(settings_of(server))
    with pytest.raises(HookRefused):
        robot.verify(RawRequest(method="POST", body=b"{}"), 0.0)


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("https://api.dingtalk.com", True),
        ("http://127.0.0.1:9", True),
        ("http://api.dingtalk.com", False),
    ],
)
def test_the_secret_leaves_this_machine_only_encrypted(url: str, is_fine: bool) -> None:
    """A plain http:// address elsewhere is refused at the start, by name."""
    settings = DingTalkStreamSettings(
        app_key=APP, app_secret=SECRET, robot_code=APP, api_url=url
    )
    found = " ".join(troubles(settings))
    assert ("platform.api_url" in found) is not is_fine


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_frame_breaks_the_connection(data: str | bytes) -> None:
    """Whatever comes is a frame, or nothing."""
    frame = read_frame(data)
    assert frame is None or isinstance(frame.type, str)
