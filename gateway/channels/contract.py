"""
What every channel does, and the values that pass through it.

    raw request ── verify ──> trusted bytes ── decode ──> Delivery
                      │                                      ├─ messages  accepted, on disk
                      └─ HookRefused: 401, nothing read      ├─ pull      "come and fetch"
                                                             └─ answer    what the platform hears

    events ── rendering ──> Piece ── send ──> Sent | Refused | Unknown

A channel holds no conversation, reads no clock and writes nothing down: the time
is passed in, repeats are found by the store, and a :class:`Piece` that is sent
again has the same key. ``verify`` sees the bytes as they came, before anything is
parsed; it compares in constant time and raises one error for all reasons.

    HookRefused (Unauthorized)   signature, time, account or handshake is wrong
    HookUnreadable (BadMessage)  verified, but not what the platform sends
    PlatformDown                 could not be reached now; try again later
    └── Displaced                somebody else connected as the same account

A channel that keeps a connection has no webhook: ``listen`` holds the connection, in
one process of all; ``send`` may work only there (``is_reachable``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, Protocol

import msgspec

from gateway.errors import BadMessage, GatewayError, Unauthorized


#: What a text length counts: UTF-8 bytes, code points, or UTF-16 units.
Unit = Literal["bytes", "characters", "utf16"]
AttachmentKind = Literal[
    "image", "voice", "video", "file", "location", "sticker", "other"
]
#: Why a platform did not take a send. Closed codes: they become labels.
Refusal = Literal[
    "rate_limited",
    "window_closed",
    "budget_spent",
    "unreachable",
    "unavailable",
    "credentials",
    "gone",
    "rejected",
]
Who = Literal["machine", "operator", "notice"]


class HookRefused(Unauthorized):
    """A request that did not come from the platform, or not for this shop."""

    def __init__(self, why: str) -> None:
        super().__init__("the request is not signed as this channel's platform signs")
        #: For our own log; the caller learns nothing.
        self.why = why


class HookUnreadable(BadMessage):
    """The bytes are the platform's, but not of a shape it documents."""


class PlatformDown(GatewayError):
    """The platform could not be asked now."""


class Displaced(PlatformDown):
    """The platform ended a connection because another one of the account was made."""


class PlatformSettings(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
):
    """
    What every channel's settings have in common; each says its own ``tag``.

    A field that ends in ``_file`` names a file that holds the field before it.
    """


class RawRequest(msgspec.Struct, frozen=True, kw_only=True):
    """
    A webhook request as it came.

    Attributes:
        headers: By lower-case name; of several the first.

        query: Decoded; of several values of a name the first.
    """

    method: Literal["GET", "POST"]
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""


class HookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform is told, once everything in the request is on disk."""

    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain"


class Attachment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Something that is not text; *ref* is the platform's own id of it.

    ``other`` is what a customer sent and we have no name for: answered, never dropped.
    """

    kind: AttachmentKind
    ref: str = ""
    name: str = ""


class InboundMessage(msgspec.Struct, frozen=True, kw_only=True):
    """
    One customer message, whatever platform it came from.

    Attributes:
        message_id: The platform's; a redelivery has the same.

        user_id: Who the platform says it is.

        conversation_id: The chat it came from.

        text: What was written; empty if there are only attachments.

        order: Number of an order card that was sent along.

        sent_at_s: Wall clock of the platform, 0 if it does not say.

        address: Where replies go; values of the channel's own.
    """

    message_id: str
    user_id: str
    conversation_id: str
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    order: str = ""
    locale: Literal["zh", "en"] | None = None
    sent_at_s: float = 0.0
    address: dict[str, str] = msgspec.field(default_factory=dict)


class PullHint(msgspec.Struct, frozen=True, kw_only=True):
    """The platform has messages of *account*; *token* helps to fetch them."""

    account: str
    token: str


class FailedSend(msgspec.Struct, frozen=True, kw_only=True):
    """The platform says later that a send it took did not arrive."""

    message_id: str
    reason: str


