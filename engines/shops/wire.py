"""
The port as JSON over HTTP: bodies of effects, the problem body, and bounds.

Shared by the connector (``http``) and the demo service, so that neither can
drift from the other. Reads answer with the structs of ``port``.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

import msgspec

from engines.shops.errors import NotFound
from engines.shops.port import Address


#: Header that carries the idempotency key of an effect.
KEY_HEADER = "Idempotency-Key"
#: Code of a problem that says "no such record for this customer".
NOT_FOUND = "not_found"

_NO_SEGMENT = re.compile(r"[/\\\x00-\x1f\x7f\ud800-\udfff]|^.{200,}$", re.DOTALL)

#: No order of any shop is worth more; keeps sums far inside 64 bits.
Minor = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Version = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
LineNumber = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class AddressChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of both kinds of address change."""

    version: Version
    address: Address
    freight_minor: Minor


class RefundRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of the refund of units of one line."""

    version: Version
    line: LineNumber
    quantity: Quantity
    amount_minor: Minor
    points_minor: Minor = 0
    gifts: Annotated[tuple[LineNumber, ...], msgspec.Meta(max_length=100)] = ()


class Cancellation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of the cancellation of a whole order."""

    version: Version
    amount_minor: Minor
    points_minor: Minor = 0


class Notification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a message through the shop's own notifications."""

    template: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]


class Quote(msgspec.Struct, frozen=True):
    """Answer of the freight table."""

    freight_minor: int


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Problem details (RFC 9457) with a closed *code*."""

    title: str
    status: int
    code: str
    detail: str = ""
    type: str = "about:blank"


def segment(part: str) -> str:
    """
    One path segment; no identifier can leave its place.

    Servers decode %2F before they route, so a name that is no plain segment is
    the name of nothing.

    Raises:
        NotFound: If it is none.
    """
    if _NO_SEGMENT.search(part) or part in {"", ".", ".."}:
        raise NotFound("no such record")
    return quote(part, safe="")
