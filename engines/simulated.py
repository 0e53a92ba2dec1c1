"""
An engine that only takes its time: for load runs of the gateway around it.

It answers after a lognormal delay with a fixed line, hands some turns on, and
refuses above so many at once as a busy provider does. What it draws comes from the
turn's id, so that two runs of the same turns take the same times. With a language
model it takes the model's time instead: the whole way to the provider and back.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import random

from engines.contract import (
    Answer,
    EngineError,
    EngineOverloaded,
    EngineTimeout,
    Escalation,
    Reason,
    Tier,
    Turn,
)
from engines.llm import (
    ChatLine,
    LlmClient,
    LlmError,
    LlmOverloaded,
    LlmTimeout,
    Prompt,
)


#: What is said; no figure, promise or name, so that the guard lets it pass.
TEXT = {"zh": "好的，我来看一下您的问题。", "en": "All right, I am looking into it."}


class SimulatedEngine:
    """
    Answers on *tier* after a delay.

    Args:
        mean_s / cv: Mean and coefficient of variation of the delay.

        most: Turns at once; more are refused with a pause. 0 for no bound.

        escalates: Share of turns that are handed on.

        llm: Asked with the turn's text; its answer is waited for, not repeated.
    """

    def __init__(
        self,
        tier: Tier,
        mean_s: float,
        cv: float,
        *,
        most: int,
        escalates: float,
        llm: LlmClient | None = None,
    ) -> None:
        self._tier = tier
        variance = math.log(1 + cv * cv)
        self._sigma = math.sqrt(variance)
        self._mu = math.log(mean_s) - variance / 2
        self._most = most
        self._escalates = escalates
        self._inside = 0
        self._llm = llm

    @property
    def tier(self) -> Tier:
        """The tier it stands in for."""
        return self._tier

    async def answer(self, turn: Turn) -> Answer | Escalation:
        """Take the time that this turn takes; see :class:`engines.contract.Engine`."""
        if self._most and self._inside >= self._most:
            raise EngineOverloaded(self._tier, retry_after_s=0.1)
        digest = hashlib.blake2b(turn.turn_id.encode(), digest_size=8).digest()
        draws = random.Random(digest)  # noqa: S311 - a simulation
        self._inside += 1
        try:
            if self._llm is None:
                await asyncio.sleep(draws.lognormvariate(self._mu, self._sigma))
            else:
                await self._ask(self._llm, turn)
        finally:
            self._inside -= 1
        if draws.random() < self._escalates:
            return Escalation(reason=Reason.NO_MATCH, note="simulated")
        return Answer(text=TEXT[turn.locale], intent="simulated")

    async def _ask(self, llm: LlmClient, turn: Turn) -> None:
        prompt = Prompt(
            shop=turn.shop, user=turn.user_id, lines=(ChatLine("user", turn.text),)
        )
        try:
            await llm.ask(prompt)
        except LlmOverloaded as exc:
            raise EngineOverloaded(self._tier, exc.retry_after_s) from exc
        except LlmTimeout as exc:
            raise EngineTimeout(self._tier) from exc
        except LlmError as exc:
            raise EngineError(self._tier) from exc
