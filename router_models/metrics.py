"""
Figures of a router on labelled turns.

Under-routing is severe if a person was needed and a machine got the turn, or a
tool was needed and a fixed text answered. A false alarm is a turn called high
risk that is not; its rate is a share of the turns that are not high.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np


#: Bins of equal mass for the calibration error.
_BINS = 15


class HeadReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    How well one label is told.

    Attributes:
        n: Labelled turns.

        macro_f1: Mean F1 of the labels that occur among them.

        f1: F1 by label.

        ece: Expected calibration error of the top label, in bins of equal mass;
            None if the label's probabilities are not at hand.
    """

    n: int
    accuracy: float
    macro_f1: float
    f1: dict[str, float]
    ece: float | None = None


class SliceReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    All figures of one slice: everything, or one language.

    Attributes:
        tiers: Turns by wanted tier and decided tier.

        severe_under_routing: Share of severe cases among turns with a tier.

        left_at_l1: Share of turns that got a fixed text and needed a tool or a person.

        high_risk_recall, high_risk_false_alarms: None without such turns.
    """

    n: int
    heads: dict[str, HeadReport]
    tiers: dict[str, dict[str, int]]
    severe_under_routing: float | None
    left_at_l1: float | None
    high_risk_recall: float | None
    high_risk_false_alarms: float | None


def head_report(
    wanted: Sequence[str],
    given: Sequence[str],
    chances: Sequence[float | None] = (),
) -> HeadReport:
    """
    Compare *given* labels with *wanted* ones.

    Args:
        chances: Probability of each given label, where there is one.
    """
    labels = sorted(set(wanted))
    f1 = {label: _f1(label, wanted, given) for label in labels}
    right = [a == b for a, b in zip(wanted, given, strict=True)]
    pairs = [(p, ok) for p, ok in zip(chances, right, strict=False) if p is not None]
    return HeadReport(
        n=len(wanted),
        accuracy=_rounded(sum(right) / len(right)),
        macro_f1=_rounded(sum(f1.values()) / len(f1)),
        f1=f1,
        ece=calibration_error(pairs) if pairs else None,
    )


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """Mean gap between stated and observed rate over bins of equal mass."""
    ordered = sorted(pairs, key=lambda pair: pair[0])
    bins = np.array_split(np.array(ordered, dtype=float), min(_BINS, len(ordered)))
    gaps = [abs(part[:, 0].mean() - part[:, 1].mean()) * len(part) for part in bins]
    return _rounded(float(sum(gaps)) / len(ordered))


def confusion(wanted: Sequence[str], given: Sequence[str]) -> dict[str, dict[str, int]]:
    """Counts by wanted label, then by given label."""
    table: dict[str, dict[str, int]] = {}
    for a, b in zip(wanted, given, strict=True):
        row = table.setdefault(a, {})
        row[b] = row.get(b, 0) + 1
    return {a: dict(sorted(row.items())) for a, row in sorted(table.items())}


def severe_share(wanted: Sequence[str], given: Sequence[str]) -> float | None:
    """Share of turns that went severely too low; None without turns."""
    if not wanted:
        return None
    severe = sum(is_severe(a, b) for a, b in zip(wanted, given, strict=True))
    return _rounded(severe / len(wanted))


def left_at_l1(wanted: Sequence[str], given: Sequence[str]) -> float | None:
    """Share of turns left with a fixed text that cannot settle them."""
    if not wanted:
        return None
    pairs = zip(wanted, given, strict=True)
    return _rounded(
        sum(a in {"L3", "human"} and b == "L1" for a, b in pairs) / len(wanted)
    )


def is_severe(wanted: str, given: str) -> bool:
    """True if a machine got what a person must have, or a fixed text what needs a tool."""
    return (wanted == "human" and given != "human") or (
        wanted == "L3" and given == "L1"
    )


def recall_and_alarms(
    wanted: Sequence[bool], given: Sequence[bool]
) -> tuple[float | None, float | None]:
    """Recall of the positive turns, and alarm rate on the others."""
    on = [b for a, b in zip(wanted, given, strict=True) if a]
    off = [b for a, b in zip(wanted, given, strict=True) if not a]
    recall = _rounded(sum(on) / len(on)) if on else None
    return recall, _rounded(sum(off) / len(off)) if off else None


def _f1(label: str, wanted: Sequence[str], given: Sequence[str]) -> float:
    pairs = list(zip(wanted, given, strict=True))
    hit = sum(a == label == b for a, b in pairs)
    told = sum(b == label for _, b in pairs) + sum(a == label for a, _ in pairs)
    return _rounded(2 * hit / told) if told else 0.0


def _rounded(value: float) -> float:
    return round(value, 4)
