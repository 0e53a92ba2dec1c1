"""
WeCom AI bot (智能机器人) by webhook: one answer per message, through its response URL.

The same envelope as WeChat's, without a receiver inside, in JSON. The response
URL is good for one call within the hour; it is used only on WeCom's own host.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.channels.contract import (
    Attachment,
    AttachmentKind,
    Caps,
    Delivery,
    HookAnswer,
    HookRefused,
    InboundMessage,
    Outcome,
    Piece,
    PlatformSettings,
    RawRequest,
    Refused,
    WebhookChannel,
)
from gateway.channels.platform_api import PlatformApi, Reply, outcome, read_json
from gateway.channels.signing import WeChatEnvelope, check_time
from gateway.channels.wechat import judge_errcode


CAPS = Caps(
    checked_on="2026-11-22",
    max_text=20_480,
    unit="bytes",
    sends=1,
    counts_by_address=True,
    window_s=3600,
    ack_s=5.0,
    retry_window_s=60.0,
    is_idempotent=True,
)


class WecomBotSettings(PlatformSettings, frozen=True, kw_only=True, tag="wecom_bot"):
    """
    A WeCom AI bot (智能机器人), by webhook.

    Attributes:
        token / aes_key: Of the bot's callback.

        bot_id: Of the bot; messages for another one are refused.

        welcome: Said to who opens the chat. Say there that a machine answers.
    """

    bot_id: str = ""
    token: str = ""
    token_file: str = ""
    aes_key: str = ""
    aes_key_file: str = ""
    welcome: str = ""
    api_url: str = "https://qyapi.weixin.qq.com"


class _Sealed(msgspec.Struct, frozen=True):
    encrypt: str


class _From(msgspec.Struct, frozen=True):
    userid: str = ""


class _Text(msgspec.Struct, frozen=True):
    content: str = ""


class _Part(msgspec.Struct, frozen=True):
    msgtype: str = ""
    text: _Text | None = None


class _Mixed(msgspec.Struct, frozen=True):
    msg_item: tuple[_Part, ...] = ()


class _CardEvent(msgspec.Struct, frozen=True):
    event_key: str = ""


class _Event(msgspec.Struct, frozen=True):
    eventtype: str = ""
    template_card_event: _CardEvent | None = None


class BotMessage(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """What somebody said to a bot, by webhook or over its connection."""

    msgid: str = ""
    aibotid: str = ""
    chatid: str = ""
    chattype: str = ""
    sender: _From | None = None
    msgtype: str = ""
    text: _Text | None = None
    voice: _Text | None = None
    image: dict[str, Any] | None = None
    file: dict[str, Any] | None = None
    video: dict[str, Any] | None = None
    mixed: _Mixed | None = None
    event: _Event | None = None
    response_url: str = ""
    create_time: int = 0

    @property
    def is_arrival(self) -> bool:
        """Somebody opened the chat with the bot."""
        return self.event is not None and self.event.eventtype == "enter_chat"


_FILES: tuple[AttachmentKind, ...] = ("image", "file", "video")
_KNOWN = frozenset({"", "text", "voice", "mixed", "event", "stream", *_FILES})
_sealed = msgspec.json.Decoder(_Sealed)
messages = msgspec.json.Decoder(BotMessage)


class WecomBot(WebhookChannel):
    """One bot."""

    caps = CAPS

    def __init__(self, settings: WecomBotSettings) -> None:
        self._bot_id = settings.bot_id
        self._welcome = settings.welcome
        self._envelope = WeChatEnvelope(settings.token, settings.aes_key, "")
        self._host = urlsplit(settings.api_url)[:2]
        self._api = PlatformApi(settings.api_url)

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """The envelope; in the handshake it is ``echostr``."""
        check_time(request.query.get("timestamp", ""), now_s, CAPS.skew_s)
        return self._envelope.of_request(request, _encrypted)

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """Texts, recognised voices, pictures."""
        if request.method == "GET":
            return Delivery(answer=HookAnswer(body=trusted))
        found: BotMessage = read_json(messages, trusted)
        if self._bot_id and found.aibotid != self._bot_id:
            raise HookRefused("for another bot")
        if found.is_arrival and self._welcome:
            return Delivery(answer=self._greeting(request))
        message = read_message(found, self._address(found))
        return Delivery(messages=(message,) if message else ())

    def _greeting(self, request: RawRequest) -> HookAnswer:
        """The acknowledgement itself is what the customer reads."""
        body = {"msgtype": "text", "text": {"content": self._welcome}}
        names = ("encrypt", "msgsignature", "timestamp", "nonce")
        values = self._envelope.sealed_answer(request, msgspec.json.encode(body))
        answer = msgspec.json.encode(dict(zip(names, values, strict=True)))
        return HookAnswer(body=answer, media_type="application/json")

    def _address(self, found: BotMessage) -> dict[str, str]:
        parts = urlsplit(found.response_url)
        is_ours = parts[:2] == self._host
        return {"path": f"{parts.path}?{parts.query}"} if is_ours else {}

    async def send(self, piece: Piece) -> Outcome:
        """The one call of the response URL; a second one is refused there."""
        if "path" not in piece.address:
            return Refused(reason="gone", detail="no response_url", is_final=True)
        body = {"msgtype": "markdown", "markdown": {"content": piece.text}}
        return await outcome(self._api.post(piece.address["path"], body), _judge)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def read_message(found: BotMessage, address: dict[str, str]) -> InboundMessage | None:
    """A customer's message; None if nobody said anything."""
    parts = found.mixed.msg_item if found.mixed else ()
    words = [one.content for one in (found.text, found.voice) if one]
    words += [one.text.content for one in parts if one.text]
    tapped = found.event.template_card_event if found.event else None
    words += [tapped.event_key] if tapped else []
    text = "\n".join(word.strip() for word in words).strip()
    kinds: list[AttachmentKind] = [
        kind for kind in _FILES if getattr(found, kind) is not None
    ]
    kinds += ["image" for one in parts if one.msgtype == "image"]
    if found.msgtype not in _KNOWN:
        kinds.append("other")
    user = found.sender.userid if found.sender else ""
    if not user or not found.msgid or not (text or kinds):
        return None
    return InboundMessage(
        message_id=found.msgid,
        user_id=user,
        conversation_id=f"{found.chatid}:{user}" if found.chatid else user,
        text=text,
        attachments=tuple(Attachment(kind=kind) for kind in kinds),
        sent_at_s=float(found.create_time),
        address=address,
    )


def _encrypted(body: bytes) -> str:
    try:
        return _sealed.decode(body).encrypt
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise HookRefused("no envelope") from exc


def _judge(reply: Reply) -> Outcome | None:
    return judge_errcode(reply, frozenset(), {60140: ("gone", True)})
