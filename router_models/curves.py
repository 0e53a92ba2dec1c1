"""
Curves over judged rows: what the figures would be if the lines stood elsewhere.

    recall at alarms   high-risk recall where so many of the others raise an alarm
    cost and quality   price of a turn against the share that its tier suffices for
    risk and coverage  severe errors among the turns the model is surest of

APGR is the area under the cost-quality curve between always-L1 and always-a-person, both
axes scaled to that gap (RouteLLM, arXiv 2406.18665); flipping a coin for each turn gives 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.contract import TIER_ORDER
from router_models.metrics import is_severe
from router_models.policy import TIERS, Prices


#: Points of a curve, and of the sweep behind it.
_POINTS = 41
#: Tiers a turn may need, as numbers of ``TIERS``.
_RANKS = {str(tier): rank for tier, rank in TIER_ORDER.items()}

Point = tuple[float, float]


class CostQuality(msgspec.Struct, frozen=True, kw_only=True):
    """
    Mean price of a turn and the share of turns whose tier suffices.

    Attributes:
        curve: Sweep over how sure the router must be that a tier suffices.

        marks: The router as it is set, the oracle, always one tier, keywords.

        apgr: Of the curve; *apgr_oracle* of choosing by the labels.

        cost_at: Cost that recovers 50, 80 and 95 % of the gap, as a share of
            always-a-person's.
    """

    curve: list[Point]
    marks: dict[str, Point]
    apgr: float
    apgr_oracle: float
    cost_at: dict[str, float]


class RiskCoverage(msgspec.Struct, frozen=True):
    """
    Severe errors among the surest turns.

    Attributes:
        curve: Coverage and share of severe errors in it.
        aurc: Mean of that share over all coverages.
    """

    curve: list[Point]
    aurc: float


def recall_at_alarms(
    chance: Sequence[float], is_high: Sequence[bool], alarms: float
) -> float | None:
    """Recall at the lowest line that raises at most *alarms* of the others."""
    score, truth = np.array(chance), np.array(is_high, dtype=bool)
    if not truth.any() or truth.all():
        return None
    others = np.sort(score[~truth])[::-1]
    allowed = int(alarms * len(others))
    line = others[allowed] if allowed < len(others) else -1.0
    return round(float((score[truth] > line).mean()), 4)


def alarm_curve(chance: Sequence[float], is_high: Sequence[bool]) -> list[Point]:
    """False-alarm rate and recall over all lines."""
    rates = np.linspace(0.0, 1.0, _POINTS) ** 2
    found = [(float(rate), recall_at_alarms(chance, is_high, rate)) for rate in rates]
    return [(rate, recall) for rate, recall in found if recall is not None]


def cost_quality(
    needed: Sequence[Sequence[float]],
    wanted: Sequence[str],
    given: Sequence[str],
    keyword: Sequence[str],
    prices: Prices,
) -> CostQuality:
    """
    Sweep, marks and areas.

    Args:
        needed: Chance of each tier to be the lowest that suffices, by row.
        keyword: What the keyword baseline chooses.
    """
    price = np.array([prices.l1, prices.l2, prices.l3, prices.human], dtype=float)
    truth = _ranks(wanted)
    below = np.cumsum(np.array(needed, dtype=float), axis=1)

    def at(chosen: NDArray[np.int64]) -> Point:
        return float(price[chosen].mean()), float((chosen >= truth).mean())

    levels = np.concatenate([np.linspace(0, 0.9, _POINTS), 1 - np.logspace(-1, -6, 30)])
    curve = [at(np.argmax(below >= min(level, 1 - 1e-9), axis=1)) for level in levels]
    ends = at(np.zeros_like(truth)), at(np.full_like(truth, 3))
    curve = sorted({ends[0], *curve, ends[1]})
    right = np.sort(np.unique(truth))
    oracle = sorted({*(at(np.minimum(truth, top)) for top in right), ends[0], ends[1]})
    marks = {
        "router": at(_ranks(given)),
        "oracle": at(truth),
        "keywords": at(_ranks(keyword)),
    }
    marks |= {f"always {t}": at(np.full_like(truth, _RANKS[t])) for t in TIERS}
    return CostQuality(
        curve=curve,
        marks=marks,
        apgr=_area(curve, *ends),
        apgr_oracle=_area(oracle, *ends),
        cost_at={
            f"{share:.0%}": _cost_at(curve, share, *ends) for share in (0.5, 0.8, 0.95)
        },
    )


def risk_coverage(
    peaks: Sequence[float], wanted: Sequence[str], given: Sequence[str]
) -> RiskCoverage:
    """Severe errors over coverage, the turns with the highest peak logit first."""
    severe = np.array([is_severe(a, b) for a, b in zip(wanted, given, strict=True)])
    order = np.argsort(-np.array(peaks), kind="stable")
    shares = np.cumsum(severe[order]) / np.arange(1, len(order) + 1)
    places = np.unique(np.linspace(0, len(order) - 1, _POINTS).astype(int))
    curve = [
        (round((at + 1) / len(order), 4), float(shares[at])) for at in places.tolist()
    ]
    return RiskCoverage(curve, round(float(shares.mean()), 5))


def _ranks(tiers: Sequence[str]) -> NDArray[np.int64]:
    return np.array([_RANKS[tier] for tier in tiers], dtype=np.int64)


def _scaled(curve: Sequence[Point], low: Point, high: Point) -> NDArray[np.float64]:
    """Points as shares of the gap, the best quality so far at each cost."""
    points = np.array(curve, dtype=float)
    gap = np.maximum(np.array(high) - np.array(low), 1e-12)
    scaled = (points - np.array(low)) / gap
    scaled[:, 1] = np.maximum.accumulate(scaled[:, 1])
    return np.asarray(scaled)


def _area(curve: Sequence[Point], low: Point, high: Point) -> float:
    scaled = _scaled(curve, low, high)
    return round(float(np.trapezoid(scaled[:, 1], scaled[:, 0])), 4)


def _cost_at(curve: Sequence[Point], share: float, low: Point, high: Point) -> float:
    scaled = _scaled(curve, low, high)
    enough = scaled[scaled[:, 1] >= share - 1e-9]
    return round(float(enough[0, 0]) if len(enough) else 1.0, 4)
