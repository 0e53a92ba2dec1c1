"""
Measuring a fitted model on examples of groups it never saw.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from engines.contract import Locale, Turn
from router_models.calibration import calibrate, log_loss
from router_models.certificates import Certificate
from router_models.compiled import CompiledModel, HeadSpec, Scale
from router_models.dataset import Example
from router_models.drift import Reference
from router_models.evaluate import Judged, judge
from router_models.heads import targets
from router_models.router import TierRouter
from router_models.situation import read_task


class CalibrationReport(msgspec.Struct, frozen=True):
    """Log-loss of one head on unseen groups, before and after calibration."""

    raw: float
    calibrated: float


class Fitted(msgspec.Struct, frozen=True):
    """
    A fitted pipeline and the compiled model that must agree with it.

    Attributes:
        calibration: By head, on groups that neither the weights nor the
            calibration saw.

        certificates: Proven on the same groups.

        references: What those turns looked like.

        unseen: Logits that all of it was chosen on.
    """

    pipeline: Pipeline
    model: CompiledModel
    calibration: dict[str, CalibrationReport]
    certificates: tuple[Certificate, ...] = ()
    references: dict[Locale, Reference] = {}
    unseen: OutOfFold | None = None


class OutOfFold(msgspec.Struct, frozen=True):
    """
    Logits of every example by a pipeline that did not see its group.

    Attributes:
        folds: Fold of each example.
    """

    examples: tuple[Example, ...]
    logits: NDArray[np.float64]
    folds: NDArray[np.int64]

    @property
    def locales(self) -> NDArray[np.str_]:
        """Language of each example."""
        return np.array([example.turn.locale for example in self.examples])


def calibrate_all(
    specs: Sequence[HeadSpec], unseen: OutOfFold
) -> tuple[dict[str, dict[Locale, Scale]], dict[str, CalibrationReport]]:
    """
    Calibrate every head, and say what it gains on groups it was not fitted on.

    The gain is cross-fitted: each fold is judged by a calibration of the other folds. A
    head that gains nothing keeps its raw logits.
    """
    scales: dict[str, dict[Locale, Scale]] = {}
    reports: dict[str, CalibrationReport] = {}
    for spec in specs:
        target = targets(spec, unseen.examples)
        report = _cross_fitted(spec, target, unseen)
        helps = report.calibrated < report.raw
        fitted = calibrate(spec, unseen.logits[:, spec.columns], target, unseen.locales)
        scales[spec.name] = fitted if helps else {"zh": Scale(), "en": Scale()}
        reports[spec.name] = (
            report if helps else CalibrationReport(report.raw, report.raw)
        )
    return scales, reports


def _cross_fitted(
    spec: HeadSpec, target: NDArray[np.int64], unseen: OutOfFold
) -> CalibrationReport:
    logits, locales = unseen.logits[:, spec.columns], unseen.locales
    raw = calibrated = 0.0
    for fold in np.unique(unseen.folds):
        others = np.where(unseen.folds == fold, -1, target)
        scales = calibrate(spec, logits, others, locales)
        for locale, scale in scales.items():
            part = (unseen.folds == fold) & (target >= 0) & (locales == locale)
            if part.any():
                raw += part.sum() * log_loss(spec, logits[part], target[part], Scale())
                calibrated += part.sum() * log_loss(
                    spec, logits[part], target[part], scale
                )
    n = max(1, int((target >= 0).sum()))
    return CalibrationReport(round(float(raw) / n, 4), round(float(calibrated) / n, 4))


def judge_example(router: TierRouter, example: Example) -> Judged:
    """Route an example as the gateway would have met it."""
    wanted = {
        name: str(getattr(example, name))
        for name in ("complexity", "risk", "tier", "emotion", "intent")
    }
    wanted["asks_human"] = "yes" if example.asks_human else "no"
    return judge(router, met(router, example.turn), wanted)


def met(router: TierRouter, turn: Turn) -> Turn:
    """*turn* with a task that was only inferred judged by *router* itself."""
    task = turn.open_task
    if task is None or task.name != "inferred":
        return turn
    read = read_task(router, turn.history, turn.locale)
    return msgspec.structs.replace(turn, open_task=read)
