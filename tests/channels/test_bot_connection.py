"""
A WeCom AI bot over its connection: two gateways of one shop, and a server of bots.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inside_gateway import Inside, open_inside
from platform_talk import WELCOME, said

from gateway.channels import aibot_frames, connector
from gateway.channels.accounts import Accounts, AccountSettings, troubles
from gateway.channels.aibot_frames import read_frame
from gateway.channels.contract import (
    Delivery,
    HookRefused,
    HookUnreadable,
    Piece,
    PlatformDown,
    RawRequest,
    Refused,
    Sent,
    Unknown,
)
from gateway.channels.wecom_bot_socket import (
    Asked,
    WecomBotSocket,
    WecomBotSocketSettings,
)
from gateway.config import ChannelConfig, Config
from gateway.store.errors import StoreUnavailable
from loadtest.aibot_server import AibotServer, running_aibot
from loadtest.waiting import until


pytestmark = pytest.mark.anyio

SHOP = "botted"
BOT = "aib-1"
SECRET = "s" * 32
MARK = "【智能客服】"
KIND = "wecom_bot_socket"


class Two(NamedTuple):
    """Two workers of one shop, and the server that one of them is connected to."""

    a: Inside
    b: Inside
    server: AibotServer

    async def settle(self) -> None:
        """Wait until nothing is answered and nothing pushed."""
        for one in (self.a, self.b):
            await one.rest()
            await one.gateway.channels.deliverer.rest()

    def holder(self) -> Inside | None:
        """Who holds the connection."""
        held = [one for one in (self.a, self.b) if channel_of(one).is_reachable]
        assert len(held) < 2
        return held[0] if held else None


def channel_of(inside: Inside) -> Any:
    """The bot as one gateway has it."""
    account = inside.gateway.channels.accounts.get(SHOP, KIND)
    assert account is not None
    return account.channel


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[AibotServer]:
    """The platform."""
    async with running_aibot({BOT: SECRET, "direct": SECRET}) as found:
        yield found


@pytest.fixture(scope="module")
async def pair(config: Config, server: AibotServer) -> AsyncIterator[Two]:
    """Two gateways with one bot."""
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(connector, "LOOK_AGAIN_S", 0.1)
        quick.setattr(connector, "FIRST_PAUSE_S", 0.02)
        platform = WecomBotSocketSettings(
            bot_id=BOT, secret=SECRET, url=server.url, welcome=WELCOME
        )
        channels = (
            ChannelConfig(name="app"),
            ChannelConfig(name=KIND, platform=platform),
        )
        shop = msgspec.structs.replace(config.shops[0], id=SHOP, channels=channels)
        ours = msgspec.structs.replace(config, shops=(shop,))
        async with open_inside(ours, "a") as a, open_inside(ours, "b") as b:
            yield Two(a, b, server)


@pytest.fixture
async def two(pair: Two) -> Two:
    """Both look for the connection, one has it, and the server has good manners."""
    pair.server.mode, pair.server.answers_pings = "good", True
    for one in (pair.a, pair.b):
        if not one.gateway.channels.connector._tasks:
            one.gateway.channels.connector.start()
    await until(pair.holder)
    await pair.settle()
    pair.server.arrived.clear()
    return pair


async def test_a_message_is_answered_as_that_message(two: Two) -> None:
    """The answer names the message it answers, and that a machine gives it."""
    message = said("多久发货")
    await two.server.say(BOT, message)
    (found,) = await two.server.until(1)
    assert (found.answers, found.chat) == (message.message_id, message.user)
    assert found.text.startswith(MARK)
    assert "48 小时" in found.text


async def test_in_a_group_it_is_the_group_that_hears(two: Two) -> None:
    """Two people of one group are two conversations."""
    for one in (said("多久发货"), said("怎么退货")):
        await two.server.say(BOT, one, group="wr-1")
    found = await two.server.until(2)
    assert {one.chat for one in found} == {"wr-1"}
    assert len({one.answers for one in found}) == 2


async def test_who_opens_the_chat_is_greeted(two: Two) -> None:
    """As the answer to that event, once; and nothing is stored."""
    someone = said()
    await two.server.tell(BOT, someone, {"eventtype": "enter_chat"})
    (found,) = await two.server.until(1)
    assert (found.answers, found.chat, found.text) == (
        "enter_chat",
        someone.user,
        WELCOME,
    )
    await two.settle()
    assert len(two.server.arrived) == 1


async def test_a_tap_on_a_card_is_what_its_button_says(two: Two) -> None:
    """The answer to it is said by itself: a tap has none of its own."""
    card = {"card_type": "button_interaction", "event_key": "多久发货", "task_id": "t"}
    event = {"eventtype": "template_card_event", "template_card_event": card}
    await two.server.tell(BOT, said(), event)
    (found,) = await two.server.until(1)
    assert "48 小时" in found.text
    assert found.answers == ""


async def test_copies_and_a_replay_are_one_message(two: Two) -> None:
    """Fifty at once and once more later: one answer."""
    message = said("怎么退货")
    await asyncio.gather(*(two.server.say(BOT, message) for _ in range(50)))
    await two.server.until(1)
    await two.server.say(BOT, message)
    await asyncio.sleep(0.1)
    await two.settle()
    assert len(two.server.arrived) == 1


async def test_two_messages_of_a_new_customer_keep_their_order(two: Two) -> None:
    """Each is answered as itself, the first one first."""
    user = said().user
    first, second = said("多久发货", user), said("怎么退货", user)
    await two.server.say(BOT, first)
    await two.server.say(BOT, second)
    found = await two.server.until(2)
    assert [one.answers for one in found] == [first.message_id, second.message_id]
    assert "48 小时" in found[0].text


async def test_a_holder_that_stops_loses_and_doubles_nothing(two: Two) -> None:
    """Messages all the time while the connection goes from one worker to the other."""
    messages = [said() for _ in range(12)]
    before = two.holder()
    assert before is not None
    for number, one in enumerate(messages):
        if number == 6:
            before.gateway.dispatcher.begin_drain()
            await before.gateway.channels.disconnect()
            before.gateway.dispatcher._is_draining = False
        await two.server.say(BOT, one)
    await two.server.until(len(messages))
    await two.settle()
    assert sorted(one.chat for one in two.server.arrived) == sorted(
        one.user for one in messages
    )
    assert two.holder() is not before


async def test_an_answer_waits_until_the_connection_is_back(two: Two) -> None:
    """Ended by the platform before the answer: it comes over the next connection."""
    line = await two.server.connected(BOT)
    lines = len(two.server.lines[BOT])
    message = said()
    await two.server.say(BOT, message)
    await line.close()
    await two.server.connected(BOT, lines + 1)
    (found,) = await two.server.until(1)
    assert found.chat == message.user
    await two.settle()
    assert len(two.server.arrived) == 1


async def test_a_store_that_is_away_costs_no_message(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform does not repeat; we do, until it is on disk."""
    holder = two.holder()
    assert holder is not None
    hooks = holder.gateway.channels.hooks
    real, tries = hooks.accept, []

    async def away(*args: Any) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnavailable("away")
        await real(*args)

    monkeypatch.setattr(hooks, "accept", away)
    message = said()
    await two.server.say(BOT, message)
    (found,) = await two.server.until(1)
    assert found.answers == message.message_id
    assert len(tries) == 3


