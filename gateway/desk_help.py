"""
What helps an operator beside the queue: a suggested reply, the customer's orders,
the shop's standing lines, and a place for corrections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Literal

import msgspec

from engines.contract import (
    Answer,
    Citation,
    Complexity,
    ConversationId,
    Decision,
    EngineError,
    Locale,
    MessageId,
    Reason,
    Risk,
    ShopId,
    Tier,
    Turn,
    UserId,
    Utterance,
)
from engines.guard import mask_personal_data
from engines.shops.port import Order, ShopError
from gateway.admission.admission import Admission
from gateway.admission.asks import End
from gateway.admission.bulkhead import Diverted
from gateway.answering import Guard, ShopService
from gateway.handoff.states import Handoff
from gateway.live import Live
from gateway.outcome import EventOut, encode
from gateway.store.handoff import HandoffStore
from router_models import corrections


#: Seconds for a suggestion, and for the customer's orders.
PATIENCE_S = 3.0
#: Lines of the talk that a suggestion, or a correction, looks back on.
LINES = 12
#: Events looked at for them.
EVENTS = 500
#: Keys of the shop's standing lines in its voice.
STANDING = "desk."

_ROLES: dict[str, Literal["customer", "assistant", "operator"]] = {
    "message": "customer",
    "reply": "assistant",
    "operator": "operator",
}


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the machine would say; nobody hears it unless an operator sends it.

    Attributes:
        text: Empty if neither rules nor retrieval have an answer.
    """

    text: str = ""
    tier: Tier | None = None
    citations: tuple[Citation, ...] = ()


class Correction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What the router or an answer should have been, in the shape ``tidegate eval`` reads.

    Attributes:
        n: Number of the customer's message in the conversation's events.

        answer: What should have been said.
    """

    id: str
    text: str
    context: tuple[Utterance, ...]
    locale: Locale
    n: int
    at_ms: int
    by: str
    complexity: Complexity | None = None
    risk: Risk | None = None
    tier: Tier | None = None
    answer: str = ""
    note: str = ""


class DeskHelp:
    """
    Help for the operators of all shops.

    Args:
        wall_ms: Wall clock.

        corrected: File of what the router learns from, see ``tidegate learn``.
    """

    def __init__(
        self,
        services: Mapping[str, ShopService],
        guard: Guard,
        admission: Admission,
        live: Live,
        store: HandoffStore,
        wall_ms: Callable[[], int],
        corrected: Path,
    ) -> None:
        self._services = services
        self._guard = guard
        self._admission = admission
        self._live = live
        self._store = store
        self._wall_ms = wall_ms
        self._corrected = corrected

    def standing_lines(self, shop: str, locale: Locale) -> list[str]:
        """The shop's standing lines, in the order of their keys."""
        voice = self._services[shop].voice
        keys = sorted(key for key in voice.keys if key.startswith(STANDING))
        return [voice.say(key, locale) for key in keys if not voice.blanks(key)]

    async def orders(self, shop: str, user_id: str) -> tuple[Order, ...]:
        """The customer's orders; empty if the shop's system has or says none."""
        port = self._services[shop].orders
        if port is None:
            return ()
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await port.orders(user_id)
        except (ShopError, TimeoutError):
            return ()

    async def suggest(self, handoff: Handoff, shop: str) -> Suggestion:
        """What L1, or else L2, says to the customer's last words."""
        events = await self._live.page(shop, handoff.conversation_id, 0, EVENTS)
        turn = _turn(handoff, shop, events)
        if turn is None:
            return Suggestion()
        for tier in (Tier.L1, Tier.L2):
            answer = await self._ask(shop, tier, turn)
            if answer is not None:
                return Suggestion(
                    text=answer.text, tier=tier, citations=answer.citations
                )
        return Suggestion()

    async def _ask(self, shop: str, tier: Tier, turn: Turn) -> Answer | None:
        engine = self._services[shop].engines.get(tier)
        if engine is None:
            return None
        bulkhead = self._admission.bulkheads.get(tier)
        try:
            async with asyncio.timeout(PATIENCE_S):
                if bulkhead is None:
                    found = await engine.answer(turn)
                else:
                    ask = self._admission.ask(
                        tier,
                        shop,
                        turn.user_id,
                        is_continuing=False,
                        deadline_s=PATIENCE_S,
                    )
                    await bulkhead.enter(ask)
                    try:
                        found = await engine.answer(turn)
                    finally:
                        bulkhead.leave(ask, End.CANCELLED)
        except (Diverted, EngineError, TimeoutError):
            return None
        checked = self._guard(found, turn) if isinstance(found, Answer) else found
        return checked if isinstance(checked, Answer) else None

    async def correct(
        self, handoff: Handoff, shop: str, by: str, n: int, **facts: object
    ) -> Correction | None:
        """Keep a correction of message *n*; None if there is no such message."""
        events = await self._live.page(shop, handoff.conversation_id, 0, EVENTS)
        before = [event for event in events if event.n <= n]
        if not before or before[-1].n != n or before[-1].kind != "message":
            return None
        kept = msgspec.convert(
            {
                "id": f"{handoff.id}:{n}",
                "text": before[-1].text,
                "context": _lines(before[:-1]),
                "locale": handoff.locale,
                "n": n,
                "at_ms": self._wall_ms(),
                "by": by,
                **facts,
            },
            Correction,
            from_attributes=True,
        )
        await self._store.correct(shop, encode(kept))
        judged = _decision(events, before[-1])
        lesson = _lesson(kept, handoff, judged, f"{shop}/{by}")
        if lesson is not None:
            await asyncio.to_thread(corrections.append, self._corrected, lesson)
        return kept

    async def corrections(self, shop: str) -> list[Correction]:
        """What was corrected lately, oldest first."""
        found = await self._store.corrections(shop)
        return [_decode(data) for data in found]


