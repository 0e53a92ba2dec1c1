"""
Which tier could have answered: the router and the engines themselves, nothing sent.

Every customer message of the sample is judged in its own history and climbs the
tiers as in the gateway, guard and all. Two things cannot be tried on a
transcript and are stood in for, and counted apart: a look-up in the shop's
records (L2) and a task (L3) count as *possible* when the engine's own readers
recognise them; whether the records would allow it is not known.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from engines import guard
from engines.agent.reading import wishes
from engines.contract import (
    RISK_ORDER,
    TIER_ORDER,
    Answer,
    Complexity,
    Engine,
    Escalation,
    Reason,
    Risk,
    ShopId,
    Tier,
    Turn,
    Utterance,
)
from engines.retrieval import questions
from engines.retrieval.kinds import Kind
from engines.retrieval.language import clean
from gateway.admission.admission import Admission
from gateway.answering import Answerer, Decide, ShopService
from gateway.climbing import Verdict
from gateway.customer_facts import FactsOfCustomers
from gateway.insight.transcripts import Line, Speaker, Transcript


#: Makes a turn of a text and the lines before it.
Situate = Callable[[str, Sequence[Utterance]], Turn]
#: Lines of history a turn is given, as in the gateway.
KEPT_LINES = 12

_ROLES: dict[Speaker, str] = {
    "customer": "customer",
    "bot": "assistant",
    "operator": "operator",
}


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """
    One conversation of the sample.

    Attributes:
        engines: Highest tier that its messages ended on; ``human`` if any did.

        router: Highest tier that the router named: what good content could reach.

        scene: The file's own, or the intent of its first real request.
    """

    transcript: Transcript
    engines: Tier
    router: Tier
    scene: str
    turns: tuple[Tier, ...]


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a dry run found. Shares are of conversations unless they say otherwise.

    Attributes:
        engines: Share that ended on each tier, with the shop's content of today.

        router: Share by the tier the router asks for: the most that better
            content can reach.

        messages: Share of customer messages answered by tier.

        margin: Half width of a 95 % interval on the shares, from sampling only.

        reasons: Why messages ended with people, most frequent first.
    """

    conversations: int
    turns: int
    margin: float
    engines: dict[str, float]
    router: dict[str, float]
    messages: dict[str, float]
    reasons: dict[str, int]
    model: str


class Possible:
    """
    An engine, and what it could do with the shop's records connected.

    Marks what it only recognises with confidence 1 and no text that is sent.
    """

    def __init__(self, tier: Tier, inner: Engine | None) -> None:
        self._tier = tier
        self._inner = inner

    @property
    def tier(self) -> Tier:
        """The tier it stands for."""
        return self._tier

    async def answer(self, turn: Turn) -> Answer | Escalation:
        """What the engine says; else whether its readers recognise the turn."""
        result: Answer | Escalation = Escalation(reason=Reason.NO_MATCH)
        if self._inner is not None:
            result = await self._inner.answer(turn)
        if isinstance(result, Escalation) and result.reason is not Reason.NEEDS_ACTION:
            is_known = _is_task(turn) if self._tier is Tier.L3 else _is_look_up(turn)
            return Answer(text="-") if is_known else result
        return result


def _is_look_up(turn: Turn) -> bool:
    parts = questions.parts(clean(turn.text), turn.locale)
    return any(part.kind is not Kind.KNOWLEDGE for part in parts)


def _is_task(turn: Turn) -> bool:
    """A recipe's words, or a reply to a question within a task."""
    task = turn.open_task
    is_reply = task is not None and task.tier is Tier.L3
    return is_reply or bool(wishes.recipes_in(clean(turn.text).lower()))


def rehearsed(service: ShopService) -> ShopService:
    """The service of a shop with stand-ins where transcripts cannot be tried."""
    engines = dict(service.engines)
    engines[Tier.L2] = Possible(Tier.L2, engines.get(Tier.L2))
    engines[Tier.L3] = Possible(Tier.L3, None)
    return msgspec.structs.replace(service, engines=engines)


