"""
The fitted model as flat arrays: what serves.

A turn's rows of the weight matrix are gathered, weighed and added up; that gives
the logits of all heads at once. Needs numpy alone, not scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.contract import Locale, Turn
from router_models.features import Extractor
from router_models.text import Normal
from router_models.vectorise import Vocabulary


#: Labels of a yes-or-no head; it has one column, the logit of yes.
BINARY = ("no", "yes")


class HeadSpec(msgspec.Struct, frozen=True):
    """
    One head: what it answers and where its columns are.

    Attributes:
        start: Its first column.
    """

    name: str
    labels: tuple[str, ...]
    start: int

    @property
    def columns(self) -> slice:
        """Its columns of the weight matrix."""
        return slice(self.start, self.start + self.width)

    @property
    def width(self) -> int:
        """Columns of the head."""
        return 1 if self.labels == BINARY else len(self.labels)


class Scale(msgspec.Struct, frozen=True):
    """
    Calibration of a head in one language: ``logit * slope + shift``.

    A temperature is a slope of 1/T without shift; Platt scaling has both.
    """

    slope: float = 1.0
    shift: float = 0.0


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where the router draws its lines, chosen on turns of unseen groups.

    Attributes:
        high_risk: Chance of high risk from which risk is high.

        abstain_below: Largest raw logit of the intent head below which the
            model does not know what it reads.
    """

    high_risk: float
    asks_human: float
    needs_person: float
    continues: float
    abstain_below: float


class Scores(NamedTuple):
    """
    What the model says of a turn.

    Attributes:
        chances: Calibrated probabilities by decision head; a binary head has one.

        intents: Raw logits of the intent head.

        rows: Rows of the weight matrix that the turn has, with *weights*.
    """

    chances: dict[str, list[float]]
    intents: list[float]
    rows: list[int]
    weights: list[float]


class CompiledModel:
    """
    The flat arrays of a model and what is needed to read a turn with them.

    Args:
        weights: Rows by columns, any float type.
        scales: Calibration by head and language.
    """

    def __init__(
        self,
        *,
        extractor: Extractor,
        vocabulary: Vocabulary,
        heads: Sequence[HeadSpec],
        weights: NDArray[np.floating],
        bias: NDArray[np.floating],
        scales: dict[str, dict[Locale, Scale]],
        thresholds: Thresholds,
    ) -> None:
        self.extractor = extractor
        self.vocabulary = vocabulary
        self.heads = {head.name: head for head in heads}
        self.weights = np.ascontiguousarray(weights, dtype=np.float32)
        self.bias = np.ascontiguousarray(bias, dtype=np.float32)
        self.scales = scales
        self.thresholds = thresholds
        self._plans: dict[Locale, list[tuple[str, int, int, float, float]]] = {
            locale: [
                self._plan(head, locale) for head in heads if head.name != "intent"
            ]
            for locale in ("zh", "en")
        }
        self._intent = self.heads["intent"]

    def _plan(
        self, head: HeadSpec, locale: Locale
    ) -> tuple[str, int, int, float, float]:
        scale = self.scales[head.name][locale]
        end = head.start + head.width
        return head.name, head.start, end, scale.slope, scale.shift

    def logits(self, rows: list[int], weights: list[float]) -> NDArray[np.float32]:
        """Raw logits of all columns."""
        if not rows:
            return self.bias
        total: NDArray[np.float32] = (
            np.array(weights, dtype=np.float32) @ self.weights[rows]
        )
        return total + self.bias

    def score(self, turn: Turn, normal: Normal | None = None) -> Scores:
        """Judge *turn*. Pure."""
        rows, weights = self.vocabulary.weigh(self.extractor.extract(turn, normal))
        logits: list[float] = self.logits(rows, weights).tolist()
        chances: dict[str, list[float]] = {}
        for name, start, end, slope, shift in self._plans[turn.locale]:
            if end - start == 1:
                chances[name] = [_sigmoid(logits[start] * slope + shift)]
            else:
                chances[name] = _softmax(logits[start:end], slope)
        return Scores(chances, logits[self._intent.start :], rows, weights)

    def intent_of(self, scores: Scores) -> str:
        """The likeliest auxiliary intent."""
        return self._intent.labels[scores.intents.index(max(scores.intents))]


def _sigmoid(logit: float) -> float:
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-min(logit, 700.0)))
    power = math.exp(max(logit, -700.0))
    return power / (1.0 + power)


def _softmax(logits: list[float], slope: float) -> list[float]:
    top = max(logits)
    powers = [math.exp((logit - top) * slope) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]
