"""
One turn's work: from a mailbox entry to everything a commit writes.

Nothing here talks to the store. The same entry gives the same ids when it is
taken over by another worker: the turn's, the handoff's, the actions'.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from time import monotonic

import msgspec

from engines.contract import Answer, Complexity, Decision, Reason, Risk, Tier, Turn
from gateway.admission.admission import Admission
from gateway.answering import Answerer, ShopService
from gateway.climbing import Climb, Verdict
from gateway.coalescing import is_nudge
from gateway.drafts import Drafts
from gateway.handoff.states import HandoffRequest
from gateway.outcome import (
    EventBody,
    HandoffOut,
    Leaves,
    MessageOut,
    ReplyOut,
    encode,
)
from gateway.state import (
    ConversationState,
    begin_turn,
    dump_state,
    end_turn,
    turn_of,
)
from gateway.store.mailbox import Pending


_event_decoder = msgspec.json.Decoder(EventBody)
_encode_handoff = msgspec.json.Encoder().encode


class Commitment(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one commit writes.

    Attributes:
        result: Encoded MessageOut, the answer to every repeat.

        handoff: The handoff that must follow, or None.
    """

    result: bytes
    events: tuple[tuple[str, bytes], ...]
    state: bytes
    handoff: HandoffRequest | None
    verdict: Verdict
    turn: Turn

    @property
    def owner(self) -> str:
        """Who owns the conversation afterwards: a handoff id, or nobody."""
        return self.handoff.id if self.handoff else ""

    @property
    def outbox(self) -> tuple[bytes, ...]:
        """Entries that must be carried out after the commit."""
        return (_encode_handoff(self.handoff),) if self.handoff else ()


