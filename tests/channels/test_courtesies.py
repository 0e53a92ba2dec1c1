"""
Who opens a chat is greeted, where the platform lets us: outside the send budget, once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from platform_talk import WELCOME, Talk, said

from gateway.channels.contract import RawRequest
from gateway.channels.signing import WeChatEnvelope
from gateway.channels.xml_fields import fields_of, xml_of
from loadtest.players import PLAYERS
from loadtest.players_china import sealed_json, sealed_xml
from loadtest.players_west import line_sign


pytestmark = pytest.mark.anyio


def kf_row(**event: Any) -> dict[str, Any]:
    """An event as ``sync_msg`` gives it."""
    row = {"msgid": said().message_id, "origin": 4, "msgtype": "event"}
    account = {"open_kfid": "wk1", "external_userid": "wm1"}
    return {**row, "send_time": int(time.time()), "event": {**account, **event}}


async def test_wecom_kf_is_greeted_by_its_code_once(talk: Talk) -> None:
    """Pulled twice, the code is used up: nobody hears it again, nothing is stored."""
    code = said().message_id
    row = kf_row(event_type="enter_session", welcome_code=code)
    for _ in range(2):
        talk.platform.pull([row])
        hint = talk.request("wecom_kf", said(), brings=False)
        assert (await talk.call("wecom_kf", hint)).status_code == 200
        (greeted,) = await talk.arrived("wecom_kf_courtesy")
        assert greeted.body["code"] == code
        assert greeted.body["text"] == {"content": WELCOME}
    assert await talk.heard("wecom_kf", 0) == []


async def test_line_answers_the_token_of_who_follows(talk: Talk) -> None:
    """A replay has the same token, which LINE takes once."""
    event = {
        "type": "follow",
        "mode": "active",
        "timestamp": int(time.time() * 1000),
        "source": {"type": "user", "userId": "U1"},
        "webhookEventId": said().message_id,
        "replyToken": said().message_id,
    }
    body = msgspec.json.encode({"destination": "Uxx", "events": [event]})
    request = line_sign(talk.accounts["demo", "line"], body)  # type: ignore[arg-type]
    for _ in range(3):
        assert (await talk.call("line", request)).status_code == 200
    (greeted,) = await talk.arrived("line_courtesy")
    assert greeted.body["replyToken"] == event["replyToken"]
    assert greeted.body["messages"] == [{"type": "text", "text": WELCOME}]


def wechat_follow(settings: Any) -> RawRequest:
    """Somebody follows an official account."""
    event = {
        "ToUserName": "gh_1",
        "FromUserName": "o1",
        "CreateTime": str(int(time.time())),
        "MsgType": "event",
        "Event": "subscribe",
    }
    envelope = WeChatEnvelope(settings.token, settings.aes_key, settings.app_id)
    return sealed_xml(envelope, xml_of(event), time.time())


def bot_opened(settings: Any) -> RawRequest:
    """Somebody opens the chat with an AI bot."""
    event = {
        "msgid": said().message_id,
        "aibotid": settings.bot_id,
        "from": {"userid": "zh1"},
        "msgtype": "event",
        "event": {"eventtype": "enter_chat"},
    }
    envelope = WeChatEnvelope(settings.token, settings.aes_key, "")
    return sealed_json(envelope, event, time.time())


def wechat_words(settings: Any, answer: bytes) -> str:
    """What a follower reads in the answer to the webhook."""
    found = fields_of(answer)
    envelope = WeChatEnvelope(settings.token, settings.aes_key, settings.app_id)
    names = ("MsgSignature", "TimeStamp", "Nonce", "Encrypt")
    said_back = fields_of(envelope.open(*(found[name] for name in names)))
    assert (said_back["ToUserName"], said_back["FromUserName"]) == ("o1", "gh_1")
    return said_back["Content"]


def bot_words(settings: Any, answer: bytes) -> str:
    """The same of an AI bot."""
    found = msgspec.json.decode(answer)
    envelope = WeChatEnvelope(settings.token, settings.aes_key, "")
    names = ("msgsignature", "timestamp", "nonce", "encrypt")
    opened = msgspec.json.decode(envelope.open(*(found[name] for name in names)))
    text: str = opened["text"]["content"]
    return text


@pytest.mark.parametrize(
    ("kind", "make", "read"),
    [
        ("wechat", wechat_follow, wechat_words),
        ("wecom_bot", bot_opened, bot_words),
    ],
)
async def test_the_acknowledgement_is_the_greeting(
    talk: Talk,
    kind: str,
    make: Callable[[Any], RawRequest],
    read: Callable[[Any, bytes], str],
) -> None:
    """No send is spent, and a redelivery is answered alike."""
    settings = talk.accounts["demo", kind]
    request = make(settings)
    for _ in range(2):
        answer = await talk.call(kind, request)
        assert answer.status_code == 200
        assert read(settings, answer.content) == WELCOME
    await talk.settle()
    assert await talk.heard(kind, 0) == []


@pytest.mark.parametrize("kind", ["wechat", "wecom_bot"])
def test_without_words_nobody_is_greeted(kind: str) -> None:
    """An empty acknowledgement, as ever."""
    from gateway.channels.registry import open_channel

    settings = PLAYERS[kind].settings("http://127.0.0.1:9")
    request = (wechat_follow if kind == "wechat" else bot_opened)(settings)
    channel = open_channel(settings)
    delivery = channel.decode(request, channel.verify(request, time.time()))
    assert delivery.answer.body in (b"", b"success")
    assert not delivery.messages
