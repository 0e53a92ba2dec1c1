"""
For the shop's own server: replies that the gateway pushes to its ``callback_url``.

Standard Webhooks form, so that any library of that standard does as well. Answer 2xx
once a push is kept: until then it is sent again, with the same id.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Literal

import msgspec


#: Age of a pushed reply that is still taken, seconds.
PUSH_AGE_S = 300.0


class BadPush(Exception):
    """Not a reply that the gateway pushed now; answer 401 and do nothing."""


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """
    A reply that the gateway pushed to the shop's address.

    Attributes:
        id: The same on every try: a second one is a repeat.

        who: Who speaks: ``machine``, ``operator`` or ``notice``.

        choices: What the customer may answer with one tap.
    """

    id: str
    who: Literal["machine", "operator", "notice"]
    conversation_id: str
    user_id: str
    seq: int
    text: str
    choices: tuple[str, ...] = ()
    handoff: str | None = None


class _PushBody(msgspec.Struct):
    type: str
    data: dict[str, Any]


def read_push(
    secret: str, headers: Mapping[str, str], body: bytes, now_s: float
) -> Pushed:
    """
    Check a request to the shop's ``callback_url`` and read the reply in it.

    Args:
        secret: As in the channel's settings: ``whsec_`` and base64; several while
            they are changed.

        headers: By lower-case name.

        body: As it came, not parsed and written again.

        now_s: Wall clock.

    Raises:
        BadPush: If signature, age or shape is wrong.
    """
    name, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isascii() or not stamp.isdigit():
        raise BadPush("no time stamp")
    if abs(int(stamp) - now_s) > PUSH_AGE_S:
        raise BadPush("too old, or from the future")
    signed = f"{name}.{stamp}.".encode() + body
    found = headers.get("webhook-signature", "").encode().split(b" ")
    if not any(
        hmac.compare_digest(one, wanted)
        for one in found
        for wanted in _signatures(secret, signed)
    ):
        raise BadPush("wrong signature")
    try:
        push = msgspec.json.decode(body, type=_PushBody)
        who = push.type.removeprefix("message.")
        return msgspec.convert({**push.data, "id": name, "who": who}, Pushed)
    except msgspec.MsgspecError as exc:
        raise BadPush(f"not a reply: {exc}") from exc


def _signatures(secret: str, signed: bytes) -> list[bytes]:
    """As Standard Webhooks makes them, with each secret."""
    keys = [base64.b64decode(part.removeprefix("whsec_")) for part in secret.split()]
    digests = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    return [b"v1," + base64.b64encode(digest) for digest in digests]
