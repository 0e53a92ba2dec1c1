"""
A bridge to Chatwoot, so that a shop may keep its inboxes and its desk.

Tidegate is the agent bot of an inbox (an API channel or any other). It answers
while a conversation is *pending*; when people are needed it sets the status to
*open* and is silent. A conversation that Chatwoot's desk resolves, or makes pending
again, is the machine's again; one that our own desk closes is made pending there.
"""

from __future__ import annotations

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
from gateway.channels.platform_api import PlatformApi, Reply, outcome, read_json
from gateway.channels.signing import check_time, hmac_sha256, same


CAPS = Caps(
    checked_on="2026-11-22",
    max_text=20_000,
    rate_per_s=20.0,
    ack_s=5.0,
    retry_window_s=86_400.0,
    #: Chatwoot retries for a while with the first time stamp.
    skew_s=3600.0,
)


class ChatwootSettings(PlatformSettings, frozen=True, kw_only=True, tag="chatwoot"):
    """
    A Chatwoot agent bot.

    Attributes:
        secret: Of the agent bot; signs webhooks (Chatwoot >= 4.13).

        access_token: Of the agent bot.
    """

    secret: str = ""
    secret_file: str = ""
    access_token: str = ""
    access_token_file: str = ""
    account_id: int = 0
    api_url: str = ""


class _Account(msgspec.Struct, frozen=True):
    id: int = 0


class _Sender(msgspec.Struct, frozen=True):
    id: int = 0
    identifier: str | None = None


class _Conversation(msgspec.Struct, frozen=True):
    id: int = 0
    status: str = ""


class _File(msgspec.Struct, frozen=True):
    id: int = 0
    file_type: str = "file"


class _Body(msgspec.Struct, frozen=True):
    event: str
    id: int = 0
    status: str = ""
    content: str | None = None
    message_type: str | int = ""
    private: bool = False
    account: _Account | None = None
    conversation: _Conversation | None = None
    sender: _Sender | None = None
    attachments: list[_File] | None = None


_decoder = msgspec.json.Decoder(_Body)
#: What tells that a conversation's status changed, and statuses of no person's.
_STATUS_EVENTS = frozenset({"conversation_resolved", "conversation_status_changed"})
_KINDS: dict[str, AttachmentKind] = {
    "image": "image",
    "audio": "voice",
    "video": "video",
    "location": "location",
    "contact": "other",
}
_OVER = frozenset({"resolved", "pending"})


class Chatwoot(WebhookChannel):
    """One account's agent bot."""

    caps = CAPS

    def __init__(self, settings: ChatwootSettings) -> None:
        self._settings = settings
        self._api = PlatformApi(settings.api_url)
        self._headers = {"api_access_token": settings.access_token}

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """``sha256=`` and the HMAC of time and body."""
        stamp = request.headers.get("x-chatwoot-timestamp")
        check_time(stamp, now_s, CAPS.skew_s)
        secret = self._settings.secret
        signed = f"{stamp}.".encode() + request.body
        wanted = f"sha256={hmac_sha256(secret, signed).hex()}"
        found = request.headers.get("x-chatwoot-signature")
        if not secret or not same(found, wanted):
            raise HookRefused("wrong x-chatwoot-signature")
        return request.body

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """What customers write to the bot, and what the desk has done with."""
        del request
        body: _Body = read_json(_decoder, trusted)
        answer = HookAnswer(body=b"{}", media_type="application/json")
        if body.event in _STATUS_EVENTS:
            is_over = body.status in _OVER and self._is_ours(body)
            returned = (str(body.id),) if is_over else ()
            return Delivery(returned=returned, answer=answer)
        message = self._read(body)
        return Delivery(messages=(message,) if message else (), answer=answer)

    def _is_ours(self, body: _Body) -> bool:
        """Events of a conversation may leave the account out; it signed them."""
        return body.account is None or body.account.id == self._settings.account_id

    def _read(self, body: _Body) -> InboundMessage | None:
        if body.account is None or body.account.id != self._settings.account_id:
            raise HookRefused("for another account")
        chat, sender = body.conversation, body.sender
        is_customers = body.message_type in ("incoming", 0) and not body.private
        if body.event != "message_created" or not is_customers:
            return None
        if chat is None or sender is None or chat.status != "pending":
            return None
        attachments = tuple(
            Attachment(kind=_KINDS.get(file.file_type, "file"), ref=str(file.id))
            for file in body.attachments or ()
        )
        return InboundMessage(
            message_id=str(body.id),
            user_id=sender.identifier or f"contact-{sender.id}",
            conversation_id=str(chat.id),
            text=(body.content or "").strip(),
            attachments=attachments,
            address={"conversation": str(chat.id)},
        )

    async def send(self, piece: Piece) -> Outcome:
        """A message; one that tells of a handoff sets the conversation's status first."""
        path = (
            f"/api/v1/accounts/{self._settings.account_id}"
            f"/conversations/{piece.address['conversation']}"
        )
        if piece.handoff:
            status = {"status": "pending" if piece.is_returned else "open"}
            call = self._api.post(
                f"{path}/toggle_status", status, headers=self._headers
            )
            if not isinstance(await outcome(call, lambda _: None), Sent):
                # Setting a status twice is harmless: all of it is tried again.
                return Refused(reason="unavailable", detail="toggle_status")
        body: dict[str, Any] = {
            "content": piece.text,
            "message_type": "outgoing",
            "private": False,
        }
        call = self._api.post(f"{path}/messages", body, headers=self._headers)
        return await outcome(call, _judge)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def _judge(reply: Reply) -> Outcome | None:
    if reply.is_ok:
        return Sent(platform_id=str(reply.json().get("id", "")))
    return None
