"""
How sure a found passage is to answer, as one calibrated number.

A logistic function of three features. Its weights were fitted on the tuning,
calibration and hard questions of ``tests/retrieval`` (``report.py --fit`` prints
them); the held-out questions never took part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from engines.retrieval.index import Hit


#: Below it a question is not answered.
BAR: Final = 0.5
#: Below it what has no form of a question is not taken for one.
STATEMENT_BAR: Final = 0.75
#: A best passage that covers less of the question is no match at all.
NO_MATCH_COVERAGE: Final = 0.2

#: Coverage, lead over the next document, score.
_WEIGHTS: Final = (3.9, 2.3, 5.3)
_BIAS: Final = -5.0
#: Scores above it say no more.
_FULL_SCORE: Final = 40.0

Features = tuple[float, float, float]


def confidence(hits: Sequence[Hit]) -> float:
    """Probability that the best of *hits* answers; 0 without hits."""
    if not hits:
        return 0.0
    values = features(hits)
    logit = _BIAS + sum(w * x for w, x in zip(_WEIGHTS, values, strict=True))
    return 1 / (1 + math.exp(-logit))


def features(hits: Sequence[Hit]) -> Features:
    """What the number is made of, each from 0 to 1."""
    best = hits[0]
    rivals = (h.score for h in hits[1:] if h.passage.header != best.passage.header)
    lead = (best.score - max(rivals, default=0.0)) / best.score
    return (
        best.coverage,
        max(lead, 0.0),
        min(best.score, _FULL_SCORE) / _FULL_SCORE,
    )
