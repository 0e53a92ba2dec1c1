"""
All that an evaluation shows beyond its first figures: curves, bins, proofs, slices.

A part that needs labels the rows do not have is None or empty, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from router_models.baseline import keyword_tier
from router_models.certificates import upper_bound
from router_models.curves import (
    CostQuality,
    Point,
    RiskCoverage,
    alarm_curve,
    cost_quality,
    recall_at_alarms,
    risk_coverage,
)
from router_models.evaluate import HEADS, Judged, sum_up
from router_models.metrics import SliceReport, is_severe
from router_models.router import TierRouter
from router_models.steadiness import Flips, Parity, flip_rates, parity


#: Bins of a reliability diagram.
_BINS = 10
#: Rows that are written otherwise, at most: each costs as many decisions as ways.
FLIPPED_ROWS = 600
#: How many times the share of severe turns the shift test has.
SHIFT = 3
#: A slice with fewer rows says nothing.
_LEAST = 15


class Bin(msgspec.Struct, frozen=True):
    """Turns of one range of stated probability."""

    stated: float
    observed: float
    n: int


class CertificateCheck(msgspec.Struct, frozen=True, kw_only=True):
    """
    A certificate beside what these rows show.

    Attributes:
        alpha: Promised bound of the share of severe errors.

        n, errors: Covered rows with a tier label, and severe ones among them.

        observed: Their share.

        is_broken: True if even the lower bound of that share is above *alpha*: bad luck
            alone does not explain it.

        shifted: Share in traffic with three times as many turns that need a person or a
            tool: what the promise is worth where the mix is another one.
    """

    stratum: str
    alpha: float
    line: float
    n: int
    errors: int
    observed: float | None
    is_broken: bool
    shifted: float | None


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of the report page but the first table."""

    high_risk_recall_at_10: dict[str, float | None]
    alarm_curves: dict[str, list[Point]]
    cost_quality: CostQuality | None
    risk_coverage: RiskCoverage | None
    reliability: dict[str, list[Bin]]
    certificates: list[CertificateCheck]
    abstained: float
    flips: Flips | None
    parity: Parity | None
    slices: dict[str, SliceReport]


