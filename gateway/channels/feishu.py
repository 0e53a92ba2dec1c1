"""
Feishu and Lark: event subscription of a bot, encrypted and signed.

The encrypt key is required: without it the platform signs nothing.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

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
    Sent,
    WebhookChannel,
)
from gateway.channels.platform_api import (
    AccessToken,
    PlatformApi,
    Reply,
    TokenRefused,
    outcome,
    read_json,
)
from gateway.channels.signing import check_time, decode_base64, decrypt_cbc, same


#: Feishu sends again for 7.1 hours; a repeat may carry its first time stamp.
_SKEW_S = 8 * 3600.0
CAPS = Caps(
    checked_on="2026-11-22",
    max_text=100_000,
    unit="bytes",
    pause_s=0.2,
    rate_per_s=50.0,
    choices=5,
    ack_s=1.0,
    retry_window_s=26_000.0,
    skew_s=_SKEW_S,
    is_idempotent=True,
)
_IV = 16
_AT = re.compile(r"@_user_\d+\s*|@_all\s*")
_FILES: dict[str, tuple[AttachmentKind, str]] = {
    "image": ("image", "image_key"),
    "audio": ("voice", "file_key"),
    "media": ("video", "file_key"),
    "file": ("file", "file_key"),
    "sticker": ("sticker", "file_key"),
}
#: Codes of an access token that is no longer good.
_STALE = frozenset({99991661, 99991663, 99991664, 99991668})
#: Codes of too many calls.
_FAST = frozenset({99991400, 230020, 11232})
#: Codes after which the same send would fail again.
_FINAL = frozenset({230001, 230002, 230006, 230013, 230025, 230027, 230029})


class FeishuSettings(PlatformSettings, frozen=True, kw_only=True, tag="feishu"):
    """
    A Feishu or Lark bot.

    Attributes:
        encrypt_key: Of the event subscription; required.

        verification_token: Of the same page; checked in the handshake.

        api_url: ``https://open.larksuite.com`` for Lark.
    """

    app_id: str = ""
    app_secret: str = ""
    app_secret_file: str = ""
    encrypt_key: str = ""
    encrypt_key_file: str = ""
    verification_token: str = ""
    verification_token_file: str = ""
    api_url: str = "https://open.feishu.cn"


class _Sealed(msgspec.Struct, frozen=True):
    encrypt: str


class _Header(msgspec.Struct, frozen=True):
    event_type: str = ""
    app_id: str = ""
    token: str = ""


class _Event(msgspec.Struct, frozen=True):
    sender: dict[str, Any] = {}
    message: dict[str, Any] = {}
    operator: dict[str, Any] = {}
    action: dict[str, Any] = {}
    context: dict[str, Any] = {}


class _Opened(msgspec.Struct, frozen=True):
    type: str = ""
    challenge: str = ""
    token: str = ""
    header: _Header | None = None
    event: _Event | None = None


_sealed = msgspec.json.Decoder(_Sealed)
_opened = msgspec.json.Decoder(_Opened)


class Feishu(WebhookChannel):
    """One bot of one app."""

    caps = CAPS

    def __init__(self, settings: FeishuSettings) -> None:
        self._settings = settings
        self._key = hashlib.sha256(settings.encrypt_key.encode()).digest()
        self._api = PlatformApi(settings.api_url)
        self._token = AccessToken(self._fetch_token)

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """
        Signature over the raw body, then the envelope.

        The handshake is not signed: there the envelope and the token inside it
        are the proof, and nothing but a challenge may come that way.
        """
        signature = request.headers.get("x-lark-signature")
        if signature is not None:
            self._check(request, signature, now_s)
        plain = self._open(request.body)
        if signature is None and not self._is_handshake(plain):
            raise HookRefused("no x-lark-signature")
        return plain

    def _check(self, request: RawRequest, signature: str, now_s: float) -> None:
        stamp = request.headers.get("x-lark-request-timestamp")
        nonce = request.headers.get("x-lark-request-nonce", "")
        check_time(stamp, now_s, _SKEW_S)
        head = f"{stamp}{nonce}{self._settings.encrypt_key}"
        signed = head.encode("utf-8", "surrogatepass") + request.body
        if not same(signature, hashlib.sha256(signed).hexdigest()):
            raise HookRefused("wrong x-lark-signature")

    def _open(self, body: bytes) -> bytes:
        try:
            sealed = _sealed.decode(body).encrypt
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
            raise HookRefused("not encrypted") from exc
        data = decode_base64(sealed)
        return decrypt_cbc(self._key, data[:_IV], data[_IV:], _IV)

    def _is_handshake(self, plain: bytes) -> bool:
        try:
            found = _opened.decode(plain)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        token = self._settings.verification_token
        return (
            found.type == "url_verification"
            and bool(token)
            and same(found.token, token)
        )

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """Messages, taps on card buttons, and the handshake."""
        del request
        found: _Opened = read_json(_opened, trusted)
        if found.type == "url_verification":
            body = msgspec.json.encode({"challenge": found.challenge})
            answer = HookAnswer(body=body, media_type="application/json")
            return Delivery(answer=answer)
        header, event = found.header, found.event
        message = None
        if header and event and header.app_id == self._settings.app_id:
            read = _READERS.get(header.event_type)
            message = read(event) if read else None
        return Delivery(
            messages=(message,) if message else (),
            answer=HookAnswer(body=b"{}", media_type="application/json"),
        )

    async def send(self, piece: Piece) -> Outcome:
        """A text, or a card where there are choices; the key is its ``uuid``."""
        if piece.choices:
            kind, content = "interactive", _card(piece)
        else:
            kind, content = "text", {"text": piece.text}
        body = {
            "receive_id": piece.address["chat_id"],
            "msg_type": kind,
            "content": msgspec.json.encode(content).decode(),
            "uuid": piece.key,
        }
        return await outcome(self._post(body), self._judge)

    async def _post(self, body: dict[str, Any]) -> Reply:
        token = await self._token.get()
        return await self._api.post(
            "/open-apis/im/v1/messages",
            body,
            headers={"authorization": f"Bearer {token}"},
            params={"receive_id_type": "chat_id"},
        )

    async def _fetch_token(self) -> tuple[str, float]:
        path = "/open-apis/auth/v3/tenant_access_token/internal"
        body = {
            "app_id": self._settings.app_id,
            "app_secret": self._settings.app_secret,
        }
        said = (await self._api.post(path, body)).json()
        if said.get("code") != 0:
            raise TokenRefused(f"code {said.get('code')}")
        return str(said["tenant_access_token"]), float(said.get("expire", 7200))

    def _judge(self, reply: Reply) -> Outcome | None:
        said = reply.json()
        code = said.get("code")
        if code == 0:
            data = said.get("data") or {}
            return Sent(platform_id=str(data.get("message_id", "")))
        detail = f"code {code}: {str(said.get('msg', ''))[:150]}"
        if code in _STALE:
            self._token.forget()
            return Refused(reason="credentials", detail=detail, retry_after_s=0.0)
        if code in _FAST:
            return Refused(reason="rate_limited", retry_after_s=reply.retry_after_s)
        if code in _FINAL:
            return Refused(reason="rejected", detail=detail, is_final=True)
        if reply.is_ok:
            return Refused(reason="unavailable", detail=detail)
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def _said(event: _Event) -> InboundMessage | None:
    message, sender = event.message, event.sender
    user = (sender.get("sender_id") or {}).get("open_id", "")
    if sender.get("sender_type", "user") != "user" or not user:
        return None
    content = _content(message.get("content"))
    kind = message.get("message_type", "")
    text = _AT.sub("", _words(kind, content)).strip()
    attachments = _attached(kind, content)
    if not (text or attachments) or not message.get("message_id"):
        return None
    chat = str(message.get("chat_id", ""))
    is_single = message.get("chat_type") == "p2p"
    return InboundMessage(
        message_id=str(message["message_id"]),
        user_id=str(user),
        conversation_id=chat if is_single else f"{chat}:{user}",
        text=text,
        attachments=attachments,
        sent_at_s=_milliseconds(message.get("create_time")),
        address={"chat_id": chat},
    )


def _tapped(event: _Event) -> InboundMessage | None:
    value = event.action.get("value") or {}
    chat = event.context.get("open_chat_id", "")
    user = event.operator.get("open_id", "")
    if not (isinstance(value, dict) and value.get("text") and chat and user):
        return None
    tapped = event.context.get("open_message_id", "")
    return InboundMessage(
        message_id=f"tap:{tapped}:{user}",
        user_id=str(user),
        conversation_id=str(chat),
        text=str(value["text"]),
        address={"chat_id": str(chat)},
    )


_READERS = {"im.message.receive_v1": _said, "card.action.trigger": _tapped}


def _content(raw: Any) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(str(raw))
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _items(content: dict[str, Any]) -> list[dict[str, Any]]:
    """What a rich text is made of."""
    rows = content.get("content")
    return [
        item
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, list)
        for item in row
        if isinstance(item, dict)
    ]


def _words(kind: str, content: dict[str, Any]) -> str:
    if kind == "post":
        parts = [str(item.get("text", "")) for item in _items(content)]
        return " ".join([str(content.get("title", "")), *parts]).strip()
    return str(content.get("text", ""))


def _pictures(content: dict[str, Any]) -> tuple[Attachment, ...]:
    """Those in a rich text."""
    keys = [str(item.get("image_key", "")) for item in _items(content)]
    return tuple(Attachment(kind="image", ref=key) for key in keys if key)


def _attached(kind: str, content: dict[str, Any]) -> tuple[Attachment, ...]:
    if kind in ("text", "post", "system", ""):
        return _pictures(content)
    found = _FILES.get(kind)
    if found is None:
        return (Attachment(kind="location" if kind == "location" else "other"),)
    as_kind, key = found
    return (
        Attachment(
            kind=as_kind,
            ref=str(content.get(key, "")),
            name=str(content.get("file_name", "")),
        ),
    )


def _milliseconds(text: Any) -> float:
    stamp = str(text)
    return int(stamp) / 1000 if stamp.isascii() and stamp.isdigit() else 0.0


def _card(piece: Piece) -> dict[str, Any]:
    actions = [
        {
            "tag": "button",
            "text": {"tag": "plain_text", "content": choice},
            "value": {"text": choice},
        }
        for choice in piece.choices
    ]
    text = {"tag": "plain_text", "content": piece.text}
    return {
        "elements": [
            {"tag": "div", "text": text},
            {"tag": "action", "actions": actions},
        ]
    }