def _decision(events: list[EventOut], said: EventOut) -> Decision | None:
    """How the router judged a message, where its reply tells."""
    for event in events:
        if event.decision is not None and event.message_id == said.message_id:
            return event.decision
    return None


def _lesson(
    kept: Correction, handoff: Handoff, judged: Decision | None, by: str
) -> corrections.Correction | None:
    """
    A row the router can learn from: what was corrected, the rest as it was judged.

    None if nothing of the decision was corrected, or too little is known of it.
    """
    facts = handoff.context
    complexity = kept.complexity or (judged and judged.complexity)
    complexity = complexity or facts.get("complexity")
    risk = kept.risk or (judged.risk if judged else handoff.risk)
    if complexity is None or not (kept.complexity or kept.risk or kept.tier):
        return None
    is_wish = judged.asks_human if judged else handoff.reason == Reason.ASKED_HUMAN
    return corrections.Correction(
        text=mask_personal_data(kept.text),
        locale=kept.locale,
        complexity=Complexity(complexity),
        risk=risk,
        asks_human=is_wish,
        needs_person=kept.tier is Tier.HUMAN and risk is Risk.HIGH and not is_wish,
        context=tuple(
            Utterance(line.role, mask_personal_data(line.text)) for line in kept.context
        ),
        by=by,
        at_ms=kept.at_ms,
        model=judged.model if judged else "",
    )


def _lines(events: list[EventOut]) -> tuple[Utterance, ...]:
    said = [e for e in events if e.kind in _ROLES and e.text]
    return tuple(Utterance(_ROLES[e.kind], e.text) for e in said[-LINES:])


def _turn(handoff: Handoff, shop: str, events: list[EventOut]) -> Turn | None:
    said = [event for event in events if event.kind == "message"]
    if not said:
        return None
    last = said[-1]
    return Turn(
        turn_id=f"{shop}/{handoff.conversation_id}/{last.n}/suggestion",
        shop=ShopId(shop),
        channel=handoff.channel,
        conversation_id=ConversationId(handoff.conversation_id),
        message_id=MessageId(last.message_id),
        user_id=UserId(handoff.user_id),
        seq=last.n,
        text=last.text,
        locale=handoff.locale,
        history=_lines([event for event in events if event.n < last.n]),
        turn_number=len(said),
        deadline_s=monotonic() + PATIENCE_S,
    )


_decode = msgspec.json.Decoder(Correction).decode
