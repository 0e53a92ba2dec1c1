"""
Where the router draws its lines, chosen on turns of groups the model never saw.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.contract import Locale, Risk
from router_models.compiled import HeadSpec, Scale, Thresholds
from router_models.dataset import Example
from router_models.heads import targets


_Floats = NDArray[np.float64]

#: High risk: this recall, unless it would call so many others high.
_RECALL, _ALARMS = 0.95, 0.09
#: Share of turns that may count as not understood.
_ABSTAIN = 0.02


def choose_thresholds(
    specs: Sequence[HeadSpec],
    scales: dict[str, dict[Locale, Scale]],
    logits: _Floats,
    examples: Sequence[Example],
) -> Thresholds:
    """
    Choose all lines on out-of-fold *logits* of *examples*.

    Yes-or-no heads get the line of the best F1. Abstention takes the turns with the
    lowest peak of the intent head, at most two in a hundred.
    """
    heads = {spec.name: spec for spec in specs}
    chances = {
        name: _chances(heads[name], scales[name], logits, examples)
        for name in ("risk", "asks_human", "needs_person", "continues")
    }
    target = {name: targets(heads[name], examples) for name in chances}
    judged = target["risk"] >= 0
    high = list(Risk).index(Risk.HIGH)
    intent = heads["intent"]
    peaks = logits[:, intent.columns].max(axis=1)
    return Thresholds(
        high_risk=recall_line(
            chances["risk"][judged, high], target["risk"][judged] == high
        ),
        asks_human=_best_f1(chances["asks_human"], target["asks_human"]),
        needs_person=_best_f1(chances["needs_person"], target["needs_person"]),
        continues=_best_f1(chances["continues"], target["continues"]),
        abstain_below=round(float(np.quantile(peaks, _ABSTAIN)), 4),
    )


def recall_line(chance: _Floats, positive: NDArray[np.bool_]) -> float:
    """
    The highest line that reaches the wanted recall within the allowed alarms.

    If no line does both, the one that spends the allowed alarms.
    """
    if not positive.any() or positive.all():
        return 0.5
    for_recall = float(np.quantile(chance[positive], 1 - _RECALL, method="lower"))
    for_alarms = float(np.quantile(chance[~positive], 1 - _ALARMS, method="higher"))
    return round(min(max(for_recall, for_alarms), 0.5), 4)


def _chances(
    spec: HeadSpec,
    scales: dict[Locale, Scale],
    logits: _Floats,
    examples: Sequence[Example],
) -> _Floats:
    chosen = [scales[example.turn.locale] for example in examples]
    slope = np.array([scale.slope for scale in chosen])[:, None]
    shift = np.array([scale.shift for scale in chosen])[:, None]
    scaled = logits[:, spec.columns] * slope + shift
    if spec.width == 1:
        return np.asarray(1.0 / (1.0 + np.exp(-scaled)))
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _best_f1(chances: _Floats, target: NDArray[np.int64]) -> float:
    judged = target >= 0
    chance, positive = chances[judged, 0], target[judged] == 1
    if not positive.any():
        return 0.5
    order = np.argsort(-chance, kind="stable")
    hits = np.cumsum(positive[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + positive.sum())
    best = int(np.argmax(f1))
    return round(min(max(float(chance[order][best]), 0.2), 0.8), 4)
