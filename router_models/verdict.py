"""
Labels of a turn, and the steps that may only raise them or the tier.
"""

from __future__ import annotations

from typing import NamedTuple

from engines.contract import RISK_ORDER, TIER_ORDER, Complexity, Risk, Tier
from router_models.hard_rules import Rule
from router_models.policy import TIERS


#: Position of a complexity, simplest first.
COMPLEXITY_ORDER = {label: rank for rank, label in enumerate(Complexity)}


class Labels(NamedTuple):
    """What a turn is judged to be, before the tier."""

    complexity: Complexity
    risk: Risk
    asks_human: bool
    needs_person: bool


class Verdict(NamedTuple):
    """
    What is decided of a turn, before anything is told about it.

    Attributes:
        needed: Chance of each tier to be the lowest that suffices.

        is_abstained: The model did not know; *tier* is one above its choice.
    """

    labels: Labels
    tier: Tier
    needed: list[float]
    continues: bool
    is_abstained: bool


def raised(labels: Labels, hits: list[Rule]) -> Labels:
    """*labels*, none of them lower, raised to what the rules found."""
    complexity, risk, asks, needs = labels
    for rule in hits:
        to = rule.raises
        complexity = max(complexity, to.complexity, key=COMPLEXITY_ORDER.__getitem__)
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
