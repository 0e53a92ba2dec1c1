"""
Telegram bots, private chats: the Bot API by webhook.

The webhook carries a secret in a header and no signature: whoever has the
secret is Telegram. Groups are left alone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.channels.contract import (
    Attachment,
    AttachmentKind,
    Caps,
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
from gateway.channels.signing import same


CAPS = Caps(
    checked_on="2026-11-22",
    max_text=4096,
    unit="utf16",
    pause_s=1.0,
    rate_per_s=30.0,
    choices=8,
    ack_s=30.0,
    skew_s=0.0,
    signs_body=False,
)
#: The command that opens a chat is a greeting, not a question.
_START = {"zh": "你好", "en": "hello"}


class TelegramSettings(PlatformSettings, frozen=True, kw_only=True, tag="telegram"):
    """
    A Telegram bot.

    Attributes:
        token: Of the bot, as BotFather gave it.

        secret_token: What ``setWebhook`` was given as ``secret_token``.
    """

    token: str = ""
    token_file: str = ""
    secret_token: str = ""
    secret_token_file: str = ""
    api_url: str = "https://api.telegram.org"


class _User(msgspec.Struct, frozen=True):
    id: int
    is_bot: bool = False
    language_code: str = ""


class _Chat(msgspec.Struct, frozen=True):
    id: int
    type: str = ""


class _File(msgspec.Struct, frozen=True):
    file_id: str
    file_name: str = ""


class _Sticker(msgspec.Struct, frozen=True):
    file_id: str
    emoji: str = ""


class _Message(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    message_id: int
    chat: _Chat
    sender: _User | None = None
    date: int = 0
    text: str = ""
    caption: str = ""
    photo: list[_File] = []
    voice: _File | None = None
    video: _File | None = None
    document: _File | None = None
    audio: _File | None = None
    animation: _File | None = None
    video_note: _File | None = None
    contact: dict[str, Any] | None = None
    poll: dict[str, Any] | None = None
    dice: dict[str, Any] | None = None
    story: dict[str, Any] | None = None
    sticker: _Sticker | None = None
    location: dict[str, Any] | None = None


class _Callback(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    id: str
    sender: _User
    data: str = ""
    message: _Message | None = None


class _Update(msgspec.Struct, frozen=True):
    update_id: int
    message: _Message | None = None
    callback_query: _Callback | None = None


_decoder = msgspec.json.Decoder(_Update)


class Telegram(WebhookChannel):
    """One bot."""

    caps = CAPS

    def __init__(self, settings: TelegramSettings) -> None:
        self._secret = settings.secret_token
        self._path = f"/bot{settings.token}/sendMessage"
        self._api = PlatformApi(settings.api_url)

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """The secret alone: there is neither time nor signature."""
        del now_s
        given = request.headers.get("x-telegram-bot-api-secret-token")
        if not self._secret or not same(given, self._secret):
            raise HookRefused("wrong secret token")
        return request.body

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """Private messages and taps on buttons."""
        del request
        update: _Update = read_json(_decoder, trusted)
        message, tap = update.message, update.callback_query
        if tap is not None and tap.message is not None:
            found = _read(update, tap.message, tap.sender, tap.data, ())
        elif message is not None and message.sender is not None:
            text = message.text or message.caption
            found = _read(update, message, message.sender, text, _files(message))
        else:
            found = None
        return Delivery(messages=(found,) if found else ())

    async def send(self, piece: Piece) -> Outcome:
        """``sendMessage``; choices become a keyboard whose taps come as texts."""
        body: dict[str, Any] = {"chat_id": piece.address["chat_id"], "text": piece.text}
        if piece.choices:
            body["reply_markup"] = {
                "keyboard": [[{"text": choice} for choice in piece.choices]],
                "one_time_keyboard": True,
                "resize_keyboard": True,
            }
        return await outcome(self._api.post(self._path, body), _judge)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def _read(
    update: _Update,
    message: _Message,
    sender: _User,
    text: str,
    attachments: tuple[Attachment, ...],
) -> InboundMessage | None:
    if message.chat.type != "private" or sender.is_bot or not (text or attachments):
        return None
    is_chinese = sender.language_code.startswith("zh")
    if text.partition(" ")[0] == "/start":
        text = _START["zh" if is_chinese else "en"]
    return InboundMessage(
        message_id=str(update.update_id),
        user_id=str(sender.id),
        conversation_id=str(message.chat.id),
        text=text,
        attachments=attachments,
        locale="en" if sender.language_code.startswith("en") else None,
        sent_at_s=float(message.date),
        address={"chat_id": str(message.chat.id)},
    )


def _files(message: _Message) -> tuple[Attachment, ...]:
    found: list[tuple[AttachmentKind, _File | None]] = [
        ("image", message.photo[-1] if message.photo else None),
        ("voice", message.voice),
        ("voice", message.audio),
        ("video", message.video or message.video_note or message.animation),
        # An animation comes as a document too.
        ("file", None if message.animation else message.document),
    ]
    files = [
        Attachment(kind=kind, ref=file.file_id, name=file.file_name)
        for kind, file in found
        if file is not None
    ]
    if message.sticker is not None:
        sticker = message.sticker
        files.append(
            Attachment(kind="sticker", ref=sticker.file_id, name=sticker.emoji)
        )
    if message.location is not None:
        files.append(Attachment(kind="location"))
    if any((message.contact, message.poll, message.dice, message.story)):
        files.append(Attachment(kind="other"))
    return tuple(files)


def _judge(reply: Reply) -> Outcome | None:
    said = reply.json()
    if said.get("ok") is True:
        return Sent(platform_id=str(said.get("result", {}).get("message_id", "")))
    detail = str(said.get("description", ""))[:200]
    if reply.status == 429:  # noqa: PLR2004 - Telegram says how long in the body
        wait_s = said.get("parameters", {}).get("retry_after")
        return Refused(
            reason="rate_limited", retry_after_s=float(wait_s) if wait_s else None
        )
    if reply.status == 403:  # noqa: PLR2004 - blocked by the user, or kicked
        return Refused(reason="gone", detail=detail, is_final=True)
    if reply.status == 400:  # noqa: PLR2004 - no such chat, or a bad text
        return Refused(reason="rejected", detail=detail, is_final=True)
    if reply.is_ok:
        return Refused(reason="unavailable", detail="no ok in the answer")
    return None
