"""
Where the router draws its lines, chosen on turns of groups the model never saw.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.contract import Emotion, Locale, Risk
from router_models.compiled import HeadSpec, Scale, Thresholds
from router_models.dataset import LOCALES, Example
from router_models.heads import targets


_Floats = NDArray[np.float64]

#: High risk: this recall, unless it would call so many others high.
_RECALL, _ALARMS = 0.97, 0.08
#: How much more recall weighs than precision. A person who is missed costs more than
#: one called for nothing; a turn taken for the answer of a task is judged no more.
_BETAS = {"needs_person": 1.5, "continues": 0.5}
#: Lowest line of a head, if it is not :data:`_LOWEST`. Hard rules find who asks for a
#: person, or is in danger, in so many words; the model alone must be surer.
_FLOORS = {"asks_human": 0.45, "needs_person": 0.3}
_LOWEST, _HIGHEST = 0.2, 0.8
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

    Yes-or-no heads and the emotions get the line of the best F1, or of an F measure that
    weighs their errors by what they cost. Abstention takes the
    turns with the lowest peak of the intent head, at most two in a hundred. What may not
    stay with fixed texts is the policy's to say: ``proving.choose_beyond``.
    """
    heads = {spec.name: spec for spec in specs}
    chances = {
        name: chances_of(heads[name], scales[name], logits, examples)
        for name in ("risk", "emotion", "asks_human", "needs_person", "continues")
    }
    target = {name: targets(heads[name], examples) for name in chances}
    judged = target["risk"] >= 0
    high = list(Risk).index(Risk.HIGH)
    intent = heads["intent"]
    peaks = logits[:, intent.columns].max(axis=1)
    locales = np.array([example.turn.locale for example in examples])
    lines: dict[Locale, float] = {}
    for locale in LOCALES:
        part = judged & (locales == locale)
        is_high = target["risk"][part] == high
        lines[locale] = recall_line(chances["risk"][part, high], is_high)
    return Thresholds(
        high_risk=lines,
        beyond_l1=dict.fromkeys(LOCALES, 1.0),
        asks_human=_line("asks_human", chances, target),
        needs_person=_line("needs_person", chances, target),
        continues=_line("continues", chances, target),
        annoyed=_line("emotion", chances, target, list(Emotion).index(Emotion.ANNOYED)),
        angry=_line("emotion", chances, target, list(Emotion).index(Emotion.ANGRY)),
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


def chances_of(
    spec: HeadSpec,
    scales: dict[Locale, Scale],
    logits: _Floats,
    examples: Sequence[Example],
) -> _Floats:
    """Calibrated probabilities of a head on raw *logits* of all heads."""
    chosen = [scales[example.turn.locale] for example in examples]
    slope = np.array([scale.slope for scale in chosen])[:, None]
    shift = np.array([scale.shift for scale in chosen])[:, None]
    scaled = logits[:, spec.columns] * slope + shift
    if spec.width == 1:
        return np.asarray(1.0 / (1.0 + np.exp(-scaled)))
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _line(
    head: str,
    chances: dict[str, _Floats],
    target: dict[str, NDArray[np.int64]],
    label: int = 1,
) -> float:
    """The line of the best F measure of a *label*, or of yes."""
    judged = target[head] >= 0
    column = min(label, chances[head].shape[1] - 1)
    chance, positive = chances[head][judged, column], target[head][judged] == label
    if not positive.any():
        return 0.5
    order = np.argsort(-chance, kind="stable")
    hits = np.cumsum(positive[order])
    weight = _BETAS.get(head, 1.0) ** 2
    told = np.arange(1, len(order) + 1)
    best = int(np.argmax(hits * (1 + weight) / (told + weight * positive.sum())))
    lowest = _FLOORS.get(head, _LOWEST)
    return round(min(max(float(chance[order][best]), lowest), _HIGHEST), 4)