class Courtesy(msgspec.Struct, frozen=True, kw_only=True):
    """
    A moment at which the platform lets us say one thing beside the send budget.

    Somebody opened a chat, or its session ended. *code* is the platform's leave to
    speak: good once, for seconds. So nobody waits for it, and it is not tried again.
    """

    code: str
    text: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one webhook request, or one pull, brought.

    Attributes:
        returned: Conversations that people elsewhere have done with.

        courtesies: What may be said at once; the shop's own words.
    """

    messages: tuple[InboundMessage, ...] = ()
    returned: tuple[str, ...] = ()
    pull: PullHint | None = None
    failed: tuple[FailedSend, ...] = ()
    courtesies: tuple[Courtesy, ...] = ()
    answer: HookAnswer = HookAnswer()


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a pull; *cursor* is where the next one starts."""

    delivery: Delivery
    cursor: str
    has_more: bool


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a platform documents, as data with a date.

    Attributes:
        checked_on: When the limits were last compared with a document.

        max_text: Longest text of one send, in *unit*.

        sends: For one customer message inside the window; 0 any.

        window_s: After the customer's last message; 0 for ever.

        reserve: Of *sends*, kept for operators.

        pause_s: Least time between two sends to one customer.

        rate_per_s / burst: Of the whole account.

        choices: Buttons a send may carry; without, they are spelled out.

        ack_s: When the platform gives up waiting and sends again.

        retry_window_s: How long it may go on sending again: dedup must last.

        skew_s: Age of a signed time stamp that is still taken; 0: none is signed.

        signs_body: The signature covers the body.

        counts_by_address: Sends are counted by the address that comes with a
            message, not from one message to the next.

        is_pulled: Webhooks bring no messages, only a hint to fetch them.

        keeps_connection: There is no webhook; messages come over one connection that
            one process holds.

        is_idempotent: A send made twice with one key arrives once.
    """

    checked_on: str
    max_text: int
    unit: Unit = "characters"
    sends: int = 0
    window_s: int = 0
    reserve: int = 0
    pause_s: float = 0.0
    rate_per_s: float = 30.0
    burst: int = 10
    choices: int = 0
    ack_s: float = 5.0
    retry_window_s: float = 86_400.0
    skew_s: float = 300.0
    signs_body: bool = True
    counts_by_address: bool = False
    is_pulled: bool = False
    keeps_connection: bool = False
    is_idempotent: bool = False


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One send.

    Attributes:
        key: Same for every try of this piece; at most 32 of ``[0-9a-f]``.

        who: Who speaks last in it.

        choices: What the customer may answer with one tap.

        handoff: Id, if the piece tells of people who have, had or will have the
            conversation; *is_returned* if the machine has it again.

        seq: Number of the last event in it.
    """

    key: str
    address: dict[str, str]
    text: str
    who: Who = "machine"
    choices: tuple[str, ...] = ()
    handoff: str = ""
    is_returned: bool = False
    user_id: str = ""
    conversation_id: str = ""
    seq: int = 0


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The platform has it; *platform_id* is its name for it, if it gave one."""

    platform_id: str = ""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """
    The platform does not have it.

    Attributes:
        is_final: Another try would be refused too.

        retry_after_s: The platform's wish, if it said one.
    """

    reason: Refusal
    detail: str = ""
    is_final: bool = False
    retry_after_s: float | None = None


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """It was on its way when the answer got lost; the platform may have it."""

    detail: str = ""


Outcome = Sent | Refused | Unknown
#: Puts what a connection brought on disk; returns when it is there.
Take = Callable[[Delivery], Awaitable[None]]


class Channel(Protocol):
    """
    One shop's account on one platform.

    One instance serves many requests at once.
    """

    @property
    def caps(self) -> Caps:
        """Limits of the platform."""
        ...

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """
        The trusted bytes of *request*: checked, and decrypted where it was not plain.

        Raises:
            HookRefused: Whatever is wrong.
        """
        ...

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """
        What a verified request says; a handshake is an answer without messages.

        What is not a customer's message is left out: echoes, receipts, and events
        but taps on buttons; an opened chat may be greeted. What a customer sent is
        never left out, of whatever kind it is.

        Raises:
            HookUnreadable: If it is not what the platform documents.
        """
        ...

    async def send(self, piece: Piece) -> Outcome:
        """Make one send, once; never raises for what a network or platform does."""
        ...

    async def say(self, courtesy: Courtesy) -> Outcome:
        """Use the leave to speak that came with a delivery; never raises."""
        ...

    async def pull(self, hint: PullHint, cursor: str) -> Pulled:
        """
        Fetch one page of an account's messages; only for channels that give hints.

        Raises:
            PlatformDown: If it could not be fetched now.
        """
        ...

    @property
    def is_reachable(self) -> bool:
        """Whether sends can leave from this process: a connection may be another's."""
        ...

    async def listen(self, take: Take) -> None:
        """
        Hold the account's connection; only for channels that keep one.

        Until cancelled. What came before the end is given to *take* before it ends.

        Raises:
            PlatformDown: If it could not be made, or ended.
        """
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class WebhookChannel:
    """What channels share that push everything and answer nothing special."""

    @property
    def is_reachable(self) -> bool:
        """HTTP leaves from everywhere."""
        return True

    async def listen(self, take: Take) -> None:
        """No connection is kept here."""
        del take

    async def say(self, courtesy: Courtesy) -> Outcome:
        """Such moments come from few platforms."""
        return Refused(reason="rejected", detail=courtesy.code, is_final=True)

    async def pull(self, hint: PullHint, cursor: str) -> Pulled:
        """Nothing is pulled here."""
        del hint
        return Pulled(delivery=Delivery(), cursor=cursor, has_more=False)