async def test_who_has_no_connection_leaves_a_send_on_its_way_as_it_is(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder died after its send; another process looks first: it is sent once."""
    holder = two.holder()
    other = two.b if holder is two.a else two.a
    assert holder is not None
    for one in (holder, other):
        monkeypatch.setattr(
            one.gateway.channels.deliverer._deliveries, "_lease_ms", 200
        )
    bot = channel_of(holder)
    real, dead = bot.send, asyncio.Event()

    async def die(piece: Piece) -> object:
        bot.send = real
        await real(piece)
        dead.set()
        raise asyncio.CancelledError

    bot.send = die
    someone = said()
    await two.server.say(BOT, someone)
    await asyncio.wait_for(dead.wait(), 10)
    await asyncio.sleep(0.25)
    for one in (other, holder):
        await one.gateway.channels.deliverer.deliver(SHOP, f"{KIND}.{someone.user}")
    await two.settle()
    await asyncio.sleep(0.1)
    assert [one.chat for one in two.server.arrived] == [someone.user]


async def test_too_many_is_tried_again(two: Two) -> None:
    """What the platform refused comes later, once."""
    two.server.mode = "fast"
    await two.server.say(BOT, said())
    await asyncio.sleep(0.2)
    assert two.server.arrived == []
    two.server.mode = "good"
    assert len(await two.server.until(1)) == 1


@pytest.fixture
async def direct(server: AibotServer) -> AsyncIterator[WecomBotSocket]:
    """A bot of its own, connected, whose messages go nowhere."""
    settings = WecomBotSocketSettings(bot_id="direct", secret=SECRET, url=server.url)
    bot = WecomBotSocket(settings, heartbeat_s=0.05)

    async def take(delivery: Delivery) -> None:
        del delivery

    server.mode, server.answers_pings = "good", True
    server.arrived.clear()
    listening = asyncio.create_task(bot.listen(take))
    await until(lambda: bot.is_reachable)
    bot.listening = listening  # type: ignore[attr-defined]
    yield bot
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert not bot.is_reachable


def piece(user: str, text: str = "您好") -> Piece:
    """Something to say."""
    address = {"chat": user, "type": "1"}
    return Piece(key="a" * 32, address=address, text=text, conversation_id=user)


async def test_what_answers_nothing_is_said_by_itself(
    direct: WecomBotSocket, server: AibotServer
) -> None:
    """The second send after one message, and one whose message is too old by now."""
    message = said()
    await server.say("direct", message)
    await asyncio.sleep(0.1)
    for _ in range(2):
        assert await direct.send(piece(message.user)) == Sent()
    assert [one.answers for one in server.arrived] == [message.message_id, ""]
    await server.say("direct", said(user=message.user))
    await asyncio.sleep(0.1)
    server.forget_asked()
    assert await direct.send(piece(message.user)) == Sent()
    assert server.arrived[-1].answers == ""


async def test_choices_are_buttons_under_an_answer_and_words_elsewhere(
    direct: WecomBotSocket, server: AibotServer
) -> None:
    """A card comes along with the answer; what is said by itself spells them out."""
    someone = said()
    await server.say("direct", someone)
    await asyncio.sleep(0.1)
    asked = msgspec.structs.replace(piece(someone.user), choices=("确认", "取消"))
    for _ in range(2):
        assert await direct.send(asked) == Sent()
    assert [one.buttons for one in server.arrived] == [("确认", "取消"), ()]
    assert server.arrived[1].text == "您好\n（请回复：确认 / 取消）"


async def test_an_acknowledgement_that_never_comes_is_unknown(
    direct: WecomBotSocket, server: AibotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither "sent" nor "refused"; a connection that is gone is "refused"."""
    monkeypatch.setattr(aibot_frames, "ACK_S", 0.1)
    server.mode = "deaf"
    assert isinstance(await direct.send(piece("u1")), Unknown)
    server.mode = "good"
    await (await server.connected("direct")).close()
    await asyncio.sleep(0.05)
    refused = await direct.send(piece("u1"))
    assert isinstance(refused, Refused)
    assert refused.reason == "unreachable"


async def test_heartbeats_without_answers_end_the_connection(
    direct: WecomBotSocket, server: AibotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is half dead is not spoken into for long."""
    monkeypatch.setattr(aibot_frames, "ACK_S", 0.05)
    server.answers_pings = False
    with pytest.raises(PlatformDown, match="heartbeats"):
        await asyncio.wait_for(direct.listening, 5)  # type: ignore[attr-defined]


async def test_who_is_displaced_does_not_fight(
    two: Two, server: AibotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else connects as our bot: the connection is left to them for a while."""
    monkeypatch.setattr(connector, "DISPLACED_S", 0.5)
    settings = WecomBotSocketSettings(bot_id=BOT, secret=SECRET, url=server.url)
    other = WecomBotSocket(settings)

    async def take(delivery: Delivery) -> None:
        del delivery

    listening = asyncio.create_task(other.listen(take))
    await until(lambda: other.is_reachable and two.holder() is None)
    lines = len(server.lines[BOT])
    await asyncio.sleep(0.3)
    assert (two.holder(), len(server.lines[BOT])) == (None, lines)
    await server.connected(BOT, lines + 1)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_a_wrong_secret_is_not_let_in(server: AibotServer) -> None:
    """It ends at once, and says so."""
    settings = WecomBotSocketSettings(bot_id=BOT, secret="wrong", url=server.url)

    async def take(delivery: Delivery) -> None:
        del delivery

    bot = WecomBotSocket(settings)
    with pytest.raises(PlatformDown, match="not let in"):
        await bot.listen(take)
    assert not bot.is_reachable


def test_nothing_comes_in_by_webhook() -> None:
    """Whoever posts to the hook of such a channel is refused."""
    bot = WecomBotSocket(WecomBotSocketSettings(bot_id=BOT, secret=SECRET))
    with pytest.raises(HookRefused):
        bot.verify(RawRequest(method="POST", body=b"{}"), 0.0)


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("wss://openws.work.weixin.qq.com", True),
        ("ws://127.0.0.1:9", True),
        ("ws://example.com", False),
        ("https://example.com", False),
    ],
)
def test_the_secret_leaves_this_machine_only_encrypted(url: str, is_fine: bool) -> None:
    """A plain ws:// address elsewhere is refused at the start, by name."""
    settings = WecomBotSocketSettings(bot_id=BOT, secret=SECRET, url=url)
    assert list(troubles(settings)) == (
        [] if is_fine else ["platform.url must be wss://… (ws:// only on this machine)"]
    )