class TurnWork:
    """
    Does the work of turns.

    Args:
        wall_ms: Wall clock, for what people read.

        max_tries: Take-overs after which a message goes to a person unread by
            any engine: it may be what kills the workers.

        drafts: Where answers are told while they are written; None for nowhere.

        clock: Monotonic seconds, of the event loop's own time.
    """

    def __init__(
        self,
        answerer: Answerer,
        admission: Admission,
        *,
        wall_ms: Callable[[], int],
        idle_ms: int,
        keep_lines: int,
        deadline_s: float,
        max_tries: int,
        drafts: Drafts | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._answerer = answerer
        self._admission = admission
        self._wall_ms = wall_ms
        self._idle_ms = idle_ms
        self._keep_lines = keep_lines
        self._deadline_s = deadline_s
        self._max_tries = max_tries
        self._drafts = drafts
        self._clock = clock

    async def run(
        self,
        service: ShopService,
        shop: str,
        conversation: str,
        pending: Pending,
        state: ConversationState,
    ) -> Commitment:
        """Answer the message, or decide that a person must; updates *state*."""
        inbound = _event_decoder.decode(pending.event)
        begin_turn(state, inbound.user_id, self._wall_ms(), self._idle_ms)
        draft = (
            None
            if self._drafts is None
            else self._drafts.of(shop, conversation, pending.message_id)
        )
        turn = turn_of(
            state,
            inbound,
            shop=shop,
            channel=pending.channel,
            conversation=conversation,
            seq=pending.seq,
            deadline_s=self._clock() + self._deadline_s,
            draft=draft,
        )
        if pending.tries > self._max_tries:
            verdict = _poisoned(pending.tries)
        elif _is_impatient(inbound, state):
            verdict = _merged(service, turn)
            self._admission.merged += 1
        else:
            verdict = await self._answerer.answer(
                service, turn, state.misses, state.admitted
            )
        return self._commitment(turn, verdict, state)

    def _commitment(
        self, turn: Turn, verdict: Verdict, state: ConversationState
    ) -> Commitment:
        answer, now_ms = verdict.answer, self._wall_ms()
        handoff = None if answer else _handoff(turn, verdict, now_ms)
        state.misses = state.misses + 1 if verdict.is_fallback else 0
        state.admitted += [t for t in verdict.admitted if t not in state.admitted]
        end_turn(
            state,
            turn,
            verdict.decision,
            verdict.tier,
            answer,
            text=answer.text if answer else "",
            now_ms=now_ms,
            keep_lines=self._keep_lines,
        )
        return Commitment(
            result=encode(_result(turn, verdict, handoff)),
            events=(_reply_event(turn, verdict, now_ms),) if answer else (),
            state=dump_state(state),
            handoff=handoff,
            verdict=verdict,
            turn=turn,
        )


def _result(turn: Turn, verdict: Verdict, handoff: HandoffRequest | None) -> MessageOut:
    answer = verdict.answer
    return MessageOut(
        message_id=turn.message_id,
        seq=turn.seq,
        status="answered" if answer else "queued",
        reply=ReplyOut(
            text=answer.text,
            tier=verdict.tier,
            citations=answer.citations,
            actions=answer.actions,
        )
        if answer
        else None,
        decision=verdict.decision,
        handoff=HandoffOut(id=handoff.id) if handoff else None,
    )


def _reply_event(turn: Turn, verdict: Verdict, now_ms: int) -> tuple[str, bytes]:
    answer = verdict.answer
    assert answer is not None  # noqa: S101 - the caller checked
    body = EventBody(
        at_ms=now_ms,
        text=answer.text,
        message_id=turn.message_id,
        tier=verdict.tier,
        citations=answer.citations,
        actions=answer.actions,
        decision=verdict.decision,
        leaves=_leaves(verdict, answer),
    )
    return "r", encode(body)


def _leaves(verdict: Verdict, answer: Answer) -> Leaves:
    """What counts when nobody writes any more: was the matter still open?"""
    if verdict.is_fallback:
        return "fallback"
    return "question" if answer.open_task is not None else ""


def _handoff(turn: Turn, verdict: Verdict, now_ms: int) -> HandoffRequest:
    digest = hashlib.sha256(turn.turn_id.encode()).hexdigest()[:16]
    return HandoffRequest(
        id=f"h-{digest}",
        conversation_id=turn.conversation_id,
        user_id=turn.user_id,
        channel=turn.channel,
        reason=handoff_reason(verdict),
        risk=verdict.decision.risk,
        summary=_summary(turn, verdict),
        locale=turn.locale,
        created_ms=now_ms,
        context=_context(verdict),
    )


def handoff_reason(verdict: Verdict) -> Reason:
    """Why a person is needed: the customer's wish, a risk, or the last climb."""
    if verdict.decision.asks_human:
        return Reason.ASKED_HUMAN
    return verdict.climbs[-1].reason if verdict.climbs else Reason.HIGH_RISK


def _summary(turn: Turn, verdict: Verdict) -> str:
    """What the operator reads first: the words, and what was tried."""
    lines = [f"{line.role}: {line.text}" for line in turn.history[-4:]]
    lines.append(f"customer: {turn.text[:400]}")
    lines += [
        f"{climb.tier} -> {climb.reason} {climb.note}".rstrip()
        for climb in verdict.climbs
    ]
    return "\n".join(lines)


def _context(verdict: Verdict) -> dict[str, str | float]:
    """What the desk shows of the decision."""
    decision = verdict.decision
    return {
        "tier": decision.tier,
        "complexity": decision.complexity,
        "risk": decision.risk,
        "emotion": decision.emotion,
        "intent": decision.intent,
        "confidence": round(decision.confidence, 3),
    }


def _is_impatient(inbound: EventBody, state: ConversationState) -> bool:
    """
    True for a nudge that came while the turn before it was being worked on.

    Only after an answer: what follows a fallback or a handover is heard.
    """
    if not 0 < inbound.at_ms < state.last_ms or state.misses or not state.history:
        return False
    said = [line.text for line in state.history if line.role == "customer"]
    is_answered = state.history[-1].role == "assistant"
    return is_answered and bool(said) and is_nudge(inbound.text, said[-1])


def _merged(service: ShopService, turn: Turn) -> Verdict:
    """Points to the answer that came in the meantime; what is open stays open."""
    decision = Decision(
        complexity=Complexity.SIMPLE,
        risk=turn.previous_risk or Risk.LOW,
        tier=Tier.L1,
        confidence=1.0,
        intent="nudge",
        reasons=("merged into the turn that was under way",),
    )
    answer = Answer(
        text=service.voice.say("message.merged", turn.locale),
        intent="nudge",
        open_task=turn.open_task,
    )
    return Verdict(decision=decision, tier=Tier.L1, answer=answer, climbs=[])


def _poisoned(tries: int) -> Verdict:
    decision = Decision(
        complexity=Complexity.COMPLEX,
        risk=Risk.HIGH,
        tier=Tier.HUMAN,
        confidence=1.0,
        reasons=(f"taken over {tries} times",),
    )
    return Verdict(
        decision=decision,
        tier=Tier.HUMAN,
        answer=None,
        climbs=[Climb(Tier.HUMAN, Reason.FAULT, f"taken over {tries} times")],
    )
