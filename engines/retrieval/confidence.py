"""
How sure a found passage is to answer: coverage, strength and margin as one number.

The weights come from a logistic fit on the tuning questions in
``tests/retrieval/tuning.yaml`` (``python -m tests`` style tools are not needed:
``tests/retrieval/report.py --fit`` prints them); the held-out questions never
took part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from engines.retrieval.index import Hit


#: Below it the answer is not given; fits "sure enough to be read by a customer".
BAR: Final = 0.5
#: Nothing that covers less of the question is worth a second look.
NO_MATCH_COVERAGE: Final = 0.2

_WEIGHTS: Final = (6.0, 2.0, 0.05)
_BIAS: Final = -3.4
#: Scores above it say no more.
_FULL_SCORE: Final = 40.0


def features(hits: Sequence[Hit]) -> tuple[float, float, float]:
    """Coverage of the best hit, its lead over the second, its score (0 to 1)."""
    best = hits[0]
    second = hits[1].score if len(hits) > 1 else 0.0
    margin = (best.score - second) / best.score
    return best.coverage, margin, min(best.score, _FULL_SCORE) / _FULL_SCORE


def confidence(hits: Sequence[Hit]) -> float:
    """Probability that the best hit answers, 0 to 1; 0 without hits."""
    if not hits:
        return 0.0
    logit = _BIAS + sum(
        weight * value for weight, value in zip(_WEIGHTS, features(hits), strict=True)
    )
    return 1 / (1 + math.exp(-logit))
