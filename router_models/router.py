"""
The router: one turn in, one decision out. Synchronous, pure, bounded.

    1. hard rules read the text; what they find can only raise
    2. the compiled model gives calibrated chances of every label
    3. a turn that only supplies what the open task waits for takes its labels
    4. the tier of lowest expected cost, within what the labels allow
    5. a model that does not know what it reads fails one tier up
    6. inside an episode risk never falls
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engines.contract import (
    RISK_ORDER,
    TIER_ORDER,
    Complexity,
    Decision,
    Emotion,
    Risk,
    Tier,
    Turn,
)
from router_models import artifact
from router_models.compiled import CompiledModel, Scores
from router_models.features import SIGNALS
from router_models.hard_rules import HardRules, Rule, load_rules
from router_models.policy import (
    TIERS,
    Prices,
    blend,
    cheapest,
    cost_table,
    load_prices,
    needed_tiers,
    tier_of,
)
from router_models.text import normalise


_COMPLEXITIES = tuple(Complexity)
_RISKS = tuple(Risk)
_EMOTIONS = tuple(Emotion)
_COMPLEXITY_ORDER = {label: rank for rank, label in enumerate(Complexity)}

#: Features named in a decision's reasons; a signal that every turn has is none.
_REASONS = 3
_DULL = frozenset(
    _n for _n in SIGNALS if _n.startswith(("length", "is_", "has_history", "turn_"))
)

#: Chance of the likeliest tier below which the router may call itself lost.
_UNSURE = 0.5


class Labels(NamedTuple):
    """What a turn is judged to be, before the tier."""

    complexity: Complexity
    risk: Risk
    asks_human: bool
    needs_person: bool


class TierRouter:
    """
    Decides about turns with one model, one set of hard rules, one price table.

    Holds no state of conversations and may be shared by any number of tasks.
    """

    def __init__(
        self, model: CompiledModel, rules: HardRules, prices: Prices, version: str
    ) -> None:
        self.model = model
        self.rules = rules
        self.prices = prices
        self.version = version
        self._costs = cost_table(prices)
        self._names = model.vocabulary.names()

    @classmethod
    def load(cls, model_dir: Path, rules_file: Path, stage_file: Path) -> TierRouter:
        """
        Load and verify everything a router needs.

        Raises:
            ArtifactError: If the model cannot be used.
            DataError: If the rules or the stage's prices are wrong.
        """
        rules = load_rules(rules_file)
        prices = load_prices(stage_file)
        model, manifest = artifact.load(model_dir)
        return cls(model, rules, prices, manifest.version)

    def decide(self, turn: Turn) -> Decision:
        """Judge *turn*. Any text is accepted; the cost is bounded."""
        normal = normalise(turn.text)
        hits = self.rules.match(normal)
        scores = self.model.score(turn, normal)
        continues = self._continues(turn, scores)
        labels = raised(self._labels(turn, scores, continues), hits)
        needed = self._needed(scores)
        tier = self._tier(turn, labels, needed, continues)
        if not continues and self._is_lost(scores, needed):
            tier = one_up(tier)
        return Decision(
            complexity=labels.complexity,
            risk=floored(labels.risk, turn.previous_risk),
            tier=under_floor(tier, labels, turn.previous_risk),
            confidence=round(_confidence(tier, labels, needed, scores, continues), 4),
            asks_human=labels.asks_human,
            emotion=_EMOTIONS[_argmax(scores.chances["emotion"])],
            intent=self.model.intent_of(scores),
            reasons=self._reasons(labels, scores, continues, hits),
            model=self.version,
        )

    def label_chances(self, turn: Turn, decision: Decision) -> dict[str, float]:
        """Probability of each decided label, by head; those of one turn alone."""
        chances = self.model.score(turn).chances
        asks = chances["asks_human"][0]
        return {
            "complexity": chances["complexity"][_COMPLEXITY_ORDER[decision.complexity]],
            "risk": chances["risk"][RISK_ORDER[decision.risk]],
            "tier": chances["tier"][TIER_ORDER[decision.tier]],
            "asks_human": asks if decision.asks_human else 1.0 - asks,
            "emotion": chances["emotion"][_EMOTIONS.index(decision.emotion)],
        }

    def _continues(self, turn: Turn, scores: Scores) -> bool:
        lines = self.model.thresholds
        return (
            turn.open_task is not None
            and scores.chances["continues"][0] >= lines.continues
            and scores.chances["asks_human"][0] < lines.asks_human
        )

    def _labels(self, turn: Turn, scores: Scores, continues: bool) -> Labels:
        lines, chances = self.model.thresholds, scores.chances
        asks = chances["asks_human"][0] >= lines.asks_human
        if continues and turn.open_task is not None:
            task = turn.open_task
            return Labels(task.complexity, task.risk, asks, needs_person=False)
        low, medium, high = chances["risk"]
        calmer = Risk.MEDIUM if medium > low else Risk.LOW
        risk = Risk.HIGH if high >= lines.high_risk else calmer
        needs = chances["needs_person"][0] >= lines.needs_person
        return Labels(_COMPLEXITIES[_argmax(chances["complexity"])], risk, asks, needs)

    def _tier(
        self, turn: Turn, labels: Labels, chances: list[float], continues: bool
    ) -> Tier:
        """*chances* of each tier are those of :meth:`_needed`."""
        anchor = tier_of(
            labels.complexity,
            labels.risk,
            asks_human=labels.asks_human,
            needs_person=labels.needs_person,
        )
        if anchor is Tier.HUMAN:
            return anchor
        if continues and turn.open_task is not None:
            return turn.open_task.tier
        return TIERS[max(TIER_ORDER[anchor], cheapest(self._costs, chances))]

    def _needed(self, scores: Scores) -> list[float]:
        chances = scores.chances
        by_labels = needed_tiers(
            chances["complexity"], chances["risk"], chances["needs_person"][0]
        )
        return blend(chances["tier"], by_labels)

    def _is_lost(self, scores: Scores, chances: list[float]) -> bool:
        """True if the model neither knows the intent nor is sure of the tier."""
        lines = self.model.thresholds
        return max(scores.intents) < lines.abstain_below and max(chances) < _UNSURE

    def _reasons(
        self, labels: Labels, scores: Scores, continues: bool, hits: list[Rule]
    ) -> tuple[str, ...]:
        reasons = ["rule:" + rule.id for rule in hits]
        if continues:
            return (*reasons, "answers the open task")
        heads = self.model.heads
        if labels.risk is Risk.HIGH:
            column = heads["risk"].start + RISK_ORDER[Risk.HIGH]
        else:
            rank = _COMPLEXITY_ORDER[labels.complexity]
            column = heads["complexity"].start + rank
        if not scores.rows:
            return tuple(reasons)
        shares = self.model.weights[scores.rows, column] * np.array(scores.weights)
        strongest = (at for at in shares.argsort()[::-1] if shares[at] > 0)
        names = (self._names[scores.rows[at]] for at in strongest)
        reasons += islice((name for name in names if name not in _DULL), _REASONS)
        return tuple(reasons)


def raised(labels: Labels, hits: list[Rule]) -> Labels:
    """*labels*, none of them lower, raised to what the rules found."""
    complexity, risk, asks, needs = labels
    for rule in hits:
        to = rule.raises
        complexity = max(complexity, to.complexity, key=_COMPLEXITY_ORDER.__getitem__)
        risk = max(risk, to.risk, key=RISK_ORDER.__getitem__)
        asks |= to.asks_human
        needs |= to.needs_person
    return Labels(complexity, risk, asks, needs)


def floored(risk: Risk, floor: Risk | None) -> Risk:
    """*risk*, not below the *floor* of the episode."""
    return risk if floor is None else max(risk, floor, key=RISK_ORDER.__getitem__)


def under_floor(tier: Tier, labels: Labels, floor: Risk | None) -> Tier:
    """
    *tier*, at least L3 for a look-up inside an episode of high risk.

    A turn that one fixed text answers, the same for everyone, stays where it is: thanks
    after a refund is not a matter for the agent.
    """
    is_bare = labels.complexity is Complexity.SIMPLE and labels.risk is Risk.LOW
    if floor is not Risk.HIGH or is_bare:
        return tier
    return max(tier, Tier.L3, key=TIER_ORDER.__getitem__)


def one_up(tier: Tier) -> Tier:
    """The next tier, short of a person: not to know is no reason to call one."""
    if tier is Tier.HUMAN:
        return tier
    return TIERS[min(TIER_ORDER[tier] + 1, TIER_ORDER[Tier.L3])]


def _confidence(
    tier: Tier,
    labels: Labels,
    needed: list[float],
    scores: Scores,
    continues: bool,
) -> float:
    """Chance that *tier* suffices; a person always does."""
    if tier is Tier.HUMAN:
        asks = scores.chances["asks_human"][0] if labels.asks_human else 0.0
        return max(asks, 1.0 - needed[0])
    if continues:
        return scores.chances["continues"][0]
    return min(1.0, sum(needed[: TIER_ORDER[tier] + 1]))


def _argmax(values: list[float]) -> int:
    return values.index(max(values))
