"""
Engines, a router and a guard as a seed wants them: late, wrong, busy or deadly.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from engines.contract import (
    Answer,
    Complexity,
    Decision,
    EngineOverloaded,
    EngineTimeout,
    Escalation,
    Reason,
    Risk,
    Tier,
    Turn,
    TurnInterrupted,
)


#: Texts that do more than ask.
DEADLY, WANTS_PERSON = "deadly", "a person please"

_TIERS = (Tier.L1, Tier.L1, Tier.L2, Tier.L2, Tier.L3)
_FAULTS: tuple[Callable[[Tier], Exception], ...] = (
    lambda tier: EngineOverloaded(tier, 0.5),
    EngineTimeout,
    TurnInterrupted,
    lambda _: RuntimeError("a fault of ours"),
)


class Mind:
    """All chance of what answers."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def decide(self, turn: Turn) -> Decision:
        """Any tier, now and then a person."""
        asks = turn.text == WANTS_PERSON
        return Decision(
            complexity=Complexity.MODERATE,
            risk=Risk.HIGH if asks else turn.previous_risk or Risk.LOW,
            tier=Tier.HUMAN if asks else self._chance.choice(_TIERS),
            confidence=0.9,
            asks_human=asks,
        )

    def draw(self, turn: Turn, tier: Tier) -> Answer | Escalation | Exception:
        """How a tier ends with a turn."""
        luck = self._chance.random()
        if luck < 0.08:  # noqa: PLR2004 - shares of ends
            return self._chance.choice(_FAULTS)(tier)
        if luck < 0.2:  # noqa: PLR2004
            return Escalation(reason=Reason.NO_MATCH)
        return Answer(text=f"to {turn.message_id}: {self._chance.random():.9f}")

    def delay_s(self) -> float:
        """Mostly a moment; now and then longer than a lease, or than any deadline."""
        luck = self._chance.random()
        if luck < 0.02:  # noqa: PLR2004 - a model that never answers
            return 1_000.0
        return luck * 6.0 if luck < 0.2 else luck * 0.5  # noqa: PLR2004


class SimulatedTier:
    """A tier of one process."""

    def __init__(self, tier: Tier, mind: Mind, die: Callable[[], None]) -> None:
        self.tier = tier
        self._mind = mind
        self._die = die

    async def answer(self, turn: Turn) -> Answer | Escalation:
        """See :class:`engines.contract.Engine`; L1 does not suspend."""
        if turn.text == DEADLY:
            self._die()
            await asyncio.sleep(0)
        if self.tier is not Tier.L1:
            await asyncio.sleep(self._mind.delay_s())
        end = self._mind.draw(turn, self.tier)
        if isinstance(end, Exception):
            raise end
        return end
