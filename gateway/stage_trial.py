"""
A stage tried on recent traffic: what it would change, and what that would cost.

Stored customer messages are judged again, each with the lines before it, once as the
shop stands and once as it would. Nothing is answered and nothing written. Both are
priced by the stage that serves now, so that the difference is one of behaviour; the new
stage's own prices are told beside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from engines.contract import (
    ConversationId,
    Locale,
    MessageId,
    ShopId,
    Tier,
    Turn,
    UserId,
    Utterance,
)
from gateway.outcome import EventBody
from gateway.stages import carried
from gateway.store.connection import Scripts
from gateway.store.mailbox import Event
from gateway.store.recent import recent
from router_models.policy import Prices, Stage, price_of
from router_models.router import TierRouter


#: Lines before a message that it is judged with.
LINES = 12
_ROLES = {"m": "customer", "r": "assistant", "o": "operator"}
_decode = msgspec.json.Decoder(EventBody).decode


class StageTrial(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a change of stage would do to recent messages.

    Attributes:
        now / then: Messages by the tier that would carry them.

        moves: ``L2>human`` -> messages, of those that change.

        cost_milli / then_milli: Thousandths of a currency unit a thousand messages, by
            the prices of the stage that serves.

        own_milli: The same of the new stage, by its own prices.

        examples: Of each move, at most three texts' first words.
    """

    stage: str
    other: str
    messages: int
    changed: int
    now: dict[str, int]
    then: dict[str, int]
    moves: dict[str, int]
    cost_milli: float
    then_milli: float
    own_milli: float
    examples: dict[str, list[str]]


class _Tally(msgspec.Struct):
    """Messages by the tiers that carry them, now and then."""

    pairs: Counter[tuple[Tier, Tier]] = msgspec.field(default_factory=Counter)
    examples: dict[str, list[str]] = msgspec.field(default_factory=dict)


async def try_stage(
    scripts: Scripts,
    shop: str,
    router: TierRouter,
    stages: tuple[Stage, Stage],
    *,
    since_ms: int,
    most: int,
    locale_of: Callable[[str, Locale], Locale],
    masked: Callable[[str], str],
    tell: Callable[[int], None] = lambda _: None,
) -> StageTrial:
    """
    Judge at most *most* messages since *since_ms* under both of *stages*.

    Args:
        masked: Hides personal data in the examples.

        tell: Told of progress, in messages.

    Raises:
        StoreUnavailable: If the store does not answer.
    """
    before, after = stages
    tally = _Tally()
    async for part in recent(scripts, shop, since_ms):
        for name, events in part:
            for turn in _turns(shop, name, events, since_ms, locale_of):
                _judge(tally, router, turn, before, after, masked)
        tell(tally.pairs.total())
        if tally.pairs.total() >= most:
            break
    return _told(tally, before, after)


def _judge(
    tally: _Tally,
    router: TierRouter,
    turn: Turn,
    before: Stage,
    after: Stage,
    masked: Callable[[str], str],
) -> None:
    now = carried(router.at(before.prices).decide(turn).tier, before.tiers)
    then = carried(router.at(after.prices).decide(turn).tier, after.tiers)
    tally.pairs[now, then] += 1
    if now is not then:
        seen = tally.examples.setdefault(f"{now}>{then}", [])
        if len(seen) < 3:  # noqa: PLR2004 - a few are enough to see what kind it is
            seen.append(masked(turn.text)[:60])


def _told(tally: _Tally, before: Stage, after: Stage) -> StageTrial:
    pairs = tally.pairs
    now: Counter[str] = Counter()
    then: Counter[str] = Counter()
    for (old, new), n in pairs.items():
        now[old] += n
        then[new] += n
    moves = {f"{a}>{b}": n for (a, b), n in pairs.most_common() if a is not b}
    return StageTrial(
        stage=before.name,
        other=after.name,
        messages=pairs.total(),
        changed=sum(moves.values()),
        now=dict(now),
        then=dict(then),
        moves=moves,
        cost_milli=_per_thousand(now, before.prices),
        then_milli=_per_thousand(then, before.prices),
        own_milli=_per_thousand(then, after.prices),
        examples=tally.examples,
    )


def _per_thousand(by: Counter[str], prices: Prices) -> float:
    total = by.total()
    cost = sum(price_of(prices, Tier(tier)) * n for tier, n in by.items())
    return round(1000 * cost / total, 1) if total else 0.0


def _turns(
    shop: str,
    conversation: str,
    events: Sequence[Event],
    since_ms: int,
    locale_of: Callable[[str, Locale], Locale],
) -> Iterator[Turn]:
    """Every customer message of a log since *since_ms*, with the lines before it."""
    lines: list[Utterance] = []
    for event in events:
        role = _ROLES.get(event.kind)
        if role is None:
            continue
        body = _decode(event.data)
        if event.kind == "m" and body.at_ms >= since_ms:
            yield Turn(
                turn_id=f"{shop}/{conversation}/{event.n}",
                shop=ShopId(shop),
                channel="",
                conversation_id=ConversationId(conversation),
                message_id=MessageId(body.message_id),
                user_id=UserId(body.user_id),
                seq=event.n,
                text=body.text,
                locale="en" if body.locale == "en" else locale_of(body.text, "zh"),
                history=tuple(lines[-LINES:]),
                deadline_s=float("inf"),
            )
        lines.append(Utterance(role, body.text))  # type: ignore[arg-type]
