"""
Carries out what moves mean for conversations: owner, notice, hand-back.

A move and its effect lie in different slots of the store, so they can't be one
atomic call. The effect is written with the move and carried out after it, by
the mover or, if the mover died, by the sweep; in order, and harmless to repeat:
the conversation knows each line by its id and each claim by its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from engines.contract import Locale, Reason
from engines.voice import Voice
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.states import Handoff
from gateway.handoff.steps import Effect
from gateway.outcome import EventBody, HandoffOut, encode, with_person
from gateway.store.conversations import Conversations
from gateway.store.errors import StaleOwner


#: Sentences said here, with the blanks filled.
SENTENCES: Mapping[str, tuple[str, ...]] = {
    "handoff.queued": ("position", "minutes"),
    "handoff.requeued": ("position", "minutes"),
    "handoff.joined": ("operator",),
    "handoff.closed": (),
    "handoff.returned": (),
    "ticket.created": ("ticket", "promised"),
    "ticket.reason_busy": (),
}

#: Kinds of log entries, see :data:`gateway.outcome.KINDS`.
NOTICE, OPERATOR, CUSTOMER = "s", "o", "m"

#: What each notice tells the customer's page of the state.
_STATES = {
    "handoff.queued": "queued",
    "handoff.requeued": "queued",
    "handoff.joined": "active",
    "handoff.closed": "closed",
    "handoff.returned": "abandoned",
    "ticket.created": "ticketed",
}


#: What a customer is told first of a handoff.
_FIRST = frozenset({"handoff.queued", "ticket.created"})


class Effects:
    """
    Speaks to conversations on behalf of the human queue.

    Args:
        conversations: The store's mailboxes.

        voices: Each shop's sentences; must have all of :data:`SENTENCES`.

        policy: Names the zone of promised times.
    """

    def __init__(
        self,
        conversations: Conversations,
        voices: Mapping[str, Voice],
        policy: HandoffPolicy,
    ) -> None:
        for voice in voices.values():
            voice.require(SENTENCES)
        self._conversations = conversations
        self._voices = voices
        self._zone = timezone(timedelta(minutes=policy.utc_offset_min))

    async def apply(self, shop: str, handoff: Handoff, effect: Effect) -> bool:
        """
        Carry out one effect; False if another owner has the conversation.

        Raises:
            UnseenMessage: If the conversation holds a message that the
                operator had not read at the close; it is not given back.
            StoreUnavailable: If it is not known whether it was carried out.
        """
        event = (NOTICE, encode(self._notice(shop, handoff, effect)))
        at = (shop, handoff.conversation_id, effect.owner)
        try:
            if effect.kind == "own":
                await self._conversations.own(
                    *at,
                    effect.epoch,
                    event=event,
                    human_result=with_person(effect.owner),
                )
            elif effect.kind == "hand_back":
                await self._conversations.hand_back(*at, event=event, seen=effect.seen)
            else:
                line_id = f"{handoff.id}:{effect.version}"
                await self._conversations.say(
                    *at, effect.epoch, line_id=line_id, event=event
                )
        except StaleOwner:
            return False
        return True

    async def reply(
        self, shop: str, handoff: Handoff, line_id: str, text: str, now_ms: int
    ) -> int:
        """
        Say an operator's line, once per *line_id*; the number of its event.

        Raises:
            StaleOwner: If the conversation has another owner or claim by now.
        """
        body = EventBody(
            at_ms=now_ms,
            text=text,
            message_id=line_id,
            operator=handoff.operator_display,
        )
        return await self._conversations.say(
            shop,
            handoff.conversation_id,
            handoff.owner,
            handoff.epoch,
            line_id=f"{handoff.id}:line:{line_id}",
            event=(OPERATOR, encode(body)),
        )

    async def last_owner(self, shop: str, conversation: str) -> str:
        """Name of the handoff that gave a conversation back last; empty for none."""
        return await self._conversations.given_back(shop, conversation)

    async def last_said(self, shop: str, conversation: str) -> tuple[int, int, bool]:
        """Number and time of the newest event, and whether the customer said it."""
        event = await self._conversations.last_event(shop, conversation)
        if event is None:
            return 0, 0, False
        body = _body_decoder.decode(event.data)
        return event.n, body.at_ms, event.kind == CUSTOMER

    async def release(self, shop: str, handoff: Handoff, owner: str) -> None:
        """Give back what a handoff that is over still owns; usually nothing."""
        with suppress(StaleOwner):
            await self._conversations.hand_back(shop, handoff.conversation_id, owner)

    def _notice(self, shop: str, handoff: Handoff, effect: Effect) -> EventBody:
        blanks = self._blanks(handoff, effect)
        said = {name: blanks[name] for name in SENTENCES[effect.notice]}
        return EventBody(
            at_ms=effect.at_ms,
            text=self._why(shop, handoff, effect)
            + self._voices[shop].say(effect.notice, handoff.locale, **said),
            operator=effect.operator,
            handoff=HandoffOut(
                id=handoff.id,
                state=_STATES[effect.notice],
                position=effect.position or None,
                eta_s=effect.eta_s,
                promised_at=rfc3339(effect.promised_ms),
            ),
        )

    def _why(self, shop: str, handoff: Handoff, effect: Effect) -> str:
        """Who is sent on because there is no room is told so."""
        if handoff.reason != Reason.BUSY or effect.notice not in _FIRST:
            return ""
        gap = "" if handoff.locale == "zh" else " "
        said = self._voices[shop].say("ticket.reason_busy", handoff.locale)
        return f"{said}{gap}"

    def _blanks(self, handoff: Handoff, effect: Effect) -> dict[str, object]:
        return {
            "position": effect.position,
            "minutes": minutes(effect.eta_s or (0, 0)),
            "operator": effect.operator,
            "ticket": ticket_number(handoff.id),
            "promised": self._clock_time(effect.promised_ms, handoff.locale),
        }

    def _clock_time(self, at_ms: int, locale: Locale) -> str:
        at = datetime.fromtimestamp(at_ms / 1000, self._zone)
        if locale == "zh":
            return f"{at.month}月{at.day}日 {at:%H:%M}"
        return f"{at:%d %b %H:%M} ({at.tzname()})"


def minutes(eta_s: tuple[int, int]) -> str:
    """A range of seconds as the customer reads it: ``1`` or ``2-5``."""
    low, high = (max(1, -(-seconds // 60)) for seconds in eta_s)
    return str(low) if low == high else f"{low}-{high}"


def ticket_number(handoff_id: str) -> str:
    """What the customer is told as the number of a ticket."""
    return f"T{handoff_id.rpartition('-')[2][:8].upper()}"


def rfc3339(at_ms: int) -> str | None:
    """Wall milliseconds as RFC 3339 in UTC; None for 0."""
    if not at_ms:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def decode_effect(data: bytes) -> Effect:
    """Read what :func:`encode_effect` wrote."""
    return _effect_decoder.decode(data)


def encode_effect(effect: Effect) -> bytes:
    """Encode for the store."""
    return encode(effect)


_body_decoder = msgspec.json.Decoder(EventBody)
_effect_decoder = msgspec.json.Decoder(Effect)
