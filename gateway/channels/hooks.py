"""
Webhooks in: verify on raw bytes, decode, put on disk, and only then acknowledge.

Answers leave later, through :mod:`gateway.channels.delivery`. Nothing here waits
for an engine, so a platform hears from us in milliseconds however long an answer
takes.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from engines.contract import Locale
from gateway.channels.accounts import Account, Accounts
from gateway.channels.contract import (
    Attachment,
    Courtesy,
    Delivery,
    HookAnswer,
    HookRefused,
    InboundMessage,
    PullHint,
    RawRequest,
    Sent,
)
from gateway.channels.identity import Identity
from gateway.channels.routes import Route
from gateway.errors import MessageConflict, NotFound
from gateway.language import LocaleOf, language_of
from gateway.outcome import Card, EventBody, encode
from gateway.store.mailbox import Accepted, NewMessage
from gateway.store.pulls import Pulls


#: Share of the life of message ids after which an old message may be a repeat
#: that nobody remembers.
_SURE = 0.9
_MAX_ID = 128
_PLAIN_ID = re.compile(r"[^\x00-\x20\x7f\ufffd]+").fullmatch
#: What stands in the text for what is not text.
_PLACEHOLDERS = {
    "zh": {
        "image": "[图片]",
        "voice": "[语音]",
        "video": "[视频]",
        "file": "[文件]",
        "location": "[位置]",
        "sticker": "[表情]",
        "other": "[其他消息]",
    },
    "en": {
        "image": "[image]",
        "voice": "[voice message]",
        "video": "[video]",
        "file": "[file]",
        "location": "[location]",
        "sticker": "[sticker]",
        "other": "[message of another kind]",
    },
}
_ORDER = {"zh": "订单 {}", "en": "order {}"}


class Taker(Protocol):
    """Who takes messages in; :class:`gateway.dispatch.Dispatcher`."""

    async def take(
        self,
        shop: str,
        conversation: str,
        message: NewMessage,
        *,
        is_brought_again: bool = True,
    ) -> Accepted:
        """On disk at return; refused while draining only if it *is_brought_again*."""
        ...


class Returner(Protocol):
    """Who ends what people have of a conversation; :class:`gateway.people.People`."""

    async def cancel(self, shop: str, conversation: str) -> object:
        """No person is needed any more; nothing happens if none was coming."""
        ...


class Told(Protocol):
    """Who counts hooks; :class:`gateway.telemetry.Telemetry`."""

    def hooked(self, channel: str, outcome: str) -> None:
        """A webhook or a message in it ended so."""
        ...


class Hooks:
    """
    Takes webhooks of all shops.

    Args:
        dedup_s: How long a message id is remembered.

        text_chars: Longer texts are cut.
    """

    def __init__(
        self,
        accounts: Accounts,
        taker: Taker,
        pulls: Pulls,
        told: Told,
        identity: Identity,
        returner: Returner,
        *,
        locale_of: LocaleOf,
        wall_ms: Callable[[], int],
        dedup_s: float,
        text_chars: int,
    ) -> None:
        self._accounts = accounts
        self._taker = taker
        self._pulls = pulls
        self._told = told
        self._identity = identity
        self._returner = returner
        self._locale_of = locale_of
        self._wall_ms = wall_ms
        self._dedup_s = dedup_s
        self._text_chars = text_chars
        #: Set by the puller: something may be pulled now.
        self.hinted = asyncio.Event()
        self._saying: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """End what is being said; idempotent."""
        for task in self._saying:
            task.cancel()
        await asyncio.gather(*self._saying, return_exceptions=True)

    async def receive(self, shop: str, channel: str, request: RawRequest) -> HookAnswer:
        """
        One webhook request; its answer once everything in it is on disk.

        Raises:
            NotFound: If the shop has no such channel with a platform.
            HookRefused, HookUnreadable: If it is not the platform's.
            StoreUnavailable, MailboxFull, Draining: The platform shall try again.
        """
        account = self._accounts.get(shop, channel)
        if account is None:
            raise NotFound("no such webhook here")
        try:
            trusted = account.channel.verify(request, self._wall_ms() / 1000)
            delivery = account.channel.decode(request, trusted)
        except HookRefused:
            self._told.hooked(channel, "refused")
            raise
        await self.accept(account, delivery)
        if delivery.pull is not None:
            await self._hint(account, delivery.pull)
        return delivery.answer

    async def _hint(self, account: Account, hint: PullHint) -> None:
        await self._pulls.hint(account.shop, account.name, hint.account, hint.token)
        self.hinted.set()

    async def accept(self, account: Account, delivery: Delivery) -> None:
        """Put every message on disk; those of one chat in their order."""
        for failed in delivery.failed:
            self._told.hooked(account.name, f"send_failed_{_code(failed.reason)}")
        for conversation in delivery.returned:
            own = f"{account.name}.{plain_id(conversation)}"
            await self._returner.cancel(account.shop, own)
            self._told.hooked(account.name, "returned")
        for courtesy in delivery.courtesies:
            task = asyncio.create_task(self._say(account, courtesy))
            self._saying.add(task)
            task.add_done_callback(self._saying.discard)
        chats: dict[str, list[InboundMessage]] = {}
        for message in delivery.messages:
            chats.setdefault(message.conversation_id, []).append(message)
        results = await asyncio.gather(
            *(self._chat(account, messages) for messages in chats.values()),
            return_exceptions=True,
        )
        for result in results:
            if result is not None:
                raise result

    async def _say(self, account: Account, courtesy: Courtesy) -> None:
        """Beside the acknowledgement, which does not wait for it."""
        said = await account.channel.say(courtesy)
        is_said = isinstance(said, Sent)
        self._told.hooked(account.name, "greeted" if is_said else "not_greeted")

    async def _chat(self, account: Account, messages: Iterable[InboundMessage]) -> None:
        for message in messages:
            if not text_of(message, "zh"):
                self._told.hooked(account.name, "empty")
                continue
            if self._is_too_old(message):
                self._told.hooked(account.name, "too_old")
                continue
            if await self._identity.command(account, message):
                self._told.hooked(account.name, "identity")
                continue
            try:
                accepted = await self._take(account, message)
            except MessageConflict:
                # The id is known with another text: an edit, or a forgery of it.
                self._told.hooked(account.name, "conflict")
                continue
            self._told.hooked(account.name, accepted.outcome)

    def _is_too_old(self, message: InboundMessage) -> bool:
        age_s = self._wall_ms() / 1000 - message.sent_at_s
        return bool(message.sent_at_s) and age_s > self._dedup_s * _SURE

    async def _take(self, account: Account, message: InboundMessage) -> Accepted:
        user = (
            message.user_id if account.is_own else f"{account.name}:{message.user_id}"
        )
        own = f"{account.name}.{plain_id(message.conversation_id)}"
        linked = await self._identity.place(account.shop, account.name, message.user_id)
        conversation, user = linked or (own, plain_id(user))
        return await self._taker.take(
            account.shop,
            conversation,
            self._new_message(account, message, user),
            is_brought_again=not account.channel.caps.keeps_connection,
        )

    def _new_message(
        self, account: Account, message: InboundMessage, user: str
    ) -> NewMessage:
        declared: Locale = message.locale or "zh"
        text = text_of(message, declared)[: self._text_chars]
        event = EventBody(
            at_ms=self._wall_ms(),
            text=text,
            message_id=plain_id(message.message_id),
            user_id=user,
            locale=language_of(text, message.locale, self._locale_of),
            cards=_cards(message),
            meta=_meta(message.attachments),
        )
        said = f"{user}\0{text}".encode()
        route = Route(
            channel=account.name,
            user_id=message.user_id,
            conversation_id=message.conversation_id,
            address=message.address,
        )
        return NewMessage(
            channel=account.name,
            message_id=event.message_id,
            fingerprint=hashlib.blake2b(said, digest_size=12).hexdigest(),
            event=encode(event),
            route=msgspec.json.encode(route),
            sent_at_ms=(
                -1
                if account.channel.caps.counts_by_address
                else int(message.sent_at_s * 1000)
            ),
        )


def plain_id(text: str) -> str:
    """An id as the gateway takes them: a strange or long one by its digest."""
    if len(text) <= _MAX_ID and _PLAIN_ID(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"sha256-{digest[:48]}"


def text_of(message: InboundMessage, declared: Locale) -> str:
    """The words of a message; what is not words stands there in brackets."""
    parts = [_clean(message.text)]
    if message.order:
        parts.append(_ORDER[declared].format(_clean(message.order)))
    # A voice that the platform put into words is those words.
    parts += [
        _PLACEHOLDERS[declared][one.kind]
        for one in message.attachments
        if one.kind != "voice" or not parts[0]
    ]
    return " ".join(part for part in parts if part)


def _clean(text: str) -> str:
    """No NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode().strip()


def _meta(
    attachments: tuple[Attachment, ...],
) -> dict[str, str | int | float | bool | None] | None:
    if not attachments:
        return None
    return {
        f"attachment_{n}": f"{one.kind}:{one.ref}"[:500]
        for n, one in enumerate(attachments, 1)
    }


def _cards(message: InboundMessage) -> tuple[Card, ...]:
    """What pages show beside the text."""
    order = (Card(kind="order", ref=message.order[:200]),) if message.order else ()
    return order + tuple(
        Card(kind=one.kind, title=one.name[:200], ref=one.ref[:200])
        for one in message.attachments
        if one.kind != "other"
    )


def _code(reason: str) -> str:
    """A reason as a label: short, closed characters."""
    return re.sub(r"[^a-z0-9]+", "_", reason.lower())[:24]
