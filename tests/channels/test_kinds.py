"""
What customers send besides texts: pictures, voices, order cards, what nobody has a
name for, and events, on every channel, in the platform's own shape.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from platform_talk import said

from gateway.channels.contract import Attachment, Delivery, InboundMessage, PullHint
from gateway.channels.hooks import text_of
from gateway.channels.platform_api import Reply
from gateway.channels.registry import open_channel
from gateway.channels.wecom_kf import WecomKf
from gateway.channels.xml_fields import fields_of, xml_of
from loadtest.players import PLAYERS
from loadtest.players_china import wecom_kf_row


Bend = Callable[[dict[str, Any]], None]


def content(kind: str, **fields: Any) -> str:
    """Feishu's content is JSON in a text."""
    del kind
    return msgspec.json.encode(fields).decode()


def event_of(name: str) -> Bend:
    """A Feishu event of another type."""

    def bend(body: dict[str, Any]) -> None:
        body["header"]["event_type"] = name

    return bend


def at(*path: str | int, drop: tuple[str, ...] = ("text",), **fields: Any) -> Bend:
    """Set *fields* somewhere in a body, and take the text out."""

    def bend(body: dict[str, Any]) -> None:
        place: Any = body
        for step in path:
            place = place[step]
        for name in drop:
            place.pop(name, None)
        place.update(fields)

    return bend


_MSG = ("entry", 0, "changes", 0, "value", "messages", 0)
_LINE = ("events", 0, "message")
_FEISHU = ("event", "message")
#: Channel -> what it is -> the platform's own shape of it.
SHAPES: Mapping[str, Mapping[str, Bend]] = {
    "webhook": {
        "image": at(attachments=[{"kind": "image", "ref": "i1"}]),
        "voice": at(attachments=[{"kind": "voice", "ref": "v1"}]),
        "order": at(order="K3016"),
        "other": at(attachments=[{"kind": "other"}]),
    },
    "telegram": {
        "image": at("message", photo=[{"file_id": "s"}, {"file_id": "i1"}]),
        "voice": at("message", voice={"file_id": "v1", "duration": 1}),
        "other": at("message", contact={"phone_number": "1", "first_name": "A"}),
        "event": at("message", pinned_message={"message_id": 1}),
    },
    "slack": {
        "image": at(
            "event",
            subtype="file_share",
            files=[{"id": "i1", "mimetype": "image/png"}],
        ),
        "voice": at(
            "event",
            subtype="file_share",
            files=[{"id": "v1", "mimetype": "audio/mp4"}],
        ),
        "event": at("event", subtype="message_changed"),
    },
    "line": {
        "image": at(*_LINE, type="image", id="i1"),
        "voice": at(*_LINE, type="audio", id="v1", duration=60000),
        "other": at(*_LINE, type="hologram", id="x"),
        "event": at("events", 0, drop=("message",), type="unfollow"),
    },
    "whatsapp": {
        "image": at(*_MSG, type="image", image={"id": "i1", "mime_type": "image/jpeg"}),
        "voice": at(*_MSG, type="audio", audio={"id": "v1", "voice": True}),
        "other": at(*_MSG, type="contacts", contacts=[{"name": {}}]),
        "event": at(*_MSG, type="reaction", reaction={"emoji": "👍"}),
    },
    "feishu": {
        "image": at(
            *_FEISHU, message_type="image", content=content("image", image_key="i1")
        ),
        "voice": at(
            *_FEISHU, message_type="audio", content=content("audio", file_key="v1")
        ),
        "other": at(*_FEISHU, message_type="share_chat", content=content("", chat="c")),
        "event": event_of("im.message.message_read_v1"),
    },
    "dingtalk": {
        "image": at(msgtype="picture", content={"downloadCode": "i1"}),
        "voice": at(msgtype="audio", content={"downloadCode": "v1", "duration": 1}),
        "other": at(msgtype="unknownMsgType", content={}),
    },
    "wechat": {
        "image": at(
            drop=("Content",), MsgType="image", MediaId="i1", PicUrl="http://x"
        ),
        "voice": at(drop=("Content",), MsgType="voice", MediaId="v1", Format="amr"),
        "order": at(
            drop=("Content",),
            MsgType="miniprogrampage",
            PagePath="pages/order/detail?no=K3016&from=cs",
        ),
        "other": at(drop=("Content",), MsgType="hologram"),
        "event": at(drop=("Content",), MsgType="event", Event="unsubscribe"),
    },
    "wecom_kf": {
        "image": at(msgtype="image", image={"media_id": "i1"}),
        "voice": at(msgtype="voice", voice={"media_id": "v1"}),
        "order": at(
            msgtype="channels_shop_order",
            channels_shop_order={"order_id": "K3016", "product_titles": ""},
        ),
        "other": at(msgtype="business_card", business_card={"userid": "u"}),
        "event": at(msgtype="event", origin=4, event={"event_type": "user_recall_msg"}),
    },
    "wecom_bot": {
        "image": at(msgtype="image", image={"url": "https://x"}),
        "voice": at(msgtype="voice", voice={"content": "多久发货"}),
        "other": at(msgtype="hologram", hologram={}),
        "event": at(msgtype="event", event={"eventtype": "feedback_event"}),
    },
    "chatwoot": {
        "image": at(drop=("content",), attachments=[{"id": 1, "file_type": "image"}]),
        "voice": at(drop=("content",), attachments=[{"id": 1, "file_type": "audio"}]),
        "other": at(drop=("content",), attachments=[{"id": 1, "file_type": "contact"}]),
        "event": at(event="conversation_typing_on"),
    },
}
CASES = [(kind, what) for kind, shapes in SHAPES.items() for what in shapes]
#: Platforms that put voices into words themselves; the file is not told.
_WORDS_ONLY = {"wecom_bot"}


