"""
From raw logits to honest probabilities, per head and language.

A temperature for heads of several classes, Platt scaling for yes-or-no heads, both
fitted on out-of-fold logits. Classes are numbers 0..K-1 here, never labels:
a calibrator that sorts labels by itself fits the wrong columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from engines.contract import Locale
from router_models.compiled import BINARY, HeadSpec, Scale


#: Fewer judged turns, or fewer of the rarer class, than this in one language:
#: both languages are calibrated together.
_LEAST_ROWS = 200
_LEAST_RARE = 40

#: Weight, in judged turns, of the prior that the logits are right as they are.
_PRIOR = 10.0

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


def log_loss(head: HeadSpec, logits: _Floats, target: _Ints, scale: Scale) -> float:
    """Mean negative log-likelihood of *target* under the scaled logits."""
    scaled = logits * scale.slope + scale.shift
    if head.labels == BINARY:
        sign = np.where(target == 1, 1.0, -1.0)
        return float(np.logaddexp(0.0, -sign * scaled[:, 0]).mean())
    top = np.logaddexp.reduce(scaled, axis=1)
    return float((top - scaled[np.arange(len(target)), target]).mean())


def calibrate(
    head: HeadSpec, logits: _Floats, target: _Ints, locales: NDArray[np.str_]
) -> dict[Locale, Scale]:
    """
    Fit a scale a language on out-of-fold logits.

    Args:
        logits: The head's own columns.
        target: Class numbers; -1 where the turn may not teach this head.
    """
    judged = target >= 0
    whole = _fit(head, logits[judged], target[judged])
    scales: dict[Locale, Scale] = {}
    for locale in ("zh", "en"):
        chosen = judged & (locales == locale)
        enough = _is_enough(target[chosen])
        scales[locale] = _fit(head, logits[chosen], target[chosen]) if enough else whole
    return scales


def _is_enough(target: _Ints) -> bool:
    if len(target) < _LEAST_ROWS:
        return False
    counts = np.unique(target, return_counts=True)[1]
    return len(counts) > 1 and int(counts.min()) >= _LEAST_RARE


def _fit(head: HeadSpec, logits: _Floats, target: _Ints) -> Scale:
    if len(np.unique(target)) < 2:  # noqa: PLR2004 - one class calibrates nothing
        return Scale()
    method = _platt if head.labels == BINARY else _temperature
    scale = method(head, logits, target)
    fitted = log_loss(head, logits, target, scale)
    return scale if fitted < log_loss(head, logits, target, Scale()) else Scale()


def _temperature(head: HeadSpec, logits: _Floats, target: _Ints) -> Scale:
    found = minimize_scalar(
        lambda power: _penalised(head, logits, target, power, 0.0),
        bounds=(-3.0, 3.0),
        method="bounded",
    )
    return Scale(float(np.exp(found.x)))


def _platt(head: HeadSpec, logits: _Floats, target: _Ints) -> Scale:
    found = minimize(
        lambda x: _penalised(head, logits, target, x[0], x[1]),
        x0=np.zeros(2),
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-7, "maxiter": 400},
    )
    return Scale(float(np.exp(found.x[0])), float(found.x[1]))


def _penalised(
    head: HeadSpec, logits: _Floats, target: _Ints, power: float, shift: float
) -> float:
    """Log-loss, and a pull to the raw logits that fades with the turns at hand."""
    pull = _PRIOR * (power**2 + shift**2) / len(target)
    scale = Scale(float(np.exp(power)), float(shift))
    return log_loss(head, logits, target, scale) + pull
