"""
Fitting the second stage beside a first one. Imported by training alone.

The layer is fitted like the heads of the first stage: out-of-fold opinions, where no turn
is judged by a layer that saw its group, are blended with the first stage's out-of-fold
chances; calibration and lines are chosen on the blend.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from engines.contract import Locale
from router_models.calibration import calibrate
from router_models.compiled import BINARY, HeadSpec, Scale
from router_models.dataset import Example
from router_models.heads import targets
from router_models.measure import Fitted, OutOfFold
from router_models.second_stage import (
    HEADS,
    Encode,
    Floats,
    Layer,
    Lines,
    blended,
    inputs,
    opinions,
    parts,
)
from router_models.thresholds import chances_of


#: Units of the hidden layer, its penalty, and passes over the turns.
_UNITS, _ALPHA, _PASSES = 256, 1e-3, 12
_BATCH, _RATE = 128, 1.5e-3
#: Directions taken out of the vectors.
_DIRECTIONS = 3
#: Texts encoded at once, of like length.
_AT_ONCE = 64
#: Chance of the likeliest tier below which a turn is looked at again: a wider band finds
#: a little more for twice the work, and leaves more than one in a hundred at L1.
BAND = 0.6
#: Fits a model's lines on out-of-fold logits that scales calibrate.
Settle = Callable[[dict[str, dict[Locale, Scale]], OutOfFold], Lines]


class Vectors(NamedTuple):
    """Raw vectors of the texts of some turns and of the lines before them."""

    texts: Floats
    asked: Floats
    has_line: NDArray[np.bool_]
    is_zh: NDArray[np.bool_]

    def pick(self, chosen: NDArray[np.bool_]) -> Vectors:
        """Those of some of the turns."""
        return Vectors(
            self.texts[chosen],
            self.asked[chosen],
            self.has_line[chosen],
            self.is_zh[chosen],
        )


def encode_all(
    examples: Sequence[Example], encode: Encode, tell: Callable[[int, int], object]
) -> Vectors:
    """
    Vectors of all *examples*; every text is encoded once.

    Args:
        tell: Called with how many texts are done, and of how many.
    """
    pairs = [parts(one.turn) for one in examples]
    texts = sorted({text or " " for pair in pairs for text in pair}, key=len)
    place = {text: at for at, text in enumerate(texts)}
    rows = []
    for start in range(0, len(texts), _AT_ONCE):
        rows.append(encode(texts[start : start + _AT_ONCE]))
        tell(min(start + _AT_ONCE, len(texts)), len(texts))
    table = np.vstack(rows)
    return Vectors(
        table[[place[text or " "] for text, _ in pairs]],
        table[[place[asked or " "] for _, asked in pairs]],
        np.array([bool(asked) for _, asked in pairs]),
        np.array([one.turn.locale == "zh" for one in examples]),
    )


def fit_second(
    fitted: Fitted,
    vectors: Vectors,
    specs: Sequence[HeadSpec],
    settle: Settle,
    seed: int,
) -> tuple[Layer, Lines]:
    """
    Fit a layer and its lines beside *fitted*.

    Args:
        vectors: Of the examples that *fitted* was fitted on, in their order.
        settle: Chooses the lines.
    """
    unseen = fitted.unseen
    if unseen is None:
        raise ValueError("the first stage was not fitted here")
    opinion = np.zeros((len(unseen.examples), sum(width for _, width in HEADS)))
    for fold in np.unique(unseen.folds):
        known, outside = unseen.folds != fold, unseen.folds == fold
        inside = [one for one, keep in zip(unseen.examples, known, strict=True) if keep]
        layer = fit_layer(inside, vectors.pick(known), specs, seed)
        opinion[outside] = opinions(inputs(*vectors.pick(outside), layer), layer)
    layer = fit_layer(unseen.examples, vectors, specs, seed)
    return layer, settle(*_blend(fitted, unseen, opinion, specs))


def fit_layer(
    examples: Sequence[Example],
    vectors: Vectors,
    specs: Sequence[HeadSpec],
    seed: int,
) -> Layer:
    """
    One hidden layer for all labels at once; the intent is learned and then dropped.

    Turns that only answer an open task teach nothing here, as in the first stage.
    """
    bare = _spaces(vectors)
    judged = targets(_named(specs, "tier"), examples) >= 0
    taught = [one for one, keep in zip(examples, judged, strict=True) if keep]
    names = [*(name for name, _ in HEADS), "intent"]
    wanted = np.hstack([_one_hot(_named(specs, name), taught) for name in names])
    network = MLPClassifier(
        (_UNITS,),
        alpha=_ALPHA,
        max_iter=_PASSES,
        batch_size=min(_BATCH, len(taught)),
        learning_rate_init=_RATE,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # The passes are few on purpose: more of them learn the turns by heart.
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(inputs(*vectors.pick(judged), bare), wanted)
    kept = sum(width for _, width in HEADS)
    hidden, out = network.coefs_
    hidden_bias, out_bias = network.intercepts_
    return Layer(
        bare.mean,
        bare.directions,
        _halved(hidden),
        _halved(hidden_bias),
        _halved(out[:, :kept]),
        _halved(out_bias[:kept]),
    )


def _spaces(vectors: Vectors) -> Layer:
    """A layer that has learned nothing but what all vectors have in common."""
    nothing = np.zeros(0, np.float32)
    lines = vectors.asked[vectors.has_line]
    spaces = [_common(vectors.texts), _common(lines if len(lines) else vectors.texts)]
    mean = _halved(np.stack([mean for mean, _ in spaces]))
    directions = _halved(np.stack([found for _, found in spaces]))
    return Layer(mean, directions, nothing, nothing, nothing, nothing)


def _common(rows: Floats) -> tuple[Floats, Floats]:
    mean = rows.mean(axis=0)
    centred = (rows - mean).astype(np.float64)
    _, found = np.linalg.eigh(centred.T @ centred)
    return mean, found[:, ::-1][:, :_DIRECTIONS].T


def _halved(values: NDArray[np.floating]) -> Floats:
    """Rounded to half precision, as stored: what is measured is what serves."""
    return values.astype(np.float16).astype(np.float32)


def _one_hot(spec: HeadSpec, examples: Sequence[Example]) -> NDArray[np.float32]:
    target = targets(spec, examples)
    if spec.labels == BINARY:
        return np.asarray((target == 1)[:, None], np.float32)
    return np.asarray(target[:, None] == np.arange(spec.width), np.float32)


def _blend(
    fitted: Fitted,
    unseen: OutOfFold,
    opinion: NDArray[np.float64],
    specs: Sequence[HeadSpec],
) -> tuple[dict[str, dict[Locale, Scale]], OutOfFold]:
    """Both opinions as out-of-fold logits, and what calibrates them."""
    scales = dict(fitted.model.scales)
    logits = unseen.logits.copy()
    start = 0
    for name, width in HEADS:
        spec = _named(specs, name)
        first = chances_of(spec, scales[name], unseen.logits, unseen.examples)
        mixed = blended(first, opinion[:, start : start + width])
        logits[:, spec.columns] = mixed
        target = targets(spec, unseen.examples)
        scales[name] = calibrate(spec, mixed, target, unseen.locales)
        start += width
    return scales, OutOfFold(unseen.examples, logits, unseen.folds)


def _named(specs: Sequence[HeadSpec], name: str) -> HeadSpec:
    return next(spec for spec in specs if spec.name == name)
