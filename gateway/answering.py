"""
Route a turn, let the lowest sufficient tier answer, climb when it cannot.

The climb is decided again after each tier, not only at the door; L1 may answer
beside it (:mod:`gateway.plain_answers`). Nothing here knows the store or the wire: a
turn goes in, a verdict comes out. This is one of the two places that catch every exception: an engine's
fault must end as a person's turn, never as a lost message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from time import perf_counter

import msgspec

from engines.contract import (
    Answer,
    Decision,
    Engine,
    EngineError,
    EngineOverloaded,
    EngineTimeout,
    Escalation,
    Reason,
    Tier,
    Turn,
    TurnInterrupted,
)
from engines.voice import Voice
from gateway.admission.admission import Admission
from gateway.admission.asks import Ask, End
from gateway.admission.bulkhead import Bulkhead, Diverted
from gateway.admission.ladder import Rung
from gateway.admission.priority import UNKNOWN
from gateway.climbing import Climb, Verdict, first_tier, is_doubtful, next_tier
from gateway.customer_facts import FactsOfCustomers, ReadsOrders
from gateway.plain_answers import (
    NOT_UNDERSTOOD,
    SURE,
    is_better,
    is_better_than_none,
    is_enough,
    is_harmless,
    may_be_known,
)


#: Checks an answer before it leaves; may turn it into an escalation.
Guard = Callable[[Answer, Turn], Answer | Escalation]
#: Judges a turn. Synchronous and pure.
Decide = Callable[[Turn], Decision]
#: Judges a turn again if the first judgement was unsure.
Reconsider = Callable[[Turn, Decision], Awaitable[Decision]]

#: Misses after which the machine stops offering a person and fetches one.
OFFERS_BEFORE_HANDOFF = 1


class ShopService(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one shop answers with.

    Attributes:
        orders: Its business system, where there is one.
    """

    engines: Mapping[Tier, Engine]
    voice: Voice
    orders: ReadsOrders | None = None