class OnePage(WecomKf):
    """``sync_msg`` gives one row."""

    row: dict[str, Any]

    async def _post(self, path: str, body: dict[str, Any]) -> Reply:
        del path, body
        page = {"errcode": 0, "next_cursor": "1", "msg_list": [self.row]}
        return Reply(status=200, body=msgspec.json.encode(page))


def decoded(kind: str, bend: Bend) -> Delivery:
    """What a channel makes of a message that was bent."""
    settings: Any = PLAYERS[kind].settings("http://127.0.0.1:9")
    if hasattr(settings, "order_param"):
        settings = msgspec.structs.replace(settings, order_param="no")
    if kind == "wecom_kf":
        return asyncio.run(pulled(settings, bend))
    channel, request = open_channel(settings), PLAYERS[kind].hook(settings, said())
    trusted = channel.verify(request, time.time())
    if kind == "wechat":
        fields = fields_of(trusted)
        bend(fields)
        return channel.decode(request, xml_of(fields))
    body = msgspec.json.decode(trusted)
    bend(body)
    return channel.decode(request, msgspec.json.encode(body))


async def pulled(settings: Any, bend: Bend) -> Delivery:
    """The same for the channel that is pulled."""
    channel = OnePage(settings)
    channel.row = wecom_kf_row(said())
    bend(channel.row)
    page = await channel.pull(PullHint(account="wk1", token="t"), "")
    await channel.close()
    return page.delivery


@pytest.mark.parametrize(("kind", "what"), CASES)
def test_what_is_no_text_is_read_as_what_it_is(kind: str, what: str) -> None:
    """And is a message that can be answered: never empty, never dropped."""
    delivery = decoded(kind, SHAPES[kind][what])
    if what == "event":
        assert delivery.messages == ()
        assert delivery.answer.status == 200
        return
    (message,) = delivery.messages
    assert text_of(message, "zh")
    if what == "order":
        assert message.order == "K3016"
        assert "K3016" in text_of(message, "zh")
    elif kind in _WORDS_ONLY and what == "voice":
        assert text_of(message, "zh") == "多久发货"
    else:
        assert [one.kind for one in message.attachments] == [what]


def test_every_channel_is_here() -> None:
    """Pictures and voices come on all of them."""
    assert set(SHAPES) == set(PLAYERS)
    assert all({"image", "voice"} <= set(shapes) for shapes in SHAPES.values())


def test_a_voice_that_was_put_into_words_is_those_words() -> None:
    """What nobody could put into words says what it is."""
    voice = (Attachment(kind="voice"),)
    fields: dict[str, Any] = {"message_id": "m", "user_id": "u", "conversation_id": "c"}
    spoken = InboundMessage(text="多久发货", attachments=voice, **fields)
    silent = InboundMessage(attachments=voice, **fields)
    assert text_of(spoken, "zh") == "多久发货"
    assert text_of(silent, "zh") == "[语音]"
    assert text_of(silent, "en") == "[voice message]"


def test_pictures_in_rich_texts_are_seen() -> None:
    """DingTalk's and Feishu's texts with pictures among the words."""
    rich = [{"text": "这个坏了"}, {"downloadCode": "i1", "type": "picture"}]
    bend = at(msgtype="richText", content={"richText": rich})
    (of_dingtalk,) = decoded("dingtalk", bend).messages
    rows = [[{"tag": "text", "text": "这个坏了"}, {"tag": "img", "image_key": "i1"}]]
    post = content("post", title="", content=rows)
    (of_feishu,) = decoded(
        "feishu", at(*_FEISHU, message_type="post", content=post)
    ).messages
    for message in (of_dingtalk, of_feishu):
        assert message.text == "这个坏了"
        assert message.attachments == (Attachment(kind="image", ref="i1"),)
