"""
What the platforms' players are made of: see :mod:`loadtest.players`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from gateway.channels.contract import RawRequest
from gateway.channels.registry import Platform


class Said(NamedTuple):
    """What a customer of a platform writes; *user* and *chat* are digits."""

    message_id: str
    user: str
    text: str
    at_s: float


class Handshake(NamedTuple):
    """A challenge and what the platform expects to hear."""

    request: RawRequest
    expected: bytes


class Player(NamedTuple):
    """One platform: its settings, its requests, and what a send says to whom."""

    settings: Callable[[str], Platform]
    hook: Callable[[Any, Said], RawRequest]
    heard: Callable[[Mapping[str, Any]], tuple[str, str]]
    handshake: Callable[[Any, float], Handshake] | None = None


def encode(value: Any) -> bytes:
    """JSON."""
    return msgspec.json.encode(value)


def new_key() -> str:
    """A secret nobody else has."""
    return secrets.token_hex(16)


def sign(key: str | bytes, data: bytes) -> bytes:
    """HMAC-SHA256."""
    raw = key.encode() if isinstance(key, str) else key
    return hmac.new(raw, data, hashlib.sha256).digest()


def posted(
    body: bytes, headers: dict[str, str], query: dict[str, str] | None = None
) -> RawRequest:
    """A POST with JSON, unless *headers* say otherwise."""
    given = {"content-type": "application/json", **headers}
    return RawRequest(method="POST", headers=given, query=query or {}, body=body)


def number_of(message_id: str) -> int:
    """An id as a number, the same for the same id."""
    return int.from_bytes(hashlib.sha256(message_id.encode()).digest()[:6], "big")