class Answerer:
    """
    Climbs the tiers for one turn at a time; holds no state of a conversation.

    Args:
        deadlines_s: Longest work of a tier on one turn; a tier that is not
            named answers without suspending and needs none.

        on_fault: Told of every unforeseen exception with the turn's id.

        allows: Whether a tier works for a turn at the shop's stage.

        reconsider: The router's second stage, where there is one.
    """

    def __init__(
        self,
        decide: Decide,
        guard: Guard,
        admission: Admission,
        facts: FactsOfCustomers,
        deadlines_s: Mapping[Tier, float],
        min_confidence: float,
        on_fault: Callable[[str, Tier, BaseException], None],
        allows: Callable[[Turn, Tier], bool] = lambda _turn, _tier: True,
        reconsider: Reconsider | None = None,
    ) -> None:
        self._allows = allows
        self._reconsider = reconsider
        self._decide = decide
        self._guard = guard
        self._admission = admission
        self._facts = facts
        self._deadlines_s = deadlines_s
        self._min_confidence = min_confidence
        self._on_fault = on_fault

    async def answer(
        self,
        service: ShopService,
        turn: Turn,
        misses: int,
        admitted: Collection[Tier] = (),
    ) -> Verdict:
        """
        Judge *turn* and get it answered, or end with ``human``.

        Args:
            admitted: Tiers whose pools let an earlier turn of the episode in.
        """
        started = perf_counter()
        decision = self._decide(turn)
        if self._reconsider is not None:
            decision = await self._reconsider(turn, decision)
        routed = perf_counter()
        first = first_tier(decision, service.engines)
        verdict = Verdict(decision=decision, tier=first, answer=None, climbs=[])
        await self._answered(service, turn, verdict, admitted)
        if verdict.answer is None and self._may_offer(verdict, misses):
            self._offer_person(service, turn, verdict)
        verdict.route_s = routed - started
        verdict.answer_s = perf_counter() - routed
        return verdict

    async def _climb(
        self,
        service: ShopService,
        turn: Turn,
        verdict: Verdict,
        admitted: Collection[Tier],
    ) -> None:
        while verdict.tier is not Tier.HUMAN:
            engine = service.engines.get(verdict.tier)
            result: Answer | Escalation
            if not self._allows(turn, verdict.tier):
                result = Escalation(reason=Reason.POLICY, note="not at this stage")
            elif engine is None:
                result = Escalation(reason=Reason.UNAVAILABLE)
            else:
                told = _as_told(service.voice, turn, verdict)
                result = await self._ask(engine, told, verdict, admitted)
            if isinstance(result, Answer):
                result = _said(service.voice, result, turn, verdict.decision)
            if isinstance(result, Answer):
                verdict.answer = result
                return
            verdict.climbs.append(Climb(verdict.tier, result.reason, result.note))
            following = next_tier(verdict, result, turn)
            verdict.needs_sure |= is_doubtful(verdict, result, turn)
            verdict.tier = following

    async def _answered(
        self,
        service: ShopService,
        turn: Turn,
        verdict: Verdict,
        admitted: Collection[Tier],
    ) -> None:
        """By the tiers one after the other, or by L1 where it does as well."""
        known = None
        if may_be_known(verdict.decision, turn):
            known = await self._rules(service, turn, verdict)
        if known is None or not is_enough(known, verdict.decision, turn):
            await self._climb(service, turn, verdict, admitted)
            known = await self._instead(service, turn, verdict, known)
        if known is not None:
            verdict.tier, verdict.answer = Tier.L1, known

    async def _instead(
        self, service: ShopService, turn: Turn, verdict: Verdict, known: Answer | None
    ) -> Answer | None:
        """What L1 says in place of what came of the climb; None if that stands."""
        said = verdict.answer
        if said is not None:
            if known is None or verdict.tier is not Tier.L2:
                return None
            return known if is_better(known, said) else None
        if turn.open_task is not None or not _is_missed(verdict):
            return None
        asked = (climb.tier for climb in verdict.climbs)
        if not may_be_known(verdict.decision, turn) and Tier.L1 not in asked:
            known = await self._rules(service, turn, verdict)
        return known if known and is_better_than_none(known, turn) else None

    async def _rules(
        self, service: ShopService, turn: Turn, verdict: Verdict
    ) -> Answer | None:
        engine = service.engines.get(Tier.L1)
        if engine is None or not self._allows(turn, Tier.L1):
            return None
        result = await self._ask(engine, turn, verdict, ())
        if isinstance(result, Answer):
            result = _said(service.voice, result, turn, verdict.decision)
        return result if isinstance(result, Answer) else None

    async def _ask(
        self, engine: Engine, turn: Turn, verdict: Verdict, admitted: Collection[Tier]
    ) -> Answer | Escalation:
        try:
            result = await self._in_pool(engine, turn, verdict, admitted)
            if isinstance(result, Escalation):
                return result
            if result.confidence < (
                SURE if verdict.needs_sure else self._min_confidence
            ):
                return Escalation(reason=Reason.LOW_CONFIDENCE)
            return self._guard(result, turn)
        except TurnInterrupted:
            raise
        except Exception as exc:  # noqa: BLE001 - the boundary around an engine
            return self._escalated(exc, turn, engine.tier)

    def _escalated(self, exc: Exception, turn: Turn, tier: Tier) -> Escalation:
        """What a tier that failed says by it."""
        if isinstance(exc, Diverted):
            return Escalation(reason=Reason.BUSY, note=exc.verdict, to=Tier.HUMAN)
        if isinstance(exc, TimeoutError | EngineTimeout):
            return Escalation(reason=Reason.DEADLINE)
        if isinstance(exc, EngineError):
            is_busy = isinstance(exc, EngineOverloaded)
            reason = Reason.BUSY if is_busy else Reason.UNAVAILABLE
            return Escalation(reason=reason, note=str(exc))
        self._on_fault(turn.turn_id, tier, exc)
        return Escalation(reason=Reason.FAULT, note=type(exc).__name__)

    async def _in_pool(
        self, engine: Engine, turn: Turn, verdict: Verdict, admitted: Collection[Tier]
    ) -> Answer | Escalation:
        bulkhead = self._admission.bulkheads.get(engine.tier)
        if bulkhead is None:
            return await engine.answer(turn)
        ask = await self._admit(bulkhead, turn, engine.tier, admitted)
        verdict.admitted.append(engine.tier)
        return await self._within_limits(engine, bulkhead, ask, turn)

    async def _admit(
        self,
        bulkhead: Bulkhead,
        turn: Turn,
        tier: Tier,
        admitted: Collection[Tier],
    ) -> Ask:
        """
        A slot of the tier, held.

        Raises:
            Diverted: If there is none for this turn.
        """
        facts = UNKNOWN
        if bulkhead.is_contended():
            facts = await self._facts.fetch(turn.shop, turn.user_id)
        ask = self._admission.ask(
            tier,
            turn.shop,
            turn.user_id,
            is_continuing=tier in admitted,
            deadline_s=self._deadlines_s[tier],
            facts=facts,
        )
        await bulkhead.enter(ask)
        return ask

    async def _within_limits(
        self, engine: Engine, bulkhead: Bulkhead, ask: Ask, turn: Turn
    ) -> Answer | Escalation:
        """Work in the slot of *ask*, which is given back whatever happens."""
        end, pause_s = End.CANCELLED, 0.0
        limited = msgspec.structs.replace(
            turn,
            deadline_s=min(turn.deadline_s, ask.deadline),
            is_brief=self._admission.rung_of(turn.shop) >= Rung.CHEAPER,
        )
        try:
            async with asyncio.timeout_at(ask.deadline):
                result = await engine.answer(limited)
            end = End.DONE
        except (TimeoutError, EngineTimeout):
            end = End.TIMEOUT
            raise
        except EngineOverloaded as exc:
            end, pause_s = End.REFUSED, exc.retry_after_s
            raise
        else:
            return result
        finally:
            bulkhead.leave(ask, end, pause_s)

    def _may_offer(self, verdict: Verdict, misses: int) -> bool:
        """Not understanding a harmless question is no reason to fetch a person yet."""
        return _is_missed(verdict) and misses < OFFERS_BEFORE_HANDOFF

    def _offer_person(self, service: ShopService, turn: Turn, verdict: Verdict) -> None:
        verdict.tier = verdict.climbs[-1].tier
        verdict.is_fallback = True
        verdict.answer = Answer(
            text=service.voice.say("human.offer", turn.locale),
            confidence=0.0,
            intent="not_understood",
            open_task=turn.open_task,
        )