def test_what_is_missing_is_named() -> None:
    """Both halves of the credentials."""
    found = " ".join(troubles(WecomBotSocketSettings()))
    assert "bot_id" in found
    assert "secret or secret_file" in found


def test_old_messages_and_many_chats_are_forgotten() -> None:
    """What waits for an answer is bounded in time and number."""
    now = [0.0]
    asked = Asked(lambda: now[0])
    asked.add("u1", "r1")
    now[0] = 200.0
    asked.add("u1", "r2")
    now[0] = 350.0
    assert [asked.pop("u1"), asked.pop("u1")] == ["r2", ""]
    for number in range(20_001):
        asked.add(str(number), "r")
    assert (asked.pop("0"), asked.pop("20000")) == ("", "r")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["cmd", "headers", "req_id", "body", "msgid", "from", "text"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_json.map(msgspec.json.encode) | st.binary(max_size=200) | st.text(max_size=200))
def test_no_frame_breaks_the_connection(data: str | bytes) -> None:
    """Whatever comes is a frame, or nothing; its body is a message, or unreadable."""
    frame = read_frame(data)
    bot = WecomBotSocket(WecomBotSocketSettings(bot_id=BOT, secret=SECRET))
    if frame is not None:
        try:
            bot.decode(RawRequest(method="POST"), bytes(frame.body))
        except HookUnreadable:
            return


def test_an_account_opens_without_a_network() -> None:
    """Nothing is connected before somebody listens."""
    settings = WecomBotSocketSettings(bot_id=BOT, secret=SECRET)
    accounts = Accounts([AccountSettings(shop=SHOP, name=KIND, platform=settings)])
    found = accounts.get(SHOP, KIND)
    assert found is not None
    assert not found.channel.is_reachable
