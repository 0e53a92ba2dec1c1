"""
Measuring a fitted model on examples of groups it never saw.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from sklearn.pipeline import Pipeline

from engines.contract import Turn
from router_models.calibration import log_loss
from router_models.compiled import CompiledModel, Scale
from router_models.dataset import Example
from router_models.evaluate import Judged, judge
from router_models.heads import targets
from router_models.router import TierRouter
from router_models.situation import read_task


class CalibrationReport(msgspec.Struct, frozen=True):
    """Log-loss of one head on held-out groups, before and after calibration."""

    raw: float
    calibrated: float


class Fitted(msgspec.Struct, frozen=True):
    """A fitted pipeline and the compiled model that must agree with it."""

    pipeline: Pipeline
    model: CompiledModel


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


def calibration_report(
    fitted: Fitted, unseen: Sequence[Example]
) -> dict[str, CalibrationReport]:
    """Log-loss on *unseen* examples by head, before and after calibration."""
    logits = fitted.pipeline.decision_function([example.turn for example in unseen])
    locales = np.array([example.turn.locale for example in unseen])
    reports = {}
    for spec in fitted.model.heads.values():
        target = targets(spec, unseen)
        losses = {"raw": 0.0, "calibrated": 0.0}
        for locale, scale in fitted.model.scales[spec.name].items():
            chosen = (target >= 0) & (locales == locale)
            if chosen.any():
                part = logits[:, spec.columns][chosen], target[chosen]
                share = chosen.sum() / (target >= 0).sum()
                losses["raw"] += share * log_loss(spec, *part, Scale())
                losses["calibrated"] += share * log_loss(spec, *part, scale)
        reports[spec.name] = CalibrationReport(
            round(float(losses["raw"]), 4), round(float(losses["calibrated"]), 4)
        )
    return reports
