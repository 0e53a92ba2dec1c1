"""
The generic signed webhook: Standard Webhooks both ways, for everything else.

In:  ``webhook-id``, ``webhook-timestamp``, ``webhook-signature: v1,<base64>``, the
     HMAC-SHA256 of ``id.timestamp.body``; the body is a customer message.
Out: the same headers on every reply, ``webhook-id`` being the key: a receiver that
     remembers ids takes a reply once, however often it is sent.

The same form is an app's push callback: see *pushes_replies*.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from gateway.channels.contract import (
    Attachment,
    Caps,
    Delivery,
    HookAnswer,
    HookRefused,
    InboundMessage,
    Outcome,
    Piece,
    PlatformSettings,
    RawRequest,
    WebhookChannel,
)
from gateway.channels.platform_api import PlatformApi, outcome, read_json
from gateway.channels.signing import base64_hmac, check_time, same


_PREFIX = "whsec_"
Text = Annotated[str, msgspec.Meta(max_length=20_000)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class WebhookSettings(PlatformSettings, frozen=True, kw_only=True, tag="webhook"):
    """
    A system of the shop's own, by Standard Webhooks.

    Attributes:
        secret: ``whsec_`` and base64 of at least 24 bytes; several, separated by
            blanks, while they are changed: the first one signs, all are taken.

        callback_url: Where replies are posted.

        pushes_replies: Push replies to messages of the REST interface too.
    """

    secret: str = ""
    secret_file: str = ""
    callback_url: str = ""
    pushes_replies: bool = False


class _Inbound(msgspec.Struct, frozen=True, kw_only=True):
    user_id: Id
    conversation_id: Id
    message_id: Id | None = None
    text: Text = ""
    attachments: tuple[Attachment, ...] = ()
    order: Text = ""
    locale: str | None = None


_decoder = msgspec.json.Decoder(_Inbound)

CAPS = Caps(
    checked_on="2026-11-22",
    max_text=20_000,
    rate_per_s=100.0,
    burst=50,
    choices=10,
    ack_s=15.0,
    retry_window_s=3 * 86_400.0,
    is_idempotent=True,
)


class Webhook(WebhookChannel):
    """One system of the shop's own; see the module."""

    caps = CAPS

    def __init__(
        self, settings: WebhookSettings, wall_s: Callable[[], float] = time.time
    ) -> None:
        self._keys = [
            base64.b64decode(part.removeprefix(_PREFIX))
            for part in settings.secret.split()
        ]
        self._url = settings.callback_url
        self._wall_s = wall_s
        self._api = PlatformApi("")

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """See :class:`~gateway.channels.contract.Channel`."""
        given = request.headers
        stamp = given.get("webhook-timestamp")
        check_time(stamp, now_s, CAPS.skew_s)
        signed = f"{given.get('webhook-id', '')}.{stamp}.".encode(
            "utf-8", "surrogatepass"
        )
        wanted = [base64_hmac(key, signed + request.body) for key in self._keys]
        found = given.get("webhook-signature", "").split(" ")
        is_good = [same(one, f"v1,{each}") for one in found[:10] for each in wanted]
        if not any(is_good) or "" in found or not given.get("webhook-id"):
            raise HookRefused("wrong webhook-signature")
        return request.body

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """See :class:`~gateway.channels.contract.Channel`."""
        said: _Inbound = read_json(_decoder, trusted)
        message = InboundMessage(
            message_id=said.message_id or request.headers["webhook-id"],
            user_id=said.user_id,
            conversation_id=said.conversation_id,
            text=said.text,
            attachments=said.attachments,
            order=said.order,
            locale="en" if said.locale == "en" else None,
        )
        answer = HookAnswer(body=b'{"status":"taken"}', media_type="application/json")
        return Delivery(messages=(message,), answer=answer)

    async def send(self, piece: Piece) -> Outcome:
        """Post one reply; 410 means that the receiver wants no more."""
        now_s = self._wall_s()
        body = msgspec.json.encode(_outbound(piece))
        stamp = str(int(now_s))
        signed = f"{piece.key}.{stamp}.".encode() + body
        signatures = [f"v1,{base64_hmac(key, signed)}" for key in self._keys[:1]]
        headers = {
            "webhook-id": piece.key,
            "webhook-timestamp": stamp,
            "webhook-signature": " ".join(signatures),
        }
        return await outcome(
            self._api.post(self._url, body, headers=headers), lambda _: None
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def _outbound(piece: Piece) -> dict[str, Any]:
    return {
        "type": f"message.{piece.who}",
        "data": {
            "conversation_id": piece.conversation_id,
            "user_id": piece.user_id,
            "seq": piece.seq,
            "text": piece.text,
            "choices": piece.choices,
            "handoff": piece.handoff or None,
        },
    }
