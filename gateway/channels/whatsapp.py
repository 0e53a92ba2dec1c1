"""
WhatsApp Cloud API: one business phone number.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.channels.contract import (
    Attachment,
    AttachmentKind,
    Caps,
    Delivery,
    FailedSend,
    HookAnswer,
    HookRefused,
    InboundMessage,
    Outcome,
    Piece,
    PlatformSettings,
    RawRequest,
    Refusal,
    Refused,
    Sent,
    WebhookChannel,
)
from gateway.channels.platform_api import PlatformApi, Reply, outcome, read_json
from gateway.channels.signing import hmac_sha256, same


CAPS = Caps(
    checked_on="2026-11-22",
    max_text=4096,
    window_s=86_400,
    pause_s=6.0,
    rate_per_s=80.0,
    choices=3,
    ack_s=1.0,
    retry_window_s=7 * 86_400.0,
    skew_s=0.0,
)
_BUTTON = 20
#: Longest text above buttons.
_BODY = 1024
_SERVER_ERROR = 500
_FILES: tuple[tuple[str, AttachmentKind], ...] = (
    ("image", "image"),
    ("audio", "voice"),
    ("video", "video"),
    ("document", "file"),
    ("sticker", "sticker"),
)
#: What customers send besides; reactions and system notices are no messages.
_OTHERS = frozenset({"contacts", "unsupported", "unknown"})
#: Error codes of the Graph API: what they mean, and whether another try helps.
_CODES: dict[int, tuple[Refusal, bool]] = {
    4: ("rate_limited", False),
    80007: ("rate_limited", False),
    130429: ("rate_limited", False),
    131048: ("rate_limited", False),
    131056: ("rate_limited", False),
    131047: ("window_closed", False),
    131026: ("gone", True),
    131051: ("rejected", True),
    131000: ("unavailable", False),
    131016: ("unavailable", False),
    190: ("credentials", False),
    10: ("credentials", False),
}


class WhatsAppSettings(PlatformSettings, frozen=True, kw_only=True, tag="whatsapp"):
    """
    A WhatsApp business number (Cloud API).

    Attributes:
        app_secret: Signs webhooks.

        verify_token: What the console was given for the handshake.

        access_token: Of a system user with ``whatsapp_business_messaging``.

        phone_number_id: The number's id; messages to other numbers are left out.
    """

    app_secret: str = ""
    app_secret_file: str = ""
    verify_token: str = ""
    verify_token_file: str = ""
    access_token: str = ""
    access_token_file: str = ""
    phone_number_id: str = ""
    api_url: str = "https://graph.facebook.com/v23.0"


class _Text(msgspec.Struct, frozen=True):
    body: str = ""


class _File(msgspec.Struct, frozen=True):
    id: str = ""
    caption: str = ""
    filename: str = ""


class _Choice(msgspec.Struct, frozen=True):
    id: str = ""
    title: str = ""


class _Interactive(msgspec.Struct, frozen=True):
    button_reply: _Choice | None = None
    list_reply: _Choice | None = None


class _Button(msgspec.Struct, frozen=True):
    text: str = ""


class _Item(msgspec.Struct, frozen=True):
    product_retailer_id: str = ""
    quantity: int = 1


class _Cart(msgspec.Struct, frozen=True):
    text: str = ""
    product_items: list[_Item] = []


class _Message(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    id: str
    sender: str
    type: str = "text"
    timestamp: str = "0"
    text: _Text | None = None
    image: _File | None = None
    audio: _File | None = None
    video: _File | None = None
    document: _File | None = None
    sticker: _File | None = None
    location: dict[str, Any] | None = None
    interactive: _Interactive | None = None
    button: _Button | None = None
    order: _Cart | None = None


class _Status(msgspec.Struct, frozen=True):
    id: str
    status: str = ""
    errors: list[dict[str, Any]] = []


class _Metadata(msgspec.Struct, frozen=True):
    phone_number_id: str = ""


class _Value(msgspec.Struct, frozen=True):
    metadata: _Metadata | None = None
    messages: list[_Message] = []
    statuses: list[_Status] = []


class _Change(msgspec.Struct, frozen=True):
    value: _Value
    field: str = ""


class _Entry(msgspec.Struct, frozen=True):
    changes: list[_Change] = []


class _Body(msgspec.Struct, frozen=True):
    entry: list[_Entry] = []


_decoder = msgspec.json.Decoder(_Body)


class WhatsApp(WebhookChannel):
    """One business phone number."""

    caps = CAPS

    def __init__(self, settings: WhatsAppSettings) -> None:
        self._settings = settings
        self._api = PlatformApi(settings.api_url)

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """The HMAC of the raw body; for the handshake the verify token."""
        del now_s
        if request.method == "GET":
            return self._handshake(request)
        secret = self._settings.app_secret
        wanted = f"sha256={hmac_sha256(secret, request.body).hex()}"
        if not secret or not same(request.headers.get("x-hub-signature-256"), wanted):
            raise HookRefused("wrong x-hub-signature-256")
        return request.body

    def _handshake(self, request: RawRequest) -> bytes:
        token = self._settings.verify_token
        is_asked = request.query.get("hub.mode") == "subscribe"
        is_known = token and same(request.query.get("hub.verify_token"), token)
        if not (is_asked and is_known):
            raise HookRefused("wrong hub.verify_token")
        return request.query.get("hub.challenge", "").encode("utf-8", "replace")

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """Messages to our number, and sends that failed later."""
        if request.method == "GET":
            return Delivery(answer=HookAnswer(body=trusted))
        body: _Body = read_json(_decoder, trusted)
        values = [
            change.value
            for entry in body.entry
            for change in entry.changes
            if change.value.metadata is not None
            and change.value.metadata.phone_number_id == self._settings.phone_number_id
        ]
        found = [_read(message) for value in values for message in value.messages]
        return Delivery(
            messages=tuple(one for one in found if one is not None),
            failed=tuple(
                FailedSend(message_id=one.id, reason=_why(one))
                for value in values
                for one in value.statuses
                if one.status == "failed"
            ),
        )

    async def send(self, piece: Piece) -> Outcome:
        """One text message; up to three choices become buttons."""
        body: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": piece.address["to"],
        }
        if piece.choices and len(piece.text) <= _BODY:
            body |= {"type": "interactive", "interactive": _interactive(piece)}
        else:
            body |= {"type": "text", "text": {"body": piece.text}}
        path = f"/{self._settings.phone_number_id}/messages"
        headers = {"authorization": f"Bearer {self._settings.access_token}"}
        return await outcome(self._api.post(path, body, headers=headers), _judge)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def _read(message: _Message) -> InboundMessage | None:
    text, attachments = _text(message), _attached(message)
    if not (text or attachments):
        return None
    stamp = message.timestamp
    return InboundMessage(
        message_id=message.id,
        user_id=message.sender,
        conversation_id=message.sender,
        text=text,
        attachments=attachments,
        sent_at_s=float(stamp) if stamp.isascii() and stamp.isdigit() else 0.0,
        address={"to": message.sender},
    )


def _text(message: _Message) -> str:
    if message.interactive is not None:
        picked = message.interactive.button_reply or message.interactive.list_reply
        return picked.title if picked else ""
    if message.button is not None:
        return message.button.text
    if message.text is not None:
        return message.text.body
    if message.order is not None:
        items = message.order.product_items
        goods = (f"{one.product_retailer_id} x{one.quantity}" for one in items)
        return " ".join([message.order.text, *goods]).strip()
    captions = (getattr(message, name) for name, _ in _FILES)
    return next((file.caption for file in captions if file and file.caption), "")


def _attached(message: _Message) -> tuple[Attachment, ...]:
    found = [
        Attachment(kind=kind, ref=file.id, name=file.filename)
        for name, kind in _FILES
        if (file := getattr(message, name)) is not None
    ]
    if message.location is not None:
        found.append(Attachment(kind="location"))
    if message.type in _OTHERS:
        found.append(Attachment(kind="other"))
    return tuple(found)


def _interactive(piece: Piece) -> dict[str, Any]:
    buttons = [
        {"type": "reply", "reply": {"id": f"choice-{n}", "title": choice[:_BUTTON]}}
        for n, choice in enumerate(piece.choices)
    ]
    return {
        "type": "button",
        "body": {"text": piece.text},
        "action": {"buttons": buttons},
    }


def _why(status: _Status) -> str:
    return str(status.errors[0].get("code", "")) if status.errors else "failed"


def _judge(reply: Reply) -> Outcome | None:
    said = reply.json()
    if reply.is_ok:
        ids = said.get("messages") or [{}]
        return Sent(platform_id=str(ids[0].get("id", "")))
    error = said.get("error") or {}
    meaning = _CODES.get(error.get("code", 0))
    if meaning is None or reply.status >= _SERVER_ERROR:
        return None
    reason, is_final = meaning
    return Refused(
        reason=reason,
        detail=str(error.get("message", ""))[:200],
        is_final=is_final,
        retry_after_s=reply.retry_after_s,
    )