class Rehearsal:
    """
    Plays conversations to a shop's engines, one at a time.

    Args:
        min_confidence: As in the gateway: an answer below it climbs.

        on_fault: Told of every unforeseen exception of an engine.
    """

    def __init__(
        self,
        decide: Decide,
        service: ShopService,
        situate: Situate,
        *,
        shop: str,
        min_confidence: float,
        on_fault: Callable[[str, Tier, BaseException], None],
    ) -> None:
        self._answerer = Answerer(
            decide,
            guard.check,
            # No pools: a dry run has all the time it needs.
            Admission(
                {}, weights={}, secret=b"-", clock=time.monotonic, wall_ms=lambda: 0
            ),
            FactsOfCustomers({}, time.monotonic),
            deadlines_s={},
            min_confidence=min_confidence,
            on_fault=on_fault,
        )
        self._service = rehearsed(service)
        self._situate = situate
        self._shop = ShopId(shop)

    async def play(self, transcript: Transcript) -> tuple[Tried, Counter[str]]:
        """Try every customer message; also why any of them ended with people."""
        verdicts: list[Verdict] = []
        reasons: Counter[str] = Counter()
        risk: Risk | None = None
        for at, line in enumerate(transcript.lines):
            if line.speaker != "customer":
                continue
            verdict = await self._turn(transcript.lines, at, risk)
            found = verdict.decision.risk
            risk = (
                found if risk is None else max(risk, found, key=RISK_ORDER.__getitem__)
            )
            verdicts.append(verdict)
            if ended(verdict) is Tier.HUMAN:
                reasons[why(verdict)] += 1
        return _tried(transcript, verdicts), reasons

    async def _turn(self, lines: Sequence[Line], at: int, risk: Risk | None) -> Verdict:
        history = [
            Utterance(_ROLES[one.speaker], one.text)  # type: ignore[arg-type]
            for one in lines[max(0, at - KEPT_LINES) : at]
        ]
        turn = self._situate(lines[at].text, history)
        turn = msgspec.structs.replace(
            turn, shop=self._shop, user_id="", previous_risk=risk
        )
        return await self._answerer.answer(self._service, turn, 0)


def ended(verdict: Verdict) -> Tier:
    """Where a turn ended; an answer that only offers a person is a person's."""
    return Tier.HUMAN if verdict.is_fallback else verdict.tier


def why(verdict: Verdict) -> str:
    """Why a turn ended with people: the last tier's reason, or the router's."""
    if verdict.climbs:
        return str(verdict.climbs[-1].reason)
    return "asked_human" if verdict.decision.asks_human else "high_risk"


def _tried(transcript: Transcript, verdicts: list[Verdict]) -> Tried:
    turns = tuple(ended(verdict) for verdict in verdicts)
    named = [verdict.decision.tier for verdict in verdicts]
    return Tried(
        transcript=transcript,
        engines=max(turns, key=TIER_ORDER.__getitem__),
        router=max(named, key=TIER_ORDER.__getitem__),
        scene=transcript.scene or _intent(verdicts),
        turns=turns,
    )


def _intent(verdicts: list[Verdict]) -> str:
    """The intent of the first message that asks for something."""
    intents = [verdict.decision.intent for verdict in verdicts]
    asked = [
        verdict.decision.intent
        for verdict in verdicts
        if verdict.decision.complexity is not Complexity.SIMPLE
    ]
    idle = {"", "greeting", "thanks", "goodbye", "chitchat", "smalltalk"}
    busy = [intent for intent in intents if intent not in idle]
    return next(iter([one for one in asked if one not in idle] or busy or intents), "")


def sample(transcripts: Sequence[Transcript], size: int, seed: int) -> list[Transcript]:
    """At most *size* of them, at random, in their order."""
    if len(transcripts) <= size:
        return list(transcripts)
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    picked = sorted(chance.sample(range(len(transcripts)), size))
    return [transcripts[at] for at in picked]


def sum_up(tried: Sequence[Tried], reasons: Counter[str], model: str) -> DryRun:
    """Shares of what was tried."""
    turns = [tier for one in tried for tier in one.turns]
    return DryRun(
        conversations=len(tried),
        turns=len(turns),
        margin=0.98 / len(tried) ** 0.5,
        engines=_shares([one.engines for one in tried]),
        router=_shares([one.router for one in tried]),
        messages=_shares(turns),
        reasons=dict(reasons.most_common()),
        model=model,
    )


def _shares(tiers: Sequence[Tier]) -> dict[str, float]:
    counts = Counter(tiers)
    return {str(tier): counts[tier] / len(tiers) for tier in Tier}
