"""
How sure a found passage is to answer, as one calibrated number.

A logistic function of a few features, one with vectors and one without. The weights
were fitted on the tuning, calibration and hard questions of ``tests/retrieval``
(``report.py --fit`` prints them); the held-out questions never took part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from engines.retrieval.index import Hit


#: Below it a question is not answered.
BAR: Final = 0.5
#: Below it what has no form of a question is not taken for one.
STATEMENT_BAR: Final = 0.62
#: A best passage that covers less of the question is no match at all.
NO_MATCH_COVERAGE: Final = 0.2

#: Of the features of words, and a constant.
_BY_WORDS: Final = (2.5, 4.2, 3.5, 4.0, -1.8, -1.5, -3.5)
#: Of these, of the features of vectors, and a constant.
_WITH_VECTORS: Final = (2.6, 3.3, 3.1, 3.1, -1.9, -3.0, 1.1, 2.8, -2.9)
#: Scores above it say no more.
_FULL_SCORE: Final = 40.0
_FULL_MASS: Final = 3.0

Features = tuple[float, ...]


def confidence(hits: Sequence[Hit]) -> float:
    """Probability that the best of *hits* answers; 0 without hits."""
    if not hits:
        return 0.0
    values = features(hits)
    *weights, logit = _WITH_VECTORS if hits[0].similarity else _BY_WORDS
    logit += sum(w * x for w, x in zip(weights, values, strict=True))
    return 1 / (1 + math.exp(-logit))


def features(hits: Sequence[Hit]) -> Features:
    """
    What the number is made of, each from 0 to 1.

    Coverage; lead in score over the next source (which says little where little of the
    question was met); score; how much of the question was met and how much was not, in
    words' worth; fullness; with vectors their similarity and its lead.
    """
    best = hits[0]
    rivals = [h for h in hits[1:] if h.passage.document != best.passage.document]
    next_score = max((h.score for h in rivals), default=0.0)
    lead = (best.score - next_score) / best.score if best.score else 0.0
    met = best.mass * best.coverage
    words = (
        best.coverage,
        max(lead, 0.0) * best.fullness,
        min(best.score, _FULL_SCORE) / _FULL_SCORE,
        min(met, _FULL_MASS) / _FULL_MASS,
        min(best.mass - met, _FULL_MASS) / _FULL_MASS,
        best.fullness,
    )
    if not best.similarity:
        return words
    nearest = max((h.similarity for h in rivals), default=0.0)
    return (*words, best.similarity, best.similarity - nearest)
