"""
LINE official accounts: Messaging API by webhook, answers by push.

Pushes are used rather than the free reply tokens: a token lives a minute, works
once and cannot be asked about, a push carries a retry key that LINE honours.
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from gateway.channels.contract import (
    Attachment,
    AttachmentKind,
    Caps,
    Courtesy,
    Delivery,
    HookRefused,
    InboundMessage,
    Outcome,
    Piece,
    PlatformSettings,
    RawRequest,
    Refused,
    Sent,
    WebhookChannel,
)
from gateway.channels.platform_api import PlatformApi, Reply, outcome, read_json
from gateway.channels.signing import base64_hmac, same


CAPS = Caps(
    checked_on="2026-11-22",
    max_text=5000,
    unit="utf16",
    rate_per_s=100.0,
    choices=13,
    ack_s=2.0,
    skew_s=0.0,
    is_idempotent=True,
)
#: A retry key that was used before: LINE has the message.
_KNOWN = 409
_LABEL = 20
_KINDS: dict[str, AttachmentKind] = {
    "image": "image",
    "video": "video",
    "audio": "voice",
    "file": "file",
    "location": "location",
    "sticker": "sticker",
}


class LineSettings(PlatformSettings, frozen=True, kw_only=True, tag="line"):
    """
    A LINE official account.

    Attributes:
        channel_secret: Signs webhooks.

        access_token: Long-lived channel access token.

        welcome: Said to who adds the account. Say there that a machine answers.
    """

    channel_secret: str = ""
    channel_secret_file: str = ""
    access_token: str = ""
    access_token_file: str = ""
    welcome: str = ""
    api_url: str = "https://api.line.me"


class _Source(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    user_id: str = ""


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    id: str = ""
    text: str = ""
    file_name: str = ""


class _Postback(msgspec.Struct, frozen=True):
    data: str = ""


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    webhook_event_id: str = ""
    reply_token: str = ""
    timestamp: int = 0
    mode: str = "active"
    source: _Source | None = None
    message: _Message | None = None
    postback: _Postback | None = None


class _Body(msgspec.Struct, frozen=True):
    events: list[_Event]


_decoder = msgspec.json.Decoder(_Body)


class Line(WebhookChannel):
    """One official account."""

    caps = CAPS

    def __init__(self, settings: LineSettings) -> None:
        self._secret = settings.channel_secret
        self._token = settings.access_token
        self._welcome = settings.welcome
        self._api = PlatformApi(settings.api_url)

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """The HMAC of the body; LINE signs no time."""
        del now_s
        wanted = base64_hmac(self._secret, request.body)
        if not self._secret or not same(
            request.headers.get("x-line-signature"), wanted
        ):
            raise HookRefused("wrong x-line-signature")
        return request.body

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """Messages and postbacks of single users, while the bot is active."""
        del request
        body: _Body = read_json(_decoder, trusted)
        found = (_read(event) for event in body.events)
        return Delivery(
            messages=tuple(one for one in found if one is not None),
            courtesies=self._greetings(body.events),
        )

    def _greetings(self, events: list[_Event]) -> tuple[Courtesy, ...]:
        text = self._welcome
        return tuple(
            Courtesy(code=event.reply_token, text=text)
            for event in events
            if text and event.type == "follow" and event.reply_token
        )

    async def say(self, courtesy: Courtesy) -> Outcome:
        """Answer a reply token: it is good once, and costs nothing."""
        message = {"type": "text", "text": courtesy.text}
        body = {"replyToken": courtesy.code, "messages": [message]}
        headers = {"authorization": f"Bearer {self._token}"}
        call = self._api.post("/v2/bot/message/reply", body, headers=headers)
        return await outcome(call, _judge)

    async def send(self, piece: Piece) -> Outcome:
        """Push one text; choices become quick replies."""
        message: dict[str, Any] = {"type": "text", "text": piece.text}
        if piece.choices:
            message["quickReply"] = {
                "items": [_quick(choice) for choice in piece.choices]
            }
        headers = {
            "authorization": f"Bearer {self._token}",
            "x-line-retry-key": str(uuid.uuid5(uuid.NAMESPACE_OID, piece.key)),
        }
        body = {"to": piece.address["to"], "messages": [message]}
        call = self._api.post("/v2/bot/message/push", body, headers=headers)
        return await outcome(call, _judge)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def _read(event: _Event) -> InboundMessage | None:
    source, message = event.source, event.message
    is_single = source is not None and source.type == "user" and source.user_id
    if event.mode != "active" or source is None or not is_single:
        return None
    text = ""
    attachments: tuple[Attachment, ...] = ()
    if event.type == "message" and message is not None:
        text, attachments = message.text, _attached(message)
    elif event.type == "postback" and event.postback is not None:
        text = event.postback.data
    if not (text or attachments) or not event.webhook_event_id:
        return None
    return InboundMessage(
        message_id=event.webhook_event_id,
        user_id=source.user_id,
        conversation_id=source.user_id,
        text=text,
        attachments=attachments,
        sent_at_s=event.timestamp / 1000,
        address={"to": source.user_id},
    )


def _attached(message: _Message) -> tuple[Attachment, ...]:
    if message.type == "text":
        return ()
    kind = _KINDS.get(message.type, "other")
    return (Attachment(kind=kind, ref=message.id, name=message.file_name),)


def _quick(choice: str) -> dict[str, Any]:
    action = {"type": "message", "label": choice[:_LABEL], "text": choice}
    return {"type": "action", "action": action}


def _judge(reply: Reply) -> Outcome | None:
    if reply.is_ok or reply.status == _KNOWN:
        sent = reply.json().get("sentMessages") or [{}]
        return Sent(platform_id=str(sent[0].get("id", "")))
    if reply.status in (400, 404):
        detail = str(reply.json().get("message", ""))[:200]
        return Refused(reason="rejected", detail=detail, is_final=True)
    return None
