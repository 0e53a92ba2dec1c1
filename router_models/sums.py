"""
From what a turn has to one number a column of the model: the plain way, in numpy.

:mod:`router_models.native` does the same in machine code, where numba is installed.
Which rows come first does not matter: of equals the lower one counts as stronger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engines.contract import Locale, Turn
from router_models.features import Extractor
from router_models.signals import SIGNALS
from router_models.text import Normal
from router_models.vectorise import Vocabulary


#: A signal that every turn has explains nothing.
DULL = tuple(
    name.startswith(("length", "is_", "has_history", "turn_")) for name in SIGNALS
)


class Span(NamedTuple):
    """Columns of a head, and its calibration: ``logit * slope + shift``."""

    start: int
    end: int
    slope: float
    shift: float


class Sums(NamedTuple):
    """
    What the model's arithmetic makes of a turn.

    Attributes:
        values: One a column: the calibrated chance in the columns of a span, the
            raw logit in all others.

        rows: Rows of the weight matrix that the turn has, with *weights*.
    """

    values: list[float]
    rows: NDArray[np.integer]
    weights: NDArray[np.float32]


class Arithmetic(Protocol):
    """Adds up the rows of a turn. Pure; may be shared by any number of tasks."""

    @property
    def name(self) -> str:
        """How it is done, for people: ``plain`` or ``native``."""
        ...

    def add_up(self, turn: Turn, normal: Normal) -> Sums:
        """
        The sums of *turn*.

        Args:
            normal: Normal form of the turn's text.
        """
        ...

    def strongest(self, sums: Sums, column: int, most: int) -> list[tuple[int, float]]:
        """Rows that added most to a *column*, and how much; of equals the lower row."""
        ...


class PlainArithmetic:
    """Dictionaries for the n-grams, numpy for the sums."""

    name = "plain"

    def __init__(
        self,
        extractor: Extractor,
        vocabulary: Vocabulary,
        weights: NDArray[np.float32],
        bias: NDArray[np.float32],
        spans: dict[Locale, list[Span]],
    ) -> None:
        self._extract = extractor.extract
        self._weigh = vocabulary.weigh
        self._weights = weights
        self._bias = bias
        self._spans = spans

    def add_up(self, turn: Turn, normal: Normal) -> Sums:
        """As the protocol says."""
        found, shares = self._weigh(self._extract(turn, normal))
        rows = np.array(found, dtype=np.intp)
        weights = np.array(shares, dtype=np.float32)
        logits = weights @ self._weights.take(rows, axis=0)
        values: list[float] = (logits + self._bias).tolist()
        for start, end, slope, shift in self._spans[turn.locale]:
            values[start:end] = _calibrated(values[start:end], slope, shift)
        return Sums(values, rows, weights)

    def strongest(self, sums: Sums, column: int, most: int) -> list[tuple[int, float]]:
        """As the protocol says."""
        shares = self._weights[sums.rows, column] * sums.weights
        order = np.lexsort((sums.rows, -shares))[: most + len(DULL)]
        rows: list[int] = sums.rows[order].tolist()
        found = zip(rows, shares[order].tolist(), strict=True)
        told = [one for one in found if one[1] > 0 and not is_dull(one[0])]
        return told[:most]


def is_dull(row: int) -> bool:
    """True for a signal that explains nothing."""
    return row < len(DULL) and DULL[row]


def _calibrated(logits: Sequence[float], slope: float, shift: float) -> list[float]:
    if len(logits) == 1:
        return [_sigmoid(logits[0] * slope + shift)]
    top = max(logits)
    powers = [math.exp((logit - top) * slope) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]


def _sigmoid(logit: float) -> float:
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-min(logit, 700.0)))
    power = math.exp(max(logit, -700.0))
    return power / (1.0 + power)