def details(
    judged: Sequence[Judged],
    router: TierRouter,
    *,
    pairs: Path | None = None,
    progress: Callable[[str], object] = id,
) -> Details:
    """
    Work out everything about *judged* rows.

    Args:
        pairs: File of messages in both languages for the parity; left out if None.
        progress: Called with what is being worked out.
    """
    parts = _by_locale(judged)
    with_tier = [one for one in judged if "tier" in one.wanted]
    progress("curves")
    tiers = (
        [o.wanted["tier"] for o in with_tier],
        [o.given["tier"] for o in with_tier],
    )
    routed = _cost_quality(with_tier, router) if with_tier else None
    peaks = [one.found.peak for one in with_tier]
    progress("other ways of writing")
    flips = flip_rates(judged[:: max(1, len(judged) // FLIPPED_ROWS)], router)
    progress("pairs")
    return Details(
        high_risk_recall_at_10={
            name: recall_at_alarms(*_risk(part), 0.10) for name, part in parts.items()
        },
        alarm_curves={name: alarm_curve(*_risk(part)) for name, part in parts.items()},
        cost_quality=routed,
        risk_coverage=risk_coverage(peaks, *tiers) if with_tier else None,
        reliability={name: reliability(name, judged) for name in HEADS[:-1]},
        certificates=[
            check(judged, one.stratum, one.alpha, one.line)
            for one in router.certificates.values()
        ],
        abstained=round(
            sum(o.found.is_abstained for o in judged) / max(1, len(judged)), 4
        ),
        flips=flips,
        parity=parity(router, pairs) if pairs else None,
        slices={
            name: sum_up(part)
            for name, part in slices(judged).items()
            if len(part) >= _LEAST
        },
    )


def _by_locale(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    parts = {"all": list(judged)}
    for one in judged:
        parts.setdefault(one.locale, []).append(one)
    return parts


def _risk(part: Sequence[Judged]) -> tuple[list[float], list[bool]]:
    """How sure the router is of high risk, rules and open tasks included, and the truth."""
    known = [one for one in part if "risk" in one.wanted]
    return [_high(one) for one in known], [o.wanted["risk"] == "high" for o in known]


def _high(one: Judged) -> float:
    found = one.found
    chance = found.chances["risk"]["high"]
    if found.continues:
        sure = found.chances["continues"]["yes"]
        return sure if found.decision.risk == "high" else min(chance, 1.0 - sure)
    return 1.0 + chance if "risk" in found.raised else chance


def _cost_quality(with_tier: Sequence[Judged], router: TierRouter) -> CostQuality:
    return cost_quality(
        [_needed(one) for one in with_tier],
        [one.wanted["tier"] for one in with_tier],
        [one.given["tier"] for one in with_tier],
        [str(keyword_tier(one.turn.text)) for one in with_tier],
        router.prices,
    )


def _needed(one: Judged) -> list[float]:
    """The chance of each tier as the router holds it: rules and tasks decide theirs."""
    chances = list(one.found.needed.values())
    is_set = one.found.continues or "tier" not in one.chances
    if not is_set and one.given["tier"] != "human":
        return chances
    sure = max(one.found.decision.confidence, 0.9)
    rank = list(one.found.needed).index(one.given["tier"])
    return [sure if at == rank else (1 - sure) / 3 for at in range(4)]


def reliability(head: str, judged: Sequence[Judged]) -> list[Bin]:
    """Stated against observed, in bins of equal mass, the least sure first."""
    pairs = sorted(
        (one.chances[head], one.wanted[head] == one.given[head])
        for one in judged
        if head in one.wanted and head in one.chances
    )
    if not pairs:
        return []
    bins = np.array_split(np.array(pairs, dtype=float), min(_BINS, len(pairs)))
    return [
        Bin(round(float(p[:, 0].mean()), 4), round(float(p[:, 1].mean()), 4), len(p))
        for p in bins
    ]


def check(
    judged: Sequence[Judged], stratum: str, alpha: float, line: float
) -> CertificateCheck:
    """What *judged* rows say of one certificate."""
    covered = [
        one
        for one in judged
        if one.found.certificate is not None
        and one.found.certificate.stratum == stratum
        and "tier" in one.wanted
    ]
    severe = [is_severe(one.wanted["tier"], one.given["tier"]) for one in covered]
    n, errors = len(severe), sum(severe)
    lower = 1.0 - upper_bound(n - errors, n, 0.05) if errors else 0.0
    share = errors / n if n else None
    return CertificateCheck(
        stratum=stratum,
        alpha=alpha,
        line=line,
        n=n,
        errors=errors,
        observed=None if share is None else round(share, 4),
        is_broken=lower > alpha,
        shifted=None if share is None else round(_shifted(covered, severe), 4),
    )


def _shifted(covered: Sequence[Judged], severe: Sequence[bool]) -> float:
    weights = [SHIFT if one.wanted["tier"] in {"L3", "human"} else 1 for one in covered]
    hit = sum(weight for weight, bad in zip(weights, severe, strict=True) if bad)
    return hit / sum(weights)


def slices(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """Rows by language, context, open task, length and what decided."""
    parts: dict[str, list[Judged]] = {}
    for one in judged:
        length = len(one.turn.text) if one.locale == "zh" else len(one.turn.text) // 4
        size = "short" if length <= 6 else "middling" if length <= 20 else "long"  # noqa: PLR2004 - the names say it
        names = [
            f"{one.locale}, {'follow-up' if one.turn.history else 'first line'}",
            f"{one.locale}, {size}",
            "inside a task" if one.turn.open_task else "no open task",
        ]
        names += ["a rule hit"] if one.found.rules else []
        names += ["model abstains"] if one.found.is_abstained else []
        for name in names:
            parts.setdefault(name, []).append(one)
    return dict(sorted(parts.items()))
