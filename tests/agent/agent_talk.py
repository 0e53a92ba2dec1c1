"""
A customer who talks with the agent, the way the gateway would let them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from engines.agent.engine import AgentEngine
from engines.agent.ledger import ActionRecord, Ledger
from engines.contract import (
    Answer,
    ConversationId,
    Escalation,
    Locale,
    MessageId,
    OpenTask,
    ShopId,
    Turn,
    UserId,
    Utterance,
)
from engines.guard import check


class Talk:
    """One conversation: keeps history and open task, checks every answer."""

    def __init__(
        self,
        engine: AgentEngine,
        ledger: Ledger,
        user: str,
        locale: Locale = "zh",
        conversation: str = "talk",
    ) -> None:
        self.engine = engine
        self.ledger = ledger
        self.user = user
        self.locale = locale
        self.conversation = conversation
        self.history: list[Utterance] = []
        self.open_task: OpenTask | None = None
        self.seq = 0
        self.budget_s = 60.0
        self.intent = ""

    def turn(self, text: str, *, seq: int | None = None) -> Turn:
        """The turn of *text* as the gateway would make it now."""
        number = self.seq if seq is None else seq
        return Turn(
            turn_id=f"demo/{self.conversation}/{number}",
            shop=ShopId("demo"),
            channel="web",
            conversation_id=ConversationId(self.conversation),
            message_id=MessageId(f"m{number}"),
            user_id=UserId(self.user),
            seq=number,
            text=text,
            intent=self.intent,
            locale=self.locale,
            history=tuple(self.history),
            open_task=self.open_task,
            deadline_s=asyncio.get_running_loop().time() + self.budget_s,
        )

    async def say(self, text: str) -> Answer | Escalation:
        """Send a message and remember what came of it."""
        self.seq += 1
        turn = self.turn(text)
        outcome = await self.engine.answer(turn)
        self.commit(turn, outcome)
        return outcome

    def commit(self, turn: Turn, outcome: Answer | Escalation) -> None:
        """What the gateway does after an outcome."""
        self.history.append(Utterance("customer", turn.text))
        if isinstance(outcome, Answer):
            assert check(outcome, turn) is outcome, (check(outcome, turn), outcome.text)
            self.history.append(Utterance("assistant", outcome.text))
            self.open_task = outcome.open_task
        else:
            self.open_task = None

    def heard(self, text: str) -> None:
        """A line of the customer's that another tier answered."""
        self.history.append(Utterance("customer", text))
        self.history.append(Utterance("assistant", "…"))

    async def answer(self, text: str) -> Answer:
        """As :meth:`say`; it must be an answer."""
        outcome = await self.say(text)
        assert isinstance(outcome, Answer), outcome
        return outcome

    async def handed_over(self, text: str) -> Escalation:
        """As :meth:`say`; it must be handed over."""
        outcome = await self.say(text)
        assert isinstance(outcome, Escalation), outcome
        return outcome

    async def record(self, action_id: str) -> ActionRecord:
        """The ledger's record of an action of this conversation."""
        return await self.ledger.get("demo", self.conversation, action_id)


def wall_ms(offset_ms: Callable[[], int] = lambda: 0) -> int:
    """The wall clock, moved by an offset."""
    return int(time.time() * 1000) + offset_ms()
