"""
What comes over the wire: the request bodies of the customer API.

Every Struct refuses unknown fields; lengths and characters are checked while
decoding. The field names are the stable wire contract; what goes out is in
:mod:`gateway.outcome`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from engines.contract import Locale, Role
from gateway.outcome import Card


#: No control characters, blanks, or what stands for bytes that were not UTF-8.
#: A bare ``$`` would let a newline at the end pass.
ID_PATTERN = r"^[^\x00-\x20\x7f\ufffd]+(?!\n)$"
#: Not blank, no NUL. Its two classes are disjoint, so that matching is linear.
TEXT_PATTERN = r"^\s*[^\s\x00][^\x00]*$"

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=ID_PATTERN)]
#: Text of one message; the limits section may bound its length further.
Text = Annotated[
    str, msgspec.Meta(min_length=1, max_length=20_000, pattern=TEXT_PATTERN)
]
Meta = dict[str, str | int | float | bool | None]


#: Pages open what a card leads to: nothing but plain web addresses.
URL_PATTERN = r"^https?://[^\s\x00-\x20\x7f\"'<>\\^`{|}]+(?!\n)$"
_Line = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")]


class CardIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Something a message points at; the text must say what is wanted of it.

    Attributes:
        ref: Number of an order.

        url: Where a file or picture lies; the gateway does not fetch it.
    """

    kind: Literal["order", "image", "file"]
    title: _Line = ""
    ref: _Line = ""
    url: Annotated[str, msgspec.Meta(max_length=2_000, pattern=URL_PATTERN)] | None = (
        None
    )
    amount_minor: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None

    def card(self) -> Card:
        """The same as the log keeps it."""
        return Card(
            kind=self.kind,
            title=self.title,
            ref=self.ref,
            url=self.url or "",
            amount_minor=self.amount_minor,
        )


Cards = Annotated[tuple[CardIn, ...], msgspec.Meta(max_length=5)]


class RatingIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How well the customer was served: 1 (worst) to 5, and a word if they like."""

    score: Annotated[int, msgspec.Meta(ge=1, le=5)]
    comment: Annotated[str, msgspec.Meta(max_length=1_000, pattern=r"^[^\x00]*$")] = ""


class RatingOut(msgspec.Struct, frozen=True, kw_only=True):
    """The rating as an event of the conversation."""

    seq: int
    score: int


class MessageIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One customer message.

    Attributes:
        message_id: The sender's id; a repeat of it gives the same result.

        locale: Language of the customer's page; the text's own language wins.

        cards: Orders, pictures and files that pages show with the message.

        meta: Free values of the sender, kept with the message, never read.
    """

    message_id: Id
    user_id: Id
    text: Text
    locale: Locale | None = None
    cards: Cards = ()
    meta: Meta | None = None


class ContextLine(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One earlier line of the conversation, for ``/v1/route``."""

    role: Role
    text: Annotated[str, msgspec.Meta(max_length=20_000)]


class RouteIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A turn to judge without answering it."""

    text: Text
    context: Annotated[tuple[ContextLine, ...], msgspec.Meta(max_length=100)] = ()
    locale: Locale | None = None


class VisitorIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A browser asks for a conversation of its own.

    Attributes:
        user_id: Whom it speaks for; believed only with one of the proofs below.

        user_hash: Hex HMAC-SHA256 of *user_id* by the shop's server.

        identity: JWT of the shop's server instead (HS256, ``aud`` tidegate, ``sub``
            the user, ``exp`` soon).
    """

    shop: Id
    channel: Id = "web"
    user_id: Id | None = None
    user_hash: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    identity: Annotated[str, msgspec.Meta(max_length=4_096)] | None = None


class TokenIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The shop's server asks for a token that its app may hold.

    Attributes:
        life_s: Seconds; the app asks its server for a new one after.
    """

    user_id: Id
    conversation_id: Id
    life_s: Annotated[int, msgspec.Meta(ge=60, le=43_200)] = 3_600


class VisitorOut(msgspec.Struct, frozen=True, kw_only=True):
    """A token for one conversation; send it as bearer."""

    token: str
    conversation_id: str
    user_id: str
    expires_at: str
