"""
The scikit-learn side: a pipeline from turns to the logits of all heads.

    features   turns to a sparse matrix, n-grams that enough groups share
    heads      one linear classifier a head, weights kept at half precision

Rounding to half precision is part of fitting, so the compiled model has exactly
the weights of the pipeline. A turn that only supplies what a task waits for has the task's
labels: it teaches the heads ``continues``, ``asks_human``, ``emotion`` and ``intent``
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

import msgspec
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from engines.contract import Complexity, Emotion, Risk, Tier, Turn
from router_models.compiled import BINARY, HeadSpec
from router_models.dataset import Example
from router_models.features import BLOCKS, Extract, Extractor
from router_models.vectorise import Vocabulary, count_groups


#: Where fitting stops: ten times the default changes no figure and halves the time.
_TOLERANCE = 1e-3

#: Logit of a class that the fitted rows do not hold.
ABSENT = -12.0


class Options(msgspec.Struct, frozen=True):
    """
    What can be turned in fitting.

    Attributes:
        min_groups: Groups that must share an n-gram, by block.

        c: Inverse strength of the penalty of the decision heads.

        c_intent: As *c*, for the auxiliary intent.

        moved_share, reworded_share: Shares of the turns that also teach after
            other lines, and in other words.

        copy_weight: How much such a copy counts beside a turn that was written.
    """

    min_groups: tuple[int, ...] = (2, 2, 2, 2, 5, 5, 2)
    c: float = 3.0
    c_intent: float = 0.5
    max_iter: int = 200
    moved_share: float = 0.6
    reworded_share: float = 0.6
    copy_weight: float = 0.5


class TurnVectoriser(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns (or their extracts) to a sparse matrix; learns the vocabulary."""

    def __init__(self, extractor: Extractor, min_groups: tuple[int, ...]) -> None:
        self.extractor = extractor
        self.min_groups = min_groups

    def fit(
        self, turns: Sequence[Turn | Extract], examples: Sequence[Example]
    ) -> TurnVectoriser:
        """Keep what ``min_groups`` groups share; copies do not count."""
        own = [not example.is_copy for example in examples]
        counts = count_groups(
            compress(self._extracts(turns), own),
            compress((example.group for example in examples), own),
        )
        self.vocabulary_ = Vocabulary.of(
            [
                sorted(gram for gram, groups in count.items() if groups >= least)
                for count, least in zip(counts, self.min_groups, strict=True)
            ]
        )
        return self

    def transform(self, turns: Sequence[Turn | Extract]) -> sp.csr_matrix:
        """One row a turn."""
        rows: list[int] = []
        weights: list[float] = []
        ends = [0]
        for extract in self._extracts(turns):
            found, values = self.vocabulary_.weigh(extract)
            rows += found
            weights += values
            ends.append(len(rows))
        shape = (len(ends) - 1, self.vocabulary_.size)
        return sp.csr_matrix((weights, rows, ends), shape=shape)

    def _extracts(self, turns: Sequence[Turn | Extract]) -> list[Extract]:
        extract = self.extractor.extract
        return [extract(turn) if isinstance(turn, Turn) else turn for turn in turns]


class Heads(BaseEstimator):  # type: ignore[misc]
    """One linear classifier a head over the same matrix."""

    def __init__(
        self, specs: tuple[HeadSpec, ...], options: Options, seed: int
    ) -> None:
        self.specs = specs
        self.options = options
        self.seed = seed

    def fit(self, matrix: sp.csr_matrix, examples: Sequence[Example]) -> Heads:
        """Fit every head on the rows that may teach it."""
        fitted = [self._fit(spec, matrix, examples) for spec in self.specs]
        self.coef_ = np.vstack([coef for coef, _ in fitted]).astype(np.float16)
        self.intercept_ = np.concatenate([bias for _, bias in fitted])
        self.intercept_ = self.intercept_.astype(np.float32)
        return self

    def decision_function(self, matrix: sp.csr_matrix) -> NDArray[np.float64]:
        """Raw logits, one column a class, one for a binary head."""
        coef = self.coef_.astype(np.float64)
        return np.asarray(matrix @ coef.T) + self.intercept_.astype(np.float64)

    def _fit(
        self, spec: HeadSpec, matrix: sp.csr_matrix, examples: Sequence[Example]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        target = targets(spec, examples)
        taught = np.flatnonzero(target >= 0)
        known = np.unique(target[taught])
        coef = np.zeros((spec.width, matrix.shape[1]))
        bias = np.full(spec.width, ABSENT)
        if len(known) < 2:  # noqa: PLR2004 - one class is no choice
            bias[
                known if spec.labels != BINARY else slice(0, len(known[known > 0]))
            ] = -ABSENT
            return coef, bias
        weights = self._weights(examples)[taught]
        model = self._classifier(spec).fit(matrix[taught], target[taught], weights)
        if model.coef_.shape[0] == 1 and spec.labels == BINARY:
            return model.coef_, model.intercept_
        if model.coef_.shape[0] == 1:
            coef[known[1]], bias[known[1]] = model.coef_[0], model.intercept_[0]
            bias[known[0]] = 0.0
            return coef, bias
        coef[known], bias[known] = model.coef_, model.intercept_
        return coef, bias

    def _weights(self, examples: Sequence[Example]) -> NDArray[np.float64]:
        light = self.options.copy_weight
        return np.array([light if example.is_copy else 1.0 for example in examples])

    def _classifier(self, spec: HeadSpec) -> Any:
        if spec.name == "intent":
            return LinearSVC(C=self.options.c_intent, random_state=self.seed)
        return LogisticRegression(
            C=self.options.c, max_iter=self.options.max_iter, tol=_TOLERANCE
        )


def head_specs(intents: Sequence[str]) -> tuple[HeadSpec, ...]:
    """All heads with their labels; columns follow each other in this order."""
    specs = []
    start = 0
    for name, labels in (
        ("complexity", tuple(Complexity)),
        ("risk", tuple(Risk)),
        ("tier", tuple(Tier)),
        ("asks_human", BINARY),
        ("needs_person", BINARY),
        ("continues", BINARY),
        ("emotion", tuple(Emotion)),
        ("intent", tuple(intents)),
    ):
        spec = HeadSpec(name, tuple(str(label) for label in labels), start)
        specs.append(spec)
        start += spec.width
    return tuple(specs)


def targets(spec: HeadSpec, examples: Sequence[Example]) -> NDArray[np.int64]:
    """Class number of each example, -1 where it may not teach this head."""
    numbers = {label: number for number, label in enumerate(spec.labels)}
    judged = spec.name in {"complexity", "risk", "tier", "needs_person"}
    found = []
    for example in examples:
        label = getattr(example, spec.name)
        if label is None or (judged and example.continues):
            found.append(-1)
        else:
            text = ("no", "yes")[label] if isinstance(label, bool) else str(label)
            found.append(numbers.get(text, -1))
    return np.array(found, dtype=np.int64)


def make_pipeline(
    extractor: Extractor, specs: tuple[HeadSpec, ...], options: Options, seed: int
) -> Pipeline:
    """The whole scikit-learn pipeline, not fitted."""
    vectoriser = TurnVectoriser(extractor, options.min_groups)
    return Pipeline([("features", vectoriser), ("heads", Heads(specs, options, seed))])


assert len(Options().min_groups) == len(BLOCKS)  # noqa: S101 - one number a block