def _is_missed(verdict: Verdict) -> bool:
    """Tell if a harmless turn was not understood by the last who had it."""
    last = verdict.climbs[-1].reason if verdict.climbs else None
    return last in NOT_UNDERSTOOD and is_harmless(verdict.decision)


def _as_told(voice: Voice, turn: Turn, verdict: Verdict) -> Turn:
    """
    *turn* as a tier above L1 sees it: with the router's hint, and with drafts checked.

    Only what the shop would say just so is told before the answer is whole. L1 has its
    answers whole: nothing is told, and most turns pay nothing for it.
    """
    tell, is_open = turn.draft, True
    if verdict.tier is Tier.L1:
        return turn
    if tell is None:
        return msgspec.structs.replace(turn, intent=verdict.decision.intent)

    def draft(sentence: str) -> None:
        nonlocal is_open
        emotion = verdict.decision.emotion
        is_open = is_open and voice.may_draft(sentence, turn, emotion)
        if is_open:
            tell(sentence)

    intent = verdict.decision.intent
    return msgspec.structs.replace(turn, draft=draft, intent=intent)


def _said(
    voice: Voice, answer: Answer, turn: Turn, decision: Decision
) -> Answer | Escalation:
    """Answer as the shop says it, whichever tier it is from."""
    said = voice.dress(answer, turn, decision.emotion)
    return said or Escalation(reason=Reason.GUARD, note="forbidden word")
