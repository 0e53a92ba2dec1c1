"""
Entries of a conversation's log as accept, commit and people leave them.
"""

from __future__ import annotations

from typing import Any

from engines.contract import Complexity, Decision, Emotion, Risk, Tier
from gateway.insight.outcomes import DAY_MS
from gateway.outcome import EventBody, HandoffOut, Leaves, encode
from gateway.store import keys
from gateway.store.connection import Scripts


MINUTE = 60_000
IDLE = 6 * 60 * MINUTE
PRICES = {Tier.L1: 1, Tier.L2: 8, Tier.L3: 40, Tier.HUMAN: 300}
NOW = 100 * DAY_MS
START = NOW - 20 * DAY_MS

Events = list[tuple[str, bytes]]


def word(at_ms: int, user: str = "u") -> tuple[str, bytes]:
    """A customer's word."""
    return "m", encode(EventBody(at_ms=at_ms, text="?", user_id=user))


def reply(
    at_ms: int,
    tier: Tier = Tier.L1,
    *,
    intent: str = "delivery_time",
    leaves: Leaves = "",
    emotion: Emotion = Emotion.CALM,
) -> tuple[str, bytes]:
    """The machine's answer."""
    decision = Decision(
        complexity=Complexity.SIMPLE,
        risk=Risk.LOW,
        tier=tier,
        confidence=1.0,
        intent=intent,
        emotion=emotion,
    )
    body = EventBody(at_ms=at_ms, text="!", tier=tier, decision=decision, leaves=leaves)
    return "r", encode(body)


def notice(at_ms: int, state: str, handoff: str = "h-1") -> tuple[str, bytes]:
    """A change of a handoff's state."""
    told = HandoffOut(id=handoff, state=state)
    return "s", encode(EventBody(at_ms=at_ms, handoff=told))


def spoke(at_ms: int) -> tuple[str, bytes]:
    """A person's word."""
    return "o", encode(EventBody(at_ms=at_ms, text="hi", operator="Mei"))


def rated(at_ms: int, score: int) -> tuple[str, bytes]:
    """The customer's rating."""
    return "g", encode(EventBody(at_ms=at_ms, score=score))


async def put(
    scripts: Scripts, shop: str, conversation: str, events: Events, at_ms: int
) -> None:
    """A conversation as accept and commit leave it."""
    at = keys.of_conversation(shop, conversation)
    for n, (kind, data) in enumerate(events, 1):
        words: tuple[Any, ...] = ("XADD", at.log, f"{n}-0", *_fields(kind, data))
        await scripts.command(at.log, *words)
    await scripts.command(at.due, "ZADD", at.due, -at_ms, at.name)


def _fields(kind: str, data: bytes) -> tuple[str | bytes, ...]:
    """Customers' messages have a name; what follows it is alike."""
    mail = ("i", keys.mail("app", "m")) if kind == "m" else ()
    return "k", kind, *mail, "d", data
