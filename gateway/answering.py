"""
Route a turn, let the lowest sufficient tier answer, climb when it cannot.

The climb is decided again after each tier, not only at the door, and only goes
up. Nothing here knows the store or the wire: a turn goes in, a verdict comes
out. This is one of the two places that catch every exception: an engine's
fault must end as a person's turn, never as a lost message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import perf_counter

import msgspec

from engines.contract import (
    TIER_ORDER,
    Answer,
    Complexity,
    Decision,
    Engine,
    EngineError,
    EngineOverloaded,
    EngineTimeout,
    Escalation,
    Reason,
    Risk,
    Tier,
    Turn,
    TurnInterrupted,
)
from engines.voice import Voice
from gateway.admission.pools import Pool, PoolFull


#: Checks an answer before it leaves; may turn it into an escalation.
Guard = Callable[[Answer, Turn], Answer | Escalation]
#: Judges a turn. Synchronous and pure.
Decide = Callable[[Turn], Decision]

#: Misses after which the machine stops offering a person and fetches one.
OFFERS_BEFORE_HANDOFF = 1

_NOT_UNDERSTOOD = frozenset({Reason.NO_MATCH, Reason.LOW_CONFIDENCE, Reason.GUARD})


class ShopService(msgspec.Struct, frozen=True, kw_only=True):
    """What one shop answers with."""

    engines: Mapping[Tier, Engine]
    voice: Voice


class Climb(msgspec.Struct, frozen=True):
    """A tier that handed the turn on, and why."""

    tier: Tier
    reason: Reason
    note: str = ""


class Verdict(msgspec.Struct, kw_only=True):
    """
    How a turn ends.

    Attributes:
        tier: Who has it now; ``human`` means a handoff must follow.

        answer: What is said; None exactly if *tier* is ``human``.

        is_fallback: True if the answer only says that we do not know.

        route_s / answer_s: Seconds spent judging and answering.
    """

    decision: Decision
    tier: Tier
    answer: Answer | None
    climbs: list[Climb]
    is_fallback: bool = False
    route_s: float = 0.0
    answer_s: float = 0.0


class Answerer:
    """
    Climbs the tiers for one turn at a time; holds no state of a conversation.

    Args:
        deadlines_s: Longest work of a tier on one turn; a tier that is not
            named answers without suspending and needs none.

        on_fault: Told of every unforeseen exception with the turn's id.
    """

    def __init__(
        self,
        decide: Decide,
        guard: Guard,
        pools: Mapping[Tier, Pool],
        deadlines_s: Mapping[Tier, float],
        min_confidence: float,
        on_fault: Callable[[str, Tier, BaseException], None],
    ) -> None:
        self._decide = decide
        self._guard = guard
        self._pools = pools
        self._deadlines_s = deadlines_s
        self._min_confidence = min_confidence
        self._on_fault = on_fault

    async def answer(self, service: ShopService, turn: Turn, misses: int) -> Verdict:
        """Judge *turn* and get it answered, or end with ``human``."""
        started = perf_counter()
        decision = self._decide(turn)
        routed = perf_counter()
        verdict = Verdict(decision=decision, tier=decision.tier, answer=None, climbs=[])
        await self._climb(service, turn, verdict)
        if verdict.answer is None and self._may_offer(verdict, misses):
            self._offer_person(service, turn, verdict)
        verdict.route_s = routed - started
        verdict.answer_s = perf_counter() - routed
        return verdict

    async def _climb(self, service: ShopService, turn: Turn, verdict: Verdict) -> None:
        while verdict.tier is not Tier.HUMAN:
            engine = service.engines.get(verdict.tier)
            if engine is None:
                result: Answer | Escalation = Escalation(reason=Reason.UNAVAILABLE)
            else:
                result = await self._ask(engine, turn)
            if isinstance(result, Answer):
                verdict.answer = result
                return
            verdict.climbs.append(Climb(verdict.tier, result.reason, result.note))
            verdict.tier = next_tier(verdict.tier, result, verdict.decision)

    async def _ask(self, engine: Engine, turn: Turn) -> Answer | Escalation:
        tier = engine.tier
        try:
            result = await self._within_limits(engine, turn)
            if isinstance(result, Escalation):
                return result
            if result.confidence < self._min_confidence:
                return Escalation(reason=Reason.LOW_CONFIDENCE)
            return self._guard(result, turn)
        except TurnInterrupted:
            raise
        except (TimeoutError, EngineTimeout):
            return Escalation(reason=Reason.DEADLINE)
        except (PoolFull, EngineOverloaded, EngineError) as exc:
            return Escalation(reason=Reason.UNAVAILABLE, note=str(exc))
        except Exception as exc:  # noqa: BLE001 - the boundary around an engine
            self._on_fault(turn.turn_id, tier, exc)
            return Escalation(reason=Reason.FAULT, note=type(exc).__name__)

    async def _within_limits(self, engine: Engine, turn: Turn) -> Answer | Escalation:
        pool = self._pools.get(engine.tier)
        if pool is None:
            return await engine.answer(turn)
        limit_s = self._deadlines_s[engine.tier]
        async with asyncio.timeout(limit_s), pool.permit():
            deadline_s = min(
                turn.deadline_s, asyncio.get_running_loop().time() + limit_s
            )
            return await engine.answer(
                msgspec.structs.replace(turn, deadline_s=deadline_s)
            )

    def _may_offer(self, verdict: Verdict, misses: int) -> bool:
        """Not understanding a harmless question is no reason to fetch a person yet."""
        last = verdict.climbs[-1].reason if verdict.climbs else None
        return (
            last in _NOT_UNDERSTOOD
            and verdict.decision.risk is not Risk.HIGH
            and not verdict.decision.asks_human
            and misses < OFFERS_BEFORE_HANDOFF
        )

    def _offer_person(self, service: ShopService, turn: Turn, verdict: Verdict) -> None:
        verdict.tier = verdict.climbs[-1].tier
        verdict.is_fallback = True
        verdict.answer = Answer(
            text=service.voice.say("human.offer", turn.locale),
            confidence=0.0,
            intent="not_understood",
            open_task=turn.open_task,
        )


def next_tier(tier: Tier, escalation: Escalation, decision: Decision) -> Tier:
    """
    Who gets the turn after *tier* gave it back; always a later tier.

    L3 changes things: a harmless question that L2 could not answer does not
    become a task by that, so it goes past L3.
    """
    wanted = escalation.to
    if wanted is None and escalation.reason is Reason.NEEDS_ACTION:
        wanted = Tier.L3
    if wanted is not None and TIER_ORDER[wanted] > TIER_ORDER[tier]:
        return wanted
    if tier is Tier.L1:
        return Tier.L2
    is_task = decision.complexity is Complexity.COMPLEX or decision.risk is Risk.HIGH
    return Tier.L3 if tier is Tier.L2 and is_task else Tier.HUMAN
