"""
What every channel promises, on every channel there is: real bytes in, real HTTP out.
"""

from __future__ import annotations

import asyncio
import time

import pytest
from platform_talk import Talk, changed, said

from gateway.channels.contract import Channel
from gateway.channels.registry import open_channel
from loadtest.platform_server import Manners
from loadtest.players import PLAYERS


pytestmark = pytest.mark.anyio


def caps_of(talk: Talk, kind: str) -> Channel:
    return open_channel(talk.accounts["demo", kind])


async def test_a_message_is_taken_and_its_answer_goes_to_who_wrote(
    talk: Talk, kind: str
) -> None:
    """From the platform's bytes to the platform's interface, AI said to be AI."""
    message = said("多久发货")
    await talk.bring(kind, message)
    arrived = await talk.arrived(kind)
    assert len(arrived) == 1
    to, text = PLAYERS[kind].heard(arrived[0].body)
    assert str(to) in (message.user, "")
    assert message.user in arrived[0].path + arrived[0].raw or kind == "wecom_bot"
    assert text.startswith("【智能客服】")
    assert "48 小时" in text


async def test_the_handshake_is_answered_as_documented(talk: Talk, kind: str) -> None:
    """Byte for byte, and nothing is stored."""
    make = PLAYERS[kind].handshake
    if make is None:
        pytest.skip(f"{kind} has no handshake")
    request, expected = make(talk.accounts["demo", kind], time.time())
    answer = await talk.call(kind, request)
    assert (answer.status_code, answer.content) == (200, expected)


async def test_copies_at_once_are_one_message(talk: Talk, kind: str) -> None:
    """Fifty deliveries of one message: each acknowledged, one answer."""
    request = talk.request(kind, said("怎么退货"))
    answers = await asyncio.gather(*(talk.call(kind, request) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    await talk.heard(kind)
    await talk.settle()
    assert len(await talk.heard(kind)) == 1


async def test_a_replay_is_not_processed_again(talk: Talk, kind: str) -> None:
    """The same bytes later: acknowledged, so that it ends, and nothing happens."""
    request = talk.request(kind, said())
    await talk.call(kind, request)
    before = await talk.heard(kind)
    for _ in range(20):
        assert (await talk.call(kind, request)).status_code == 200
    await talk.settle()
    assert await talk.heard(kind) == before


async def test_two_messages_of_a_new_customer_keep_their_order(
    talk: Talk, kind: str
) -> None:
    """A few milliseconds apart: one conversation, each answered, in order."""
    user = said().user
    first, second = said("多久发货", user), said("怎么退货", user)
    one = asyncio.create_task(talk.call(kind, talk.request(kind, first)))
    await asyncio.sleep(0.03)
    await talk.bring(kind, second)
    assert (await one).status_code == 200
    said_all = await talk.all_heard(kind, answers=2)
    await talk.settle()
    assert said_all == await talk.all_heard(kind, answers=2)
    assert said_all.index("48 小时") < said_all.index("退货")


async def test_a_signature_of_another_shop_is_refused(talk: Talk, kind: str) -> None:
    """Two shops on one platform never meet."""
    request = talk.request(kind, said(), shop="rival", brings=False)
    answer = await talk.call(kind, request, shop="demo")
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
    await talk.settle()
    assert await talk.heard(kind, 0) == []


async def test_no_signature_at_all_is_refused(talk: Talk, kind: str) -> None:
    """Neither with the headers and parameters gone, nor with empty ones."""
    request = talk.request(kind, said(), brings=False)
    bare = {"content-type": request.headers["content-type"]}
    empty = {**dict.fromkeys(request.headers, ""), **bare}
    for headers in (bare, empty):
        for query in ({}, dict.fromkeys(request.query, "")):
            again = changed(request, headers=headers, query=query)
            assert (await talk.call(kind, again)).status_code == 401


async def test_an_old_time_stamp_is_refused(talk: Talk, kind: str) -> None:
    """Signed well, too long ago, or in the future."""
    channel = caps_of(talk, kind)
    if not channel.caps.skew_s:
        pytest.skip(f"{kind} signs no time")
    for away_s in (-channel.caps.skew_s - 5, channel.caps.skew_s + 5):
        request = talk.request(kind, said(at_s=time.time() + away_s), brings=False)
        assert (await talk.call(kind, request)).status_code == 401


async def test_a_platform_that_is_away_for_a_while_loses_and_doubles_nothing(
    talk: Talk, kind: str
) -> None:
    """Refused once, then well: the answer is there, once."""
    talk.platform.manners(Manners(mode="down", for_calls=1))
    await talk.bring(kind, said())
    assert len(await talk.heard(kind)) == 1
    await talk.settle()
    assert len(await talk.heard(kind)) == 1


async def test_what_is_not_a_message_is_acknowledged_and_left(
    talk: Talk, kind: str
) -> None:
    """A signed text of blanks starts no turn and no retries."""
    answer = await talk.call(kind, talk.request(kind, said(" ")))
    assert answer.status_code == 200
    await talk.settle()
    assert await talk.heard(kind, 0) == []
