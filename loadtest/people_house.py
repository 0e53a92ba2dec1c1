"""
A shop with people, on a real store, whose clock whoever plays it moves.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from engines.contract import Risk
from engines.voice import Voice
from gateway.handoff.accounts import Operator
from gateway.handoff.desk import Desk
from gateway.handoff.effects import Effects
from gateway.handoff.mover import Mover
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.queue import HandoffRequest, Handoffs
from gateway.handoff.reply_clock import PROFILES
from gateway.outcome import EventOut, event_out
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.handoff import HandoffStore
from gateway.store.mailbox import Accepted, Lease, NewMessage


SHOP = "demo"
#: Wrapping up has tests of its own.
AT_ONCE = HandoffPolicy(wrap_s=0)
VOICE = Path(__file__).parents[1] / "configs" / "voice" / "default.yaml"


class Clock:
    """Wall milliseconds that only moves when told to."""

    def __init__(self, now_ms: int = 1_760_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)


class People:
    """One gateway process's human queue, and the customers who use it."""

    def __init__(self, scripts: Scripts, clock: Clock, policy: HandoffPolicy) -> None:
        self.clock = clock
        self.policy = policy
        self.messages = 0
        self.scripts = scripts
        self.store = HandoffStore(scripts)
        self.conversations = Conversations(scripts, "test-worker")
        self.effects = Effects(self.conversations, {SHOP: Voice.load(VOICE)}, policy)
        self.mover = Mover(
            self.store, self.effects, policy, clock, clocks={SHOP: PROFILES["3min"]}
        )
        self.handoffs = Handoffs(self.mover)
        self.desk = Desk(self.mover, self.handoffs)

    async def ask(
        self, name: str, *, risk: Risk = Risk.LOW, locale: str = "zh"
    ) -> HandoffRequest:
        """A customer's turn ends with a handoff: owner committed, not queued yet."""
        accepted = await self.write(name, "转人工")
        conversation, handoff_id = f"web:{name}", f"h-{name}"
        await self.conversations.commit(
            Lease(SHOP, conversation, accepted.epoch),
            seq=accepted.seq,
            message_id=f"m-{self.messages}",
            channel="web",
            result=b"{}",
            events=(),
            state=b"",
            owner=handoff_id,
        )
        return HandoffRequest(
            id=handoff_id,
            conversation_id=conversation,
            user_id=f"user-{name}",
            channel="web",
            reason="asked_human",
            risk=risk,
            summary="customer: 转人工",
            locale="en" if locale == "en" else "zh",
            created_ms=self.clock.now_ms,
        )

    async def write(self, name: str, text: str, *, is_repeat: bool = False) -> Accepted:
        """A customer's message arrives; or the last one, once more."""
        self.messages += not is_repeat
        body = {"at_ms": self.clock.now_ms, "text": text}
        return await self.conversations.accept(
            SHOP,
            f"web:{name}",
            NewMessage(
                channel="web",
                message_id=f"m-{self.messages}",
                fingerprint=hashlib.sha256(text.encode()).hexdigest()[:8],
                event=msgspec.json.encode(body),
            ),
            b"H",
        )

    async def events(self, name: str) -> list[EventOut]:
        """Everything that happened in a customer's conversation."""
        found = await self.conversations.events(SHOP, f"web:{name}", 0, 1000)
        return [event_out(event.n, event.kind, event.data) for event in found]

    async def texts(self, name: str, kind: str = "notice") -> list[str]:
        """What the customer has been told."""
        return [event.text for event in await self.events(name) if event.kind == kind]

    async def come(self, name: str, *, capacity: int = 2) -> Operator:
        """An operator goes online."""
        who = operator(name, capacity=capacity)
        await self.desk.come(who, is_away=False)
        return who


def operator(name: str, *, capacity: int = 2, role: str = "operator") -> Operator:
    """An operator of the shop."""
    return msgspec.convert(
        {
            "shop": SHOP,
            "name": name,
            "display": name.title(),
            "role": role,
            "capacity": capacity,
        },
        Operator,
    )


@asynccontextmanager
async def open_people(
    store_url: str, policy: HandoffPolicy | None = None
) -> AsyncIterator[People]:
    """People on the store at *store_url*."""
    scripts = await Scripts.connect(store_url)
    try:
        yield People(scripts, Clock(), policy or AT_ONCE)
    finally:
        await scripts.close()
