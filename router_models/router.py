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

from collections.abc import Sequence
from pathlib import Path

import msgspec

from engines.contract import (
    RISK_ORDER,
    TIER_ORDER,
    Complexity,
    Decision,
    Emotion,
    Locale,
    OpenTask,
    Risk,
    Tier,
    Turn,
)
from router_models import artifact
from router_models.certificates import Certificate, find
from router_models.compiled import CompiledModel, Scale, Scores, Thresholds
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
from router_models.verdict import (
    COMPLEXITY_ORDER,
    Labels,
    Verdict,
    floored,
    one_up,
    raised,
    under_floor,
)


_COMPLEXITIES = tuple(Complexity)
_RISKS = tuple(Risk)

#: Features named in a decision's reasons, and in its explanation.
_REASONS = 3
_EXPLAINED = 8

#: Chance of the likeliest tier below which the router may call itself lost.
_UNSURE = 0.5


class Feature(msgspec.Struct, frozen=True):
    """A feature of a turn and what it added to a logit."""

    name: str
    share: float


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """
    A decision and what led to it, for people.

    Attributes:
        rules: Hard rules hit.

        chances: Calibrated probabilities by head and label, before rules and floor.

        needed: Chance of each tier to be the lowest that suffices.

        open_task: The task the turn was judged in, as given or as read.

        features: What spoke most for the decided label, by head.

        raised: Labels that a rule set above what the model said.

        continues: True if the turn only supplies what the open task waits for.

        is_abstained: True if the model did not know and the turn went one tier up.

        peak: Largest raw logit of the intent head: how well the model knows the turn.

        certificate: What was proven of turns of this language that the router gives
            to this tier; None if nothing was, or the turn is below its line.
    """

    decision: Decision
    rules: tuple[str, ...]
    raised: tuple[str, ...]
    continues: bool
    is_abstained: bool
    peak: float
    certificate: Certificate | None
    chances: dict[str, dict[str, float]]
    needed: dict[str, float]
    thresholds: Thresholds
    open_task: OpenTask | None
    features: dict[str, list[Feature]]


