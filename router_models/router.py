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
from router_models.hard_rules import HardRules, Rule, load_rules
from router_models.policy import TIERS, Prices, cheapest, cost_table, load_prices, tier_of
from router_models.text import normalise


_COMPLEXITIES = tuple(Complexity)
_RISKS = tuple(Risk)
_EMOTIONS = tuple(Emotion)
_COMPLEXITY_ORDER = {label: rank for rank, label in enumerate(Complexity)}

#: Features named in a decision's reasons.
_REASONS = 3


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
        tier = self._tier(turn, labels, scores, continues)
        chances = scores.chances
        return Decision(
            complexity=labels.complexity,
            risk=floored(labels.risk, turn.previous_risk),
            tier=tier,
            confidence=self._confidence(tier, labels, scores, continues, hits),
            asks_human=labels.asks_human,
            emotion=_EMOTIONS[_argmax(chances["emotion"])],
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
        self, turn: Turn, labels: Labels, scores: Scores, continues: bool
    ) -> Tier:
        anchor = tier_of(
            labels.complexity,
            labels.risk,
            asks_human=labels.asks_human,
            needs_person=labels.needs_person,
        )
        if continues and turn.open_task is not None and anchor is not Tier.HUMAN:
            return turn.open_task.tier
        if max(scores.intents) < self.model.thresholds.abstain_below:
            return one_up(anchor)
        return anchor

    def _confidence(
        self,
        tier: Tier,
        labels: Labels,
        scores: Scores,
        continues: bool,
        hits: list[Rule],
    ) -> float:
        if hits and tier is Tier.HUMAN:
            return 1.0
        if continues:
            return scores.chances["continues"][0]
        if labels.asks_human:
            return scores.chances["asks_human"][0]
        return min(1.0, sum(scores.chances["tier"][: TIER_ORDER[tier] + 1]))

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
        strongest = shares.argsort()[: -_REASONS - 1 : -1]
        reasons += [self._names[scores.rows[at]] for at in strongest if shares[at] > 0]
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


def one_up(tier: Tier) -> Tier:
    """The next tier, short of a person: not to know is no reason to call one."""
    return TIERS[min(TIER_ORDER[tier] + 1, TIER_ORDER[Tier.L3])] if (
        tier is not Tier.HUMAN
    ) else tier


def _argmax(values: list[float]) -> int:
    return values.index(max(values))


_ = cheapest