class TierRouter:
    """
    Decides about turns with one model, one set of hard rules, one price table.

    Holds no state of conversations and may be shared by any number of tasks.

    Args:
        certificates: Of this model; those of other prices are passed over.

        thresholds, needed: Lines and slopes of the tier's chances, if not the model's.
    """

    def __init__(
        self,
        model: CompiledModel,
        rules: HardRules,
        prices: Prices,
        version: str,
        certificates: Sequence[Certificate] = (),
        thresholds: Thresholds | None = None,
        needed: dict[Locale, Scale] | None = None,
    ) -> None:
        self.model = model
        self.thresholds = thresholds or model.thresholds
        self.rules = rules
        self.prices = prices
        self.version = version
        self._costs = cost_table(prices)
        self._proven = tuple(certificates)
        self.certificates = find(certificates, prices)
        self._siblings: dict[Prices, TierRouter] = {prices: self}
        needed = needed or model.scales.get("needed", {"zh": Scale(), "en": Scale()})
        self._slopes = {locale: scale.slope for locale, scale in needed.items()}
        self._beyond_l1 = self.thresholds.beyond_l1
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
        return cls(model, rules, prices, manifest.version, manifest.certificates)

    def at(self, prices: Prices) -> TierRouter:
        """The same model and rules under other *prices*; made once for each."""
        found = self._siblings.get(prices)
        if found is None:
            rules, proven = self.rules, self._proven
            found = TierRouter(self.model, rules, prices, self.version, proven)
            self._siblings[prices] = found
        return found

    def decide(self, turn: Turn) -> Decision:
        """Judge *turn*. Any text is accepted; the cost is bounded."""
        hits, scores = self.read(turn)
        return self.told(turn, scores, hits, self.weigh(turn, scores, hits))

    def read(self, turn: Turn) -> tuple[list[Rule], Scores]:
        """Rules that *turn* hits, and what the model says of it."""
        normal = normalise(turn.text)
        return self.rules.match(normal), self.model.score(turn, normal)

    def weigh(self, turn: Turn, scores: Scores, hits: list[Rule]) -> Verdict:
        """What follows from *scores* and the rules hit: the policy alone."""
        continues = self._continues(turn, scores)
        labels = raised(self._labels(turn, scores, continues), hits)
        needed = self._needed(turn, scores)
        tier = self._tier(turn, labels, needed, continues)
        is_abstained = (
            not continues
            and TIER_ORDER[tier] < TIER_ORDER[Tier.L3]
            and self._is_lost(turn, tier, scores, needed)
        )
        if is_abstained:
            tier = one_up(tier)
        return Verdict(labels, tier, needed, continues, is_abstained)

    def told(
        self, turn: Turn, scores: Scores, hits: list[Rule], verdict: Verdict
    ) -> Decision:
        """The decision that *verdict* is, with its reasons."""
        labels, tier, needed, continues, _ = verdict
        proven = self._certificate(turn, verdict, scores)
        return Decision(
            complexity=labels.complexity,
            risk=floored(labels.risk, turn.previous_risk),
            tier=under_floor(tier, labels, turn.previous_risk),
            confidence=round(_confidence(tier, labels, needed, scores, continues), 4),
            asks_human=labels.asks_human,
            emotion=self._emotion(scores),
            intent=self.model.intent_of(scores),
            reasons=self._reasons(verdict, scores, hits),
            is_ruled=any(rule.raises.risk is Risk.HIGH for rule in hits),
            model=self.version,
            certificate="" if proven is None else proven.claim,
        )

    def explain(self, turn: Turn) -> Explanation:
        """The decision about *turn* with all that led to it; about twice the cost."""
        hits, scores = self.read(turn)
        return self.explained(turn, scores, hits)

    def explained(self, turn: Turn, scores: Scores, hits: list[Rule]) -> Explanation:
        """What follows from *scores* and the rules hit, explained."""
        verdict = self.weigh(turn, scores, hits)
        decision = self.told(turn, scores, hits, verdict)
        heads = self.model.heads
        own = self._labels(turn, scores, verdict.continues)
        columns = {
            "complexity": COMPLEXITY_ORDER[decision.complexity],
            "risk": RISK_ORDER[decision.risk],
        }
        return Explanation(
            decision=decision,
            rules=tuple(rule.id for rule in hits),
            raised=tuple(
                name
                for name in own._fields
                if getattr(own, name) != getattr(verdict.labels, name)
            ),
            continues=verdict.continues,
            is_abstained=verdict.is_abstained,
            peak=round(max(scores.intents), 4),
            certificate=self._certificate(turn, verdict, scores),
            chances={
                name: _named(heads[name].labels, found)
                for name, found in scores.chances.items()
            },
            needed=_named(tuple(TIERS), verdict.needed),
            thresholds=self.thresholds,
            open_task=turn.open_task,
            features={
                name: self._strongest(scores, heads[name].start + offset, _EXPLAINED)
                for name, offset in columns.items()
            },
        )

    def _certificate(
        self, turn: Turn, verdict: Verdict, scores: Scores
    ) -> Certificate | None:
        """What was proven of turns like this one: none of a task's, none below a line."""
        found = self.certificates.get((turn.locale, verdict.tier))
        if found is None or verdict.continues or verdict.is_abstained:
            return None
        return found if max(scores.intents) >= found.line else None

    def _emotion(self, scores: Scores) -> Emotion:
        lines = self.thresholds
        _, annoyed, angry = scores.chances["emotion"]
        if angry >= lines.angry:
            return Emotion.ANGRY
        return Emotion.ANNOYED if annoyed >= lines.annoyed else Emotion.CALM

    def _continues(self, turn: Turn, scores: Scores) -> bool:
        lines = self.thresholds
        return (
            turn.open_task is not None
            and scores.chances["continues"][0] >= lines.continues
            and scores.chances["asks_human"][0] < lines.asks_human
        )

    def _labels(self, turn: Turn, scores: Scores, continues: bool) -> Labels:
        lines, chances = self.thresholds, scores.chances
        asks = chances["asks_human"][0] >= lines.asks_human
        if continues and turn.open_task is not None:
            task = turn.open_task
            return Labels(task.complexity, task.risk, asks, needs_person=False)
        low, medium, high = chances["risk"]
        calmer = Risk.MEDIUM if medium > low else Risk.LOW
        risk = Risk.HIGH if high >= lines.high_risk[turn.locale] else calmer
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
        rank = max(TIER_ORDER[anchor], cheapest(self._costs, chances))
        if not rank and sum(chances[2:]) >= self._beyond_l1[turn.locale]:
            return Tier.L2
        return TIERS[rank]

    def _needed(self, turn: Turn, scores: Scores) -> list[float]:
        chances = scores.chances
        by_labels = needed_tiers(
            chances["complexity"], chances["risk"], chances["needs_person"][0]
        )
        return blend(chances["tier"], by_labels, self._slopes[turn.locale])

    def _is_lost(
        self, turn: Turn, tier: Tier, scores: Scores, chances: list[float]
    ) -> bool:
        """
        True if the model does not know what it reads.

        Below the proven line of the stratum; or it neither knows the intent nor is sure
        of the tier.
        """
        peak = max(scores.intents)
        proven = self.certificates.get((turn.locale, tier))
        if proven is not None and peak < proven.line:
            return True
        lines = self.thresholds
        return max(chances) < _UNSURE and peak < lines.abstain_below

    def _reasons(
        self, verdict: Verdict, scores: Scores, hits: list[Rule]
    ) -> tuple[str, ...]:
        labels = verdict.labels
        reasons = ["rule:" + rule.id for rule in hits]
        if verdict.continues:
            return (*reasons, "answers the open task")
        if verdict.is_abstained:
            reasons.append("unsure: one tier up")
        heads = self.model.heads
        if labels.risk is Risk.HIGH:
            column = heads["risk"].start + RISK_ORDER[Risk.HIGH]
        else:
            rank = COMPLEXITY_ORDER[labels.complexity]
            column = heads["complexity"].start + rank
        strongest = self.model.strongest(scores, column, _REASONS)
        return (*reasons, *[self._names[row] for row, _ in strongest])

    def _strongest(self, scores: Scores, column: int, most: int) -> list[Feature]:
        """The features that spoke most for the label of a *column*, strongest first."""
        found = self.model.strongest(scores, column, most)
        return [Feature(self._names[row], round(share, 4)) for row, share in found]


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


def _named(labels: Sequence[str], chances: Sequence[float]) -> dict[str, float]:
    """Probabilities by label; a yes-or-no head has the one of yes."""
    if len(chances) == 1:
        return {"yes": round(chances[0], 4)}
    return {
        str(label): round(chance, 4)
        for label, chance in zip(labels, chances, strict=True)
    }


def _argmax(values: list[float]) -> int:
    return values.index(max(values))
